/* SPDX-License-Identifier: Apache-2.0 */
/* loss_verify.c - DeepFace's Siamese verification (papers.md C.5).
 *
 *   d_ij = sum_k alpha_k |x_ik - x_jk|,  P(same) = 1 / (1 + exp(d_ij - b))
 *
 * cross-entropy over all pairs of the batch, same and different pairs weighing
 * alike. alpha starts at 1 and b at the mean distance of two random unit
 * vectors of this dimension, so that the logistic begins where it has a slope.
 */
#include <math.h>
#include <string.h>

#include "train/loss.h"

enum { ALPHA, BIAS }; /* parameters */

static facet_status create(facet__loss *loss)
{
    const double mean = sqrt((double)loss->dim) * 2 / sqrt(3.14159265358979);
    facet_status st = facet__loss_param(loss, "alpha", loss->dim, 0, false);

    if (st == FACET_OK)
        st = facet__loss_param(loss, "bias", 1, 0, false);
    if (st != FACET_OK)
        return st;
    for (size_t k = 0; k < loss->dim; k++)
        loss->params[ALPHA].value[k] = 1;
    loss->params[BIAS].value[0] = (float)mean;
    return FACET_OK;
}

/* What pairs add to; the arrays are NULL without gradients. */
typedef struct sums {
    double value;
    double *dx;     /* [n][d] */
    double *dalpha; /* [d] */
    double dbias;
} sums;

static void add_pair(const facet__loss *loss, const float *x, size_t i,
    size_t j, bool same, double weight, sums *to)
{
    const size_t d = loss->dim;
    const float *alpha = loss->params[ALPHA].value;
    const float *a = x + i * d, *b = x + j * d;
    double z = -(double)loss->params[BIAS].value[0], slope;

    for (size_t k = 0; k < d; k++)
        z += (double)alpha[k] * fabs((double)a[k] - (double)b[k]);
    /* z is large for different people: -log P = log(1 + exp(+-z)). */
    slope = same ? 1 : -1;
    to->value += weight * (fmax(slope * z, 0) + log1p(exp(-fabs(z))));
    if (!to->dx)
        return;
    slope *= weight / (1 + exp(-slope * z));
    to->dbias -= slope;
    for (size_t k = 0; k < d; k++) {
        const double off = (double)a[k] - (double)b[k];
        const double sign = off > 0 ? 1 : off < 0 ? -1 : 0;
        const double step = slope * (double)alpha[k] * sign;

        to->dalpha[k] += slope * fabs(off);
        to->dx[i * d + k] += step;
        to->dx[j * d + k] -= step;
    }
}

static size_t count_same(const facet__batch *batch)
{
    size_t same = 0;

    for (size_t i = 0; i < batch->n; i++)
        for (size_t j = 0; j < i; j++)
            same += batch->labels[i] == batch->labels[j];
    return same;
}

static void store(facet__loss *loss, const sums *from, size_t n, float *dx)
{
    for (size_t i = 0; i < n * loss->dim; i++)
        dx[i] = (float)from->dx[i];
    for (size_t k = 0; k < loss->dim; k++)
        loss->params[ALPHA].grad[k] = (float)from->dalpha[k];
    loss->params[BIAS].grad[0] = (float)from->dbias;
}

static facet_status run(facet__loss *loss, const facet__batch *batch, float *dx,
    facet__loss_result *result)
{
    const size_t n = batch->n, d = loss->dim, pairs = n * (n - 1) / 2;
    const size_t same = count_same(batch), other = pairs - same;
    /* Half of the weight for each kind, all of it if there is one kind. */
    const double share = same && other ? .5 : 1;
    sums all = { .value = 0 };

    if (dx) {
        all.dx = facet__loss_scratch(loss, 0, (n + 1) * d, sizeof *all.dx);
        if (!all.dx)
            return FACET_ENOMEM;
        memset(all.dx, 0, (n + 1) * d * sizeof *all.dx);
        all.dalpha = all.dx + n * d;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            const bool is_same = batch->labels[i] == batch->labels[j];

            add_pair(loss, batch->x, i, j, is_same,
                share / (double)(is_same ? same : other), &all);
        }
    result->value = all.value;
    result->terms = result->active = pairs;
    if (dx)
        store(loss, &all, n, dx);
    return FACET_OK;
}

const facet__loss_type facet__loss_verify = {
    .name = "verify",
    .what = "Siamese pairs, weighted L1 distance, logistic (DeepFace)",
    .on_unit_sphere = true,
    .needs_labels = true,
    .looks_at_pairs = true,
    .create = create,
    .run = run,
};
