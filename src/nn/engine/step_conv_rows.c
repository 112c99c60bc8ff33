/* SPDX-License-Identifier: Apache-2.0 */
/* step_conv_rows.c - convolutions larger than 1x1 without gathering.
 *
 * The input rows that some output rows see are copied once, with their padding
 * beside them. In such a row the pixels under a filter's row are neighbours, so
 * the product reads them where they lie: its depth is one segment for each row
 * of the filter. Maps are copied pixel by pixel; a picture of a few channels
 * plane by plane as the caller gave it, with a segment for each row of each
 * plane, because pixels of three numbers would make poor rows. */
#include <string.h>

#include "nn/engine/conv_params.h"

enum {
    COPY_BYTES = 160 << 10, /* of copied rows: they share L2 with filters */
    MAX_ROWS = 16,          /* output rows that share copied rows */
    NARROW = 14,            /* a tile of the product */
};

typedef struct rows_run {
    const facet__step *step;
    const facet__run *run;
    const conv_params *p;
    const facet__view *in, *out;
    size_t channels, width; /* of the input */
    size_t planes;          /* copied rows of an input row: channels or 1 */
    size_t unit;            /* numbers of a pixel in a copied row */
    size_t pitch;           /* numbers of a copied row */
    size_t rows;            /* output rows that share copied rows */
    size_t element;
} rows_run;

static size_t copied_rows(const rows_run *r, size_t count)
{
    const facet__window *w = r->run->window;

    return (count - 1) * (size_t)w->stride[0] + (size_t)w->kernel[0];
}

static rows_run setup(const facet__step *step, const facet__run *run)
{
    const facet__window *w = run->window;
    rows_run r = { .step = step,
        .run = run,
        .p = step->params,
        .in = facet__in(step, run, 0),
        .out = facet__out(step, run, 0) };
    const bool planar = r.in->layout == FACET__PLAIN;
    size_t pixels;

    r.element = facet__dtype_size(r.p->type);
    r.channels = facet__view_c(r.in);
    r.width = facet__view_w(r.in);
    r.planes = planar ? r.channels : 1;
    r.unit = planar ? 1 : r.channels;
    pixels = (facet__view_w(r.out) - 1) * (size_t)w->stride[1] +
             (size_t)w->kernel[1];
    if (pixels < r.width + (size_t)w->pad_begin[1])
        pixels = r.width + (size_t)w->pad_begin[1];
    r.pitch = pixels * r.unit + 32; /* a segment may be read past the end */
    for (r.rows = MAX_ROWS; r.rows > 1; r.rows--)
        if (copied_rows(&r, r.rows) * r.planes * r.pitch * r.element <=
            COPY_BYTES)
            break;
    return r;
}

/* Rows narrower than a tile of the product would leave it half empty: there
 * gathering (step_conv.c), which goes on over the ends of rows, is the faster.
 */
static bool gathers(const facet__step *step, const facet__run *run)
{
    const conv_params *p = step->params;

    return facet__view_w(facet__out(step, run, 0)) < NARROW && !p->planar &&
           p->k == p->in_group * p->kernel_h * p->kernel_w;
}

static size_t scratch(const facet__step *step, const facet__run *run)
{
    const rows_run r = setup(step, run);

    if (gathers(step, run))
        return facet__step_conv.scratch(step, run);
    return copied_rows(&r, r.rows) * r.planes * r.pitch * r.element;
}

/* `count` numbers of the input from element `at` on, in the product's type. */
static void copy_numbers(const rows_run *r, size_t at, size_t count, char *to)
{
    facet__conv_copy(
        r->p, r->run->kernels, r->in, facet__view_at(r->in, at), to, count);
}

/* Copy row y (outside the picture: zeros) of a plane behind its padding. */
static void copy_row(
    const rows_run *r, size_t image, size_t plane, int64_t y, char *to)
{
    const size_t before = (size_t)r->run->window->pad_begin[1] * r->unit;
    const size_t numbers = r->width * r->unit;
    const size_t height = facet__view_h(r->in);

    if (y < 0 || y >= r->in->shape.d[2]) {
        memset(to, r->p->padding, r->pitch * r->element);
        return;
    }
    memset(to, r->p->padding, before * r->element);
    copy_numbers(r,
        ((image * r->planes + plane) * height + (size_t)y) * numbers, numbers,
        to + before * r->element);
    memset(to + (before + numbers) * r->element, r->p->padding,
        (r->pitch - before - numbers) * r->element);
}

static facet__epilogue epilogue_at(const rows_run *r, size_t row, size_t n0)
{
    facet__epilogue e = facet__conv_epilogue(r->p, n0);

    if (r->p->tail.residual) {
        const facet__view *v = facet__in(r->step, r->run, 1);

        e.residual =
            facet__view_at(v, row * facet__view_w(r->out) * r->p->out + n0);
        e.residual_stride = r->p->out;
        e.residual_type = v->type;
    }
    return e;
}

/* One block of columns of one output row from its copied input rows. */
static void multiply(
    const rows_run *r, const char *rows, size_t out_row, size_t n0)
{
    const conv_params *p = r->p;
    const size_t m = facet__view_w(r->out), left = p->out - n0;
    const facet__gemm_panel panel = { .a = rows,
        .a_stride = (size_t)r->run->window->stride[1] * r->unit,
        .m = m,
        .k = p->segment,
        .segments = p->kernel_h * r->planes,
        .segment_stride = r->pitch,
        .b = (const char *)p->packed + n0 * p->k * r->element,
        .n = left < FACET__NR ? left : FACET__NR,
        .c = facet__view_at(r->out, out_row * m * p->out + n0),
        .c_stride = p->out,
        .c_type = r->out->type,
        .epilogue = epilogue_at(r, out_row, n0) };

    facet__kernels_gemm(r->run->kernels, p->type)(&panel);
}

/* At most r->rows output rows of one image; columns [from, to). */
static void few_rows(const rows_run *r, int thread, size_t first, size_t count,
    size_t from, size_t to)
{
    const facet__window *w = r->run->window;
    const size_t height = facet__view_h(r->out);
    const size_t image = first / height, y = first % height;
    const size_t row_bytes = r->pitch * r->planes * r->element;
    char *rows = r->run->scratch + (size_t)thread * r->run->scratch_stride;

    for (size_t i = 0; i < copied_rows(r, count) * r->planes; i++)
        copy_row(r, image, i % r->planes,
            (int64_t)(y * (size_t)w->stride[0] + i / r->planes) -
                w->pad_begin[0],
            rows + i * r->pitch * r->element);
    for (size_t n0 = from; n0 < to; n0 += FACET__NR)
        for (size_t i = 0; i < count; i++)
            multiply(
                r, rows + i * (size_t)w->stride[0] * row_bytes, first + i, n0);
}

static void rows(const facet__step *step, const facet__run *run, int thread,
    size_t first, size_t end)
{
    const rows_run r = setup(step, run);
    const size_t height = facet__view_h(r.out);

    if (gathers(step, run)) {
        facet__step_conv.rows(step, run, thread, first, end);
        return;
    }
    while (first < end) {
        const size_t left = height - first % height;
        size_t count = end - first < r.rows ? end - first : r.rows;

        count = count < left ? count : left;
        few_rows(&r, thread, first, count, 0, r.p->out);
        first += count;
    }
}

/* All rows on several threads: groups of rows, and where these are fewer than
 * threads, parts of the columns. */
typedef struct task_run {
    rows_run r;
    size_t groups, parts; /* of an image; of the columns' blocks */
} task_run;

static void task(void *context, size_t index, int thread)
{
    const task_run *t = context;
    const size_t height = facet__view_h(t->r.out);
    const size_t blocks = (t->r.p->out + FACET__NR - 1) / FACET__NR;
    const size_t part = index % t->parts, group = index / t->parts;
    const size_t image = group / t->groups;
    const size_t y = group % t->groups * t->r.rows;
    const size_t count = height - y < t->r.rows ? height - y : t->r.rows;
    const size_t to = blocks * (part + 1) / t->parts * FACET__NR;

    few_rows(&t->r, thread, image * height + y, count,
        blocks * part / t->parts * FACET__NR,
        to < t->r.p->out ? to : t->r.p->out);
}

static void run_rows(const facet__step *step, const facet__run *run)
{
    const size_t threads = (size_t)facet__pool_size(run->pool);
    task_run t = { .r = setup(step, run) };
    const size_t images = facet__view_n(t.r.out);

    if (gathers(step, run)) {
        facet__step_conv.run(step, run);
        return;
    }
    t.groups = (facet__view_h(t.r.out) + t.r.rows - 1) / t.r.rows;
    t.parts = images * t.groups >= threads
                  ? 1
                  : (threads + images * t.groups - 1) / (images * t.groups);
    facet__pool_run(run->pool, images * t.groups * t.parts, task, &t);
}

const facet__step_class facet__step_conv_rows = { .name = "conv_rows",
    .scratch = scratch,
    .run = run_rows,
    .rows = rows,
    .free = facet__conv_free };
