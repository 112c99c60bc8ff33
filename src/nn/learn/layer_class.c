/* SPDX-License-Identifier: Apache-2.0 */
/* layer_class.c - which layer a node becomes. */
#include "nn/affine.h"
#include "nn/learn/layer.h"

static bool is_depthwise(const facet__graph *g, const facet__node *node)
{
    const facet__shape *w = &g->values[node->in[1]].shape;
    const facet__attr *dilations = facet__node_attr(node, "dilations");
    const int64_t group = facet__node_int(node, "group", 1);

    for (size_t i = 0; dilations && i < dilations->count; i++)
        if (dilations->ints[i] != 1)
            return false;
    return w->n == 4 && group > 1 && group == w->d[0] && w->d[1] == 1 &&
           w->d[2] <= FACET__DEPTHWISE_MAX;
}

static bool is_constant(const facet__graph *g, const facet__node *node, int i)
{
    return facet__graph_floats(g, facet__node_input(node, i)) != NULL;
}

/* Input 0 varies and is followed by weights, of which `least` are there. */
static bool has_weights(
    const facet__graph *g, const facet__node *node, int least)
{
    for (int i = 1; i < node->n_in || i <= least; i++)
        if (!is_constant(g, node, i) &&
            (i <= least || node->in[i] != FACET__NONE))
            return false;
    return true;
}

/* The layer has a place for each input, and none is a constant. */
static bool all_vary(const facet__graph *g, const facet__node *node, int most)
{
    for (int i = 0; i < node->n_in; i++)
        if (node->in[i] == FACET__NONE || g->values[node->in[i]].data)
            return false;
    return node->n_in <= most;
}

static const facet__layer_class *if_so(bool so, const facet__layer_class *class)
{
    return so ? class : NULL;
}

static bool is_padded(const facet__node *node)
{
    const facet__attr *pads = facet__node_attr(node, "pads");

    for (size_t i = 0; pads && i < pads->count; i++)
        if (pads->ints[i] != 0)
            return true;
    return facet__node_attr(node, "auto_pad") != NULL;
}

static bool is_one_number(const facet__tensor *t)
{
    return t && facet__shape_count(&t->shape) == 1;
}

/* ReLU6 and its kin: from 0 up to a constant. */
static bool is_capped(const facet__graph *g, const facet__node *node)
{
    const int top = facet__node_input(node, 2);
    const facet__tensor *lo =
        facet__graph_floats(g, facet__node_input(node, 1));

    return is_one_number(lo) && *(const float *)lo->data == 0.0f &&
           (top == FACET__NONE || is_one_number(facet__graph_floats(g, top)));
}

/* [n, c, h, w] to [n, h, w, c]: how maps lie in memory anyway. */
static bool moves_channels_last(const facet__node *node)
{
    const facet__attr *perm = facet__node_attr(node, "perm");

    return perm && perm->count == 4 && perm->ints[0] == 0 &&
           perm->ints[1] == 2 && perm->ints[2] == 3 && perm->ints[3] == 1;
}

bool facet__is_activation(const facet__graph *g, const facet__node *node)
{
    switch (node->op) {
    case FACET__OP_RELU:
    case FACET__OP_LEAKY_RELU:
        return true;
    case FACET__OP_PRELU:
        return is_constant(g, node, 1);
    case FACET__OP_CLIP:
        return is_capped(g, node);
    default:
        return false;
    }
}

/* The engine honors more than the layers do. */
const char *facet__layer_refuses(const facet__node *node)
{
    const int64_t axis = facet__node_int(node, "axis", -1);
    const int64_t p = facet__node_int(node, "p", 2);

    switch (node->op) {
    case FACET__OP_GEMM:
        if (facet__node_float(node, "alpha", 1.0f) != 1.0f)
            return "alpha";
        return facet__node_input(node, 2) != FACET__NONE &&
                       facet__node_float(node, "beta", 1.0f) != 1.0f
                   ? "beta"
                   : NULL;
    case FACET__OP_LP_NORMALIZATION:
        return p != 2 ? "p" : axis != 1 && axis != -1 ? "axis" : NULL;
    case FACET__OP_LP_POOL:
        return p != 2 ? "p" : NULL;
    default:
        return NULL;
    }
}

const facet__layer_class *facet__layer_class_of(
    const facet__graph *g, const facet__node *node)
{
    if (facet__layer_refuses(node))
        return NULL;
    if (facet__is_activation(g, node))
        return &facet__layer_norm;
    switch (node->op) {
    case FACET__OP_CONV:
        if (!has_weights(g, node, 1))
            return NULL;
        return is_depthwise(g, node) ? &facet__layer_depthwise
                                     : &facet__layer_conv;
    case FACET__OP_GEMM:
        return if_so(has_weights(g, node, 1) &&
                         facet__node_int(node, "transB", 0) != 0 &&
                         facet__node_int(node, "transA", 0) == 0,
            &facet__layer_conv);
    case FACET__OP_BATCH_NORM:
        return if_so(has_weights(g, node, 4), &facet__layer_norm);
    case FACET__OP_ADD:
        return if_so(all_vary(g, node, 2), &facet__layer_add);
    case FACET__OP_MUL:
        return if_so(all_vary(g, node, 2), &facet__layer_mul);
    case FACET__OP_CONCAT:
        return if_so(
            all_vary(g, node, 8) && facet__node_int(node, "axis", 0) == 1,
            &facet__layer_concat);
    case FACET__OP_FLATTEN:
    case FACET__OP_RESHAPE:
    case FACET__OP_SQUEEZE:
    case FACET__OP_IDENTITY:
        return &facet__layer_flatten;
    case FACET__OP_TRANSPOSE:
        return if_so(moves_channels_last(node), &facet__layer_cells);
    case FACET__OP_RESIZE:
        return if_so(
            facet__upsample_factor(g, node) > 0, &facet__layer_upsample);
    case FACET__OP_DROPOUT:
        return if_so(node->n_in < 2 || is_one_number(facet__graph_floats(
                                           g, facet__node_input(node, 1))),
            &facet__layer_dropout);
    case FACET__OP_MAX_POOL:
    case FACET__OP_AVERAGE_POOL:
    case FACET__OP_LP_POOL:
    case FACET__OP_GLOBAL_AVERAGE_POOL:
    case FACET__OP_GLOBAL_MAX_POOL:
        return &facet__layer_pool;
    case FACET__OP_SIGMOID:
    case FACET__OP_TANH:
    case FACET__OP_HARD_SWISH:
        return &facet__layer_unary;
    case FACET__OP_LRN:
        return &facet__layer_lrn;
    case FACET__OP_LP_NORMALIZATION:
        return &facet__layer_l2;
    case FACET__OP_MAXOUT:
        return &facet__layer_maxout;
    case FACET__OP_LOCAL_CONV:
        return if_so(
            has_weights(g, node, 1) && !is_padded(node), &facet__layer_local);
    default:
        return NULL;
    }
}
