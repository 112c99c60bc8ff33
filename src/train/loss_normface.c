/* SPDX-License-Identifier: Apache-2.0 */
/* loss_normface.c - softmax over cosines (NormFace; papers.md F.1).
 *
 *   logit_j = s c_j for every class, also the true one */
#include "train/margin.h"

enum { SCALE };

static const facet__loss_option options[] = {
    [SCALE] = { "scale", 30, 1, 256, NULL, false },
    { .name = NULL },
};

static double target(
    const facet__loss *loss, double c, uint64_t step, double *derivative)
{
    (void)loss;
    (void)step;
    *derivative = 1;
    return c;
}

static facet_status run(facet__loss *loss, const facet__batch *batch, float *dx,
    facet__loss_result *result)
{
    return facet__margin_run(
        loss, batch, loss->options[SCALE], target, dx, result);
}

const facet__loss_type facet__loss_normface = {
    .name = "normface",
    .what = "softmax over scaled cosines",
    .needs_labels = true,
    .needs_classes = true,
    .options = options,
    .create = facet__margin_create,
    .run = run,
};
