/* SPDX-License-Identifier: Apache-2.0 */
/* unit.h - embeddings at length 1. */
#ifndef FACET__UNIT_H
#define FACET__UNIT_H

#include <stdbool.h>
#include <stddef.h>

/* out [dim] = row [dim] / |row|, with one zero, not two; `out` may be `row`.
 * False when the length is 0 or not finite: nothing is written. */
bool facet__to_unit(const float *row, size_t dim, float *out);

#endif
