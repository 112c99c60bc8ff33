/* SPDX-License-Identifier: Apache-2.0 */
/* depthwise_avx512.h - what the f32 and the bf16 kernel share: 16 channels at a
 * time, one vector a pixel.
 *
 * For the 3x3 filters that face networks are made of, the nine weights of a
 * block of channels stay in registers while a run of outputs, of two rows where
 * there are two, slides along the map: a pixel is loaded once and used by each
 * output that sees it (2 rows of 8: 40 loads for 144 multiply-adds). A row
 * that is no multiple of the run ends with a run that overlaps the one before,
 * which stores the same numbers again. Other sizes go output by output.
 *
 * Each output is summed in the order bias, rows, columns whatever run it
 * belongs to. Included by kernels only, which say with `bf16` what a pixel is
 * made of. */
#ifndef FACET__DEPTHWISE_AVX512_H
#define FACET__DEPTHWISE_AVX512_H

#include <immintrin.h>

#include "nn/engine/depthwise.h"

#define FACET__INLINE static inline __attribute__((always_inline))

/* What is known when the code is compiled: it is passed along as a constant,
 * so that each combination becomes its own loop. */
typedef struct form {
    bool bf16;
    bool full;  /* all 16 channels of the block exist: no masks */
    int stride; /* of 3x3 runs; 0: any filter */
    int rows;   /* output rows: 1, or 2 (stride 1 only) */
} form;

/* What a block of channels needs at every pixel. */
typedef struct block {
    const facet__depthwise_row *r;
    size_t channels, first;
    __m512 bias, slope, lo, hi;
    __mmask16 mask;
    bool has_slope;
} block;

FACET__INLINE __m512 load_pixel(
    const block *b, const void *row, size_t x, form f)
{
    const size_t at = x * b->channels + b->first;

    if (f.bf16) {
        /* number i to the upper half of lane i */
        const __m512i spread =
            _mm512_set_epi16(15, 15, 14, 14, 13, 13, 12, 12, 11, 11, 10, 10, 9,
                9, 8, 8, 7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
        const uint16_t *x16 = (const uint16_t *)row + at;
        const __m256i half =
            f.full ? _mm256_loadu_si256((const __m256i *)(const void *)x16)
                   : _mm256_maskz_loadu_epi16(b->mask, x16);

        return _mm512_castsi512_ps(_mm512_maskz_permutexvar_epi16(
            0xaaaaaaaa, spread, _mm512_castsi256_si512(half)));
    }
    return f.full ? _mm512_loadu_ps((const float *)row + at)
                  : _mm512_maskz_loadu_ps(b->mask, (const float *)row + at);
}

FACET__INLINE block block_of(const facet__depthwise_row *r, size_t first)
{
    const size_t left = r->channels - first;
    const facet__epilogue *e = &r->epilogue;

    return (block){ .r = r,
        .channels = r->channels,
        .first = first,
        .bias = _mm512_loadu_ps(e->bias + first),
        .slope = _mm512_loadu_ps((e->slope ? e->slope : e->bias) + first),
        .lo = _mm512_set1_ps(e->lo),
        .hi = _mm512_set1_ps(e->hi),
        .mask = (__mmask16)(left >= 16 ? 0xffffu : (1u << left) - 1u),
        .has_slope = e->slope != NULL };
}

FACET__INLINE __m256i narrow(__m512 x)
{
#if defined(__AVX512BF16__)
    return (__m256i)_mm512_cvtneps_pbh(x);
#else
    (void)x; /* only the kernel of f32 is built without */
    return _mm256_setzero_si256();
#endif
}

/* Output x of row `row` from its sum. */
FACET__INLINE void finish(const block *b, int row, size_t x, __m512 sum, form f)
{
    const __m512 zero = _mm512_setzero_ps();
    const size_t at =
        ((size_t)row * b->r->out_width + x) * b->channels + b->first;

    if (b->has_slope)
        sum = _mm512_fmadd_ps(
            _mm512_min_ps(sum, zero), b->slope, _mm512_max_ps(zero, sum));
    sum = _mm512_min_ps(b->hi, _mm512_max_ps(b->lo, sum));
    if (f.bf16) {
        uint16_t *y = (uint16_t *)b->r->out + at;

        if (f.full)
            _mm256_storeu_si256((__m256i *)(void *)y, narrow(sum));
        else
            _mm256_mask_storeu_epi16(y, b->mask, narrow(sum));
    } else if (f.full) {
        _mm512_storeu_ps((float *)b->r->out + at, sum);
    } else {
        _mm512_mask_storeu_ps((float *)b->r->out + at, b->mask, sum);
    }
}

/* One output, any filter, borders looked after. */
FACET__INLINE void any_pixel(const block *b, int row, size_t x, form f)
{
    const facet__depthwise_row *r = b->r;
    const size_t tap_stride = (r->channels + 31) & ~(size_t)31;
    const float *w = (const float *)r->weights + b->first;
    __m512 sum = b->bias;

    for (size_t ky = 0; ky < r->kernel_h; ky++)
        for (size_t kx = 0; r->rows[ky + (size_t)row] && kx < r->kernel_w;
             kx++) {
            const size_t at = x * r->stride + kx * r->dilation - r->pad;

            if (at < r->in_width) /* padding wraps to huge numbers */
                sum = _mm512_fmadd_ps(
                    load_pixel(b, r->rows[ky + (size_t)row], at, f),
                    _mm512_loadu_ps(w + (ky * r->kernel_w + kx) * tap_stride),
                    sum);
        }
    finish(b, row, x, sum, f);
}

enum { LONG_RUN = 8, SHORT_RUN = 4 };

/* What one input pixel (column `c` of the run, row `y`) adds to the sums. */
FACET__INLINE void add_pixel(__m512 (*sum)[LONG_RUN], const __m512 *w, __m512 x,
    int c, int y, const int run, form f)
{
#pragma GCC unroll 2
    for (int o = 0; o < f.rows; o++)
#pragma GCC unroll 8
        for (int i = 0; i < run; i++) {
            const int ky = y - o, kx = c - i * f.stride;

            if (ky >= 0 && ky < 3 && kx >= 0 && kx < 3)
                sum[o][i] = _mm512_fmadd_ps(x, w[ky * 3 + kx], sum[o][i]);
        }
}

/* `run` outputs of a 3x3 filter from x on. */
FACET__INLINE void run3(
    const block *b, const __m512 *w, size_t x, const int run, form f)
{
    const size_t left = x * (size_t)f.stride - b->r->pad;
    const int columns = (run - 1) * f.stride + 3;
    const bool first = left < b->r->in_width; /* else it is padding */
    const bool last = left + (size_t)columns - 1 < b->r->in_width;
    __m512 sum[2][LONG_RUN];

#pragma GCC unroll 8
    for (int i = 0; i < run; i++)
        sum[0][i] = sum[1][i] = b->bias;
#pragma GCC unroll 4
    for (int y = 0; y < 2 + f.rows; y++) {
        const void *row = b->r->rows[y];

        if (!row)
            continue;
        if (first)
            add_pixel(sum, w, load_pixel(b, row, left, f), 0, y, run, f);
#pragma GCC unroll 17
        for (int c = 1; c < columns - 1; c++)
            add_pixel(
                sum, w, load_pixel(b, row, left + (size_t)c, f), c, y, run, f);
        if (last)
            add_pixel(sum, w, load_pixel(b, row, left + (size_t)columns - 1, f),
                columns - 1, y, run, f);
    }
    /* what the way to memory needs is loaded there, not kept in registers */
    __asm__ volatile("" : "+r"(b) : : "memory");
#pragma GCC unroll 2
    for (int o = 0; o < f.rows; o++)
#pragma GCC unroll 8
        for (int i = 0; i < run; i++)
            finish(b, o, x + (size_t)i, sum[o][i], f);
}

/* A whole row (or two) of a 3x3 filter, at least SHORT_RUN outputs. */
FACET__INLINE void row3(const block *b, form f)
{
    const size_t width = b->r->out_width;
    const size_t tap_stride = (b->channels + 31) & ~(size_t)31;
    const float *weights = (const float *)b->r->weights + b->first;
    __m512 w[9];
    size_t x = 0;

#pragma GCC unroll 9
    for (size_t i = 0; i < 9; i++)
        w[i] = _mm512_loadu_ps(weights + i * tap_stride);
    for (; x + LONG_RUN <= width; x += LONG_RUN)
        run3(b, w, x, LONG_RUN, f);
    if (width - x > SHORT_RUN && width >= LONG_RUN)
        run3(b, w, width - LONG_RUN, LONG_RUN, f);
    else
        for (; x < width; x += SHORT_RUN)
            run3(b, w, x + SHORT_RUN <= width ? x : width - SHORT_RUN,
                SHORT_RUN, f);
}

FACET__INLINE void block_row(
    const facet__depthwise_row *r, size_t first, form f)
{
    const block b = block_of(r, first);

    if (f.stride > 0)
        row3(&b, f);
    else
        for (int o = 0; o <= (r->two_rows ? 1 : 0); o++)
            for (size_t x = 0; x < r->out_width; x++)
                any_pixel(&b, o, x, f);
}

FACET__INLINE void row_of(
    const facet__depthwise_row *r, bool bf16, const int stride, const int rows)
{
    for (size_t c = 0; c < r->channels; c += 16)
        if (r->channels - c >= 16)
            block_row(r, c, (form){ bf16, true, stride, rows });
        else
            block_row(r, c, (form){ bf16, false, stride, rows });
}

/* May runs be used: at most one column of padding on either side? */
FACET__INLINE bool is_run3(const facet__depthwise_row *r)
{
    return r->kernel_h == 3 && r->kernel_w == 3 && r->dilation == 1 &&
           r->pad <= 1 && r->out_width >= SHORT_RUN &&
           (r->out_width - 1) * r->stride + 2 - r->pad <= r->in_width;
}

FACET__INLINE void depthwise(const facet__depthwise_row *r, bool bf16)
{
    if (is_run3(r) && r->stride == 1 && r->two_rows)
        row_of(r, bf16, 1, 2);
    else if (is_run3(r) && r->stride == 1)
        row_of(r, bf16, 1, 1);
    else if (is_run3(r) && r->stride == 2 && !r->two_rows)
        row_of(r, bf16, 2, 1);
    else
        row_of(r, bf16, 0, 1);
}

#endif
