/* SPDX-License-Identifier: Apache-2.0 */
/* layer_conv.c - convolutions and dense layers.
 *
 * Forward, rows of what output pixels see times the filters; the input's
 * gradient is the output's times the filters turned over, added back to where
 * the rows came from; the filters' gradient is the rows turned over times the
 * output's gradient. A 1x1 convolution and a dense layer need no rows made. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "nn/engine/gradient.h"
#include "nn/learn/columns.h"
#include "nn/learn/layer.h"

enum {
    BLOCK_BYTES = 256 << 10, /* rows worked on at a time */
    MIN_BLOCK = 28,
    WEIGHT_PARTS = 4, /* sums of the filters' gradient */
    FEW_ROWS = 1024,  /* so few rows are one part */
};

typedef struct conv {
    facet__layer *layer;
    const facet__pass *pass;
    const facet__view *x, *y, *dx, *dy;
    size_t rows, out, groups, group_out, k; /* k: depth of a group */
    size_t element, block;
    bool direct, bf16;
    facet__columns columns;
    /* Scratch shared by threads: the filters in order [out][k], packed for the
     * forward and the backward product, and sums of their gradient. */
    float *ordered;
    char *packed;
    size_t packed_group; /* bytes */
    float *parts;        /* [parts][groups][k][group_out] */
    size_t n_parts;
} conv;

static size_t even(size_t n)
{
    return (n + 1) & ~(size_t)1;
}

static bool is_direct(const facet__layer *layer)
{
    const facet__window *w = &layer->window;

    return w->kernel[0] == 1 && w->kernel[1] == 1 && w->stride[0] == 1 &&
           w->stride[1] == 1 && w->pad_begin[0] == 0 && w->pad_begin[1] == 0 &&
           w->pad_end[0] == 0 && w->pad_end[1] == 0;
}

static size_t packed_bytes(const conv *c, size_t k, size_t columns)
{
    return facet__gemm_packed_size(k, columns, c->bf16) * c->element;
}

static conv setup(facet__layer *layer, const facet__pass *pass)
{
    const facet__shape *w = &layer->weight_shape[1];
    const bool dense = w->n == 2;
    conv c = { .layer = layer, .pass = pass };
    size_t a, b;

    c.x = facet__map(pass, layer->in[0]);
    c.y = facet__map(pass, layer->out);
    c.dx = facet__in_gradient(layer, pass, 0);
    c.dy = &pass->gradients[layer->out];
    c.bf16 = c.x->type == FACET__BF16;
    c.element = c.bf16 ? 2 : 4;
    c.rows = facet__view_rows(c.y);
    c.out = (size_t)w->d[0];
    c.groups = dense ? 1 : (size_t)facet__node_int(layer->node, "group", 1);
    c.group_out = c.out / c.groups;
    c.direct = dense || (is_direct(layer) && c.groups == 1);
    c.k = (size_t)facet__shape_count(w) / c.out;
    if (!dense)
        c.columns = (facet__columns){ c.x, &layer->window, facet__view_h(c.y),
            facet__view_w(c.y), 0, (size_t)w->d[1] };
    c.block = BLOCK_BYTES / ((c.k + c.group_out) * 4) / 14 * 14;
    c.block = c.block < MIN_BLOCK ? MIN_BLOCK : c.block;
    c.n_parts = c.rows > FEW_ROWS ? WEIGHT_PARTS : 1;
    a = packed_bytes(&c, c.k, c.group_out);
    b = packed_bytes(&c, c.group_out, c.k);
    c.packed_group = ((a > b ? a : b) + 63) & ~(size_t)63;
    c.ordered = (float *)(void *)pass->scratch;
    c.packed = pass->scratch + ((c.out * c.k * 4 + 63) & ~(size_t)63);
    c.parts = (float *)(void *)(c.packed + c.groups * c.packed_group);
    return c;
}

static void size(facet__layer *layer, const facet__pass *pass)
{
    const conv c = setup(layer, pass);
    const size_t row = even(c.k > c.group_out ? c.k : c.group_out);
    const size_t filters = c.n_parts * c.out * c.k;
    const size_t map = c.bf16 && !c.direct ? facet__view_count(c.x) : 0;

    /* sums of filters, or a bias and a map of floats */
    layer->scratch_bytes =
        (size_t)((char *)c.parts - pass->scratch) +
        ((filters > map ? filters : map) + 2 * c.out + c.k + 256) * 4;
    /* gathered rows, their woven form, woven gradients, a group's gradients */
    layer->thread_bytes =
        (c.block + 2) * (2 * row + 2 * even(c.group_out)) * 4 + 1024;
}

/* [o][c][y][x] to [o][y][x][c] and back. */
static void reorder(
    const facet__layer *layer, const float *from, float *to, bool back)
{
    const facet__shape *w = &layer->weight_shape[1];
    const size_t out = (size_t)w->d[0], c = (size_t)w->d[1];
    const size_t taps = w->n == 4 ? (size_t)(w->d[2] * w->d[3]) : 1;

    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < c; i++)
            for (size_t t = 0; t < taps; t++) {
                const size_t onnx = (o * c + i) * taps + t;
                const size_t own = (o * taps + t) * c + i;

                if (back)
                    to[onnx] += from[own];
                else
                    to[own] = from[onnx];
            }
}

/* Pack the filters; turned over for the backward product. */
static void pack(const conv *c, bool turned)
{
    reorder(c->layer, c->layer->weight[1], c->ordered, false);
    for (size_t g = 0; g < c->groups; g++) {
        const float *w = c->ordered + g * c->group_out * c->k;
        void *to = c->packed + g * c->packed_group;
        const size_t k = turned ? c->group_out : c->k;
        const size_t n = turned ? c->k : c->group_out;
        const size_t ks = turned ? c->k : 1, ns = turned ? 1 : c->k;

        if (c->bf16)
            facet__gemm_pack_bf16(w, k, n, ks, ns, to);
        else
            facet__gemm_pack_f32(w, k, n, ks, ns, to);
    }
}

/* c[m][columns] = a[m][k] times a packed matrix, in blocks of columns. */
typedef struct product {
    const void *a;
    size_t a_stride, m, k, columns;
    const char *packed;
    void *c;
    size_t c_stride;
    bool c_bf16, add;
    const float *bias; /* padded; zeros */
} product;

static void multiply(const conv *c, const product *p)
{
    const size_t k = c->bf16 ? even(p->k) : p->k;

    for (size_t n0 = 0; n0 < p->columns; n0 += FACET__NR) {
        const size_t left = p->columns - n0;
        char *to = (char *)p->c + n0 * (p->c_bf16 ? 2 : 4);
        const facet__gemm_panel panel = { .a = p->a,
            .a_stride = p->a_stride,
            .m = p->m,
            .k = k,
            .b = p->packed + n0 * k * c->element,
            .n = left < FACET__NR ? left : FACET__NR,
            .c = to,
            .c_stride = p->c_stride,
            .c_bf16 = p->c_bf16,
            .epilogue = { .bias = p->bias + n0,
                .lo = -INFINITY,
                .hi = INFINITY,
                .residual = p->add ? to : NULL,
                .residual_stride = p->c_stride,
                .residual_bf16 = p->c_bf16 } };

        (c->bf16 ? c->pass->kernels->gemm_bf16 : c->pass->kernels->gemm_f32)(
            &panel);
    }
}

static char *thread_scratch(const conv *c, int thread)
{
    return c->pass->thread_scratch + (size_t)thread * c->pass->thread_stride;
}

/* Rows [first, first + m) as the product wants them. bf16 products take pairs:
 * an odd depth is copied out and filled up. */
static const void *rows_at(const conv *c, size_t group, size_t first, size_t m,
    size_t *stride, char *buffer)
{
    const size_t row = c->bf16 ? even(c->k) : c->k;
    facet__columns columns = c->columns;

    *stride = row;
    if (c->direct && row == c->k)
        return facet__view_at(c->x, first * c->k);
    columns.first_channel = group * c->columns.channels;
    for (size_t i = 0; i < m; i++) {
        char *to = buffer + i * row * c->element;

        if (c->direct)
            memcpy(to, facet__view_at(c->x, (first + i) * c->k),
                c->k * c->element);
        else
            facet__columns_gather(&columns, first + i, 1, to);
        memset(to + c->k * c->element, 0, (row - c->k) * c->element);
    }
    return buffer;
}

static void forward_task(void *context, size_t index, int thread)
{
    const conv *c = context;
    const size_t first = index * c->block;
    const size_t m = c->rows - first < c->block ? c->rows - first : c->block;
    const float *bias = c->parts; /* [out], set by forward */

    for (size_t g = 0; g < c->groups; g++) {
        product p = { .m = m,
            .k = c->k,
            .columns = c->group_out,
            .packed = c->packed + g * c->packed_group,
            .c = facet__view_at(c->y, first * c->out + g * c->group_out),
            .c_stride = c->out,
            .c_bf16 = c->y->type == FACET__BF16,
            .bias = bias + g * c->group_out };

        p.a = rows_at(c, g, first, m, &p.a_stride, thread_scratch(c, thread));
        multiply(c, &p);
    }
}

static facet_status forward(facet__layer *layer, const facet__pass *pass)
{
    conv c = setup(layer, pass);

    pack(&c, false);
    memset(c.parts, 0, (c.out + 32) * sizeof *c.parts);
    if (layer->weight[2])
        memcpy(c.parts, layer->weight[2], c.out * sizeof *c.parts);
    facet__pool_run(
        pass->pool, (c.rows + c.block - 1) / c.block, forward_task, &c);
    return FACET_OK;
}

/* gradient of the input */

static void direct_back_task(void *context, size_t index, int thread)
{
    const conv *c = context;
    const size_t first = index * c->block;
    const size_t m = c->rows - first < c->block ? c->rows - first : c->block;
    const size_t depth = c->bf16 ? even(c->out) : c->out;
    product p = { .a = facet__view_at(c->dy, first * c->out),
        .a_stride = c->out,
        .m = m,
        .k = c->out,
        .columns = c->k,
        .packed = c->packed,
        .c = facet__view_at(c->dx, first * c->k),
        .c_stride = c->k,
        .c_bf16 = c->dx->type == FACET__BF16,
        .add = c->layer->adds[0],
        .bias = c->parts };

    if (depth != c->out) {
        char *buffer = thread_scratch(c, thread);

        for (size_t i = 0; i < m; i++) {
            memcpy(buffer + i * depth * 2,
                facet__view_at(c->dy, (first + i) * c->out), c->out * 2);
            memset(buffer + (i * depth + c->out) * 2, 0, 2);
        }
        p.a = buffer;
        p.a_stride = depth;
    }
    multiply(c, &p);
}

/* Floats of the rows [first, first + m) of dy, one group. */
static const void *dy_rows(const conv *c, size_t group, size_t first, size_t m,
    size_t *stride, char *buffer)
{
    const size_t row = c->bf16 ? even(c->group_out) : c->group_out;

    *stride = c->out;
    if (row == c->group_out)
        return facet__view_at(c->dy, first * c->out + group * c->group_out);
    *stride = row;
    for (size_t i = 0; i < m; i++) {
        memcpy(buffer + i * row * c->element,
            facet__view_at(c->dy, (first + i) * c->out + group * c->group_out),
            c->group_out * c->element);
        memset(buffer + (i * row + c->group_out) * c->element, 0,
            (row - c->group_out) * c->element);
    }
    return buffer;
}

/* One image: its rows' gradients are made a block at a time and added up in
 * floats, then stored. */
static void image_back_task(void *context, size_t image, int thread)
{
    const conv *c = context;
    const size_t pixels = c->columns.out_h * c->columns.out_w;
    const size_t numbers = facet__view_count(c->dx) / facet__view_n(c->dx);
    const size_t from = image * numbers;
    float *sums = c->dx->type == FACET__F32
                      ? (float *)c->dx->data
                      : c->parts + c->out + 64; /* floats of the whole map */
    float *rows = (float *)(void *)thread_scratch(c, thread);
    char *buffer = (char *)(rows + (c->block + 1) * c->k);

    if (c->dx->type == FACET__BF16 && c->layer->adds[0])
        c->pass->kernels->vec->widen(
            facet__view_at(c->dx, from), sums + from, numbers);
    else if (!c->layer->adds[0])
        memset(sums + from, 0, numbers * sizeof *sums);
    for (size_t g = 0; g < c->groups; g++)
        for (size_t i = 0; i < pixels; i += c->block) {
            const size_t m = pixels - i < c->block ? pixels - i : c->block;
            facet__columns columns = c->columns;
            product p = { .m = m,
                .k = c->group_out,
                .columns = c->k,
                .packed = c->packed + g * c->packed_group,
                .c = rows,
                .c_stride = c->k,
                .bias = c->parts };

            columns.first_channel = g * c->columns.channels;
            p.a = dy_rows(c, g, image * pixels + i, m, &p.a_stride, buffer);
            multiply(c, &p);
            facet__columns_add(&columns, image * pixels + i, m, rows, sums);
        }
    if (c->dx->type == FACET__BF16)
        c->pass->kernels->vec->narrow(
            sums + from, facet__view_at(c->dx, from), numbers);
}

static void backward_input(conv *c)
{
    pack(c, true);
    memset(c->parts, 0, (c->out > c->k ? c->out : c->k) * 4 + 128);
    if (c->direct)
        facet__pool_run(c->pass->pool, (c->rows + c->block - 1) / c->block,
            direct_back_task, c);
    else
        facet__pool_run(
            c->pass->pool, facet__view_n(c->dx), image_back_task, c);
}

/* gradient of the filters */

/* Add the product of a block of rows to a group's sums [k][group_out], for
 * rows [m0, m1) of the sums. */
static void add_block(const conv *c, const void *a, size_t a_stride,
    const void *b, size_t b_stride, size_t rows, float *sums, size_t m0,
    size_t m1)
{
    for (size_t m = m0; m < m1; m += FACET__GRADIENT_ROWS)
        for (size_t n = 0; n < c->group_out; n += FACET__GRADIENT_COLUMNS) {
            const size_t pair = c->bf16 ? 2 : 1;
            const facet__gradient_tile t = { .a = (const char *)a +
                                                  m * pair * c->element,
                .b = (const char *)b + n * pair * c->element,
                .a_stride = a_stride,
                .b_stride = b_stride,
                .k = c->bf16 ? (rows + 1) / 2 : rows,
                .m = m1 - m < FACET__GRADIENT_ROWS ? m1 - m
                                                   : FACET__GRADIENT_ROWS,
                .n = c->group_out - n < FACET__GRADIENT_COLUMNS
                         ? c->group_out - n
                         : FACET__GRADIENT_COLUMNS,
                .c = sums + m * c->group_out + n,
                .c_stride = c->group_out };

            (c->bf16 ? c->pass->kernels->gradient_bf16
                     : c->pass->kernels->gradient_f32)(&t);
        }
}

/* Rows [first, end) of the map into a group's sums. */
static void add_rows(const conv *c, size_t group, size_t first, size_t end,
    float *sums, size_t m0, size_t m1, char *buffer)
{
    for (size_t i = first; i < end; i += c->block) {
        const size_t m = end - i < c->block ? end - i : c->block;
        char *woven_a = buffer + (c->block + 2) * even(c->k) * 4;
        char *woven_b = woven_a + (c->block + 2) * even(c->k) * 4;
        size_t a_stride, b_stride = c->out;
        const void *a = rows_at(c, group, i, m, &a_stride, buffer);
        const void *b =
            facet__view_at(c->dy, i * c->out + group * c->group_out);

        if (c->bf16) {
            facet__gradient_weave(
                a, a_stride, m, c->k, (uint16_t *)(void *)woven_a);
            facet__gradient_weave(
                b, c->out, m, c->group_out, (uint16_t *)(void *)woven_b);
            a = woven_a;
            b = woven_b;
            a_stride = c->k;
            b_stride = c->group_out;
        }
        add_block(c, a, a_stride, b, b_stride, m, sums, m0, m1);
    }
}

/* Many rows: a part of them each. */
static void part_task(void *context, size_t part, int thread)
{
    const conv *c = context;
    const size_t numbers = c->out * c->k;
    float *sums = c->parts + part * numbers;

    memset(sums, 0, numbers * sizeof *sums);
    for (size_t g = 0; g < c->groups; g++)
        add_rows(c, g, c->rows * part / c->n_parts,
            c->rows * (part + 1) / c->n_parts, sums + g * c->group_out * c->k,
            0, c->k, thread_scratch(c, thread));
}

/* Few rows: a stretch of the sums each. */
static void stretch_task(void *context, size_t index, int thread)
{
    const conv *c = context;
    const size_t step = 16 * FACET__GRADIENT_ROWS;
    const size_t m0 = index * step;
    const size_t m1 = c->k - m0 < step ? c->k : m0 + step;

    for (size_t g = 0; g < c->groups; g++) {
        float *sums = c->parts + g * c->group_out * c->k;

        memset(sums + m0 * c->group_out, 0,
            (m1 - m0) * c->group_out * sizeof *sums);
        add_rows(c, g, 0, c->rows, sums, m0, m1, thread_scratch(c, thread));
    }
}

/* The sums [k][group_out] to the gradient, [out][k] in ONNX's order. */
static void collect(const conv *c)
{
    const size_t numbers = c->out * c->k;

    for (size_t part = 1; part < c->n_parts; part++)
        c->pass->kernels->vec->accumulate(
            c->parts + part * numbers, c->parts, numbers);
    for (size_t g = 0; g < c->groups; g++)
        for (size_t q = 0; q < c->k; q++)
            for (size_t o = 0; o < c->group_out; o++)
                c->ordered[(g * c->group_out + o) * c->k + q] =
                    c->parts[(g * c->k + q) * c->group_out + o];
    reorder(c->layer, c->ordered, c->layer->gradient[1], true);
}

static void backward_filters(conv *c)
{
    if (c->n_parts > 1)
        facet__pool_run(c->pass->pool, c->n_parts, part_task, c);
    else
        facet__pool_run(c->pass->pool,
            (c->k + 16 * FACET__GRADIENT_ROWS - 1) /
                (16 * FACET__GRADIENT_ROWS),
            stretch_task, c);
    collect(c);
}

static void backward_bias(const conv *c)
{
    const facet__rows rows = { c->dy->data, c->rows, c->out,
        c->dy->type == FACET__BF16 };

    memset(c->parts, 0, (c->out + 16) * sizeof *c->parts);
    c->pass->rows->sums(&rows, c->parts);
    c->pass->kernels->vec->accumulate(c->parts, c->layer->gradient[2], c->out);
}

static facet_status backward(facet__layer *layer, const facet__pass *pass)
{
    conv c = setup(layer, pass);

    if (layer->gradient[1])
        backward_filters(&c);
    if (layer->gradient[2])
        backward_bias(&c);
    if (c.dx->data)
        backward_input(&c);
    return FACET_OK;
}

const facet__layer_class facet__layer_conv = { .name = "conv",
    .size = size,
    .forward = forward,
    .backward = backward,
    .keeps_input = true };
