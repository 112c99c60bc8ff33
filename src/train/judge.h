/* SPDX-License-Identifier: Apache-2.0 */
/* judge.h - who says how good the network is so far: what a recipe's section
 * `validation` names, whichever kind of network it is for. */
#ifndef FACET__JUDGE_H
#define FACET__JUDGE_H

#include "train/recipe.h"

/* Zeroed: nobody judges. */
typedef struct facet__judge {
    facet_status (*score)(void *self, const facet__trainable *net,
        double *score, facet_error *err);
    void (*close)(void *self);
    /* The pictures it judges by; NULL for none of a data set. */
    const facet__dataset *(*data)(const void *self);
    void *self; /* NULL where another process judges */
} facet__judge;

/* Process 0 alone judges (`here`), for the data need not be where the others
 * are; `score` is set in all. `folder` is the run's, `pool` for decoding; may
 * be NULL. Errors: whatever is wrong with lists and data, told. */
facet_status facet__judge_open(const facet__recipe *recipe, bool here,
    const char *folder, facet__pool *pool, facet__judge *out, facet_error *err);
void facet__judge_close(facet__judge *judge);

#endif
