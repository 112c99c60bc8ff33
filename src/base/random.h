/* SPDX-License-Identifier: Apache-2.0 */
/* random.h - random numbers that depend on where they are drawn, not on when.
 *
 * A stream is named by up to three numbers, for example (seed, epoch, index of
 * a sample), so that any thread draws the same numbers for the same sample in
 * any order. Not for secrets. */
#ifndef FACET__RANDOM_H
#define FACET__RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct facet__random {
    uint64_t state;
} facet__random;

facet__random facet__random_stream(uint64_t a, uint64_t b, uint64_t c);

uint64_t facet__random_u64(facet__random *random);
/* Uniform in [0, n), n >= 1, without bias. */
uint64_t facet__random_below(facet__random *random, uint64_t n);
/* Uniform in [0, 1), a multiple of 2^-53. */
double facet__random_unit(facet__random *random);
/* Uniform in [low, high). */
double facet__random_between(facet__random *random, double low, double high);
/* Standard normal. */
double facet__random_normal(facet__random *random);
/* A random order of `count` numbers. */
void facet__random_shuffle(
    facet__random *random, uint32_t *numbers, size_t count);

#endif
