/* SPDX-License-Identifier: Apache-2.0 */
/* loss_softmax.c - identification by softmax cross-entropy (papers.md B.3,
 * C.4).
 *
 *   L = -1/n sum_i log softmax(W x_i + b)[y_i]
 *
 * The embedding is the layer under the classes; W and b are thrown away after
 * training. Label smoothing e puts e / classes on every class. */
#include "train/loss_softmax.h"

#include <math.h>
#include <string.h>

#include "train/matmul.h"
#include "train/softmax.h"

enum { SMOOTHING };

static const facet__loss_option options[] = {
    [SMOOTHING] = { "smoothing", 0, 0, .5, NULL, false },
    { .name = NULL },
};

facet_status facet__softmax_create(facet__loss *loss)
{
    const double deviation = 1 / sqrt((double)loss->dim);
    facet_status st = facet__loss_param(
        loss, "class.weight", loss->classes * loss->dim, deviation, true);

    if (st == FACET_OK)
        st = facet__loss_param(loss, "class.bias", loss->classes, 0, false);
    return st;
}

/* logits [n][classes] = x W^T + b */
static facet_status forward(
    facet__loss *loss, const facet__batch *batch, float *logits)
{
    const size_t c = loss->classes, d = loss->dim;
    const float *bias = loss->params[1].value;

    for (size_t i = 0; i < batch->n; i++)
        memcpy(logits + i * c, bias, c * sizeof *logits);
    return facet__matmul(loss->pool, batch->n, c, d, facet__plain(batch->x, d),
        facet__transposed(loss->params[0].value, d), true, logits);
}

static facet_status backward(facet__loss *loss, const facet__batch *batch,
    const float *dlogits, float *dx)
{
    const size_t n = batch->n, c = loss->classes, d = loss->dim;
    float *dbias = loss->params[1].grad;
    facet_status st;

    memset(dbias, 0, c * sizeof *dbias);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < c; k++)
            dbias[k] += dlogits[i * c + k];
    st = facet__matmul(loss->pool, c, d, n, facet__transposed(dlogits, c),
        facet__plain(batch->x, d), false, loss->params[0].grad);
    if (st == FACET_OK)
        st = facet__matmul(loss->pool, n, d, c, facet__plain(dlogits, c),
            facet__plain(loss->params[0].value, d), false, dx);
    return st;
}

facet_status facet__softmax_run(facet__loss *loss, const facet__batch *batch,
    double smoothing, float *dx, facet__loss_result *result)
{
    const size_t n = batch->n, c = loss->classes;
    float *logits = facet__loss_scratch(loss, 0, n * c, sizeof *logits);
    double *values = facet__loss_scratch(loss, 1, n, sizeof *values);
    facet_status st;

    if (!logits || !values)
        return FACET_ENOMEM;
    st = forward(loss, batch, logits);
    if (st != FACET_OK)
        return st;
    facet__cross_entropy(
        loss->pool, logits, n, c, batch->labels, smoothing, values);
    for (size_t i = 0; i < n; i++)
        result->value += values[i] / (double)n;
    result->terms = result->active = n;
    return dx ? backward(loss, batch, logits, dx) : FACET_OK;
}

static facet_status run(facet__loss *loss, const facet__batch *batch, float *dx,
    facet__loss_result *result)
{
    return facet__softmax_run(
        loss, batch, loss->options[SMOOTHING], dx, result);
}

const facet__loss_type facet__loss_softmax = {
    .name = "softmax",
    .what = "cross-entropy over identities, linear classifier",
    .needs_labels = true,
    .needs_classes = true,
    .options = options,
    .create = facet__softmax_create,
    .run = run,
};
