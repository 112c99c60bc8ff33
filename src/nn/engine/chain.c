/* SPDX-License-Identifier: Apache-2.0 */
/* chain.c - what a convolution can do on its way to memory.
 *
 * From each convolution or dense layer the only reader of its result is
 * followed: one BatchNormalization, then an activation and a sum in either
 * order. The sum's other operand must come from before, so the whole is run
 * where its last node stood. Of two convolutions that meet in a sum the one
 * found first takes it in. */
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

/* One number for each output: a bias that can be added on the way. */
static bool plain_bias(const facet__compiler *c, const facet__node *node)
{
    int64_t n;

    if (node->n_in < 3 || node->in[2] == FACET__NONE)
        return true;
    return facet__constant(c, node->in[2], &n) &&
           n == facet__channels(c, node->out[0]);
}

bool facet__has_filters(const facet__compiler *c, const facet__node *node)
{
    if (node->op != FACET__OP_CONV && node->op != FACET__OP_GEMM &&
        node->op != FACET__OP_MATMUL)
        return false;
    return constant(c, node->in[1]) && plain_bias(c, node) &&
           (is_conv(c, node) || is_dense(c, node));
}

static bool takes_norm(const facet__compiler *c, const facet__node *node)
{
    return node->op == FACET__OP_BATCH_NORM && constant(c, node->in[1]) &&
           constant(c, node->in[2]) && constant(c, node->in[3]) &&
           constant(c, node->in[4]);
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
        return constant(c, node->in[1]);
    default:
        return false;
    }
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
static bool extend(facet__compiler *c, facet__chain *chain, int next)
{
    const facet__node *node = &c->graph->nodes[next];
    const bool sum_done = chain->sum != FACET__NONE;
    const bool activation_done = chain->activation != FACET__NONE;
    const int other = other_operand(c, node, chain->result);

    if (chain->norm == FACET__NONE && !sum_done && !activation_done &&
        takes_norm(c, node)) {
        chain->norm = next;
    } else if (!activation_done && node->in[0] == chain->result &&
               takes_activation(c, node)) {
        chain->activation = next;
        chain->residual_first = sum_done;
    } else if (!sum_done && other != FACET__NONE) {
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

        if (!facet__has_filters(c, node))
            continue;
        *chain = (facet__chain){ FACET__NONE, FACET__NONE, FACET__NONE, false,
            FACET__NONE, i, node->out[0] };
        while ((next = only_reader(c, chain->result)) != FACET__NONE &&
               c->owner[next] == FACET__NONE && extend(c, chain, next))
            c->owner[next] = i;
    }
}
