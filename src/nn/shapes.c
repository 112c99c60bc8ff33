/* SPDX-License-Identifier: Apache-2.0 */
/* shapes.c - shape inference of operators that compute. Sizes that are not
 * known yet stay negative and travel through. */
#include "nn/shapes.h"

#include <string.h>

#include "base/error.h"

#define SHAPE_TEXT 96

static facet_status misfit(const facet__op_call *c, int a, int b)
{
    char x[SHAPE_TEXT], y[SHAPE_TEXT];

    return facet__fail(c->err, FACET_EMODEL, "shapes %s and %s do not fit",
        facet__shape_text(&c->in[a]->shape, x, sizeof x),
        facet__shape_text(&c->in[b]->shape, y, sizeof y));
}

/* Output 0 is an array of floats (or of the input's type) of this shape. */
static facet_status give(facet__op_call *c, const facet__shape *shape)
{
    c->out[0]->type = c->in[0]->type;
    c->out[0]->shape = *shape;
    return FACET_OK;
}

const int64_t *facet__call_ints(
    const facet__op_call *call, int input, int64_t *count)
{
    const facet__fact *f = input < 16 ? call->in[input] : NULL;

    if (!f || !f->data || f->data->type != FACET__I64)
        return NULL;
    *count = facet__shape_count(&f->data->shape);
    return f->data->data;
}

bool facet__axis(int64_t axis, int rank, int *out)
{
    if (axis < 0)
        axis += rank;
    *out = (int)axis;
    return axis >= 0 && axis < rank;
}

bool facet__same_types(const facet__op_call *c)
{
    const facet__dtype first = c->in[0]->type;

    for (int i = 1; i < c->node->n_in; i++) {
        const facet__dtype type = c->in[i]->type;

        if (!first || !type || type == first)
            continue;
        facet__fail(c->err, FACET_EMODEL, "operands of two types: %s and %s",
            facet__dtype_name(first), facet__dtype_name(type));
        return false;
    }
    return true;
}

facet_status facet__infer_same(facet__op_call *c)
{
    return give(c, &c->in[0]->shape);
}

facet_status facet__infer_softmax(facet__op_call *c)
{
    const facet__shape *s = &c->in[0]->shape;
    const int64_t want = facet__node_int(c->node, "axis", -1);
    int axis = 0;

    if (s->n >= 0 && !facet__axis(want, s->n, &axis))
        return facet__fail(c->err, FACET_EMODEL, "axis %lld of %d dimensions",
            (long long)want, s->n);
    for (int i = axis + 1; s->n >= 0 && i < s->n; i++)
        if (facet__node_int(c->node, "flatten", 0) && s->d[i] >= 0 &&
            s->d[i] != 1)
            return facet__fail(c->err, FACET_EUNSUPPORTED,
                "a Softmax of an opset before 13 over all axes from %d on: "
                "export the network for opset 13 or later",
                axis);
    return facet__infer_same(c);
}

/* NumPy's broadcasting; an unknown size meets 1 as unknown, n as n. */
static bool broadcast(
    const facet__shape *a, const facet__shape *b, facet__shape *out)
{
    out->n = a->n > b->n ? a->n : b->n;
    for (int i = 0; i < out->n; i++) {
        const int ia = i - (out->n - a->n), ib = i - (out->n - b->n);
        const int64_t x = ia < 0 ? 1 : a->d[ia], y = ib < 0 ? 1 : b->d[ib];

        if (x == y || y == 1)
            out->d[i] = x;
        else if (x == 1)
            out->d[i] = y;
        else if (x < 0 || y < 0)
            out->d[i] = x < 0 ? y : x;
        else
            return false;
    }
    return true;
}

facet_status facet__infer_broadcast(facet__op_call *c)
{
    facet__shape s = c->in[0]->shape;

    if (!facet__same_types(c))
        return FACET_EMODEL;
    for (int i = 1; i < c->node->n_in; i++) {
        const facet__shape a = s;

        if (a.n < 0 || c->in[i]->shape.n < 0)
            s.n = -1;
        else if (!broadcast(&a, &c->in[i]->shape, &s))
            return misfit(c, 0, i);
    }
    return give(c, &s);
}

/* Scale, shift, mean and variance are one number a channel each. */
facet_status facet__infer_batch_norm(facet__op_call *c)
{
    const facet__shape *x = &c->in[0]->shape;
    const int64_t channels = x->n > 1 ? x->d[1] : -1;

    for (int i = 1; i < c->node->n_in && channels >= 0; i++)
        if (facet__shape_known(&c->in[i]->shape) &&
            facet__shape_count(&c->in[i]->shape) != channels)
            return misfit(c, 0, i);
    return give(c, x);
}

/* Of PRelu: the slope is spread over input 0, never the other way round. */
facet_status facet__infer_prelu(facet__op_call *c)
{
    const facet__shape *x = &c->in[0]->shape, *slope = &c->in[1]->shape;
    const int more = x->n - slope->n;

    if (!facet__same_types(c))
        return FACET_EMODEL;
    if (x->n < 0 || slope->n < 0)
        return give(c, x);
    for (int i = 0; i < slope->n; i++)
        if (more < 0 ||
            (slope->d[i] >= 0 && slope->d[i] != 1 && x->d[more + i] >= 0 &&
                slope->d[i] != x->d[more + i]))
            return misfit(c, 0, 1);
    return give(c, x);
}

/* windows */

static int64_t pad_of(const facet__attr *pads, int i)
{
    return pads ? pads->ints[i] : 0;
}

static facet_status window_axis(const facet__node *node, int axis, int64_t in,
    facet__window *w, facet_error *err)
{
    const char *mode = facet__node_string(node, "auto_pad", "NOTSET");
    const bool ceil_mode = facet__node_int(node, "ceil_mode", 0) != 0;
    const int64_t extent = (w->kernel[axis] - 1) * w->dilation[axis] + 1;
    const int64_t stride = w->stride[axis];
    int64_t room;

    if (in < 0) {
        w->out[axis] = -1;
        return FACET_OK;
    }
    if (strncmp(mode, "SAME", 4) == 0) {
        int64_t total;

        w->out[axis] = (in + stride - 1) / stride;
        total = (w->out[axis] - 1) * stride + extent - in;
        total = total > 0 ? total : 0;
        w->pad_begin[axis] =
            strcmp(mode, "SAME_LOWER") == 0 ? (total + 1) / 2 : total / 2;
        w->pad_end[axis] = total - w->pad_begin[axis];
        return FACET_OK;
    }
    room = in + w->pad_begin[axis] + w->pad_end[axis] - extent;
    if (room < 0)
        return facet__fail(err, FACET_EMODEL,
            "'%.80s': a window of %lld does not fit into %lld", node->name,
            (long long)extent, (long long)(room + extent));
    w->out[axis] = (ceil_mode ? room + stride - 1 : room) / stride + 1;
    /* a window must start inside the picture or its left padding */
    if (ceil_mode && (w->out[axis] - 1) * stride >= in + w->pad_begin[axis])
        w->out[axis]--;
    return FACET_OK;
}

static bool has_pair(const facet__attr *a, size_t count)
{
    return !a || (a->type == FACET__ATTR_INTS && a->count == count);
}

const int64_t *facet__kernel_of(const facet__graph *g, const facet__node *node)
{
    switch (node->op) {
    case FACET__OP_CONV:
        return &g->values[node->in[1]].shape.d[2];
    case FACET__OP_LOCAL_CONV:
        return &g->values[node->in[1]].shape.d[1];
    case FACET__OP_AVERAGE_POOL:
    case FACET__OP_LP_POOL:
    case FACET__OP_MAX_POOL:
        return facet__node_attr(node, "kernel_shape")->ints;
    default:
        return NULL;
    }
}

facet_status facet__window_of(const facet__node *node, const int64_t in[2],
    const int64_t kernel[2], facet__window *w, facet_error *err)
{
    const facet__attr *strides = facet__node_attr(node, "strides");
    const facet__attr *dilations = facet__node_attr(node, "dilations");
    const facet__attr *pads = facet__node_attr(node, "pads");
    facet_status st = FACET_OK;

    if (!has_pair(strides, 2) || !has_pair(dilations, 2) || !has_pair(pads, 4))
        return facet__fail(err, FACET_EUNSUPPORTED,
            "'%.80s': only windows of two dimensions are supported",
            node->name);
    for (int i = 0; i < 2 && st == FACET_OK; i++) {
        w->kernel[i] = kernel[i];
        w->stride[i] = strides ? strides->ints[i] : 1;
        w->dilation[i] = dilations ? dilations->ints[i] : 1;
        w->pad_begin[i] = pad_of(pads, i);
        w->pad_end[i] = pad_of(pads, i + 2);
        if (kernel[i] < 1 || w->stride[i] < 1 || w->dilation[i] < 1 ||
            w->pad_begin[i] < 0 || w->pad_end[i] < 0 || kernel[i] > 4096 ||
            w->stride[i] > 4096 || w->dilation[i] > 4096 ||
            w->pad_begin[i] > 4096 || w->pad_end[i] > 4096)
            return facet__fail(err, FACET_EDAMAGED,
                "'%.80s': kernel, stride, dilation or padding out of range",
                node->name);
        st = window_axis(node, i, in[i], w, err);
    }
    return st;
}

/* [n, channels, out h, out w] of a window over input 0. */
static facet_status give_windowed(
    facet__op_call *c, int64_t channels, const int64_t kernel[2])
{
    const facet__shape *in = &c->in[0]->shape;
    facet__window w;
    facet_status st;

    if (in->n < 0)
        return FACET_OK;
    if (in->n != 4)
        return facet__fail(c->err, FACET_EUNSUPPORTED,
            "the input has %d dimensions: only 4 are supported", in->n);
    st = facet__window_of(c->node, &in->d[2], kernel, &w, c->err);
    if (st != FACET_OK)
        return st;
    return give(
        c, &(facet__shape){ 4, { in->d[0], channels, w.out[0], w.out[1] } });
}

facet_status facet__infer_conv(facet__op_call *c)
{
    const facet__shape *x = &c->in[0]->shape, *w = &c->in[1]->shape;
    const int64_t groups = facet__node_int(c->node, "group", 1);

    if (x->n < 0 || w->n < 0)
        return FACET_OK;
    if (w->n != 4 || groups < 1)
        return facet__fail(c->err, FACET_EUNSUPPORTED,
            "the filters have %d dimensions, the convolution %lld groups", w->n,
            (long long)groups);
    if (w->d[0] < 1 || w->d[1] < 1 || w->d[0] % groups != 0 ||
        (x->n == 4 && x->d[1] >= 0 && x->d[1] != w->d[1] * groups))
        return misfit(c, 0, 1);
    if (c->in[2] && facet__shape_known(&c->in[2]->shape) &&
        facet__shape_count(&c->in[2]->shape) != w->d[0])
        return misfit(c, 1, 2);
    return give_windowed(c, w->d[0], &w->d[2]);
}

facet_status facet__infer_pool(facet__op_call *c)
{
    const facet__attr *k = facet__node_attr(c->node, "kernel_shape");

    if (!k || k->type != FACET__ATTR_INTS || k->count != 2)
        return facet__fail(c->err, FACET_EUNSUPPORTED,
            "kernel_shape is missing or not of two dimensions");
    return give_windowed(
        c, c->in[0]->shape.n == 4 ? c->in[0]->shape.d[1] : -1, k->ints);
}

facet_status facet__infer_global_pool(facet__op_call *c)
{
    facet__shape s = c->in[0]->shape;

    for (int i = 2; i < s.n; i++)
        s.d[i] = 1;
    return give(c, &s);
}

/* Locally connected: filters [oh * ow, kh, kw, in, out]. */
facet_status facet__infer_local_conv(facet__op_call *c)
{
    const facet__shape *w = &c->in[1]->shape;
    facet_status st;

    if (w->n != 5)
        return facet__fail(c->err, FACET_EDAMAGED,
            "the filters of a local convolution have %d dimensions", w->n);
    if (c->in[0]->shape.n == 4 && c->in[0]->shape.d[1] >= 0 &&
        c->in[0]->shape.d[1] != w->d[3])
        return misfit(c, 0, 1);
    st = give_windowed(c, w->d[4], &w->d[1]);
    if (st == FACET_OK && c->out[0]->shape.n == 4 &&
        facet__shape_known(&c->out[0]->shape) &&
        c->out[0]->shape.d[2] * c->out[0]->shape.d[3] != w->d[0])
        return misfit(c, 0, 1);
    return st;
}

facet_status facet__infer_maxout(facet__op_call *c)
{
    facet__shape s = c->in[0]->shape;
    const int64_t group = facet__node_int(c->node, "group", 2);

    if (s.n < 2 || group < 1 || (s.d[1] >= 0 && s.d[1] % group != 0))
        return facet__fail(c->err, FACET_EMODEL,
            "channels cannot be grouped by %lld", (long long)group);
    s.d[1] = s.d[1] < 0 ? -1 : s.d[1] / group;
    return give(c, &s);
}

/* products */

/* Is a size along an axis, as far as is known, one that is spread over `to`? */
static bool spreads(int64_t size, int64_t to)
{
    return size < 0 || to < 0 || size == 1 || size == to;
}

/* Of Gemm: C is spread over [rows, columns], never the other way round. */
static bool addend_fits(const facet__shape *s, int64_t rows, int64_t columns)
{
    return s->n <= 2 && (s->n < 1 || spreads(s->d[s->n - 1], columns)) &&
           (s->n < 2 || spreads(s->d[0], rows));
}

facet_status facet__infer_gemm(facet__op_call *c)
{
    const facet__shape *a = &c->in[0]->shape, *b = &c->in[1]->shape;
    const int ta = facet__node_int(c->node, "transA", 0) != 0;
    const int tb = facet__node_int(c->node, "transB", 0) != 0;

    if (a->n < 0 || b->n < 0)
        return FACET_OK;
    if (a->n != 2 || b->n != 2 ||
        (a->d[1 - ta] >= 0 && b->d[tb] >= 0 && a->d[1 - ta] != b->d[tb]))
        return misfit(c, 0, 1);
    if (c->in[2] && !addend_fits(&c->in[2]->shape, a->d[ta], b->d[1 - tb]))
        return facet__fail(
            c->err, FACET_EMODEL, "its C cannot be spread over what it makes");
    return give(c, &(facet__shape){ 2, { a->d[ta], b->d[1 - tb] } });
}

facet_status facet__infer_matmul(facet__op_call *c)
{
    const facet__shape *a = &c->in[0]->shape, *b = &c->in[1]->shape;
    facet__shape s = *a;

    if (a->n < 0 || b->n < 0)
        return FACET_OK;
    if (a->n < 2 || b->n < 2)
        return facet__fail(c->err, FACET_EUNSUPPORTED,
            "a product with a vector is not supported: make it a matrix of "
            "one row or column");
    if ((a->d[a->n - 1] >= 0 && b->d[b->n - 2] >= 0 &&
            a->d[a->n - 1] != b->d[b->n - 2]))
        return misfit(c, 0, 1);
    if (b->n > 2) {
        facet__shape front_a = *a, front_b = *b;

        front_a.n -= 2;
        front_b.n -= 2;
        if (!broadcast(&front_a, &front_b, &s))
            return misfit(c, 0, 1);
        s.n += 2;
        s.d[s.n - 2] = a->d[a->n - 2];
    }
    s.d[s.n - 1] = b->d[b->n - 1];
    return give(c, &s);
}

facet_status facet__infer_reduce(facet__op_call *c)
{
    const facet__attr *axes = facet__node_attr(c->node, "axes");
    const bool keep = facet__node_int(c->node, "keepdims", 1) != 0;
    const facet__shape *in = &c->in[0]->shape;
    bool reduced[FACET__MAX_DIMS] = { false };
    facet__shape s = { 0 };

    if (in->n < 0)
        return FACET_OK;
    for (int i = 0; i < in->n; i++)
        reduced[i] = !axes || axes->count == 0;
    for (size_t i = 0; axes && i < axes->count; i++) {
        int axis;

        if (!facet__axis(axes->ints[i], in->n, &axis))
            return facet__fail(c->err, FACET_EMODEL, "axis %lld of %d",
                (long long)axes->ints[i], in->n);
        reduced[axis] = true;
    }
    for (int i = 0; i < in->n; i++)
        if (!reduced[i])
            s.d[s.n++] = in->d[i];
        else if (keep)
            s.d[s.n++] = 1;
    return give(c, &s);
}

/* Those of a Resize, of which there may be none; NULL while they are unknown.
 */
static const float *scales_of(const facet__op_call *c, int64_t *n)
{
    const facet__tensor *t = c->in[2] ? c->in[2]->data : NULL;

    if (!t || t->type != FACET__F32)
        return NULL;
    *n = facet__shape_count(&t->shape);
    return t->data;
}

bool facet__scales_are_usable(const float *scales, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!(scales[i] > 0.0f && scales[i] < 65536.0f))
            return false;
    return true;
}

facet_status facet__infer_resize(facet__op_call *c)
{
    const facet__shape *in = &c->in[0]->shape;
    int64_t n = 0, n_scales = 0;
    const float *scales = scales_of(c, &n_scales);
    const int64_t *sizes = facet__call_ints(c, 3, &n);
    facet__shape s = *in;

    if (in->n < 0)
        return FACET_OK;
    /* Beside sizes too: they still say where pixels are taken from. */
    if (!facet__scales_are_usable(scales, n_scales))
        return facet__fail(c->err, FACET_EDAMAGED, "a scale is out of range");
    for (int64_t i = 0; sizes && i < n; i++)
        if (sizes[i] < 0)
            return facet__fail(
                c->err, FACET_EDAMAGED, "a size of %lld", (long long)sizes[i]);
    for (int i = 0; i < s.n; i++)
        s.d[i] = -1;
    if (sizes && n == in->n) {
        memcpy(s.d, sizes, (size_t)n * sizeof *sizes);
    } else if (scales && n_scales == in->n) {
        for (int i = 0; i < s.n; i++)
            s.d[i] = in->d[i] < 0
                         ? -1
                         : (int64_t)((double)in->d[i] * (double)scales[i]);
    }
    for (int i = 0; i < s.n; i++)
        if (in->d[i] == 0 && s.d[i] > 0)
            return facet__fail(c->err, FACET_EMODEL,
                "a map of no pixels cannot become one of %lld",
                (long long)s.d[i]);
    if (s.n == 4 && in->d[1] >= 0 && s.d[1] < 0)
        s.d[1] = in->d[1]; /* nobody resizes channels */
    return give(c, &s);
}
