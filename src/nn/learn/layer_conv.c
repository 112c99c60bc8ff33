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
#include "nn/learn/ahead.h"
#include "nn/learn/columns.h"
#include "nn/learn/norm.h"

enum {
    BLOCK_BYTES = 384 << 10, /* of all that a block of rows touches */
    MIN_BLOCK = 28,
    MAX_BLOCK = 252,
    WEIGHT_PARTS = 8, /* sums of the filters' gradient, at most */
    PART_ROWS = 192,  /* and at least so many rows of each */
    FEW_ROWS = 512,   /* so few rows are one part */
};

typedef struct conv {
    facet__layer *layer;
    const facet__pass *pass;
    const facet__view *x, *y, *dx, *dy; /* x: what the norm reads, if any */
    facet__layer *norm_in, *norm_out, *reduces;
    size_t rows, out, groups, group_out, k; /* k: depth of a group */
    size_t element, block;
    bool direct, bf16, whole; /* whole: both gradients in one sweep */
    facet__columns columns;
    /* Scratch shared by threads: the filters in order [out][k], packed for the
     * forward and the backward product, and sums of their gradient. */
    float *ordered;
    char *packed;
    size_t packed_group; /* bytes */
    float *bias;         /* [out or k], padded with zeros */
    float *parts;        /* [parts][groups][k][group_out] */
    size_t n_parts, forward_parts;
    size_t scratch_bytes;
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
    return facet__gemm_packed_size(k, columns, c->x->type) * c->element;
}

/* Blocks of rows, and in how many parts they are summed. */
static void divide(conv *c)
{
    const size_t touched = 3 * c->k + 2 * c->out; /* x, z, dx; dz, dy */
    const size_t least = c->k > 1024 ? MIN_BLOCK : 2 * MIN_BLOCK;

    c->block = BLOCK_BYTES / (touched * c->element) / MIN_BLOCK * MIN_BLOCK;
    c->block = c->block < least       ? least
               : c->block > MAX_BLOCK ? MAX_BLOCK
                                      : c->block;
    c->n_parts = c->rows / PART_ROWS;
    c->n_parts = c->rows <= FEW_ROWS         ? 1
                 : c->n_parts > WEIGHT_PARTS ? WEIGHT_PARTS
                                             : c->n_parts;
    c->forward_parts = c->rows / (2 * MIN_BLOCK);
    c->forward_parts = c->forward_parts < 1              ? 1
                       : c->forward_parts > FACET__PARTS ? FACET__PARTS
                                                         : c->forward_parts;
}

/* Can the filters' and the input's gradient be made in one sweep over rows? */
static bool is_whole(const conv *c)
{
    const facet__layer *layer = c->layer;

    return c->n_parts > 1 && c->groups == 1 && c->y->shape.n == 4 &&
           layer->gradient[1] && !layer->gradient[2] &&
           (c->direct || !layer->wants[0]) &&
           (!c->bf16 || (even(c->k) == c->k && even(c->out) == c->out));
}

/* Deal out the scratch. */
static void lay_out(conv *c)
{
    const size_t filters = c->n_parts * c->out * c->k;
    const size_t map = c->bf16 && !c->direct ? facet__view_count(c->x) : 0;
    facet__room room = { c->pass->scratch, 0 };

    c->ordered = facet__room_take(&room, c->out * c->k * 4);
    c->packed = facet__room_take(&room, c->groups * c->packed_group);
    c->bias = facet__room_take(
        &room, ((c->out > c->k ? c->out : c->k) + 64) * sizeof *c->bias);
    /* sums of filters, or a map of floats */
    c->parts = facet__room_take(
        &room, ((filters > map ? filters : map) + 256) * sizeof *c->parts);
    c->scratch_bytes = room.used;
}

static conv setup(facet__layer *layer, const facet__pass *pass)
{
    const facet__shape *w = &layer->weight_shape[1];
    const bool dense = w->n == 2;
    conv c = { .layer = layer, .pass = pass };
    size_t a, b;

    c.norm_in = layer->norm_in[0];
    c.norm_out = layer->norm_out;
    c.reduces = layer->reduces[0];
    c.x = facet__map(pass, c.norm_in ? c.norm_in->in[0] : layer->in[0]);
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
    divide(&c);
    c.whole = is_whole(&c);
    a = packed_bytes(&c, c.k, c.group_out);
    b = packed_bytes(&c, c.group_out, c.k);
    c.packed_group = ((a > b ? a : b) + 63) & ~(size_t)63;
    lay_out(&c);
    return c;
}

static unsigned can(
    const facet__layer *layer, const facet__pass *pass, int input)
{
    facet__layer copy = *layer;
    const conv c = setup(&copy, pass);
    unsigned able = 0;

    (void)input;
    if (c.y->shape.n != 4)
        return 0;
    able = FACET__TAKES_MOMENTS;
    if (c.direct && (!c.bf16 || even(c.k) == c.k))
        able |= FACET__READS_NORM;
    if (c.whole)
        able |= FACET__GOES_BACK;
    if (c.whole && c.direct)
        able |= FACET__REDUCES;
    return able;
}

static void size(facet__layer *layer, const facet__pass *pass)
{
    const conv c = setup(layer, pass);
    const size_t row = even(c.k > c.group_out ? c.k : c.group_out);

    layer->scratch_bytes = c.scratch_bytes;
    /* gathered rows, their woven form, woven gradients, gradients */
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

/* For the input's gradient, which has no bias. */
static void pack_back(const conv *c)
{
    pack(c, true);
    memset(
        c->bias, 0, ((c->out > c->k ? c->out : c->k) + 32) * sizeof *c->bias);
}

/* c[m][columns] = a[m][k] times a packed matrix, in blocks of columns. */
typedef struct product {
    const void *a;
    size_t a_stride, m, k, columns;
    const char *packed;
    void *c;
    size_t c_stride;
    facet__dtype c_type;
    bool add;
    const float *bias; /* padded; zeros */
} product;

static void multiply(const conv *c, const product *p)
{
    const size_t k = c->bf16 ? even(p->k) : p->k;

    for (size_t n0 = 0; n0 < p->columns; n0 += FACET__NR) {
        const size_t left = p->columns - n0;
        char *to = (char *)p->c + n0 * facet__dtype_size(p->c_type);
        const facet__gemm_panel panel = { .a = p->a,
            .a_stride = p->a_stride,
            .m = p->m,
            .k = k,
            .b = p->packed + n0 * k * c->element,
            .n = left < FACET__NR ? left : FACET__NR,
            .c = to,
            .c_stride = p->c_stride,
            .c_type = p->c_type,
            .epilogue = { .bias = p->bias + n0,
                .lo = -INFINITY,
                .hi = INFINITY,
                .residual = p->add ? to : NULL,
                .residual_stride = p->c_stride,
                .residual_type = p->c_type } };

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
    if (c->norm_in) {
        facet__norm_make(c->norm_in, c->pass, first, m, NULL, buffer);
        return buffer;
    }
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

static void forward_rows(const conv *c, size_t first, size_t m, int thread)
{
    for (size_t g = 0; g < c->groups; g++) {
        product p = { .m = m,
            .k = c->k,
            .columns = c->group_out,
            .packed = c->packed + g * c->packed_group,
            .c = facet__view_at(c->y, first * c->out + g * c->group_out),
            .c_stride = c->out,
            .c_type = c->y->type,
            .bias = c->bias + g * c->group_out };

        p.a = rows_at(c, g, first, m, &p.a_stride, thread_scratch(c, thread));
        multiply(c, &p);
    }
}

static void forward_task(void *context, size_t part, int thread)
{
    const conv *c = context;
    const size_t end = c->rows * (part + 1) / c->forward_parts;
    facet__layer *counted = facet__norm_counted(c->layer, c->pass);

    if (counted)
        facet__norm_open(counted, c->pass, part);
    for (size_t i = c->rows * part / c->forward_parts; i < end; i += c->block) {
        const size_t m = end - i < c->block ? end - i : c->block;

        forward_rows(c, i, m, thread);
        if (counted)
            facet__norm_moments(counted, c->pass, part, i, m);
    }
}

static facet_status forward(facet__layer *layer, const facet__pass *pass)
{
    conv c = setup(layer, pass);

    pack(&c, false);
    memset(c.bias, 0, (c.out + 32) * sizeof *c.bias);
    if (layer->weight[2])
        memcpy(c.bias, layer->weight[2], c.out * sizeof *c.bias);
    if (facet__norm_counted(layer, pass))
        facet__norm_begin(layer->norm_out, c.forward_parts);
    facet__pool_run(pass->pool, c.forward_parts, forward_task, &c);
    return FACET_OK;
}

/* gradient of the input */

/* Rows of a direct layer's dx, from rows of dy. */
static void direct_back(
    const conv *c, const void *dy, size_t dy_stride, size_t first, size_t m)
{
    const product p = { .a = dy,
        .a_stride = dy_stride,
        .m = m,
        .k = c->out,
        .columns = c->k,
        .packed = c->packed,
        .c = facet__view_at(c->dx, first * c->k),
        .c_stride = c->k,
        .c_type = c->dx->type,
        .add = c->layer->adds[0],
        .bias = c->bias };

    multiply(c, &p);
}

static void direct_back_task(void *context, size_t index, int thread)
{
    const conv *c = context;
    const size_t first = index * c->block;
    const size_t m = c->rows - first < c->block ? c->rows - first : c->block;
    const size_t depth = c->bf16 ? even(c->out) : c->out;
    char *buffer = thread_scratch(c, thread);

    if (depth == c->out) {
        direct_back(c, facet__view_at(c->dy, first * c->out), c->out, first, m);
        return;
    }
    for (size_t i = 0; i < m; i++) {
        memcpy(buffer + i * depth * 2,
            facet__view_at(c->dy, (first + i) * c->out), c->out * 2);
        memset(buffer + (i * depth + c->out) * 2, 0, 2);
    }
    direct_back(c, buffer, depth, first, m);
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
                      : c->parts; /* floats of the whole map */
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
                .c_type = FACET__F32,
                .c_stride = c->k,
                .bias = c->bias };

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
    pack_back(c);
    if (c->direct)
        facet__pool_run(c->pass->pool, (c->rows + c->block - 1) / c->block,
            direct_back_task, c);
    else
        facet__pool_run(
            c->pass->pool, facet__view_n(c->dx), image_back_task, c);
}

/* gradient of the filters */

/* Rows of a map; `stride` elements from one to the next. */
typedef struct operand {
    const void *at;
    size_t stride;
} operand;

/* Add the product of a block of rows to a group's sums [k][group_out], for
 * rows [m0, m1) of the sums. */
static void add_block(const conv *c, operand a, operand b, size_t rows,
    float *sums, size_t m0, size_t m1, facet__ahead *ahead)
{
    for (size_t m = m0; m < m1; m += FACET__GRADIENT_ROWS)
        for (size_t n = 0; n < c->group_out; n += FACET__GRADIENT_COLUMNS) {
            const size_t pair = c->bf16 ? 2 : 1;
            const facet__gradient_tile t = { .a = (const char *)a.at +
                                                  m * pair * c->element,
                .b = (const char *)b.at + n * pair * c->element,
                .a_stride = a.stride,
                .b_stride = b.stride,
                .k = c->bf16 ? (rows + 1) / 2 : rows,
                .m = m1 - m < FACET__GRADIENT_ROWS ? m1 - m
                                                   : FACET__GRADIENT_ROWS,
                .n = c->group_out - n < FACET__GRADIENT_COLUMNS
                         ? c->group_out - n
                         : FACET__GRADIENT_COLUMNS,
                .c = sums + m * c->group_out + n,
                .c_stride = c->group_out,
                .ahead =
                    facet__ahead_take(ahead, c->bf16 ? (rows + 1) / 2 : rows) };

            (c->bf16 ? c->pass->kernels->gradient_bf16
                     : c->pass->kernels->gradient_f32)(&t);
        }
}

/* A block of rows of one group and of its dy into the group's sums; `buffer`
 * has room for the rows and, behind them, for the woven ones. */
static void add_product(const conv *c, operand a, operand b, size_t m,
    float *sums, size_t m0, size_t m1, char *buffer, facet__ahead *ahead)
{
    char *woven_a = buffer + (c->block + 2) * even(c->k) * 4;
    char *woven_b = woven_a + (c->block + 2) * even(c->k) * 4;

    if (c->bf16) {
        facet__gradient_weave(
            a.at, a.stride, m, c->k, (uint16_t *)(void *)woven_a);
        facet__gradient_weave(
            b.at, b.stride, m, c->group_out, (uint16_t *)(void *)woven_b);
        a = (operand){ woven_a, c->k };
        b = (operand){ woven_b, c->group_out };
    }
    add_block(c, a, b, m, sums, m0, m1, ahead);
}

/* Rows [first, end) of the map into a group's sums. */
static void add_rows(const conv *c, size_t group, size_t first, size_t end,
    float *sums, size_t m0, size_t m1, char *buffer)
{
    facet__ahead none = { .runs = 0 };

    for (size_t i = first; i < end; i += c->block) {
        const size_t m = end - i < c->block ? end - i : c->block;
        const operand b = {
            facet__view_at(c->dy, i * c->out + group * c->group_out), c->out
        };
        operand a;

        a.at = rows_at(c, group, i, m, &a.stride, buffer);
        add_product(c, a, b, m, sums, m0, m1, buffer, &none);
    }
}

/* What a block of whole_task reads of maps. */
static facet__ahead block_reads(const conv *c, size_t first, size_t m)
{
    const size_t bytes = m * c->out * c->element, at = first * c->out;
    const size_t in_bytes = m * c->k * c->element;
    facet__layer *norm = c->norm_out;
    facet__ahead reads = { .runs = 0 };

    if (norm && norm->passes_back) {
        facet__ahead_add(&reads, facet__view_at(c->y, at), bytes);
        facet__ahead_add(
            &reads, facet__view_at(&c->pass->gradients[norm->out], at), bytes);
    } else {
        facet__ahead_add(&reads, facet__view_at(c->dy, at), bytes);
    }
    if (c->direct)
        facet__ahead_add(&reads, facet__view_at(c->x, first * c->k), in_bytes);
    if (c->reduces && c->reduces != c->norm_in)
        facet__ahead_add(&reads,
            facet__view_at(
                facet__map(c->pass, c->reduces->in[0]), first * c->k),
            in_bytes);
    return reads;
}

/* A part of both gradients in one sweep: each block of dy is made once, and
 * all that is done with it is done while it is in the cache. */
static void whole_task(void *context, size_t part, int thread)
{
    const conv *c = context;
    const size_t end = c->rows * (part + 1) / c->n_parts;
    float *sums = c->parts + part * c->out * c->k;
    char *buffer = thread_scratch(c, thread);
    char *made =
        buffer + (c->block + 2) * (2 * even(c->k) + even(c->group_out)) * 4;

    memset(sums, 0, c->out * c->k * sizeof *sums);
    if (c->reduces)
        facet__norm_open(c->reduces, c->pass, part);
    for (size_t i = c->rows * part / c->n_parts; i < end; i += c->block) {
        const size_t m = end - i < c->block ? end - i : c->block;
        const size_t left = end - i - m;
        facet__ahead next =
            block_reads(c, i + m, left < c->block ? left : c->block);
        operand a, dy = { made, c->out };

        a.at = rows_at(c, 0, i, m, &a.stride, buffer);
        if (c->norm_out && c->norm_out->passes_back)
            facet__norm_make_back(c->norm_out, c->pass, i, m, made);
        else
            dy.at = facet__view_at(c->dy, i * c->out);
        add_product(c, a, dy, m, sums, 0, c->k, buffer, &next);
        if (c->dx->data)
            direct_back(c, dy.at, dy.stride, i, m);
        if (c->reduces)
            facet__norm_reduce(c->reduces, c->pass, part, i, m);
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

    memset(c->bias, 0, (c->out + 32) * sizeof *c->bias);
    c->pass->rows->sums(&rows, c->bias);
    c->pass->kernels->vec->accumulate(c->bias, c->layer->gradient[2], c->out);
}

static facet_status backward(facet__layer *layer, const facet__pass *pass)
{
    conv c = setup(layer, pass);

    if (c.whole) {
        if (c.dx->data)
            pack_back(&c);
        if (c.reduces)
            facet__norm_begin(c.reduces, c.n_parts);
        facet__pool_run(pass->pool, c.n_parts, whole_task, &c);
        collect(&c);
        return FACET_OK;
    }
    if (layer->gradient[1])
        backward_filters(&c);
    if (layer->gradient[2])
        backward_bias(&c);
    if (c.dx->data)
        backward_input(&c);
    return FACET_OK;
}

/* A bias is one number for each channel made. */
static bool fits(const facet__layer *layer, const facet__pass *pass)
{
    return facet__weight_fits(
        layer, 2, facet__view_features(facet__map(pass, layer->out)));
}

const facet__layer_class facet__layer_conv = { .name = "conv",
    .can = can,
    .fits = fits,
    .size = size,
    .forward = forward,
    .backward = backward,
    .keeps_input = true };
