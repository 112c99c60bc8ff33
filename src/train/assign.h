/* SPDX-License-Identifier: Apache-2.0 */
/* assign.h - which cells of a detector should answer for which face: SimOTA
 * (Ge, Liu, Wang, Li, Sun: "YOLOX", 2021, section 2.3).
 *
 * A face asks the cells that lie in it or around its middle. What a cell would
 * cost is how unsure it is plus how far its box is off; the face takes the
 * cheapest, about as many as its best boxes overlap it in sum. A cell that is
 * taken twice goes to the face where it is cheaper. */
#ifndef FACET__ASSIGN_H
#define FACET__ASSIGN_H

#include <stddef.h>

#include "train/targets.h"

enum { FACET__LEVELS = 3, FACET__CELL_NUMBERS = 16 };

/* The cells of a picture: those of stride 8 first, row by row. */
typedef struct facet__grid {
    int32_t columns[FACET__LEVELS], rows[FACET__LEVELS];
    size_t first[FACET__LEVELS]; /* number of a level's first cell */
    size_t cells;
} facet__grid;

/* For pictures of width x height pixels, multiples of 32. */
facet__grid facet__grid_of(size_t width, size_t height);
static inline int32_t facet__grid_stride(int level)
{
    return 8 << level;
}

/* A picture's answers, as a YuNet's outputs stand one behind the other. */
typedef struct facet__answers {
    const float *cls, *obj; /* [cells], after their sigmoids */
    const float *box;       /* [cells][4] center x y, log width height */
    const float *points;    /* [cells][5][2] */
} facet__answers;

/* `x` holds cells * FACET__CELL_NUMBERS numbers. */
facet__answers facet__answers_of(const facet__grid *grid, const float *x);

/* Where a cell's number says its box is: x, y of the middle, width, height in
 * pixels. */
void facet__answer_box(const facet__grid *grid, const facet__answers *answers,
    size_t cell, double box[4]);
/* A cell's level, column and row. */
void facet__grid_place(const facet__grid *grid, size_t cell, int *level,
    int32_t *column, int32_t *row);

enum { FACET__CELL_EMPTY = -1, FACET__CELL_IGNORED = -2 };

/* Scratch of one assignment. */
typedef struct facet__asking {
    uint32_t cell;
    float cost, overlap;
} facet__asking;

/* face[cells]: the number of a cell's target, or FACET__CELL_EMPTY, or _IGNORED
 * for those in ignored targets. `cost` [cells] and `asking` [cells] are
 * scratch. The number of cells that have a target. */
size_t facet__assign(const facet__grid *grid, const facet__answers *answers,
    const facet__targets *targets, int32_t *face, float *cost,
    facet__asking *asking);

#endif
