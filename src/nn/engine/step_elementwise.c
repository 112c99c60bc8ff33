/* SPDX-License-Identifier: Apache-2.0 */
/* step_elementwise.c - functions of one number, of a number and its channel,
 * and of two tensors.
 *
 * A tensor is walked in stretches that fit a buffer on the stack; where a
 * channel has its own number, a stretch is some whole pixels and the channel's
 * numbers are applied pixel by pixel. */
#include <math.h>

#include "base/alloc.h"
#include "nn/engine/params.h"

enum { STRETCH = 1024 }; /* floats */

typedef struct walk walk;
/* Elements [at, at + n) of a tensor, n <= STRETCH. */
typedef void stretch(const walk *w, size_t at, size_t n);

struct walk {
    const facet__step *step;
    const facet__run *run;
    stretch *stretch;
    size_t count, piece; /* elements in all, and of one stretch */
};

static void task(void *context, size_t index, int thread)
{
    const walk *w = context;
    const size_t at = index * w->piece;

    (void)thread;
    w->stretch(w, at, w->count - at < w->piece ? w->count - at : w->piece);
}

static void walk_all(const facet__step *step, const facet__run *run,
    size_t piece, stretch *function)
{
    walk w = { step, run, function, facet__view_count(facet__out(step, run, 0)),
        piece };

    facet__pool_run(run->pool, (w.count + piece - 1) / piece, task, &w);
}

/* The elements of rows [first, end) of a map. */
static void walk_rows(const facet__step *step, const facet__run *run,
    size_t first, size_t end, size_t piece, stretch *function)
{
    const facet__view *out = facet__out(step, run, 0);
    const size_t line = facet__view_w(out) * facet__view_c(out);
    const walk w = { step, run, function, facet__view_count(out), piece };

    for (size_t at = first * line; at < end * line; at += piece)
        function(&w, at, end * line - at < piece ? end * line - at : piece);
}

/* Whole pixels of `channels` numbers; a single pixel may exceed a stretch, then
 * the caller cuts it. */
static size_t whole_pixels(size_t channels)
{
    return channels < STRETCH ? STRETCH / channels * channels : STRETCH;
}

/* unary */

static void unary_stretch(const walk *w, size_t at, size_t n)
{
    const facet__unary_params *p = w->step->params;
    const facet__view *in = facet__in(w->step, w->run, 0);
    const facet__view *out = facet__out(w->step, w->run, 0);
    float x[STRETCH], y[STRETCH];
    float *to = facet__target(out, at, y);

    w->run->kernels->vec->unary(
        p->op, p->a, p->b, facet__floats(w->run, in, at, n, x), to, n);
    facet__store(w->run, out, at, n, to);
}

static void run_unary(const facet__step *step, const facet__run *run)
{
    walk_all(step, run, STRETCH, unary_stretch);
}

static void unary_rows(const facet__step *step, const facet__run *run,
    int thread, size_t first, size_t end)
{

    (void)thread;
    walk_rows(step, run, first, end, STRETCH, unary_stretch);
}

const facet__step_class facet__step_unary = {
    .name = "unary", .run = run_unary, .rows = unary_rows, .in_place = true
};

/* per channel: affine and PReLU */

static void channel_part(const facet__vec *vec, const facet__channel_params *p,
    const float *x, size_t channel, size_t n, float *y)
{
    if (p->scale)
        vec->affine(x, p->scale + channel, p->shift + channel, y, n);
    if (p->slope)
        vec->prelu(p->scale ? y : x, p->slope + channel, y, n);
    if (p->lo > -INFINITY || p->hi < INFINITY)
        vec->unary(FACET__UNARY_CLIP, p->lo, p->hi, p->scale ? y : x, y, n);
}

static void channel_stretch(const walk *w, size_t at, size_t n)
{
    const facet__channel_params *p = w->step->params;
    const facet__view *out = facet__out(w->step, w->run, 0);
    float x[STRETCH], y[STRETCH];
    const float *from =
        facet__floats(w->run, facet__in(w->step, w->run, 0), at, n, x);
    float *to = facet__target(out, at, y);

    for (size_t i = 0; i < n;) {
        const size_t channel = (at + i) % p->channels;
        const size_t left = p->channels - channel;
        const size_t m = left < n - i ? left : n - i;

        channel_part(w->run->kernels->vec, p, from + i, channel, m, to + i);
        i += m;
    }
    facet__store(w->run, out, at, n, to);
}

static void run_channel(const facet__step *step, const facet__run *run)
{
    const facet__channel_params *p = step->params;

    walk_all(step, run, whole_pixels(p->channels), channel_stretch);
}

static void free_channel(void *params)
{
    facet__channel_params *p = params;

    if (!p)
        return;
    facet__free(p->scale);
    facet__free(p->shift);
    facet__free(p->slope);
    facet__free(p);
}

static facet_status repeat(float **numbers, size_t n, size_t times)
{
    float *longer;

    if (!*numbers)
        return FACET_OK;
    longer = facet__alloc(n * times * sizeof *longer);
    if (!longer)
        return FACET_ENOMEM;
    for (size_t i = 0; i < n * times; i++)
        longer[i] = (*numbers)[i % n];
    facet__free(*numbers);
    *numbers = longer;
    return FACET_OK;
}

facet_status facet__channel_repeat(facet__channel_params *p)
{
    const size_t n = p->channels, times = n < 256 ? 512 / n : 1;
    const facet_status a = repeat(&p->scale, n, times);
    const facet_status b = repeat(&p->shift, n, times);
    const facet_status c = repeat(&p->slope, n, times);

    if (a != FACET_OK || b != FACET_OK || c != FACET_OK)
        return FACET_ENOMEM;
    p->channels = n * times;
    return FACET_OK;
}

static void channel_rows(const facet__step *step, const facet__run *run,
    int thread, size_t first, size_t end)
{
    const facet__channel_params *p = step->params;

    (void)thread;
    walk_rows(
        step, run, first, end, whole_pixels(p->channels), channel_stretch);
}

const facet__step_class facet__step_channel = { .name = "channel",
    .run = run_channel,
    .rows = channel_rows,
    .free = free_channel,
    .in_place = true };

/* binary */

/* How the second operand is found for a stretch of the first. */
typedef struct operand {
    const facet__view *view; /* or NULL: */
    const float *constant;
    size_t
        period;   /* it repeats after so many numbers (of an image); 0: never */
    size_t image; /* numbers of an image of the output */
} operand;

/* A slot of [n, c, 1, 1] is applied to each pixel of its image. */
static operand operand_of(const walk *w)
{
    const facet__binary_params *p = w->step->params;
    const facet__view *out = facet__out(w->step, w->run, 0);
    operand o = {
        .constant = p->constant, .period = p->channels, .image = w->count
    };

    if (p->constant)
        return o;
    o.view = facet__in(w->step, w->run, 1);
    if (facet__view_count(o.view) != w->count) {
        o.period = facet__view_c(o.view);
        o.image = w->count / facet__view_n(out);
    } else {
        o.period = 0;
    }
    return o;
}

/* Up to n numbers of the operand beside element `at`; *m says how many. */
static const float *operand_at(const operand *o, const walk *w, size_t at,
    size_t n, float *buffer, size_t *m)
{
    size_t phase;

    *m = n;
    if (o->period == 0)
        return facet__floats(w->run, o->view, at, n, buffer);
    phase = at % o->period;
    *m = o->period - phase < n ? o->period - phase : n;
    if (!o->constant)
        return facet__floats(
            w->run, o->view, at / o->image * o->period + phase, *m, buffer);
    return o->constant + phase;
}

static void binary_stretch(const walk *w, size_t at, size_t n)
{
    const facet__binary_params *p = w->step->params;
    const facet__view *out = facet__out(w->step, w->run, 0);
    const operand o = operand_of(w);
    float x[STRETCH], y[STRETCH], z[STRETCH];
    const float *from =
        facet__floats(w->run, facet__in(w->step, w->run, 0), at, n, x);
    float *to = facet__target(out, at, z);

    for (size_t i = 0, m; i < n; i += m) {
        const float *other = operand_at(&o, w, at + i, n - i, y, &m);
        const bool swap = p->constant && p->constant_first;

        w->run->kernels->vec->binary(
            p->op, swap ? other : from + i, swap ? from + i : other, to + i, m);
    }
    facet__store(w->run, out, at, n, to);
}

static void run_binary(const facet__step *step, const facet__run *run)
{
    const facet__view *out = facet__out(step, run, 0);
    const bool pixels = out->layout == FACET__NHWC;

    walk_all(step, run, pixels ? whole_pixels(facet__view_c(out)) : STRETCH,
        binary_stretch);
}

/* The first operand is as large as the output; the second too, or a number a
 * channel of each image. */
static bool binary_fits(const facet__step *step, const facet__run *run)
{
    const facet__view *a = facet__in(step, run, 0);
    const facet__view *b = facet__in(step, run, step->n_in - 1);
    const bool constant = step->n_in == 1;

    if (!facet__shape_equal(&a->shape, &facet__out(step, run, 0)->shape))
        return false;
    return constant || facet__shape_equal(&a->shape, &b->shape) ||
           (a->layout == FACET__NHWC && b->layout == FACET__NHWC &&
               facet__view_n(a) == facet__view_n(b) &&
               facet__view_c(a) == facet__view_c(b) && facet__view_h(b) == 1 &&
               facet__view_w(b) == 1);
}

static void free_binary(void *params)
{
    facet__binary_params *p = params;

    if (p)
        facet__free(p->constant);
    facet__free(p);
}

static void binary_rows(const facet__step *step, const facet__run *run,
    int thread, size_t first, size_t end)
{

    (void)thread;
    walk_rows(step, run, first, end,
        whole_pixels(facet__view_c(facet__out(step, run, 0))), binary_stretch);
}

const facet__step_class facet__step_binary = { .name = "binary",
    .run = run_binary,
    .rows = binary_rows,
    .fits = binary_fits,
    .free = free_binary,
    .in_place = true };
