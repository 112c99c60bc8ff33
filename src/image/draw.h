/* SPDX-License-Identifier: Apache-2.0 */
/* draw.h - marks on a picture for people to look at: boxes, points, lines and
 * short labels, as thick and large as the picture's size asks for.
 *
 * Coordinates are those of geometry.h. Draw between begin and end; the picture
 * is changed at the end. */
#ifndef FACET__DRAW_H
#define FACET__DRAW_H

#include "image/image.h"

typedef struct facet__drawing facet__drawing;

/* 0 to 1 each. */
typedef struct facet__ink {
    double red, green, blue;
} facet__ink;

/* `image` is borrowed until the end. Fails with FACET_ENOMEM, or FACET_ELIMIT
 * for a side over 32,767 pixels, which cairo cannot draw on. */
facet_status facet__draw_begin(facet_image *image, facet__drawing **out);

void facet__draw_box(facet__drawing *drawing, facet_box box, facet__ink ink);
/* A filled dot. */
void facet__draw_point(facet__drawing *drawing, facet_point at, facet__ink ink);
void facet__draw_line(
    facet__drawing *drawing, facet_point from, facet_point to, facet__ink ink);
/* `text` (UTF-8) on a plate of the ink's color that stands on the point, or
 * hangs from it where the picture ends above; kept within the picture. */
void facet__draw_label(
    facet__drawing *drawing, facet_point at, const char *text, facet__ink ink);

/* Put the marks into the picture and free the drawing. NULL is a no-op. */
facet_status facet__draw_end(facet__drawing *drawing);

#endif
