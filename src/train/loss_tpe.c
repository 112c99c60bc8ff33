/* SPDX-License-Identifier: Apache-2.0 */
/* loss_tpe.c - triplet probabilistic embedding and its relatives (papers.md
 * D.2), with S_ij = (W v_i) . (W v_j) and v of length 1:
 *
 *   TPE  log(1 + exp(S_ik - S_ij)), which is -log P_ijk
 *   TSE  max(0, alpha + S_ik - S_ij)
 *   TDE  max(0, alpha + |W v_i - W v_j|^2 - |W v_i - W v_k|^2)
 *
 * i the anchor, j of the same subject, k of another: by default the most
 * similar one under the current W. dim 0 leaves the projection out and trains
 * the network under it. The paper's W starts from PCA: see projection.h. */
#include <math.h>

#include "train/triplets.h"

enum { DIM, MINING, MARGIN };

static const facet__loss_option tpe[] = {
    [DIM] = { "dim", 128, 0, 8192, NULL, true },
    [MINING] = { "mining", FACET__MINE_HARD, 0, FACET__MINE_RANDOM,
        facet__mining_names, false },
    { .name = NULL },
};

static const facet__loss_option tse[] = {
    [DIM] = { "dim", 128, 0, 8192, NULL, true },
    [MINING] = { "mining", FACET__MINE_HARD, 0, FACET__MINE_RANDOM,
        facet__mining_names, false },
    [MARGIN] = { "margin", .1, 0, 4, NULL, false },
    { .name = NULL },
};

static facet_status create(facet__loss *loss)
{
    return facet__projection_create(loss, (size_t)loss->options[DIM]);
}

/* log(1 + exp(u)) for u = t_ap - t_an, without overflow. The margin only bounds
 * which negatives mining may take. */
static double log_logistic(
    double t_ap, double t_an, double margin, double *derivative)
{
    const double u = t_ap - t_an;

    (void)margin;
    *derivative = u > 0 ? 1 / (1 + exp(-u)) : exp(u) / (1 + exp(u));
    return fmax(u, 0) + log1p(exp(-fabs(u)));
}

static void fill_tpe(facet__pairs *p, facet__loss_result *result)
{
    facet__triplets_fill(p, FACET__PAIRS_PRODUCT,
        (facet__mining)p->loss->options[MINING], 1, log_logistic, result);
}

static void fill_tse(facet__pairs *p, facet__loss_result *result)
{
    facet__triplets_fill(p, FACET__PAIRS_PRODUCT,
        (facet__mining)p->loss->options[MINING], p->loss->options[MARGIN],
        facet__triplet_hinge, result);
}

static void fill_tde(facet__pairs *p, facet__loss_result *result)
{
    facet__triplets_fill(p, FACET__PAIRS_DISTANCE,
        (facet__mining)p->loss->options[MINING], p->loss->options[MARGIN],
        facet__triplet_hinge, result);
}

static facet_status run_tpe(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result)
{
    return facet__projection_run(loss, batch, (size_t)loss->options[DIM],
        FACET__PAIRS_PRODUCT, fill_tpe, dx, result);
}

static facet_status run_tse(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result)
{
    return facet__projection_run(loss, batch, (size_t)loss->options[DIM],
        FACET__PAIRS_PRODUCT, fill_tse, dx, result);
}

static facet_status run_tde(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result)
{
    return facet__projection_run(loss, batch, (size_t)loss->options[DIM],
        FACET__PAIRS_DISTANCE, fill_tde, dx, result);
}

const facet__loss_type facet__loss_tpe = {
    .name = "tpe",
    .what = "triplet probabilistic embedding",
    .on_unit_sphere = true,
    .needs_labels = true,
    .looks_at_pairs = true,
    .options = tpe,
    .create = create,
    .run = run_tpe,
};

const facet__loss_type facet__loss_tse = {
    .name = "tse",
    .what = "triplet similarity embedding",
    .on_unit_sphere = true,
    .needs_labels = true,
    .looks_at_pairs = true,
    .options = tse,
    .create = create,
    .run = run_tse,
};

const facet__loss_type facet__loss_tde = {
    .name = "tde",
    .what = "triplet distance embedding",
    .on_unit_sphere = true,
    .needs_labels = true,
    .looks_at_pairs = true,
    .options = tse,
    .create = create,
    .run = run_tde,
};
