/* SPDX-License-Identifier: Apache-2.0 */
/* loss_contrastive.c - contrastive loss (Hadsell, Chopra, LeCun, CVPR 2006)
 * over all pairs of the batch, D the distance of the normalised embeddings:
 *
 *   L = mean over same pairs of D^2 / 2
 *     + mean over different pairs of max(0, m - D)^2 / 2
 *
 * The two means are taken apart because a batch has many more different pairs
 * than same ones. */
#include <math.h>

#include "train/pairs.h"

enum { MARGIN };

static const facet__loss_option options[] = {
    [MARGIN] = { "margin", 1, 0, 2, NULL, false },
    { .name = NULL },
};

static size_t count_same(const facet__pairs *p)
{
    size_t same = 0;

    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < i; j++)
            same += p->labels[i] == p->labels[j];
    return same;
}

static void fill(facet__pairs *p, facet__loss_result *result)
{
    const size_t pairs = p->n * (p->n - 1) / 2, same = count_same(p);
    const double same_weight = same ? .5 / (double)same : 0;
    const double other_weight = pairs > same ? .5 / (double)(pairs - same) : 0;

    result->terms = pairs;
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < i; j++) {
            const double square = facet__pairs_distance(p, i, j);
            const double distance = sqrt(square);
            const double gap = p->loss->options[MARGIN] - distance;
            float *c = &p->coefficients[i * p->n + j];

            if (p->labels[i] == p->labels[j]) {
                result->value += same_weight * square;
                *c = (float)same_weight;
                result->active += square > 0;
            } else if (gap > 0) {
                /* d(gap^2)/d(D^2) = -gap / D. Of two equal embeddings nobody
                 * can say which way they should part: no gradient. */
                result->value += other_weight * gap * gap;
                *c = distance > 1e-6 ? (float)(-other_weight * gap / distance)
                                     : 0;
                result->active++;
            }
        }
}

static facet_status run(facet__loss *loss, const facet__batch *batch, float *dx,
    facet__loss_result *result)
{
    return facet__pairs_run(
        loss, batch, FACET__PAIRS_DISTANCE, fill, dx, result);
}

const facet__loss_type facet__loss_contrastive = {
    .name = "contrastive",
    .what = "same pairs together, different ones a margin apart",
    .on_unit_sphere = true,
    .needs_labels = true,
    .looks_at_pairs = true,
    .options = options,
    .run = run,
};
