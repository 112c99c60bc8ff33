/* SPDX-License-Identifier: Apache-2.0 */
/* lower_map.c - what is done to maps besides convolutions. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/affine.h"
#include "nn/engine/compiler.h"
#include "nn/engine/gemm.h"
#include "nn/engine/lrn.h"
#include "nn/engine/params.h"

/* A copy of `params` on the heap. */
static void *keep(const void *params, size_t size)
{
    void *copy = facet__alloc(size);

    if (copy)
        memcpy(copy, params, size);
    return copy;
}

float *facet__spread(const float *from, int64_t n, size_t channels)
{
    float *to = facet__calloc(facet__panel_room(channels), sizeof *to);

    for (size_t i = 0; to && i < channels; i++)
        to[i] = from[n == 1 ? 0 : i];
    return to;
}

/* Input 0 as it is best read: a map as NHWC, all else as it is. */
static int input_slot(facet__compiler *c, const facet__node *node)
{
    if (facet__rank(c, node->in[0]) == 4 &&
        c->program->slots[facet__slot_any(c, node->in[0])].layout ==
            FACET__NHWC)
        return facet__slot_of(c, node->in[0], FACET__NHWC, 0);
    return facet__slot_of(c, node->in[0], FACET__PLAIN, FACET__F32);
}

static int map_slot(facet__compiler *c, int value)
{
    return facet__slot_of(c, value, FACET__NHWC, 0);
}

/* An output in the layout of slot `in`. */
static int output_like(facet__compiler *c, int value, int in)
{
    const facet__layout layout =
        in == FACET__NONE ? FACET__PLAIN : c->program->slots[in].layout;

    return facet__slot_new(c, value, layout,
        layout == FACET__NHWC ? facet__step_type(c, value) : FACET__F32);
}

/* A step with parameters that keep() made, or failed to make. */
static facet_status emit_kept(facet__compiler *c,
    const facet__step_class *class, void *params, int i, const int *in,
    int n_in, int out)
{
    if (!params)
        return facet__fail_memory(c->err);
    return facet__emit(c, class, params, i, in, n_in, &out, 1);
}

static facet_status emit_simple(facet__compiler *c,
    const facet__step_class *class, void *params, int i, int in)
{
    const int out = output_like(c, c->graph->nodes[i].out[0], in);

    return emit_kept(c, class, params, i, &in, 1, out);
}

/* activations */

static bool bound(
    const facet__compiler *c, const facet__node *node, int i, float *value)
{
    int64_t n;
    const float *x;

    if (i >= node->n_in || node->in[i] == FACET__NONE)
        return true;
    x = facet__constant(c, node->in[i], &n);
    if (!x || n != 1)
        return false;
    *value = *x;
    return true;
}

bool facet__clip_bounds(
    const facet__compiler *c, const facet__node *node, float *lo, float *hi)
{
    float a = -INFINITY, b = INFINITY;

    if (node->op == FACET__OP_RELU)
        a = 0.0f;
    else if (node->op != FACET__OP_CLIP || !bound(c, node, 1, &a) ||
             !bound(c, node, 2, &b))
        return false;
    *lo = a;
    *hi = b;
    return true;
}

facet_status facet__lower_unary(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    facet__unary_params p = { FACET__UNARY_CLIP, 0.0f, 0.0f };

    switch (node->op) {
    case FACET__OP_RELU:
    case FACET__OP_CLIP:
        if (!facet__clip_bounds(c, node, &p.a, &p.b))
            return facet__lower_evaluate(c, i);
        break;
    case FACET__OP_LEAKY_RELU:
        p = (facet__unary_params){ FACET__UNARY_LEAKY,
            facet__node_float(node, "alpha", 0.01f), 0.0f };
        break;
    case FACET__OP_ELU:
        p = (facet__unary_params){ FACET__UNARY_ELU,
            facet__node_float(node, "alpha", 1.0f), 0.0f };
        break;
    case FACET__OP_HARD_SIGMOID:
        p = (facet__unary_params){ FACET__UNARY_HARD_SIGMOID,
            facet__node_float(node, "alpha", 0.2f),
            facet__node_float(node, "beta", 0.5f) };
        break;
    case FACET__OP_HARD_SWISH:
        p.op = FACET__UNARY_HARD_SWISH;
        break;
    case FACET__OP_SIGMOID:
        p.op = FACET__UNARY_SIGMOID;
        break;
    case FACET__OP_TANH:
        p.op = FACET__UNARY_TANH;
        break;
    case FACET__OP_EXP:
        p.op = FACET__UNARY_EXP;
        break;
    default:
        p.op = FACET__UNARY_SQRT;
        break;
    }
    return emit_simple(
        c, &facet__step_unary, keep(&p, sizeof p), i, input_slot(c, node));
}

/* A PReLU that no chain took in. */
facet_status facet__lower_prelu(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    const int64_t channels = facet__channels(c, node->in[0]);
    const facet__chain alone = { .activation = i };
    int64_t n = 0;
    const float *slope = facet__constant(c, node->in[1], &n);
    facet__channel_params *p;

    if (!slope || channels < 1 ||
        !facet__is_per_channel(&c->graph->values[node->in[1]].shape,
            facet__rank(c, node->in[0]), channels))
        return facet__lower_evaluate(c, i);
    p = facet__calloc(1, sizeof *p);
    if (!p)
        return facet__fail_memory(c->err);
    p->channels = (size_t)channels;
    if (facet__activation_of(
            c, &alone, p->channels, &p->slope, &p->lo, &p->hi) != FACET_OK ||
        facet__channel_repeat(p) != FACET_OK) {
        facet__step_channel.free(p);
        return facet__fail_memory(c->err);
    }
    return emit_simple(c, &facet__step_channel, p, i,
        facet__rank(c, node->in[0]) == 4 ? map_slot(c, node->in[0])
                                         : input_slot(c, node));
}

/* two operands */

static const facet__binary binary_of[FACET__OP_COUNT] = {
    [FACET__OP_ADD] = FACET__BINARY_ADD,
    [FACET__OP_SUB] = FACET__BINARY_SUB,
    [FACET__OP_MUL] = FACET__BINARY_MUL,
    [FACET__OP_DIV] = FACET__BINARY_DIV,
    [FACET__OP_MAX] = FACET__BINARY_MAX,
    [FACET__OP_MIN] = FACET__BINARY_MIN,
};

/* One number on every element (an affine chain has the other cases). */
static facet_status lower_with_constant(
    facet__compiler *c, int i, int tensor, int constant)
{
    const facet__node *node = &c->graph->nodes[i];
    const facet__shape *s = &c->graph->values[node->in[constant]].shape;
    int64_t n;
    const float *x = facet__constant(c, node->in[constant], &n);
    facet__binary_params p = { binary_of[node->op], NULL, 1, constant == 0 };
    int in, out;

    if (n != 1 || s->n > facet__rank(c, node->in[tensor]))
        return facet__lower_evaluate(c, i);
    in = facet__slot_any(c, node->in[tensor]);
    out = output_like(c, node->out[0], in);
    p.channels = 512;
    p.constant = facet__spread(x, 1, p.channels);
    if (!p.constant)
        return facet__fail_memory(c->err);
    return emit_kept(
        c, &facet__step_binary, keep(&p, sizeof p), i, &in, 1, out);
}

/* Is `small` one number a channel of each image of `value`: [n, c, 1, 1]? */
static bool is_per_image(const facet__compiler *c, int value, int small)
{
    const facet__shape *a = &c->facts[value].shape;
    const facet__shape *b = &c->facts[small].shape;

    return a->n == 4 && b->n == 4 && a->d[0] == b->d[0] && a->d[1] == b->d[1] &&
           a->d[1] > 0 && b->d[2] == 1 && b->d[3] == 1;
}

facet_status facet__lower_binary(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    const bool commutes =
        node->op != FACET__OP_SUB && node->op != FACET__OP_DIV;
    facet__binary_params p = { binary_of[node->op], NULL, 0, false };
    int first = 0, in[2], out;
    bool equal;
    int64_t n;

    if (node->n_in != 2)
        return facet__lower_evaluate(c, i);
    for (int k = 0; k < 2; k++)
        if (facet__constant(c, node->in[k], &n))
            return lower_with_constant(c, i, 1 - k, k);
    equal = facet__shape_equal(
        &c->facts[node->in[0]].shape, &c->facts[node->in[1]].shape);
    if (!equal && commutes && is_per_image(c, node->in[1], node->in[0]))
        first = 1;
    if (!equal && !is_per_image(c, node->in[first], node->in[1 - first]))
        return facet__lower_evaluate(c, i);
    for (int k = 0; k < 2; k++) {
        const int value = node->in[k ? 1 - first : first];

        in[k] = facet__rank(c, value) == 4
                    ? map_slot(c, value)
                    : facet__slot_of(c, value, FACET__PLAIN, FACET__F32);
    }
    out = output_like(c, node->out[0], in[0]);
    return emit_kept(c, &facet__step_binary, keep(&p, sizeof p), i, in, 2, out);
}

/* pools */

facet_status facet__lower_pool(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    const facet__attr *kernel = facet__node_attr(node, "kernel_shape");
    facet__pool_params p = { .kind = FACET__POOL_MAX };

    if (facet__rank(c, node->in[0]) != 4 || node->n_out > 1 || !kernel ||
        kernel->count != 2 ||
        (node->op == FACET__OP_LP_POOL && facet__node_int(node, "p", 2) != 2))
        return facet__lower_evaluate(c, i);
    if (node->op == FACET__OP_AVERAGE_POOL)
        p.kind = facet__node_int(node, "count_include_pad", 0)
                     ? FACET__POOL_AVERAGE_ALL
                     : FACET__POOL_AVERAGE;
    else if (node->op == FACET__OP_LP_POOL)
        p.kind = FACET__POOL_L2;
    p.kernel_h = (size_t)kernel->ints[0];
    p.kernel_w = (size_t)kernel->ints[1];
    return emit_simple(
        c, &facet__step_pool, keep(&p, sizeof p), i, map_slot(c, node->in[0]));
}

facet_status facet__lower_global_pool(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    facet__pool_params p = { .kind = node->op == FACET__OP_GLOBAL_MAX_POOL
                                         ? FACET__POOL_MAX
                                         : FACET__POOL_AVERAGE };

    if (facet__rank(c, node->in[0]) != 4)
        return facet__lower_evaluate(c, i);
    return emit_simple(c, &facet__step_global_pool, keep(&p, sizeof p), i,
        map_slot(c, node->in[0]));
}

/* ReduceMean over height and width is a global average pool. */
facet_status facet__lower_reduce(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    const facet__attr *axes = facet__node_attr(node, "axes");
    facet__pool_params p = { .kind = FACET__POOL_AVERAGE };
    bool both = axes && axes->count == 2 && facet__rank(c, node->in[0]) == 4;
    int in, pooled, out;

    for (size_t k = 0; both && k < 2; k++)
        both =
            axes->ints[k] == (int64_t)k + 2 || axes->ints[k] == (int64_t)k - 2;
    if (!both)
        return facet__lower_evaluate(c, i);
    if (facet__node_int(node, "keepdims", 1))
        return emit_simple(c, &facet__step_global_pool, keep(&p, sizeof p), i,
            map_slot(c, node->in[0]));
    in = map_slot(c, node->in[0]);
    pooled = facet__slot_new(c, node->out[0], FACET__PLAIN, FACET__F32);
    out = pooled;
    return emit_kept(
        c, &facet__step_global_pool, keep(&p, sizeof p), i, &in, 1, out);
}

/* the rest */

facet_status facet__lower_concat(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    int in[FACET__STEP_MAX], out;

    if (!facet__reads_maps(c, node) || node->n_in > FACET__STEP_MAX)
        return facet__lower_evaluate(c, i);
    out = facet__slot_new(
        c, node->out[0], FACET__NHWC, facet__map_type(c, node->out[0]));
    for (int k = 0; k < node->n_in && out != FACET__NONE; k++)
        in[k] = facet__slot_of(
            c, node->in[k], FACET__NHWC, c->program->slots[out].type);
    return facet__emit(
        c, &facet__step_concat, NULL, i, in, node->n_in, &out, 1);
}

facet_status facet__lower_split(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    int in, out[FACET__STEP_MAX];

    if (!facet__reads_maps(c, node) || node->n_out > FACET__STEP_MAX)
        return facet__lower_evaluate(c, i);
    for (int k = 0; k < node->n_out; k++)
        if (node->out[k] == FACET__NONE || facet__channels(c, node->out[k]) < 0)
            return facet__lower_evaluate(c, i);
    in = map_slot(c, node->in[0]);
    for (int k = 0; k < node->n_out; k++)
        out[k] = facet__slot_new(
            c, node->out[k], FACET__NHWC, facet__map_type(c, node->out[k]));
    return facet__emit(
        c, &facet__step_split, NULL, i, &in, 1, out, node->n_out);
}

/* The scales of height and width, where the model gives them and they leave
 * images and channels alone. False: they are computed, or do not. */
static bool take_scales(
    const facet__compiler *c, const facet__node *node, double scale[2])
{
    const int value = facet__node_input(node, 2);
    int64_t n;
    const float *scales;

    if (value == FACET__NONE)
        return true;
    scales = facet__constant(c, value, &n);
    if (!scales || (n != 0 && n != 4))
        return false;
    for (int k = 0; k < 2 && n == 4; k++)
        scale[k] = (double)scales[2 + k];
    return n == 0 || (scales[0] == 1.0f && scales[1] == 1.0f);
}

facet_status facet__lower_resize(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    const char *mode = facet__node_string(node, "mode", "nearest");
    const bool upsample = node->op == FACET__OP_UPSAMPLE;
    const char *coordinates =
        upsample ? "asymmetric"
                 : facet__node_string(
                       node, "coordinate_transformation_mode", "half_pixel");
    const char *nearest = upsample ? "floor"
                                   : facet__node_string(node, "nearest_mode",
                                         "round_prefer_floor");
    facet__upsample_params p = { .linear = strcmp(mode, "nearest") != 0 };
    int in, out;

    if (strcmp(coordinates, "half_pixel") == 0)
        p.coordinates = FACET__COORD_HALF_PIXEL;
    else if (strcmp(coordinates, "align_corners") == 0)
        p.coordinates = FACET__COORD_ALIGN_CORNERS;
    else if (strcmp(coordinates, "asymmetric") == 0)
        p.coordinates = FACET__COORD_ASYMMETRIC;
    else
        return facet__lower_evaluate(c, i);
    p.round_nearest = strcmp(nearest, "round_prefer_floor") == 0;
    if (facet__rank(c, node->in[0]) != 4 || !take_scales(c, node, p.scale) ||
        facet__channels(c, node->in[0]) != facet__channels(c, node->out[0]) ||
        (!p.linear && !p.round_nearest && strcmp(nearest, "floor") != 0))
        return facet__lower_evaluate(c, i);
    in = facet__slot_of(
        c, node->in[0], FACET__NHWC, facet__map_type(c, node->out[0]));
    out = facet__slot_new(
        c, node->out[0], FACET__NHWC, facet__map_type(c, node->out[0]));
    return emit_kept(
        c, &facet__step_upsample, keep(&p, sizeof p), i, &in, 1, out);
}

facet_status facet__lower_lrn(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    const int64_t size = facet__node_int(node, "size", 5);
    const facet__lrn p = facet__lrn_of(node);

    if (facet__rank(c, node->in[0]) != 4 || size < 1 || size > 64)
        return facet__lower_evaluate(c, i);
    return emit_simple(
        c, &facet__step_lrn, keep(&p, sizeof p), i, map_slot(c, node->in[0]));
}

/* Reshape and its kin: the same bytes under another shape. */
facet_status facet__lower_reshape(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    const int in = facet__slot_of(c, node->in[0], FACET__PLAIN, FACET__F32);
    const int out = facet__slot_new(c, node->out[0], FACET__PLAIN, FACET__F32);

    return facet__emit(c, &facet__step_alias, NULL, i, &in, 1, &out, 1);
}

static bool permutes(const facet__node *node, const int64_t want[4])
{
    const facet__attr *perm = facet__node_attr(node, "perm");

    return perm && perm->count == 4 &&
           memcmp(perm->ints, want, 4 * sizeof *want) == 0;
}

/* NCHW to NHWC and back are only other names of what lies in memory. */
facet_status facet__lower_transpose(facet__compiler *c, int i)
{
    static const int64_t to_nhwc[4] = { 0, 2, 3, 1 };
    static const int64_t to_nchw[4] = { 0, 3, 1, 2 };
    const facet__node *node = &c->graph->nodes[i];
    int in, out;

    if (permutes(node, to_nhwc)) {
        in = facet__slot_of(c, node->in[0], FACET__NHWC, FACET__F32);
        out = facet__slot_new(c, node->out[0], FACET__PLAIN, FACET__F32);
    } else if (permutes(node, to_nchw)) {
        in = facet__slot_of(c, node->in[0], FACET__PLAIN, FACET__F32);
        out = facet__slot_new(c, node->out[0], FACET__NHWC, FACET__F32);
    } else {
        return facet__lower_evaluate(c, i);
    }
    return facet__emit(c, &facet__step_alias, NULL, i, &in, 1, &out, 1);
}
