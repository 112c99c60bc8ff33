/* SPDX-License-Identifier: Apache-2.0 */
/* depthwise_avx512.c - 32 channels at a time, as two vectors.
 *
 * For the 3x3 kernels that face networks are made of, a run of outputs slides
 * along the row: every input column is loaded once and used by each output
 * that sees it. Other sizes go tap by tap.
 *
 * bf16 needs no shuffles: of 32 neighbours in one register, the odd ones are
 * floats once the even ones are masked away, and the even ones are floats
 * after a shift. So a block's two vectors are "even channels" and "odd
 * channels" from the load to the store, and the weights, biases and slopes are
 * split the same way as they are read. */
#include <immintrin.h>

#include "nn/engine/depthwise.h"

#define INLINE static inline __attribute__((always_inline))

/* 32 channels. */
typedef struct pair {
    __m512 v[2];
} pair;

INLINE __mmask16 part(size_t left, int vector)
{
    const size_t first = (size_t)vector * 16;

    if (left >= first + 16)
        return 0xffff;
    return left <= first ? 0 : (__mmask16)((1u << (left - first)) - 1u);
}

INLINE __mmask32 part32(size_t left)
{
    return left >= 32 ? 0xffffffffu : (1u << left) - 1u;
}

/* `left` >= 1 channels of a pixel from `at` on, the rest zero. */
INLINE pair load_pixel(const void *row, size_t at, size_t left, bool bf16)
{
    pair p;

    if (bf16) {
        const __m512i both =
            _mm512_maskz_loadu_epi16(part32(left), (const uint16_t *)row + at);

        p.v[0] = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
        p.v[1] = _mm512_castsi512_ps(_mm512_and_si512(
            both, _mm512_set1_epi32((int)0xffff0000)));
    } else {
        const float *x = (const float *)row + at;

        p.v[0] = _mm512_maskz_loadu_ps(part(left, 0), x);
        p.v[1] = _mm512_maskz_loadu_ps(part(left, 1), x + 16);
    }
    return p;
}

/* 32 parameters in the order of a loaded pixel. */
INLINE pair load_parameters(const float *x, bool bf16)
{
    const __m512 lo = _mm512_loadu_ps(x), hi = _mm512_loadu_ps(x + 16);
    const __m512i even = _mm512_setr_epi32(
        0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_setr_epi32(
        1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);

    if (!bf16)
        return (pair){ { lo, hi } };
    return (pair){ { _mm512_permutex2var_ps(lo, even, hi),
        _mm512_permutex2var_ps(lo, odd, hi) } };
}

/* Round to bf16, kept in the upper half of each lane. */
INLINE __m512i round_upper(__m512 x)
{
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(
        _mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));

    return _mm512_add_epi32(
        bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
}

INLINE void store_pixel(void *out, size_t at, size_t left, bool bf16, pair p)
{
    if (bf16) {
        const __m512i even = _mm512_srli_epi32(round_upper(p.v[0]), 16);
        const __m512i odd = _mm512_and_si512(
            round_upper(p.v[1]), _mm512_set1_epi32((int)0xffff0000));

        _mm512_mask_storeu_epi16((uint16_t *)out + at, part32(left),
            _mm512_or_si512(even, odd));
    } else {
        float *y = (float *)out + at;

        _mm512_mask_storeu_ps(y, part(left, 0), p.v[0]);
        _mm512_mask_storeu_ps(y + 16, part(left, 1), p.v[1]);
    }
}

/* What a block of 32 channels needs at every pixel. */
typedef struct block {
    const facet__depthwise_row *r;
    size_t c, left; /* first channel, channels that exist from there */
    size_t weight_stride;
    pair bias, slope;
    bool has_slope;
} block;

INLINE block block_of(const facet__depthwise_row *r, size_t c, bool bf16)
{
    block b = { .r = r, .c = c, .left = r->channels - c };

    b.weight_stride = (r->channels + 31) & ~(size_t)31;
    b.bias = load_parameters(r->epilogue.bias + c, bf16);
    b.has_slope = r->epilogue.slope != NULL;
    if (b.has_slope)
        b.slope = load_parameters(r->epilogue.slope + c, bf16);
    return b;
}

INLINE void put(const block *b, size_t x, bool bf16, pair sum)
{
    const facet__epilogue *e = &b->r->epilogue;
    const __m512 zero = _mm512_setzero_ps();

    for (int v = 0; v < 2; v++) {
        __m512 s = sum.v[v];

        if (b->has_slope)
            s = _mm512_fmadd_ps(_mm512_min_ps(s, zero), b->slope.v[v],
                _mm512_max_ps(s, zero));
        s = _mm512_max_ps(s, _mm512_set1_ps(e->lo));
        sum.v[v] = _mm512_min_ps(s, _mm512_set1_ps(e->hi));
    }
    store_pixel(b->r->out, x * b->r->channels + b->c, b->left, bf16, sum);
}

INLINE pair add_product(pair sum, pair x, pair w)
{
    for (int v = 0; v < 2; v++)
        sum.v[v] = _mm512_fmadd_ps(x.v[v], w.v[v], sum.v[v]);
    return sum;
}

/* One output, any kernel, borders looked after. */
INLINE void any_pixel(const block *b, size_t x, bool bf16)
{
    const facet__depthwise_row *r = b->r;
    pair sum = b->bias;

    for (size_t ky = 0; ky < r->kernel_h; ky++)
        for (size_t kx = 0; r->rows[ky] && kx < r->kernel_w; kx++) {
            const size_t at = x * r->stride + kx * r->dilation - r->pad;
            const float *w = r->weights +
                (ky * r->kernel_w + kx) * b->weight_stride + b->c;

            if (at < r->in_width)
                sum = add_product(sum,
                    load_pixel(
                        r->rows[ky], at * r->channels + b->c, b->left, bf16),
                    load_parameters(w, bf16));
        }
    put(b, x, bf16, sum);
}

enum { RUN = 4 }; /* outputs that share their loads */

/* RUN outputs of a 3x3 kernel from x on, no border beside them. */
INLINE void run3(const block *b, size_t x, const int stride, bool bf16)
{
    const facet__depthwise_row *r = b->r;
    const size_t left = x * (size_t)stride - r->pad;
    pair sum[RUN];

#pragma GCC unroll 4
    for (int i = 0; i < RUN; i++)
        sum[i] = b->bias;
    for (size_t ky = 0; ky < 3; ky++) {
        const float *w = r->weights + ky * 3 * b->weight_stride + b->c;
        pair taps[3];

        if (!r->rows[ky])
            continue;
#pragma GCC unroll 3
        for (int kx = 0; kx < 3; kx++)
            taps[kx] = load_parameters(w + (size_t)kx * b->weight_stride, bf16);
#pragma GCC unroll 9
        for (int column = 0; column < (RUN - 1) * stride + 3; column++) {
            const pair p = load_pixel(r->rows[ky],
                (left + (size_t)column) * r->channels + b->c, b->left, bf16);

#pragma GCC unroll 4
            for (int i = 0; i < RUN; i++)
                if (column >= i * stride && column < i * stride + 3)
                    sum[i] = add_product(sum[i], p, taps[column - i * stride]);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < RUN; i++)
        put(b, x + (size_t)i, bf16, sum[i]);
}

/* Does the run of 3x3 outputs from x on stay inside the row? */
INLINE bool inside(const facet__depthwise_row *r, size_t x)
{
    return x * r->stride >= r->pad && x + RUN <= r->out_width &&
        (x + RUN - 1) * r->stride + 2 - r->pad < r->in_width;
}

INLINE void row(const facet__depthwise_row *r, bool bf16)
{
    const bool three =
        r->kernel_h == 3 && r->kernel_w == 3 && r->dilation == 1;

    for (size_t c = 0; c < r->channels; c += 32) {
        const block b = block_of(r, c, bf16);
        size_t x = 0;

        while (x < r->out_width) {
            if (three && r->stride == 1 && inside(r, x)) {
                run3(&b, x, 1, bf16);
                x += RUN;
            } else if (three && r->stride == 2 && inside(r, x)) {
                run3(&b, x, 2, bf16);
                x += RUN;
            } else {
                any_pixel(&b, x, bf16);
                x++;
            }
        }
    }
}

void facet__depthwise_f32_avx512(const facet__depthwise_row *r)
{
    row(r, false);
}

void facet__depthwise_bf16_avx512(const facet__depthwise_row *r)
{
    row(r, true);
}
