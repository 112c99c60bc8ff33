/* SPDX-License-Identifier: Apache-2.0 */
/* conv.h - parameters of convolution steps (step_conv.c, step_depthwise.c). */
#ifndef FACET__CONV_H
#define FACET__CONV_H

#include "nn/engine/step.h"

enum { FACET__FEW_CHANNELS = 4 }; /* up to here planes are the faster */

/* What follows a convolution and is done on the way to memory. */
typedef struct facet__tail {
    float *bias;  /* [facet__panel_room(channels)], owned; never NULL */
    float *slope; /* likewise, or NULL */
    float lo, hi;
    bool residual;       /* the step's input 1 is added ... */
    bool residual_first; /* ... before the activation */
} facet__tail;

/* Filters as ONNX has them, and the factor and shift of a BatchNormalization
 * that follows (NULL: none). */
typedef struct facet__filters {
    const float *weight;         /* [out][in / groups][kernel_h][kernel_w] */
    const float *bias;           /* [out] or NULL */
    const float *factor, *shift; /* [out] or NULL */
    size_t out, in, groups, kernel_h, kernel_w;
    bool dilated, strided;
    bool transposed; /* weight is [in][out] (Gemm without transB, MatMul) */
} facet__filters;

/* Makes params for the step that fits: conv, depthwise, conv_rows or winograd.
 * Takes over `tail`'s slope, computes its bias. NULL without memory (then
 * `tail` is still the caller's). */
void *facet__conv_create(const facet__filters *filters, const facet__tail *tail,
    bool bf16, const facet__step_class **class);

/* Does the step read planes (a PLAIN picture), not pixels? */
bool facet__conv_is_planar(const void *params);

/* Bytes of the packed filters of such params. */
size_t facet__conv_bytes(const void *params);

#endif
