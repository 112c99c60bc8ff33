/* SPDX-License-Identifier: Apache-2.0 */
/* depthwise_avx512.c - 32 channels at a time, as two vectors; 16 as one.
 *
 * For the 3x3 kernels that face networks are made of, a run of outputs slides
 * along the row: every input column is loaded once and used by each output
 * that sees it. Other sizes go tap by tap.
 *
 * bf16 needs no shuffles: of 32 neighbours in one register, the odd ones are
 * floats once the even ones are masked away, and the even ones are floats
 * after a shift. So a block's two vectors are "even channels" and "odd
 * channels" from the load to the store, and weights, biases and slopes are
 * split the same way. */
#include <immintrin.h>

#include "nn/engine/depthwise.h"

#define INLINE static inline __attribute__((always_inline))

/* What is known when the code is compiled: it is passed along as a constant,
 * so that each combination becomes its own loop. */
typedef struct form {
    bool bf16;
    bool full;   /* all channels of the block exist: no masks */
    int vectors; /* of 16 channels: 1 or 2 */
    int stride;  /* of run3 */
} form;

/* Up to 32 channels of a pixel. */
typedef struct pixel {
    __m512 v[2];
} pixel;

/* What a block of channels needs at every pixel. */
typedef struct block {
    const facet__depthwise_row *r;
    const float *weights;
    size_t weight_stride, channels, first;
    __mmask16 mask[2];
    __mmask32 both;
    pixel bias, slope;
    bool has_slope;
    __m512 lo, hi;
} block;

INLINE __m512 load_floats(const float *x, __mmask16 mask, form f)
{
    return f.full ? _mm512_loadu_ps(x) : _mm512_maskz_loadu_ps(mask, x);
}

INLINE __m512 upper(__m512i x)
{
    return _mm512_castsi512_ps(
        _mm512_and_si512(x, _mm512_set1_epi32((int)0xffff0000)));
}

INLINE pixel load_halves(const block *b, const uint16_t *x, form f)
{
    pixel p;

    if (f.vectors == 1) {
        const __m256i half =
            f.full ? _mm256_loadu_si256((const __m256i *)(const void *)x)
                   : _mm256_maskz_loadu_epi16(b->mask[0], x);

        p.v[0] = _mm512_castsi512_ps(
            _mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
        p.v[1] = p.v[0];
    } else {
        const __m512i all = f.full ? _mm512_loadu_si512(x)
                                   : _mm512_maskz_loadu_epi16(b->both, x);

        p.v[0] = _mm512_castsi512_ps(_mm512_slli_epi32(all, 16));
        p.v[1] = upper(all);
    }
    return p;
}

/* The block's channels of pixel x of a row. */
INLINE pixel load_pixel(const block *b, const void *row, size_t x, form f)
{
    const size_t at = x * b->channels + b->first;
    pixel p;

    if (f.bf16)
        return load_halves(b, (const uint16_t *)row + at, f);
    p.v[0] = load_floats((const float *)row + at, b->mask[0], f);
    p.v[1] = f.vectors > 1
                 ? load_floats((const float *)row + at + 16, b->mask[1], f)
                 : p.v[0];
    return p;
}

INLINE pixel load_weights(const block *b, size_t tap, form f)
{
    const float *w = b->weights + tap * b->weight_stride;
    pixel p;

    p.v[0] = _mm512_loadu_ps(w);
    p.v[1] = f.vectors > 1 ? _mm512_loadu_ps(w + 16) : p.v[0];
    return p;
}

/* Biases or slopes, brought into the order of a loaded pixel. */
INLINE pixel load_parameters(const float *x, form f)
{
    const __m512 lo = _mm512_loadu_ps(x), hi = _mm512_loadu_ps(x + 16);
    const __m512i even = _mm512_setr_epi32(
        0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_setr_epi32(
        1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);

    if (!f.bf16 || f.vectors == 1)
        return (pixel){ { lo, hi } };
    return (pixel){ { _mm512_permutex2var_ps(lo, even, hi),
        _mm512_permutex2var_ps(lo, odd, hi) } };
}

INLINE __mmask16 part(size_t left)
{
    return left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1u);
}

INLINE block block_of(const facet__depthwise_row *r, size_t first, form f)
{
    const size_t left = r->channels - first;
    block b = { .r = r,
        .weights = r->weights + first,
        .weight_stride = (r->channels + 31) & ~(size_t)31,
        .channels = r->channels,
        .first = first };

    b.mask[0] = part(left);
    b.mask[1] = left > 16 ? part(left - 16) : 0;
    b.both = left >= 32 ? 0xffffffffu : (1u << left) - 1u;
    b.bias = load_parameters(r->epilogue.bias + first, f);
    b.slope = b.bias;
    b.has_slope = r->epilogue.slope != NULL;
    if (b.has_slope)
        b.slope = load_parameters(r->epilogue.slope + first, f);
    b.lo = _mm512_set1_ps(r->epilogue.lo);
    b.hi = _mm512_set1_ps(r->epilogue.hi);
    return b;
}

/* Rounded to bf16, in the upper half of each lane. */
INLINE __m512i round_upper(__m512 x)
{
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd =
        _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));

    return _mm512_add_epi32(
        bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
}

INLINE void store_halves(const block *b, uint16_t *y, pixel p, form f)
{
    if (f.vectors == 1) {
        const __m256i half =
            _mm512_cvtepi32_epi16(_mm512_srli_epi32(round_upper(p.v[0]), 16));

        if (f.full)
            _mm256_storeu_si256((__m256i *)(void *)y, half);
        else
            _mm256_mask_storeu_epi16(y, b->mask[0], half);
    } else {
        const __m512i even = _mm512_srli_epi32(round_upper(p.v[0]), 16);
        const __m512i all =
            _mm512_or_si512(even, _mm512_and_si512(round_upper(p.v[1]),
                                      _mm512_set1_epi32((int)0xffff0000)));

        if (f.full)
            _mm512_storeu_si512(y, all);
        else
            _mm512_mask_storeu_epi16(y, b->both, all);
    }
}

INLINE void store_pixel(const block *b, size_t x, pixel p, form f)
{
    const size_t at = x * b->channels + b->first;
    float *y = (float *)b->r->out + at;

    if (f.bf16) {
        store_halves(b, (uint16_t *)b->r->out + at, p, f);
        return;
    }
    for (int v = 0; v < f.vectors; v++)
        if (f.full)
            _mm512_storeu_ps(y + v * 16, p.v[v]);
        else
            _mm512_mask_storeu_ps(y + v * 16, b->mask[v], p.v[v]);
}

INLINE void finish(const block *b, size_t x, pixel sum, form f)
{
    const __m512 zero = _mm512_setzero_ps();

    for (int v = 0; v < f.vectors; v++) {
        __m512 s = sum.v[v];

        if (b->has_slope)
            s = _mm512_fmadd_ps(
                _mm512_min_ps(s, zero), b->slope.v[v], _mm512_max_ps(s, zero));
        sum.v[v] = _mm512_min_ps(_mm512_max_ps(s, b->lo), b->hi);
    }
    store_pixel(b, x, sum, f);
}

INLINE pixel add_product(pixel sum, pixel x, pixel w, form f)
{
    for (int v = 0; v < f.vectors; v++)
        sum.v[v] = _mm512_fmadd_ps(x.v[v], w.v[v], sum.v[v]);
    return sum;
}

/* One output, any kernel, borders looked after. */
INLINE void any_pixel(const block *b, size_t x, form f)
{
    const facet__depthwise_row *r = b->r;
    pixel sum = b->bias;

    for (size_t ky = 0; ky < r->kernel_h; ky++)
        for (size_t kx = 0; r->rows[ky] && kx < r->kernel_w; kx++) {
            const size_t at = x * r->stride + kx * r->dilation - r->pad;

            if (at < r->in_width) /* padding wraps to huge numbers */
                sum = add_product(sum, load_pixel(b, r->rows[ky], at, f),
                    load_weights(b, ky * r->kernel_w + kx, f), f);
        }
    finish(b, x, sum, f);
}

enum { RUN = 4 }; /* outputs that share their loads */

/* RUN outputs of a 3x3 kernel from x on, no border beside them. */
INLINE void run3(const block *b, size_t x, form f)
{
    const size_t left = x * (size_t)f.stride - b->r->pad;
    pixel sum[RUN];

#pragma GCC unroll 4
    for (int i = 0; i < RUN; i++)
        sum[i] = b->bias;
    for (size_t ky = 0; ky < 3; ky++) {
        const void *row = b->r->rows[ky];
        pixel taps[3];

        if (!row)
            continue;
#pragma GCC unroll 3
        for (size_t kx = 0; kx < 3; kx++)
            taps[kx] = load_weights(b, ky * 3 + kx, f);
#pragma GCC unroll 9
        for (int column = 0; column < (RUN - 1) * f.stride + 3; column++) {
            const pixel p = load_pixel(b, row, left + (size_t)column, f);

#pragma GCC unroll 4
            for (int i = 0; i < RUN; i++)
                if (column >= i * f.stride && column < i * f.stride + 3)
                    sum[i] =
                        add_product(sum[i], p, taps[column - i * f.stride], f);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < RUN; i++)
        finish(b, x + (size_t)i, sum[i], f);
}

/* Does the run of 3x3 outputs from x on stay inside the row? */
INLINE bool inside(const facet__depthwise_row *r, size_t x)
{
    return x * r->stride >= r->pad && x + RUN <= r->out_width &&
           (x + RUN - 1) * r->stride + 2 - r->pad < r->in_width;
}

INLINE void block_row(const facet__depthwise_row *r, size_t first, form f)
{
    const block b = block_of(r, first, f);

    for (size_t x = 0; x < r->out_width;) {
        if (f.stride > 0 && inside(r, x)) {
            run3(&b, x, f);
            x += RUN;
        } else {
            any_pixel(&b, x, f);
            x++;
        }
    }
}

INLINE void row_of_stride(
    const facet__depthwise_row *r, bool bf16, const int stride)
{
    for (size_t c = 0; c < r->channels; c += 32) {
        const size_t left = r->channels - c;

        if (left >= 32)
            block_row(r, c, (form){ bf16, true, 2, stride });
        else if (left == 16)
            block_row(r, c, (form){ bf16, true, 1, stride });
        else if (left > 16)
            block_row(r, c, (form){ bf16, false, 2, stride });
        else
            block_row(r, c, (form){ bf16, false, 1, stride });
    }
}

INLINE void row(const facet__depthwise_row *r, bool bf16)
{
    const bool three = r->kernel_h == 3 && r->kernel_w == 3 && r->dilation == 1;

    if (three && r->stride == 1)
        row_of_stride(r, bf16, 1);
    else if (three && r->stride == 2)
        row_of_stride(r, bf16, 2);
    else
        row_of_stride(r, bf16, 0);
}

void facet__depthwise_f32_avx512(const facet__depthwise_row *r)
{
    row(r, false);
}

void facet__depthwise_bf16_avx512(const facet__depthwise_row *r)
{
    row(r, true);
}
