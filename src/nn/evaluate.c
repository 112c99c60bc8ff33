/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate.c - operators in plain C, for shape arithmetic, for weights that an
 * exporter left as a chain of nodes, and for the rare operator that the engine
 * has no step for. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "nn/evaluate.h"
#include "nn/shapes.h"

static const facet__tensor *input(const facet__op_call *c, int i)
{
    return c->in[i] ? c->in[i]->data : NULL;
}

/* Row-major strides of a shape, in elements. */
static void strides_of(const facet__shape *s, int64_t *strides)
{
    int64_t step = 1;

    for (int i = s->n - 1; i >= 0; i--) {
        strides[i] = step;
        step *= s->d[i];
    }
}

/* Copy `out` from `in`, whose element for output position p is at
 * offset + sum p[i] * strides[i]. */
static void gather_strided(const facet__tensor *in, int64_t offset,
    const int64_t *strides, facet__tensor *out)
{
    const size_t size = facet__dtype_size(in->type);
    const int64_t count = facet__shape_count(&out->shape);
    int64_t at[FACET__MAX_DIMS] = { 0 };

    for (int64_t i = 0; i < count; i++) {
        int k = out->shape.n - 1;

        memcpy((char *)out->data + (size_t)i * size,
            (const char *)in->data + (size_t)offset * size, size);
        for (; k >= 0; k--) {
            offset += strides[k];
            if (++at[k] < out->shape.d[k])
                break;
            offset -= strides[k] * at[k];
            at[k] = 0;
        }
    }
}

static facet_status copy(const facet__op_call *c, facet__tensor *const *out)
{
    memcpy(out[0]->data, input(c, 0)->data, out[0]->bytes);
    return FACET_OK;
}

static facet_status shape_of(const facet__op_call *c, facet__tensor *const *out)
{
    memcpy(out[0]->data, c->in[0]->shape.d, out[0]->bytes);
    return FACET_OK;
}

static facet_status transpose(
    const facet__op_call *c, facet__tensor *const *out)
{
    const facet__tensor *in = input(c, 0);
    const facet__attr *perm = facet__node_attr(c->node, "perm");
    int64_t own[FACET__MAX_DIMS], strides[FACET__MAX_DIMS] = { 0 };

    strides_of(&in->shape, own);
    for (int i = 0; i < in->shape.n; i++)
        strides[i] = own[perm ? perm->ints[i] : in->shape.n - 1 - i];
    gather_strided(in, 0, strides, out[0]);
    return FACET_OK;
}

static facet_status expand(const facet__op_call *c, facet__tensor *const *out)
{
    const facet__tensor *in = input(c, 0);
    const int more = out[0]->shape.n - in->shape.n;
    int64_t own[FACET__MAX_DIMS], strides[FACET__MAX_DIMS] = { 0 };

    strides_of(&in->shape, own);
    for (int i = 0; i < in->shape.n; i++)
        strides[more + i] = in->shape.d[i] == 1 ? 0 : own[i];
    gather_strided(in, 0, strides, out[0]);
    return FACET_OK;
}

static int64_t within(int64_t x, int64_t lo, int64_t hi)
{
    return x > hi ? hi : x < lo ? lo : x;
}

static facet_status slice(const facet__op_call *c, facet__tensor *const *out)
{
    const facet__tensor *in = input(c, 0);
    int64_t n = 0, m = 0, strides[FACET__MAX_DIMS], offset = 0;
    const int64_t *begin = facet__call_ints(c, 1, &n);
    const int64_t *axes = facet__call_ints(c, 3, &m);
    const int64_t *steps = facet__call_ints(c, 4, &m);

    strides_of(&in->shape, strides);
    for (int64_t i = 0; i < n; i++) {
        const int64_t step = steps ? steps[i] : 1;
        int64_t from = begin[i], size;
        int axis;

        facet__axis(axes ? axes[i] : i, in->shape.n, &axis);
        size = in->shape.d[axis];
        from = from < 0 ? from + size : from;
        from = within(from, 0, step < 0 ? size - 1 : size);
        offset += from * strides[axis];
        /* a longer step takes the first number alone, as this one does */
        strides[axis] *= within(step, -size, size);
    }
    if (out[0]->bytes > 0)
        gather_strided(in, offset, strides, out[0]);
    return FACET_OK;
}

/* Blocks of `inner` bytes: dimensions from `axis` on, an outer index before. */
static size_t inner_bytes(const facet__tensor *t, int axis)
{
    size_t bytes = facet__dtype_size(t->type);

    for (int i = axis; i < t->shape.n; i++)
        bytes *= (size_t)t->shape.d[i];
    return bytes;
}

static facet_status concat(const facet__op_call *c, facet__tensor *const *out)
{
    size_t row, offset = 0;
    int axis;

    facet__axis(facet__node_int(c->node, "axis", 0), out[0]->shape.n, &axis);
    row = inner_bytes(out[0], axis);
    for (int i = 0; i < c->node->n_in; i++) {
        const facet__tensor *in = input(c, i);
        const size_t part = inner_bytes(in, axis);

        for (size_t k = 0; row > 0 && k < out[0]->bytes / row; k++)
            memcpy((char *)out[0]->data + k * row + offset,
                (const char *)in->data + k * part, part);
        offset += part;
    }
    return FACET_OK;
}

static facet_status split(const facet__op_call *c, facet__tensor *const *out)
{
    const facet__tensor *in = input(c, 0);
    size_t row, offset = 0;
    int axis;

    facet__axis(facet__node_int(c->node, "axis", 0), in->shape.n, &axis);
    row = inner_bytes(in, axis);
    for (int i = 0; i < c->node->n_out; i++) {
        size_t part;

        if (!out[i])
            return FACET_EUNSUPPORTED;
        part = inner_bytes(out[i], axis);
        for (size_t k = 0; row > 0 && k < in->bytes / row; k++)
            memcpy((char *)out[i]->data + k * part,
                (const char *)in->data + k * row + offset, part);
        offset += part;
    }
    return FACET_OK;
}

static int64_t index_at(const facet__tensor *t, int64_t i)
{
    return t->type == FACET__I64 ? ((const int64_t *)t->data)[i]
                                 : ((const int32_t *)t->data)[i];
}

static facet_status gather(const facet__op_call *c, facet__tensor *const *out)
{
    const facet__tensor *in = input(c, 0), *at = input(c, 1);
    const int64_t n = facet__shape_count(&at->shape);
    size_t part, row;
    int axis;

    if (at->type != FACET__I64 && at->type != FACET__I32)
        return FACET_EUNSUPPORTED;
    facet__axis(facet__node_int(c->node, "axis", 0), in->shape.n, &axis);
    part = inner_bytes(in, axis + 1);
    row = inner_bytes(in, axis);
    for (size_t k = 0; row > 0 && k < in->bytes / row; k++)
        for (int64_t i = 0; i < n; i++) {
            int64_t from = index_at(at, i);

            from += from < 0 ? in->shape.d[axis] : 0;
            if (from < 0 || from >= in->shape.d[axis])
                return facet__fail(c->err, FACET_EMODEL, "index %lld of %lld",
                    (long long)from, (long long)in->shape.d[axis]);
            memcpy((char *)out[0]->data + (k * (size_t)n + (size_t)i) * part,
                (const char *)in->data + k * row + (size_t)from * part, part);
        }
    return FACET_OK;
}

static facet_status constant_of_shape(
    const facet__op_call *c, facet__tensor *const *out)
{
    const facet__attr *value = facet__node_attr(c->node, "value");
    const size_t size = facet__dtype_size(out[0]->type);

    if (!value || value->t->bytes < size) {
        memset(out[0]->data, 0, out[0]->bytes);
        return FACET_OK;
    }
    for (size_t i = 0; i < out[0]->bytes / size; i++)
        memcpy((char *)out[0]->data + i * size, value->t->data, size);
    return FACET_OK;
}

static facet_status pad(const facet__op_call *c, facet__tensor *const *out)
{
    const facet__tensor *in = input(c, 0), *fill = input(c, 2);
    int64_t n = 0, own[FACET__MAX_DIMS], to[FACET__MAX_DIMS];
    const int64_t *pads = facet__call_ints(c, 1, &n);
    const size_t size = facet__dtype_size(in->type);
    int64_t at[FACET__MAX_DIMS] = { 0 };
    const int64_t count = facet__shape_count(&in->shape);

    if (!pads)
        return FACET_EUNSUPPORTED;
    strides_of(&in->shape, own);
    strides_of(&out[0]->shape, to);
    for (size_t i = 0; i < out[0]->bytes / size; i++) {
        static const char zero[8];

        memcpy((char *)out[0]->data + i * size, fill ? fill->data : zero, size);
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t offset = 0;

        for (int k = 0; k < in->shape.n; k++)
            offset += (at[k] + pads[k]) * to[k];
        memcpy((char *)out[0]->data + (size_t)offset * size,
            (const char *)in->data + (size_t)i * size, size);
        for (int k = in->shape.n - 1; k >= 0; k--) {
            if (++at[k] < in->shape.d[k])
                break;
            at[k] = 0;
        }
    }
    return FACET_OK;
}

static facet_status cast(const facet__op_call *c, facet__tensor *const *out)
{
    const facet__tensor *in = input(c, 0);
    const int64_t n = facet__shape_count(&in->shape);

    for (int64_t i = 0; i < n; i++) {
        double x;

        switch (in->type) {
        case FACET__F32:
            x = (double)((const float *)in->data)[i];
            break;
        case FACET__I64:
            x = (double)((const int64_t *)in->data)[i];
            break;
        case FACET__I32:
            x = (double)((const int32_t *)in->data)[i];
            break;
        case FACET__I8:
            x = (double)((const int8_t *)in->data)[i];
            break;
        default:
            x = (double)((const uint8_t *)in->data)[i];
            break;
        }
        if (out[0]->type != FACET__F32 && !(fabs(x) < 9e15))
            return facet__fail(
                c->err, FACET_EMODEL, "a number is too large for the cast");
        if (out[0]->type == FACET__F32)
            ((float *)out[0]->data)[i] = (float)x;
        else if (out[0]->type == FACET__I64)
            ((int64_t *)out[0]->data)[i] = (int64_t)x;
        else if (out[0]->type == FACET__I32)
            ((int32_t *)out[0]->data)[i] = (int32_t)(int64_t)x;
        else
            ((uint8_t *)out[0]->data)[i] =
                out[0]->type == FACET__BOOL ? x != 0.0 : (uint8_t)(int64_t)x;
    }
    return FACET_OK;
}

/* operands of equal shapes, or spread over them */

static float combine(facet__op_kind op, float a, float b)
{
    switch (op) {
    case FACET__OP_ADD:
        return a + b;
    case FACET__OP_SUB:
        return a - b;
    case FACET__OP_MUL:
        return a * b;
    case FACET__OP_DIV:
        return a / b;
    case FACET__OP_MAX:
        return a > b ? a : b;
    case FACET__OP_MIN:
        return a < b ? a : b;
    default:
        return powf(a, b);
    }
}

/* a to the power of b; of what lies between 0 and 1 the whole part is 0. */
static bool power_of_ints(int64_t a, int64_t b, int64_t *x)
{
    const bool odd = b % 2 != 0;

    *x = 1;
    if (a == 1 || a == -1) {
        *x = odd ? a : 1;
        return true;
    }
    if (a == 0 || b < 0) {
        *x = b == 0;
        return a != 0 || b >= 0;
    }
    for (int64_t i = 0; i < b; i++) /* ends at the 63rd of a power of two */
        if (__builtin_mul_overflow(*x, a, x))
            return false;
    return true;
}

/* False: no number of 64 bits is the result. */
static bool combine_ints(facet__op_kind op, int64_t a, int64_t b, int64_t *x)
{
    switch (op) {
    case FACET__OP_ADD:
        return !__builtin_add_overflow(a, b, x);
    case FACET__OP_SUB:
        return !__builtin_sub_overflow(a, b, x);
    case FACET__OP_MUL:
        return !__builtin_mul_overflow(a, b, x);
    case FACET__OP_DIV:
        if (b == 0 || (a == INT64_MIN && b == -1))
            return false;
        *x = a / b;
        return true;
    case FACET__OP_MAX:
        *x = a > b ? a : b;
        return true;
    case FACET__OP_MIN:
        *x = a < b ? a : b;
        return true;
    default:
        return power_of_ints(a, b, x);
    }
}

/* Strides that walk `in` along the output's positions. */
static void broadcast_strides(
    const facet__shape *in, const facet__shape *out, int64_t *strides)
{
    int64_t own[FACET__MAX_DIMS];
    const int more = out->n - in->n;

    strides_of(in, own);
    for (int i = 0; i < out->n; i++)
        strides[i] = i < more || in->d[i - more] == 1 ? 0 : own[i - more];
}

/* `a` may be `out`. False: integers overflow. */
static bool combine_into(facet__op_kind op, const facet__tensor *a,
    const facet__tensor *b, facet__tensor *out)
{
    const int64_t count = facet__shape_count(&out->shape);
    int64_t sa[FACET__MAX_DIMS], sb[FACET__MAX_DIMS];
    int64_t at[FACET__MAX_DIMS] = { 0 }, ia = 0, ib = 0;

    broadcast_strides(&a->shape, &out->shape, sa);
    broadcast_strides(&b->shape, &out->shape, sb);
    for (int64_t i = 0; i < count; i++) {
        if (out->type == FACET__F32)
            ((float *)out->data)[i] = combine(
                op, ((const float *)a->data)[ia], ((const float *)b->data)[ib]);
        else if (!combine_ints(op, ((const int64_t *)a->data)[ia],
                     ((const int64_t *)b->data)[ib], (int64_t *)out->data + i))
            return false;
        for (int k = out->shape.n - 1; k >= 0; k--) {
            ia += sa[k];
            ib += sb[k];
            if (++at[k] < out->shape.d[k])
                break;
            ia -= sa[k] * at[k];
            ib -= sb[k] * at[k];
            at[k] = 0;
        }
    }
    return true;
}

/* Two operands; of Max and Min any number, one after the other. */
static facet_status combine_all(
    const facet__op_call *c, facet__tensor *const *out)
{
    const facet__tensor *a = input(c, 0);
    const int n = c->node->n_in;
    bool fits = true;

    for (int i = 0; i < n; i++)
        if (input(c, i)->type != out[0]->type)
            return FACET_EUNSUPPORTED;
    if (out[0]->type != FACET__F32 && out[0]->type != FACET__I64)
        return FACET_EUNSUPPORTED;
    if (n == 1)
        return copy(c, out);
    for (int i = 1; i < n && fits; i++)
        fits =
            combine_into(c->node->op, i > 1 ? out[0] : a, input(c, i), out[0]);
    return fits ? FACET_OK
                : facet__fail(c->err, FACET_EMODEL,
                      "integers overflow, or are divided by 0");
}

/* the table */

static facet__evaluator *const table[FACET__OP_COUNT] = {
    [FACET__OP_ADD] = combine_all,
    [FACET__OP_CAST] = cast,
    [FACET__OP_CONCAT] = concat,
    [FACET__OP_CONSTANT_OF_SHAPE] = constant_of_shape,
    [FACET__OP_DIV] = combine_all,
    [FACET__OP_DROPOUT] = copy,
    [FACET__OP_EXPAND] = expand,
    [FACET__OP_FLATTEN] = copy,
    [FACET__OP_GATHER] = gather,
    [FACET__OP_IDENTITY] = copy,
    [FACET__OP_MAX] = combine_all,
    [FACET__OP_MIN] = combine_all,
    [FACET__OP_MUL] = combine_all,
    [FACET__OP_PAD] = pad,
    [FACET__OP_POW] = combine_all,
    [FACET__OP_RESHAPE] = copy,
    [FACET__OP_SHAPE] = shape_of,
    [FACET__OP_SLICE] = slice,
    [FACET__OP_SPLIT] = split,
    [FACET__OP_SQUEEZE] = copy,
    [FACET__OP_SUB] = combine_all,
    [FACET__OP_TRANSPOSE] = transpose,
    [FACET__OP_UNSQUEEZE] = copy,
};

bool facet__op_can_evaluate(facet__op_kind kind)
{
    return table[kind] != NULL || facet__float_evaluator(kind) != NULL;
}

facet_status facet__op_evaluate(
    const facet__op_call *call, facet__tensor *const *out)
{
    facet__evaluator *f = table[call->node->op];

    if (!f)
        f = facet__float_evaluator(call->node->op);
    return f ? f(call, out) : FACET_EUNSUPPORTED;
}
