/* SPDX-License-Identifier: Apache-2.0 */
/* covariance.h - how far landmarks may be from where the mean head has them. */
#ifndef FACET__COVARIANCE_H
#define FACET__COVARIANCE_H

#include "facet/synth.h"

/* The covariance of x0, y0, x1, y1 ... of the 68 points in millimeters as a
 * camera sees them, [136, 136]. */
void facet__landmark_covariance(const facet_head *head, double *out);

#endif
