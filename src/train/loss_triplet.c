/* SPDX-License-Identifier: Apache-2.0 */
/* loss_triplet.c - FaceNet (papers.md A.4).
 *
 *   L = mean of max(0, |f_a - f_p|^2 - |f_a - f_n|^2 + alpha)
 *
 * on unit vectors, over every anchor-positive pair of the batch that finds a
 * negative. The paper sums and does not say which semi-hard negative it takes:
 * here the mean, and by default one drawn at random. */
#include "train/triplets.h"

enum { MARGIN, MINING };

static const facet__loss_option options[] = {
    [MARGIN] = { "margin", .2, 0, 4, NULL, false },
    [MINING] = { "mining", FACET__MINE_SEMIHARD, 0, FACET__MINE_RANDOM,
        facet__mining_names, false },
    { .name = NULL },
};

static void fill(facet__pairs *p, facet__loss_result *result)
{
    facet__triplets_fill(p, FACET__PAIRS_DISTANCE,
        (facet__mining)p->loss->options[MINING], p->loss->options[MARGIN],
        facet__triplet_hinge, result);
}

static facet_status run(facet__loss *loss, const facet__batch *batch, float *dx,
    facet__loss_result *result)
{
    return facet__pairs_run(
        loss, batch, FACET__PAIRS_DISTANCE, fill, dx, result);
}

const facet__loss_type facet__loss_triplet = {
    .name = "triplet",
    .what = "FaceNet's triplets, mined inside the batch",
    .on_unit_sphere = true,
    .needs_labels = true,
    .looks_at_pairs = true,
    .options = options,
    .run = run,
};
