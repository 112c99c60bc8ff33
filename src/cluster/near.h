/* SPDX-License-Identifier: Apache-2.0 */
/* near.h - each row's most similar others, by exact blocked search. */
#ifndef FACET__CLUSTER_NEAR_H
#define FACET__CLUSTER_NEAR_H

#include "cluster/groups.h"

typedef struct facet__neighbor {
    uint32_t row;
    float similarity;
} facet__neighbor;

typedef struct facet__near {
    size_t count, room;
    uint32_t *counts;      /* [count] */
    facet__neighbor *list; /* [count][room], most similar first, ties by row */
    bool *truncated;       /* [count]: there are more than `room` */
} facet__near;

/* The at most `room` most similar rows of each that reach `floor`. */
facet_status facet__near_make(const facet__faces *faces, size_t room,
    float floor, int threads, facet__near *out, facet_error *err);
void facet__near_free(facet__near *graph);

/* Every pair of which one lists the other, once, strongest first; to be freed.
 * The weight is the similarity. */
facet_status facet__near_links(
    const facet__near *graph, facet__link **links, size_t *count);

#endif
