/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_ALIGN_H
#define FACET_ALIGN_H

/**
 * @file
 * Alignment: turn, scale and move a face so that its five points fall on those
 * of a template, and cut out the crop that a network was trained on.
 */

#include <stddef.h>

#include "facet/detector.h"
#include "facet/geometry.h"
#include "facet/image.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Where the five points lie in an aligned crop of width x height pixels. */
typedef struct facet_align_template {
    char name[32]; /**< "" for one without a name */
    int width, height;
    facet_point points[FACET_LANDMARKS]; /**< pixels; order of facet_face */
} facet_align_template;

/** Number of built-in templates. */
FACET_API size_t facet_template_count(void);

/** The index-th built-in template, static memory; NULL out of range. */
FACET_API const facet_align_template *facet_template_at(size_t index);

/**
 * A template by name: "arcface-112" (ArcFace and most networks since),
 * "arcface-96x112" (SphereFace, CosFace), "0095-128" (OpenVINO's
 * face-reidentification-retail-0095), "loose-160" (the whole head).
 *
 * @return Static memory; NULL for an unknown name.
 */
FACET_API const facet_align_template *facet_template_find(const char *name);

/**
 * The same template for crops of another size: the points are scaled by the
 * ratio of the heights and stay centered in x.
 *
 * Errors: FACET_EINVAL (NULL; a size outside 1 to 4096).
 */
FACET_API FACET_MUST_USE facet_status facet_template_resize(
    const facet_align_template *from, int width, int height,
    facet_align_template *out);

/**
 * A template from text as it stands in a network's metadata: a name, or ten
 * numbers x y of the five points, separated by blanks or commas.
 *
 * @param width  Of the crop in pixels, as is `height`. A named template is
 *               brought to that size by facet_template_resize.
 *
 * Errors: FACET_EINVAL (NULL, size), FACET_EMODEL (unknown name, not ten finite
 *         numbers, points that are all the same).
 */
FACET_API FACET_MUST_USE facet_status facet_template_parse(const char *text,
    int width, int height, facet_align_template *out, facet_error *err);

/** (x, y) goes to (a x - b y + tx, b x + a y + ty). */
typedef struct facet_similarity {
    double a, b, tx, ty;
} facet_similarity;

/**
 * The similarity (rotation, uniform scale, translation, no mirroring) that
 * takes `from` nearest to `to` in the sense of least squares.
 *
 * @param from  `count` points, at least 2; `to` as many.
 * @param out   Untouched on error.
 *
 * Errors: FACET_EINVAL (NULL, count, a coordinate that is not finite, points
 *         of `from` or of `to` that all fall together, a mirrored figure: no
 *         similarity fits them).
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_similarity_fit(
    const facet_point *from, const facet_point *to, size_t count,
    facet_similarity *out, facet_error *err);

/**
 * Cut an aligned crop out of an image.
 *
 * @param image      Upright image.
 * @param landmarks  Five points in pixels of `image`.
 * @param crop       Receives a new 8-bit RGB image of the template's size; free
 *                   it with facet_image_free. What lies outside the image is
 *                   black. NULL on failure.
 *
 * Sampling is bilinear, and averages over the pixels of the image where the
 * crop shrinks them. Crops are rounded to 8 bits so that a stored crop gives
 * the same embedding as the photo it came from.
 * Errors: FACET_EINVAL (NULL, points that do not fit, see
 *         facet_similarity_fit), FACET_ENOMEM.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_align(const facet_image *image,
    const facet_point landmarks[FACET_LANDMARKS],
    const facet_align_template *to, facet_image **crop, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
