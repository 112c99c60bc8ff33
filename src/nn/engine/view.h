/* SPDX-License-Identifier: Apache-2.0 */
/* view.h - a tensor as the engine lays it out in memory.
 *
 * Pictures and maps are NHWC: the channels of a pixel are neighbours, so that
 * a 1x1 convolution is a plain matrix product and every kernel runs along the
 * channels. Everything else is PLAIN, row-major as in ONNX. `shape` is ONNX's
 * in both cases: [n, c, h, w] for NHWC. */
#ifndef FACET__VIEW_H
#define FACET__VIEW_H

#include "nn/tensor.h"

typedef enum facet__layout {
    FACET__PLAIN,
    FACET__NHWC,
} facet__layout;

typedef struct facet__view {
    void *data;
    facet__dtype type; /* F32, BF16 or U8; PLAIN is F32 */
    facet__layout layout;
    facet__shape shape; /* known */
    facet__grid grid;   /* of U8: what its bytes stand for */
} facet__view;

/* Sizes of an NHWC view. */
static inline size_t facet__view_n(const facet__view *v)
{
    return (size_t)v->shape.d[0];
}

static inline size_t facet__view_c(const facet__view *v)
{
    return (size_t)v->shape.d[1];
}

static inline size_t facet__view_h(const facet__view *v)
{
    return (size_t)v->shape.d[2];
}

static inline size_t facet__view_w(const facet__view *v)
{
    return (size_t)v->shape.d[3];
}

/* Pixels of an NHWC view, all images together. */
static inline size_t facet__view_pixels(const facet__view *v)
{
    return facet__view_n(v) * facet__view_h(v) * facet__view_w(v);
}

static inline size_t facet__view_count(const facet__view *v)
{
    return (size_t)facet__shape_count(&v->shape);
}

static inline size_t facet__view_bytes(const facet__view *v)
{
    return facet__view_count(v) * facet__dtype_size(v->type);
}

/* The address of element i. */
static inline void *facet__view_at(const facet__view *v, size_t i)
{
    return (char *)v->data + i * facet__dtype_size(v->type);
}

#endif
