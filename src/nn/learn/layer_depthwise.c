/* SPDX-License-Identifier: Apache-2.0 */
/* layer_depthwise.c - a filter a channel. The input's gradient at stride 1 is
 * the same convolution with the filters turned around. */
#include <math.h>
#include <string.h>

#include "nn/learn/layer.h"

typedef struct depthwise {
    facet__layer *layer;
    const facet__pass *pass;
    const facet__view *x, *y, *dx, *dy;
    size_t channels, taps, padded;
    bool bf16;
    float *packed; /* as the forward kernel wants the filters */
    float *plain;  /* [taps][padded] */
    float *bias;   /* [padded + 32] */
    float *parts;  /* [PARTS][taps][padded] */
} depthwise;

static depthwise setup(facet__layer *layer, const facet__pass *pass)
{
    depthwise d = { .layer = layer, .pass = pass };
    size_t packed;

    d.x = facet__map(pass, layer->in[0]);
    d.y = facet__map(pass, layer->out);
    d.dx = facet__in_gradient(layer, pass, 0);
    d.dy = &pass->gradients[layer->out];
    d.channels = facet__view_c(d.x);
    d.taps = (size_t)(layer->window.kernel[0] * layer->window.kernel[1]);
    d.padded = (d.channels + 15) & ~(size_t)15;
    d.bf16 = d.x->type == FACET__BF16;
    packed = facet__depthwise_packed_size(d.taps, d.channels);
    d.packed = (float *)(void *)pass->scratch;
    d.plain = d.packed + packed;
    d.bias = d.plain + d.taps * d.padded;
    d.parts = d.bias + d.padded + 64;
    return d;
}

static void size(facet__layer *layer, const facet__pass *pass)
{
    const depthwise d = setup(layer, pass);

    layer->scratch_bytes =
        (size_t)((char *)(d.parts + FACET__PARTS * d.taps * d.padded) -
                 pass->scratch);
}

typedef struct rows_task {
    const depthwise *d;
    const facet__view *from, *to;
    size_t stride, pad_h, pad_w;
} rows_task;

/* One row of a convolution of `from` into `to`. */
static void row_task(void *context, size_t row, int thread)
{
    const rows_task *t = context;
    const depthwise *d = t->d;
    const facet__window *w = &d->layer->window;
    const size_t height = facet__view_h(t->to), width = facet__view_w(t->to);
    const size_t image = row / height;
    const void *rows[FACET__DEPTHWISE_MAX];
    const facet__depthwise_row r = { .rows = rows,
        .kernel_h = (size_t)w->kernel[0],
        .kernel_w = (size_t)w->kernel[1],
        .stride = t->stride,
        .dilation = 1,
        .pad = t->pad_w,
        .in_width = facet__view_w(t->from),
        .out_width = width,
        .channels = d->channels,
        .weights = d->packed,
        .out = facet__view_at(t->to, row * width * d->channels),
        .bf16 = d->bf16,
        .epilogue = { .bias = d->bias, .lo = -INFINITY, .hi = INFINITY } };

    (void)thread;
    for (int64_t ky = 0; ky < w->kernel[0]; ky++) {
        const int64_t y =
            (int64_t)(row % height * t->stride) - (int64_t)t->pad_h + ky;

        rows[ky] = y >= 0 && y < t->from->shape.d[2]
                       ? facet__view_at(t->from,
                             (image * facet__view_h(t->from) + (size_t)y) *
                                 facet__view_w(t->from) * d->channels)
                       : NULL;
    }
    (d->bf16 ? d->pass->kernels->depthwise_bf16
             : d->pass->kernels->depthwise_f32)(&r);
}

static facet_status forward(facet__layer *layer, const facet__pass *pass)
{
    const depthwise d = setup(layer, pass);
    rows_task t = { &d, d.x, d.y, (size_t)layer->window.stride[0],
        (size_t)layer->window.pad_begin[0],
        (size_t)layer->window.pad_begin[1] };

    facet__depthwise_pack(
        layer->weight[1], d.taps, d.channels, d.bf16, d.packed);
    memset(d.bias, 0, (d.padded + 32) * sizeof *d.bias);
    if (layer->weight[2])
        memcpy(d.bias, layer->weight[2], d.channels * sizeof *d.bias);
    facet__pool_run(
        pass->pool, facet__view_n(d.y) * facet__view_h(d.y), row_task, &t);
    return FACET_OK;
}

/* Filters [channel][tap] to [tap][padded], turned around if asked. */
static void lay_out(const depthwise *d, bool turned, float *to)
{
    for (size_t k = 0; k < d->taps; k++)
        for (size_t c = 0; c < d->channels; c++)
            to[k * d->padded + c] =
                d->layer
                    ->weight[1][c * d->taps + (turned ? d->taps - 1 - k : k)];
}

static void back_row_task(void *context, size_t row, int thread)
{
    const depthwise *d = context;
    const facet__window *w = &d->layer->window;
    const size_t height = facet__view_h(d->x), width = facet__view_w(d->x);
    const size_t image = row / height, out_w = facet__view_w(d->dy);
    const void *rows[FACET__DEPTHWISE_MAX];
    const facet__depthwise_back b = { rows, (size_t)w->kernel[0],
        (size_t)w->kernel[1], (size_t)w->stride[1], (size_t)w->pad_begin[1],
        width, out_w, d->channels, d->bf16, d->layer->adds[0], d->plain,
        facet__view_at(d->dx, row * width * d->channels) };

    (void)thread;
    for (int64_t ky = 0; ky < w->kernel[0]; ky++) {
        const int64_t shifted = (int64_t)(row % height) + w->pad_begin[0] - ky;
        const int64_t o = shifted / w->stride[0];

        rows[ky] =
            shifted >= 0 && shifted % w->stride[0] == 0 && o < d->dy->shape.d[2]
                ? facet__view_at(
                      d->dy, (image * facet__view_h(d->dy) + (size_t)o) *
                                 out_w * d->channels)
                : NULL;
    }
    d->pass->rows->depthwise_back(&b);
}

static void backward_input(depthwise *d)
{
    const facet__window *w = &d->layer->window;
    const size_t rows = facet__view_n(d->x) * facet__view_h(d->x);
    rows_task t = { d, d->dy, d->dx, 1,
        (size_t)(w->kernel[0] - 1 - w->pad_begin[0]),
        (size_t)(w->kernel[1] - 1 - w->pad_begin[1]) };

    if (w->stride[0] == 1 && w->stride[1] == 1 && !d->layer->adds[0] &&
        w->pad_begin[0] < w->kernel[0] && w->pad_begin[1] < w->kernel[1]) {
        float *turned = d->parts; /* [channel][tap] */

        for (size_t c = 0; c < d->channels; c++)
            for (size_t k = 0; k < d->taps; k++)
                turned[c * d->taps + k] =
                    d->layer->weight[1][(c + 1) * d->taps - 1 - k];
        facet__depthwise_pack(turned, d->taps, d->channels, d->bf16, d->packed);
        memset(d->bias, 0, (d->padded + 32) * sizeof *d->bias);
        facet__pool_run(d->pass->pool, rows, row_task, &t);
        return;
    }
    memset(d->plain, 0, d->taps * d->padded * sizeof *d->plain);
    lay_out(d, false, d->plain);
    facet__pool_run(d->pass->pool, rows, back_row_task, d);
}

static void part_task(void *context, size_t part, int thread)
{
    const depthwise *d = context;
    const facet__window *w = &d->layer->window;
    const size_t height = facet__view_h(d->dy);
    const size_t all = facet__view_n(d->dy) * height;
    const size_t in_w = facet__view_w(d->x), out_w = facet__view_w(d->dy);
    float *sums = d->parts + part * d->taps * d->padded;

    (void)thread;
    memset(sums, 0, d->taps * d->padded * sizeof *sums);
    for (size_t row = all * part / FACET__PARTS;
         row < all * (part + 1) / FACET__PARTS; row++) {
        const size_t image = row / height;
        const void *rows[FACET__DEPTHWISE_MAX];
        const facet__depthwise_grad g = { rows,
            facet__view_at(d->dy, row * out_w * d->channels),
            (size_t)w->kernel[0], (size_t)w->kernel[1], (size_t)w->stride[1],
            (size_t)w->pad_begin[1], in_w, out_w, d->channels, d->bf16, sums };

        for (int64_t ky = 0; ky < w->kernel[0]; ky++) {
            const int64_t y =
                (int64_t)(row % height) * w->stride[0] - w->pad_begin[0] + ky;

            rows[ky] = y >= 0 && y < d->x->shape.d[2]
                           ? facet__view_at(d->x,
                                 (image * facet__view_h(d->x) + (size_t)y) *
                                     in_w * d->channels)
                           : NULL;
        }
        d->pass->rows->depthwise_grad(&g);
    }
}

static void backward_filters(depthwise *d)
{
    const size_t numbers = d->taps * d->padded;

    facet__pool_run(d->pass->pool, FACET__PARTS, part_task, d);
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

    if (layer->gradient[1])
        backward_filters(&d);
    if (layer->gradient[2]) {
        const facet__rows rows = { d.dy->data, facet__view_rows(d.dy),
            d.channels, d.bf16 };

        memset(d.bias, 0, (d.padded + 32) * sizeof *d.bias);
        pass->rows->sums(&rows, d.bias);
        pass->kernels->vec->accumulate(d.bias, layer->gradient[2], d.channels);
    }
    if (d.dx->data)
        backward_input(&d);
    return FACET_OK;
}

const facet__layer_class facet__layer_depthwise = { .name = "depthwise",
    .size = size,
    .forward = forward,
    .backward = backward,
    .keeps_input = true };
