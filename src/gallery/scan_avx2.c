/* SPDX-License-Identifier: Apache-2.0 */
/* scan_avx2.c - the loops of scan.c with vpmaddubsw: 32 products a step.
 *
 * vpmaddubsw adds two products in 16 bits and saturates. Nibbles are harmless;
 * full codes up to 255 are so as well because queries are coded up to 63 only:
 * 2 * 255 * 63 < 32768. A coarser query costs a few more looks at exact rows,
 * never a different answer. */
#if defined(__x86_64__)
#include "gallery/scan.h"

#include <immintrin.h>
#include <string.h>

static inline __m256i broadcast4(const int8_t *code)
{
    int32_t four;

    memcpy(&four, code, sizeof four);
    return _mm256_set1_epi32(four);
}

static inline __m256i load(const void *bytes)
{
    return _mm256_loadu_si256((const __m256i *)bytes);
}

/* sum + the products of four neighbours each, as int32. */
static inline __m256i add4(__m256i sum, __m256i codes, __m256i query)
{
    const __m256i pairs = _mm256_maddubs_epi16(codes, query);

    return _mm256_add_epi32(
        sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

static inline unsigned reach(__m256i dot, const float *step, const float *error,
    int32_t offset, float scale, const facet__probe *probe)
{
    const __m256i doubled =
        _mm256_sub_epi32(_mm256_add_epi32(dot, dot), _mm256_set1_epi32(offset));
    const __m256 estimate = _mm256_mul_ps(
        _mm256_mul_ps(_mm256_cvtepi32_ps(doubled), _mm256_set1_ps(scale)),
        _mm256_loadu_ps(step));
    const __m256 bound = _mm256_fmadd_ps(_mm256_loadu_ps(error),
        _mm256_set1_ps(probe->slope), _mm256_set1_ps(probe->slack));

    return (unsigned)_mm256_movemask_ps(
        _mm256_cmp_ps(_mm256_add_ps(estimate, bound),
            _mm256_set1_ps(probe->threshold), _CMP_GE_OQ));
}

/* Eight of the 16 rows; the nibble sums of an oct, two products each of four
 * neighbours, stay below 4 * 15 * 63 * 2 and are widened once. */
static inline __m256i high_half(
    const uint8_t *group, const int8_t *code, size_t octs)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i sum = _mm256_setzero_si256();

    for (size_t o = 0; o < octs; o++) {
        const __m256i x = load(group + o * 64);
        const __m256i even = _mm256_maddubs_epi16(
            _mm256_and_si256(x, nibble), broadcast4(code + o * 4));
        const __m256i odd = _mm256_maddubs_epi16(
            _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble),
            broadcast4(code + (octs + o) * 4));

        sum =
            _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_add_epi16(even, odd),
                                      _mm256_set1_epi16(1)));
    }
    return sum;
}

static void high_avx2(const facet__codes *codes, size_t first_group,
    const facet__probe *probe, int32_t *dots, uint16_t *masks)
{
    for (size_t half = 0; half < 2 * FACET__PIECE; half++) {
        const size_t row = first_group * FACET__GROUP + half * 8;
        const uint8_t *group =
            codes->high + row / FACET__GROUP * codes->octs * 64;
        const __m256i dot =
            high_half(group + half % 2 * 32, probe->code, codes->octs);
        const unsigned mask =
            reach(dot, codes->step + row, codes->error_high + row,
                probe->offset_high, probe->scale_high, probe);

        _mm256_storeu_si256((__m256i *)(void *)(dots + half * 8), dot);
        masks[half / 2] =
            (uint16_t)(half % 2 ? masks[half / 2] | mask << 8 : mask);
    }
}

static int32_t low_avx2(const uint8_t *row, const int8_t *code, size_t octs)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    const size_t bytes = octs * 4;
    __m256i sum = _mm256_setzero_si256();
    int32_t lanes[8], dot = 0;
    size_t b = 0;

    for (; b + 32 <= bytes; b += 32) {
        const __m256i x = load(row + b);

        sum = add4(sum, _mm256_and_si256(x, nibble), load(code + b));
        sum = add4(sum, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble),
            load(code + bytes + b));
    }
    for (; b < bytes; b++)
        dot += (row[b] & 15) * code[b] + (row[b] >> 4) * code[bytes + b];
    _mm256_storeu_si256((__m256i *)(void *)lanes, sum);
    for (int i = 0; i < 8; i++)
        dot += lanes[i];
    return dot;
}

/* One oct of 8 rows that lie `stride` bytes apart. */
static inline __m256i gather8(const uint8_t *low, size_t stride)
{
    int32_t lanes[8];

    for (size_t r = 0; r < 8; r++)
        memcpy(lanes + r, low + r * stride, 4);
    return load(lanes);
}

static void unpack_avx2(
    const facet__codes *codes, size_t first_group, uint8_t *full)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    const size_t octs = codes->octs;

    for (size_t b = 0; b < FACET__FULL_GROUPS * octs * 64; b += 32) {
        const size_t group = b / (octs * 64), oct = b / 64 % octs;
        const size_t row = (first_group + group) * FACET__GROUP + b / 4 % 16;
        const __m256i h = load(codes->high + first_group * octs * 64 + b);
        const __m256i l =
            gather8(codes->low + (row * octs + oct) * 4, octs * 4);
        uint8_t *to = full + (group * octs + oct) * 128 + b % 64;

        _mm256_storeu_si256((__m256i *)(void *)to,
            _mm256_or_si256(_mm256_slli_epi16(_mm256_and_si256(h, nibble), 4),
                _mm256_and_si256(l, nibble)));
        _mm256_storeu_si256((__m256i *)(void *)(to + 64),
            _mm256_or_si256(_mm256_andnot_si256(nibble, h),
                _mm256_and_si256(_mm256_srli_epi16(l, 4), nibble)));
    }
}

/* Half a group (8 rows) times 4 queries. */
static inline void full_half(const uint8_t *group, size_t octs,
    const facet__probe *const *probes, __m256i sum[FACET__TILE])
{
    for (size_t q = 0; q < FACET__TILE; q++)
        sum[q] = _mm256_setzero_si256();
    for (size_t o = 0; o < octs; o++) {
        const __m256i even = load(group + o * 128);
        const __m256i odd = load(group + o * 128 + 64);

#pragma GCC unroll 4
        for (size_t q = 0; q < FACET__TILE; q++) {
            const int8_t *code = probes[q]->code;

            sum[q] = add4(sum[q], even, broadcast4(code + o * 4));
            sum[q] = add4(sum[q], odd, broadcast4(code + (octs + o) * 4));
        }
    }
}

static void full_avx2(const uint8_t *full, size_t octs, const float *step,
    const float *error, const facet__probe *const *probes, uint16_t *masks)
{
    memset(masks, 0, FACET__TILE * FACET__FULL_GROUPS * sizeof *masks);
    for (size_t half = 0; half < 2 * FACET__FULL_GROUPS; half++) {
        const size_t g = half / 2, first = half * 8;
        __m256i sum[FACET__TILE];

        full_half(full + g * octs * 128 + half % 2 * 32, octs, probes, sum);
        for (size_t q = 0; q < FACET__TILE; q++) {
            uint16_t *mask = masks + q * FACET__FULL_GROUPS + g;

            *mask =
                (uint16_t)(*mask | reach(sum[q], step + first, error + first,
                                       probes[q]->offset_full,
                                       probes[q]->scale_full, probes[q])
                                       << half % 2 * 8);
        }
    }
}

static inline __m256d widen(const float *four)
{
    return _mm256_cvtps_pd(_mm_loadu_ps(four));
}

static float dot_avx2(const float *a, const float *b, size_t dim)
{
    __m256d sum[4];
    double partial[16];
    size_t i = 0;

    for (int j = 0; j < 4; j++)
        sum[j] = _mm256_setzero_pd();
    for (; i + 16 <= dim; i += 16)
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++)
            sum[j] = _mm256_fmadd_pd(
                widen(a + i + j * 4), widen(b + i + j * 4), sum[j]);
    for (int j = 0; j < 4; j++)
        _mm256_storeu_pd(partial + j * 4, sum[j]);
    for (size_t j = 0; i + j < dim; j++)
        partial[j] += (double)a[i + j] * (double)b[i + j];
    return facet__sum16(partial);
}

const facet__scan_kernels facet__scan_avx2 = {
    .query_limit = 63,
    .high = high_avx2,
    .low = low_avx2,
    .unpack = unpack_avx2,
    .full = full_avx2,
    .dot = dot_avx2,
};
#else
typedef int facet__nothing_here;
#endif
