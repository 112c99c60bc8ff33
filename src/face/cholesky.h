/* SPDX-License-Identifier: Apache-2.0 */
/* cholesky.h - whitening, and the camera fit that shares a factor. */
#ifndef FACET__CHOLESKY_H
#define FACET__CHOLESKY_H

#include <stdbool.h>
#include <stddef.h>

#include "facet/frontal.h"

/* The lower triangle of a [n, n] becomes L with L L' = a; false, and `a` in
 * ruins, when it is not positive definite. The upper triangle is not touched.
 */
bool facet__cholesky(double *a, size_t n);

/* columns [n, n_columns] becomes L^-1 columns. */
void facet__whiten(
    const double *factor, size_t n, double *columns, size_t n_columns);

/* As facet_camera_fit, of finite points, with the factor at hand (or NULL). */
facet_status facet__camera_fit(const facet_point3 *space,
    const facet_point *picture, size_t count, const double *factor,
    facet_camera *out, facet_error *err);

#endif
