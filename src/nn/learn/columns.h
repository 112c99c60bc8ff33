/* SPDX-License-Identifier: Apache-2.0 */
/* columns.h - what output pixels see of a map, as rows of a matrix, and back.
 *
 * Row r of the matrix [rows][kernel_h][kernel_w][channels] belongs to output
 * pixel r (all images counted through); what lies outside the map is zero. */
#ifndef FACET__COLUMNS_H
#define FACET__COLUMNS_H

#include "nn/engine/view.h"
#include "nn/infer.h"

typedef struct facet__columns {
    const facet__view *map; /* NHWC; only its shape for adding */
    const facet__window *window;
    size_t out_h, out_w;
    size_t first_channel, channels; /* of the map's: a group's */
} facet__columns;

size_t facet__columns_depth(const facet__columns *c);

/* Rows [first, first + count) into `to`, elements of the map's type. */
void facet__columns_gather(
    const facet__columns *c, size_t first, size_t count, void *to);

/* Add rows [first, first + count) to the map `sums` (floats, the map's shape).
 */
void facet__columns_add(const facet__columns *c, size_t first, size_t count,
    const float *rows, float *sums);

#endif
