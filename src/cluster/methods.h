/* SPDX-License-Identifier: Apache-2.0 */
/* methods.h - ways to group the rows of a graph. Each joins `groups`, never
 * against what it forbids, and takes a threshold that is not NaN. `links` are
 * those of the graph, strongest first. FACET_ENOMEM is the only failure. */
#ifndef FACET__CLUSTER_METHODS_H
#define FACET__CLUSTER_METHODS_H

#include "cluster/near.h"

typedef struct facet__problem {
    const facet__near *graph;
    facet__link *links; /* [n_links]; may be weighed anew */
    size_t n_links;
    float threshold;
    size_t min_points;
    facet__groups *groups;
} facet__problem;

facet_status facet__group_complete(facet__problem *problem);
facet_status facet__group_rank_order(facet__problem *problem);
facet_status facet__group_dbscan(facet__problem *problem);
facet_status facet__group_hdbscan(facet__problem *problem);
facet_status facet__group_whispers(facet__problem *problem);

/* Join along the links within each label: what a method without constraints has
 * put together, as far as constraints allow, the strongest links first.
 * labels [count]; FACET_CLUSTER_NEW: with nobody. */
facet_status facet__group_within(
    const facet__problem *problem, const uint32_t *labels);

#endif
