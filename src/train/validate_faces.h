/* SPDX-License-Identifier: Apache-2.0 */
/* validate_faces.h - how good a detector is while it is being trained: the
 * network is written, loaded and used as by anyone else, so that the number is
 * the one that `facet eval detect` gives. */
#ifndef FACET__VALIDATE_FACES_H
#define FACET__VALIDATE_FACES_H

#include "train/trainable.h"

typedef struct facet__face_validation facet__face_validation;

typedef struct facet__face_validation_setup {
    const char *faces;        /* list of marked faces (facet/detection.h) */
    const char *const *paths; /* [n_paths] folders and archives of pictures */
    size_t n_paths;
    const char *folder; /* for the network's file, which does not stay */
} facet__face_validation_setup;

/* Each picture of the list is looked at once. Errors: those of
 * facet_labels_read and of a picture, naming it; FACET_EEMPTY (no face to judge
 * by), FACET_ENOMEM. */
facet_status facet__face_validation_open(
    const facet__face_validation_setup *setup, facet__face_validation **out,
    facet_error *err);
void facet__face_validation_close(facet__face_validation *validation);

/* *score: average precision over all faces of 10 pixels and more. Errors:
 * those of writing and loading a network, of pictures and of detecting. */
facet_status facet__face_validation_run(facet__face_validation *validation,
    const facet__trainable *net, double *score, facet_error *err);

#endif
