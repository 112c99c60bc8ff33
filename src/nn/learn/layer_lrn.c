/* SPDX-License-Identifier: Apache-2.0 */
/* layer_lrn.c - local response normalisation across channels, both ways.
 *
 *   y_c  = x_c t_c,   t_c = s_c^-beta         (s: nn/engine/lrn.h)
 *   dx_c = dy_c t_c - 2 scale beta x_c sum of q_k over the windows k that see
 * c, q_k  = dy_k x_k t_k / s_k
 *
 * s and t are computed again on the way back: cheaper than keeping them. */
#include <string.h>

#include "nn/engine/lrn.h"
#include "nn/learn/layer.h"

enum { ROWS = 64, ARRAYS = 6 }; /* pixels of a task; arrays of its scratch */

typedef struct lrn {
    const facet__layer *layer;
    const facet__pass *pass;
    const facet__view *x, *y, *dx, *dy;
    facet__lrn numbers;
    size_t rows, channels;
} lrn;

static lrn setup(const facet__layer *layer, const facet__pass *pass)
{
    lrn l = { layer, pass, facet__map(pass, layer->in[0]),
        facet__map(pass, layer->out), facet__in_gradient(layer, pass, 0),
        &pass->gradients[layer->out], facet__lrn_of(layer->node), 0, 0 };

    l.rows = facet__view_rows(l.x);
    l.channels = facet__view_features(l.x);
    return l;
}

static void size(facet__layer *layer, const facet__pass *pass)
{
    layer->thread_bytes = ARRAYS *
                          facet__view_features(facet__map(pass, layer->in[0])) *
                          sizeof(float);
}

static float *scratch(const lrn *l, int thread)
{
    return (float *)(void *)(l->pass->thread_scratch +
                             (size_t)thread * l->pass->thread_stride);
}

/* A row as floats: where it lies, or widened into `room`. */
static const float *floats(
    const lrn *l, const facet__view *v, size_t row, float *room)
{
    const void *from = facet__view_at(v, row * l->channels);

    if (v->type == FACET__F32)
        return from;
    l->pass->kernels->vec->widen(from, room, l->channels);
    return room;
}

static void store(
    const lrn *l, const facet__view *v, size_t row, const float *from)
{
    void *to = facet__view_at(v, row * l->channels);

    if (v->type == FACET__BF16)
        l->pass->kernels->vec->narrow(from, to, l->channels);
    else
        memcpy(to, from, l->channels * sizeof *from);
}

static void forward_row(const lrn *l, size_t row, float *room)
{
    const size_t n = l->channels;
    float *s = room + n, *t = s + n;
    const float *x = floats(l, l->x, row, room);

    facet__lrn_factors(&l->numbers, l->pass->kernels->vec, x, n, s, t);
    for (size_t c = 0; c < n; c++)
        s[c] = x[c] * t[c];
    store(l, l->y, row, s);
}

static void backward_row(const lrn *l, size_t row, float *room)
{
    const size_t n = l->channels;
    const float factor = 2.0f * l->numbers.scale * l->numbers.beta;
    float *s = room + 2 * n, *t = s + n, *q = t + n, *sum = q + n;
    const float *x = floats(l, l->x, row, room);
    const float *dy = floats(l, l->dy, row, room + n);
    const float *others;

    facet__lrn_factors(&l->numbers, l->pass->kernels->vec, x, n, s, t);
    for (size_t c = 0; c < n; c++)
        q[c] = dy[c] * x[c] * t[c] / s[c];
    facet__lrn_spread(&l->numbers, q, n, sum);
    for (size_t c = 0; c < n; c++)
        q[c] = dy[c] * t[c] - factor * x[c] * sum[c];
    if (l->layer->adds[0]) {
        others = floats(l, l->dx, row, sum);
        for (size_t c = 0; c < n; c++)
            q[c] += others[c];
    }
    store(l, l->dx, row, q);
}

static void forward_task(void *context, size_t index, int thread)
{
    const lrn *l = context;
    const size_t end = (index + 1) * ROWS;

    for (size_t row = index * ROWS; row < end && row < l->rows; row++)
        forward_row(l, row, scratch(l, thread));
}

static void backward_task(void *context, size_t index, int thread)
{
    const lrn *l = context;
    const size_t end = (index + 1) * ROWS;

    for (size_t row = index * ROWS; row < end && row < l->rows; row++)
        backward_row(l, row, scratch(l, thread));
}

static facet_status forward(facet__layer *layer, const facet__pass *pass)
{
    lrn l = setup(layer, pass);

    facet__pool_run(pass->pool, (l.rows + ROWS - 1) / ROWS, forward_task, &l);
    return FACET_OK;
}

static facet_status backward(facet__layer *layer, const facet__pass *pass)
{
    lrn l = setup(layer, pass);

    if (l.dx->data)
        facet__pool_run(
            pass->pool, (l.rows + ROWS - 1) / ROWS, backward_task, &l);
    return FACET_OK;
}

const facet__layer_class facet__layer_lrn = { .name = "lrn",
    .size = size,
    .forward = forward,
    .backward = backward,
    .keeps_input = true };
