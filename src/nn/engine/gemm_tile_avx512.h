/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_tile_avx512.h - what the f32, bf16 and int8 kernels share: a tile of up
 * to 14 rows by 32 columns held in 28 zmm registers, and its way to memory.
 *
 * 14 rows divide the usual maps (14x14, 28x28, 56x56) and leave four registers
 * for two vectors of B and temporaries. Per step of k that is 2 loads of B and
 * 14 broadcasts for 28 multiply-adds: the multipliers, not the loads, are the
 * limit. Included by kernels only; each keeps its own copy, and defines
 * FACET__INTEGER_SUMS if its sums are none of floats. */
#ifndef FACET__GEMM_TILE_AVX512_H
#define FACET__GEMM_TILE_AVX512_H

#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "nn/engine/gemm.h"

#ifndef FACET__INTEGER_SUMS
#define FACET__INTEGER_SUMS 0
#endif

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
    return (__mmask16)(n <= first ? 0u : (1u << (n - first)) - 1u);
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
    __m512 scale[2], bias[2], slope[2], pivot[2], zero, lo, hi;
    __m512 residual_scale, residual_shift;
    __mmask16 mask[2];
    char *c;
    const char *residual;
    size_t c_stride, residual_stride; /* bytes */
    act act;
    facet__dtype c_type, residual_type;
    bool residual_first, has_slope;
} tail;

FACET__INLINE act act_of(const facet__gemm_panel *p)
{
    const facet__epilogue *e = &p->epilogue;
    const bool bytes = p->c_type == FACET__U8; /* they saturate by themselves */
    const bool bounds = e->lo > (bytes ? 0.0f : -INFINITY) ||
                        e->hi < (bytes ? 255.0f : INFINITY);

    if (e->residual || (e->slope && bounds))
        return ACT_ANY;
    if (bounds)
        return bytes ? ACT_ANY : ACT_CLIP;
    return e->slope ? ACT_PRELU : ACT_NONE;
}

FACET__INLINE size_t bytes_of(facet__dtype type)
{
    return type == FACET__U8 ? 1 : type == FACET__BF16 ? 2 : 4;
}

FACET__INLINE tail tail_of(const facet__gemm_panel *p, int vectors)
{
    const facet__epilogue *e = &p->epilogue;
    tail t = { .zero = _mm512_set1_ps(e->zero),
        .lo = _mm512_set1_ps(e->lo),
        .hi = _mm512_set1_ps(e->hi),
        .residual_scale = _mm512_set1_ps(e->residual_scale),
        .residual_shift = _mm512_set1_ps(e->residual_shift),
        .c = p->c,
        .residual = e->residual,
        .c_stride = p->c_stride * bytes_of(p->c_type),
        .residual_stride = e->residual_stride * bytes_of(e->residual_type),
        .act = act_of(p),
        .c_type = p->c_type,
        .residual_type = e->residual_type,
        .residual_first = e->residual_first,
        .has_slope = e->slope != NULL };

    for (int v = 0; v < vectors; v++) {
        t.bias[v] = _mm512_loadu_ps(e->bias + v * 16);
        t.scale[v] = e->scale ? _mm512_loadu_ps(e->scale + v * 16) : t.bias[v];
        t.slope[v] = e->slope ? _mm512_loadu_ps(e->slope + v * 16) : t.bias[v];
        t.pivot[v] = _mm512_fnmadd_ps(t.slope[v], t.zero, t.zero);
        t.mask[v] = columns_mask(p->n, v);
    }
    return t;
}

FACET__INLINE __m512 bytes_to_floats(__m128i bytes)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
}

FACET__INLINE __m512 load_residual(const tail *t, size_t row, int vector)
{
    const char *at = t->residual + row * t->residual_stride;

    if (t->residual_type == FACET__U8)
        return _mm512_fmadd_ps(bytes_to_floats(_mm_maskz_loadu_epi8(
                                   t->mask[vector], at + vector * 16)),
            t->residual_scale, t->residual_shift);
    if (t->residual_type == FACET__BF16)
        return widen(
            _mm256_maskz_loadu_epi16(t->mask[vector], at + vector * 32));
    return _mm512_maskz_loadu_ps(t->mask[vector], at + vector * 64);
}

/* What is known of the way to memory when the code is compiled. A tile's way
 * must be short, or it is all that the processor sees ahead while the next
 * tile's products wait. */
typedef struct way {
    act act;
    facet__dtype c_type; /* 0: what the tail says */
    bool whole;          /* all columns exist */
} way;

FACET__INLINE __m128i floats_to_bytes(__m512 x)
{
    const __m512i whole =
        _mm512_max_epi32(_mm512_cvtps_epi32(x), _mm512_setzero_si512());

    return _mm512_cvtusepi32_epi8(whole);
}

FACET__INLINE void store_sums(
    const tail *t, size_t row, int vector, way w, __m512 x)
{
    const facet__dtype type = w.c_type ? w.c_type : t->c_type;
    char *at = t->c + row * t->c_stride;

    if (type == FACET__U8)
        _mm_mask_storeu_epi8(
            at + vector * 16, t->mask[vector], floats_to_bytes(x));
    else if (type == FACET__BF16 && w.whole)
        _mm256_storeu_si256((__m256i *)(void *)(at + vector * 32), narrow(x));
    else if (type == FACET__BF16)
        _mm256_mask_storeu_epi16(at + vector * 32, t->mask[vector], narrow(x));
    else if (w.whole)
        _mm512_storeu_ps(at + vector * 64, x);
    else
        _mm512_mask_storeu_ps(at + vector * 64, t->mask[vector], x);
}

FACET__INLINE __m512 prelu(const tail *t, int vector, __m512 x)
{
    const __mmask16 below = _mm512_cmp_ps_mask(x, t->zero, _CMP_LT_OQ);

    return _mm512_mask_fmadd_ps(x, below, t->slope[vector], t->pivot[vector]);
}

FACET__INLINE __m512 finished_floats(
    const tail *t, size_t row, int vector, way w, __m512 x)
{
    __m512 r = _mm512_setzero_ps();

    if (w.act == ACT_ANY && t->residual)
        r = load_residual(t, row, vector);
    if (w.act == ACT_ANY && t->residual_first)
        x = _mm512_add_ps(x, r);
    if (w.act == ACT_PRELU || (w.act == ACT_ANY && t->has_slope))
        x = prelu(t, vector, x);
    if (w.act == ACT_CLIP || w.act == ACT_ANY)
        x = _mm512_min_ps(t->hi, _mm512_max_ps(t->lo, x));
    if (w.act == ACT_ANY && !t->residual_first)
        x = _mm512_add_ps(x, r);
    return x;
}

/* The sums of one row's vector as they are stored. Those of floats have their
 * bias; integers become floats here, late: the registers are full before. */
FACET__INLINE __m512 finished(
    const tail *t, size_t row, int vector, way w, __m512 x)
{
    if (FACET__INTEGER_SUMS)
        x = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_castps_si512(x)),
            t->scale[vector], t->bias[vector]);
    return finished_floats(t, row, vector, w, x);
}

/* The 32 numbers of a row as 16 bits: numbers 0 to 3, 16 to 19, 4 to 7, ... */
FACET__INLINE __m512i words_of_row(
    const tail *t, size_t row, way w, const __m512 *sum)
{
    return _mm512_packs_epi32(
        _mm512_cvtps_epi32(finished(t, row, 0, w, sum[0])),
        _mm512_cvtps_epi32(finished(t, row, 1, w, sum[1])));
}

/* Two whole rows as bytes: one shuffle puts all their numbers in order. */
FACET__INLINE void finish_byte_rows(
    const tail *t, size_t row, way w, __m512 (*sum)[2])
{
    const __m512i order =
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i bytes = _mm512_permutexvar_epi32(
        order, _mm512_packus_epi16(words_of_row(t, row, w, sum[0]),
                   words_of_row(t, row + 1, w, sum[1])));
    char *at = t->c + row * t->c_stride;

    _mm256_storeu_si256((__m256i *)(void *)at, _mm512_castsi512_si256(bytes));
    _mm256_storeu_si256((__m256i *)(void *)(at + t->c_stride),
        _mm512_extracti64x4_epi64(bytes, 1));
}

FACET__INLINE void finish_rows(const int m, const int vectors, const tail *t,
    size_t first, way w, __m512 (*sum)[2])
{
#pragma GCC unroll 14
    for (int i = 0; i < m; i++)
        if (w.c_type == FACET__U8 && vectors == 2) {
            if (i % 2 == 0)
                finish_byte_rows(t, first + (size_t)i, w, sum + i);
        } else {
            for (int v = 0; v < vectors; v++)
                store_sums(t, first + (size_t)i, v, w,
                    finished(t, first + (size_t)i, v, w, sum[i][v]));
        }
}

/* A tile that lacks rows or columns: one function for all of them, that looks
 * at the tail again and again. */
static __attribute__((noinline)) void finish_left(
    int m, int vectors, const tail *t, size_t first, __m512 (*sum)[2])
{
    const way w = { ACT_ANY, 0, false };

    for (int i = 0; i < m; i++)
        for (int v = 0; v < vectors; v++)
            store_sums(t, first + (size_t)i, v, w,
                finished(t, first + (size_t)i, v, w, sum[i][v]));
}

enum { WAYS = 16 }; /* more than there are types */

#define FACET__GEMM_WAY(a, type)                                               \
    case (a)*WAYS + (int)(type):                                               \
        finish_rows(m, vectors, t, first, (way){ a, type, true }, sum);        \
        break;
#define FACET__GEMM_WAYS(type)                                                 \
    FACET__GEMM_WAY(ACT_NONE, type)                                            \
    FACET__GEMM_WAY(ACT_PRELU, type)                                           \
    FACET__GEMM_WAY(ACT_ANY, type)

/* All rows of a tile. The tail is hidden from the optimiser until here, or it
 * would keep it in the registers that the sums need. */
FACET__INLINE void finish_tile(const int m, const int vectors, const tail *t,
    size_t first, __m512 (*sum)[2])
{
    if (vectors > 1)
        __asm__ volatile("" : "+r"(t) : : "memory");
    if (m < TILE_ROWS || t->mask[vectors - 1] != 0xffff) {
        __m512 left[TILE_ROWS][2];

#pragma GCC unroll 14
        for (int i = 0; i < m; i++)
            for (int v = 0; v < vectors; v++)
                left[i][v] = sum[i][v];
        finish_left(m, vectors, t, first, left);
        return;
    }
    switch ((int)t->act * WAYS + (int)t->c_type) {
        FACET__GEMM_WAYS(FACET__U8)
        FACET__GEMM_WAYS(FACET__BF16)
        FACET__GEMM_WAY(ACT_CLIP, FACET__BF16)
        FACET__GEMM_WAY(ACT_CLIP, FACET__F32)
        FACET__GEMM_WAYS(FACET__F32)
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
