/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_DRAW_H
#define FACET_DRAW_H

/**
 * @file
 * Marks on a picture, for people to look at.
 */

#include "facet/detector.h"
#include "facet/image.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Draw a face's box, score and five points into the image it was found in.
 *
 * @param image  Upright, as it was when the face was found; changed. What lies
 *               outside it is not drawn.
 * @param err    NULL, or receives what was wrong.
 *
 * Errors: FACET_EINVAL (NULL), FACET_ELIMIT (a side over 32,767 pixels),
 *         FACET_ENOMEM.
 * Thread safety: one image belongs to one thread at a time.
 */
FACET_API FACET_MUST_USE facet_status facet_draw_face(
    facet_image *image, const facet_face *face, facet_error *err);

/**
 * Likewise for `count` faces, one behind the other in memory, as
 * facet_detector_find and facet_faces_face give them. What it costs hangs on
 * the size of the picture, hardly on how many they are.
 *
 * @param faces  May be NULL when `count` is 0.
 *
 * Errors and thread safety: as facet_draw_face.
 */
FACET_API FACET_MUST_USE facet_status facet_draw_faces(facet_image *image,
    const facet_face *faces, size_t count, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
