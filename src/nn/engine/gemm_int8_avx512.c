/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_int8_avx512.c - bytes times signed bytes summed in 32 bits, 14 x 32 at a
 * time: each vpdpbusd takes four neighbours of k. The sums become floats only
 * when they are complete. */
#define FACET__INTEGER_SUMS 1
#include "nn/engine/gemm_tile_avx512.h"

FACET__INLINE void tile(const int m, const int vectors,
    const facet__gemm_panel *p, const tail *t, size_t first)
{
    tile_rows a =
        rows_of((const uint8_t *)p->a + first * p->a_stride, p->a_stride, m);
    const int8_t *b = p->b;
    __m512i sum[TILE_ROWS][2];
    __m512 made[TILE_ROWS][2];

#pragma GCC unroll 14
    for (int i = 0; i < m; i++)
        for (int v = 0; v < vectors; v++)
            sum[i][v] = _mm512_setzero_si512();
    for (size_t segment = 0; segment < segments_of(p); segment++) {
        for (size_t q = 0; q < p->k; q += 4, b += vectors * 64) {
            const __m512i b0 = _mm512_load_si512(b);
            const __m512i b1 = vectors > 1 ? _mm512_load_si512(b + 64) : b0;

#pragma GCC unroll 14
            for (int i = 0; i < m; i++) {
                int four;
                __m512i bytes;

                memcpy(&four, row_at(&a, i, q), sizeof four);
                bytes = _mm512_set1_epi32(four);
                sum[i][0] = _mm512_dpbusd_epi32(sum[i][0], bytes, b0);
                if (vectors > 1)
                    sum[i][1] = _mm512_dpbusd_epi32(sum[i][1], bytes, b1);
            }
        }
        next_segment(&a, p->segment_stride);
    }
#pragma GCC unroll 14
    for (int i = 0; i < m; i++)
        for (int v = 0; v < vectors; v++)
            made[i][v] = _mm512_castsi512_ps(sum[i][v]);
    finish_tile(m, vectors, t, first, made);
}

/* NOLINTNEXTLINE(readability-function-size): a switch over 13 leftovers */
void facet__gemm_int8_avx512(const facet__gemm_panel *p)
{
    if (p->n > 16)
        FACET__GEMM_TILES(tile, 2);
    else
        FACET__GEMM_TILES(tile, 1);
}
