/* SPDX-License-Identifier: Apache-2.0 */
/* layer_upsample.c - each pixel becomes a block of the same: nearest
 * neighbours by a whole factor. The gradient of a pixel is the sum over its
 * block. */
#include <math.h>
#include <string.h>

#include "nn/learn/elements.h"
#include "nn/learn/layer.h"

int facet__upsample_factor(const facet__graph *g, const facet__node *node)
{
    const char *mode = facet__node_string(node, "mode", "nearest");
    const facet__tensor *scales = facet__node_input(node, 2) != FACET__NONE
                                      ? g->values[node->in[2]].data
                                      : NULL;
    const float *f = scales && scales->type == FACET__F32 &&
                             facet__shape_count(&scales->shape) == 4
                         ? scales->data
                         : NULL;

    if (!f || strcmp(mode, "nearest") != 0 ||
        strcmp(facet__node_string(
                   node, "coordinate_transformation_mode", "half_pixel"),
            "asymmetric") != 0 ||
        strcmp(facet__node_string(node, "nearest_mode", "round_prefer_floor"),
            "floor") != 0 ||
        f[0] != 1.0f || f[1] != 1.0f || f[2] != f[3] || f[2] != floorf(f[2]) ||
        f[2] < 1.0f || f[2] > 64.0f)
        return 0;
    return (int)f[2];
}

typedef struct upsample_task {
    const facet__layer *layer;
    const facet__view *x, *y, *dx, *dy;
    size_t factor, width, channels; /* width and channels of the small map */
} upsample_task;

static upsample_task task_of(const facet__layer *layer, const facet__pass *pass)
{
    upsample_task t = { .layer = layer,
        .x = facet__map(pass, layer->in[0]),
        .y = facet__map(pass, layer->out),
        .dx = facet__in_gradient(layer, pass, 0),
        .dy = &pass->gradients[layer->out] };

    t.factor = facet__view_h(t.y) / facet__view_h(t.x);
    t.width = facet__view_w(t.x);
    t.channels = facet__view_c(t.x);
    return t;
}

/* A row of the small map: its `factor` rows of the large one. */
static void forward_row(void *context, size_t row, int thread)
{
    const upsample_task *t = context;
    const size_t pixel = t->channels * facet__dtype_size(t->x->type);
    const size_t wide = t->width * t->factor * pixel;
    const char *from = (const char *)t->x->data + row * t->width * pixel;
    char *to = (char *)t->y->data + row * t->factor * wide;

    (void)thread;
    for (size_t x = 0; x < t->width * t->factor; x++)
        memcpy(to + x * pixel, from + x / t->factor * pixel, pixel);
    for (size_t k = 1; k < t->factor; k++)
        memcpy(to + k * wide, to, wide);
}

static void backward_row(void *context, size_t row, int thread)
{
    const upsample_task *t = context;
    const size_t wide = t->width * t->factor;

    (void)thread;
    for (size_t x = 0; x < t->width; x++)
        for (size_t c = 0; c < t->channels; c++) {
            float sum = 0.0f;

            for (size_t k = 0; k < t->factor * t->factor; k++)
                sum += facet__get(
                    t->dy, ((row * t->factor + k / t->factor) * wide +
                               x * t->factor + k % t->factor) *
                                   t->channels +
                               c);
            facet__give(t->dx, (row * t->width + x) * t->channels + c,
                t->layer->adds[0], sum);
        }
}

static facet_status forward(facet__layer *layer, const facet__pass *pass)
{
    upsample_task t = task_of(layer, pass);

    facet__pool_run(
        pass->pool, facet__view_n(t.x) * facet__view_h(t.x), forward_row, &t);
    return FACET_OK;
}

static facet_status backward(facet__layer *layer, const facet__pass *pass)
{
    upsample_task t = task_of(layer, pass);

    if (t.dx->data)
        facet__pool_run(pass->pool, facet__view_n(t.x) * facet__view_h(t.x),
            backward_row, &t);
    return FACET_OK;
}

/* Sizes beside the scales may say something else. */
static bool fits(const facet__layer *layer, const facet__pass *pass)
{
    const upsample_task t = task_of(layer, pass);

    return facet__view_h(t.y) == facet__view_h(t.x) * t.factor &&
           facet__view_w(t.y) == facet__view_w(t.x) * t.factor &&
           facet__view_n(t.y) == facet__view_n(t.x) &&
           facet__view_c(t.y) == facet__view_c(t.x);
}

const facet__layer_class facet__layer_upsample = {
    .name = "upsample", .fits = fits, .forward = forward, .backward = backward
};
