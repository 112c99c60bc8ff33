/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_avx2.c - f32 products for processors without AVX-512: 6 rows by 16
 * columns in 12 of the 16 ymm registers. A block of 32 columns is eaten as two
 * halves. */
#include <immintrin.h>

#include "nn/engine/bf16.h"
#include "nn/engine/byte.h"
#include "nn/engine/gemm.h"

enum { TILE_ROWS = 6 };

static float residual_at(const facet__epilogue *e, size_t row, size_t column)
{
    const size_t at = row * e->residual_stride + column;

    if (e->residual_type == FACET__U8)
        return ((const uint8_t *)e->residual)[at] * e->residual_scale +
               e->residual_shift;
    return e->residual_type == FACET__BF16
               ? facet__bf16_widen(((const uint16_t *)e->residual)[at])
               : ((const float *)e->residual)[at];
}

static void finish(const facet__gemm_panel *p, size_t row, size_t column,
    const float *sum, size_t count)
{
    const facet__epilogue *e = &p->epilogue;

    for (size_t j = 0; j < count; j++) {
        const float r = e->residual ? residual_at(e, row, column + j) : 0.0f;
        const size_t at = row * p->c_stride + column + j;
        float x = sum[j];

        if (e->residual_first)
            x += r;
        if (e->slope && x < e->zero)
            x = e->zero + e->slope[column + j] * (x - e->zero);
        x = e->lo > x ? e->lo : x;
        x = e->hi < x ? e->hi : x;
        if (!e->residual_first)
            x += r;
        if (p->c_type == FACET__U8)
            ((uint8_t *)p->c)[at] = facet__byte_round(x);
        else if (p->c_type == FACET__BF16)
            ((uint16_t *)p->c)[at] = facet__bf16_round(x);
        else
            ((float *)p->c)[at] = x;
    }
}

/* Rows [first, first + m), the 16 columns from `column`; `width` is the packed
 * width of the block. */
static inline __attribute__((always_inline)) void tile(const int m,
    const facet__gemm_panel *p, size_t first, size_t column, size_t width)
{
    const float *a = (const float *)p->a + first * p->a_stride;
    const float *b = (const float *)p->b + column;
    const size_t left = p->n - column;
    const size_t depth = p->segments > 1 ? p->segments * p->k : p->k;
    __m256 sum[TILE_ROWS][2];

#pragma GCC unroll 6
    for (int i = 0; i < m; i++) {
        sum[i][0] = _mm256_loadu_ps(p->epilogue.bias + column);
        sum[i][1] = _mm256_loadu_ps(p->epilogue.bias + column + 8);
    }
    for (size_t q = 0, at = 0; q < depth; q++, at++, b += width) {
        if (q > 0 && q % p->k == 0)
            at += p->segment_stride - p->k;

        const __m256 b0 = _mm256_load_ps(b), b1 = _mm256_load_ps(b + 8);

#pragma GCC unroll 6
        for (int i = 0; i < m; i++) {
            const __m256 x = _mm256_set1_ps(a[(size_t)i * p->a_stride + at]);

            sum[i][0] = _mm256_fmadd_ps(x, b0, sum[i][0]);
            sum[i][1] = _mm256_fmadd_ps(x, b1, sum[i][1]);
        }
    }
    for (int i = 0; i < m; i++) {
        float row[16];

        _mm256_storeu_ps(row, sum[i][0]);
        _mm256_storeu_ps(row + 8, sum[i][1]);
        finish(p, first + (size_t)i, column, row, left < 16 ? left : 16);
    }
}

void facet__gemm_f32_avx2(const facet__gemm_panel *p)
{
    const size_t width = facet__gemm_block_width(p->n, 0);

    for (size_t column = 0; column < p->n; column += 16) {
        size_t i = 0;

        for (; i + TILE_ROWS <= p->m; i += TILE_ROWS)
            tile(TILE_ROWS, p, i, column, width);
        for (; i < p->m; i++)
            tile(1, p, i, column, width);
    }
}
