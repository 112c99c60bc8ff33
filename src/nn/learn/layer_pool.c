/* SPDX-License-Identifier: Apache-2.0 */
/* layer_pool.c - pools over windows and whole maps. Of equal maxima the first
 * gets the gradient; an average does not count padding unless asked. */
#include <math.h>

#include "nn/learn/elements.h"
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

/* A window on the map: [y0, y1) x [x0, x1), and how many positions count. */
typedef struct field {
    int64_t y0, y1, x0, x1;
    double counted;
} field;

static field field_of(const pool_task *t, size_t oy, size_t ox)
{
    const facet__window *w = &t->layer->window;
    const int64_t h = t->x->shape.d[2], width = t->x->shape.d[3];
    field f;
    int64_t y_end, x_end;

    if (t->y->shape.d[2] == 1 && t->y->shape.d[3] == 1 &&
        w->kernel[0] == 0) /* global */
        return (field){ 0, h, 0, width, (double)(h * width) };
    f.y0 = (int64_t)oy * w->stride[0] - w->pad_begin[0];
    f.x0 = (int64_t)ox * w->stride[1] - w->pad_begin[1];
    y_end = f.y0 + w->kernel[0];
    x_end = f.x0 + w->kernel[1];
    f.counted =
        (double)((y_end < h + w->pad_end[0] ? y_end : h + w->pad_end[0]) -
                 f.y0) *
        (double)((x_end < width + w->pad_end[1] ? x_end
                                                : width + w->pad_end[1]) -
                 f.x0);
    f.y0 = f.y0 < 0 ? 0 : f.y0;
    f.x0 = f.x0 < 0 ? 0 : f.x0;
    f.y1 = y_end < h ? y_end : h;
    f.x1 = x_end < width ? x_end : width;
    if (t->kind == AVERAGE)
        f.counted = (double)((f.y1 - f.y0) * (f.x1 - f.x0));
    return f;
}

static size_t at(
    const pool_task *t, size_t image, int64_t y, int64_t x, size_t c)
{
    return ((image * facet__view_h(t->x) + (size_t)y) * facet__view_w(t->x) +
               (size_t)x) *
               facet__view_c(t->x) +
           c;
}

static float pooled(const pool_task *t, size_t image, const field *f, size_t c)
{
    double sum = t->kind == MAXIMUM ? -(double)INFINITY : 0.0;

    for (int64_t y = f->y0; y < f->y1; y++)
        for (int64_t x = f->x0; x < f->x1; x++) {
            const double v = (double)facet__get(t->x, at(t, image, y, x, c));

            if (t->kind == MAXIMUM)
                sum = v > sum ? v : sum;
            else
                sum += t->kind == L2 ? v * v : v;
        }
    if (t->kind == L2)
        return (float)sqrt(sum);
    return (float)(t->kind == MAXIMUM ? sum : sum / f->counted);
}

/* An image: all outputs. */
static void forward_task(void *context, size_t image, int thread)
{
    const pool_task *t = context;
    const size_t h = facet__view_h(t->y), w = facet__view_w(t->y);
    const size_t channels = facet__view_c(t->y);

    (void)thread;
    for (size_t oy = 0; oy < h; oy++)
        for (size_t ox = 0; ox < w; ox++) {
            const field f = field_of(t, oy, ox);

            for (size_t c = 0; c < channels; c++)
                facet__put(t->y, ((image * h + oy) * w + ox) * channels + c,
                    pooled(t, image, &f, c));
        }
}

static void spread(
    const pool_task *t, size_t image, const field *f, size_t c, size_t out)
{
    const float dy = facet__get(t->dy, out), value = facet__get(t->y, out);

    for (int64_t y = f->y0; y < f->y1; y++)
        for (int64_t x = f->x0; x < f->x1; x++) {
            const size_t i = at(t, image, y, x, c);
            const float v = facet__get(t->x, i);

            if (t->kind == MAXIMUM) {
                if (v != value)
                    continue;
                facet__give(t->dx, i, true, dy);
                return;
            }
            facet__give(t->dx, i, true,
                t->kind == L2 ? value > 0.0f ? dy * v / value : 0.0f
                              : (float)((double)dy / f->counted));
        }
}

static void backward_task(void *context, size_t image, int thread)
{
    const pool_task *t = context;
    const size_t h = facet__view_h(t->y), w = facet__view_w(t->y);
    const size_t channels = facet__view_c(t->y);
    const size_t numbers = facet__view_count(t->x) / facet__view_n(t->x);

    (void)thread;
    for (size_t i = 0; i < numbers && !t->layer->adds[0]; i++)
        facet__put(t->dx, image * numbers + i, 0.0f);
    for (size_t oy = 0; oy < h; oy++)
        for (size_t ox = 0; ox < w; ox++) {
            const field f = field_of(t, oy, ox);

            for (size_t c = 0; c < channels; c++)
                spread(t, image, &f, c,
                    ((image * h + oy) * w + ox) * channels + c);
        }
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
    .forward = forward,
    .backward = backward,
    .keeps_input = true,
    .keeps_output = true };
