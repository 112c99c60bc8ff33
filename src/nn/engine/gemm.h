/* SPDX-License-Identifier: Apache-2.0 */
/* gemm.h - the matrix product that convolutions and dense layers come down to.
 *
 * C[m][n] = epilogue(sum over k of A[m][k] B[k][n]): a row of A is what one
 * output pixel sees, B is the filters, packed once when a network is loaded.
 * B is cut into blocks of FACET__NR columns; in a block the numbers stand in
 * the order in which a kernel eats them:
 *
 *   f32:   for k: n columns
 *   bf16:  for each pair of k: n columns of two neighbours (k, k+1)
 *   int8:  for each four of k: n columns of four neighbours
 *
 * where n is 32, or 16 for a last block of at most 16 columns; the columns
 * that do not exist are zero. The sum over k runs in the order of k in each
 * element by itself, so an output does not depend on how many rows or threads
 * share the work. */
#ifndef FACET__GEMM_H
#define FACET__GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/tensor.h"

enum { FACET__NR = 32 };

/* Floats to have for a bias or a slope of so many channels: the panel of a
 * group may begin at any channel, and a kernel reads a whole block from there
 * (what lies past the channels is never stored). */
static inline size_t facet__panel_room(size_t channels)
{
    return channels + FACET__NR;
}

/* What becomes of a sum on its way to memory, per column n:
 *   x = x scale[n] + bias[n]; [x += residual]; x = x < zero ? slope[n] x +
 *   (1 - slope[n]) zero : x; x = min(max(x, lo), hi); [x += residual]
 *
 * All of it happens in C's own numbers. Bytes q stand for (q - zero) step: who
 * packs the filters puts 1 / step into scale, bias and bounds and `zero` into
 * the bias, and what is left to do for a byte is to round to nearest even and
 * to saturate. A residual of bytes comes as q residual_scale +
 * residual_shift. */
typedef struct facet__epilogue {
    const float *scale;         /* of int8 products; NULL: 1 */
    const float *bias;          /* [FACET__NR] from here on, never NULL */
    const float *slope;         /* likewise, or NULL: no PReLU */
    float zero;                 /* 0 as C has it: not 0 for bytes only */
    float lo, hi;               /* -INFINITY, INFINITY: no clipping */
    const void *residual;       /* of C's shape, or NULL */
    size_t residual_stride;     /* elements between its rows */
    facet__dtype residual_type; /* F32, BF16 or U8 */
    float residual_scale, residual_shift; /* of U8 */
    bool residual_first; /* added before the activation, else after it */
} facet__epilogue;

/* One block of columns for m rows. */
typedef struct facet__gemm_panel {
    const void *a;   /* [m][k]: f32, bf16 or, of int8 products, u8 */
    size_t a_stride; /* elements between rows */
    size_t m, k;     /* k of whole steps: 2 for bf16, 4 for int8 */
    /* The depth may lie in several stretches of k, each this many elements
     * after the one before; 0 or 1: it is one. */
    size_t segments, segment_stride;
    const void *b;            /* the packed block */
    size_t n;                 /* columns that exist, 1 .. FACET__NR */
    void *c;                  /* [m][n] */
    size_t c_stride;          /* elements between rows */
    facet__dtype c_type;      /* F32, BF16 or U8 */
    facet__epilogue epilogue; /* its arrays start at this block's column */
} facet__gemm_panel;

typedef void facet__gemm_kernel(const facet__gemm_panel *panel);

/* Plain C, the specification of the others. */
facet__gemm_kernel facet__gemm_f32_ref;
facet__gemm_kernel facet__gemm_bf16_ref;
facet__gemm_kernel facet__gemm_int8_ref; /* u8 times s8, summed in 32 bits */
#if defined(__x86_64__)
facet__gemm_kernel facet__gemm_f32_avx2;
facet__gemm_kernel facet__gemm_f32_avx512;
facet__gemm_kernel facet__gemm_bf16_avx512bf16;
facet__gemm_kernel facet__gemm_int8_avx512;
#endif

/* Columns that the block starting at column `first` of `columns` is packed to.
 */
size_t facet__gemm_block_width(size_t columns, size_t first);

/* k rounded up to whole steps of a product of F32, BF16 or I8. */
size_t facet__gemm_depth(size_t k, facet__dtype type);
/* Elements of the packed form of a [k][columns] matrix. */
size_t facet__gemm_packed_size(size_t k, size_t columns, facet__dtype type);

/* Pack b[k][columns], whose element (k, n) is b[k * k_stride + n * n_stride].
 */
void facet__gemm_pack_f32(const float *b, size_t k, size_t columns,
    size_t k_stride, size_t n_stride, float *packed);
void facet__gemm_pack_bf16(const float *b, size_t k, size_t columns,
    size_t k_stride, size_t n_stride, uint16_t *packed);
/* The same of whole numbers, -128 to 127. */
void facet__gemm_pack_int8(const float *b, size_t k, size_t columns,
    size_t k_stride, size_t n_stride, int8_t *packed);

#endif
