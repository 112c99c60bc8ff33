/* SPDX-License-Identifier: Apache-2.0 */
/* nearest.h - a short list of a cluster's nearest, and what is known of the
 * rest: nobody who is not on the list is nearer than `bound`. */
#ifndef FACET__CLUSTER_NEAREST_H
#define FACET__CLUSTER_NEAREST_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FACET__NEAREST = 16,                      /* that a list keeps */
    FACET__NEAREST_ROOM = 2 * FACET__NEAREST, /* of two clusters that join */
};

typedef struct facet__candidate {
    float similarity;
    uint32_t other; /* a root */
} facet__candidate;

typedef struct facet__nearest {
    uint32_t n;
    float bound; /* below all similarities: there is nobody else */
    facet__candidate list[FACET__NEAREST_ROOM]; /* best first */
} facet__nearest;

/* Nobody is on the list, and there is nobody. */
void facet__nearest_clear(facet__nearest *nearest);

/* Is the pair (self, x.other) better than (self, y.other)? The more similar is,
 * then the one of smaller roots: an order that all clusters agree on. */
bool facet__pair_better(uint32_t self, facet__candidate x, facet__candidate y);

/* Put a candidate on self's list, in place of what the list says of it. Who
 * drops off raises the bound. */
void facet__nearest_add(
    facet__nearest *nearest, uint32_t self, facet__candidate candidate);

/* Would facet__nearest_add change the list? */
bool facet__nearest_wants(
    const facet__nearest *nearest, uint32_t self, facet__candidate candidate);

/* Add all of another list, and its bound. */
void facet__nearest_merge(
    facet__nearest *nearest, uint32_t self, const facet__nearest *more);

/* Is the first of the list certainly the nearest? */
bool facet__nearest_certain(const facet__nearest *nearest);

#endif
