/* SPDX-License-Identifier: Apache-2.0 */
/* search_vectors.h - the same random unit vectors in C and in C++. */
#ifndef SEARCH_VECTORS_H
#define SEARCH_VECTORS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vectors {
    uint64_t state;
} vectors;

static inline vectors vectors_of(uint64_t seed)
{
    vectors v;

    v.state = seed * 0x9e3779b97f4a7c15U;
    return v;
}

/* splitmix64, as a float in [-0.5, 0.5). */
static inline float vectors_uniform(vectors *v)
{
    uint64_t z = (v->state += 0x9e3779b97f4a7c15U);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    z ^= z >> 31;
    return (float)(z >> 40) / 16777216.0F - 0.5F;
}

/* Sums of four uniforms are close enough to normal that no direction is
 * special. */
static inline void vectors_next(vectors *v, float *out, size_t dim)
{
    double square = 0.0;

    for (size_t i = 0; i < dim; i++) {
        out[i] = vectors_uniform(v) + vectors_uniform(v) + vectors_uniform(v) +
                 vectors_uniform(v);
        square += (double)out[i] * (double)out[i];
    }
    for (size_t i = 0; i < dim; i++)
        out[i] = (float)((double)out[i] / sqrt(square));
}

#endif
