/* SPDX-License-Identifier: Apache-2.0 */
/* landmarks.h - pictures with 68 marked points: what a landmark network learns
 * from.
 *
 * A list is text, a face a line: the picture's file, then x y of the 68 points
 * in pixels of the picture, blanks between. A picture may have several lines.
 * Pictures are known by their names without folder and ending. */
#ifndef FACET__TRAIN_LANDMARKS_H
#define FACET__TRAIN_LANDMARKS_H

#include "facet/geometry.h"
#include "facet/synth.h"
#include "train/loader.h"

enum { FACET__LANDMARK_NUMBERS = 2 * FACET_HEAD_POINTS };

typedef struct facet__landmarks facet__landmarks;

/* The data set is borrowed. Errors: those of reading a file, FACET_EDAMAGED (a
 * line; told), FACET_ENOTFOUND (a picture without a line), FACET_ENOMEM. */
facet_status facet__landmarks_open(const char *path,
    const facet__dataset *dataset, facet__landmarks **out, facet_error *err);
void facet__landmarks_close(facet__landmarks *landmarks);

/* Lines of picture `index` of the data set: the first, and their number. */
size_t facet__landmarks_of(
    const facet__landmarks *landmarks, uint32_t index, size_t *first);
/* The points of the number-th line, pixels of its picture. */
const facet_point *facet__landmarks_points(
    const facet__landmarks *landmarks, size_t number);

/* A face as a landmark network sees it, in the square that its points ask for
 * (face/landmarks.h), moved by the jitter (frame -> frame, pixels of the
 * crop): `rgb`, and in `wanted` where its points lie in the crop. Errors:
 * FACET_EINVAL (points that no camera fits), FACET_ENOMEM. */
facet_status facet__landmarks_cut(const facet_image *image,
    const facet_point points[FACET_HEAD_POINTS], const facet__jitter *jitter,
    const facet__crop *crop, uint8_t *rgb,
    float wanted[FACET__LANDMARK_NUMBERS], facet_error *err);

/* A loader's way to fill places: `self` is the facet__landmarks; the numbers
 * wanted are x y of the points, pixels of the crop. */
facet_status facet__landmarks_make(void *self, const facet__loader_setup *setup,
    facet__hand *hand, const facet__place *place, facet_error *err);

#endif
