/* SPDX-License-Identifier: Apache-2.0 */
/* raster.h - triangles onto a grid of samples, the nearest wins.
 *
 * What is stored for a sample is which triangle it shows, and how near it is;
 * where on the triangle it lies follows from its corners. */
#ifndef FACET__RASTER_H
#define FACET__RASTER_H

#include <stdint.h>

#include "facet/status.h"
#include "synth/vec3.h"

#define FACET__NO_TRIANGLE UINT32_MAX

/* A grid of samples: x, y of a corner are samples, z grows towards the eye. */
typedef struct facet__raster {
    int32_t width, height;
    float *depth;    /* [height, width]; -inf where nothing is */
    uint32_t *shown; /* the same; NULL where only depth matters */
} facet__raster;

facet_status facet__raster_create(
    int32_t width, int32_t height, int with_triangles, facet__raster *out);
void facet__raster_free(facet__raster *raster);
void facet__raster_clear(facet__raster *raster);

/* Draw triangles whose corners `at` are already in samples; the i-th is noted
 * as first + i. Both sides are drawn. A triangle with a corner that is not
 * finite is left out. */
void facet__raster_draw(facet__raster *raster, const facet__vec3 *at,
    const uint32_t (*triangles)[3], uint32_t n_triangles, uint32_t first);

/* Weights of the corners a, b, c at the sample x, y; they add up to 1. */
facet__vec3 facet__weights(
    facet__vec3 a, facet__vec3 b, facet__vec3 c, float x, float y);

#endif
