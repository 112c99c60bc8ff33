/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_COLLECT_H
#define FACET_COLLECT_H

/**
 * @file
 * A data set out of what searches for names have found: the automatic stages
 * of Parkhi et al. 2015, section 3. Of each name's candidates
 * those that look least like it are left out, near duplicates are merged, and
 * what remains is put into blocks that a person can accept or reject at a
 * glance. docs/methods/deep-face-recognition.md tells what each stage gains.
 */

#include <stddef.h>
#include <stdint.h>

#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Pictures and the names they were found for, each name's in the order in
 * which the search gave them. All arrays are the caller's. */
typedef struct facet_candidates {
    const float *embeddings; /**< [count][dim], each of any non-zero length; a
                                  row that begins with NaN: no face was found */
    const uint32_t *names;   /**< [count]: a number for the name */
    size_t count, dim;       /**< count at most 2^31, dim at least 1 */
} facet_candidates;

typedef struct facet_collect_opts {
    size_t size;      /**< set by facet_collect_opts_init */
    size_t first;     /**< so many of a name's candidates with a face, from the
                           first one on, are taken for the person when the machine
                           is fitted; default 50, the paper's */
    size_t others;    /**< at most so many of the other names' first ones stand
                           against them, drawn at random; default 5000 */
    double cost;      /**< of the support vector machine; default 1 */
    double keep;      /**< share of a name's candidates with a face that stays
                           after ranking, above 0 to 1; default 0.5: the paper
                           keeps 1,000 of 2,000 */
    double duplicate; /**< two pictures whose cosine is at least 1 less this are
                           taken for one; 0: exact copies only; below 0: none;
                           at most 1. Default 0.03 */
    size_t block;     /**< pictures that are shown together; default 200, the
                           paper's */
    int threads;      /**< default 1; results do not depend on it */
} facet_collect_opts;

FACET_API void facet_collect_opts_init(facet_collect_opts *opts);

/** How far a candidate came. */
typedef enum facet_collect_stage {
    FACET_COLLECT_PROPOSED = 0, /**< into a block */
    FACET_COLLECT_NO_FACE = 1,
    FACET_COLLECT_UNLIKE = 2,    /**< ranked too low */
    FACET_COLLECT_DUPLICATE = 3, /**< of one that ranks higher */
} facet_collect_stage;

/** A short stable name: proposed, no-face, unlike, duplicate. Total: an unknown
 * stage gives "unknown". */
FACET_API const char *facet_collect_stage_name(facet_collect_stage stage);

/** What became of a candidate. */
typedef struct facet_collected {
    facet_collect_stage stage;
    float score;    /**< of the name's machine, above 0: on the person's side;
                         NaN without a face */
    uint32_t rank;  /**< among the name's candidates, from 0; those without a
                         face come last */
    uint32_t of;    /**< DUPLICATE: the index of the candidate that stays */
    uint32_t block; /**< PROPOSED: of its name, from 0 */
} facet_collected;

/**
 * Rank, merge, and put into blocks.
 *
 * For each name a linear support vector machine is fitted on unit embeddings:
 * its first candidates against first ones of all other names. By its score the
 * best are kept (ties: earlier candidates). Of those, groups in which every two
 * are near duplicates keep their best. The rest is cut into blocks in order of
 * score.
 *
 * @param opts  NULL for the defaults.
 * @param out   Receives [count].
 *
 * Deterministic. Cost: for each name a fit on first + others rows.
 * Errors: FACET_EINVAL (NULL, an option out of range, an embedding that is zero
 *         or not finite), FACET_EEMPTY (fewer than two names with a face:
 *         there is nothing to tell a person apart from), FACET_ENOMEM.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_collect(
    const facet_candidates *candidates, const facet_collect_opts *opts,
    facet_collected *out, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
