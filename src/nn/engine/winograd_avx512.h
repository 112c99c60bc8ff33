/* SPDX-License-Identifier: Apache-2.0 */
/* winograd_avx512.h - the transforms, 16 channels in a vector. Included by
 * winograd_avx512.c and winograd_avx512bf16.c, which differ in how a float is
 * rounded to bf16; the name of the table is FACET__WINOGRAD. */
#include "nn/engine/gemm_tile_avx512.h"
#include "nn/engine/winograd.h"

/* `mask` of 16 numbers from number `at` on, as floats. */
FACET__INLINE __m512 load_16(
    const void *x, size_t at, bool bf16, __mmask16 mask)
{
    if (bf16)
        return widen(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)x + at));
    return _mm512_maskz_loadu_ps(mask, (const float *)x + at);
}

FACET__INLINE void store_16(
    void *x, size_t at, bool bf16, __mmask16 mask, __m512 value)
{
    if (bf16)
        _mm256_mask_storeu_epi16((uint16_t *)x + at, mask, narrow(value));
    else
        _mm512_mask_storeu_ps((float *)x + at, mask, value);
}

FACET__INLINE __mmask16 first_of(size_t left)
{
    return (__mmask16)(left >= 16 ? 0xffffu : (1u << left) - 1u);
}

/* B' of four vectors, `step` apart. */
FACET__INLINE void turn_in(__m512 *d, int step)
{
    const __m512 a = d[0], b = d[step], c = d[2 * step], e = d[3 * step];

    d[0] = _mm512_sub_ps(a, c);
    d[step] = _mm512_add_ps(b, c);
    d[2 * step] = _mm512_sub_ps(c, b);
    d[3 * step] = _mm512_sub_ps(b, e);
}

FACET__INLINE void channels_in(const facet__winograd_in *t, bool from, bool to)
{
    for (size_t c = 0; c < t->channels; c += 16) {
        const __mmask16 mask = first_of(t->channels - c);
        __m512 d[FACET__WINOGRAD_PLACES];

#pragma GCC unroll 16
        for (int i = 0; i < FACET__WINOGRAD_PLACES; i++)
            d[i] = load_16(t->pixel[i], c, from, mask);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            turn_in(d + i, 4);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            turn_in(d + 4 * i, 1);
#pragma GCC unroll 16
        for (int i = 0; i < FACET__WINOGRAD_PLACES; i++)
            store_16(t->to, (size_t)i * t->to_stride + c, to, mask, d[i]);
    }
}

static void transform_in(const facet__winograd_in *t)
{
    if (t->from_bf16 && t->to_bf16)
        channels_in(t, true, true);
    else if (t->from_bf16)
        channels_in(t, true, false);
    else if (t->to_bf16)
        channels_in(t, false, true);
    else
        channels_in(t, false, false);
}

FACET__INLINE void finish_out(
    const facet__winograd_out *t, int i, size_t c, __mmask16 mask, __m512 x)
{
    const facet__epilogue *e = &t->epilogue;
    const __m512 zero = _mm512_setzero_ps();
    const __m512 r = t->residual[i] ? load_16(t->residual[i], c,
                                          e->residual_type == FACET__BF16, mask)
                                    : zero;

    x = _mm512_add_ps(x, _mm512_loadu_ps(e->bias + c));
    if (e->residual_first)
        x = _mm512_add_ps(x, r);
    if (e->slope)
        x = _mm512_fmadd_ps(_mm512_min_ps(x, zero),
            _mm512_loadu_ps(e->slope + c), _mm512_max_ps(zero, x));
    x = _mm512_max_ps(_mm512_set1_ps(e->lo), x);
    x = _mm512_min_ps(_mm512_set1_ps(e->hi), x);
    if (!e->residual_first)
        x = _mm512_add_ps(x, r);
    store_16(t->pixel[i], c, t->to_bf16, mask, x);
}

static void transform_out(const facet__winograd_out *t)
{
    for (size_t c = 0; c < t->n; c += 16) {
        const __mmask16 mask = first_of(t->n - c);
        __m512 half[2][4]; /* A' m */

#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const float *at = t->from + (size_t)i * t->from_stride + c;
            const size_t down = 4 * t->from_stride;
            const __m512 b = _mm512_loadu_ps(at + down);
            const __m512 d = _mm512_loadu_ps(at + 2 * down);

            half[0][i] =
                _mm512_add_ps(_mm512_add_ps(_mm512_loadu_ps(at), b), d);
            half[1][i] = _mm512_sub_ps(
                _mm512_sub_ps(b, d), _mm512_loadu_ps(at + 3 * down));
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const __m512 *h = half[i / 2];
            const __m512 first = i % 2 == 0 ? _mm512_add_ps(h[0], h[1]) : h[1];

            if (t->pixel[i])
                finish_out(t, i, c, mask,
                    i % 2 == 0
                        ? _mm512_add_ps(first, h[2])
                        : _mm512_sub_ps(_mm512_sub_ps(first, h[2]), h[3]));
        }
    }
}

const facet__winograd FACET__WINOGRAD = { transform_in, transform_out };
