/* SPDX-License-Identifier: Apache-2.0 */
/* noise.h - smooth random numbers over space: the same place has the same
 * number, whoever asks. */
#ifndef FACET__NOISE_H
#define FACET__NOISE_H

#include <stdint.h>

/* Value noise over the plane, -1 to 1, one bump a unit. */
float facet__noise2(float x, float y, uint32_t seed);
/* The same over space. */
float facet__noise3(float x, float y, float z, uint32_t seed);
/* A number from -1 to 1 for a cell. */
float facet__cell(int32_t x, int32_t y, int32_t z, uint32_t seed);

#endif
