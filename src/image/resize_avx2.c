/* SPDX-License-Identifier: Apache-2.0 */
/* resize_avx2.c - the two loops of resize.c, 32 bytes or one pixel at a time.
 *
 * Integer arithmetic throughout, so the results equal the plain twins' bit for
 * bit. Two taps go into one multiplication (pmaddwd). */
#include <immintrin.h>
#include <string.h>

#include "image/resize.h"

enum { STEP = 32, CHANNELS = 3 };

/* Widen the interleaved bytes of two rows and add them, weighted, to the sums
 * of 32 columns. Lanes are mixed up by the unpacking in a way that the packing
 * at the end undoes. */
static inline void add_pair(
    __m256i sums[4], __m256i a, __m256i b, __m256i weights)
{
    const __m256i zero = _mm256_setzero_si256();
    const __m256i low = _mm256_unpacklo_epi8(a, b);
    const __m256i high = _mm256_unpackhi_epi8(a, b);

    sums[0] = _mm256_add_epi32(
        sums[0], _mm256_madd_epi16(_mm256_unpacklo_epi8(low, zero), weights));
    sums[1] = _mm256_add_epi32(
        sums[1], _mm256_madd_epi16(_mm256_unpackhi_epi8(low, zero), weights));
    sums[2] = _mm256_add_epi32(
        sums[2], _mm256_madd_epi16(_mm256_unpacklo_epi8(high, zero), weights));
    sums[3] = _mm256_add_epi32(
        sums[3], _mm256_madd_epi16(_mm256_unpackhi_epi8(high, zero), weights));
}

static inline __m256i pack_sums(const __m256i sums[4])
{
    const __m256i low =
        _mm256_packs_epi32(_mm256_srai_epi32(sums[0], FACET__RESIZE_BITS),
            _mm256_srai_epi32(sums[1], FACET__RESIZE_BITS));
    const __m256i high =
        _mm256_packs_epi32(_mm256_srai_epi32(sums[2], FACET__RESIZE_BITS),
            _mm256_srai_epi32(sums[3], FACET__RESIZE_BITS));

    return _mm256_packus_epi16(low, high);
}

static inline __m256i load(const uint8_t *from)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

/* 32 columns. A second tap of weight zero may stand past the last row and is
 * not read. */
static inline __m256i mix_rows(
    const uint8_t *src, size_t stride, const int16_t *weights, int32_t count)
{
    const __m256i half = _mm256_set1_epi32(1 << (FACET__RESIZE_BITS - 1));
    __m256i sums[4] = { half, half, half, half };

    for (int32_t k = 0; k < count; k += 2) {
        const uint8_t *a = src + (size_t)k * stride;
        int32_t pair;

        memcpy(&pair, weights + k, sizeof pair);
        if (pair)
            add_pair(sums, load(a), load(weights[k + 1] ? a + stride : a),
                _mm256_set1_epi32(pair));
    }
    return pack_sums(sums);
}

void facet__resize_rows_avx2(const uint8_t *src, size_t stride,
    const int16_t *weights, int32_t count, uint8_t *out, size_t bytes)
{
    size_t i = 0;

    for (; i + STEP <= bytes; i += STEP)
        _mm256_storeu_si256((__m256i *)(void *)(out + i),
            mix_rows(src + i, stride, weights, count));
    facet__resize_rows_ref(src + i, stride, weights, count, out + i, bytes - i);
}

/* Four pixels of RGB to R0 R1 R2 R3 G0 ... B3 and four bytes of nothing. */
static inline __m256i four_pixels(const uint8_t *from)
{
    const __m128i planes =
        _mm_setr_epi8(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, -1, -1, -1, -1);

    return _mm256_cvtepu8_epi16(_mm_shuffle_epi8(
        _mm_loadu_si128((const __m128i *)(const void *)from), planes));
}

void facet__resize_columns_avx2(
    const uint8_t *row, const facet__taps *taps, uint8_t *out, int32_t width)
{
    const __m128i half = _mm_set1_epi32(1 << (FACET__RESIZE_BITS - 1));

    for (int32_t x = 0; x < width; x++) {
        const uint8_t *from = row + (size_t)taps[x].first * CHANNELS;
        __m256i sums = _mm256_setzero_si256();
        __m128i rgb;
        int32_t packed;

        for (int32_t k = 0; k < taps[x].count; k += 4) {
            int64_t four;

            memcpy(&four, taps[x].weights + k, sizeof four);
            sums = _mm256_add_epi32(
                sums, _mm256_madd_epi16(four_pixels(from + k * CHANNELS),
                          _mm256_set1_epi64x(four)));
        }
        /* R01 R23 G01 G23 | B01 B23 0 0 */
        rgb = _mm_hadd_epi32(
            _mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
        rgb = _mm_srai_epi32(_mm_add_epi32(rgb, half), FACET__RESIZE_BITS);
        rgb = _mm_packus_epi16(_mm_packs_epi32(rgb, rgb), rgb);
        packed = _mm_cvtsi128_si32(rgb);
        memcpy(out + (size_t)x * CHANNELS, &packed, CHANNELS);
    }
}
