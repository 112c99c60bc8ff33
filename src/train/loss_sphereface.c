/* SPDX-License-Identifier: Apache-2.0 */
/* loss_sphereface.c - SphereFace, A-softmax (papers.md F.1).
 *
 *   logit_j = |x| c_j
 *   logit_y = |x| (lambda c_y + psi(theta_y)) / (1 + lambda)
 *   psi = (-1)^k cos(m theta) - 2k,  theta in [k pi/m, (k+1) pi/m]
 *   lambda = max(low, base / (1 + gamma step))
 *
 * Lambda anneals from an ordinary softmax to the margin. */
#include <math.h>

#include "train/margin.h"

enum { MARGIN, LAMBDA_BASE, LAMBDA_GAMMA, LAMBDA_MIN };

static const facet__loss_option options[] = {
    [MARGIN] = { "margin", 4, 1, 4, NULL, true },
    [LAMBDA_BASE] = { "lambda-base", 1000, 0, 1e6, NULL, false },
    [LAMBDA_GAMMA] = { "lambda-gamma", .12, 0, 100, NULL, false },
    [LAMBDA_MIN] = { "lambda-min", 5, 0, 1000, NULL, false },
    { .name = NULL },
};

/* The margin is a whole number: the branches of psi meet only then. */
static double psi(double c, double m, double *derivative)
{
    const double pi = 3.14159265358979323846;
    const double theta = acos(c);
    const double k = fmin(floor(m * theta / pi), m - 1);
    const double sign = fmod(k, 2) > 0 ? -1 : 1;

    *derivative = sign * m * sin(m * theta) / sin(theta);
    return sign * cos(m * theta) - 2 * k;
}

static double target(
    const facet__loss *loss, double c, uint64_t step, double *derivative)
{
    const double lambda = fmax(loss->options[LAMBDA_MIN],
        loss->options[LAMBDA_BASE] /
            (1 + loss->options[LAMBDA_GAMMA] * (double)step));
    const double hard = psi(c, round(loss->options[MARGIN]), derivative);

    *derivative = (lambda + *derivative) / (1 + lambda);
    return (lambda * c + hard) / (1 + lambda);
}

static facet_status run(facet__loss *loss, const facet__batch *batch, float *dx,
    facet__loss_result *result)
{
    return facet__margin_run(loss, batch, 0, target, dx, result);
}

const facet__loss_type facet__loss_sphereface = {
    .name = "sphereface",
    .what = "multiplicative angular margin, annealed",
    .needs_labels = true,
    .needs_classes = true,
    .options = options,
    .create = facet__margin_create,
    .run = run,
};
