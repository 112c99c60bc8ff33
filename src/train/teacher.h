/* SPDX-License-Identifier: Apache-2.0 */
/* teacher.h - any network in a file as a teacher. */
#ifndef FACET__TEACHER_H
#define FACET__TEACHER_H

#include "train/trainable.h"

/* Load a network of one image input [n, 3, height, width] (n free or 1) and one
 * embedding output. Crops for it are planes (facet__crop.nchw). `teacher->self`
 * is freed by facet__teacher_close. Errors: those of facet_model_load;
 * FACET_EMODEL (told) for a network of another kind or size. */
facet_status facet__teacher_open(const char *path, int width, int height,
    int threads, facet__teacher *teacher, facet_error *err);
/* A zeroed teacher is fine. */
void facet__teacher_close(facet__teacher *teacher);

#endif
