/* SPDX-License-Identifier: Apache-2.0 */
/* landmarks.h - what the 68 points of a face say without pixels: which is which
 * in the mirror, and the square that a landmark network looks at. */
#ifndef FACET__LANDMARKS_H
#define FACET__LANDMARKS_H

#include "facet/align.h"
#include "facet/synth.h"

/* The point on the other side of the face. */
int facet__landmark_mirrored(int i);

/* A square of `width` x `width` pixels for a box of side `box` around `middle`,
 * `margin` times as large and turned clockwise by `turn`: from its pixels to
 * those of the picture. */
facet_similarity facet__square_around(
    facet_point middle, double box, double margin, double turn, int64_t width);

/* The square that 68 points ask for: that of the box that a detector would find
 * around such a head. Errors: FACET_EINVAL (points that no camera fits). */
facet_status facet__landmark_square(const facet_point points[FACET_HEAD_POINTS],
    double margin, int64_t width, facet_similarity *square);

#endif
