/* SPDX-License-Identifier: Apache-2.0 */
/* margin.h - the frame of the losses that compare an embedding with unit class
 * weights and make the true class harder (papers.md F.1).
 *
 *   logit_j = s c_j,  logit_y = s f(c_y),  c_j = cos(x, w_j),  cross-entropy
 *
 * with f the loss's own function. The cosines are formed from normalised rows,
 * s is a constant or, for SphereFace, |x|. */
#ifndef FACET__MARGIN_H
#define FACET__MARGIN_H

#include "train/loss.h"

/* f(c) for c in [-1, 1], and its derivative, finite also at the ends. */
typedef double facet__margin_target(
    const facet__loss *loss, double c, uint64_t step, double *derivative);

/* Parameter 0: class.weight [classes][dim]. */
facet_status facet__margin_create(facet__loss *loss);

/* As facet__loss_type.run. `scale` 0 means |x|. */
facet_status facet__margin_run(facet__loss *loss, const facet__batch *batch,
    double scale, facet__margin_target *target, float *dx,
    facet__loss_result *result);

/* cos(theta + m) at c = cos(theta). Where theta + m > pi it goes on as
 * c - m sin(pi - m), or with `easy` from theta > pi/2 on as c: both keep f
 * from turning up again. */
double facet__cos_plus(double c, double m, bool easy, double *derivative);

#endif
