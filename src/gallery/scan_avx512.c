/* SPDX-License-Identifier: Apache-2.0 */
/* scan_avx512.c - the loops of scan.c with vpdpbusd: 64 products a step. */
#if defined(__x86_64__)
#include "gallery/scan.h"

#include <immintrin.h>
#include <string.h>

static inline __m512i broadcast4(const int8_t *code)
{
    int32_t four;

    memcpy(&four, code, sizeof four);
    return _mm512_set1_epi32(four);
}

/* Where (2 dot - offset) * scale * step + error * slope + slack reaches the
 * threshold. */
static inline __mmask16 reach(__m512i dot, const float *step,
    const float *error, int32_t offset, float scale, const facet__probe *probe)
{
    const __m512i doubled =
        _mm512_sub_epi32(_mm512_add_epi32(dot, dot), _mm512_set1_epi32(offset));
    const __m512 estimate = _mm512_mul_ps(
        _mm512_mul_ps(_mm512_cvtepi32_ps(doubled), _mm512_set1_ps(scale)),
        _mm512_loadu_ps(step));
    const __m512 bound = _mm512_fmadd_ps(_mm512_loadu_ps(error),
        _mm512_set1_ps(probe->slope), _mm512_set1_ps(probe->slack));

    return _mm512_cmp_ps_mask(_mm512_add_ps(estimate, bound),
        _mm512_set1_ps(probe->threshold), _CMP_GE_OQ);
}

static inline __m512i high_group(
    const uint8_t *group, const int8_t *code, size_t octs)
{
    const __m512i nibble = _mm512_set1_epi8(15);
    __m512i even = _mm512_setzero_si512(), odd = even;
    __m512i even2 = even, odd2 = even;
    size_t o = 0;

    for (; o + 2 <= octs; o += 2) {
        const __m512i x = _mm512_loadu_si512(group + o * 64);
        const __m512i y = _mm512_loadu_si512(group + o * 64 + 64);

        even = _mm512_dpbusd_epi32(
            even, _mm512_and_si512(x, nibble), broadcast4(code + o * 4));
        odd = _mm512_dpbusd_epi32(odd,
            _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble),
            broadcast4(code + (octs + o) * 4));
        even2 = _mm512_dpbusd_epi32(
            even2, _mm512_and_si512(y, nibble), broadcast4(code + o * 4 + 4));
        odd2 = _mm512_dpbusd_epi32(odd2,
            _mm512_and_si512(_mm512_srli_epi16(y, 4), nibble),
            broadcast4(code + (octs + o) * 4 + 4));
    }
    if (o < octs) {
        const __m512i x = _mm512_loadu_si512(group + o * 64);

        even = _mm512_dpbusd_epi32(
            even, _mm512_and_si512(x, nibble), broadcast4(code + o * 4));
        odd = _mm512_dpbusd_epi32(odd,
            _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble),
            broadcast4(code + (octs + o) * 4));
    }
    return _mm512_add_epi32(
        _mm512_add_epi32(even, even2), _mm512_add_epi32(odd, odd2));
}

static void high_avx512(const facet__codes *codes, size_t first_group,
    const facet__probe *probe, int32_t *dots, uint16_t *masks)
{
    for (size_t g = 0; g < FACET__PIECE; g++) {
        const size_t row = (first_group + g) * FACET__GROUP;
        const __m512i dot =
            high_group(codes->high + (first_group + g) * codes->octs * 64,
                probe->code, codes->octs);

        _mm512_storeu_si512(dots + g * FACET__GROUP, dot);
        masks[g] =
            (uint16_t)reach(dot, codes->step + row, codes->error_high + row,
                probe->offset_high, probe->scale_high, probe);
    }
}

static int32_t low_avx512(const uint8_t *row, const int8_t *code, size_t octs)
{
    const __m512i nibble = _mm512_set1_epi8(15);
    const size_t bytes = octs * 4;
    __m512i even = _mm512_setzero_si512(), odd = even;

    for (size_t b = 0; b < bytes; b += 64) {
        const __mmask64 here =
            bytes - b < 64 ? ((__mmask64)1 << (bytes - b)) - 1 : ~(__mmask64)0;
        const __m512i x = _mm512_maskz_loadu_epi8(here, row + b);

        even = _mm512_dpbusd_epi32(even, _mm512_and_si512(x, nibble),
            _mm512_maskz_loadu_epi8(here, code + b));
        odd = _mm512_dpbusd_epi32(odd,
            _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble),
            _mm512_maskz_loadu_epi8(here, code + bytes + b));
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd));
}

/* x[r] holds dwords 0..15 of row r; afterwards x[d] holds dword d of all. */
static inline void transpose16(__m512i *x)
{
    __m512i y[16];

    for (int i = 0; i < 16; i += 2) {
        y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
        x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
        x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
        x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        y[i] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0x88);
        y[i + 4] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0xdd);
        y[i + 8] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0x88);
        y[i + 12] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        x[i] = _mm512_shuffle_i32x4(y[i], y[i + 8], 0x88);
        x[i + 8] = _mm512_shuffle_i32x4(y[i], y[i + 8], 0xdd);
        x[i + 4] = _mm512_shuffle_i32x4(y[i + 4], y[i + 12], 0x88);
        x[i + 12] = _mm512_shuffle_i32x4(y[i + 4], y[i + 12], 0xdd);
    }
}

/* n octs, at most 16, of a group from its two halves. */
static inline void unpack_octs(const uint8_t *high, const uint8_t *low,
    size_t octs, size_t n, uint8_t *out)
{
    const __m512i nibble = _mm512_set1_epi8(15);
    const __mmask16 here = (__mmask16)((1U << n) - 1);
    __m512i x[16];

#pragma GCC unroll 16
    for (size_t r = 0; r < 16; r++)
        x[r] = _mm512_maskz_loadu_epi32(here, low + r * octs * 4);
    transpose16(x);
#pragma GCC unroll 16
    for (size_t i = 0; i < n; i++) {
        const __m512i h = _mm512_loadu_si512(high + i * 64);
        const __m512i even =
            _mm512_or_si512(_mm512_slli_epi16(_mm512_and_si512(h, nibble), 4),
                _mm512_and_si512(x[i], nibble));
        const __m512i odd = _mm512_or_si512(_mm512_andnot_si512(nibble, h),
            _mm512_and_si512(_mm512_srli_epi16(x[i], 4), nibble));

        _mm512_storeu_si512(out + i * 128, even);
        _mm512_storeu_si512(out + i * 128 + 64, odd);
    }
}

static void unpack_group(
    const uint8_t *high, const uint8_t *low, size_t octs, uint8_t *out)
{
    size_t o = 0;

    for (; o + 16 <= octs; o += 16)
        unpack_octs(high + o * 64, low + o * 4, octs, 16, out + o * 128);
    if (o < octs)
        unpack_octs(high + o * 64, low + o * 4, octs, octs - o, out + o * 128);
}

static void unpack_avx512(
    const facet__codes *codes, size_t first_group, uint8_t *full)
{
    const size_t octs = codes->octs;

    for (size_t g = 0; g < FACET__FULL_GROUPS; g++)
        unpack_group(codes->high + (first_group + g) * octs * 64,
            codes->low + (first_group + g) * FACET__GROUP * octs * 4, octs,
            full + g * octs * 128);
}

/* 4 groups times 4 queries: 16 sums in registers. */
static inline void full_tile(const uint8_t *full, size_t octs,
    const facet__probe *const *probes,
    __m512i sum[FACET__FULL_GROUPS][FACET__TILE])
{
    const size_t stride = octs * 128;

    for (int g = 0; g < FACET__FULL_GROUPS; g++)
        for (int q = 0; q < FACET__TILE; q++)
            sum[g][q] = _mm512_setzero_si512();
    for (size_t half = 0; half < 2; half++) {
        const uint8_t *codes = full + half * 64;
        const size_t plane = half * octs * 4;

        for (size_t o = 0; o < octs; o++) {
            __m512i code[FACET__FULL_GROUPS];

#pragma GCC unroll 4
            for (size_t g = 0; g < FACET__FULL_GROUPS; g++)
                code[g] = _mm512_loadu_si512(codes + g * stride + o * 128);
#pragma GCC unroll 4
            for (size_t q = 0; q < FACET__TILE; q++) {
                const __m512i k = broadcast4(probes[q]->code + plane + o * 4);
#pragma GCC unroll 4
                for (size_t g = 0; g < FACET__FULL_GROUPS; g++)
                    sum[g][q] = _mm512_dpbusd_epi32(sum[g][q], code[g], k);
            }
        }
    }
}

static void full_avx512(const uint8_t *full, size_t octs, const float *step,
    const float *error, const facet__probe *const *probes, uint16_t *masks)
{
    __m512i sum[FACET__FULL_GROUPS][FACET__TILE];

    full_tile(full, octs, probes, sum);
    for (size_t q = 0; q < FACET__TILE; q++)
        for (size_t g = 0; g < FACET__FULL_GROUPS; g++)
            masks[q * FACET__FULL_GROUPS + g] = reach(sum[g][q],
                step + g * FACET__GROUP, error + g * FACET__GROUP,
                probes[q]->offset_full, probes[q]->scale_full, probes[q]);
}

static float dot_avx512(const float *a, const float *b, size_t dim)
{
    __m512d low = _mm512_setzero_pd(), high = low;
    double partial[16];
    size_t i = 0;

    for (; i + 16 <= dim; i += 16) {
        low = _mm512_fmadd_pd(_mm512_cvtps_pd(_mm256_loadu_ps(a + i)),
            _mm512_cvtps_pd(_mm256_loadu_ps(b + i)), low);
        high = _mm512_fmadd_pd(_mm512_cvtps_pd(_mm256_loadu_ps(a + i + 8)),
            _mm512_cvtps_pd(_mm256_loadu_ps(b + i + 8)), high);
    }
    _mm512_storeu_pd(partial, low);
    _mm512_storeu_pd(partial + 8, high);
    for (size_t j = 0; i + j < dim; j++)
        partial[j] += (double)a[i + j] * (double)b[i + j];
    return facet__sum16(partial);
}

const facet__scan_kernels facet__scan_avx512 = {
    .query_limit = 127,
    .high = high_avx512,
    .low = low_avx512,
    .unpack = unpack_avx512,
    .full = full_avx512,
    .dot = dot_avx512,
};
#else
typedef int facet__nothing_here;
#endif
