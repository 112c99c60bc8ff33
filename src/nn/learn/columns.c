/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/learn/columns.h"

#include <string.h>

size_t facet__columns_depth(const facet__columns *c)
{
    return (size_t)(c->window->kernel[0] * c->window->kernel[1]) * c->channels;
}

/* The element at which tap (ky, kx) of output pixel `row` begins, or -1. */
static int64_t tap_at(
    const facet__columns *c, size_t row, int64_t ky, int64_t kx)
{
    const facet__window *w = c->window;
    const int64_t height = c->map->shape.d[2], width = c->map->shape.d[3];
    const int64_t image = (int64_t)(row / (c->out_h * c->out_w));
    const int64_t oy = (int64_t)(row / c->out_w % c->out_h);
    const int64_t ox = (int64_t)(row % c->out_w);
    const int64_t y = oy * w->stride[0] - w->pad_begin[0] + ky * w->dilation[0];
    const int64_t x = ox * w->stride[1] - w->pad_begin[1] + kx * w->dilation[1];

    if (y < 0 || y >= height || x < 0 || x >= width)
        return -1;
    return ((image * height + y) * width + x) * c->map->shape.d[1] +
           (int64_t)c->first_channel;
}

void facet__columns_gather(
    const facet__columns *c, size_t first, size_t count, void *to)
{
    const size_t size = facet__dtype_size(c->map->type);
    const size_t bytes = c->channels * size;
    char *at = to;

    for (size_t row = first; row < first + count; row++)
        for (int64_t ky = 0; ky < c->window->kernel[0]; ky++)
            for (int64_t kx = 0; kx < c->window->kernel[1]; kx++) {
                const int64_t from = tap_at(c, row, ky, kx);

                if (from < 0)
                    memset(at, 0, bytes);
                else
                    memcpy(at, (const char *)c->map->data + (size_t)from * size,
                        bytes);
                at += bytes;
            }
}

void facet__columns_add(const facet__columns *c, size_t first, size_t count,
    const float *rows, float *sums)
{
    for (size_t row = first; row < first + count; row++)
        for (int64_t ky = 0; ky < c->window->kernel[0]; ky++)
            for (int64_t kx = 0; kx < c->window->kernel[1]; kx++) {
                const int64_t to = tap_at(c, row, ky, kx);

                for (size_t i = 0; to >= 0 && i < c->channels; i++)
                    sums[(size_t)to + i] += rows[i];
                rows += c->channels;
            }
}
