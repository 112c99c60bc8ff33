/* SPDX-License-Identifier: Apache-2.0 */
/* validate_landmarks.h - how far off the points of faces never seen are. */
#ifndef FACET__VALIDATE_LANDMARKS_H
#define FACET__VALIDATE_LANDMARKS_H

#include "train/landmarks.h"
#include "train/trainable.h"

typedef struct facet__landmark_validation_setup {
    const facet__dataset *dataset; /* borrowed, as are the landmarks */
    const facet__landmarks *landmarks;
    facet__crop crop; /* as the network wants it */
} facet__landmark_validation_setup;

/* Of every face of the data set, in the square that its marked points ask for,
 * the mean distance of answer and mark, in distances of the eyes' outer corners
 * (points 36 and 45; at least a twelfth of the square, for faces from the
 * side). *score is 1 less the mean over faces, so that more is better. Errors:
 * those of reading and of the network. */
facet_status facet__landmark_validation_run(
    const facet__landmark_validation_setup *setup, const facet__trainable *net,
    double *score, facet_error *err);

/* The same without a network: can all pictures be read, and their faces be cut
 * out? Errors name the picture. */
facet_status facet__landmark_validation_look(
    const facet__landmark_validation_setup *setup, facet_error *err);

#endif
