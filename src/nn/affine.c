/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/affine.h"

#include <math.h>

enum { SCALE = 1, SHIFT, MEAN, VARIANCE, NORM_INPUTS };

const facet__tensor *facet__graph_floats(const facet__graph *g, int value)
{
    const facet__tensor *t =
        value == FACET__NONE ? NULL : g->values[value].data;

    return t && t->type == FACET__F32 ? t : NULL;
}

bool facet__is_per_channel(const facet__shape *s, int rank, int64_t channels)
{
    const int axis = rank == 4 ? s->n - 3 : s->n - 1;

    if (channels < 1 || s->n > rank)
        return false;
    if (facet__shape_count(s) == 1)
        return true;
    return axis >= 0 && s->d[axis] == channels &&
           facet__shape_count(s) == channels;
}

/* The constant operand of a node that is a sum or product with one. */
static int constant_operand(const facet__graph *g, const facet__node *node)
{
    const bool commutes =
        node->op == FACET__OP_ADD || node->op == FACET__OP_MUL;

    if (!commutes && node->op != FACET__OP_SUB && node->op != FACET__OP_DIV)
        return FACET__NONE;
    if (facet__graph_floats(g, node->in[1]))
        return 1;
    return commutes && facet__graph_floats(g, node->in[0]) ? 0 : FACET__NONE;
}

int facet__affine_value(const facet__graph *g, const facet__node *node)
{
    const int k = constant_operand(g, node);

    if (k != FACET__NONE)
        return node->in[1 - k];
    return node->op == FACET__OP_BATCH_NORM ? node->in[0] : FACET__NONE;
}

bool facet__affine_fits(
    const facet__graph *g, const facet__node *node, int rank, int64_t channels)
{
    const int k = constant_operand(g, node);

    if (k != FACET__NONE)
        return facet__is_per_channel(
            &g->values[node->in[k]].shape, rank, channels);
    if (node->op != FACET__OP_BATCH_NORM || channels < 1)
        return false;
    for (int i = SCALE; i < NORM_INPUTS; i++) {
        const facet__tensor *t = facet__graph_floats(g, node->in[i]);

        if (!t || facet__shape_count(&t->shape) != channels)
            return false;
    }
    return true;
}

static double number_at(const facet__graph *g, int value, size_t i)
{
    const facet__tensor *t = facet__graph_floats(g, value);

    return (double)((
        const float *)t->data)[facet__shape_count(&t->shape) == 1 ? 0 : i];
}

void facet__affine_at(const facet__graph *g, const facet__node *node,
    size_t channel, double *factor, double *shift)
{
    const int k = constant_operand(g, node);
    double x;

    if (k == FACET__NONE) { /* BatchNormalization */
        const double epsilon =
            (double)facet__node_float(node, "epsilon", 1e-5f);

        *factor = number_at(g, node->in[SCALE], channel) /
                  sqrt(number_at(g, node->in[VARIANCE], channel) + epsilon);
        *shift = number_at(g, node->in[SHIFT], channel) -
                 number_at(g, node->in[MEAN], channel) * *factor;
        return;
    }
    x = number_at(g, node->in[k], channel);
    *factor = node->op == FACET__OP_MUL   ? x
              : node->op == FACET__OP_DIV ? 1.0 / x
                                          : 1.0;
    *shift = node->op == FACET__OP_ADD ? x : node->op == FACET__OP_SUB ? -x : 0;
}
