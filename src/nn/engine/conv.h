/* SPDX-License-Identifier: Apache-2.0 */
/* conv.h - parameters of convolution steps (step_conv.c, step_depthwise.c). */
#ifndef FACET__CONV_H
#define FACET__CONV_H

#include "nn/engine/step.h"

enum { FACET__FEW_CHANNELS = 4 }; /* up to here planes are the faster */

/* What follows a convolution and is done on the way to memory: the epilogue of
 * gemm.h for all channels. */
typedef struct facet__tail {
    float *scale; /* [facet__panel_room(channels)], owned; NULL: 1 */
    float *bias;  /* likewise; never NULL */
    float *slope; /* likewise, or NULL */
    float zero, lo, hi;
    bool residual;       /* the step's input 1 is added ... */
    bool residual_first; /* ... before the activation */
    float residual_scale, residual_shift;
} facet__tail;

/* In which numbers a convolution reads, multiplies and writes. A grid without a
 * step: those are no bytes. */
typedef struct facet__conv_form {
    facet__dtype product; /* F32, BF16 or I8 */
    facet__grid in, out, residual;
} facet__conv_form;

/* Filters as ONNX has them, and the factor and shift of a BatchNormalization
 * that follows (NULL: none). */
typedef struct facet__filters {
    const float *weight;         /* [out][in / groups][kernel_h][kernel_w] */
    const float *bias;           /* [out] or NULL */
    const float *factor, *shift; /* [out] or NULL */
    const float *steps; /* [out] of filters that I8 can hold, or NULL */
    size_t out, in, groups, kernel_h, kernel_w;
    bool dilated, strided;
    bool transposed; /* weight is [in][out] (Gemm without transB, MatMul) */
} facet__filters;

/* The step that fits: conv, depthwise, conv_rows or winograd. */
const facet__step_class *facet__conv_class(const facet__filters *filters,
    const facet__tail *tail, facet__dtype product);
/* Can it write bytes? */
bool facet__conv_writes_bytes(
    const facet__step_class *class, facet__dtype product);

/* Its params. Takes over `tail`'s slope; the tail's bounds are the network's,
 * and the rest is computed. NULL without memory (then `tail` is still the
 * caller's). */
void *facet__conv_create(const facet__filters *filters, const facet__tail *tail,
    const facet__conv_form *form, const facet__step_class *class);

/* Does the step read planes (a PLAIN picture), not pixels? */
bool facet__conv_is_planar(const void *params);

/* Bytes of the packed filters of such params. */
size_t facet__conv_bytes(const void *params);

#endif
