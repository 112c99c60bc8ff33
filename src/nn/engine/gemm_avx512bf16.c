/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_avx512bf16.c - bf16 products summed in f32, 14 x 32 at a time: each
 * vdpbf16ps takes two neighbours of k. */
#include "nn/engine/gemm_tile_avx512.h"

FACET__INLINE __m512bh pairs(__m512i bits)
{
    return (__m512bh)bits;
}

FACET__INLINE void tile(const int m, const int vectors,
    const facet__gemm_panel *p, const tail *t, size_t first)
{
    tile_rows a = rows_of(
        (const uint16_t *)p->a + first * p->a_stride, p->a_stride * 2, m);
    const uint16_t *b = p->b;
    __m512 sum[TILE_ROWS][2];

#pragma GCC unroll 14
    for (int i = 0; i < m; i++)
        for (int v = 0; v < vectors; v++)
            sum[i][v] = t->bias[v];
    for (size_t segment = 0; segment < segments_of(p); segment++) {
        for (size_t q = 0; q < p->k; q += 2, b += vectors * 32) {
            const __m512bh b0 = pairs(_mm512_load_si512(b));
            const __m512bh b1 =
                vectors > 1 ? pairs(_mm512_load_si512(b + 32)) : b0;

#pragma GCC unroll 14
            for (int i = 0; i < m; i++) {
                int two;
                __m512bh x;

                memcpy(&two, row_at(&a, i, q * 2), sizeof two);
                x = pairs(_mm512_set1_epi32(two));
                sum[i][0] = _mm512_dpbf16_ps(sum[i][0], x, b0);
                if (vectors > 1)
                    sum[i][1] = _mm512_dpbf16_ps(sum[i][1], x, b1);
            }
        }
        next_segment(&a, p->segment_stride * 2);
    }
    finish_tile(m, vectors, t, first, sum);
}

/* NOLINTNEXTLINE(readability-function-size): a switch over 13 leftovers */
void facet__gemm_bf16_avx512bf16(const facet__gemm_panel *p)
{
    if (p->n > 16)
        FACET__GEMM_TILES(tile, 2);
    else
        FACET__GEMM_TILES(tile, 1);
}
