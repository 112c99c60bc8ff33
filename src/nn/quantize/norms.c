/* SPDX-License-Identifier: Apache-2.0 */
/* norms.c - BatchNormalizations and other affine nodes into filters. The
 * engine does the same when it compiles; here the graph is changed, because
 * filters are rounded as they will be multiplied. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/affine.h"
#include "nn/quantize/quantize.h"

/* Is `node`, the only reader of what `conv` makes, a factor and a shift of each
 * channel of it? */
static bool can_fold(
    const facet__graph *g, const facet__node *conv, const facet__node *node)
{
    const int bias = facet__node_input(conv, 2);
    const facet__tensor *w =
        conv->op == FACET__OP_CONV ? facet__graph_floats(g, conv->in[1]) : NULL;

    return w && w->shape.n == 4 &&
           (bias == FACET__NONE || facet__graph_floats(g, bias)) &&
           facet__affine_value(g, node) == conv->out[0] &&
           facet__affine_fits(g, node, 4, w->shape.d[0]);
}

/* The filters of `conv` times factors and its bias times them plus shifts, as
 * new constants: others may read the old ones. */
static facet_status fold(facet__graph *g, int conv, int affine)
{
    const facet__node *node = &g->nodes[affine];
    const facet__tensor *bias =
        facet__graph_floats(g, facet__node_input(&g->nodes[conv], 2));
    facet__tensor *w =
        facet__tensor_copy(facet__graph_floats(g, g->nodes[conv].in[1]));
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

        facet__affine_at(g, node, o, &factor, &shift);
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
