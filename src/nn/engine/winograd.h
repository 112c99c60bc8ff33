/* SPDX-License-Identifier: Apache-2.0 */
/* winograd.h - 3x3 convolutions with fewer multiplications.
 *
 * Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (2015),
 * F(2x2, 3x3): two by two outputs come from sixteen products instead of 36,
 *
 *   Y = A' [sum over channels of (G g G') . (B' d B)] A
 *
 * with d the 4x4 pixels that the four outputs see, g the filter, and
 *
 *        1  0 -1  0          1    0    0
 *   B' = 0  1  1  0      G = 1/2  1/2  1/2     A' = 1  1  1  0
 *        0 -1  1  0          1/2 -1/2  1/2          0  1 -1 -1
 *        0  1  0 -1          0    0    1
 *
 * G g G' is made once, the sum over channels is one matrix product for each of
 * the sixteen places, and what is here are the two transforms beside it: adds
 * and subtractions only, so that the error is about twice that of the plain
 * sum. */
#ifndef FACET__WINOGRAD_H
#define FACET__WINOGRAD_H

#include "nn/engine/gemm.h"

enum { FACET__WINOGRAD_PLACES = 16 };

/* B' d B of one tile. */
typedef struct facet__winograd_in {
    const void *pixel[FACET__WINOGRAD_PLACES]; /* [channels] each */
    size_t channels;
    bool from_bf16, to_bf16; /* the pixels; the places */
    void *to;                /* [place][channels] */
    size_t to_stride;        /* numbers between places */
} facet__winograd_in;

/* A' m A of one tile, and what becomes of a sum on its way to memory (residual
 * and its stride in the epilogue are not used, but residual_type is). */
typedef struct facet__winograd_out {
    const float *from;  /* [place][n] */
    size_t from_stride; /* numbers between places */
    size_t n;           /* channels, at most FACET__NR */
    void *pixel[4];     /* [n] each; NULL: outside of the map */
    bool to_bf16;
    const void *residual[4]; /* like pixel; all NULL: none */
    facet__epilogue epilogue;
} facet__winograd_out;

typedef struct facet__winograd {
    void (*in)(const facet__winograd_in *tile);
    void (*out)(const facet__winograd_out *tile);
} facet__winograd;

/* Plain C, the specification of the others. */
extern const facet__winograd facet__winograd_ref;
#if defined(__x86_64__)
extern const facet__winograd facet__winograd_avx2;
extern const facet__winograd facet__winograd_avx512;
extern const facet__winograd facet__winograd_avx512bf16;
#endif

/* G g G' of a filter g[3][3]. */
void facet__winograd_filter(
    const float *g, float places[FACET__WINOGRAD_PLACES]);

#endif
