/* SPDX-License-Identifier: Apache-2.0 */
/* step_pool.c - pooling over windows and over whole maps. */
#include <math.h>
#include <string.h>

#include "nn/engine/params.h"

enum { CHANNELS = 512 }; /* floats of the buffers on the stack */

typedef struct pool_run {
    const facet__step *step;
    const facet__run *run;
} pool_run;

static void begin(facet__pool_kind kind, float *sum, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = kind == FACET__POOL_MAX ? -INFINITY : 0.0f;
}

static void take(const facet__vec *vec, facet__pool_kind kind, const float *x,
    float *sum, size_t n)
{
    if (kind == FACET__POOL_MAX)
        vec->take_max(x, sum, n);
    else if (kind == FACET__POOL_L2)
        vec->accumulate_square(x, sum, n);
    else
        vec->accumulate(x, sum, n);
}

static void end(const facet__vec *vec, facet__pool_kind kind, size_t inside,
    size_t all, float *sum, size_t n)
{
    if (kind == FACET__POOL_L2)
        vec->unary(FACET__UNARY_SQRT, 0.0f, 0.0f, sum, sum, n);
    else if (kind == FACET__POOL_AVERAGE)
        vec->scale(1.0f / (float)(inside ? inside : 1), sum, n);
    else if (kind == FACET__POOL_AVERAGE_ALL)
        vec->scale(1.0f / (float)all, sum, n);
}

/* Positions along one axis that a window covers: those inside the map, and how
 * many count when padding counts (ceil_mode may reach past the padding, and
 * what lies there never counts). */
typedef struct span {
    int64_t first, step, n; /* inside: first, first + step, ... */
    size_t counted;
} span;

static span span_of(const facet__window *w, int axis, int64_t o, int64_t size)
{
    const int64_t begin_at = o * w->stride[axis] - w->pad_begin[axis];
    const int64_t limit = size + w->pad_end[axis];
    span s = { .first = 0, .step = w->dilation[axis] };

    for (int64_t k = 0; k < w->kernel[axis]; k++) {
        const int64_t at = begin_at + k * w->dilation[axis];

        s.counted += at < limit;
        if (at < 0 || at >= size)
            continue;
        if (s.n++ == 0)
            s.first = at;
    }
    return s;
}

/* Windows are separable: the rows under an output row are first put together,
 * all columns at once, then the columns of each window. */
static void join_rows(
    const pool_run *t, size_t row, float *joined, float *buffer, span *y)
{
    const facet__pool_params *p = t->step->params;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const size_t height = facet__view_h(facet__out(t->step, t->run, 0));
    const size_t line = facet__view_w(in) * facet__view_c(in);
    const size_t image = row / height * facet__view_h(in);

    *y = span_of(t->run->window, 0, (int64_t)(row % height), in->shape.d[2]);
    begin(p->kind, joined, line);
    for (int64_t j = 0; j < y->n; j++) {
        const size_t at = (image + (size_t)(y->first + j * y->step)) * line;

        take(t->run->kernels->vec, p->kind,
            facet__floats(t->run, in, at, line, buffer), joined, line);
    }
}

/* Outputs [from, to) of a row whose windows lie wholly inside; `from` > `to`
 * when there are none. */
static void whole_windows(
    const facet__window *w, size_t in, size_t out, size_t *from, size_t *to)
{
    const int64_t stride = w->stride[1], pad = w->pad_begin[1];
    const int64_t last = (int64_t)in - w->kernel[1] + pad;

    *from = (size_t)((pad + stride - 1) / stride);
    *to = last < 0 || w->dilation[1] != 1 ? 0 : (size_t)(last / stride) + 1;
    *to = *to < out ? *to : out;
}

/* Squares were summed by rows; their sums are summed here. */
static void join_columns(
    const pool_run *t, const float *joined, size_t ox, float *sum)
{
    const facet__pool_params *p = t->step->params;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const size_t channels = facet__view_c(in);
    const span x = span_of(t->run->window, 1, (int64_t)ox, in->shape.d[3]);
    const facet__pool_kind kind =
        p->kind == FACET__POOL_MAX ? FACET__POOL_MAX : FACET__POOL_AVERAGE;

    begin(kind, sum, channels);
    for (int64_t i = 0; i < x.n; i++)
        take(t->run->kernels->vec, kind,
            joined + (size_t)(x.first + i * x.step) * channels, sum, channels);
}

/* All windows of a row; most lie inside and are joined in one call. */
static void join_row(
    const pool_run *t, const float *joined, const span *y, float *to)
{
    const facet__pool_params *p = t->step->params;
    const facet__window *w = t->run->window;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const size_t width = facet__view_w(facet__out(t->step, t->run, 0));
    const size_t c = facet__view_c(in);
    size_t from, until;

    whole_windows(w, facet__view_w(in), width, &from, &until);
    for (size_t x = 0; x < width; x++)
        if (x < from || x >= until)
            join_columns(t, joined, x, to + x * c);
    if (from < until)
        t->run->kernels->vec->join(p->kind != FACET__POOL_MAX,
            joined +
                (from * (size_t)w->stride[1] - (size_t)w->pad_begin[1]) * c,
            c, (size_t)w->stride[1], (size_t)w->kernel[1], to + from * c,
            until - from);
    for (size_t x = 0; p->kind != FACET__POOL_MAX && x < width; x++) {
        const span s = span_of(w, 1, (int64_t)x, in->shape.d[3]);

        end(t->run->kernels->vec, p->kind, (size_t)(s.n * y->n),
            s.counted * y->counted, to + x * c, c);
    }
}

static void pool_row(const pool_run *t, size_t row, int thread)
{
    const facet__view *in = facet__in(t->step, t->run, 0);
    const facet__view *out = facet__out(t->step, t->run, 0);
    const size_t channels = facet__view_c(in);
    const size_t line = facet__view_w(in) * channels;
    const size_t width = facet__view_w(out);
    float *joined = (float *)(void *)(t->run->scratch +
                                      (size_t)thread * t->run->scratch_stride);
    float *buffer = joined + line, *sums = buffer + line;
    float *to = facet__target(out, row * width * channels, sums);
    span y;

    join_rows(t, row, joined, buffer, &y);
    join_row(t, joined, &y, to);
    facet__store(t->run, out, row * width * channels, width * channels, to);
}

/* The joined row, a widened row, a row of results. */
static size_t pool_scratch(const facet__step *step, const facet__run *run)
{
    const facet__view *in = facet__in(step, run, 0);
    const facet__view *out = facet__out(step, run, 0);

    return (2 * facet__view_w(in) + facet__view_w(out)) * facet__view_c(in) *
           sizeof(float);
}

/* A maximum of bf16 is one of its operands: no need to widen. For windows that
 * all lie inside the map, which most are. */
static bool max_row_bf16(const pool_run *t, size_t row, uint16_t *joined)
{
    const facet__pool_params *p = t->step->params;
    const facet__window *w = t->run->window;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const facet__view *out = facet__out(t->step, t->run, 0);
    const size_t c = facet__view_c(in), line = facet__view_w(in) * c;
    const size_t width = facet__view_w(out), height = facet__view_h(out);
    const size_t image = row / height * facet__view_h(in);
    const span y = span_of(w, 0, (int64_t)(row % height), in->shape.d[2]);
    size_t from, until;

    whole_windows(w, facet__view_w(in), width, &from, &until);
    if (p->kind != FACET__POOL_MAX || in->type != FACET__BF16 ||
        out->type != FACET__BF16 || y.n < 1 || from > 0 || until < width)
        return false;
    for (int64_t j = 0; j < y.n; j++) {
        const uint16_t *from_row =
            (const uint16_t *)in->data +
            (image + (size_t)(y.first + j * y.step)) * line;

        if (j == 0)
            memcpy(joined, from_row, line * sizeof *joined);
        else
            t->run->kernels->vec->take_max_bf16(from_row, joined, line);
    }
    t->run->kernels->vec->join_max_bf16(joined, c, (size_t)w->stride[1],
        (size_t)w->kernel[1], (uint16_t *)out->data + row * width * c, width);
    return true;
}

static void pool_rows(const facet__step *step, const facet__run *run,
    int thread, size_t first, size_t end)
{
    const pool_run t = { step, run };

    for (size_t row = first; row < end; row++) {
        void *scratch = run->scratch + (size_t)thread * run->scratch_stride;

        if (!max_row_bf16(&t, row, scratch))
            pool_row(&t, row, thread);
    }
}

static void run_pool(const facet__step *step, const facet__run *run)
{
    facet__run_by_rows(step, run, 1);
}

const facet__step_class facet__step_pool = {
    .name = "pool", .scratch = pool_scratch, .run = run_pool, .rows = pool_rows
};

/* global: a task an image and a stretch of channels */

static void global_task(void *context, size_t index, int thread)
{
    const pool_run *t = context;
    const facet__pool_params *p = t->step->params;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const facet__view *out = facet__out(t->step, t->run, 0);
    const size_t channels = facet__view_c(in);
    const size_t parts = (channels + CHANNELS - 1) / CHANNELS;
    const size_t pixels = facet__view_h(in) * facet__view_w(in);
    const size_t image = index / parts, c = index % parts * CHANNELS;
    const size_t n = channels - c < CHANNELS ? channels - c : CHANNELS;
    float sum[CHANNELS], buffer[CHANNELS];

    (void)thread;
    begin(p->kind, sum, n);
    for (size_t x = 0; x < pixels; x++)
        take(t->run->kernels->vec, p->kind,
            facet__floats(
                t->run, in, (image * pixels + x) * channels + c, n, buffer),
            sum, n);
    end(t->run->kernels->vec, p->kind, pixels, pixels, sum, n);
    if (out->type == FACET__F32)
        memcpy((float *)out->data + image * channels + c, sum, n * sizeof *sum);
    else
        facet__store(t->run, out, image * channels + c, n, sum);
}

static void run_global(const facet__step *step, const facet__run *run)
{
    const facet__view *in = facet__in(step, run, 0);
    const size_t parts = (facet__view_c(in) + CHANNELS - 1) / CHANNELS;
    pool_run t = { step, run };

    facet__pool_run(run->pool, facet__view_n(in) * parts, global_task, &t);
}

const facet__step_class facet__step_global_pool = { .name = "global_pool",
    .run = run_global };
