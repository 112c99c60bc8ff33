/* SPDX-License-Identifier: Apache-2.0 */
/* loss_combined.c - the combined margin (ArcFace, section "comparison";
 * papers.md F.1).
 *
 *   logit_y = s (cos(m1 theta_y + m2) - m3),  logit_j = s c_j
 *
 * Past m1 theta + m2 = pi, where the cosine would turn up again, f goes on as
 * c plus the constant that makes it continuous. */
#include <math.h>

#include "train/margin.h"

enum { SCALE, M1, M2, M3 };

static const facet__loss_option options[] = {
    [SCALE] = { "scale", 64, 1, 256, NULL, false },
    [M1] = { "m1", 1, 1, 4, NULL, false },
    [M2] = { "m2", .3, 0, 1.5, NULL, false },
    [M3] = { "m3", .2, 0, 1, NULL, false },
    { .name = NULL },
};

static double target(
    const facet__loss *loss, double c, uint64_t step, double *derivative)
{
    const double pi = 3.14159265358979323846;
    const double m1 = loss->options[M1], m2 = loss->options[M2];
    const double angle = m1 * acos(c) + m2;

    (void)step;
    if (angle > pi) {
        *derivative = 1;
        return c - cos((pi - m2) / m1) - 1 - loss->options[M3];
    }
    *derivative = m1 * sin(angle) / sqrt(1 - c * c);
    return cos(angle) - loss->options[M3];
}

static facet_status run(facet__loss *loss, const facet__batch *batch, float *dx,
    facet__loss_result *result)
{
    return facet__margin_run(
        loss, batch, loss->options[SCALE], target, dx, result);
}

const facet__loss_type facet__loss_combined = {
    .name = "combined",
    .what = "cosines with margins m1, m2 and m3",
    .needs_labels = true,
    .needs_classes = true,
    .options = options,
    .create = facet__margin_create,
    .run = run,
};
