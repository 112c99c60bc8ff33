/* SPDX-License-Identifier: Apache-2.0 */
/* A tile of 6 x 16 sums in twelve of the sixteen ymm registers. */
#include "train/matmul.h"

#include <immintrin.h>

void facet__tile_avx2(size_t k, const float *a, const float *b, float *tile)
{
    __m256 sum[6][2];

    for (int i = 0; i < 6; i++)
        sum[i][0] = sum[i][1] = _mm256_setzero_ps();
    for (size_t p = 0; p < k; p++, a += 6, b += 16) {
        const __m256 low = _mm256_loadu_ps(b), high = _mm256_loadu_ps(b + 8);

#pragma GCC unroll 6
        for (int i = 0; i < 6; i++) {
            const __m256 x = _mm256_broadcast_ss(a + i);

            sum[i][0] = _mm256_fmadd_ps(x, low, sum[i][0]);
            sum[i][1] = _mm256_fmadd_ps(x, high, sum[i][1]);
        }
    }
    for (int i = 0; i < 6; i++) {
        _mm256_storeu_ps(tile + 16 * i, sum[i][0]);
        _mm256_storeu_ps(tile + 16 * i + 8, sum[i][1]);
    }
}
