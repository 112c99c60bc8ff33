/* SPDX-License-Identifier: Apache-2.0 */
/* A tile of 8 x 32 sums in sixteen of the thirty-two zmm registers. */
#include "train/matmul.h"

#include <immintrin.h>

void facet__tile_avx512(size_t k, const float *a, const float *b, float *tile)
{
    __m512 sum[8][2];

    for (int i = 0; i < 8; i++)
        sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (size_t p = 0; p < k; p++, a += 8, b += 32) {
        const __m512 low = _mm512_loadu_ps(b), high = _mm512_loadu_ps(b + 16);

#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            const __m512 x = _mm512_set1_ps(a[i]);

            sum[i][0] = _mm512_fmadd_ps(x, low, sum[i][0]);
            sum[i][1] = _mm512_fmadd_ps(x, high, sum[i][1]);
        }
    }
    for (int i = 0; i < 8; i++) {
        _mm512_storeu_ps(tile + 32 * i, sum[i][0]);
        _mm512_storeu_ps(tile + 32 * i + 16, sum[i][1]);
    }
}
