/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_tile_avx512.h - what the f32 and the bf16 kernel share: a tile of up to
 * 14 rows by 32 columns held in 28 zmm registers, and its way to memory.
 *
 * 14 rows divide the usual maps (14x14, 28x28, 56x56) and leave four registers
 * for two vectors of B and temporaries. Per step of k that is 2 loads of B and
 * 14 broadcasts for 28 multiply-adds: the multipliers, not the loads, are the
 * limit. Included by kernels only; each keeps its own copy. */
#ifndef FACET__GEMM_TILE_AVX512_H
#define FACET__GEMM_TILE_AVX512_H

#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "nn/engine/gemm.h"

#define FACET__INLINE static inline __attribute__((always_inline))

enum { TILE_ROWS = 14 };

/* Rows 0, 3, 6, ... of A: the rows between are at +stride and +2 stride, which
 * x86 addresses scale by themselves. */
typedef struct tile_rows {
    const char *row[5];
    size_t stride; /* bytes */
} tile_rows;

FACET__INLINE tile_rows rows_of(const void *a, size_t stride_bytes, int m)
{
    tile_rows r = { .stride = stride_bytes };

    for (int g = 0; g < 5; g++)
        r.row[g] = (const char *)a + (size_t)(3 * g < m ? 3 * g : 0) * r.stride;
    return r;
}

FACET__INLINE size_t segments_of(const facet__gemm_panel *p)
{
    return p->segments > 1 ? p->segments : 1;
}

FACET__INLINE void next_segment(tile_rows *r, size_t bytes)
{
    for (int g = 0; g < 5; g++)
        r->row[g] += bytes;
}

FACET__INLINE const void *row_at(const tile_rows *r, int i, size_t offset)
{
    return r->row[i / 3] + (size_t)(i % 3) * r->stride + offset;
}

FACET__INLINE __mmask16 columns_mask(size_t n, int vector)
{
    const size_t first = (size_t)vector * 16;

    if (n >= first + 16)
        return 0xffff;
    return n <= first ? 0 : (__mmask16)((1u << (n - first)) - 1u);
}

FACET__INLINE __m512 widen(__m256i half)
{
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

/* bf16 by the rule of facet__bf16_round for numbers (a NaN may become another
 * NaN). AVX-512 F only. */
FACET__INLINE __m256i narrow(__m512 x)
{
#if defined(__AVX512BF16__)
    return (__m256i)_mm512_cvtneps_pbh(x);
#else
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd =
        _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i bias = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));

    return _mm512_cvtepi32_epi16(
        _mm512_srli_epi32(_mm512_add_epi32(bits, bias), 16));
#endif
}

/* What happens to sums without a residual. */
typedef enum act {
    ACT_NONE,
    ACT_CLIP,  /* bounds */
    ACT_PRELU, /* slopes, no bounds */
    ACT_ANY,   /* whatever the tail says */
} act;

/* The panel's epilogue in registers: what stores may not make the compiler
 * read again. */
typedef struct tail {
    __m512 bias[2], slope[2], lo, hi;
    __mmask16 mask[2];
    char *c;
    const char *residual;
    size_t c_stride, residual_stride; /* bytes */
    act act;
    bool c_bf16, residual_bf16, residual_first, has_slope;
} tail;

FACET__INLINE act act_of(const facet__epilogue *e)
{
    const bool bounds = e->lo > -INFINITY || e->hi < INFINITY;

    if (e->residual || (e->slope && bounds))
        return ACT_ANY;
    return e->slope ? ACT_PRELU : bounds ? ACT_CLIP : ACT_NONE;
}

FACET__INLINE tail tail_of(const facet__gemm_panel *p, int vectors)
{
    const facet__epilogue *e = &p->epilogue;
    tail t = { .lo = _mm512_set1_ps(e->lo),
        .hi = _mm512_set1_ps(e->hi),
        .c = p->c,
        .residual = e->residual,
        .c_stride = p->c_stride * (p->c_bf16 ? 2 : 4),
        .residual_stride = e->residual_stride * (e->residual_bf16 ? 2 : 4),
        .act = act_of(e),
        .c_bf16 = p->c_bf16,
        .residual_bf16 = e->residual_bf16,
        .residual_first = e->residual_first,
        .has_slope = e->slope != NULL };

    for (int v = 0; v < vectors; v++) {
        t.bias[v] = _mm512_loadu_ps(e->bias + v * 16);
        t.slope[v] = e->slope ? _mm512_loadu_ps(e->slope + v * 16) : t.bias[v];
        t.mask[v] = columns_mask(p->n, v);
    }
    return t;
}

FACET__INLINE __m512 load_residual(const tail *t, size_t row, int vector)
{
    const char *at = t->residual + row * t->residual_stride;

    if (t->residual_bf16)
        return widen(
            _mm256_maskz_loadu_epi16(t->mask[vector], at + vector * 32));
    return _mm512_maskz_loadu_ps(t->mask[vector], at + vector * 64);
}

/* What is known of the way to memory when the code is compiled. A tile's way
 * must be short, or it is all that the processor sees ahead while the next
 * tile's products wait. */
typedef struct way {
    act act;
    bool c_bf16;
    bool whole; /* all columns exist */
} way;

FACET__INLINE void store_sums(
    const tail *t, size_t row, int vector, way w, __m512 x)
{
    char *at = t->c + row * t->c_stride;

    if (w.c_bf16 && w.whole)
        _mm256_storeu_si256((__m256i *)(void *)(at + vector * 32), narrow(x));
    else if (w.c_bf16)
        _mm256_mask_storeu_epi16(at + vector * 32, t->mask[vector], narrow(x));
    else if (w.whole)
        _mm512_storeu_ps(at + vector * 64, x);
    else
        _mm512_mask_storeu_ps(at + vector * 64, t->mask[vector], x);
}

FACET__INLINE __m512 prelu(__m512 x, __m512 slope)
{
    const __m512 zero = _mm512_setzero_ps();

    return _mm512_fmadd_ps(
        _mm512_min_ps(x, zero), slope, _mm512_max_ps(x, zero));
}

/* The sums (bias included) of one row's vector to memory. */
FACET__INLINE void finish(
    const tail *t, size_t row, int vector, way w, __m512 x)
{
    __m512 r = _mm512_setzero_ps();

    if (w.act == ACT_ANY && t->residual)
        r = load_residual(t, row, vector);
    if (w.act == ACT_ANY && t->residual_first)
        x = _mm512_add_ps(x, r);
    if (w.act == ACT_PRELU || (w.act == ACT_ANY && t->has_slope))
        x = prelu(x, t->slope[vector]);
    if (w.act == ACT_CLIP || w.act == ACT_ANY)
        x = _mm512_min_ps(_mm512_max_ps(x, t->lo), t->hi);
    if (w.act == ACT_ANY && !t->residual_first)
        x = _mm512_add_ps(x, r);
    store_sums(t, row, vector, w, x);
}

FACET__INLINE void finish_rows(const int m, const int vectors, const tail *t,
    size_t first, way w, __m512 (*sum)[2])
{
#pragma GCC unroll 14
    for (int i = 0; i < m; i++)
        for (int v = 0; v < vectors; v++)
            finish(t, first + (size_t)i, v, w, sum[i][v]);
}

#define FACET__GEMM_WAY(a, bf16)                                               \
    case (a)*2 + (bf16):                                                       \
        finish_rows(m, vectors, t, first, (way){ a, bf16, true }, sum);        \
        break;

/* All rows of a tile. The tail is hidden from the optimiser until here, or it
 * would keep it in the registers that the sums need. */
FACET__INLINE void finish_tile(const int m, const int vectors, const tail *t,
    size_t first, __m512 (*sum)[2])
{
    if (vectors > 1)
        __asm__ volatile("" : "+r"(t) : : "memory");
    if (m < TILE_ROWS || t->mask[vectors - 1] != 0xffff) {
        if (t->c_bf16)
            finish_rows(
                m, vectors, t, first, (way){ ACT_ANY, true, false }, sum);
        else
            finish_rows(
                m, vectors, t, first, (way){ ACT_ANY, false, false }, sum);
        return;
    }
    switch ((int)t->act * 2 + t->c_bf16) {
        FACET__GEMM_WAY(ACT_NONE, 0)
        FACET__GEMM_WAY(ACT_NONE, 1)
        FACET__GEMM_WAY(ACT_CLIP, 0)
        FACET__GEMM_WAY(ACT_CLIP, 1)
        FACET__GEMM_WAY(ACT_PRELU, 0)
        FACET__GEMM_WAY(ACT_PRELU, 1)
        FACET__GEMM_WAY(ACT_ANY, 0)
        FACET__GEMM_WAY(ACT_ANY, 1)
    default:
        break;
    }
}

/* Run TILE(rows, vectors, panel, first row) over the panel: whole tiles, then
 * one of the rows that are left. TILE is inlined with constant sizes. */
#define FACET__GEMM_LEFTOVER(TILE, m, vectors)                                 \
    case m:                                                                    \
        TILE(m, vectors, p, &t, i);                                            \
        break;
#define FACET__GEMM_TILES(TILE, vectors)                                       \
    do {                                                                       \
        const tail t = tail_of(p, vectors);                                    \
        size_t i = 0;                                                          \
                                                                               \
        for (; i + TILE_ROWS <= p->m; i += TILE_ROWS)                          \
            TILE(TILE_ROWS, vectors, p, &t, i);                                \
        switch (p->m - i) {                                                    \
            FACET__GEMM_LEFTOVER(TILE, 1, vectors)                             \
            FACET__GEMM_LEFTOVER(TILE, 2, vectors)                             \
            FACET__GEMM_LEFTOVER(TILE, 3, vectors)                             \
            FACET__GEMM_LEFTOVER(TILE, 4, vectors)                             \
            FACET__GEMM_LEFTOVER(TILE, 5, vectors)                             \
            FACET__GEMM_LEFTOVER(TILE, 6, vectors)                             \
            FACET__GEMM_LEFTOVER(TILE, 7, vectors)                             \
            FACET__GEMM_LEFTOVER(TILE, 8, vectors)                             \
            FACET__GEMM_LEFTOVER(TILE, 9, vectors)                             \
            FACET__GEMM_LEFTOVER(TILE, 10, vectors)                            \
            FACET__GEMM_LEFTOVER(TILE, 11, vectors)                            \
            FACET__GEMM_LEFTOVER(TILE, 12, vectors)                            \
            FACET__GEMM_LEFTOVER(TILE, 13, vectors)                            \
        default:                                                               \
            break;                                                             \
        }                                                                      \
    } while (0)

#endif
