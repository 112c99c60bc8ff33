/* SPDX-License-Identifier: Apache-2.0 */
/* shapes_move.c - shape inference of operators that only move numbers. */
#include "nn/shapes.h"

#include <string.h>

#include "base/error.h"

static facet_status give(
    facet__op_call *c, facet__dtype type, const facet__shape *shape)
{
    c->out[0]->type = type;
    c->out[0]->shape = *shape;
    return FACET_OK;
}

static facet_status bad_axis(const facet__op_call *c, int64_t axis, int rank)
{
    return facet__fail(c->err, FACET_EMODEL,
        "axis %lld of an array of %d dimensions", (long long)axis, rank);
}

/* Two sizes along the axis; an open one stays open. False: no number holds the
 * sum. */
static bool join_sizes(int64_t *a, int64_t b)
{
    if (*a < 0 || b < 0) {
        *a = -1;
        return true;
    }
    return !__builtin_add_overflow(*a, b, a);
}

facet_status facet__infer_concat(facet__op_call *c)
{
    facet__shape s = c->in[0]->shape;
    const int64_t want = facet__node_int(c->node, "axis", 0);
    int axis;

    if (!facet__same_types(c))
        return FACET_EMODEL;
    if (s.n < 0)
        return FACET_OK;
    if (!facet__axis(want, s.n, &axis))
        return bad_axis(c, want, s.n);
    for (int i = 1; i < c->node->n_in; i++) {
        const facet__shape *b = &c->in[i]->shape;

        if (b->n < 0)
            return FACET_OK;
        if (b->n != s.n)
            return facet__fail(c->err, FACET_EMODEL,
                "operands of %d and %d dimensions", s.n, b->n);
        if (!join_sizes(&s.d[axis], b->d[axis]))
            return facet__fail(c->err, FACET_EMODEL, "the sizes overflow");
        for (int k = 0; k < s.n; k++)
            if (k == axis)
                continue;
            else if (s.d[k] < 0)
                s.d[k] = b->d[k];
            else if (b->d[k] >= 0 && b->d[k] != s.d[k])
                return facet__fail(c->err, FACET_EMODEL,
                    "operands of %lld and %lld in dimension %d",
                    (long long)s.d[k], (long long)b->d[k], k);
    }
    return give(c, c->in[0]->type, &s);
}

static int64_t product(const int64_t *d, int n)
{
    const facet__shape s = { n, { 0 } };
    facet__shape t = s;

    memcpy(t.d, d, (size_t)n * sizeof *d);
    return facet__shape_count(&t);
}

facet_status facet__infer_flatten(facet__op_call *c)
{
    const facet__shape *in = &c->in[0]->shape;
    int64_t axis = facet__node_int(c->node, "axis", 1);

    if (in->n < 0)
        return FACET_OK;
    if (axis < 0)
        axis += in->n;
    if (axis < 0 || axis > in->n)
        return bad_axis(c, axis, in->n);
    return give(c, c->in[0]->type,
        &(facet__shape){ 2, { product(in->d, (int)axis),
                                product(in->d + axis, in->n - (int)axis) } });
}

/* A shape whose content is not known: perhaps its length is. */
static facet_status give_rank(facet__op_call *c)
{
    const facet__shape *r = &c->in[1]->shape;
    facet__shape s = { .n = -1 };

    if (r->n == 1 && r->d[0] >= 0 && r->d[0] <= FACET__MAX_DIMS)
        s.n = (int)r->d[0];
    for (int i = 0; i < s.n; i++)
        s.d[i] = -1;
    return give(c, c->in[0]->type, &s);
}

facet_status facet__infer_reshape(facet__op_call *c)
{
    const facet__shape *in = &c->in[0]->shape;
    const bool zero_is_zero = facet__node_int(c->node, "allowzero", 0) != 0;
    int64_t n = 0, count = facet__shape_count(in), known = 1;
    const int64_t *want = facet__call_ints(c, 1, &n);
    int open = FACET__NONE;
    facet__shape s = { .n = (int)n };

    if (!want)
        return give_rank(c);
    if (n > FACET__MAX_DIMS)
        return facet__fail(c->err, FACET_EUNSUPPORTED,
            "a shape of %lld dimensions", (long long)n);
    for (int i = 0; i < s.n; i++) {
        const bool batch = i == 0 && want[0] == 1 && c->graph->open_batch;

        if (want[i] < -1)
            return facet__fail(c->err, FACET_EDAMAGED, "a shape with size %lld",
                (long long)want[i]);
        s.d[i] = want[i];
        if ((want[i] == 0 && !zero_is_zero) || batch)
            s.d[i] = i < in->n ? in->d[i] : -1;
        if (want[i] == -1) {
            if (open != FACET__NONE)
                return facet__fail(
                    c->err, FACET_EDAMAGED, "a shape with two open sizes");
            open = i;
        } else if (s.d[i] < 0) {
            known = -1;
        } else if (known >= 0 &&
                   __builtin_mul_overflow(known, s.d[i], &known)) {
            return facet__fail(c->err, FACET_EDAMAGED, "a shape overflows");
        }
    }
    if (open != FACET__NONE)
        s.d[open] = count >= 0 && known > 0 ? count / known : -1;
    if (count >= 0 && facet__shape_known(&s) && facet__shape_count(&s) != count)
        return facet__fail(c->err, FACET_EMODEL,
            "%lld numbers do not fill the shape of %lld", (long long)count,
            (long long)facet__shape_count(&s));
    return give(c, c->in[0]->type, &s);
}

facet_status facet__infer_transpose(facet__op_call *c)
{
    const facet__shape *in = &c->in[0]->shape;
    const facet__attr *perm = facet__node_attr(c->node, "perm");
    facet__shape s = *in;
    unsigned seen = 0;

    if (in->n < 0)
        return FACET_OK;
    if (perm && perm->count != (size_t)in->n)
        return facet__fail(c->err, FACET_EMODEL,
            "perm has %zu entries for %d dimensions", perm->count, in->n);
    for (int i = 0; i < in->n; i++) {
        const int64_t from = perm ? perm->ints[i] : in->n - 1 - i;

        if (from < 0 || from >= in->n || (seen >> from & 1))
            return facet__fail(
                c->err, FACET_EDAMAGED, "perm is not a permutation");
        seen |= 1u << from;
        s.d[i] = in->d[from];
    }
    return give(c, c->in[0]->type, &s);
}

/* The axes of Squeeze and Unsqueeze (an input since opset 13; the reader has
 * brought older files to that form). */
facet_status facet__infer_squeeze(facet__op_call *c)
{
    const facet__shape *in = &c->in[0]->shape;
    int64_t n = 0;
    const int64_t *axes = facet__call_ints(c, 1, &n);
    bool drop[FACET__MAX_DIMS] = { false };
    facet__shape s = { 0 };

    if (in->n < 0 || (c->in[1] && !axes))
        return FACET_OK;
    for (int i = 0; i < in->n; i++)
        drop[i] = !axes && in->d[i] == 1;
    for (int64_t i = 0; i < n; i++) {
        int axis;

        if (!facet__axis(axes[i], in->n, &axis) ||
            (in->d[axis] >= 0 && in->d[axis] != 1))
            return bad_axis(c, axes[i], in->n);
        drop[axis] = true;
    }
    for (int i = 0; i < in->n; i++)
        if (!drop[i])
            s.d[s.n++] = in->d[i];
    return give(c, c->in[0]->type, &s);
}

facet_status facet__infer_unsqueeze(facet__op_call *c)
{
    const facet__shape *in = &c->in[0]->shape;
    int64_t n = 0;
    const int64_t *axes = facet__call_ints(c, 1, &n);
    bool fresh[FACET__MAX_DIMS] = { false };
    facet__shape s = { 0 };

    if (in->n < 0 || !axes)
        return FACET_OK;
    if (in->n + n > FACET__MAX_DIMS)
        return facet__fail(c->err, FACET_EUNSUPPORTED, "too many dimensions");
    s.n = in->n + (int)n;
    for (int64_t i = 0; i < n; i++) {
        int axis;

        if (!facet__axis(axes[i], s.n, &axis) || fresh[axis])
            return bad_axis(c, axes[i], s.n);
        fresh[axis] = true;
    }
    for (int i = 0, from = 0; i < s.n; i++)
        s.d[i] = fresh[i] ? 1 : in->d[from++];
    return give(c, c->in[0]->type, &s);
}

/* Positions begin, begin + step, ... before end, clamped as ONNX says. */
static int64_t slice_count(
    int64_t size, int64_t begin, int64_t end, int64_t step)
{
    begin = begin < 0 ? begin + size : begin;
    end = end < 0 && end > INT64_MIN / 2 ? end + size : end;
    if (step > 0) {
        begin = begin < 0 ? 0 : begin > size ? size : begin;
        end = end < 0 ? 0 : end > size ? size : end;
        return end > begin ? (end - begin - 1) / step + 1 : 0;
    }
    begin = begin < 0 ? -1 : begin >= size ? size - 1 : begin;
    end = end < -1 ? -1 : end >= size ? size - 1 : end;
    if (step < -INT64_MAX)
        step = -INT64_MAX;
    return begin > end ? (begin - end - 1) / -step + 1 : 0;
}

facet_status facet__infer_slice(facet__op_call *c)
{
    facet__shape s = c->in[0]->shape;
    int64_t n = 0, n_end = 0, n_axes = 0, n_steps = 0;
    const int64_t *begin = facet__call_ints(c, 1, &n);
    const int64_t *end = facet__call_ints(c, 2, &n_end);
    const int64_t *axes = facet__call_ints(c, 3, &n_axes);
    const int64_t *steps = facet__call_ints(c, 4, &n_steps);
    bool cut[FACET__MAX_DIMS] = { false };

    for (int i = 1; i < c->node->n_in; i++)
        if (c->in[i] && c->in[i]->type && c->in[i]->type != FACET__I64)
            return facet__fail(c->err, FACET_EUNSUPPORTED,
                "starts, ends, axes or steps that are computed as %s",
                facet__dtype_name(c->in[i]->type));
    if (s.n < 0)
        return FACET_OK;
    if (!begin || !end || (c->in[3] && !axes) || (c->in[4] && !steps)) {
        for (int i = 0; i < s.n; i++)
            s.d[i] = -1;
        return give(c, c->in[0]->type, &s);
    }
    if (n != n_end || (axes && n_axes != n) || (steps && n_steps != n))
        return facet__fail(c->err, FACET_EDAMAGED,
            "starts, ends, axes, steps differ in count");
    for (int64_t i = 0; i < n; i++) {
        const int64_t step = steps ? steps[i] : 1;
        int axis;

        if (!facet__axis(axes ? axes[i] : i, s.n, &axis) || step == 0)
            return bad_axis(c, axes ? axes[i] : i, s.n);
        if (cut[axis])
            return facet__fail(
                c->err, FACET_EDAMAGED, "axis %d is cut twice", axis);
        cut[axis] = true;
        if (s.d[axis] >= 0)
            s.d[axis] = slice_count(s.d[axis], begin[i], end[i], step);
    }
    return give(c, c->in[0]->type, &s);
}

/* Can `fill` stand around `in`, as far as is known? Absent it is zero. */
static bool is_fill(const facet__fact *in, const facet__fact *fill)
{
    return !fill || ((!fill->type || !in->type || fill->type == in->type) &&
                        (!facet__shape_known(&fill->shape) ||
                            facet__shape_count(&fill->shape) == 1));
}

/* Forms of Pad that are not computed. */
static facet_status check_pad(
    const facet__op_call *c, const int64_t *pads, int64_t n)
{
    const char *mode = facet__node_string(c->node, "mode", "constant");

    if (strcmp(mode, "constant") != 0)
        return facet__fail(c->err, FACET_EUNSUPPORTED,
            "mode '%.40s' is not supported: only constant is", mode);
    if (c->in[3])
        return facet__fail(c->err, FACET_EUNSUPPORTED,
            "paddings of some axes alone: give them for all");
    for (int64_t i = 0; pads && i < n; i++)
        if (pads[i] < 0)
            return facet__fail(c->err, FACET_EUNSUPPORTED,
                "a padding of %lld: a Slice takes numbers away",
                (long long)pads[i]);
    return FACET_OK;
}

facet_status facet__infer_pad(facet__op_call *c)
{
    facet__shape s = c->in[0]->shape;
    int64_t n = 0;
    const int64_t *pads = facet__call_ints(c, 1, &n);
    const facet_status st = check_pad(c, pads, n);

    if (st != FACET_OK)
        return st;
    if (!is_fill(c->in[0], c->in[2]))
        return facet__fail(c->err, FACET_EMODEL,
            "the padding is not one number of the input's type");
    if (s.n < 0)
        return FACET_OK;
    if (pads && n != 2 * s.n)
        return facet__fail(c->err, FACET_EDAMAGED,
            "%lld paddings for %d dimensions", (long long)n, s.n);
    for (int i = 0; i < s.n; i++) {
        int64_t more;

        if (!pads || s.d[i] < 0) {
            s.d[i] = -1;
            continue;
        }
        if (__builtin_add_overflow(pads[i], pads[i + s.n], &more) ||
            __builtin_add_overflow(s.d[i], more, &s.d[i]) || s.d[i] < 0)
            return facet__fail(
                c->err, FACET_EDAMAGED, "a padding is out of range");
    }
    return give(c, c->in[0]->type, &s);
}

facet_status facet__infer_shape_of(facet__op_call *c)
{
    return give(c, FACET__I64, &(facet__shape){ 1, { c->in[0]->shape.n } });
}

facet_status facet__infer_gather(facet__op_call *c)
{
    const facet__shape *in = &c->in[0]->shape, *at = &c->in[1]->shape;
    const int64_t want = facet__node_int(c->node, "axis", 0);
    facet__shape s = { 0 };
    int axis;

    if (in->n < 0 || at->n < 0)
        return FACET_OK;
    if (!facet__axis(want, in->n, &axis))
        return bad_axis(c, want, in->n);
    if (in->n - 1 + at->n > FACET__MAX_DIMS)
        return facet__fail(c->err, FACET_EUNSUPPORTED, "too many dimensions");
    for (int i = 0; i < axis; i++)
        s.d[s.n++] = in->d[i];
    for (int i = 0; i < at->n; i++)
        s.d[s.n++] = at->d[i];
    for (int i = axis + 1; i < in->n; i++)
        s.d[s.n++] = in->d[i];
    return give(c, c->in[0]->type, &s);
}

facet_status facet__infer_cast(facet__op_call *c)
{
    static const facet__dtype of_onnx[] = { 0, FACET__F32, FACET__U8, FACET__I8,
        0, 0, FACET__I32, FACET__I64, 0, FACET__BOOL, FACET__F32, FACET__F32 };
    const int64_t to = facet__node_int(c->node, "to", 0);

    if (to < 1 || to > 11 || of_onnx[to] == 0)
        return facet__fail(c->err, FACET_EUNSUPPORTED,
            "a cast to ONNX type %lld", (long long)to);
    return give(c, of_onnx[to], &c->in[0]->shape);
}

static facet__shape shape_from(const int64_t *d, int64_t n)
{
    facet__shape s = { .n = n <= FACET__MAX_DIMS ? (int)n : -1 };

    for (int i = 0; i < s.n; i++)
        s.d[i] = d[i];
    return s;
}

facet_status facet__infer_constant_of_shape(facet__op_call *c)
{
    const facet__attr *value = facet__node_attr(c->node, "value");
    int64_t n = 0;
    const int64_t *d = facet__call_ints(c, 0, &n);
    const facet__shape s = d ? shape_from(d, n) : (facet__shape){ .n = -1 };

    return give(c,
        value && value->type == FACET__ATTR_TENSOR ? value->t->type
                                                   : FACET__F32,
        &s);
}

facet_status facet__infer_expand(facet__op_call *c)
{
    const facet__shape *in = &c->in[0]->shape;
    int64_t n = 0;
    const int64_t *d = facet__call_ints(c, 1, &n);
    facet__shape s = d ? shape_from(d, n) : (facet__shape){ .n = -1 };

    if (!d || in->n < 0)
        return give(c, c->in[0]->type, &(facet__shape){ .n = -1 });
    if (s.n < 0)
        return facet__fail(c->err, FACET_EUNSUPPORTED,
            "a shape of %lld dimensions", (long long)n);
    if (s.n < in->n) {
        memmove(s.d + (in->n - s.n), s.d, (size_t)s.n * sizeof *s.d);
        for (int i = 0; i < in->n - s.n; i++)
            s.d[i] = 1;
        s.n = in->n;
    }
    for (int i = 0; i < in->n; i++) {
        int64_t *to = &s.d[s.n - in->n + i];

        if (*to == 1)
            *to = in->d[i];
        else if (in->d[i] >= 0 && in->d[i] != 1 && *to != in->d[i])
            return facet__fail(c->err, FACET_EMODEL,
                "%lld does not expand to %lld", (long long)in->d[i],
                (long long)*to);
    }
    return give(c, c->in[0]->type, &s);
}

/* Sizes are not negative and, where the whole is known, fill it. */
static bool sizes_fill(const int64_t *sizes, int64_t n, int64_t whole)
{
    int64_t sum = 0;

    for (int64_t i = 0; i < n; i++)
        if (sizes[i] < 0 || __builtin_add_overflow(sum, sizes[i], &sum))
            return false;
    return whole < 0 || sum == whole;
}

/* Part i of `whole` in even parts; the last has what is left, which is less
 * than nothing when there are too many parts. An open whole has open parts. */
static int64_t even_part(int64_t whole, int64_t parts, int i)
{
    const int64_t each = whole < 0 ? -1 : (whole + parts - 1) / parts;

    return whole < 0 || i + 1 < parts ? each : whole - each * (parts - 1);
}

facet_status facet__infer_split(facet__op_call *c)
{
    const facet__shape *in = &c->in[0]->shape;
    const int64_t want = facet__node_int(c->node, "axis", 0);
    int64_t n = 0;
    const int64_t *sizes = facet__call_ints(c, 1, &n);
    int axis;

    if (in->n < 0)
        return FACET_OK;
    if (!facet__axis(want, in->n, &axis))
        return bad_axis(c, want, in->n);
    if (sizes && n != c->node->n_out)
        return facet__fail(
            c->err, FACET_EMODEL, "the sizes do not match the outputs");
    if (sizes && !sizes_fill(sizes, n, in->d[axis]))
        return facet__fail(
            c->err, FACET_EDAMAGED, "the sizes do not fill dimension %d", axis);
    if (!sizes && in->d[axis] >= 0 &&
        even_part(in->d[axis], c->node->n_out, c->node->n_out - 1) < 0)
        return facet__fail(c->err, FACET_EMODEL,
            "%lld cannot be split into %d even parts", (long long)in->d[axis],
            c->node->n_out);
    for (int i = 0; i < c->node->n_out; i++) {
        c->out[i]->type = c->in[0]->type;
        c->out[i]->shape = *in;
        c->out[i]->shape.d[axis] =
            sizes ? sizes[i] : even_part(in->d[axis], c->node->n_out, i);
    }
    return FACET_OK;
}
