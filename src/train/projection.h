/* SPDX-License-Identifier: Apache-2.0 */
/* projection.h - learning a linear map of embeddings that are there already
 * (TPE and its relatives, papers.md D.2; VGG-Face's, B.4). Seconds, not hours.
 */
#ifndef FACET__PROJECTION_H
#define FACET__PROJECTION_H

#include "train/loss.h"
#include "train/optimizer.h"
#include "train/schedule.h"

/* Rows of `w` [k][d] become an orthonormal basis of the space of the k largest
 * principal components of x [n][d] (any basis of it: the losses above do not
 * change when W is turned). k <= d. FACET_ENOMEM. */
facet_status facet__principal_space(const float *x, size_t n, size_t d,
    size_t k, uint64_t seed, facet__pool *pool, float *w);

typedef struct facet__projection_setup {
    const facet__loss_type *type; /* one whose parameter 0 is "projection" */
    double options[FACET__LOSS_OPTIONS];
    bool principal;          /* start there; else with random numbers */
    uint32_t people, images; /* of a batch; negatives are mined inside it */
    uint64_t steps;
    double rate; /* falls to 0 along half a cosine */
    double momentum;
    uint64_t seed;
} facet__projection_setup;

/* TPE to 128 dimensions, hardest negatives of 32 people by 4 images, from the
 * principal space. */
void facet__projection_setup_init(facet__projection_setup *setup);

/* Learn w [k][d] (k: the option "dim") from x [n][d] and labels; rows of label
 * -1 and people of one picture are left out. *value: the running mean of the
 * loss at the end. Errors: FACET_EINVAL (fewer than 2 people of 2 pictures, k
 * of 0 or over d), FACET_ENOMEM. */
facet_status facet__projection_fit(const facet__projection_setup *setup,
    const float *x, const int32_t *labels, size_t n, size_t d,
    facet__pool *pool, float *w, double *value, facet_error *err);

#endif
