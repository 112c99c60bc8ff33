/* SPDX-License-Identifier: Apache-2.0 */
/* lower_conv.c - convolutions and dense layers with their chains. */
#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/engine/compiler.h"
#include "nn/engine/conv.h"
#include "nn/engine/params.h"

/* Factor and shift of a BatchNormalization: y = x * factor + shift. */
static facet_status norm_of(const facet__compiler *c, const facet__node *node,
    size_t channels, float **factor, float **shift)
{
    const float epsilon = facet__node_float(node, "epsilon", 1e-5f);
    const float *p[4]; /* scale, bias, mean, variance */

    *factor = facet__calloc(channels, sizeof **factor);
    *shift = facet__calloc(channels, sizeof **shift);
    if (!*factor || !*shift)
        return facet__fail_memory(c->err);
    for (int i = 0; i < 4; i++) {
        int64_t n = 0;

        p[i] = facet__constant(c, node->in[i + 1], &n);
        if (!p[i] || n != (int64_t)channels)
            return facet__fail(c->err, FACET_EUNSUPPORTED,
                "BatchNormalization needs constant parameters, one a channel");
    }
    for (size_t i = 0; i < channels; i++) {
        const double f =
            (double)p[0][i] / sqrt((double)p[3][i] + (double)epsilon);

        (*factor)[i] = (float)f;
        (*shift)[i] = (float)((double)p[1][i] - (double)p[2][i] * f);
    }
    return FACET_OK;
}

static facet_status tail_of(const facet__compiler *c, const facet__chain *chain,
    size_t channels, facet__tail *tail)
{
    const facet__node *act = chain->activation == FACET__NONE
                                 ? NULL
                                 : &c->graph->nodes[chain->activation];
    float alpha;
    const float *slope = NULL;
    int64_t n = 1;

    *tail = (facet__tail){ .lo = -INFINITY,
        .hi = INFINITY,
        .residual = chain->sum != FACET__NONE,
        .residual_first = chain->residual_first };
    if (!act || facet__clip_bounds(c, act, &tail->lo, &tail->hi))
        return FACET_OK;
    alpha = facet__node_float(act, "alpha", 0.01f);
    slope = act->op == FACET__OP_PRELU ? facet__constant(c, act->in[1], &n)
                                       : &alpha;
    if (n != 1 && n != (int64_t)channels)
        return facet__fail(c->err, FACET_EUNSUPPORTED,
            "PRelu '%.60s' has %lld slopes for %zu channels", act->name,
            (long long)n, channels);
    tail->slope = facet__spread(slope, n, channels);
    return tail->slope ? FACET_OK : facet__fail_memory(c->err);
}

/* The step for the filters: input slot, chain, residual, output. */
static facet_status emit_conv(facet__compiler *c, int i, facet__filters *f)
{
    const facet__chain *chain = &c->chains[i];
    const bool map = facet__rank(c, c->graph->nodes[i].in[0]) == 4;
    const facet__layout layout = map ? FACET__NHWC : FACET__PLAIN;
    const facet__dtype type =
        map ? facet__map_type(c, chain->result) : FACET__F32;
    const facet__step_class *class = NULL;
    facet__tail tail;
    float *factor = NULL, *shift = NULL;
    void *params = NULL;
    facet_status st = tail_of(c, chain, f->out, &tail);
    int in[2], out;

    if (st == FACET_OK && chain->norm != FACET__NONE)
        st = norm_of(c, &c->graph->nodes[chain->norm], f->out, &factor, &shift);
    if (st == FACET_OK) {
        f->factor = factor;
        f->shift = shift;
        params = facet__conv_create(f, &tail, c->program->bf16, &class);
        if (!params)
            st = facet__fail_memory(c->err);
    }
    facet__free(factor);
    facet__free(shift);
    if (st != FACET_OK) {
        facet__free(tail.slope);
        return st;
    }
    /* A product gathers any type; a depthwise kernel reads its own. */
    in[0] = facet__slot_of(c, c->graph->nodes[i].in[0], layout,
        class == &facet__step_depthwise && c->program->bf16 ? FACET__BF16
        : class == &facet__step_depthwise                   ? FACET__F32
                                                            : 0);
    if (tail.residual)
        in[1] = facet__slot_of(c, chain->residual, layout, 0);
    out = facet__slot_new(c, chain->result, layout,
        class == &facet__step_depthwise && c->program->bf16 ? FACET__BF16
                                                            : type);
    return facet__emit(c, class, params, i, in, tail.residual ? 2 : 1, &out, 1);
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

facet_status facet__lower_batch_norm(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    const int64_t channels = facet__channels(c, node->in[0]);
    const int in =
        facet__rank(c, node->in[0]) == 4
            ? facet__slot_of(c, node->in[0], FACET__NHWC, 0)
            : facet__slot_of(c, node->in[0], FACET__PLAIN, FACET__F32);
    facet__channel_params *p;
    facet_status st;
    int out;

    if (channels < 1)
        return facet__lower_evaluate(c, i);
    p = facet__calloc(1, sizeof *p);
    if (!p || in == FACET__NONE) {
        facet__free(p);
        return facet__fail_memory(c->err);
    }
    p->channels = (size_t)channels;
    st = norm_of(c, node, p->channels, &p->scale, &p->shift);
    if (st != FACET_OK) {
        facet__step_affine.free(p);
        return st;
    }
    out = facet__slot_new(c, node->out[0], c->program->slots[in].layout,
        facet__rank(c, node->in[0]) == 4 ? facet__map_type(c, node->out[0])
                                         : FACET__F32);
    return facet__emit(c, &facet__step_affine, p, i, &in, 1, &out, 1);
}
