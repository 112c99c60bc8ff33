/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_TRAIN_H
#define FACET_TRAIN_H

/**
 * @file
 * Training: a recipe (docs/recipes.md), a folder, a network.
 */

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "facet/comm.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How a run stands. */
typedef struct facet_train_progress {
    uint64_t step, steps; /**< made, of so many */
    double epoch,
        loss;     /**< the loss is smoothed; below 0 before the first step */
    double rate;  /**< of learning */
    double mined; /**< share of terms that are active, 0 to 1 */
    double per_second; /**< pictures */
    double seconds_left;
    double score;      /**< of the last validation; NaN before it */
    size_t broken;     /**< pictures that could not be read */
    const char *event; /**< "step", "validation", "rollback" ...; valid during
                            the call */
    const char *why;   /**< of a rollback, else NULL; likewise */
} facet_train_progress;

typedef struct facet_train_opts {
    size_t size; /**< set by facet_train_opts_init */
    int resume;  /**< 1: go on from the folder's checkpoint */
    /** Set to 1 by a signal handler: a checkpoint is written and the run ends.
     * May be NULL. */
    const volatile sig_atomic_t *stop;
    /** Called from the calling thread. May be NULL. */
    void (*on_progress)(void *context, const facet_train_progress *progress);
    /** A picture that cannot be used: skipped and counted. `name` is its path,
     * or in an archive its key. From any thread. */
    void (*on_broken)(void *context, const char *name, const char *why);
    void *context;
    /** The other processes of this training, or NULL. All of them call
     * facet_train with the same recipe; `sampler.batch` is the whole batch, of
     * which each takes its share. Process 0 alone touches `folder` and calls
     * `on_progress`; `stop` in any of them stops all. Borrowed. */
    const facet_comm *comm;
} facet_train_opts;

FACET_API void facet_train_opts_init(facet_train_opts *opts);

/**
 * Train after a recipe.
 *
 * @param recipe  File. Paths in it are relative to its folder.
 * @param folder  Receives checkpoint, metrics.jsonl, curves.svg and the
 *                networks best.onnx and last.onnx; made when it is not there.
 *
 * Deterministic: recipe, seed and the number of processes decide every byte
 * of the weights; those of several processes are those of one but for
 * rounding. With several, an error in one is the answer of all, with its
 * number in the message.
 * Errors: FACET_EINVAL (a key of the recipe; told with its line),
 *         FACET_EEXISTS (the folder holds a run and `resume` is 0),
 *         FACET_EBUSY (another run is writing there),
 *         FACET_ECANCELED (stopped on request, after a checkpoint),
 *         FACET_EDAMAGED, FACET_EMODEL, FACET_ENOTFOUND, FACET_EIO,
 *         FACET_ENOMEM.
 * Thread safety: runs in different folders may go on at once.
 */
FACET_API FACET_MUST_USE facet_status facet_train(const char *recipe,
    const char *folder, const facet_train_opts *opts, facet_error *err);

/**
 * Ask a recipe's teacher (teacher.init) about every picture of its data, as it
 * is and mirrored, before any training.
 *
 * @param recipe  As above.
 * @param folder  Made when it is not there. Receives
 *                answers.npy  float32 [pictures, dim]: the middle of both
 *                             answers, at length 1; zeros where a picture
 *                             cannot be read
 *                names.txt    the pictures' keys, one a line
 *                in place of older ones. A recipe names the two as
 *                teacher.embeddings and teacher.names.
 * @param opts    Used are `stop`, which ends it with nothing written,
 *                `on_progress` (event "teach"; steps are pictures) and
 *                `on_broken`.
 *
 * Errors: FACET_EINVAL (a key of the recipe, no teacher.init, several
 *         processes), FACET_EDAMAGED (too many broken pictures, two of one
 *         name), FACET_EBUSY (a run is writing into the folder),
 *         FACET_ECANCELED, FACET_EMODEL, FACET_ENOTFOUND, FACET_EIO,
 *         FACET_ENOMEM.
 * Thread safety: may be called at any time, in another folder each.
 */
FACET_API FACET_MUST_USE facet_status facet_teach(const char *recipe,
    const char *folder, const facet_train_opts *opts, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
