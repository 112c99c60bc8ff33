/* SPDX-License-Identifier: Apache-2.0 */
/* loss_landmarks.c - points where they should be: the wing loss (Feng, Kittler,
 * Awais, Huber, Wu; CVPR 2018, section 4.2). For a coordinate that is off by d
 * pixels of the crop
 *
 *   wing(d) = w ln(1 + |d| / e)             where |d| < w
 *           = |d| - w + w ln(1 + w / e)     else
 *
 * so that errors of a pixel, which are most of them, weigh as much as the few
 * large ones. L is the mean over coordinates and pictures. */
#include <math.h>

#include "train/loss.h"

enum { WIDTH, CURVE };

static const facet__loss_option options[] = {
    [WIDTH] = { "width", 5, .1, 1000, NULL, false },
    [CURVE] = { "curve", .5, .001, 1000, NULL, false },
    { .name = NULL },
};

static double wing(double off, double w, double e, double *slope)
{
    const double d = fabs(off), sign = off < 0 ? -1 : 1;

    *slope = d < w ? sign * w / (e + d) : sign;
    return d < w ? w * log1p(d / e) : d - w + w * log1p(w / e);
}

static facet_status run(facet__loss *loss, const facet__batch *batch, float *dx,
    facet__loss_result *result)
{
    const size_t numbers = batch->n * loss->dim;
    const double share = 1 / (double)numbers;

    for (size_t i = 0; i < numbers; i++) {
        const double off = (double)batch->x[i] - (double)batch->teacher[i];
        double slope;

        result->value += share * wing(off, loss->options[WIDTH],
                                     loss->options[CURVE], &slope);
        if (dx)
            dx[i] = (float)(share * slope);
    }
    result->terms = result->active = batch->n;
    return FACET_OK;
}

const facet__loss_type facet__loss_landmarks = {
    .name = "landmarks",
    .what = "points where they are marked (wing loss)",
    .needs_teacher = true,
    .options = options,
    .run = run,
};
