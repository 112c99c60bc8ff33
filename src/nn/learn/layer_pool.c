/* SPDX-License-Identifier: Apache-2.0 */
/* layer_pool.c - pools over windows and whole maps. Of equal maxima the first
 * gets the gradient; an average does not count padding unless asked. */
#include <math.h>
#include <string.h>

#include "nn/learn/layer.h"

typedef enum kind { MAXIMUM, AVERAGE, AVERAGE_ALL, L2 } kind;

typedef struct pool_task {
    facet__layer *layer;
    const facet__pass *pass;
    kind kind;
    const facet__view *x, *y, *dx, *dy;
} pool_task;

static kind kind_of(const facet__node *node)
{
    switch (node->op) {
    case FACET__OP_MAX_POOL:
    case FACET__OP_GLOBAL_MAX_POOL:
        return MAXIMUM;
    case FACET__OP_LP_POOL:
        return L2;
    case FACET__OP_AVERAGE_POOL:
        return facet__node_int(node, "count_include_pad", 0) ? AVERAGE_ALL
                                                             : AVERAGE;
    default:
        return AVERAGE;
    }
}

static pool_task task_of(facet__layer *layer, const facet__pass *pass)
{
    return (pool_task){ layer, pass, kind_of(layer->node),
        facet__map(pass, layer->in[0]), facet__map(pass, layer->out),
        facet__in_gradient(layer, pass, 0), &pass->gradients[layer->out] };
}

/* A window along one axis: positions [first, end) of the map, `step` apart, and
 * how many it has in the map and in the padded map. What hangs over that, as
 * ceil_mode has it, is in neither. */
typedef struct span {
    int64_t first, end, step, inside, padded;
} span;

static span span_of(
    const facet__window *w, int axis, int64_t size, int64_t output)
{
    const int64_t step = w->dilation[axis];
    span s = { .first = size, .step = step };

    if (w->kernel[axis] == 0) /* global */
        return (span){ 0, size, 1, size, size };
    for (int64_t k = 0; k < w->kernel[axis]; k++) {
        const int64_t at =
            output * w->stride[axis] - w->pad_begin[axis] + k * step;

        s.padded += at < size + w->pad_end[axis];
        if (at < 0 || at >= size)
            continue;
        s.first = s.inside++ == 0 ? at : s.first;
        s.end = at + 1;
    }
    return s;
}

/* A window on the map, and its positions' part of an average. */
typedef struct field {
    span y, x;
    float part;
} field;

static field field_of(const pool_task *t, size_t oy, size_t ox)
{
    const facet__window *w = &t->layer->window;
    const field f = { .y = span_of(w, 0, t->x->shape.d[2], (int64_t)oy),
        .x = span_of(w, 1, t->x->shape.d[3], (int64_t)ox) };
    const int64_t counted = t->kind == AVERAGE_ALL ? f.y.padded * f.x.padded
                                                   : f.y.inside * f.x.inside;

    /* of a window in nothing but padding: 0, as the engine has it */
    return (field){ f.y, f.x, counted ? (float)(1.0 / (double)counted) : 0.0f };
}

/* The first element of a pixel of an image. */
static size_t at(const pool_task *t, size_t image, int64_t y, int64_t x)
{
    return ((image * facet__view_h(t->x) + (size_t)y) * facet__view_w(t->x) +
               (size_t)x) *
           facet__view_c(t->x);
}

/* Floats of a pixel's channels: where they lie, or widened into `room`. */
static const float *floats(
    const pool_task *t, const facet__view *v, size_t first, float *room)
{
    const void *from = facet__view_at(v, first);

    if (v->type == FACET__F32)
        return from;
    t->pass->kernels->vec->widen(from, room, facet__view_c(v));
    return room;
}

/* Scratch of a thread: some pixels' channels, then an image of gradients. */
enum { PIXELS = 4 };

static float *scratch(const pool_task *t, int thread)
{
    return (float *)(void *)(t->pass->thread_scratch +
                             (size_t)thread * t->pass->thread_stride);
}

static void size(facet__layer *layer, const facet__pass *pass)
{
    const facet__view *x = facet__map(pass, layer->in[0]);
    const size_t image = facet__view_count(x) / facet__view_n(x);

    layer->thread_bytes =
        (PIXELS * facet__view_c(x) + (x->type == FACET__BF16 ? image : 0)) *
        sizeof(float);
}

/* One window, all channels, into `sum` [channels]. */
static void join(
    const pool_task *t, size_t image, const field *f, float *sum, float *room)
{
    const facet__vec *vec = t->pass->kernels->vec;
    const size_t n = facet__view_c(t->x);

    for (size_t c = 0; c < n; c++)
        sum[c] = t->kind == MAXIMUM ? -INFINITY : 0.0f;
    for (int64_t y = f->y.first; y < f->y.end; y += f->y.step)
        for (int64_t x = f->x.first; x < f->x.end; x += f->x.step) {
            const float *v = floats(t, t->x, at(t, image, y, x), room);

            if (t->kind == MAXIMUM)
                vec->take_max(v, sum, n);
            else if (t->kind == L2)
                vec->accumulate_square(v, sum, n);
            else
                vec->accumulate(v, sum, n);
        }
    if (t->kind == L2)
        vec->unary(FACET__UNARY_SQRT, 0.0f, 0.0f, sum, sum, n);
    else if (t->kind != MAXIMUM)
        vec->scale(f->part, sum, n);
}

/* An image: all outputs. */
static void forward_task(void *context, size_t image, int thread)
{
    const pool_task *t = context;
    const size_t h = facet__view_h(t->y), w = facet__view_w(t->y);
    const size_t n = facet__view_c(t->y);
    float *sum = scratch(t, thread), *room = sum + n;

    for (size_t i = 0; i < h * w; i++) {
        const field f = field_of(t, i / w, i % w);
        void *to = facet__view_at(t->y, (image * h * w + i) * n);

        join(t, image, &f, sum, room);
        if (t->y->type == FACET__BF16)
            t->pass->kernels->vec->narrow(sum, to, n);
        else
            memcpy(to, sum, n * sizeof *sum);
    }
}

/* The gradient `left` of a window's maxima `top` to where they were found
 * first: there it is taken, and nothing is left for equals behind. */
static void give_maximum(
    const float *x, const float *top, float *left, float *dx, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        const float taken = x[c] == top[c] ? left[c] : 0.0f;

        dx[c] += taken;
        left[c] -= taken;
    }
}

static void give_scaled(const float *x, const float *share, float *dx, size_t n)
{
    for (size_t c = 0; c < n; c++)
        dx[c] += share[c] * x[c];
}

/* What each input of a window gets of dy: all of it once (maximum), dy / y
 * times itself (L2), dy / count (average). In place. */
static void share_out(
    const pool_task *t, const field *f, const float *y, float *dy, size_t n)
{
    if (t->kind == L2)
        for (size_t c = 0; c < n; c++)
            dy[c] = y[c] > 0.0f ? dy[c] / y[c] : 0.0f;
    else if (t->kind != MAXIMUM)
        t->pass->kernels->vec->scale(f->part, dy, n);
}

/* The gradient of output `out` to its window in dx, an image of floats. */
static void spread(const pool_task *t, size_t image, const field *f, size_t out,
    float *dx, float *room)
{
    const size_t n = facet__view_c(t->x);
    const size_t begin = at(t, image, 0, 0);
    float *dy = room, *seen = room + n;
    const float *y = floats(t, t->y, out * n, room + 2 * n);

    memcpy(dy, floats(t, t->dy, out * n, dy), n * sizeof *dy);
    share_out(t, f, y, dy, n);
    for (int64_t py = f->y.first; py < f->y.end; py += f->y.step)
        for (int64_t px = f->x.first; px < f->x.end; px += f->x.step) {
            const size_t i = at(t, image, py, px);
            float *to = dx + (i - begin);

            if (t->kind == MAXIMUM)
                give_maximum(floats(t, t->x, i, seen), y, dy, to, n);
            else if (t->kind == L2)
                give_scaled(floats(t, t->x, i, seen), dy, to, n);
            else
                t->pass->kernels->vec->accumulate(dy, to, n);
        }
}

/* An image: in floats, which are the map itself where that holds floats. */
static void backward_task(void *context, size_t image, int thread)
{
    const pool_task *t = context;
    const facet__vec *vec = t->pass->kernels->vec;
    const size_t h = facet__view_h(t->y), w = facet__view_w(t->y);
    const size_t n = facet__view_c(t->x);
    const size_t numbers = facet__view_count(t->x) / facet__view_n(t->x);
    const bool narrow = t->dx->type == FACET__BF16;
    void *map = facet__view_at(t->dx, image * numbers);
    float *room = scratch(t, thread);
    float *dx = narrow ? room + PIXELS * n : map;

    if (!t->layer->adds[0])
        memset(dx, 0, numbers * sizeof *dx);
    else if (narrow)
        vec->widen(map, dx, numbers);
    for (size_t i = 0; i < h * w; i++) {
        const field f = field_of(t, i / w, i % w);

        spread(t, image, &f, image * h * w + i, dx, room);
    }
    if (narrow)
        vec->narrow(dx, map, numbers);
}

static facet_status forward(facet__layer *layer, const facet__pass *pass)
{
    pool_task t = task_of(layer, pass);

    facet__pool_run(pass->pool, facet__view_n(t.y), forward_task, &t);
    return FACET_OK;
}

static facet_status backward(facet__layer *layer, const facet__pass *pass)
{
    pool_task t = task_of(layer, pass);

    if (t.dx->data)
        facet__pool_run(pass->pool, facet__view_n(t.y), backward_task, &t);
    return FACET_OK;
}

const facet__layer_class facet__layer_pool = { .name = "pool",
    .size = size,
    .forward = forward,
    .backward = backward,
    .keeps_input = true,
    .keeps_output = true };
