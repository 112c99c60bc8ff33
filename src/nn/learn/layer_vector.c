/* SPDX-License-Identifier: Apache-2.0 */
/* layer_vector.c - layers along the channels of each pixel or vector: unit
 * length, maxout. */
#include <math.h>

#include "nn/learn/elements.h"
#include "nn/learn/layer.h"

typedef struct vectors {
    facet__layer *layer;
    const facet__pass *pass;
    const facet__view *x, *y, *dx, *dy;
    size_t rows, in, out; /* channels before and after */
} vectors;

static vectors setup(facet__layer *layer, const facet__pass *pass)
{
    vectors v = { layer, pass, facet__map(pass, layer->in[0]),
        facet__map(pass, layer->out), facet__in_gradient(layer, pass, 0),
        &pass->gradients[layer->out], 0, 0, 0 };

    v.rows = facet__view_rows(v.x);
    v.in = facet__view_features(v.x);
    v.out = facet__view_features(v.y);
    return v;
}

/* unit length: y = x / ||x||, dx = (dy - y (y.dy)) / ||x|| (papers.md A.4) */

static double length_of(const vectors *v, size_t row)
{
    double sum = 0.0;

    for (size_t c = 0; c < v->in; c++) {
        const double x = (double)facet__get(v->x, row * v->in + c);

        sum += x * x;
    }
    return sum > 1e-24 ? sqrt(sum) : 1e-12;
}

static void unit_row(void *context, size_t row, int thread)
{
    const vectors *v = context;
    const double length = length_of(v, row);

    (void)thread;
    for (size_t c = 0; c < v->in; c++)
        facet__put(v->y, row * v->in + c,
            (float)((double)facet__get(v->x, row * v->in + c) / length));
}

static void unit_back_row(void *context, size_t row, int thread)
{
    const vectors *v = context;
    const double length = length_of(v, row);
    double dot = 0.0;

    (void)thread;
    for (size_t c = 0; c < v->in; c++)
        dot += (double)facet__get(v->y, row * v->in + c) *
               (double)facet__get(v->dy, row * v->in + c);
    for (size_t c = 0; c < v->in; c++) {
        const size_t i = row * v->in + c;

        facet__give(v->dx, i, v->layer->adds[0],
            (float)(((double)facet__get(v->dy, i) -
                        (double)facet__get(v->y, i) * dot) /
                    length));
    }
}

/* The norm's axis, 1 or the last one, is that of the features. */
static bool unit_fits(const facet__layer *layer, const facet__pass *pass)
{
    const facet__view *x = facet__map(pass, layer->in[0]);

    if (x->shape.n == 2)
        return true;
    return x->layout == FACET__NHWC &&
           facet__node_int(layer->node, "axis", -1) == 1;
}

/* maxout: the largest of each group; the first of equals gets the gradient */

static size_t winner(const vectors *v, size_t row, size_t o)
{
    const size_t group = v->in / v->out;
    size_t best = row * v->in + o * group;

    for (size_t k = 1; k < group; k++) {
        const size_t i = row * v->in + o * group + k;

        if (facet__get(v->x, i) > facet__get(v->x, best))
            best = i;
    }
    return best;
}

static void maxout_row(void *context, size_t row, int thread)
{
    const vectors *v = context;

    (void)thread;
    for (size_t o = 0; o < v->out; o++)
        facet__put(v->y, row * v->out + o, facet__get(v->x, winner(v, row, o)));
}

static void maxout_back_row(void *context, size_t row, int thread)
{
    const vectors *v = context;

    (void)thread;
    for (size_t c = 0; c < v->in && !v->layer->adds[0]; c++)
        facet__put(v->dx, row * v->in + c, 0.0f);
    for (size_t o = 0; o < v->out; o++)
        facet__give(v->dx, winner(v, row, o), true,
            facet__get(v->dy, row * v->out + o));
}

static facet_status run(facet__layer *layer, const facet__pass *pass,
    facet__task *task, bool backward)
{
    vectors v = setup(layer, pass);

    if (!backward || v.dx->data)
        facet__pool_run(pass->pool, v.rows, task, &v);
    return FACET_OK;
}

#define VECTOR_LAYER(name)                                                     \
    static facet_status name##_forward(                                        \
        facet__layer *layer, const facet__pass *pass)                          \
    {                                                                          \
        return run(layer, pass, name##_row, false);                            \
    }                                                                          \
    static facet_status name##_backward(                                       \
        facet__layer *layer, const facet__pass *pass)                          \
    {                                                                          \
        return run(layer, pass, name##_back_row, true);                        \
    }

VECTOR_LAYER(unit)
VECTOR_LAYER(maxout)

const facet__layer_class facet__layer_l2 = { .name = "l2",
    .fits = unit_fits,
    .forward = unit_forward,
    .backward = unit_backward,
    .keeps_input = true,
    .keeps_output = true };
const facet__layer_class facet__layer_maxout = { .name = "maxout",
    .forward = maxout_forward,
    .backward = maxout_backward,
    .keeps_input = true };
