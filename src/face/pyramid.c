/* SPDX-License-Identifier: Apache-2.0 */
/* pyramid.c - see pyramid.h.
 *
 * A YuNet sees faces of about 10 to 640 pixels. The finest level is the photo
 * itself up to 1280x1280 pixels; larger photos are shrunk to 1280x960 or by
 * 3.2, whichever keeps more, so that faces of 32 pixels are still found in a
 * photo of 100 megapixels. Each further level is four times smaller, down to
 * the first in which a face that fills the frame is one the network knows:
 * together they cost a tenth of the finest. */
#include "face/pyramid.h"

#include <math.h>

static const double smallest_seen = 10.0;  /* pixels, of the network's input */
static const double smallest_clear = 20.0; /* with points worth aligning by */
static const double auto_min_face = 32.0;
static const double shrunk_pixels = 1280.0 * 960.0;
static const int32_t level_ratio = 4;
static const int32_t last_level_side = 640; /* long side of the last, at most */
static const int32_t least_level_side = 256; /* and at least, if shrunk */
/* Faces that a finer level may have missed because they were too large for it:
 * from this side on, in pixels of the finer level. */
static const float too_large = 300.0F;
static const float too_large_tiled = 100.0F;

static double auto_scale(double pixels)
{
    if (pixels <= (double)FACET__TILE_PIXELS)
        return 1.0;
    return fmin(
        1.0, fmax(sqrt(shrunk_pixels / pixels), smallest_seen / auto_min_face));
}

/* Pixels of the finest level a pixel of the photo. */
static double finest_scale(double pixels, double min_face)
{
    const double scale = auto_scale(pixels);

    if (!(min_face > 0.0))
        return scale;
    if (scale * min_face < smallest_seen)
        return fmin(1.0, smallest_seen / min_face);
    return fmin(scale, smallest_clear / min_face);
}

static int32_t scaled(int32_t size, double scale)
{
    const double value = floor((double)size * scale + 0.5);

    return value < 1.0 ? 1 : (int32_t)value;
}

/* `size` rounded up to whole units. */
static int64_t padded(int64_t size)
{
    return (size + FACET__TILE_UNIT - 1) / FACET__TILE_UNIT * FACET__TILE_UNIT;
}

/* Cut `size` pixels into *count tiles of *tile pixels, at most `limit`. Tiles
 * begin at whole units, which may cost a unit of their overlap. */
static void cut(int32_t size, int32_t limit, int32_t *tile, int32_t *count)
{
    const int64_t overlap = FACET__TILE_OVERLAP + FACET__TILE_UNIT;
    int64_t n = 1;

    if (padded(size) > limit)
        n = (size - overlap + limit - overlap - 1) / (limit - overlap);
    *count = (int32_t)n;
    *tile = (int32_t)padded((size + (n - 1) * overlap + n - 1) / n);
}

static facet__level make_level(
    int32_t width, int32_t height, facet__input_size fixed)
{
    facet__level level = { .width = width, .height = height };
    const bool whole =
        padded(width) * padded(height) <= (int64_t)FACET__TILE_PIXELS;
    const int32_t side = 1280;

    if (fixed.width > 0) {
        cut(width, fixed.width, &level.tile_width, &level.columns);
        cut(height, fixed.height, &level.tile_height, &level.rows);
        level.tile_width = fixed.width;
        level.tile_height = fixed.height;
    } else {
        cut(width, whole ? INT32_MAX : side, &level.tile_width, &level.columns);
        cut(height, whole ? INT32_MAX : side, &level.tile_height, &level.rows);
    }
    return level;
}

static int32_t long_side(const facet__level *level)
{
    return level->width > level->height ? level->width : level->height;
}

facet__pyramid facet__pyramid_plan(
    int32_t width, int32_t height, float min_face, facet__input_size fixed)
{
    const double pixels = (double)width * (double)height;
    const double photo_side = width > height ? width : height;
    double scale = finest_scale(pixels, (double)min_face);
    facet__pyramid pyramid = { 0 };
    float min_side = 0.0F;

    for (;;) {
        facet__level *level = &pyramid.levels[pyramid.count++];
        int32_t side;

        *level = make_level(scaled(width, scale), scaled(height, scale), fixed);
        level->min_side = min_side;
        side = long_side(level);
        if (side <= last_level_side || pyramid.count == FACET__MAX_LEVELS)
            return pyramid;
        min_side =
            level->columns * level->rows > 1 ? too_large_tiled : too_large;
        scale = fmax((double)side / level_ratio, least_level_side) / photo_side;
        min_side *= (float)(scale * photo_side / side);
    }
}

/* Where the index-th of `count` tiles begins. */
static int32_t place(int32_t size, int32_t tile, int32_t count, int32_t index)
{
    if (index == 0)
        return 0;
    return (int32_t)padded(((int64_t)size - tile) * index / (count - 1));
}

facet__tile facet__level_tile(
    const facet__level *level, int32_t column, int32_t row)
{
    return (facet__tile){
        .x = place(level->width, level->tile_width, level->columns, column),
        .y = place(level->height, level->tile_height, level->rows, row),
        .cut_left = column > 0,
        .cut_top = row > 0,
        .cut_right = column + 1 < level->columns,
        .cut_bottom = row + 1 < level->rows,
    };
}

bool facet__tile_cuts(const facet__level *level, const facet__tile *tile,
    float x, float y, float width, float height)
{
    const float margin = (float)FACET__TILE_MARGIN;

    return (tile->cut_left && x < margin) || (tile->cut_top && y < margin) ||
           (tile->cut_right && x + width > (float)level->tile_width - margin) ||
           (tile->cut_bottom &&
               y + height > (float)level->tile_height - margin);
}
