/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_avx512.c - f32 products, 14 x 32 at a time. */
#include "nn/engine/gemm_tile_avx512.h"

FACET__INLINE void tile(const int m, const int vectors,
    const facet__gemm_panel *p, const tail *t, size_t first)
{
    tile_rows a =
        rows_of((const float *)p->a + first * p->a_stride, p->a_stride * 4, m);
    const float *b = p->b;
    __m512 sum[TILE_ROWS][2];

#pragma GCC unroll 14
    for (int i = 0; i < m; i++)
        for (int v = 0; v < vectors; v++)
            sum[i][v] = t->bias[v];
    for (size_t segment = 0; segment < segments_of(p); segment++) {
        for (size_t q = 0; q < p->k; q++, b += vectors * 16) {
            const __m512 b0 = _mm512_load_ps(b);
            const __m512 b1 = vectors > 1 ? _mm512_load_ps(b + 16) : b0;

#pragma GCC unroll 14
            for (int i = 0; i < m; i++) {
                const float *at = row_at(&a, i, q * 4);
                const __m512 x = _mm512_set1_ps(*at);

                sum[i][0] = _mm512_fmadd_ps(x, b0, sum[i][0]);
                if (vectors > 1)
                    sum[i][1] = _mm512_fmadd_ps(x, b1, sum[i][1]);
            }
        }
        next_segment(&a, p->segment_stride * 4);
    }
    finish_tile(m, vectors, t, first, sum);
}

/* NOLINTNEXTLINE(readability-function-size): a switch over 13 leftovers */
void facet__gemm_f32_avx512(const facet__gemm_panel *p)
{
    if (p->n > 16)
        FACET__GEMM_TILES(tile, 2);
    else
        FACET__GEMM_TILES(tile, 1);
}
