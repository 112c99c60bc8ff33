/* SPDX-License-Identifier: Apache-2.0 */
/* norms.c - BatchNormalizations and biases of their own into filters. The
 * engine does the same when it compiles; here the graph is changed, because
 * filters are rounded as they will be multiplied. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/quantize/quantize.h"

static const facet__tensor *floats_of(const facet__graph *g, int value)
{
    const facet__tensor *t =
        value == FACET__NONE ? NULL : g->values[value].data;

    return t && t->type == FACET__F32 ? t : NULL;
}

static int bias_of(const facet__node *node)
{
    return node->n_in > 2 ? node->in[2] : FACET__NONE;
}

/* One number a channel of a map, [1, channels, 1, 1], or one for all. */
static bool is_per_channel(const facet__tensor *t, int64_t channels)
{
    const int axis = t->shape.n - 3;

    if (facet__shape_count(&t->shape) == 1)
        return t->shape.n <= 4;
    return t->shape.n <= 4 && axis >= 0 && t->shape.d[axis] == channels &&
           facet__shape_count(&t->shape) == channels;
}

static bool is_norm(
    const facet__graph *g, const facet__node *node, int64_t channels)
{
    for (int i = 1; i < 5; i++) {
        const facet__tensor *t = floats_of(g, node->in[i]);

        if (!t || facet__shape_count(&t->shape) != channels)
            return false;
    }
    return true;
}

/* The constant that a sum or product adds to or multiplies `value` with, or
 * NULL. */
static const facet__tensor *operand_of(
    const facet__graph *g, const facet__node *node, int value)
{
    if (node->op != FACET__OP_ADD && node->op != FACET__OP_MUL)
        return NULL;
    return floats_of(g, node->in[node->in[0] == value ? 1 : 0]);
}

/* Is `node`, the only reader of what `conv` makes, a factor and a shift of each
 * channel of it? */
static bool can_fold(
    const facet__graph *g, const facet__node *conv, const facet__node *node)
{
    const facet__tensor *w =
        conv->op == FACET__OP_CONV ? floats_of(g, conv->in[1]) : NULL;
    const facet__tensor *operand;

    if (!w || w->shape.n != 4 ||
        (bias_of(conv) != FACET__NONE && !floats_of(g, bias_of(conv))))
        return false;
    if (node->op == FACET__OP_BATCH_NORM)
        return node->in[0] == conv->out[0] && is_norm(g, node, w->shape.d[0]);
    operand = operand_of(g, node, conv->out[0]);
    return operand && is_per_channel(operand, w->shape.d[0]);
}

/* Factor and shift of channel o. */
static void affine_at(const facet__graph *g, const facet__node *node, int value,
    size_t o, double *factor, double *shift)
{
    const double epsilon = (double)facet__node_float(node, "epsilon", 1e-5f);
    const facet__tensor *operand = operand_of(g, node, value);
    double at[5];

    if (operand) {
        const bool one = facet__shape_count(&operand->shape) == 1;
        const double x = (double)((const float *)operand->data)[one ? 0 : o];

        *factor = node->op == FACET__OP_MUL ? x : 1.0;
        *shift = node->op == FACET__OP_MUL ? 0.0 : x;
        return;
    }
    for (int i = 1; i < 5; i++)
        at[i] = (double)((const float *)floats_of(g, node->in[i])->data)[o];
    *factor = at[1] / sqrt(at[4] + epsilon);
    *shift = at[2] - at[3] * *factor;
}

/* The filters of `conv` times factors and its bias times them plus shifts, as
 * new constants: others may read the old ones. */
static facet_status fold(facet__graph *g, int conv, int affine)
{
    const facet__node *node = &g->nodes[affine];
    const facet__tensor *bias = floats_of(g, bias_of(&g->nodes[conv]));
    facet__tensor *w = facet__tensor_copy(floats_of(g, g->nodes[conv].in[1]));
    facet__tensor *b = facet__tensor_create(
        FACET__F32, &(facet__shape){ 1, { w ? w->shape.d[0] : 0 } });
    const int out = node->out[0];
    int filters, shifts;
    size_t inner;

    if (!w || !b || facet__conv_make_room(&g->nodes[conv]) != FACET_OK) {
        facet__tensor_free(w);
        facet__tensor_free(b);
        return FACET_ENOMEM;
    }
    inner = (size_t)(facet__shape_count(&w->shape) / w->shape.d[0]);
    for (size_t o = 0; o < (size_t)w->shape.d[0]; o++) {
        const double before =
            bias ? (double)((const float *)bias->data)[o] : 0.0;
        double factor, shift;
        float *row = (float *)w->data + o * inner;

        affine_at(g, node, g->nodes[conv].out[0], o, &factor, &shift);
        for (size_t i = 0; i < inner; i++)
            row[i] = (float)((double)row[i] * factor);
        ((float *)b->data)[o] = (float)(before * factor + shift);
    }
    filters = facet__graph_add_constant(g, NULL, w);
    shifts = facet__graph_add_constant(g, NULL, b);
    if (filters == FACET__NONE || shifts == FACET__NONE)
        return FACET_ENOMEM;
    g->nodes[conv].in[1] = filters;
    g->nodes[conv].in[2] = shifts;
    g->nodes[conv].out[0] = out;
    facet__node_release(&g->nodes[affine]);
    g->nodes[affine] = (facet__node){ .op = FACET__OP_IDENTITY };
    return FACET_OK;
}

facet_status facet__conv_make_room(facet__node *node)
{
    int *longer;

    if (node->n_in > 2)
        return FACET_OK;
    longer = facet__alloc(3 * sizeof *longer);
    if (!longer)
        return FACET_ENOMEM;
    memcpy(longer, node->in, 2 * sizeof *longer);
    longer[2] = FACET__NONE;
    facet__free(node->in);
    node->in = longer;
    node->n_in = 3;
    return FACET_OK;
}

facet_status facet__graph_fold_norms(facet__graph *g, facet_error *err)
{
    int kept = 0;

    for (int i = 0; i < g->n_nodes; i++) {
        int next;

        while (g->nodes[i].n_out > 0 &&
               (next = facet__graph_only_reader(g, g->nodes[i].out[0])) !=
                   FACET__NONE &&
               can_fold(g, &g->nodes[i], &g->nodes[next]))
            if (fold(g, i, next) != FACET_OK)
                return facet__fail_memory(err);
    }
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].n_out > 0)
            g->nodes[kept++] = g->nodes[i];
    g->n_nodes = kept;
    return facet__graph_prune(g) == FACET_OK ? FACET_OK
                                             : facet__fail_memory(err);
}
