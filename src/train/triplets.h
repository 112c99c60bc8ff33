/* SPDX-License-Identifier: Apache-2.0 */
/* triplets.h - the walk over all anchor-positive pairs of a batch and the
 * choice of a negative for each, shared by the triplet losses. */
#ifndef FACET__TRIPLETS_H
#define FACET__TRIPLETS_H

#include "train/pairs.h"

/* Which negative a pair (a, p) gets, t being the distance (or minus the
 * product) and m the margin: */
typedef enum facet__mining {
    FACET__MINE_SEMIHARD,         /* any with t_ap < t_an < t_ap + m */
    FACET__MINE_SEMIHARD_HARDEST, /* of those the nearest */
    FACET__MINE_HARD,             /* the nearest of all */
    FACET__MINE_VIOLATING,        /* any with t_an < t_ap + m */
    FACET__MINE_RANDOM,           /* any */
} facet__mining;

/* The names of the above, for options. */
extern const char *const facet__mining_names[];

/* The value of one triplet from t_ap and t_an, and its derivative with respect
 * to t_ap (that to t_an is minus it). */
typedef double facet__triplet_value(
    double t_ap, double t_an, double margin, double *derivative);

facet__triplet_value facet__triplet_hinge; /* max(0, t_ap - t_an + margin) */

/* Mean over the triplets found; a pair without a fitting negative is skipped.
 * result->terms: the pairs; result->active: the triplets of non-zero value. */
void facet__triplets_fill(facet__pairs *pairs, facet__pairs_kind kind,
    facet__mining mining, double margin, facet__triplet_value *value,
    facet__loss_result *result);

#endif
