/* SPDX-License-Identifier: Apache-2.0 */
/* sha256_shani.c - the rounds of SHA-256 by the instructions made for them.
 *
 * sha256rnds2 does two rounds on the state kept as (a, b, e, f) and (c, d, g,
 * h), high lane first; sha256msg1 and msg2 expand four words of the message. */
#include <immintrin.h>

#include "base/sha256.h"

static inline __m128i load(const void *from)
{
    return _mm_loadu_si128(from);
}

/* Four words of the message, whose bytes stand the other way round. */
static inline __m128i load_words(const uint8_t *from)
{
    const __m128i swap =
        _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);

    return _mm_shuffle_epi8(load(from), swap);
}

/* Words t+16..t+19 from the sixteen before them. */
static inline __m128i next_words(__m128i a, __m128i b, __m128i c, __m128i d)
{
    const __m128i sum =
        _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4));

    return _mm_sha256msg2_epu32(sum, d);
}

static inline void block(__m128i *abef, __m128i *cdgh, const uint8_t *bytes)
{
    __m128i w[4] = { load_words(bytes), load_words(bytes + 16),
        load_words(bytes + 32), load_words(bytes + 48) };
    const __m128i abef_before = *abef, cdgh_before = *cdgh;

    for (int t = 0; t < 16; t++) { /* four rounds each */
        const __m128i words =
            _mm_add_epi32(w[t % 4], load(facet__sha256_constants + 4 * t));

        *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, words);
        *abef =
            _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(words, 0x0e));
        w[t % 4] = next_words(
            w[t % 4], w[(t + 1) % 4], w[(t + 2) % 4], w[(t + 3) % 4]);
    }
    *abef = _mm_add_epi32(*abef, abef_before);
    *cdgh = _mm_add_epi32(*cdgh, cdgh_before);
}

void facet__sha256_blocks_shani(
    uint32_t state[8], const uint8_t *bytes, size_t count)
{
    const __m128i badc = _mm_shuffle_epi32(load(state), 0xb1);
    const __m128i efgh = _mm_shuffle_epi32(load(state + 4), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, efgh, 8);
    __m128i cdgh = _mm_blend_epi16(efgh, badc, 0xf0);
    __m128i feba, dchg;

    for (size_t i = 0; i < count; i++)
        block(&abef, &cdgh, bytes + i * FACET__SHA256_BLOCK);
    feba = _mm_shuffle_epi32(abef, 0x1b);
    dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128(
        (__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(
        (__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}
