/* SPDX-License-Identifier: Apache-2.0 */
/* average.h - agglomeration by average linkage, exact for any number of faces.
 *
 * The mean similarity of the pairs between two clusters is the product of their
 * mean embeddings, so a cluster is its sum and its size, and no matrix and no
 * graph is kept. Nearest clusters are found by blocked products of all means.
 */
#ifndef FACET__CLUSTER_AVERAGE_H
#define FACET__CLUSTER_AVERAGE_H

#include "cluster/faces.h"
#include "cluster/groups.h"

/* `from` joined `into` (roots) at this mean similarity. */
typedef struct facet__merge {
    uint32_t into, from;
    float similarity;
} facet__merge;

/* Join groups while the mean similarity of two is at least `threshold` and they
 * may. Only groups with a face of no known label take the first step; others
 * are taken to be settled among themselves.
 *
 * faces->rows become the sums of the groups. @param merges  NULL, or [count]:
 * receives the *n_merges joins. */
facet_status facet__average_run(facet__faces *faces, facet__groups *groups,
    float threshold, int threads, facet__merge *merges, size_t *n_merges,
    facet_error *err);

#endif
