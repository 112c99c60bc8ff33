/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h - where blocks lie that do not all live at the same time.
 *
 * A block lives from the step that first writes it to the last that reads it.
 * Two blocks may share bytes when their lives do not overlap. The largest are
 * placed first, each at the lowest address that is free during its life. */
#ifndef FACET__ARENA_H
#define FACET__ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "facet/status.h"

typedef struct facet__block {
    size_t bytes;
    size_t offset;  /* the answer: a multiple of 64 */
    int born, dies; /* steps, both included */
    bool used;      /* blocks that are not used get no place */
} facet__block;

/* A block that no step has touched yet. */
facet__block facet__block_of(size_t bytes);
/* Step `step` touches the block. */
void facet__block_touch(facet__block *block, int step);

/* Give every used block an offset; *bytes is the arena's size. Sizes are
 * rounded up so that a kernel may read a vector past a block's end. */
facet_status facet__arena_place(
    facet__block *blocks, size_t count, size_t *bytes);

#endif
