/* SPDX-License-Identifier: Apache-2.0 */
/* loss_cosface.c - CosFace, and AM-softmax, which is the same with another
 * scale (papers.md F.1).
 *
 *   logit_y = s (c_y - m),  logit_j = s c_j */
#include "train/margin.h"

enum { SCALE, MARGIN };

static const facet__loss_option cosface[] = {
    [SCALE] = { "scale", 64, 1, 256, NULL, false },
    [MARGIN] = { "margin", .35, 0, 1, NULL, false },
    { .name = NULL },
};

static const facet__loss_option am_softmax[] = {
    [SCALE] = { "scale", 30, 1, 256, NULL, false },
    [MARGIN] = { "margin", .35, 0, 1, NULL, false },
    { .name = NULL },
};

static double target(
    const facet__loss *loss, double c, uint64_t step, double *derivative)
{
    (void)step;
    *derivative = 1;
    return c - loss->options[MARGIN];
}

static facet_status run(facet__loss *loss, const facet__batch *batch, float *dx,
    facet__loss_result *result)
{
    return facet__margin_run(
        loss, batch, loss->options[SCALE], target, dx, result);
}

const facet__loss_type facet__loss_cosface = {
    .name = "cosface",
    .what = "cosines with an additive margin",
    .needs_labels = true,
    .needs_classes = true,
    .options = cosface,
    .create = facet__margin_create,
    .run = run,
};

const facet__loss_type facet__loss_am_softmax = {
    .name = "am-softmax",
    .what = "CosFace with scale 30",
    .needs_labels = true,
    .needs_classes = true,
    .options = am_softmax,
    .create = facet__margin_create,
    .run = run,
};
