/* SPDX-License-Identifier: Apache-2.0 */
/* teacher.h - any network in a file as a teacher, or its embeddings. */
#ifndef FACET__TEACHER_H
#define FACET__TEACHER_H

#include "train/dataset.h"
#include "train/trainable.h"

/* Load a network of one image input [n, 3, height, width] (n free or 1). What
 * it says is its first output, or with `all` all of them, one behind the other.
 * Crops for it are planes (facet__crop.nchw). `teacher->self` is freed by
 * facet__teacher_close. Errors: those of facet_model_load; FACET_EMODEL (told)
 * for a network of another kind or size. */
facet_status facet__teacher_open(const char *path, int width, int height,
    bool all, int threads, facet__teacher *teacher, facet_error *err);
/* The embeddings that a network once gave: a NumPy file of float32 [rows, dim]
 * and a list of the rows' names, one a line: the keys of the data set's
 * pictures. Rows of others are passed over. With `person` above 0 (to 1) each
 * answer about somebody with a name is moved so far towards the middle of the
 * answers about that person. Errors: those of reading,
 * FACET_EDAMAGED (another number of names, one twice), FACET_ENOTFOUND (a
 * picture without a row); told. */
facet_status facet__teacher_remember(const char *embeddings, const char *names,
    double person, const facet__dataset *data, facet__teacher *teacher,
    facet_error *err);
/* A zeroed teacher is fine. */
void facet__teacher_close(facet__teacher *teacher);

#endif
