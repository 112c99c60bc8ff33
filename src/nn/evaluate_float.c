/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate_float.c - what networks compute, in plain C with sums in double:
 * the oracle of the engine, and its fallback. Here stand the operators that
 * work number by number or along an axis; evaluate_window.c has convolutions,
 * pools, products and resizing. Shapes have been inferred, so what is checked
 * here is only what inference leaves open: types, and the sizes of the small
 * operands. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "nn/evaluate.h"
#include "nn/shapes.h"

const float *facet__call_floats(const facet__op_call *c, int i)
{
    return i < c->node->n_in && c->in[i] && c->in[i]->data &&
                   c->in[i]->data->type == FACET__F32
               ? c->in[i]->data->data
               : NULL;
}

/* number by number */

/* What is no number stays none: fmin and fmax would take the bound. */
static double within_one(double x)
{
    return x < 0.0 ? 0.0 : x > 1.0 ? 1.0 : x;
}

static double hard_sigmoid(const facet__node *node, double x)
{
    const double alpha = (double)facet__node_float(node, "alpha", 0.2f);
    const double beta = (double)facet__node_float(node, "beta", 0.5f);

    return within_one(alpha * x + beta);
}

static double apply(const facet__node *node, double x)
{
    switch (node->op) {
    case FACET__OP_ELU:
        return x >= 0.0
                   ? x
                   : (double)facet__node_float(node, "alpha", 1.0f) * expm1(x);
    case FACET__OP_EXP:
        return exp(x);
    case FACET__OP_HARD_SIGMOID:
        return hard_sigmoid(node, x);
    case FACET__OP_HARD_SWISH:
        return x * within_one(x / 6.0 + 0.5);
    case FACET__OP_LEAKY_RELU:
        return x >= 0.0 ? x
                        : (double)facet__node_float(node, "alpha", 0.01f) * x;
    case FACET__OP_RELU:
        return x < 0.0 ? 0.0 : x;
    case FACET__OP_SIGMOID:
        return 1.0 / (1.0 + exp(-x));
    case FACET__OP_SQRT:
        return sqrt(x);
    default:
        return tanh(x);
    }
}

static facet_status unary(const facet__op_call *c, facet__tensor *const *out)
{
    const float *x = facet__call_floats(c, 0);
    const int64_t count = facet__shape_count(&out[0]->shape);
    float *y = out[0]->data;

    if (!x)
        return FACET_EUNSUPPORTED;
    for (int64_t i = 0; i < count; i++)
        y[i] = (float)apply(c->node, (double)x[i]);
    return FACET_OK;
}

static facet_status clip(const facet__op_call *c, facet__tensor *const *out)
{
    const float *x = facet__call_floats(c, 0);
    const float *lo = facet__call_floats(c, 1), *hi = facet__call_floats(c, 2);
    const int64_t count = facet__shape_count(&out[0]->shape);
    float *y = out[0]->data;

    if (!x || (c->in[1] && (!lo || c->in[1]->data->bytes < sizeof *lo)) ||
        (c->in[2] && (!hi || c->in[2]->data->bytes < sizeof *hi)))
        return FACET_EUNSUPPORTED;
    for (int64_t i = 0; i < count; i++) {
        y[i] = x[i];
        if (lo && y[i] < *lo)
            y[i] = *lo;
        if (hi && y[i] > *hi)
            y[i] = *hi;
    }
    return FACET_OK;
}

/* with a few numbers a channel */

/* Elements behind dimension `axis`. */
static int64_t inner_count(const facet__shape *s, int axis)
{
    int64_t n = 1;

    for (int i = axis + 1; i < s->n; i++)
        n *= s->d[i];
    return n;
}

static facet_status batch_norm(
    const facet__op_call *c, facet__tensor *const *out)
{
    const facet__shape *s = &out[0]->shape;
    const float *x = facet__call_floats(c, 0), *p[4];
    const double epsilon = (double)facet__node_float(c->node, "epsilon", 1e-5f);
    const int64_t channels = s->n > 1 ? s->d[1] : 1;
    const int64_t inner = inner_count(s, 1);
    float *y = out[0]->data;

    for (int i = 0; i < 4; i++) {
        p[i] = facet__call_floats(c, 1 + i);
        if (!x || !p[i] ||
            facet__shape_count(&c->in[1 + i]->data->shape) != channels)
            return FACET_EUNSUPPORTED;
    }
    for (int64_t i = 0; i < facet__shape_count(s); i++) {
        const int64_t k = i / inner % channels;
        const double factor = (double)p[0][k] / sqrt((double)p[3][k] + epsilon);

        y[i] = (float)(((double)x[i] - (double)p[2][k]) * factor +
                       (double)p[1][k]);
    }
    return FACET_OK;
}

/* Where the element of `in` lies that position `i` of `out` is paired with. */
static int64_t broadcast_index(
    const facet__shape *in, const facet__shape *out, int64_t i)
{
    int64_t at = 0, step = 1;

    for (int k = out->n - 1; k >= 0; k--) {
        const int own = k - (out->n - in->n);

        if (own >= 0) {
            at += in->d[own] == 1 ? 0 : i % out->d[k] * step;
            step *= in->d[own];
        }
        i /= out->d[k];
    }
    return at;
}

static facet_status prelu(const facet__op_call *c, facet__tensor *const *out)
{
    const float *x = facet__call_floats(c, 0),
                *slope = facet__call_floats(c, 1);
    const int64_t count = facet__shape_count(&out[0]->shape);
    float *y = out[0]->data;

    if (!x || !slope)
        return FACET_EUNSUPPORTED;
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] >= 0.0f
                   ? x[i]
                   : x[i] * slope[broadcast_index(
                                &c->in[1]->data->shape, &out[0]->shape, i)];
    return FACET_OK;
}

/* Response normalisation across channels:
 * y = x / (bias + alpha / size * sum of squares)^beta */
static facet_status lrn(const facet__op_call *c, facet__tensor *const *out)
{
    const facet__shape *s = &out[0]->shape;
    const float *x = facet__call_floats(c, 0);
    const int64_t size = facet__node_int(c->node, "size", 1);
    const double alpha = (double)facet__node_float(c->node, "alpha", 1e-4f);
    const double beta = (double)facet__node_float(c->node, "beta", 0.75f);
    const double bias = (double)facet__node_float(c->node, "bias", 1.0f);
    const int64_t inner = inner_count(s, 1);
    float *y = out[0]->data;

    if (!x || s->n < 2 || size < 1)
        return FACET_EUNSUPPORTED;
    for (int64_t i = 0; i < facet__shape_count(s); i++) {
        const int64_t k = i / inner % s->d[1];
        const int64_t before = k < (size - 1) / 2 ? k : (size - 1) / 2;
        const int64_t after =
            s->d[1] - 1 - k < size / 2 ? s->d[1] - 1 - k : size / 2;
        double sum = 0.0;

        for (int64_t j = -before; j <= after; j++)
            sum += (double)x[i + j * inner] * (double)x[i + j * inner];
        y[i] = (float)((double)x[i] /
                       pow(bias + alpha / (double)size * sum, beta));
    }
    return FACET_OK;
}

/* The largest of `group` adjacent channels. */
static facet_status maxout(const facet__op_call *c, facet__tensor *const *out)
{
    const facet__shape *s = &out[0]->shape;
    const float *x = facet__call_floats(c, 0);
    const int64_t group = facet__node_int(c->node, "group", 2);
    const int64_t inner = inner_count(s, 1);
    float *y = out[0]->data;

    if (!x)
        return FACET_EUNSUPPORTED;
    for (int64_t i = 0; i < facet__shape_count(s); i++) {
        const float *from = x + i / inner * group * inner + i % inner;

        y[i] = *from;
        for (int64_t k = 1; k < group; k++)
            y[i] = from[k * inner] > y[i] ? from[k * inner] : y[i];
    }
    return FACET_OK;
}

/* along an axis */

/* Numbers `stride` apart, `count` of them, to their softmax. */
static void softmax_row(const float *x, float *y, int64_t count, int64_t stride)
{
    double top = -(double)INFINITY, sum = 0.0;

    for (int64_t i = 0; i < count; i++)
        top = fmax(top, (double)x[i * stride]);
    for (int64_t i = 0; i < count; i++)
        sum += exp((double)x[i * stride] - top);
    for (int64_t i = 0; i < count; i++)
        y[i * stride] = (float)(exp((double)x[i * stride] - top) / sum);
}

/* Divided by the sum of magnitudes (p = 1) or the length (p = 2). */
static void normalize_row(
    const float *x, float *y, int64_t count, int64_t stride, int64_t p)
{
    double norm = 0.0;

    for (int64_t i = 0; i < count; i++)
        norm += p == 1 ? fabs((double)x[i * stride])
                       : (double)x[i * stride] * (double)x[i * stride];
    norm = p == 1 ? norm : sqrt(norm);
    for (int64_t i = 0; i < count; i++)
        y[i * stride] =
            norm > 0.0 ? (float)((double)x[i * stride] / norm) : 0.0f;
}

static facet_status along_axis(
    const facet__op_call *c, facet__tensor *const *out)
{
    const facet__shape *s = &out[0]->shape;
    const float *x = facet__call_floats(c, 0);
    const bool softmax = c->node->op == FACET__OP_SOFTMAX;
    const int64_t want = facet__node_int(c->node, "axis", -1);
    const int64_t p = facet__node_int(c->node, "p", 2);
    int64_t count, inner;
    float *y = out[0]->data;
    int axis;

    if (!x || !facet__axis(want, s->n, &axis) || (p != 1 && p != 2))
        return FACET_EUNSUPPORTED;
    count = s->d[axis];
    inner = inner_count(s, axis);
    if (facet__shape_count(s) == 0)
        return FACET_OK;
    for (int64_t i = 0; i < facet__shape_count(s) / count; i++) {
        const int64_t at = i / inner * count * inner + i % inner;

        if (softmax)
            softmax_row(x + at, y + at, count, inner);
        else
            normalize_row(x + at, y + at, count, inner, p);
    }
    return FACET_OK;
}

/* reductions */

typedef struct reduction {
    facet__op_kind op;
    int n;                         /* reduced dimensions: */
    int64_t size[FACET__MAX_DIMS]; /* their sizes and strides */
    int64_t stride[FACET__MAX_DIMS];
} reduction;

static double reduce_one(const reduction *r, const float *x)
{
    int64_t at[FACET__MAX_DIMS] = { 0 }, count = 1, offset = 0;
    double sum = r->op == FACET__OP_REDUCE_MAX ? -(double)INFINITY : 0.0;

    for (int k = 0; k < r->n; k++)
        count *= r->size[k];
    for (int64_t i = 0; i < count; i++) {
        const double v = (double)x[offset];

        if (r->op == FACET__OP_REDUCE_MAX)
            sum = v > sum ? v : sum;
        else
            sum += r->op == FACET__OP_REDUCE_L2 ? v * v : v;
        for (int k = r->n - 1; k >= 0; k--) {
            offset += r->stride[k];
            if (++at[k] < r->size[k])
                break;
            offset -= r->stride[k] * at[k];
            at[k] = 0;
        }
    }
    return r->op == FACET__OP_REDUCE_L2     ? sqrt(sum)
           : r->op == FACET__OP_REDUCE_MEAN ? sum / (double)count
                                            : sum;
}

static facet_status reduce(const facet__op_call *c, facet__tensor *const *out)
{
    const facet__attr *axes = facet__node_attr(c->node, "axes");
    const facet__shape *in = &c->in[0]->shape;
    const float *x = facet__call_floats(c, 0);
    const bool all = !axes || axes->count == 0;
    bool reduced[FACET__MAX_DIMS] = { false };
    reduction r = { .op = c->node->op }, kept = { .op = c->node->op };
    float *y = out[0]->data;
    int64_t step = 1;

    if (!x)
        return FACET_EUNSUPPORTED;
    for (size_t i = 0; axes && i < axes->count; i++) {
        int axis;

        if (!facet__axis(axes->ints[i], in->n, &axis))
            return FACET_EUNSUPPORTED;
        reduced[axis] = true;
    }
    for (int i = in->n - 1; i >= 0; i--) { /* innermost first */
        reduction *to = all || reduced[i] ? &r : &kept;

        to->size[to->n] = in->d[i];
        to->stride[to->n++] = step;
        step *= in->d[i];
    }
    for (int64_t i = 0; i < facet__shape_count(&out[0]->shape); i++) {
        int64_t offset = 0, rest = i;

        for (int k = 0; k < kept.n; k++) {
            offset += rest % kept.size[k] * kept.stride[k];
            rest /= kept.size[k];
        }
        y[i] = (float)reduce_one(&r, x + offset);
    }
    return FACET_OK;
}

/* the table */

static facet__evaluator *const table[FACET__OP_COUNT] = {
    [FACET__OP_AVERAGE_POOL] = facet__evaluate_pool,
    [FACET__OP_BATCH_NORM] = batch_norm,
    [FACET__OP_CLIP] = clip,
    [FACET__OP_CONV] = facet__evaluate_conv,
    [FACET__OP_ELU] = unary,
    [FACET__OP_EXP] = unary,
    [FACET__OP_GEMM] = facet__evaluate_gemm,
    [FACET__OP_GLOBAL_AVERAGE_POOL] = facet__evaluate_global_pool,
    [FACET__OP_GLOBAL_MAX_POOL] = facet__evaluate_global_pool,
    [FACET__OP_HARD_SIGMOID] = unary,
    [FACET__OP_HARD_SWISH] = unary,
    [FACET__OP_LEAKY_RELU] = unary,
    [FACET__OP_LOCAL_CONV] = facet__evaluate_local_conv,
    [FACET__OP_LP_NORMALIZATION] = along_axis,
    [FACET__OP_LP_POOL] = facet__evaluate_pool,
    [FACET__OP_LRN] = lrn,
    [FACET__OP_MATMUL] = facet__evaluate_matmul,
    [FACET__OP_MAXOUT] = maxout,
    [FACET__OP_MAX_POOL] = facet__evaluate_pool,
    [FACET__OP_PRELU] = prelu,
    [FACET__OP_REDUCE_L2] = reduce,
    [FACET__OP_REDUCE_MAX] = reduce,
    [FACET__OP_REDUCE_MEAN] = reduce,
    [FACET__OP_REDUCE_SUM] = reduce,
    [FACET__OP_RELU] = unary,
    [FACET__OP_RESIZE] = facet__evaluate_resize,
    [FACET__OP_SIGMOID] = unary,
    [FACET__OP_SOFTMAX] = along_axis,
    [FACET__OP_SQRT] = unary,
    [FACET__OP_TANH] = unary,
    [FACET__OP_UPSAMPLE] = facet__evaluate_resize,
};

facet__evaluator *facet__float_evaluator(facet__op_kind kind)
{
    return table[kind];
}
