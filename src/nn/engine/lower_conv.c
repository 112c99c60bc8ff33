/* SPDX-License-Identifier: Apache-2.0 */
/* lower_conv.c - convolutions and dense layers with their chains. */
#include "base/alloc.h"
#include "base/error.h"
#include "nn/engine/compiler.h"
#include "nn/engine/conv.h"
#include "nn/engine/params.h"

/* The step for the filters: input slot, chain, residual, output. */
static facet_status emit_conv(facet__compiler *c, int i, facet__filters *f)
{
    const facet__chain *chain = &c->chains[i];
    const bool map = facet__rank(c, c->graph->nodes[i].in[0]) == 4;
    const facet__layout layout = map ? FACET__NHWC : FACET__PLAIN;
    const facet__dtype type =
        map ? facet__map_type(c, chain->result) : FACET__F32;
    const facet__step_class *class = NULL;
    facet__tail tail = { .residual = chain->sum != FACET__NONE,
        .residual_first = chain->residual_first };
    float *factor = NULL, *shift = NULL;
    void *params = NULL;
    facet__dtype wanted = 0;
    facet_status st =
        facet__activation_of(c, chain, f->out, &tail.slope, &tail.lo, &tail.hi);
    int in[2], out;

    if (st == FACET_OK)
        st = facet__affine_of(c, chain, f->out, &factor, &shift);
    if (st == FACET_OK) {
        f->factor = factor;
        f->shift = shift;
        params = facet__conv_create(f, &tail, c->program->bf16, &class);
        if (!params)
            st = facet__fail_memory(c->err);
    }
    facet__free(factor);
    facet__free(shift);
    /* A product gathers any type; a depthwise kernel reads its own. */
    if (class == &facet__step_depthwise)
        wanted = c->program->bf16 ? FACET__BF16 : FACET__F32;
    if (st != FACET_OK) {
        facet__free(tail.slope);
        return st;
    }
    in[0] = facet__conv_is_planar(params)
                ? facet__slot_of(
                      c, c->graph->nodes[i].in[0], FACET__PLAIN, FACET__F32)
                : facet__slot_of(c, c->graph->nodes[i].in[0], layout, wanted);
    if (tail.residual)
        in[1] = facet__slot_of(c, chain->residual, layout, 0);
    out = facet__slot_new(c, chain->result, layout, wanted ? wanted : type);
    st = facet__emit(c, class, params, i, in, tail.residual ? 2 : 1, &out, 1);
    if (st == FACET_OK)
        c->program->steps[c->program->n_steps - 1].weight_bytes =
            facet__conv_bytes(params);
    return st;
}

/* Are some of the node's "strides" or "dilations" not 1? */
static bool is_spread(const facet__node *node, const char *name)
{
    const facet__attr *d = facet__node_attr(node, name);

    for (size_t i = 0; d && i < d->count; i++)
        if (d->ints[i] != 1)
            return true;
    return false;
}

facet_status facet__lower_conv(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    const facet__shape *w = &c->graph->values[node->in[1]].shape;
    int64_t n;
    facet__filters f = { .weight = facet__constant(c, node->in[1], &n) };

    if (!facet__has_filters(c, node))
        return facet__lower_evaluate(c, i);
    f.bias = node->n_in > 2 ? facet__constant(c, node->in[2], &n) : NULL;
    f.groups = (size_t)facet__node_int(node, "group", 1);
    f.dilated = is_spread(node, "dilations");
    f.strided = is_spread(node, "strides");
    f.out = (size_t)w->d[0];
    f.in = (size_t)w->d[1] * f.groups;
    f.kernel_h = (size_t)w->d[2];
    f.kernel_w = (size_t)w->d[3];
    return emit_conv(c, i, &f);
}

/* Gemm and MatMul. */
facet_status facet__lower_gemm(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    const facet__shape *w = &c->graph->values[node->in[1]].shape;
    const bool trans_b = facet__node_int(node, "transB", 0) != 0;
    int64_t n;
    facet__filters f = { .weight = facet__constant(c, node->in[1], &n),
        .groups = 1,
        .kernel_h = 1,
        .kernel_w = 1,
        .transposed = !trans_b };

    if (!facet__has_filters(c, node))
        return facet__lower_evaluate(c, i);
    f.out = (size_t)w->d[trans_b ? 0 : 1];
    f.in = (size_t)w->d[trans_b ? 1 : 0];
    f.bias = node->n_in > 2 ? facet__constant(c, node->in[2], &n) : NULL;
    return emit_conv(c, i, &f);
}

/* Affine nodes and their activation, channel by channel. */
facet_status facet__lower_affine(facet__compiler *c, int i)
{
    const facet__chain *chain = &c->chains[i];
    const facet__node *node = &c->graph->nodes[i];
    const int value =
        c->graph->values[node->in[0]].data ? node->in[1] : node->in[0];
    const bool map = facet__rank(c, value) == 4;
    facet__channel_params *p = facet__calloc(1, sizeof *p);
    facet_status st = p ? FACET_OK : facet__fail_memory(c->err);
    int in, out;

    if (st == FACET_OK) {
        p->channels = (size_t)facet__channels(c, value);
        st = facet__activation_of(
            c, chain, p->channels, &p->slope, &p->lo, &p->hi);
    }
    if (st == FACET_OK)
        st = facet__affine_of(c, chain, p->channels, &p->scale, &p->shift);
    if (st == FACET_OK)
        st = facet__channel_repeat(p);
    if (st != FACET_OK) {
        facet__step_channel.free(p);
        return facet__fail_memory(c->err);
    }
    in = map ? facet__slot_of(c, value, FACET__NHWC, 0)
             : facet__slot_of(c, value, FACET__PLAIN, FACET__F32);
    out = facet__slot_new(c, chain->result, map ? FACET__NHWC : FACET__PLAIN,
        map ? facet__map_type(c, chain->result) : FACET__F32);
    return facet__emit(c, &facet__step_channel, p, i, &in, 1, &out, 1);
}
