/* SPDX-License-Identifier: Apache-2.0 */
/* gradient_avx512bf16.c - the bf16 twin of gradient_avx512.c: pairs of rows,
 * woven, summed in f32. */
#include "nn/engine/gradient.h"

#include "nn/engine/gemm_tile_avx512.h"

FACET__INLINE __m512bh load_pairs(const uint16_t *b, __mmask16 mask, bool full)
{
    return (__m512bh)(full ? _mm512_loadu_si512(b)
                           : _mm512_maskz_loadu_epi32(mask, b));
}

/* Ask for cache line q of what comes next; it may lie behind a map's end. */
FACET__INLINE void ask(const void *ahead, size_t q)
{
    _mm_prefetch((const void *)((uintptr_t)ahead + q * 64), _MM_HINT_T0);
}

FACET__INLINE void tile(
    const int m, const int vectors, bool full, const facet__gradient_tile *t)
{
    const __mmask16 m0 = columns_mask(t->n, 0), m1 = columns_mask(t->n, 1);
    const uint16_t *a = t->a, *b = t->b;
    const void *ahead = t->ahead ? t->ahead : t->b;
    __m512 sum[TILE_ROWS][2];

#pragma GCC unroll 14
    for (int i = 0; i < m; i++) {
        sum[i][0] = _mm512_setzero_ps();
        sum[i][1] = _mm512_setzero_ps();
    }
    for (size_t q = 0; q < t->k;
         q++, a += 2 * t->a_stride, b += 2 * t->b_stride) {
        const __m512bh b0 = load_pairs(b, m0, full);
        const __m512bh b1 = vectors < 2 ? b0 : load_pairs(b + 32, m1, full);

        ask(ahead, q);
#pragma GCC unroll 14
        for (int i = 0; i < m; i++) {
            int two;
            __m512bh x;

            memcpy(&two, a + 2 * i, sizeof two);
            x = (__m512bh)_mm512_set1_epi32(two);
            sum[i][0] = _mm512_dpbf16_ps(sum[i][0], x, b0);
            if (vectors > 1)
                sum[i][1] = _mm512_dpbf16_ps(sum[i][1], x, b1);
        }
    }
#pragma GCC unroll 14
    for (int i = 0; i < m; i++)
        for (int v = 0; v < vectors; v++) {
            float *c = t->c + (size_t)i * t->c_stride + v * 16;
            const __mmask16 mask = v ? m1 : m0;

            _mm512_mask_storeu_ps(c, mask,
                _mm512_add_ps(_mm512_maskz_loadu_ps(mask, c), sum[i][v]));
        }
}

FACET__INLINE void tile_rows_of(const int m, const facet__gradient_tile *t)
{
    if (t->n == 32)
        tile(m, 2, true, t);
    else if (t->n > 16)
        tile(m, 2, false, t);
    else
        tile(m, 1, false, t);
}

#define TILE_OF(m)                                                             \
    case m:                                                                    \
        tile_rows_of(m, t);                                                    \
        break;

/* NOLINTNEXTLINE(readability-function-size): a switch over the rows */
void facet__gradient_bf16_avx512bf16(const facet__gradient_tile *t)
{
    switch (t->m) {
        TILE_OF(1)
        TILE_OF(2)
        TILE_OF(3)
        TILE_OF(4)
        TILE_OF(5)
        TILE_OF(6)
        TILE_OF(7)
        TILE_OF(8)
        TILE_OF(9)
        TILE_OF(10)
        TILE_OF(11)
        TILE_OF(12)
        TILE_OF(13)
        TILE_OF(14)
    default:
        break;
    }
}
