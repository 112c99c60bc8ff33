/* SPDX-License-Identifier: Apache-2.0 */
/* matmul.h - products of dense float matrices, for losses and Muon.
 *
 * Each element of the result is summed in one fixed order, whatever the number
 * of threads, so that a training run can be repeated bit for bit. (A library's
 * product may split the inner dimension among threads, which would not.) */
#ifndef FACET__MATMUL_H
#define FACET__MATMUL_H

#include <stdbool.h>

#include "base/threads.h"

/* A matrix of rows x columns in row-major order, or the transpose of one. */
typedef struct facet__matrix {
    const float *data;
    size_t row_step,
        column_step; /* elements from one row, column to the next */
} facet__matrix;

/* `data` as stored with `width` elements a row, or transposed. */
static inline facet__matrix facet__plain(const float *data, size_t width)
{
    return (facet__matrix){ data, width, 1 };
}

static inline facet__matrix facet__transposed(const float *data, size_t width)
{
    return (facet__matrix){ data, 1, width };
}

/* out[m][n] = a[m][k] * b[k][n], or that added to `out`. `out` must not overlap
 * the factors. FACET_ENOMEM without room for packing (about 0.5 MiB a
 * thread). */
FACET_MUST_USE facet_status facet__matmul(facet__pool *pool, size_t m, size_t n,
    size_t k, facet__matrix a, facet__matrix b, bool add, float *out);

/* The same by the calling thread alone, in memory of the caller's for
 * FACET__MATMUL_SCRATCH numbers: cannot fail. */
enum { FACET__MATMUL_SCRATCH = 2 * (256 + 32) * 256 };

void facet__matmul_in(float *scratch, size_t m, size_t n, size_t k,
    facet__matrix a, facet__matrix b, bool add, float *out);

/* One tile: tile[rows][columns] = sum over k of a[k][rows] * b[k][columns],
 * all packed without gaps. */
typedef void facet__tile_kernel(
    size_t k, const float *a, const float *b, float *tile);

/* 4 x 8, 6 x 16 and 8 x 32. */
facet__tile_kernel facet__tile_plain, facet__tile_avx2, facet__tile_avx512;

#endif
