/* SPDX-License-Identifier: Apache-2.0 */
/* dataset.h - candidates for names, what became of them, and the page that
 * shows it. */
#ifndef FACET_CLI_DATASET_H
#define FACET_CLI_DATASET_H

#include "eval.h"
#include "facet/collect.h"

typedef struct dataset {
    eval_run run; /* the list and its embeddings; a candidate is a file */
    facet_collect_opts opts;
    const char *folder;      /* where it goes */
    uint32_t *names;         /* [n_files]: subjects */
    facet_collected *became; /* [n_files] */
    uint32_t *order;         /* [n_files], name by name, each by rank */
} dataset;

/* Write index.html into the folder. */
int dataset_page(dataset *d);

#endif
