/* SPDX-License-Identifier: Apache-2.0 */
/* depthwise.h - a convolution of each channel by itself.
 *
 * Too little arithmetic for a matrix product: the kernels run along the
 * channels and keep each loaded pixel for all the outputs that see it. */
#ifndef FACET__DEPTHWISE_H
#define FACET__DEPTHWISE_H

#include "nn/engine/gemm.h"

enum { FACET__DEPTHWISE_MAX = 32 }; /* rows a kernel may have */

/* One row of output pixels, or two neighbours. */
typedef struct facet__depthwise_row {
    /* [kernel_h] input rows, each at its pixel 0; a NULL row is padding. */
    const void *const *rows;
    /* Two output rows: the second sees rows[1 .. kernel_h], so the filter's
     * step down the map is one row, and stands behind the first in `out`. */
    bool two_rows;
    size_t kernel_h, kernel_w;
    size_t stride, dilation; /* along the row */
    size_t pad;              /* pixels of zeros before pixel 0 */
    size_t in_width, out_width, channels;
    const void *weights; /* packed, see facet__depthwise_pack and _pack_int8 */
    void *out;           /* [1 or 2][out_width][channels] */
    /* Of the rows: F32 and BF16 are also out's; U8 takes weights of I8. */
    facet__dtype type, out_type;
    uint8_t padding;          /* what bytes outside the map are */
    facet__epilogue epilogue; /* no residual */
} facet__depthwise_row;

typedef void facet__depthwise_kernel(const facet__depthwise_row *row);

facet__depthwise_kernel facet__depthwise_ref; /* floats and bf16 */
facet__depthwise_kernel facet__depthwise_int8_ref;
#if defined(__x86_64__)
facet__depthwise_kernel facet__depthwise_f32_avx512;
facet__depthwise_kernel facet__depthwise_int8_avx512;
facet__depthwise_kernel facet__depthwise_bf16_avx512bf16;
#endif

/* Weights w[channel][tap] to [tap][channels rounded up to 32], floats in both
 * cases. */
size_t facet__depthwise_packed_size(size_t taps, size_t channels);
void facet__depthwise_pack(
    const float *w, size_t taps, size_t channels, float *packed);

/* Weights w[channel][row][tap], whole numbers from -128 to 127, as bytes: for
 * each block of 32 channels, each row of the filter and each four taps of it 32
 * x 4 weights, taps that do not exist zero. The channels stand as
 * facet__depthwise_lane says. */
enum { FACET__DEPTHWISE_BLOCK = 32 };
size_t facet__depthwise_packed_size_int8(
    size_t kernel_h, size_t kernel_w, size_t channels);
void facet__depthwise_pack_int8(const float *w, size_t kernel_h,
    size_t kernel_w, size_t channels, int8_t *packed);

/* Where channel c of a block stands: 0-3, 16-19, 4-7, 20-23, ..., the order
 * in which interleaving the bytes of four pixels puts them. */
static inline size_t facet__depthwise_lane(size_t c)
{
    return c % 16 / 4 * 8 + c / 16 * 4 + c % 4;
}

#endif
