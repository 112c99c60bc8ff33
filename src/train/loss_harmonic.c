/* SPDX-License-Identifier: Apache-2.0 */
/* loss_harmonic.c - harmonic embeddings (FaceNet's appendix, papers.md A.7): a
 * new network whose embeddings compare with those of an old one.
 *
 *   L = mean of max(0, |f_a - f_p|^2 - |f_a - f_n|^2 + alpha)
 *
 * where each of the three is of the new network or of the old one, and
 * negatives are drawn from the embeddings of both. The old network, the
 * teacher, does not learn. The paper does not say which of the eight kinds of
 * triplets it takes: here all that have somebody of the new network in them;
 * that a face's new embedding is a positive of its old one is among them. */
#include <string.h>

#include "train/normalize.h"
#include "train/triplets.h"

enum { MARGIN, MINING };
enum { SLOT_ROWS = 2, SLOT_GRADIENTS }; /* pairs.c has 0 and 1 */

static const facet__loss_option options[] = {
    [MARGIN] = { "margin", .2, 0, 4, NULL, false },
    [MINING] = { "mining", FACET__MINE_SEMIHARD, 0, FACET__MINE_RANDOM,
        facet__mining_names, false },
    { .name = NULL },
};

static void fill(facet__pairs *p, facet__loss_result *result)
{
    p->fixed = p->n / 2;
    facet__triplets_fill(p, FACET__PAIRS_DISTANCE,
        (facet__mining)p->loss->options[MINING], p->loss->options[MARGIN],
        facet__triplet_hinge, result);
}

/* The old embeddings, the new ones, and the lengths that the old ones had:
 * [2n][d] and [n]. Labels twice, behind them. */
static float *join(
    facet__loss *loss, const facet__batch *batch, int32_t **labels)
{
    const size_t n = batch->n, d = loss->dim;
    float *rows =
        facet__loss_scratch(loss, SLOT_ROWS, 2 * n * d + 3 * n, sizeof *rows);

    if (!rows)
        return NULL;
    facet__normalize_rows(batch->teacher, n, d, rows, rows + 2 * n * d);
    memcpy(rows + n * d, batch->x, n * d * sizeof *rows);
    *labels = (int32_t *)(void *)(rows + 2 * n * d + n);
    memcpy(*labels, batch->labels, n * sizeof **labels);
    memcpy(*labels + n, batch->labels, n * sizeof **labels);
    return rows;
}

static facet_status run(facet__loss *loss, const facet__batch *batch, float *dx,
    facet__loss_result *result)
{
    const size_t n = batch->n, d = loss->dim;
    int32_t *labels;
    const float *rows = join(loss, batch, &labels);
    float *gradients =
        facet__loss_scratch(loss, SLOT_GRADIENTS, 2 * n * d, sizeof *gradients);
    facet_status st = FACET_ENOMEM;

    if (rows && gradients)
        st = facet__pairs_run(loss,
            &(facet__batch){
                .n = 2 * n, .x = rows, .labels = labels, .step = batch->step },
            FACET__PAIRS_DISTANCE, fill, dx ? gradients : NULL, result);
    if (st == FACET_OK && dx)
        memcpy(dx, gradients + n * d, n * d * sizeof *dx);
    return st;
}

const facet__loss_type facet__loss_harmonic = {
    .name = "harmonic",
    .what = "triplets of a new network's embeddings and an old one's",
    .on_unit_sphere = true,
    .needs_labels = true,
    .needs_teacher = true,
    .looks_at_pairs = true,
    .options = options,
    .run = run,
};
