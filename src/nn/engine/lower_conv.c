/* SPDX-License-Identifier: Apache-2.0 */
/* lower_conv.c - convolutions and dense layers with their chains. */
#include "base/alloc.h"
#include "base/error.h"
#include "nn/engine/compiler.h"
#include "nn/engine/conv.h"
#include "nn/engine/params.h"

enum { MAX_BYTE_DEPTH = 1 << 16 }; /* 32 bits hold sums of so many products */

/* In which numbers the convolution works: bytes when its input is on a grid and
 * its filters are. */
static facet__dtype product_of(
    const facet__compiler *c, int value, const facet__filters *f)
{
    const size_t depth = f->in / f->groups * f->kernel_h * f->kernel_w;

    return facet__in_bytes(c, value) && f->steps && depth < MAX_BYTE_DEPTH
               ? FACET__I8
               : c->program->wide;
}

static facet__grid grid_if(const facet__compiler *c, bool bytes, int value)
{
    return bytes ? c->graph->values[value].grid : (facet__grid){ 0 };
}

/* Where the filters' input is read. A product gathers any type but bytes, which
 * only one of bytes reads; a depthwise kernel reads its own. */
static int conv_input(facet__compiler *c, int value, facet__layout layout,
    const facet__step_class *class, facet__dtype product)
{
    facet__dtype wanted = 0;

    if (product == FACET__I8)
        wanted = FACET__U8;
    else if (class == &facet__step_depthwise || facet__in_bytes(c, value))
        wanted = c->program->wide;
    return facet__slot_of(c, value, layout, wanted);
}

/* The residual: bytes to bytes, else what a Winograd transform can read or
 * whatever there is. */
static int conv_residual(facet__compiler *c, int value, bool bytes,
    facet__layout layout, const facet__step_class *class)
{
    facet__dtype wanted = 0;

    if (bytes)
        wanted = FACET__U8;
    else if (class == &facet__step_winograd && facet__in_bytes(c, value))
        wanted = c->program->wide;
    return facet__slot_of(c, value, layout, wanted);
}

/* Filters with the chain's factors, shifts and activation. */
static facet_status make_params(const facet__compiler *c,
    const facet__chain *chain, facet__filters *f, facet__tail *tail,
    const facet__conv_form *form, const facet__step_class *class, void **params)
{
    float *factor = NULL, *shift = NULL;
    facet_status st = facet__activation_of(
        c, chain, f->out, &tail->slope, &tail->lo, &tail->hi);

    if (st == FACET_OK)
        st = facet__affine_of(c, chain, f->out, &factor, &shift);
    if (st == FACET_OK) {
        f->factor = factor;
        f->shift = shift;
        *params = facet__conv_create(f, tail, form, class);
        if (!*params)
            st = facet__fail_memory(c->err);
    }
    facet__free(factor);
    facet__free(shift);
    if (st != FACET_OK)
        facet__free(tail->slope);
    return st;
}

/* The step for the filters: input slot, chain, residual, output. */
static facet_status emit_conv(facet__compiler *c, int i, facet__filters *f)
{
    const facet__chain *chain = &c->chains[i];
    const int value = c->graph->nodes[i].in[0];
    const bool map = facet__rank(c, value) == 4;
    const facet__layout layout = map ? FACET__NHWC : FACET__PLAIN;
    facet__tail tail = { .residual = chain->sum != FACET__NONE,
        .residual_first = chain->residual_first };
    facet__conv_form form = { .product = product_of(c, value, f) };
    const facet__step_class *class = facet__conv_class(f, &tail, form.product);
    const bool bytes = facet__in_bytes(c, chain->result) &&
                       facet__conv_writes_bytes(class, form.product) &&
                       (!tail.residual || facet__in_bytes(c, chain->residual));
    facet__dtype type = map ? facet__map_type(c, chain->result) : FACET__F32;
    void *params = NULL;
    facet_status st;
    int in[2] = { FACET__NONE, FACET__NONE }, out;

    form.in = grid_if(c, form.product == FACET__I8, value);
    form.out = grid_if(c, bytes, chain->result);
    if (tail.residual) {
        in[1] = conv_residual(c, chain->residual, bytes, layout, class);
        form.residual = grid_if(c,
            in[1] != FACET__NONE && c->program->slots[in[1]].type == FACET__U8,
            chain->residual);
    }
    st = make_params(c, chain, f, &tail, &form, class, &params);
    if (st != FACET_OK)
        return st;
    in[0] = facet__conv_is_planar(params)
                ? facet__slot_of(c, value, FACET__PLAIN, FACET__F32)
                : conv_input(c, value, layout, class, form.product);
    if (bytes)
        type = FACET__U8;
    else if (class == &facet__step_depthwise && form.product != FACET__I8)
        type = c->program->wide;
    out = facet__slot_new(c, chain->result, layout, type);
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

static const float *steps_of(const facet__compiler *c, int filters)
{
    const facet__tensor *steps = c->graph->values[filters].steps;

    return steps ? steps->data : NULL;
}

facet_status facet__lower_conv(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    const facet__shape *w = &c->graph->values[node->in[1]].shape;
    int64_t n;
    facet__filters f = { .weight = facet__constant(c, node->in[1], &n) };

    if (!facet__has_filters(c, node))
        return facet__lower_evaluate(c, i);
    f.bias = facet__constant(c, facet__node_input(node, 2), &n);
    f.steps = steps_of(c, node->in[1]);
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
    f.bias = facet__constant(c, facet__node_input(node, 2), &n);
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
        map ? facet__step_type(c, chain->result) : FACET__F32);
    return facet__emit(c, &facet__step_channel, p, i, &in, 1, &out, 1);
}
