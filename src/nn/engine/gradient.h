/* SPDX-License-Identifier: Apache-2.0 */
/* gradient.h - the product that gives a layer's filters their gradient.
 *
 * C[m][n] += sum over rows k of A[k][m] B[k][n]: A holds what the layer saw,
 * B what it is told, one row a pixel. Both are read where they lie; bf16 rows
 * are first woven in pairs, because vdpbf16ps eats two neighbours of k:
 *
 *   woven[k / 2][column][2], the second of a last odd pair zero.            */
#ifndef FACET__GRADIENT_H
#define FACET__GRADIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FACET__GRADIENT_ROWS = 14, /* of a tile of C */
    FACET__GRADIENT_COLUMNS = 32,
};

/* One tile of C. Strides in elements; for bf16, a, b and k count pairs. */
typedef struct facet__gradient_tile {
    const void *a, *b;
    size_t a_stride, b_stride;
    size_t k, m, n; /* m <= 14, n <= 32 */
    float *c;
    size_t c_stride;
    /* NULL, or k cache lines that will be read soon: they are asked for one by
     * one, under the arithmetic. They may reach behind a map's end. */
    const void *ahead;
} facet__gradient_tile;

typedef void facet__gradient_kernel(const facet__gradient_tile *tile);

facet__gradient_kernel facet__gradient_f32_ref;
facet__gradient_kernel facet__gradient_bf16_ref;
#if defined(__x86_64__)
facet__gradient_kernel facet__gradient_f32_avx512;
facet__gradient_kernel facet__gradient_bf16_avx512bf16;
#endif

/* Weave k rows of `columns` bf16 (stride in elements) into pairs. */
void facet__gradient_weave(const uint16_t *rows, size_t stride, size_t k,
    size_t columns, uint16_t *woven);

#endif
