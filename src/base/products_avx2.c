/* SPDX-License-Identifier: Apache-2.0 */
/* products_avx2.c - sixteen registers hold eight sums of 8 floats at a time:
 * the block is done in four strips of eight columns. */
#include <immintrin.h>

#include "base/products.h"

enum { ROWS = FACET__PRODUCT_ROWS, COLUMNS = FACET__PRODUCT_COLUMNS };

static void strip(const float *restrict a, const float *restrict b, size_t dim,
    float *restrict out)
{
    __m256 sum[ROWS];

    for (int row = 0; row < ROWS; row++)
        sum[row] = _mm256_setzero_ps();
    for (size_t k = 0; k < dim; k++, a += ROWS, b += COLUMNS) {
        const __m256 column = _mm256_loadu_ps(b);

        for (int row = 0; row < ROWS; row++)
            sum[row] =
                _mm256_fmadd_ps(_mm256_set1_ps(a[row]), column, sum[row]);
    }
    for (int row = 0; row < ROWS; row++)
        _mm256_storeu_ps(out + row * COLUMNS, sum[row]);
}

void facet__products_avx2(const float *restrict a, const float *restrict b,
    size_t dim, float *restrict out)
{
    for (int column = 0; column < COLUMNS; column += 8)
        strip(a, b + column, dim, out + column);
}
