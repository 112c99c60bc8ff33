/* SPDX-License-Identifier: Apache-2.0 */
/* run.h - a training from its first step to its last, through interruptions.
 *
 * In the run's folder:
 *   checkpoint.bin   all it needs to go on (docs/formats/checkpoint.md)
 *   metrics.jsonl    one line every `log_every` steps, one a validation
 *   curves.svg       the same, drawn
 *   best.onnx        the network of the best validation
 *   last.onnx        the network as it is at the end
 *
 * A run that was stopped or killed and goes on makes the same steps, to the
 * bit, as one that never was, with the same number of processes.
 *
 * Several processes (docs/design/data-parallel.md) each take their share of
 * every batch and together make the steps of one: the same order of pictures,
 * the same augmentation, mining over the whole batch, and batch statistics of
 * all of it. Sums are taken in another order, so the last bits differ. Process
 * 0 alone touches the folder and tells of progress. */
#ifndef FACET__RUN_H
#define FACET__RUN_H

#include <signal.h>

#include "facet/comm.h"
#include "train/loader.h"
#include "train/loss.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/trainable.h"

enum { FACET__RUN_LOSSES = 4 };

typedef enum facet__event {
    FACET__PROGRESS_STEP,
    FACET__PROGRESS_VALIDATION,
    FACET__PROGRESS_ROLLBACK,
    FACET__PROGRESS_RESUMED,
    FACET__PROGRESS_STOPPED,
} facet__event;

/* Whose pictures batch normalisation looks at. */
typedef enum facet__norms {
    FACET__NORMS_WHOLE, /* the whole batch's, as a single process would */
    FACET__NORMS_OWN,   /* each process its own, which waits for nobody; running
                         * statistics are the mean over processes */
} facet__norms;

extern const char *const facet__norms_names[]; /* ended by NULL */

/* What there is to tell while a run goes. */
typedef struct facet__progress {
    facet__event what;
    uint64_t step, steps; /* made, of so many */
    double epoch;
    double loss; /* smoothed */
    double rate;
    double norm;       /* of the gradient */
    double mined;      /* share of terms that are active */
    double per_second; /* images */
    double seconds_left;
    double score;    /* of the last validation */
    size_t broken;   /* pictures, in all processes */
    const char *why; /* rollback: what happened */
} facet__progress;

typedef struct facet__run_setup {
    const char *folder; /* made if it is not there */
    facet__trainable net;
    facet__loss *losses[FACET__RUN_LOSSES];
    double weights[FACET__RUN_LOSSES]; /* of each loss */
    size_t n_losses;
    const facet__teacher *teacher; /* or NULL; fed with crop 1 of the loader */
    facet__loader_setup data;      /* `first` and `share` are set by the run */
    const facet_comm *comm; /* the other processes; NULL: there are none */
    facet__norms norms;
    facet__optimizer_setup optimizer;
    facet__schedule schedule;
    facet__pool *pool;         /* for losses and optimizer; may be NULL */
    const char *recipe_hash;   /* a checkpoint of another one is refused */
    const char *inputs_hash;   /* likewise */
    uint64_t log_every;        /* steps; at least 1 */
    uint64_t checkpoint_every; /* likewise */
    uint64_t validate_every;   /* 0: never */
    /* Larger is better. May be NULL. The network has its running-mean weights,
     * if any. */
    facet_status (*validate)(void *context, const facet__trainable *net,
        double *score, facet_error *err);
    void *validate_context;
    bool resume;    /* go on from the folder's checkpoint; without it a folder
                     * that has one is refused */
    double explode; /* a loss over so many times (its running mean + 1) rolls
                     * back */
    int max_rollbacks;
    const volatile sig_atomic_t
        *stop; /* not 0: checkpoint and leave. Or NULL */
    void (*on_progress)(void *context, const facet__progress *progress);
    void *on_progress_context;
} facet__run_setup;

/* Defaults of everything that has one. */
void facet__run_setup_init(facet__run_setup *setup);

/* Train. Collective where there are several processes: an error or a stop in
 * one ends all of them with the same status. FACET_OK at the end,
 * FACET_ECANCELED when stopped on request (a checkpoint is written then).
 * Errors: FACET_EEXISTS (the folder holds another run), FACET_EDAMAGED and
 * FACET_EMODEL (its checkpoint cannot be used, or the loss keeps exploding),
 * FACET_EIO, FACET_ENOMEM, and those of data and network. */
facet_status facet__run(const facet__run_setup *setup, facet_error *err);

#endif
