/* SPDX-License-Identifier: Apache-2.0 */
/* loss_center.c - center loss (Wen et al., ECCV 2016; papers.md F.1).
 *
 *   L = L_softmax + lambda/2 sum_i |x_i - c_{y_i}|^2 / n
 *   delta c_j = sum_i [y_i = j] (c_j - x_i) / (1 + sum_i [y_i = j])
 *   c_j <- c_j - alpha delta c_j
 *
 * The centers are not learnt by the optimiser: they move by the rule above
 * after each step, and start at 0. The second term is a mean over the batch,
 * like the first, so that lambda does not depend on the size of the batch; the
 * paper writes both as sums. */
#include <string.h>

#include "train/loss_softmax.h"

enum { LAMBDA, ALPHA, SMOOTHING };

static const facet__loss_option options[] = {
    [LAMBDA] = { "lambda", .003, 0, 10, NULL, false },
    [ALPHA] = { "alpha", .5, 0, 1, NULL, false },
    [SMOOTHING] = { "smoothing", 0, 0, .5, NULL, false },
    { .name = NULL },
};

enum { CENTERS = 2 }; /* parameter */

static facet_status create(facet__loss *loss)
{
    facet_status st = facet__softmax_create(loss);

    if (st == FACET_OK)
        st = facet__loss_param(
            loss, "center", loss->classes * loss->dim, 0, false);
    loss->params[CENTERS].state = st == FACET_OK;
    return st;
}

/* lambda/2 mean |x - c|^2, its gradient added to dx. */
static double pull(
    const facet__loss *loss, const facet__batch *batch, float *dx)
{
    const size_t d = loss->dim;
    const double weight = loss->options[LAMBDA] / (double)batch->n;
    double value = 0;

    for (size_t i = 0; i < batch->n; i++) {
        const float *x = batch->x + i * d;
        const float *center =
            loss->params[CENTERS].value + (size_t)batch->labels[i] * d;

        for (size_t k = 0; k < d; k++) {
            const double off = (double)x[k] - (double)center[k];

            value += .5 * weight * off * off;
            if (dx)
                dx[i * d + k] += (float)(weight * off);
        }
    }
    return value;
}

/* Gather delta c of the classes in the batch, then move them. The gradient
 * array of the parameter holds the sums; it is zero between calls. */
static facet_status move_centers(facet__loss *loss, const facet__batch *batch)
{
    const size_t d = loss->dim, n = batch->n;
    float *centers = loss->params[CENTERS].value;
    float *sums = loss->params[CENTERS].grad;
    uint32_t *count =
        facet__loss_scratch(loss, 2, loss->classes, sizeof *count);

    if (!count)
        return FACET_ENOMEM;
    for (size_t i = 0; i < n; i++)
        count[batch->labels[i]] = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t at = (size_t)batch->labels[i] * d;

        count[batch->labels[i]]++;
        for (size_t k = 0; k < d; k++)
            sums[at + k] += centers[at + k] - batch->x[i * d + k];
    }
    for (size_t i = 0; i < n; i++) {
        const size_t at = (size_t)batch->labels[i] * d;
        const double rate =
            loss->options[ALPHA] / (1.0 + count[batch->labels[i]]);

        for (size_t k = 0; k < d; k++)
            centers[at + k] -= (float)(rate * (double)sums[at + k]);
        memset(sums + at, 0, d * sizeof *sums); /* once for each class */
    }
    return FACET_OK;
}

static facet_status run(facet__loss *loss, const facet__batch *batch, float *dx,
    facet__loss_result *result)
{
    facet_status st =
        facet__softmax_run(loss, batch, loss->options[SMOOTHING], dx, result);

    if (st != FACET_OK)
        return st;
    result->value += pull(loss, batch, dx);
    return FACET_OK;
}

const facet__loss_type facet__loss_center = {
    .name = "center",
    .what = "softmax, and each embedding pulled to its class's center",
    .needs_labels = true,
    .needs_classes = true,
    .options = options,
    .create = create,
    .run = run,
    .settle = move_centers,
};
