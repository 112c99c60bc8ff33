/* SPDX-License-Identifier: Apache-2.0 */
/* inputs.h - what a training is fed with, as one number: who goes on with it,
 * or shares it, must be fed with the same. */
#ifndef FACET__INPUTS_H
#define FACET__INPUTS_H

#include "train/recipe.h"

/* SHA-256, hexadecimal, of the pictures' keys and labels and of all files that
 * the recipe names beside them: networks, a teacher's answers, marked faces and
 * points. Not of the pictures themselves. Errors: those of reading, told. */
facet_status facet__inputs_hash(const facet__recipe *recipe,
    const facet__dataset *data, char hash[65], facet_error *err);

/* To it what scores are made with, where there is a judge: the lists and the
 * detector of the recipe's `validation`, and its pictures' keys and labels;
 * NULL for a judge without a data set. Errors likewise. */
facet_status facet__inputs_hash_judge(const facet__recipe *recipe,
    const facet__dataset *data, char hash[65], facet_error *err);

#endif
