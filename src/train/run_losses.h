/* SPDX-License-Identifier: Apache-2.0 */
/* run_losses.h - the losses of a batch, of which this process may hold a part.
 *
 * A loss that is a mean over samples is taken of each process's own, and the
 * parts are added. One that looks at pairs sees the embeddings of the whole
 * batch in every process, so that mining finds what it would find alone; each
 * process then takes its own embeddings' gradient, and an equal share of those
 * of the loss's parameters. Either way the sums over processes are the value
 * and the gradients of the whole batch. */
#ifndef FACET__RUN_LOSSES_H
#define FACET__RUN_LOSSES_H

#include "train/run.h"

typedef struct facet__run_losses {
    const facet__run_setup *setup;
    size_t whole, first, count; /* pictures of a batch, own ones */
    float *dx;                  /* [count][dim] dL/d(own embeddings) */
    float *part;                /* [whole][dim] that of one loss */
    /* The whole batch, or NULL where no loss asks for it. */
    float *x;        /* [whole][dim] */
    int32_t *labels; /* [whole] */
    float *teacher;  /* [whole][dim], or NULL where no loss on pairs has one */
    size_t *sizes;   /* [processes] for gathering */
    /* Of the last batch, the same in all processes. */
    double value; /* of the weighted sum of losses */
    double mined; /* share of terms that are active */
} facet__run_losses;

/* Errors: FACET_EINVAL (fewer pictures than processes), FACET_ENOMEM. */
facet_status facet__run_losses_open(
    const facet__run_setup *setup, facet__run_losses *losses, facet_error *err);
void facet__run_losses_close(facet__run_losses *losses);

/* Collective. Value and gradients from the own embeddings x [count][dim] and
 * the teacher's view of them (or NULL). The losses' parameters get this
 * process's part of their gradients. Errors as facet__loss_run, and those of
 * facet_comm. */
facet_status facet__run_losses_take(facet__run_losses *losses,
    const facet__load *load, const float *x, const float *teacher,
    facet_error *err);

#endif
