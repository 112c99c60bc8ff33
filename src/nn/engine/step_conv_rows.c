/* SPDX-License-Identifier: Apache-2.0 */
/* step_conv_rows.c - convolutions of few channels: the first layer.
 *
 * Three channels are too few to gather pixel by pixel. Instead the rows that
 * some output rows see are copied once, plane by plane as the caller gave
 * them, in the product's type and with their padding beside them. In such a
 * row the pixels under a filter's row are neighbours, so the product reads
 * them where they lie: its depth is a segment for each row of each plane. */
#include <string.h>

#include "nn/engine/conv_params.h"

enum { ROWS = 8 }; /* output rows that share copied rows */

typedef struct rows_run {
    const facet__step *step;
    const facet__run *run;
    const conv_params *p;
    const facet__view *in, *out;
    size_t channels, width; /* of the input */
    size_t pitch;           /* elements of a copied row of a plane */
    size_t copied;          /* rows copied at most */
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
    r.pitch = pixels + 32; /* a segment may be read past the end */
    r.copied = (ROWS - 1) * (size_t)w->stride[0] + (size_t)w->kernel[0];
    return r;
}

static size_t scratch(const facet__step *step, const facet__run *run)
{
    const rows_run r = setup(step, run);

    return r.copied * r.channels * r.pitch * element(r.p);
}

/* Copy row y (outside the picture: zeros) of a plane behind its padding. */
static void copy_row(
    const rows_run *r, size_t image, size_t channel, int64_t y, char *to)
{
    const size_t before = (size_t)r->run->window->pad_begin[1];
    const size_t height = facet__view_h(r->in);
    const size_t size = element(r->p);
    const float *from;

    if (y < 0 || y >= r->in->shape.d[2]) {
        memset(to, 0, r->pitch * size);
        return;
    }
    from = (const float *)r->in->data +
           ((image * r->channels + channel) * height + (size_t)y) * r->width;
    memset(to, 0, before * size);
    if (r->p->bf16)
        r->run->kernels->vec->narrow(
            from, (uint16_t *)(void *)to + before, r->width);
    else
        memcpy((float *)(void *)to + before, from, r->width * size);
    memset(to + (before + r->width) * size, 0,
        (r->pitch - before - r->width) * size);
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
            .a_stride = (size_t)w->stride[1],
            .m = m,
            .k = p->segment,
            .segments = p->kernel_h * r->channels,
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

/* At most ROWS output rows, all of one image. */
static void few_rows(const rows_run *r, int thread, size_t first, size_t count)
{
    const facet__window *w = r->run->window;
    const size_t height = facet__view_h(r->out);
    const size_t image = first / height, y = first % height;
    const size_t plane_bytes = r->pitch * element(r->p);
    const size_t row_bytes = plane_bytes * r->channels;
    const size_t need =
        (count - 1) * (size_t)w->stride[0] + (size_t)w->kernel[0];
    char *rows = r->run->scratch + (size_t)thread * r->run->scratch_stride;

    for (size_t i = 0; i < need * r->channels; i++)
        copy_row(r, image, i % r->channels,
            (int64_t)(y * (size_t)w->stride[0] + i / r->channels) -
                w->pad_begin[0],
            rows + i * plane_bytes);
    for (size_t i = 0; i < count; i++)
        multiply_row(r, rows + i * (size_t)w->stride[0] * row_bytes, first + i);
}

static void rows(const facet__step *step, const facet__run *run, int thread,
    size_t first, size_t end)
{
    const rows_run r = setup(step, run);
    const size_t height = facet__view_h(r.out);

    while (first < end) {
        const size_t left = height - first % height;
        size_t count = end - first < ROWS ? end - first : ROWS;

        count = count < left ? count : left;
        few_rows(&r, thread, first, count);
        first += count;
    }
}

static void run_rows(const facet__step *step, const facet__run *run)
{
    facet__run_by_rows(step, run, ROWS);
}

const facet__step_class facet__step_conv_rows = { .name = "conv_rows",
    .scratch = scratch,
    .run = run_rows,
    .rows = rows,
    .free = facet__conv_free };
