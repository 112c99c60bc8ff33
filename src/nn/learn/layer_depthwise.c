/* SPDX-License-Identifier: Apache-2.0 */
/* layer_depthwise.c - a filter a channel.
 *
 * Both passes sweep down the images row by row and keep the few rows that a
 * window sees in the cache. The input's gradient at stride 1 is the same
 * convolution with the filters turned around. */
#include <math.h>
#include <string.h>

#include "nn/learn/row_cache.h"

typedef struct depthwise {
    facet__layer *layer;
    const facet__pass *pass;
    const facet__view *x, *y, *dx, *dy;    /* x: what the norm reads, if any */
    size_t channels, taps, padded, height; /* height: the kernel's */
    bool bf16, turns; /* turns: dx is a convolution with turned filters */
    float *packed;    /* as the forward kernel wants the filters */
    float *plain;     /* [taps][padded] */
    float *bias;      /* [padded + 32] */
    float *parts;     /* [PARTS][taps][padded] */
    size_t scratch_bytes;
} depthwise;

static bool turns(const facet__layer *layer)
{
    const facet__window *w = &layer->window;

    return w->stride[0] == 1 && w->stride[1] == 1 && !layer->adds[0] &&
           w->pad_begin[0] < w->kernel[0] && w->pad_begin[1] < w->kernel[1];
}

static depthwise setup(facet__layer *layer, const facet__pass *pass)
{
    depthwise d = { .layer = layer, .pass = pass };
    facet__room room = { pass->scratch, 0 };

    d.x = facet__map(
        pass, layer->norm_in[0] ? layer->norm_in[0]->in[0] : layer->in[0]);
    d.y = facet__map(pass, layer->out);
    d.dx = facet__in_gradient(layer, pass, 0);
    d.dy = &pass->gradients[layer->out];
    d.channels = facet__view_c(d.x);
    d.height = (size_t)layer->window.kernel[0];
    d.taps = (size_t)(layer->window.kernel[0] * layer->window.kernel[1]);
    d.padded = (d.channels + 15) & ~(size_t)15;
    d.bf16 = d.x->type == FACET__BF16;
    d.turns = turns(layer);
    d.packed = facet__room_take(&room,
        facet__depthwise_packed_size(d.taps, d.channels) * sizeof *d.packed);
    d.plain = facet__room_take(&room, d.taps * d.padded * sizeof *d.plain);
    d.bias = facet__room_take(&room, (d.padded + 64) * sizeof *d.bias);
    d.parts = facet__room_take(
        &room, FACET__PARTS * d.taps * d.padded * sizeof *d.parts);
    d.scratch_bytes = room.used;
    return d;
}

static unsigned can(
    const facet__layer *layer, const facet__pass *pass, int input)
{
    (void)pass;
    (void)input;
    return FACET__READS_NORM | FACET__TAKES_MOMENTS | FACET__REDUCES |
           (layer->gradient[2] ? 0 : FACET__GOES_BACK);
}

static void size(facet__layer *layer, const facet__pass *pass)
{
    const depthwise d = setup(layer, pass);

    layer->scratch_bytes = d.scratch_bytes;
    layer->thread_bytes =
        d.height * (facet__row_cache_bytes(d.x) + facet__row_cache_bytes(d.y));
}

static facet__row_cache x_rows(const depthwise *d, int thread)
{
    return facet__row_cache_of(d->x, d->layer->norm_in[0], d->pass, false,
        d->height,
        d->pass->thread_scratch + (size_t)thread * d->pass->thread_stride);
}

/* Rows of the output's gradient: behind a norm, made from the norm's. */
static facet__row_cache dy_rows(const depthwise *d, int thread)
{
    facet__layer *norm = d->layer->norm_out;
    const bool makes = norm && norm->passes_back;

    return facet__row_cache_of(makes ? d->y : d->dy, makes ? norm : NULL,
        d->pass, true, d->height,
        d->pass->thread_scratch + (size_t)thread * d->pass->thread_stride +
            d->height * facet__row_cache_bytes(d->x));
}

/* The rows of an image that the window at row `top` of it covers; NULL: none
 * there. */
static void window_rows(facet__row_cache *cache, size_t image, int64_t top,
    size_t height, const void **rows)
{
    const int64_t h = cache->map->shape.d[2];

    for (size_t k = 0; k < height; k++) {
        const int64_t y = top + (int64_t)k;

        rows[k] = y >= 0 && y < h ? facet__row_cache_get(
                                        cache, image * (size_t)h + (size_t)y)
                                  : NULL;
    }
}

/* One row of a convolution with the packed filters. */
static void convolve(const depthwise *d, const void *const *rows,
    const facet__view *from, const facet__view *to, size_t row, size_t stride,
    size_t pad)
{
    const facet__window *w = &d->layer->window;
    const size_t width = facet__view_w(to);
    const facet__depthwise_row r = { .rows = rows,
        .kernel_h = d->height,
        .kernel_w = (size_t)w->kernel[1],
        .stride = stride,
        .dilation = 1,
        .pad = pad,
        .in_width = facet__view_w(from),
        .out_width = width,
        .channels = d->channels,
        .weights = d->packed,
        .out = facet__view_at(to, row * width * d->channels),
        .type = d->x->type,
        .epilogue = { .bias = d->bias, .lo = -INFINITY, .hi = INFINITY } };

    (d->bf16 ? d->pass->kernels->depthwise_bf16
             : d->pass->kernels->depthwise_f32)(&r);
}

static void forward_task(void *context, size_t part, int thread)
{
    const depthwise *d = context;
    const facet__window *w = &d->layer->window;
    const size_t height = facet__view_h(d->y), width = facet__view_w(d->y);
    const size_t all = facet__view_n(d->y) * height;
    facet__layer *norm = facet__norm_counted(d->layer, d->pass);
    facet__row_cache x = x_rows(d, thread);
    const void *rows[FACET__DEPTHWISE_MAX];

    if (norm)
        facet__norm_open(norm, d->pass, part);
    for (size_t row = all * part / FACET__PARTS;
         row < all * (part + 1) / FACET__PARTS; row++) {
        window_rows(&x, row / height,
            (int64_t)(row % height) * w->stride[0] - w->pad_begin[0], d->height,
            rows);
        convolve(d, rows, d->x, d->y, row, (size_t)w->stride[1],
            (size_t)w->pad_begin[1]);
        if (norm)
            facet__norm_moments(norm, d->pass, part, row * width, width);
    }
}

static facet_status forward(facet__layer *layer, const facet__pass *pass)
{
    depthwise d = setup(layer, pass);

    facet__depthwise_pack(layer->weight[1], d.taps, d.channels, d.packed);
    memset(d.bias, 0, (d.padded + 32) * sizeof *d.bias);
    if (layer->weight[2])
        memcpy(d.bias, layer->weight[2], d.channels * sizeof *d.bias);
    if (facet__norm_counted(layer, pass))
        facet__norm_begin(layer->norm_out, FACET__PARTS);
    facet__pool_run(pass->pool, FACET__PARTS, forward_task, &d);
    return FACET_OK;
}

/* backward */

/* Filters as the rows of the input's gradient want them. */
static void prepare_filters(const depthwise *d)
{
    float *turned = d->parts; /* [channel][tap] */

    memset(d->plain, 0, d->taps * d->padded * sizeof *d->plain);
    for (size_t k = 0; k < d->taps; k++)
        for (size_t c = 0; c < d->channels; c++)
            d->plain[k * d->padded + c] = d->layer->weight[1][c * d->taps + k];
    for (size_t c = 0; c < d->channels; c++)
        for (size_t k = 0; k < d->taps; k++)
            turned[c * d->taps + k] =
                d->layer->weight[1][(c + 1) * d->taps - 1 - k];
    facet__depthwise_pack(turned, d->taps, d->channels, d->packed);
    memset(d->bias, 0, (d->padded + 32) * sizeof *d->bias);
}

/* The input's gradient at one of its rows, from the output's rows. */
static void back_row(const depthwise *d, facet__row_cache *dy, size_t row)
{
    const facet__window *w = &d->layer->window;
    const size_t height = facet__view_h(d->x), width = facet__view_w(d->x);
    const size_t image = row / height, y = row % height;
    const int64_t out_h = d->dy->shape.d[2];
    const void *rows[FACET__DEPTHWISE_MAX];

    if (d->turns) {
        window_rows(dy, image,
            (int64_t)y - (w->kernel[0] - 1 - w->pad_begin[0]), d->height, rows);
        convolve(d, rows, d->dy, d->dx, row, 1,
            (size_t)(w->kernel[1] - 1 - w->pad_begin[1]));
        return;
    }
    for (int64_t ky = 0; ky < w->kernel[0]; ky++) {
        const int64_t shifted = (int64_t)y + w->pad_begin[0] - ky;
        const int64_t o = shifted / w->stride[0];

        rows[ky] =
            shifted >= 0 && shifted % w->stride[0] == 0 && o < out_h
                ? facet__row_cache_get(dy, image * (size_t)out_h + (size_t)o)
                : NULL;
    }
    d->pass->rows->depthwise_back(&(facet__depthwise_back){ rows, d->height,
        (size_t)w->kernel[1], (size_t)w->stride[1], (size_t)w->pad_begin[1],
        width, facet__view_w(d->dy), d->channels, d->bf16, d->layer->adds[0],
        d->plain, facet__view_at(d->dx, row * width * d->channels) });
}

/* The rows of the input's gradient that go with row `row` of the output's:
 * each once. */
static void back_rows(
    const depthwise *d, facet__row_cache *dy, size_t part, size_t row)
{
    const size_t out_h = facet__view_h(d->dy), height = facet__view_h(d->x);
    const size_t stride = (size_t)d->layer->window.stride[0];
    const size_t image = row / out_h, o = row % out_h;
    const size_t end = o + 1 == out_h ? height : (o + 1) * stride;
    const size_t width = facet__view_w(d->x);
    facet__layer *norm = d->layer->reduces[0];

    for (size_t y = o * stride; y < end && y < height; y++) {
        back_row(d, dy, image * height + y);
        if (norm)
            facet__norm_reduce(
                norm, d->pass, part, (image * height + y) * width, width);
    }
}

static void backward_task(void *context, size_t part, int thread)
{
    const depthwise *d = context;
    const facet__window *w = &d->layer->window;
    const size_t height = facet__view_h(d->dy);
    const size_t all = facet__view_n(d->dy) * height;
    facet__row_cache x = x_rows(d, thread), dy = dy_rows(d, thread);
    float *sums = d->parts + part * d->taps * d->padded;
    const void *rows[FACET__DEPTHWISE_MAX];
    const facet__depthwise_grad grad = { rows, NULL, d->height,
        (size_t)w->kernel[1], (size_t)w->stride[1], (size_t)w->pad_begin[1],
        facet__view_w(d->x), facet__view_w(d->dy), d->channels, d->bf16, sums };

    memset(sums, 0, d->taps * d->padded * sizeof *sums);
    if (d->layer->reduces[0])
        facet__norm_open(d->layer->reduces[0], d->pass, part);
    for (size_t row = all * part / FACET__PARTS;
         row < all * (part + 1) / FACET__PARTS; row++) {
        facet__depthwise_grad g = grad;

        g.out_row = facet__row_cache_get(&dy, row);
        window_rows(&x, row / height,
            (int64_t)(row % height) * w->stride[0] - w->pad_begin[0], d->height,
            rows);
        if (d->layer->gradient[1])
            d->pass->rows->depthwise_grad(&g);
        if (d->dx->data)
            back_rows(d, &dy, part, row);
    }
}

static void collect(const depthwise *d)
{
    const size_t numbers = d->taps * d->padded;

    for (size_t part = 1; part < FACET__PARTS; part++)
        d->pass->kernels->vec->accumulate(
            d->parts + part * numbers, d->parts, numbers);
    for (size_t c = 0; c < d->channels; c++)
        for (size_t k = 0; k < d->taps; k++)
            d->layer->gradient[1][c * d->taps + k] +=
                d->parts[k * d->padded + c];
}

static facet_status backward(facet__layer *layer, const facet__pass *pass)
{
    depthwise d = setup(layer, pass);

    if (layer->gradient[2]) {
        const facet__rows rows = { d.dy->data, facet__view_rows(d.dy),
            d.channels, d.bf16 };

        memset(d.bias, 0, (d.padded + 32) * sizeof *d.bias);
        pass->rows->sums(&rows, d.bias);
        pass->kernels->vec->accumulate(d.bias, layer->gradient[2], d.channels);
    }
    prepare_filters(&d);
    if (layer->reduces[0])
        facet__norm_begin(layer->reduces[0], FACET__PARTS);
    facet__pool_run(pass->pool, FACET__PARTS, backward_task, &d);
    if (layer->gradient[1])
        collect(&d);
    return FACET_OK;
}

/* A bias is one number for each channel made. */
static bool fits(const facet__layer *layer, const facet__pass *pass)
{
    return facet__weight_fits(
        layer, 2, facet__view_features(facet__map(pass, layer->out)));
}

const facet__layer_class facet__layer_depthwise = { .name = "depthwise",
    .can = can,
    .fits = fits,
    .size = size,
    .forward = forward,
    .backward = backward,
    .keeps_input = true };
