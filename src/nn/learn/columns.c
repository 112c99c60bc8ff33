/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/learn/columns.h"

#include <stdbool.h>
#include <string.h>

size_t facet__columns_depth(const facet__columns *c)
{
    return (size_t)(c->window->kernel[0] * c->window->kernel[1]) * c->channels;
}

/* What is the same for all taps of an output pixel: the image, and where its
 * window begins. */
typedef struct corner {
    int64_t image, y, x;
} corner;

static corner corner_of(const facet__columns *c, size_t row)
{
    const facet__window *w = c->window;
    const size_t line = row / c->out_w;

    return (corner){ (int64_t)(line / c->out_h),
        (int64_t)(line % c->out_h) * w->stride[0] - w->pad_begin[0],
        (int64_t)(row % c->out_w) * w->stride[1] - w->pad_begin[1] };
}

/* The element at which tap (ky, kx) begins, or -1. */
static int64_t tap_at(
    const facet__columns *c, const corner *at, int64_t ky, int64_t kx)
{
    const int64_t height = c->map->shape.d[2], width = c->map->shape.d[3];
    const int64_t y = at->y + ky * c->window->dilation[0];
    const int64_t x = at->x + kx * c->window->dilation[1];

    if (y < 0 || y >= height || x < 0 || x >= width)
        return -1;
    return ((at->image * height + y) * width + x) * c->map->shape.d[1] +
           (int64_t)c->first_channel;
}

/* Do the taps of a line of the window lie side by side, and in the map? */
static bool is_run(const facet__columns *c, const corner *at)
{
    return c->window->dilation[1] == 1 &&
           c->channels == (size_t)c->map->shape.d[1] && at->x >= 0 &&
           at->x + c->window->kernel[1] <= c->map->shape.d[3];
}

/* `bytes` of the map from tap (ky, kx) on into `to`. */
static void gather_tap(const facet__columns *c, const corner *at, int64_t ky,
    int64_t kx, size_t bytes, char *to)
{
    const int64_t from = tap_at(c, at, ky, kx);

    if (from < 0)
        memset(to, 0, bytes);
    else
        memcpy(to,
            (const char *)c->map->data +
                (size_t)from * facet__dtype_size(c->map->type),
            bytes);
}

void facet__columns_gather(
    const facet__columns *c, size_t first, size_t count, void *to)
{
    const size_t bytes = c->channels * facet__dtype_size(c->map->type);
    const int64_t wide = c->window->kernel[1];
    char *out = to;

    for (size_t row = first; row < first + count; row++) {
        const corner at = corner_of(c, row);
        const bool run = is_run(c, &at);

        for (int64_t ky = 0; ky < c->window->kernel[0]; ky++) {
            if (run)
                gather_tap(c, &at, ky, 0, (size_t)wide * bytes, out);
            else
                for (int64_t kx = 0; kx < wide; kx++)
                    gather_tap(c, &at, ky, kx, bytes, out + (size_t)kx * bytes);
            out += (size_t)wide * bytes;
        }
    }
}

void facet__columns_add(const facet__columns *c, size_t first, size_t count,
    const float *rows, float *sums)
{
    for (size_t row = first; row < first + count; row++) {
        const corner at = corner_of(c, row);

        for (int64_t ky = 0; ky < c->window->kernel[0]; ky++)
            for (int64_t kx = 0; kx < c->window->kernel[1]; kx++) {
                const int64_t to = tap_at(c, &at, ky, kx);

                for (size_t i = 0; to >= 0 && i < c->channels; i++)
                    sums[(size_t)to + i] += rows[i];
                rows += c->channels;
            }
    }
}
