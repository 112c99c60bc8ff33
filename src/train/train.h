/* SPDX-License-Identifier: Apache-2.0 */
/* train.h - a recipe, a network and a folder: train. */
#ifndef FACET__TRAIN_H
#define FACET__TRAIN_H

#include "train/recipe.h"

typedef struct facet__train_opts {
    const char *folder; /* of the run */
    bool resume;
    facet__pool *pool; /* for losses, optimizer and validation; may be NULL */
    const volatile sig_atomic_t *stop; /* as in facet__run_setup */
    const facet_comm *comm;            /* likewise */
    void (*on_progress)(void *context, const facet__progress *progress);
    void (*on_broken)(void *context, const char *name, const char *why);
    void *context; /* of both */
} facet__train_opts;

/* Open the recipe's data, losses and validation and run it on `net` (and
 * `teacher`, NULL without one). The recipe decides everything but the network
 * itself, which the caller has made after its `network` section. Errors: those
 * of facet__run, and whatever is wrong with data or pairs, told before the
 * first step. */
facet_status facet__train(const facet__recipe *recipe,
    const facet__trainable *net, const facet__teacher *teacher,
    const facet__train_opts *opts, facet_error *err);

#endif
