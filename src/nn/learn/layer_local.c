/* SPDX-License-Identifier: Apache-2.0 */
/* layer_local.c - locally connected layers, a filter of its own a position.
 *
 * For each position, with what it sees of n images as rows X [n][k], its
 * filters W [k][out] and its gradient D [n][out]:
 *
 *   forward  Y = X W        input  dX = D W^T       filters  dW = X^T D
 *
 * X is read where it lies, a stretch of k a row of the window. There are as
 * many filters as multiply-adds of an image, so memory is the limit until a
 * batch is some dozens; filters and their gradients are touched once a pass, in
 * order.
 *
 * Positions are independent but for dX, where windows overlap: there the
 * filters of a row of positions are turned over together, and then each task
 * takes some images through that row. */
#include <math.h>
#include <string.h>

#include "nn/engine/gradient.h"
#include "nn/learn/layer.h"

enum { IMAGES = 8 }; /* of a task of the input's gradient */

typedef struct local {
    facet__layer *layer;
    const facet__pass *pass;
    const facet__view *x, *y, *dx, *dy;
    bool bf16;
    size_t element;
    size_t images, out, k, line, kernel_h; /* line: depth of a window's row */
    size_t packed, turned;                 /* bytes of a position's filters */
    /* Scratch of the layer: a row's filters turned over, and the input's
     * gradient in floats where the map is bf16. */
    char *filters;
    float *sums;
    size_t scratch_bytes;
    size_t row; /* of positions, in hand */
} local;

static size_t even(size_t n)
{
    return (n + 1) & ~(size_t)1;
}

static local setup(facet__layer *layer, const facet__pass *pass)
{
    const facet__shape *w = &layer->weight_shape[1];
    local l = { .layer = layer, .pass = pass };
    facet__room room = { pass->scratch, 0 };

    l.x = facet__map(pass, layer->in[0]);
    l.y = facet__map(pass, layer->out);
    l.dx = facet__in_gradient(layer, pass, 0);
    l.dy = &pass->gradients[layer->out];
    l.kernel_h = (size_t)w->d[1];
    l.line = (size_t)(w->d[2] * w->d[3]);
    l.bf16 = l.x->type == FACET__BF16;
    l.element = l.bf16 ? 2 : 4;
    l.images = facet__view_n(l.x);
    l.out = (size_t)w->d[4];
    l.k = l.kernel_h * l.line;
    l.packed = facet__gemm_packed_size(l.k, l.out, l.x->type) * l.element;
    l.turned = facet__gemm_packed_size(l.out, l.k, l.x->type) * l.element;
    l.filters = facet__room_take(&room, facet__view_w(l.y) * l.turned);
    l.sums = facet__room_take(
        &room, l.bf16 ? facet__view_count(l.x) * sizeof *l.sums : 0);
    l.scratch_bytes = room.used;
    return l;
}

/* A thread's scratch. */
typedef struct bench {
    char *packed; /* the position's filters */
    float *bias;  /* zeros, or the position's */
    float *rows;  /* the input's gradient, [IMAGES][k] */
    char *even;   /* rows whose odd number of bf16 is filled up */
    char *woven_x, *woven_d;
} bench;

static bench bench_of(const local *l, int thread, size_t *bytes)
{
    const size_t widest = l->k > l->out ? l->k : l->out;
    facet__room room = facet__thread_room(l->pass, thread);
    bench b = { .packed = facet__room_take(&room, l->packed) };

    b.bias =
        facet__room_take(&room, facet__panel_room(widest) * sizeof *b.bias);
    b.rows = facet__room_take(&room, IMAGES * l->k * sizeof *b.rows);
    b.even =
        facet__room_take(&room, l->images * (even(l->k) + even(l->out)) * 2);
    b.woven_x = facet__room_take(&room, (l->images + 1) * l->line * 2);
    b.woven_d = facet__room_take(&room, (l->images + 1) * l->out * 2 + 128);
    if (bytes)
        *bytes = room.used;
    return b;
}

static void size(facet__layer *layer, const facet__pass *pass)
{
    const local l = setup(layer, pass);

    layer->scratch_bytes = l.scratch_bytes;
    (void)bench_of(&l, 0, &layer->thread_bytes);
}

/* The element of the map at which what position (y, x) sees of image 0 begins.
 */
static size_t seen_at(const local *l, size_t y, size_t x)
{
    const facet__window *w = &l->layer->window;

    return (y * (size_t)w->stride[0] * facet__view_w(l->x) +
               x * (size_t)w->stride[1]) *
           facet__view_c(l->x);
}

static size_t line_step(const local *l)
{
    return facet__view_w(l->x) * facet__view_c(l->x);
}

static size_t image_step(const facet__view *v)
{
    return facet__view_h(v) * facet__view_w(v) * facet__view_c(v);
}

static const float *filters_of(const local *l, size_t position)
{
    return l->layer->weight[1] + position * l->k * l->out;
}

/* forward */

/* The position's filters as the product takes them. */
static const void *pack(const local *l, size_t position, char *room)
{
    const float *w = filters_of(l, position);

    if (l->bf16)
        facet__gemm_pack_bf16(
            w, l->k, l->out, l->out, 1, (uint16_t *)(void *)room);
    else if (l->out == 16 || l->out == FACET__NR)
        return w; /* as they stand */
    else
        facet__gemm_pack_f32(w, l->k, l->out, l->out, 1, (float *)(void *)room);
    return room;
}

/* What the position sees of all images. Pairs of bf16 must not straddle the
 * stretches: odd ones are gathered into one. */
static facet__gemm_panel seen(
    const local *l, const bench *b, size_t y, size_t x)
{
    const size_t from = seen_at(l, y, x), row = even(l->k);
    facet__gemm_panel p = { .a = facet__view_at(l->x, from),
        .a_stride = image_step(l->x),
        .m = l->images,
        .k = l->line,
        .segments = l->kernel_h,
        .segment_stride = line_step(l) };

    if (!l->bf16 || l->line % 2 == 0)
        return p;
    for (size_t i = 0; i < l->images; i++) {
        uint16_t *to = (uint16_t *)(void *)b->even + i * row;

        for (size_t ky = 0; ky < l->kernel_h; ky++)
            memcpy(to + ky * l->line,
                facet__view_at(
                    l->x, from + i * image_step(l->x) + ky * line_step(l)),
                l->line * sizeof *to);
        to[row - 1] = l->k % 2 ? 0 : to[row - 1];
    }
    p.a = b->even;
    p.a_stride = p.k = row;
    p.segments = 1;
    return p;
}

static void forward_position(const local *l, const bench *b, size_t y, size_t x)
{
    const size_t position = y * facet__view_w(l->y) + x;
    const size_t depth = l->bf16 ? even(l->k) : l->k;
    const char *filters = pack(l, position, b->packed);
    facet__gemm_panel p = seen(l, b, y, x);

    if (l->layer->weight[2])
        memcpy(b->bias, l->layer->weight[2] + position * l->out,
            l->out * sizeof *b->bias);
    for (size_t n = 0; n < l->out; n += FACET__NR) {
        p.b = filters + n * depth * l->element;
        p.n = l->out - n < FACET__NR ? l->out - n : FACET__NR;
        p.c = facet__view_at(l->y, position * l->out + n);
        p.c_stride = image_step(l->y);
        p.c_type = l->x->type;
        p.epilogue = (facet__epilogue){
            .bias = b->bias + n, .lo = -INFINITY, .hi = INFINITY
        };
        (l->bf16 ? l->pass->kernels->gemm_bf16 : l->pass->kernels->gemm_f32)(
            &p);
    }
}

static void forward_task(void *context, size_t y, int thread)
{
    const local *l = context;
    const bench b = bench_of(l, thread, NULL);

    memset(b.bias, 0, facet__panel_room(l->out) * sizeof *b.bias);
    for (size_t x = 0; x < facet__view_w(l->y); x++)
        forward_position(l, &b, y, x);
}

static facet_status forward(facet__layer *layer, const facet__pass *pass)
{
    local l = setup(layer, pass);

    facet__pool_run(pass->pool, facet__view_h(l.y), forward_task, &l);
    return FACET_OK;
}

/* gradient of the filters and biases: a task a row of positions */

/* One row of the window: dW [line][out] += X^T D. */
static void add_product(const local *l, const void *x, size_t x_stride,
    const void *d, size_t d_stride, float *to)
{
    enum { PAIR = 4 }; /* bytes of a float, or of two of bf16 */

    for (size_t m = 0; m < l->line; m += FACET__GRADIENT_ROWS)
        for (size_t n = 0; n < l->out; n += FACET__GRADIENT_COLUMNS) {
            const facet__gradient_tile t = { .a = (const char *)x + m * PAIR,
                .b = (const char *)d + n * PAIR,
                .a_stride = x_stride,
                .b_stride = d_stride,
                .k = l->bf16 ? (l->images + 1) / 2 : l->images,
                .m = l->line - m < FACET__GRADIENT_ROWS ? l->line - m
                                                        : FACET__GRADIENT_ROWS,
                .n = l->out - n < FACET__GRADIENT_COLUMNS
                         ? l->out - n
                         : FACET__GRADIENT_COLUMNS,
                .c = to + m * l->out + n,
                .c_stride = l->out };

            (l->bf16 ? l->pass->kernels->gradient_bf16
                     : l->pass->kernels->gradient_f32)(&t);
        }
}

static void filters_position(const local *l, const bench *b, size_t y, size_t x)
{
    const size_t position = y * facet__view_w(l->y) + x;
    float *to = l->layer->gradient[1] + position * l->k * l->out;
    const void *d = facet__view_at(l->dy, position * l->out);
    size_t d_stride = image_step(l->y);

    if (l->bf16) {
        facet__gradient_weave(
            d, d_stride, l->images, l->out, (uint16_t *)(void *)b->woven_d);
        d = b->woven_d;
        d_stride = l->out;
    }
    for (size_t ky = 0; ky < l->kernel_h; ky++, to += l->line * l->out) {
        const void *from =
            facet__view_at(l->x, seen_at(l, y, x) + ky * line_step(l));
        size_t stride = image_step(l->x);

        if (l->bf16) {
            facet__gradient_weave(from, stride, l->images, l->line,
                (uint16_t *)(void *)b->woven_x);
            from = b->woven_x;
            stride = l->line;
        }
        add_product(l, from, stride, d, d_stride, to);
    }
}

static void bias_position(const local *l, const bench *b, size_t position)
{
    float *to = l->layer->gradient[2] + position * l->out;

    for (size_t i = 0; i < l->images; i++) {
        const void *d =
            facet__view_at(l->dy, i * image_step(l->y) + position * l->out);

        if (l->bf16)
            l->pass->kernels->vec->widen(d, b->bias, l->out);
        l->pass->kernels->vec->accumulate(l->bf16 ? b->bias : d, to, l->out);
    }
}

static void weights_task(void *context, size_t y, int thread)
{
    const local *l = context;
    const bench b = bench_of(l, thread, NULL);
    const size_t width = facet__view_w(l->y);

    for (size_t x = 0; x < width; x++) {
        if (l->layer->gradient[1])
            filters_position(l, &b, y, x);
        if (l->layer->gradient[2])
            bias_position(l, &b, y * width + x);
    }
}

/* gradient of the input */

static void turn_task(void *context, size_t x, int thread)
{
    const local *l = context;
    const float *w = filters_of(l, l->row * facet__view_w(l->y) + x);
    void *to = l->filters + x * l->turned;

    (void)thread;
    if (l->bf16)
        facet__gemm_pack_bf16(w, l->out, l->k, 1, l->out, to);
    else
        facet__gemm_pack_f32(w, l->out, l->k, 1, l->out, to);
}

/* The output's gradient at the position, rows of an even number. */
static const void *told(const local *l, const bench *b, size_t position,
    size_t first, size_t m, size_t *stride)
{
    const size_t row = even(l->out);
    const size_t from = first * image_step(l->y) + position * l->out;

    *stride = image_step(l->y);
    if (!l->bf16 || row == l->out)
        return facet__view_at(l->dy, from);
    *stride = row;
    for (size_t i = 0; i < m; i++) {
        uint16_t *to = (uint16_t *)(void *)b->even + i * row;

        memcpy(to, facet__view_at(l->dy, from + i * image_step(l->y)),
            l->out * sizeof *to);
        to[l->out] = 0;
    }
    return b->even;
}

/* D W^T of a few images at one position into b->rows. */
static void back_position(
    const local *l, const bench *b, size_t x, size_t first, size_t m)
{
    const size_t position = l->row * facet__view_w(l->y) + x;
    const size_t depth = l->bf16 ? even(l->out) : l->out;
    facet__gemm_panel p = {
        .m = m, .k = depth, .c_stride = l->k, .c_type = FACET__F32
    };

    p.a = told(l, b, position, first, m, &p.a_stride);
    for (size_t n = 0; n < l->k; n += FACET__NR) {
        p.b = l->filters + x * l->turned + n * depth * l->element;
        p.n = l->k - n < FACET__NR ? l->k - n : FACET__NR;
        p.c = b->rows + n;
        p.epilogue = (facet__epilogue){
            .bias = b->bias + n, .lo = -INFINITY, .hi = INFINITY
        };
        (l->bf16 ? l->pass->kernels->gemm_bf16 : l->pass->kernels->gemm_f32)(
            &p);
    }
}

static size_t images_of(const local *l, size_t block)
{
    const size_t left = l->images - block * IMAGES;

    return left < IMAGES ? left : IMAGES;
}

/* Some images through the row in hand: add what each position gives back. */
static void back_task(void *context, size_t block, int thread)
{
    const local *l = context;
    const bench b = bench_of(l, thread, NULL);
    const size_t first = block * IMAGES, m = images_of(l, block);

    memset(b.bias, 0, facet__panel_room(l->k) * sizeof *b.bias);
    for (size_t x = 0; x < facet__view_w(l->y); x++) {
        back_position(l, &b, x, first, m);
        for (size_t i = 0; i < m; i++)
            for (size_t ky = 0; ky < l->kernel_h; ky++)
                l->pass->kernels->vec->accumulate(
                    b.rows + i * l->k + ky * l->line,
                    l->sums + (first + i) * image_step(l->x) +
                        seen_at(l, l->row, x) + ky * line_step(l),
                    l->line);
    }
}

/* Before: what others have given, or zeros. After: from floats to the map. */
static void begin_task(void *context, size_t block, int thread)
{
    const local *l = context;
    const size_t from = block * IMAGES * image_step(l->x);
    const size_t numbers = images_of(l, block) * image_step(l->x);

    (void)thread;
    if (!l->layer->adds[0])
        memset(l->sums + from, 0, numbers * sizeof *l->sums);
    else if (l->bf16)
        l->pass->kernels->vec->widen(
            facet__view_at(l->dx, from), l->sums + from, numbers);
}

static void end_task(void *context, size_t block, int thread)
{
    const local *l = context;
    const size_t from = block * IMAGES * image_step(l->x);

    (void)thread;
    l->pass->kernels->vec->narrow(l->sums + from, facet__view_at(l->dx, from),
        images_of(l, block) * image_step(l->x));
}

static void backward_input(local *l)
{
    const size_t blocks = (l->images + IMAGES - 1) / IMAGES;
    facet__pool *pool = l->pass->pool;

    if (!l->bf16)
        l->sums = l->dx->data;
    facet__pool_run(pool, blocks, begin_task, l);
    for (l->row = 0; l->row < facet__view_h(l->y); l->row++) {
        facet__pool_run(pool, facet__view_w(l->y), turn_task, l);
        facet__pool_run(pool, blocks, back_task, l);
    }
    if (l->bf16)
        facet__pool_run(pool, blocks, end_task, l);
}

static facet_status backward(facet__layer *layer, const facet__pass *pass)
{
    local l = setup(layer, pass);

    if (layer->gradient[1] || layer->gradient[2])
        facet__pool_run(pass->pool, facet__view_h(l.y), weights_task, &l);
    if (l.dx->data)
        backward_input(&l);
    return FACET_OK;
}

/* A bias is one number for each channel of each position. */
static bool fits(const facet__layer *layer, const facet__pass *pass)
{
    const facet__shape *w = &layer->weight_shape[1];

    (void)pass;
    return facet__weight_fits(layer, 2, (size_t)(w->d[0] * w->d[4]));
}

const facet__layer_class facet__layer_local = { .name = "local",
    .fits = fits,
    .size = size,
    .forward = forward,
    .backward = backward,
    .keeps_input = true };
