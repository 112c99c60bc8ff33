/* SPDX-License-Identifier: Apache-2.0 */
/* kernels.h - the inner loops, one table a processor level.
 *
 * A model picks its table once, when it is loaded. Vectors of numbers (vec_*)
 * are one source compiled for each level; products and depthwise convolutions
 * are written by hand where that pays, each beside a plain C twin. */
#ifndef FACET__KERNELS_H
#define FACET__KERNELS_H

#include "base/cpu.h"
#include "nn/engine/depthwise.h"
#include "nn/engine/gemm.h"
#include "nn/engine/gradient.h"
#include "nn/engine/winograd.h"

/* Functions of one number. `a` and `b` are the operator's parameters. */
typedef enum facet__unary {
    FACET__UNARY_CLIP,         /* min(max(x, a), b) */
    FACET__UNARY_LEAKY,        /* x > 0 ? x : a x */
    FACET__UNARY_ELU,          /* x > 0 ? x : a (e^x - 1) */
    FACET__UNARY_SIGMOID,      /* 1 / (1 + e^-x) */
    FACET__UNARY_HARD_SIGMOID, /* min(max(a x + b, 0), 1) */
    FACET__UNARY_HARD_SWISH,   /* x min(max(x/6 + 1/2, 0), 1) */
    FACET__UNARY_TANH,
    FACET__UNARY_EXP,
    FACET__UNARY_SQRT,
} facet__unary;

typedef enum facet__binary {
    FACET__BINARY_ADD,
    FACET__BINARY_SUB,
    FACET__BINARY_MUL,
    FACET__BINARY_DIV,
    FACET__BINARY_MAX,
    FACET__BINARY_MIN,
} facet__binary;

/* Neighbouring windows over rows of pixels; distances in numbers. */
typedef struct facet__windows {
    const void *const *rows; /* [n_rows], each at the first window's begin */
    size_t n_rows, taps;     /* of a window; not 0 */
    size_t tap_step, step;   /* from tap to tap, from window to window */
    size_t c, n;             /* channels; windows */
} facet__windows;

/* All work on n floats; y may be x. */
typedef struct facet__vec {
    void (*widen)(const uint16_t *x, float *y, size_t n);
    void (*narrow)(const float *x, uint16_t *y, size_t n);
    void (*from_bytes)(const uint8_t *x, facet__grid grid, float *y, size_t n);
    void (*to_bytes)(const float *x, facet__grid grid, uint8_t *y, size_t n);
    void (*unary)(
        facet__unary op, float a, float b, const float *x, float *y, size_t n);
    void (*binary)(
        facet__binary op, const float *a, const float *b, float *y, size_t n);
    /* y = x * scale + shift, element by element */
    void (*affine)(const float *x, const float *scale, const float *shift,
        float *y, size_t n);
    void (*prelu)(const float *x, const float *slope, float *y, size_t n);
    /* y = max(y, x); y += x; y += x * x */
    void (*take_max)(const float *x, float *y, size_t n);
    void (*accumulate)(const float *x, float *y, size_t n);
    void (*accumulate_square)(const float *x, float *y, size_t n);
    void (*scale)(float factor, float *y, size_t n);
    /* y[o][c] = max (sum: sum) of window o, o < n; and the maximum of bf16 and
     * of bytes */
    void (*pool)(bool sum, const facet__windows *w, float *y);
    void (*pool_max_bf16)(const facet__windows *w, uint16_t *y);
    void (*pool_max_bytes)(const facet__windows *w, uint8_t *y);
    /* planes[c][n] to pixels[n][c] */
    void (*interleave)(const float *planes, size_t plane_stride, size_t c,
        float *pixels, size_t n);
} facet__vec;

extern const facet__vec facet__vec_ref;
#if defined(__x86_64__)
extern const facet__vec facet__vec_avx2;
extern const facet__vec facet__vec_avx512;
extern const facet__vec facet__vec_avx512bf16;
#endif

typedef struct facet__kernels {
    facet__cpu_level level;
    facet__gemm_kernel *gemm_f32;
    facet__gemm_kernel *gemm_bf16; /* NULL: no bf16 on this processor */
    facet__gemm_kernel *gemm_int8;
    facet__depthwise_kernel *depthwise_f32;
    facet__depthwise_kernel *depthwise_bf16;
    facet__depthwise_kernel *depthwise_int8;
    const facet__vec *vec;
    facet__gradient_kernel *gradient_f32, *gradient_bf16;
    const facet__winograd *winograd;
} facet__kernels;

const facet__kernels *facet__kernels_of(facet__cpu_level level);

/* The product of F32, BF16 or I8. */
facet__gemm_kernel *facet__kernels_gemm(
    const facet__kernels *kernels, facet__dtype type);
/* Is int8 faster than the other precisions, or only there? */
bool facet__kernels_favor_int8(const facet__kernels *kernels);

#endif
