/* SPDX-License-Identifier: Apache-2.0 */
/* validate.h - how good is the network so far? Verification accuracy on a pairs
 * file, by the protocol of LFW view 2 (papers.md E.1), for choosing among the
 * states of one run. The full protocols are in eval/. */
#ifndef FACET__VALIDATE_H
#define FACET__VALIDATE_H

#include "train/trainable.h"
#include "train/unmoved.h"

typedef struct facet__validation facet__validation;

typedef struct facet__validation_setup {
    const char *pairs; /* "folds<TAB>n", then "key<TAB>key<TAB>1|0" lines, fold
                        * after fold of 2n pairs; keys are those of the data */
    facet__unmoved from; /* the crops compared */
} facet__validation_setup;

/* Each picture is looked at once. Errors: those of reading the file;
 * FACET_EDAMAGED naming the line, FACET_ENOTFOUND naming a key that the data do
 * not have; those of a picture, naming it; FACET_ENOFACE when none has a face.
 */
facet_status facet__validation_open(const facet__validation_setup *setup,
    facet__validation **out, facet_error *err);
void facet__validation_close(facet__validation *validation);

/* Embed all pictures and compare the pairs by cosine: the accuracy of `facet
 * eval pairs` (facet_fold_accuracy), where a picture without a face is
 * rejected. Errors: a broken picture, and those of the network. */
facet_status facet__validation_run(facet__validation *validation,
    const facet__trainable *net, double *accuracy, facet_error *err);

#endif
