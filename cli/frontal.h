/* SPDX-License-Identifier: Apache-2.0 */
/* frontal.h - faces turned to the front, for `facet align --frontal`. */
#ifndef FACET_CLI_FRONTAL_H
#define FACET_CLI_FRONTAL_H

#include "facet/frontal.h"

/* What the threads need: one landmarker each, the rest shared. */
typedef struct frontals {
    facet_head *head;
    facet_frontal *frontal;
    facet_model *model;
    facet_landmarker **landmarkers; /* [threads] */
    int threads;
} frontals;

/* What is told of a face. */
typedef struct frontal_told {
    facet_point points[FACET_HEAD_POINTS];
    facet_frontal_result result;
} frontal_told;

/* Complains on failure; the return value is the exit status then.
 * `landmarks` is the file as given, or NULL. */
int frontals_open(
    frontals *f, const char *landmarks, facet_precision precision, int threads);
void frontals_close(frontals *f);

/* Find the 68 points of a face and turn it to the front. */
facet_status frontals_crop(const frontals *f, int thread,
    const facet_image *image, const facet_face *face, facet_image **crop,
    frontal_told *told, facet_error *err);

#endif
