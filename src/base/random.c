/* SPDX-License-Identifier: Apache-2.0 */
/* random.c - SplitMix64 (Steele, Lea, Flood; OOPSLA 2014).
 *
 * Its state is a plain counter behind a strong mixing function, which is what
 * lets a stream begin anywhere at no cost; it passes BigCrush, and 2^64 numbers
 * a stream are more than any training draws. */
#include "base/random.h"

#include <math.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);

facet__random facet__random_stream(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t key = mix(a + golden);

    key = mix((key ^ b) + golden);
    key = mix((key ^ c) + golden);
    return (facet__random){ key };
}

uint64_t facet__random_u64(facet__random *random)
{
    return mix(random->state += golden);
}

uint64_t facet__random_below(facet__random *random, uint64_t n)
{
    const uint64_t uneven = -n % n; /* 2^64 mod n lowest values are redrawn */
    uint64_t x;

    do
        x = facet__random_u64(random);
    while (x < uneven);
    return x % n;
}

double facet__random_unit(facet__random *random)
{
    return (double)(facet__random_u64(random) >> 11) * 0x1p-53;
}

double facet__random_between(facet__random *random, double low, double high)
{
    return low + (high - low) * facet__random_unit(random);
}

double facet__random_normal(facet__random *random)
{
    /* Box and Muller; the second of the pair is not kept, so that a stream's
     * position stays one number. 1 - u is never 0. */
    const double radius = sqrt(-2 * log(1 - facet__random_unit(random)));

    return radius * cos(6.283185307179586 * facet__random_unit(random));
}

void facet__random_shuffle(
    facet__random *random, uint32_t *numbers, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        const size_t j = (size_t)facet__random_below(random, i);
        const uint32_t swap = numbers[i - 1];

        numbers[i - 1] = numbers[j];
        numbers[j] = swap;
    }
}
