/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_GEOMETRY_H
#define FACET_GEOMETRY_H

/**
 * @file
 * Places in a picture. Unless said otherwise they are pixels of the upright
 * (EXIF-applied) image, and integer values are pixel centers: (0, 0) is the
 * center of the top left pixel, x grows to the right, y downwards.
 */

/** A point, pixels. */
typedef struct facet_point {
    float x, y;
} facet_point;

/** A rectangle from (x, y) to (x + width, y + height), pixels. */
typedef struct facet_box {
    float x, y, width, height;
} facet_box;

#endif
