/* SPDX-License-Identifier: Apache-2.0 */
/* equalize.c - channels of one map on one footing.
 *
 * A map has one grid, and the channel with the largest numbers sets its step: a
 * channel a hundred times smaller is left with two or three bytes to speak in.
 * Where a convolution makes a map, through a PReLU at most, and one other alone
 * reads it, each channel can be divided by a number of its own in the one and
 * multiplied by it in the other; the network computes the same (Nagel et al.,
 * Data-Free Quantization, 2019).
 *
 * Filters have a step for each channel they make. A depthwise reader takes any
 * factor at no cost, so its map gets equal ranges. Any other mixes channels
 * under one step, and the factors share what is to be gained. */
#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/affine.h"
#include "nn/quantize/quantize.h"

/* A convolution, what is behind it, and the convolution that reads that. */
typedef struct link {
    int maker, reader; /* nodes */
    size_t channels;
    bool depthwise; /* the reader */
} link;

/* Does f(a x) = a f(x) hold for a > 0? */
static bool is_homogeneous(facet__op_kind op)
{
    return op == FACET__OP_PRELU || op == FACET__OP_RELU ||
           op == FACET__OP_LEAKY_RELU;
}

/* A convolution of constant filters and bias. */
static bool is_conv(const facet__graph *g, const facet__node *node)
{
    return node->op == FACET__OP_CONV && facet__graph_floats(g, node->in[1]) &&
           facet__graph_floats(g, node->in[1])->shape.n == 4 &&
           (facet__node_input(node, 2) == FACET__NONE ||
               facet__graph_floats(g, node->in[2]));
}

static bool find_link(const facet__graph *g, int map, link *l)
{
    int maker = facet__graph_maker(g, map);
    const facet__node *node = maker < 0 ? NULL : &g->nodes[maker];
    int64_t groups;

    l->reader = facet__graph_only_reader(g, map);
    if (node && is_homogeneous(node->op) &&
        facet__graph_only_reader(g, node->in[0]) == maker)
        maker = facet__graph_maker(g, node->in[0]);
    if (maker < 0 || l->reader < 0 || !is_conv(g, &g->nodes[maker]) ||
        !is_conv(g, &g->nodes[l->reader]) || g->nodes[l->reader].in[0] != map)
        return false;
    l->maker = maker;
    l->channels =
        (size_t)facet__graph_floats(g, g->nodes[maker].in[1])->shape.d[0];
    groups = facet__node_int(&g->nodes[l->reader], "group", 1);
    l->depthwise = (size_t)groups == l->channels;
    return groups == 1 || l->depthwise;
}

/* The largest magnitude that the reader multiplies channel c by. */
static float reads_by(const facet__graph *g, const link *l, size_t c)
{
    const facet__tensor *t = facet__graph_floats(g, g->nodes[l->reader].in[1]);
    const size_t taps = (size_t)(t->shape.d[2] * t->shape.d[3]);
    const size_t inner = (size_t)t->shape.d[1];
    const float *w = t->data;
    float most = 0.0f;

    for (size_t o = 0; o < (size_t)t->shape.d[0]; o++)
        for (size_t k = 0; k < taps; k++) {
            if (l->depthwise && o / ((size_t)t->shape.d[0] / l->channels) != c)
                continue;
            most = fmaxf(most,
                fabsf(w[(o * inner + (l->depthwise ? 0 : c)) * taps + k]));
        }
    return most;
}

/* What to divide each channel by; their mean, in logarithms, is 1. */
static void choose_factors(
    const facet__graph *g, const link *l, const facet__seen *seen, float *s)
{
    double sum = 0.0;
    size_t n = 0;

    for (size_t c = 0; c < l->channels; c++) {
        const float by = l->depthwise ? 1.0f : reads_by(g, l, c);
        const float range = seen->most[c];

        s[c] = !(range > 1e-20f) || !(by > 1e-20f) ? 0.0f
               : l->depthwise                      ? range
                                                   : sqrtf(range / by);
        if (s[c] > 0.0f) {
            sum += log((double)s[c]);
            n++;
        }
    }
    for (size_t c = 0; c < l->channels; c++)
        s[c] = s[c] > 0.0f ? s[c] / (float)exp(sum / (double)n) : 1.0f;
}

/* A changed copy of a constant takes its place in one node. */
static facet__tensor *own_copy(facet__graph *g, int node, int input)
{
    facet__tensor *copy =
        facet__tensor_copy(facet__graph_floats(g, g->nodes[node].in[input]));
    const int value =
        copy ? facet__graph_add_constant(g, NULL, copy) : FACET__NONE;

    if (value == FACET__NONE)
        return NULL;
    g->nodes[node].in[input] = value;
    return copy;
}

static facet_status divide_made(facet__graph *g, const link *l, const float *s)
{
    const bool has_bias =
        facet__node_input(&g->nodes[l->maker], 2) != FACET__NONE;
    facet__tensor *w = own_copy(g, l->maker, 1);
    facet__tensor *b = has_bias ? own_copy(g, l->maker, 2) : NULL;
    size_t inner;

    if (!w || (has_bias && !b))
        return FACET_ENOMEM;
    inner = (size_t)facet__shape_count(&w->shape) / l->channels;
    for (size_t c = 0; c < l->channels; c++) {
        for (size_t i = 0; i < inner; i++)
            ((float *)w->data)[c * inner + i] /= s[c];
        if (b)
            ((float *)b->data)[c] /= s[c];
    }
    return FACET_OK;
}

static facet_status multiply_read(
    facet__graph *g, const link *l, const float *s)
{
    facet__tensor *w = own_copy(g, l->reader, 1);
    size_t taps, inner, out;

    if (!w)
        return FACET_ENOMEM;
    out = (size_t)w->shape.d[0];
    inner = (size_t)w->shape.d[1];
    taps = (size_t)(w->shape.d[2] * w->shape.d[3]);
    for (size_t o = 0; o < out; o++)
        for (size_t c = 0; c < inner; c++)
            for (size_t k = 0; k < taps; k++)
                ((float *)w->data)[(o * inner + c) * taps + k] *=
                    s[l->depthwise ? o / (out / l->channels) : c];
    return FACET_OK;
}

facet_status facet__graph_equalize(facet__graph *graph, const int *maps,
    const facet__seen *seen, size_t n, facet_error *err)
{
    facet_status st = FACET_OK;

    for (size_t m = 0; m < n && st == FACET_OK; m++) {
        link l;
        float *s;

        if (!find_link(graph, maps[m], &l) || seen[m].channels != l.channels)
            continue;
        s = facet__alloc(l.channels * sizeof *s);
        if (!s)
            return facet__fail_memory(err);
        choose_factors(graph, &l, &seen[m], s);
        if (divide_made(graph, &l, s) != FACET_OK ||
            multiply_read(graph, &l, s) != FACET_OK)
            st = facet__fail_memory(err);
        facet__free(s);
    }
    return st;
}
