/* SPDX-License-Identifier: Apache-2.0 */
/* loss_arcface.c - ArcFace (papers.md F.1).
 *
 *   logit_y = s cos(theta_y + m),  logit_j = s c_j
 *
 * with the monotone continuation of margin.h past pi - m. The derivative is the
 * true one, sin(theta + m) / sin(theta), not the 1 of implementations that edit
 * logits outside the graph. */
#include "train/margin.h"

enum { SCALE, MARGIN, EASY };

static const char *const no_yes[] = { "false", "true", NULL };

static const facet__loss_option options[] = {
    [SCALE] = { "scale", 64, 1, 256, NULL, false },
    [MARGIN] = { "margin", .5, 0, 1.5, NULL, false },
    [EASY] = { "easy", 0, 0, 1, no_yes, false },
    { .name = NULL },
};

static double target(
    const facet__loss *loss, double c, uint64_t step, double *derivative)
{
    (void)step;
    return facet__cos_plus(
        c, loss->options[MARGIN], loss->options[EASY] > 0, derivative);
}

static facet_status run(facet__loss *loss, const facet__batch *batch, float *dx,
    facet__loss_result *result)
{
    return facet__margin_run(
        loss, batch, loss->options[SCALE], target, dx, result);
}

const facet__loss_type facet__loss_arcface = {
    .name = "arcface",
    .what = "cosines with an additive angular margin",
    .needs_labels = true,
    .needs_classes = true,
    .options = options,
    .create = facet__margin_create,
    .run = run,
};
