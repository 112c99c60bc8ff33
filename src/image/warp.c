/* SPDX-License-Identifier: Apache-2.0 */
/* warp.c - see warp.h. A sampler hides whether pixels or block means are read,
 * so that any map (affine here, piecewise elsewhere) is a loop over it. */
#include "image/warp.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

enum { CHANNELS = 3 };

/* Blocks along one axis: `count` of `size` pixels, the first at pixel `first`.
 * They cover what of the region lies in 0..length-1 or touches it. */
typedef struct blocks {
    int32_t first, size, count;
} blocks;

static blocks blocks_along(double low, double high, double step, int32_t length)
{
    const double size = fmin(fmax(ceil(step - 0.5), 1), length);
    /* A bilinear sample reaches one block further on either side. */
    const double start = fmax(low - size, 0), end = fmin(high + size, length);

    if (!(start < end))
        return (blocks){ 0, 1, 0 };
    return (blocks){ (int32_t)start, (int32_t)size,
        (int32_t)ceil((end - floor(start)) / size) };
}

static void add_line(
    uint32_t *restrict sums, const uint8_t *restrict line, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sums[i] += line[i];
}

/* Means of one row of blocks, whose lines have been added up. Pixels past the
 * border count as 0. */
static void mean_blocks(
    const uint32_t *sums, int32_t width, blocks bx, double scale, float *means)
{
    for (int32_t b = 0; b < bx.count; b++) {
        const int32_t left = b * bx.size;
        const int32_t right = left + bx.size < width ? left + bx.size : width;
        uint64_t total[CHANNELS] = { 0, 0, 0 };

        for (int32_t x = left; x < right; x++)
            for (int32_t c = 0; c < CHANNELS; c++)
                total[c] += sums[x * CHANNELS + c];
        for (int32_t c = 0; c < CHANNELS; c++)
            *means++ = (float)((double)total[c] * scale);
    }
}

static facet_status average(
    facet__view src, blocks bx, blocks by, facet__sampler *out)
{
    const size_t row = (size_t)bx.count * CHANNELS;
    const int64_t reach = (int64_t)bx.count * bx.size;
    const int32_t left = src.width - bx.first;
    const int32_t width = reach < left ? (int32_t)reach : left;
    const size_t samples = (size_t)width * CHANNELS;
    const double scale = 1.0 / ((double)bx.size * by.size);
    uint32_t *sums = facet__alloc(samples * sizeof *sums);

    out->blocks = facet__calloc((size_t)by.count, row * sizeof *out->blocks);
    for (int32_t r = 0; sums && out->blocks && r < by.count; r++) {
        const int32_t top = by.first + r * by.size;

        memset(sums, 0, samples * sizeof *sums);
        for (int32_t y = top; y < src.height && y - top < by.size; y++)
            add_line(sums,
                src.data + (size_t)y * src.stride + (size_t)bx.first * CHANNELS,
                samples);
        mean_blocks(sums, width, bx, scale, out->blocks + (size_t)r * row);
    }
    if (!sums) {
        facet__free(out->blocks);
        out->blocks = NULL;
    }
    facet__free(sums);
    return out->blocks ? FACET_OK : FACET_ENOMEM;
}

facet_status facet__sampler_open(facet__view src, facet_box region,
    double step_x, double step_y, facet__sampler *out)
{
    const double right = (double)region.x + (double)region.width;
    const double bottom = (double)region.y + (double)region.height;
    blocks bx, by;

    *out = (facet__sampler){ .view = src,
        .columns = src.width,
        .rows = src.height,
        .block_w = 1,
        .block_h = 1 };
    if (!isfinite(right + bottom) || !isfinite(step_x + step_y))
        return FACET_EINVAL;
    bx = blocks_along((double)region.x, right, step_x, src.width);
    by = blocks_along((double)region.y, bottom, step_y, src.height);
    if (bx.size == 1 && by.size == 1)
        return FACET_OK;
    out->columns = bx.count;
    out->rows = by.count;
    out->block_w = bx.size;
    out->block_h = by.size;
    out->origin_x = bx.first + (bx.size - 1) / 2.0;
    out->origin_y = by.first + (by.size - 1) / 2.0;
    if (!bx.count || !by.count) {
        out->columns = out->rows = 0; /* all outside */
        return FACET_OK;
    }
    return average(src, bx, by, out);
}

void facet__sampler_close(facet__sampler *sampler)
{
    facet__free(sampler->blocks);
    sampler->blocks = NULL;
}

/* Add `weight` times the pixel or block at column x, row y. */
static void add(const facet__sampler *s, int32_t x, int32_t y, float weight,
    float rgb[CHANNELS])
{
    if (x < 0 || y < 0 || x >= s->columns || y >= s->rows)
        return;
    if (s->blocks) {
        const float *p =
            s->blocks + ((size_t)y * (size_t)s->columns + (size_t)x) * CHANNELS;

        for (int c = 0; c < CHANNELS; c++)
            rgb[c] += weight * p[c];
    } else {
        const uint8_t *p =
            s->view.data + (size_t)y * s->view.stride + (size_t)x * CHANNELS;

        for (int c = 0; c < CHANNELS; c++)
            rgb[c] += weight * (float)p[c];
    }
}

void facet__sample(
    const facet__sampler *s, double x, double y, float rgb[CHANNELS])
{
    const double column = (x - s->origin_x) / s->block_w;
    const double row = (y - s->origin_y) / s->block_h;
    const double left = floor(column), top = floor(row);
    const float fx = (float)(column - left), fy = (float)(row - top);
    int32_t i, j;

    memset(rgb, 0, CHANNELS * sizeof *rgb);
    if (!(left >= -1 && left < s->columns && top >= -1 && top < s->rows))
        return;
    i = (int32_t)left;
    j = (int32_t)top;
    add(s, i, j, (1 - fx) * (1 - fy), rgb);
    add(s, i + 1, j, fx * (1 - fy), rgb);
    add(s, i, j + 1, (1 - fx) * fy, rgb);
    add(s, i + 1, j + 1, fx * fy, rgb);
}

void facet__sample_pixel(
    const facet__sampler *sampler, double x, double y, uint8_t *rgb)
{
    float color[CHANNELS];

    facet__sample(sampler, x, y, color);
    for (int c = 0; c < CHANNELS; c++) /* a mean of bytes is never over 255 */
        rgb[c] = (uint8_t)(color[c] + 0.5F);
}

/* Where the corners of the crop go, and everything between them. */
static facet_box region_of(const double m[6], int32_t width, int32_t height)
{
    const double across_x = m[0] * (width - 1), across_y = m[3] * (width - 1);
    const double down_x = m[1] * (height - 1), down_y = m[4] * (height - 1);
    const double left = m[2] + fmin(across_x, 0) + fmin(down_x, 0);
    const double top = m[5] + fmin(across_y, 0) + fmin(down_y, 0);

    return (facet_box){ (float)left, (float)top,
        (float)(fabs(across_x) + fabs(down_x)),
        (float)(fabs(across_y) + fabs(down_y)) };
}

static facet_status warp(facet__view src, const double m[6], uint8_t *dst,
    int32_t width, int32_t height, size_t stride)
{
    facet__sampler sampler;
    const facet_status status =
        facet__sampler_open(src, region_of(m, width, height), hypot(m[0], m[1]),
            hypot(m[3], m[4]), &sampler);

    for (int32_t j = 0; j < height && status == FACET_OK; j++)
        for (int32_t i = 0; i < width; i++)
            facet__sample_pixel(&sampler, m[0] * i + m[1] * j + m[2],
                m[3] * i + m[4] * j + m[5],
                dst + (size_t)j * stride + (size_t)i * CHANNELS);
    facet__sampler_close(&sampler);
    return status;
}

facet_status facet__warp_similarity(facet__view src, const float inverse[6],
    uint8_t *dst, int32_t width, int32_t height, size_t stride)
{
    double m[6];

    for (int i = 0; i < 6; i++)
        m[i] = (double)inverse[i];
    return warp(src, m, dst, width, height, stride);
}
