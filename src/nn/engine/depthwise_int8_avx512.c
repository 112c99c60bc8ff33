/* SPDX-License-Identifier: Apache-2.0 */
/* depthwise_int8_avx512.c - 32 channels at a time.
 *
 * vpdpbusd sums four neighbouring bytes, so the bytes of four pixels in a row
 * are interleaved: eight shuffles make four vectors of 8 channels x 4 taps. A
 * 3x3 filter of stride 1 takes two outputs from each such quartet, (w0 w1 w2 0)
 * and (0 w0 w1 w2), and two rows of outputs where there are two. Any other
 * filter goes output by output, four taps of a row at a time. Packing the sums
 * to bytes undoes the order that interleaving left.
 *
 * Vectors of 256 bits: 32 channels suit narrow maps, and a processor that runs
 * 512 bits in two halves loses nothing. */
#include <immintrin.h>
#include <math.h>

#include "nn/engine/bf16.h"
#include "nn/engine/depthwise.h"

#define FACET__INLINE static inline __attribute__((always_inline))

enum { BLOCK = FACET__DEPTHWISE_BLOCK, QUARTERS = 4 };

/* What a block of channels needs at every pixel; quarter k of the channels
 * stands as facet__depthwise_lane says. */
typedef struct block {
    const facet__depthwise_row *r;
    size_t first;
    __m256 scale[QUARTERS], bias[QUARTERS], slope[QUARTERS], pivot[QUARTERS];
    __m256 zero, lo, hi;
    __m256i padding;
    __mmask32 mask;
    bool has_slope, has_bounds;
} block;

/* What is known when the code is compiled, as in depthwise_avx512.h. */
typedef struct form {
    bool plain; /* bytes of all 32 channels, no bounds */
    bool slope; /* of a plain form */
    int rows;   /* of outputs */
} form;

/* Weights of a quartet of taps. */
typedef struct taps {
    __m256i w[QUARTERS];
} taps;

/* The quarter's numbers of a vector of channels. */
FACET__INLINE __m256 quarter_of(const float *x, int quarter)
{
    return _mm256_set_m128(
        _mm_loadu_ps(x + 16 + 4 * quarter), _mm_loadu_ps(x + 4 * quarter));
}

FACET__INLINE block block_of(const facet__depthwise_row *r, size_t first)
{
    const facet__epilogue *e = &r->epilogue;
    const size_t left = r->channels - first;
    const bool bytes = r->out_type == FACET__U8;
    block b = { .r = r,
        .first = first,
        .zero = _mm256_set1_ps(e->zero),
        .lo = _mm256_set1_ps(e->lo),
        .hi = _mm256_set1_ps(e->hi),
        .padding = _mm256_set1_epi8((char)r->padding),
        .mask = left >= BLOCK ? 0xffffffff : (1u << left) - 1u,
        .has_slope = e->slope != NULL,
        .has_bounds = e->lo > (bytes ? 0.0f : -INFINITY) ||
                      e->hi < (bytes ? 255.0f : INFINITY) };

    for (int k = 0; k < QUARTERS; k++) {
        b.scale[k] = quarter_of(e->scale + first, k);
        b.bias[k] = quarter_of(e->bias + first, k);
        b.slope[k] = quarter_of((e->slope ? e->slope : e->bias) + first, k);
        b.pivot[k] = _mm256_fnmadd_ps(b.slope[k], b.zero, b.zero);
    }
    return b;
}

FACET__INLINE taps taps_at(const block *b, size_t four)
{
    const size_t fours = (b->r->kernel_w + 3) / 4 * b->r->kernel_h;
    const int8_t *at = (const int8_t *)b->r->weights +
                       (b->first / BLOCK * fours + four) * BLOCK * 4;
    taps t;

    for (int k = 0; k < QUARTERS; k++)
        t.w[k] = _mm256_loadu_si256((const __m256i *)(const void *)at + k);
    return t;
}

/* The same weights one pixel further right. */
FACET__INLINE taps shifted(taps t)
{
    for (int k = 0; k < QUARTERS; k++)
        t.w[k] = _mm256_slli_epi32(t.w[k], 8);
    return t;
}

FACET__INLINE __m256i load_pixel(
    const block *b, const uint8_t *row, size_t x, const bool inside, form f)
{
    const uint8_t *at;

    if (!inside && (!row || x >= b->r->in_width))
        return b->padding;
    at = row + x * b->r->channels + b->first;
    if (f.plain)
        return _mm256_loadu_si256((const __m256i *)(const void *)at);
    return _mm256_maskz_loadu_epi8(b->mask, at);
}

FACET__INLINE void interleave(const __m256i p[4], __m256i q[QUARTERS])
{
    const __m256i a = _mm256_unpacklo_epi8(p[0], p[1]);
    const __m256i b = _mm256_unpackhi_epi8(p[0], p[1]);
    const __m256i c = _mm256_unpacklo_epi8(p[2], p[3]);
    const __m256i d = _mm256_unpackhi_epi8(p[2], p[3]);

    q[0] = _mm256_unpacklo_epi16(a, c);
    q[1] = _mm256_unpackhi_epi16(a, c);
    q[2] = _mm256_unpacklo_epi16(b, d);
    q[3] = _mm256_unpackhi_epi16(b, d);
}

FACET__INLINE __m256 finished(const block *b, int k, __m256i sum, form f)
{
    __m256 x =
        _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), b->scale[k], b->bias[k]);

    if (f.plain ? f.slope : b->has_slope)
        x = _mm256_mask_fmadd_ps(x, _mm256_cmp_ps_mask(x, b->zero, _CMP_LT_OQ),
            b->slope[k], b->pivot[k]);
    if (!f.plain && b->has_bounds)
        x = _mm256_min_ps(b->hi, _mm256_max_ps(b->lo, x));
    return x;
}

FACET__INLINE __m512 joined(__m256 lo, __m256 hi)
{
    return _mm512_castpd_ps(_mm512_insertf64x4(
        _mm512_castpd256_pd512(_mm256_castps_pd(lo)), _mm256_castps_pd(hi), 1));
}

/* As facet__bf16_round: sums of bytes are never NaN. */
FACET__INLINE __m256i rounded_to_bf16(__m512 x)
{
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd =
        _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i sum = _mm512_add_epi32(
        bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));

    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(sum, 16));
}

FACET__INLINE void store_half(
    const block *b, size_t at, __mmask16 mask, __m512 x)
{
    if (b->r->out_type == FACET__BF16)
        _mm256_mask_storeu_epi16(
            (uint16_t *)b->r->out + at, mask, rounded_to_bf16(x));
    else
        _mm512_mask_storeu_ps((float *)b->r->out + at, mask, x);
}

/* One output pixel that is not made of bytes: a quarter has four channels of
 * the first half of the block and four of the second. */
static void store_numbers(const block *b, size_t at, const __m256 *numbers)
{
    const __m512 x = joined(numbers[0], numbers[1]);
    const __m512 y = joined(numbers[2], numbers[3]);

    store_half(b, at, (__mmask16)b->mask, _mm512_shuffle_f32x4(x, y, 0x88));
    store_half(b, at + 16, (__mmask16)(b->mask >> 16),
        _mm512_shuffle_f32x4(x, y, 0xdd));
}

/* Output x of row `row` from its sums. */
FACET__INLINE void finish(
    const block *b, size_t row, size_t x, const __m256i *sum, form f)
{
    const size_t at = (row * b->r->out_width + x) * b->r->channels + b->first;
    uint8_t *to = (uint8_t *)b->r->out + at;
    __m256i whole[QUARTERS], bytes;
    __m256 x4[QUARTERS];

    for (int k = 0; k < QUARTERS; k++)
        x4[k] = finished(b, k, sum[k], f);
    if (!f.plain && b->r->out_type != FACET__U8) {
        store_numbers(b, at, x4);
        return;
    }
    for (int k = 0; k < QUARTERS; k++)
        whole[k] = _mm256_cvtps_epi32(x4[k]);
    bytes = _mm256_packus_epi16(_mm256_packs_epi32(whole[0], whole[1]),
        _mm256_packs_epi32(whole[2], whole[3]));
    if (f.plain)
        _mm256_storeu_si256((__m256i *)(void *)to, bytes);
    else
        _mm256_mask_storeu_epi8(to, b->mask, bytes);
}

/* One output. Any filter; `size` is what is known of its size, or 0. */
FACET__INLINE void any_pixel(
    const block *b, size_t row, size_t x, const size_t size, form f)
{
    const facet__depthwise_row *r = b->r;
    const size_t height = size ? size : r->kernel_h;
    const size_t width = size ? size : r->kernel_w;
    const size_t fours = (width + 3) / 4;
    __m256i sum[QUARTERS], p[4], q[QUARTERS];

    for (int k = 0; k < QUARTERS; k++)
        sum[k] = _mm256_setzero_si256();
    for (size_t ky = 0; ky < height; ky++)
        for (size_t four = 0; four < fours; four++) {
            const taps t = taps_at(b, ky * fours + four);

            for (size_t i = 0; i < 4; i++)
                p[i] = load_pixel(b, r->rows[row + ky],
                    x * r->stride + (4 * four + i) * r->dilation - r->pad,
                    false, f);
            interleave(p, q);
            for (int k = 0; k < QUARTERS; k++)
                sum[k] = _mm256_dpbusd_epi32(sum[k], q[k], t.w[k]);
        }
    finish(b, row, x, sum, f);
}

/* Outputs x and x + 1 of a 3x3 filter of stride 1, in one row or in two. w[i]
 * are the filter's rows, w[3 + i] the same shifted. */
FACET__INLINE void pair3(
    const block *b, const taps *w, size_t x, const bool inside, form f)
{
    const size_t left = x - b->r->pad;
    __m256i sum[2][2][QUARTERS], p[4], q[QUARTERS];

    for (int i = 0; i < 4 * QUARTERS; i++)
        sum[i / 8][i / 4 % 2][i % 4] = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (int y = 0; y < 2 + f.rows; y++) {
        const uint8_t *row = b->r->rows[y];

#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++)
            p[i] = load_pixel(b, row, left + i, inside, f);
        interleave(p, q);
#pragma GCC unroll 2
        for (int o = 0; o < f.rows; o++)
            if (y - o >= 0 && y - o < 3)
#pragma GCC unroll 4
                for (int k = 0; k < QUARTERS; k++) {
                    sum[o][0][k] =
                        _mm256_dpbusd_epi32(sum[o][0][k], q[k], w[y - o].w[k]);
                    sum[o][1][k] = _mm256_dpbusd_epi32(
                        sum[o][1][k], q[k], w[3 + y - o].w[k]);
                }
    }
    /* what the way to memory needs is loaded there, not kept in registers */
    __asm__ volatile("" : "+r"(b) : : "memory");
#pragma GCC unroll 2
    for (int o = 0; o < f.rows; o++) {
        finish(b, (size_t)o, x, sum[o][0], f);
        finish(b, (size_t)o, x + 1, sum[o][1], f);
    }
}

/* A whole row (or two) of a 3x3 filter of stride 1, at least two outputs; an
 * odd one is made together with the one before it once more. */
FACET__INLINE void row3(const block *b, form f)
{
    const facet__depthwise_row *r = b->r;
    bool all = true; /* rows are there */
    taps w[6];

    for (size_t i = 0; i < 3; i++) {
        w[i] = taps_at(b, i);
        w[3 + i] = shifted(w[i]);
    }
    for (int y = 0; y < 2 + f.rows; y++)
        all = all && r->rows[y];
    for (size_t x = 0; x < r->out_width; x += 2) {
        const size_t at = x + 2 <= r->out_width ? x : r->out_width - 2;

        if (all && at >= r->pad && at - r->pad + 4 <= r->in_width)
            pair3(b, w, at, true, f);
        else
            pair3(b, w, at, false, f);
    }
}

FACET__INLINE void block_row(const block *b, form f)
{
    const facet__depthwise_row *r = b->r;
    const bool three = r->kernel_h == 3 && r->kernel_w == 3 && r->dilation == 1;

    f.rows = r->two_rows ? 2 : 1;
    if (three && r->stride == 1 && r->out_width > 1 && r->two_rows)
        row3(b, (form){ f.plain, f.slope, 2 });
    else if (three && r->stride == 1 && r->out_width > 1)
        row3(b, (form){ f.plain, f.slope, 1 });
    else
        for (size_t row = 0; row <= (r->two_rows ? 1 : 0); row++)
            for (size_t x = 0; x < r->out_width; x++)
                if (three)
                    any_pixel(b, row, x, 3, f);
                else
                    any_pixel(b, row, x, 0, f);
}

void facet__depthwise_int8_avx512(const facet__depthwise_row *r)
{
    for (size_t c = 0; c < r->channels; c += BLOCK) {
        const block b = block_of(r, c);
        const bool plain =
            b.mask == 0xffffffff && !b.has_bounds && r->out_type == FACET__U8;

        if (plain && b.has_slope)
            block_row(&b, (form){ .plain = true, .slope = true });
        else if (plain)
            block_row(&b, (form){ .plain = true });
        else
            block_row(&b, (form){ .plain = false });
    }
}
