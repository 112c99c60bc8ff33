/* SPDX-License-Identifier: Apache-2.0 */
/* lrn.c - windows are slid over all channels at once, and the usual beta of 3/4
 * is two square roots, which are vectors where a power is a call a number. */
#include "nn/engine/lrn.h"

#include <math.h>
#include <string.h>

facet__lrn facet__lrn_of(const facet__node *node)
{
    const int64_t size = facet__node_int(node, "size", 5);

    return (facet__lrn){ .before = (size_t)(size - 1) / 2,
        .after = (size_t)size / 2,
        .scale = facet__node_float(node, "alpha", 1e-4f) / (float)size,
        .beta = facet__node_float(node, "beta", 0.75f),
        .bias = facet__node_float(node, "bias", 1.0f) };
}

/* y[c] += f(x[c + shift]) for all c where that channel exists. */
static void add_squares(
    const float *x, size_t n, ptrdiff_t shift, float scale, float *y)
{
    const size_t from = shift < 0 ? (size_t)-shift : 0;
    const size_t to = shift > 0 ? n - (size_t)shift : n;

    for (size_t c = from; c < to; c++) {
        const float v = x[(ptrdiff_t)c + shift];

        y[c] += scale * v * v;
    }
}

static void add_shifted(const float *x, size_t n, ptrdiff_t shift, float *y)
{
    const size_t from = shift < 0 ? (size_t)-shift : 0;
    const size_t to = shift > 0 ? n - (size_t)shift : n;

    for (size_t c = from; c < to; c++)
        y[c] += x[(ptrdiff_t)c + shift];
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void raise(const facet__lrn *lrn, const facet__vec *vec, const float *s,
    size_t n, float *t)
{
    float root[256];

    if (lrn->beta != 0.75f) {
        for (size_t c = 0; c < n; c++)
            t[c] = powf(s[c], -lrn->beta);
        return;
    }
    for (size_t i = 0; i < n; i += 256) {
        const size_t m = least(256, n - i);

        vec->unary(FACET__UNARY_SQRT, 0.0f, 0.0f, s + i, root, m);
        vec->unary(FACET__UNARY_SQRT, 0.0f, 0.0f, root, t + i, m);
        for (size_t c = 0; c < m; c++)
            t[i + c] = 1.0f / (root[c] * t[i + c]);
    }
}

void facet__lrn_factors(const facet__lrn *lrn, const facet__vec *vec,
    const float *x, size_t n, float *s, float *t)
{
    const ptrdiff_t before = (ptrdiff_t)least(lrn->before, n - 1);
    const ptrdiff_t after = (ptrdiff_t)least(lrn->after, n - 1);

    for (size_t c = 0; c < n; c++)
        s[c] = lrn->bias;
    for (ptrdiff_t shift = -before; shift <= after; shift++)
        add_squares(x, n, shift, lrn->scale, s);
    raise(lrn, vec, s, n, t);
}

void facet__lrn_spread(
    const facet__lrn *lrn, const float *x, size_t n, float *y)
{
    const ptrdiff_t before = (ptrdiff_t)least(lrn->before, n - 1);
    const ptrdiff_t after = (ptrdiff_t)least(lrn->after, n - 1);

    memset(y, 0, n * sizeof *y);
    for (ptrdiff_t shift = -after; shift <= before; shift++)
        add_shifted(x, n, shift, y);
}
