/* SPDX-License-Identifier: Apache-2.0 */
/* step_conv_rows.c - convolutions of few channels: the first layer.
 *
 * Three channels are too few to gather pixel by pixel. Instead the input rows
 * that some output rows see are copied once, interleaved and in the product's
 * type, with their padding beside them. In such a row the kw pixels under a
 * filter's row are neighbours, so the product reads them where they lie: its
 * depth is kernel_h segments of kernel_w * channels numbers. */
#include <string.h>

#include "nn/engine/conv_params.h"

enum { ROWS = 8 /* output rows of a task */, STRETCH = 1024 };

typedef struct rows_run {
    const facet__step *step;
    const facet__run *run;
    const conv_params *p;
    const facet__view *in, *out;
    size_t channels, width; /* of the input */
    size_t pitch;           /* elements of a copied row */
    size_t copied;          /* rows a task copies at most */
} rows_run;

static size_t element(const conv_params *p)
{
    return p->bf16 ? 2 : 4;
}

static rows_run setup(const facet__step *step, const facet__run *run)
{
    const facet__window *w = run->window;
    rows_run r = { .step = step,
        .run = run,
        .p = step->params,
        .in = facet__in(step, run, 0),
        .out = facet__out(step, run, 0) };
    size_t pixels;

    r.channels = facet__view_c(r.in);
    r.width = facet__view_w(r.in);
    pixels = (facet__view_w(r.out) - 1) * (size_t)w->stride[1] +
             (size_t)w->kernel[1];
    if (pixels < r.width + (size_t)w->pad_begin[1])
        pixels = r.width + (size_t)w->pad_begin[1];
    r.pitch = pixels * r.channels + 32; /* a tile may read past the end */
    r.copied = (ROWS - 1) * (size_t)w->stride[0] + (size_t)w->kernel[0];
    return r;
}

static size_t scratch(const facet__step *step, const facet__run *run)
{
    const rows_run r = setup(step, run);

    return r.copied * r.pitch * element(r.p);
}

/* n pixels of an input row from pixel x on, interleaved floats. */
static const float *interleaved(const rows_run *r, size_t image, size_t y,
    size_t x, size_t n, float *buffer)
{
    const size_t height = facet__view_h(r->in);
    const size_t plane = height * r->width;

    if (r->in->layout == FACET__NHWC)
        return facet__floats(r->run, r->in,
            ((image * height + y) * r->width + x) * r->channels,
            n * r->channels, buffer);
    r->run->kernels->vec->interleave((const float *)r->in->data +
                                         image * r->channels * plane +
                                         y * r->width + x,
        plane, r->channels, buffer, n);
    return buffer;
}

/* Copy row y (outside the picture: zeros) behind its padding. */
static void copy_row(const rows_run *r, size_t image, int64_t y, char *to)
{
    const size_t before = (size_t)r->run->window->pad_begin[1] * r->channels;
    const size_t step = STRETCH / r->channels;
    const bool inside = y >= 0 && y < r->in->shape.d[2];
    const size_t size = element(r->p);
    float buffer[STRETCH];

    if (!inside) {
        memset(to, 0, r->pitch * size);
        return;
    }
    memset(to, 0, before * size);
    for (size_t x = 0; x < r->width; x += step) {
        const size_t n = r->width - x < step ? r->width - x : step;
        const float *from = interleaved(r, image, (size_t)y, x, n, buffer);
        char *at = to + (before + x * r->channels) * size;

        if (r->p->bf16)
            r->run->kernels->vec->narrow(
                from, (uint16_t *)(void *)at, n * r->channels);
        else
            memcpy(at, from, n * r->channels * size);
    }
    memset(to + (before + r->width * r->channels) * size, 0,
        (r->pitch - before - r->width * r->channels) * size);
}

/* One output row from its copied input rows. */
static void multiply_row(const rows_run *r, const char *rows, size_t out_row)
{
    const conv_params *p = r->p;
    const facet__window *w = r->run->window;
    const size_t m = facet__view_w(r->out);

    for (size_t n0 = 0; n0 < p->out; n0 += FACET__NR) {
        const size_t left = p->out - n0;
        facet__gemm_panel panel = { .a = rows,
            .a_stride = (size_t)w->stride[1] * r->channels,
            .m = m,
            .k = p->segment,
            .segments = p->kernel_h,
            .segment_stride = r->pitch,
            .b = (const char *)p->packed + n0 * p->k * element(p),
            .n = left < FACET__NR ? left : FACET__NR,
            .c = facet__view_at(r->out, out_row * m * p->out + n0),
            .c_stride = p->out,
            .c_bf16 = r->out->type == FACET__BF16,
            .epilogue = { .bias = p->tail.bias + n0,
                .slope = p->tail.slope ? p->tail.slope + n0 : NULL,
                .lo = p->tail.lo,
                .hi = p->tail.hi } };

        (p->bf16 ? r->run->kernels->gemm_bf16 : r->run->kernels->gemm_f32)(
            &panel);
    }
}

static void task(void *context, size_t index, int thread)
{
    const rows_run *r = context;
    const facet__window *w = r->run->window;
    const size_t height = facet__view_h(r->out);
    const size_t parts = (height + ROWS - 1) / ROWS;
    const size_t image = index / parts, first = index % parts * ROWS;
    const size_t count = height - first < ROWS ? height - first : ROWS;
    const size_t row_bytes = r->pitch * element(r->p);
    const size_t need =
        (count - 1) * (size_t)w->stride[0] + (size_t)w->kernel[0];
    char *rows = r->run->scratch + (size_t)thread * r->run->scratch_stride;

    for (size_t i = 0; i < need; i++)
        copy_row(r, image,
            (int64_t)(first * (size_t)w->stride[0] + i) - w->pad_begin[0],
            rows + i * row_bytes);
    for (size_t i = 0; i < count; i++)
        multiply_row(r, rows + i * (size_t)w->stride[0] * row_bytes,
            image * height + first + i);
}

static void run_rows(const facet__step *step, const facet__run *run)
{
    rows_run r = setup(step, run);
    const size_t parts = (facet__view_h(r.out) + ROWS - 1) / ROWS;

    facet__pool_run(run->pool, facet__view_n(r.out) * parts, task, &r);
}

const facet__step_class facet__step_conv_rows = { .name = "conv_rows",
    .scratch = scratch,
    .run = run_rows,
    .free = facet__conv_free };
