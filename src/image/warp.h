/* SPDX-License-Identifier: Apache-2.0 */
/* warp.h - crops under an affine map, antialiased where they shrink.
 *
 * Maps go from the crop to the source: crop pixel (i, j) is sampled at
 *     x = m[0] i + m[1] j + m[2],   y = m[3] i + m[4] j + m[5].
 * Sampling is bilinear in floating point; each neighbour outside the source
 * counts as 0; only the result is rounded. Where crop pixels lie more than 1.5
 * source pixels apart, f x f blocks of the source are averaged first, f the
 * distance rounded (for each axis of the source on its own) and over the needed
 * region only, so memory is bounded by the size of the crop, not of the source.
 */
#ifndef FACET__WARP_H
#define FACET__WARP_H

#include "image/image.h"

/* A source to take samples from, perhaps averaged in blocks. */
typedef struct facet__sampler {
    facet__view view; /* block size 1 on both axes */
    float *blocks;    /* or [rows, columns, 3] means of blocks */
    int32_t columns, rows;
    double origin_x, origin_y; /* center of the first block, source pixels */
    double block_w, block_h;
} facet__sampler;

/* Prepare for samples within `region` (source pixels, centers; may reach past
 * the source), which will be step_x and step_y source pixels apart. The source
 * is borrowed. Fails with FACET_EINVAL (not finite) or FACET_ENOMEM. */
facet_status facet__sampler_open(facet__view src, facet_box region,
    double step_x, double step_y, facet__sampler *out);
void facet__sampler_close(facet__sampler *sampler);

/* The color at (x, y), 0..255 each, not rounded. */
void facet__sample(
    const facet__sampler *sampler, double x, double y, float rgb[3]);
/* The same as a pixel. */
void facet__sample_pixel(
    const facet__sampler *sampler, double x, double y, uint8_t *rgb);

/* Fill dst with width x height of RGB8 under the map. The name says what it is
 * for; any affine map will do. Fails with FACET_EINVAL or FACET_ENOMEM. */
facet_status facet__warp_similarity(facet__view src, const float inverse[6],
    uint8_t *dst, int32_t width, int32_t height, size_t stride);

#endif
