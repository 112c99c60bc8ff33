/* SPDX-License-Identifier: Apache-2.0 */
/* draw_face.c - a face as people like to see it: its box, its score above, and
 * its points, eyes and mouth in colors of their own. */
#include "facet/draw.h"

#include <stdio.h>

#include "base/error.h"
#include "image/draw.h"

static void draw_one(facet__drawing *drawing, const facet_face *face)
{
    static const facet__ink frame = { 0.1, 0.8, 0.3 };
    static const facet__ink inks[FACET_LANDMARKS] = { { 0.2, 0.5, 1.0 },
        { 0.2, 0.5, 1.0 }, { 1.0, 0.8, 0.1 }, { 1.0, 0.3, 0.3 },
        { 1.0, 0.3, 0.3 } };
    char label[32];

    snprintf(label, sizeof label, "%.2f", (double)face->score);
    facet__draw_box(drawing, face->box, frame);
    for (int i = 0; i < FACET_LANDMARKS; i++)
        facet__draw_point(drawing, face->landmarks[i], inks[i]);
    facet__draw_label(
        drawing, (facet_point){ face->box.x, face->box.y }, label, frame);
}

facet_status facet_draw_face(
    facet_image *image, const facet_face *face, facet_error *err)
{
    return facet_draw_faces(image, face, 1, err);
}

facet_status facet_draw_faces(
    facet_image *image, const facet_face *faces, size_t count, facet_error *err)
{
    facet__drawing *drawing;
    facet_status st;

    if (!image || (count && !faces))
        return facet__fail(err, FACET_EINVAL, "no image or no face to draw");
    if (count == 0)
        return FACET_OK;
    st = facet__draw_begin(image, &drawing);
    if (st == FACET_ELIMIT)
        return facet__fail(err, st,
            "drawing faces: the picture is too large to draw on (a side over "
            "32,767 pixels); shrink it");
    for (size_t i = 0; i < count && st == FACET_OK; i++)
        draw_one(drawing, &faces[i]);
    if (st == FACET_OK)
        st = facet__draw_end(drawing);
    return st == FACET_OK ? FACET_OK : facet__fail_memory(err);
}
