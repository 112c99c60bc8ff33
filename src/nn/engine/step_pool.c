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

/* Put x to what was taken so far. */
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

/* Outputs [from, to) of a row whose windows lie wholly inside; `from` >= `to`
 * when there are none. */
static void whole_windows(
    const facet__window *w, size_t in, size_t out, size_t *from, size_t *to)
{
    const int64_t stride = w->stride[1], pad = w->pad_begin[1];
    const int64_t last =
        (int64_t)in - 1 - (w->kernel[1] - 1) * w->dilation[1] + pad;

    *from = (size_t)((pad + stride - 1) / stride);
    *to = last < 0 ? 0 : (size_t)(last / stride) + 1;
    *to = *to < out ? *to : out;
}

enum { MAX_ROWS = 16 }; /* that are pooled where they lie */

/* The rows that output row `row` sees, where they lie. */
typedef struct seen_rows {
    const void *at[MAX_ROWS];
    size_t n;
} seen_rows;

/* `n` windows of a row, all like the first, which begins with pixel `first` and
 * has `taps` pixels in a row. */
static void pool_windows(const pool_run *t, facet__dtype type,
    const seen_rows *rows, size_t first, size_t taps, size_t n, void *to)
{
    const facet__window *w = t->run->window;
    const facet__pool_params *p = t->step->params;
    const facet__vec *vec = t->run->kernels->vec;
    const size_t c = facet__view_c(facet__in(t->step, t->run, 0));
    const void *at[MAX_ROWS];
    const facet__windows windows = { .rows = at,
        .n_rows = rows->n,
        .taps = taps,
        .tap_step = (size_t)w->dilation[1] * c,
        .step = (size_t)w->stride[1] * c,
        .c = c,
        .n = n };

    for (size_t i = 0; i < rows->n; i++)
        at[i] = (const char *)rows->at[i] + first * c * facet__dtype_size(type);
    if (type == FACET__BF16)
        vec->pool_max_bf16(&windows, to);
    else if (type == FACET__U8)
        vec->pool_max_bytes(&windows, to);
    else
        vec->pool(p->kind != FACET__POOL_MAX, &windows, to);
}

/* A window that sees no pixel at all. */
static void pool_nothing(
    const pool_run *t, facet__dtype type, size_t c, void *to)
{
    const facet__pool_params *p = t->step->params;
    uint16_t *halves = to;

    if (type == FACET__BF16)
        for (size_t i = 0; i < c; i++)
            halves[i] = 0xff80; /* -INFINITY */
    else if (type == FACET__U8)
        memset(to, 0, c);
    else
        begin(p->kind, to, c);
}

/* All windows of a row: those that reach over the borders one by one. */
static void pool_columns(
    const pool_run *t, facet__dtype type, const seen_rows *rows, void *to)
{
    const facet__window *w = t->run->window;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const size_t width = facet__view_w(facet__out(t->step, t->run, 0));
    const size_t bytes = facet__view_c(in) * facet__dtype_size(type);
    size_t from, until;

    whole_windows(w, facet__view_w(in), width, &from, &until);
    for (size_t x = 0; x < width;) {
        const span s = span_of(w, 1, (int64_t)x, in->shape.d[3]);
        const bool whole = x >= from && x < until;
        const bool sees = s.n > 0 && rows->n > 0;
        const size_t n = sees && whole ? until - x : 1;
        void *at = (char *)to + x * bytes;

        if (sees)
            pool_windows(t, type, rows, (size_t)s.first, (size_t)s.n, n, at);
        else
            pool_nothing(t, type, facet__view_c(in), at);
        x += n;
    }
}

/* Sums to means or roots. */
static void end_row(const pool_run *t, const span *y, float *to)
{
    const facet__pool_params *p = t->step->params;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const size_t width = facet__view_w(facet__out(t->step, t->run, 0));
    const size_t c = facet__view_c(in);

    for (size_t x = 0; x < width; x++) {
        const span s = span_of(t->run->window, 1, (int64_t)x, in->shape.d[3]);

        end(t->run->kernels->vec, p->kind, (size_t)(s.n * y->n),
            s.counted * y->counted, to + x * c, c);
    }
}

/* The rows under an output row: where they lie if their numbers can be pooled
 * as they are, else put together in `joined` (floats; squares summed). */
static seen_rows rows_under(const pool_run *t, const span *y, size_t image,
    bool in_place, float *joined, float *buffer)
{
    const facet__pool_params *p = t->step->params;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const size_t line = facet__view_w(in) * facet__view_c(in);
    seen_rows rows = { .n = in_place ? (size_t)y->n : y->n > 0 };

    rows.at[0] = joined;
    if (!in_place)
        begin(p->kind, joined, line);
    for (int64_t j = 0; j < y->n; j++) {
        const size_t above = image * facet__view_h(in);
        const size_t at = (above + (size_t)(y->first + j * y->step)) * line;

        if (in_place)
            rows.at[j] = facet__view_at(in, at);
        else
            take(t->run->kernels->vec, p->kind,
                facet__floats(t->run, in, at, line, buffer), joined, line);
    }
    return rows;
}

/* A maximum is one of its operands: of bf16 or bytes it needs no floats. */
static bool pooled_as_it_is(const pool_run *t)
{
    const facet__pool_params *p = t->step->params;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const facet__view *out = facet__out(t->step, t->run, 0);

    if (p->kind != FACET__POOL_MAX || in->type != out->type)
        return false;
    return in->type == FACET__BF16 ||
           (in->type == FACET__U8 && in->grid.zero == out->grid.zero &&
               in->grid.step == out->grid.step);
}

static void pool_row(const pool_run *t, size_t row, int thread)
{
    const facet__pool_params *p = t->step->params;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const facet__view *out = facet__out(t->step, t->run, 0);
    const size_t line = facet__view_w(in) * facet__view_c(in);
    const size_t made = facet__view_w(out) * facet__view_c(out);
    const size_t height = facet__view_h(out);
    float *joined = (float *)(void *)(t->run->scratch +
                                      (size_t)thread * t->run->scratch_stride);
    float *buffer = joined + line, *sums = buffer + line;
    const span y =
        span_of(t->run->window, 0, (int64_t)(row % height), in->shape.d[2]);
    const bool as_it_is = y.n <= MAX_ROWS && pooled_as_it_is(t);
    const bool in_place =
        as_it_is || (p->kind != FACET__POOL_L2 && y.n <= MAX_ROWS &&
                        in->type == FACET__F32);
    const seen_rows rows =
        rows_under(t, &y, row / height, in_place, joined, buffer);
    float *to = facet__target(out, row * made, sums);

    if (as_it_is) {
        pool_columns(t, in->type, &rows, facet__view_at(out, row * made));
        return;
    }
    pool_columns(t, FACET__F32, &rows, to);
    if (p->kind != FACET__POOL_MAX)
        end_row(t, &y, to);
    facet__store(t->run, out, row * made, made, to);
}

/* The joined row, a widened row, a row of results. */
static size_t pool_scratch(const facet__step *step, const facet__run *run)
{
    const facet__view *in = facet__in(step, run, 0);
    const facet__view *out = facet__out(step, run, 0);

    return (2 * facet__view_w(in) + facet__view_w(out)) * facet__view_c(in) *
           sizeof(float);
}

static void pool_rows(const facet__step *step, const facet__run *run,
    int thread, size_t first, size_t end)
{
    const pool_run t = { step, run };

    for (size_t row = first; row < end; row++)
        pool_row(&t, row, thread);
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
