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
    const float *weights;     /* packed, see facet__depthwise_pack */
    void *out;                /* [1 or 2][out_width][channels] */
    bool bf16;                /* rows and out are bf16 */
    facet__epilogue epilogue; /* no residual */
} facet__depthwise_row;

typedef void facet__depthwise_kernel(const facet__depthwise_row *row);

facet__depthwise_kernel facet__depthwise_ref; /* both types */
#if defined(__x86_64__)
facet__depthwise_kernel facet__depthwise_f32_avx512;
facet__depthwise_kernel facet__depthwise_bf16_avx512bf16;
#endif

/* Weights w[channel][tap] to [tap][channels rounded up to 32], floats in both
 * cases. */
size_t facet__depthwise_packed_size(size_t taps, size_t channels);
void facet__depthwise_pack(
    const float *w, size_t taps, size_t channels, float *packed);

#endif
