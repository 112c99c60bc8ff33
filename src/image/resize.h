/* SPDX-License-Identifier: Apache-2.0 */
/* resize.h - another size, without aliasing.
 *
 * Output pixel i stands over source position (i + 0.5) * scale - 0.5 and is the
 * mean of the source pixels within max(scale, 1) of it, weighted by a triangle;
 * at the borders the weights that are left are scaled up. Fixed point with 14
 * bits, the same on every processor; each of the two directions rounds to 8
 * bits, so the result is within 1.1 levels of exact arithmetic. */
#ifndef FACET__RESIZE_H
#define FACET__RESIZE_H

#include "image/image.h"

/* Stretch `src` (any view, also a part of a picture) to width x height of RGB8
 * in `dst`, rows `dst_stride` bytes apart. Scratch: one source row, and the
 * weights of one output row. Fails only for want of memory. */
facet_status facet__resize(facet__view src, uint8_t *dst, int32_t width,
    int32_t height, size_t dst_stride);

/* Bytes of scratch that it takes; 0 when they cannot be counted. */
size_t facet__resize_room(
    int32_t from_width, int32_t from_height, int32_t width, int32_t height);

/* The same with the caller's scratch of facet__resize_room bytes, aligned as
 * facet__alloc gives it. */
void facet__resize_in(facet__view src, uint8_t *dst, int32_t width,
    int32_t height, size_t dst_stride, void *room);

/* The source pixels of one output pixel. `count` is a multiple of 4, padded by
 * weights of zero; the weights sum up to 1 << FACET__RESIZE_BITS. */
typedef struct facet__taps {
    int32_t first, count;
    const int16_t *weights;
} facet__taps;

enum {
    FACET__RESIZE_BITS = 14,
    FACET__RESIZE_PAD = 64, /* readable bytes after a row of `columns` */
};

/* out[i] = sum over k of weights[k] * (src + k * stride)[i], rounded. */
typedef void facet__resize_rows(const uint8_t *src, size_t stride,
    const int16_t *weights, int32_t count, uint8_t *out, size_t bytes);

/* The same along a row of RGB for `width` output pixels. */
typedef void facet__resize_columns(
    const uint8_t *row, const facet__taps *taps, uint8_t *out, int32_t width);

facet__resize_rows facet__resize_rows_ref, facet__resize_rows_avx2;
facet__resize_columns facet__resize_columns_ref, facet__resize_columns_avx2;

#endif
