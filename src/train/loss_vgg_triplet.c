/* SPDX-License-Identifier: Apache-2.0 */
/* loss_vgg_triplet.c - the projected triplet loss of Deep Face Recognition
 * (papers.md B.4).
 *
 *   x = W v / |v|
 *   E = mean of max(0, alpha - |x_a - x_n|^2 + |x_a - x_p|^2)
 *
 * The normalisation stands before the projection, x itself is not normalised.
 * The negative is drawn at random among those that violate the margin. The
 * paper learns W alone (freeze the network for that) and does not give alpha.
 */
#include "train/triplets.h"

enum { MARGIN, DIM, MINING };

static const facet__loss_option options[] = {
    [MARGIN] = { "margin", .2, 0, 100, NULL, false },
    [DIM] = { "dim", 1024, 1, 8192, NULL, true },
    [MINING] = { "mining", FACET__MINE_VIOLATING, 0, FACET__MINE_RANDOM,
        facet__mining_names, false },
    { .name = NULL },
};

static facet_status create(facet__loss *loss)
{
    return facet__projection_create(loss, (size_t)loss->options[DIM]);
}

static void fill(facet__pairs *p, facet__loss_result *result)
{
    facet__triplets_fill(p, FACET__PAIRS_DISTANCE,
        (facet__mining)p->loss->options[MINING], p->loss->options[MARGIN],
        facet__triplet_hinge, result);
}

static facet_status run(facet__loss *loss, const facet__batch *batch, float *dx,
    facet__loss_result *result)
{
    return facet__projection_run(loss, batch, (size_t)loss->options[DIM],
        FACET__PAIRS_DISTANCE, fill, dx, result);
}

const facet__loss_type facet__loss_vgg_triplet = {
    .name = "vgg-triplet",
    .what = "triplets behind a learnt projection (VGG-Face)",
    .on_unit_sphere = true,
    .needs_labels = true,
    .looks_at_pairs = true,
    .options = options,
    .create = create,
    .run = run,
};
