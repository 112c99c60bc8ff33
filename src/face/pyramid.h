/* SPDX-License-Identifier: Apache-2.0 */
/* pyramid.h - which shrunken copies of a photo the detector looks at, and in
 * which tiles.
 *
 * Plain geometry, no pixels: so that "every face up to this size lies whole in
 * some tile" can be tested for every size of photo. */
#ifndef FACET__PYRAMID_H
#define FACET__PYRAMID_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FACET__MAX_LEVELS = 8,
    FACET__TILE_UNIT = 32,            /* input sizes are multiples of it */
    FACET__TILE_PIXELS = 1280 * 1280, /* of one network run at most */
    FACET__TILE_OVERLAP = 192,        /* neighbors share at least so much */
    FACET__TILE_MARGIN = 16,          /* a find so near to a cut is left to the
                                         neighbor */
    /* A box up to this side lies whole, with the margin, in some tile. */
    FACET__TILE_WHOLE = FACET__TILE_OVERLAP - 2 * FACET__TILE_MARGIN,
};

/* A copy of the photo, width x height pixels, under columns x rows tiles that
 * are all of the same size. The last ones may reach past the copy; what is
 * there is black. */
typedef struct facet__level {
    int32_t width, height;
    int32_t tile_width, tile_height;
    int32_t columns, rows;
    float min_side; /* finds below this side are left to the finer level */
} facet__level;

typedef struct facet__pyramid {
    int count;                              /* at least 1 */
    facet__level levels[FACET__MAX_LEVELS]; /* finest first */
} facet__pyramid;

/* What the network's input may be: 0 for any size. */
typedef struct facet__input_size {
    int32_t width, height;
} facet__input_size;

/* Plan for a photo of width x height pixels. `min_face` in pixels of the photo,
 * 0 for automatic. */
facet__pyramid facet__pyramid_plan(
    int32_t width, int32_t height, float min_face, facet__input_size fixed);

/* A tile's place in its level, and which of its sides cut the level. */
typedef struct facet__tile {
    int32_t x, y;
    bool cut_left, cut_top, cut_right, cut_bottom;
} facet__tile;

facet__tile facet__level_tile(
    const facet__level *level, int32_t column, int32_t row);

/* Is a box, in pixels of the tile, too near to a cut side? */
bool facet__tile_cuts(const facet__level *level, const facet__tile *tile,
    float x, float y, float width, float height);

#endif
