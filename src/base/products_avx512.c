/* SPDX-License-Identifier: Apache-2.0 */
/* products_avx512.c - 16 sums of 16 floats stay in registers; a step of dim
 * loads two vectors of b and broadcasts eight floats of a. */
#include <immintrin.h>

#include "base/products.h"

enum { ROWS = FACET__PRODUCT_ROWS, COLUMNS = FACET__PRODUCT_COLUMNS };

void facet__products_avx512(const float *restrict a, const float *restrict b,
    size_t dim, float *restrict out)
{
    __m512 low[ROWS], high[ROWS];

    for (int row = 0; row < ROWS; row++)
        low[row] = high[row] = _mm512_setzero_ps();
    for (size_t k = 0; k < dim; k++, a += ROWS, b += COLUMNS) {
        const __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);

        for (int row = 0; row < ROWS; row++) {
            const __m512 x = _mm512_set1_ps(a[row]);

            low[row] = _mm512_fmadd_ps(x, b0, low[row]);
            high[row] = _mm512_fmadd_ps(x, b1, high[row]);
        }
    }
    for (int row = 0; row < ROWS; row++, out += COLUMNS) {
        _mm512_storeu_ps(out, low[row]);
        _mm512_storeu_ps(out + 16, high[row]);
    }
}
