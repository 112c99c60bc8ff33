/* SPDX-License-Identifier: Apache-2.0 */
/* chain.c - what a convolution can do on its way to memory.
 *
 * From each convolution or dense layer the only reader of its result is
 * followed: affine nodes, then an activation and a sum in either order. An
 * affine node that belongs to no convolution starts a chain of its own, without
 * a sum. The sum's other operand must come from before, so the whole is run
 * where its last node stood. Of two convolutions that meet in a sum the one
 * found first takes it in. */
#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/affine.h"
#include "nn/engine/compiler.h"

static bool constant(const facet__compiler *c, int value)
{
    int64_t n;

    return value != FACET__NONE && facet__constant(c, value, &n) != NULL;
}

static bool is_conv(const facet__compiler *c, const facet__node *node)
{
    return node->op == FACET__OP_CONV && facet__rank(c, node->in[0]) == 4 &&
           c->graph->values[node->in[1]].shape.n == 4;
}

static bool is_dense(const facet__compiler *c, const facet__node *node)
{
    const int rank = facet__rank(c, node->in[0]);

    if (c->graph->values[node->in[1]].shape.n != 2 || rank < 2 || rank == 4)
        return false;
    return node->op == FACET__OP_MATMUL ||
           (node->op == FACET__OP_GEMM && rank == 2 &&
               facet__node_int(node, "transA", 0) == 0 &&
               facet__node_float(node, "alpha", 1.0f) == 1.0f &&
               facet__node_float(node, "beta", 1.0f) == 1.0f);
}

/* One number for each output: a bias that can be added on the way. A column is
 * one for each row. */
static bool plain_bias(const facet__compiler *c, const facet__node *node)
{
    const facet__shape *s;
    int64_t n;

    if (facet__node_input(node, 2) == FACET__NONE)
        return true;
    s = &c->graph->values[node->in[2]].shape;
    return facet__constant(c, node->in[2], &n) &&
           n == facet__channels(c, node->out[0]) &&
           (node->op == FACET__OP_CONV || s->n == 0 || s->d[s->n - 1] == n);
}

bool facet__has_filters(const facet__compiler *c, const facet__node *node)
{
    if (node->op != FACET__OP_CONV && node->op != FACET__OP_GEMM &&
        node->op != FACET__OP_MATMUL)
        return false;
    return constant(c, node->in[1]) && plain_bias(c, node) &&
           (is_conv(c, node) || is_dense(c, node));
}

/* Does a constant apply one number to each channel of `value`, or one to all?
 */
static bool is_per_channel(
    const facet__compiler *c, const facet__shape *s, int value)
{
    return facet__is_per_channel(
        s, facet__rank(c, value), facet__channels(c, value));
}

bool facet__is_affine(const facet__compiler *c, const facet__node *node)
{
    const int value = facet__affine_value(c->graph, node);

    return value != FACET__NONE &&
           facet__affine_fits(c->graph, node, facet__rank(c, value),
               facet__channels(c, value));
}

facet_status facet__affine_of(const facet__compiler *c,
    const facet__chain *chain, size_t channels, float **factor, float **shift)
{
    const size_t padded = (channels + 31) & ~(size_t)31;

    *factor = *shift = NULL;
    if (chain->n_affine == 0)
        return FACET_OK;
    *factor = facet__calloc(padded, sizeof **factor);
    *shift = facet__calloc(padded, sizeof **shift);
    if (!*factor || !*shift)
        return facet__fail_memory(c->err);
    for (size_t i = 0; i < channels; i++) {
        double f = 1.0, s = 0.0;

        for (int k = 0; k < chain->n_affine; k++) {
            double by, plus;

            facet__affine_at(
                c->graph, &c->graph->nodes[chain->affine[k]], i, &by, &plus);
            f *= by;
            s = s * by + plus;
        }
        (*factor)[i] = (float)f;
        (*shift)[i] = (float)s;
    }
    return FACET_OK;
}

static bool takes_activation(const facet__compiler *c, const facet__node *node)
{
    float lo, hi;

    switch (node->op) {
    case FACET__OP_RELU:
    case FACET__OP_LEAKY_RELU:
        return true;
    case FACET__OP_CLIP:
        return facet__clip_bounds(c, node, &lo, &hi);
    case FACET__OP_PRELU:
        return constant(c, node->in[1]) &&
               is_per_channel(
                   c, &c->graph->values[node->in[1]].shape, node->in[0]);
    default:
        return false;
    }
}

facet_status facet__activation_of(const facet__compiler *c,
    const facet__chain *chain, size_t channels, float **slope, float *lo,
    float *hi)
{
    const facet__node *node = chain->activation == FACET__NONE
                                  ? NULL
                                  : &c->graph->nodes[chain->activation];
    float alpha;
    const float *from = &alpha;
    int64_t n = 1;

    *slope = NULL;
    *lo = -INFINITY;
    *hi = INFINITY;
    if (!node || facet__clip_bounds(c, node, lo, hi))
        return FACET_OK;
    alpha = facet__node_float(node, "alpha", 0.01f);
    if (node->op == FACET__OP_PRELU)
        from = facet__constant(c, node->in[1], &n);
    *slope = facet__spread(from, n, channels);
    return *slope ? FACET_OK : facet__fail_memory(c->err);
}

static bool same_shape(const facet__compiler *c, int a, int b)
{
    return facet__shape_equal(&c->facts[a].shape, &c->facts[b].shape);
}

/* The other operand of a sum of two equal shapes, or FACET__NONE. */
static int other_operand(
    const facet__compiler *c, const facet__node *node, int value)
{
    int other;

    if (node->op != FACET__OP_ADD || node->in[0] == node->in[1])
        return FACET__NONE;
    other = node->in[0] == value ? node->in[1] : node->in[0];
    if (constant(c, other) || facet__rank(c, value) != 4 ||
        !same_shape(c, value, other))
        return FACET__NONE;
    return other;
}

/* The only reader of a value, or FACET__NONE. */
static int only_reader(const facet__compiler *c, int value)
{
    return c->uses[value] == 1 ? c->reader[value] : FACET__NONE;
}

/* Take node `next` in if it fits; true when it did. */
static bool extend(facet__compiler *c, int first, facet__chain *chain, int next)
{
    const facet__node *node = &c->graph->nodes[next];
    const bool sum_done = chain->sum != FACET__NONE;
    const bool activation_done = chain->activation != FACET__NONE;
    const bool filters = facet__has_filters(c, &c->graph->nodes[first]);
    const int other = other_operand(c, node, chain->result);

    if (!sum_done && !activation_done && chain->n_affine < FACET__AFFINE_MAX &&
        facet__is_affine(c, node)) {
        chain->affine[chain->n_affine++] = next;
    } else if (!activation_done && node->in[0] == chain->result &&
               takes_activation(c, node)) {
        chain->activation = next;
        chain->residual_first = sum_done;
    } else if (filters && !sum_done && other != FACET__NONE) {
        chain->sum = next;
        chain->residual = other;
    } else {
        return false;
    }
    chain->last = next;
    chain->result = node->out[0];
    return true;
}

void facet__chains_find(facet__compiler *c)
{
    for (int i = 0; i < c->graph->n_nodes; i++) {
        const facet__node *node = &c->graph->nodes[i];
        facet__chain *chain = &c->chains[i];
        int next;

        const bool affine = facet__is_affine(c, node);

        if (c->owner[i] != FACET__NONE ||
            (!facet__has_filters(c, node) && !affine))
            continue;
        c->owner[i] = i;
        *chain = (facet__chain){ .activation = FACET__NONE,
            .sum = FACET__NONE,
            .residual = FACET__NONE,
            .last = i,
            .result = node->out[0] };
        if (affine)
            chain->affine[chain->n_affine++] = i;
        while ((next = only_reader(c, chain->result)) != FACET__NONE &&
               c->owner[next] == FACET__NONE && extend(c, i, chain, next))
            c->owner[next] = i;
    }
}
