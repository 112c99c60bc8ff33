/* SPDX-License-Identifier: Apache-2.0 */
/* groups.h - which rows are together so far, and which may come together.
 *
 * A group goes by its root, the smallest of its rows. A pair of groups may not
 * join when a photo has a face in both, when a pair of their faces must not be
 * together, or when both have a known label and known clusters stay apart.
 * Joining only ever forbids more: if A and B may not join, neither may A and
 * what B became. The linkages rely on that. */
#ifndef FACET__CLUSTER_GROUPS_H
#define FACET__CLUSTER_GROUPS_H

#include "cluster/faces.h"

/* Ascending numbers. */
typedef struct facet__numbers {
    uint32_t *at;
    uint32_t n;
} facet__numbers;

typedef struct facet__groups {
    size_t count;
    uint32_t *parent;       /* [count] */
    uint32_t *sizes;        /* [count], of roots */
    uint32_t *known;        /* [count], of roots: the smallest known label */
    facet__numbers *photos; /* [count], of roots */
    facet__numbers *foes;   /* [count], of roots: rows it must not meet */
    bool photos_apart, join_known;
} facet__groups;

/* The label behind all of `count` ones. FACET_EINVAL, told, when so many new
 * ones would not fit behind it. */
facet_status facet__label_next(
    const uint32_t *labels, size_t count, uint32_t *next, facet_error *err);

/* Every row alone, but for known labels and pairs that must be together. */
facet_status facet__groups_make(const facet_cluster_faces *in,
    const facet__faces *faces, const facet_cluster_opts *opts,
    facet__groups *out, facet_error *err);
void facet__groups_free(facet__groups *groups);

/* The root of a row. Changes nothing: threads may ask at once. */
uint32_t facet__groups_root(const facet__groups *groups, uint32_t row);

/* Make all ways to roots short. */
void facet__groups_flatten(facet__groups *groups);

/* May two groups (roots) join? */
bool facet__groups_may_join(
    const facet__groups *groups, uint32_t a, uint32_t b);

/* Join two different groups (roots) without asking; the smaller root stays. */
facet_status facet__groups_join(facet__groups *groups, uint32_t a, uint32_t b);

/* A pair of rows, and how strongly they belong together. */
typedef struct facet__link {
    uint32_t a, b; /* a < b */
    float weight;
} facet__link;

/* Strongest first; ties by rows. */
void facet__links_sort(facet__link *links, size_t count);

/* Join along links in their order, wherever that is allowed. */
facet_status facet__groups_join_links(
    facet__groups *groups, const facet__link *links, size_t count);

#endif
