/* SPDX-License-Identifier: Apache-2.0 */
/* stability.c - HDBSCAN: R. Campello, D. Moulavi, J. Sander, "Density-based
 * clustering based on hierarchical density estimates", PAKDD 2013.
 *
 * 1. The core similarity of a row is that of its min_points-th neighbor, itself
 *    included; two rows are as mutually reachable as the least of their
 *    similarity and their two core similarities.
 * 2. Joining along the most reachable pairs gives a binary tree.
 * 3. From the top down, a node both of whose sides have min_points rows splits
 *    a cluster in two; otherwise the smaller side falls out of it.
 * 4. A cluster's stability is the sum over its rows of how much longer, in
 *    1 / (1 - similarity), they stayed than the cluster began. From the bottom
 *    up, a cluster wins over those below it if it is at least as stable.
 *
 * Rows of no winner stay alone. Where the graph falls into parts, each part is
 * a tree, and its top may win; the top of a single tree may not. */
#include "base/alloc.h"
#include "cluster/methods.h"

#define NOTHING UINT32_MAX

/* Nodes: rows first, then joins in order of falling similarity. */
typedef struct node {
    uint32_t left, right; /* children, NOTHING for rows */
    uint32_t size;
    uint32_t cluster; /* that it belongs to when looked at from the top */
    float lambda;     /* 1 / (1 - similarity) of the join */
} node;

typedef struct cluster {
    uint32_t top, parent;
    double birth, stability, below; /* below: of the best clusters under it */
    bool wins;
} cluster;

typedef struct tree {
    facet__problem *problem;
    node *nodes; /* [2 count] */
    uint32_t n_nodes;
    uint32_t *over;    /* [2 count]: the node above, NOTHING for none */
    uint32_t *highest; /* [count], of roots in `parts` */
    uint32_t *parts;   /* [count]: union-find over rows */
    cluster *clusters; /* [2 count] */
    uint32_t n_clusters;
    uint32_t *labels; /* [count] */
} tree;

static float core_of(const facet__problem *p, uint32_t row)
{
    const size_t at = p->min_points >= 2 ? p->min_points - 2 : 0;

    return p->graph->counts[row] > at
               ? p->graph->list[row * p->graph->room + at].similarity
               : -1.0F;
}

static void weigh_by_reachability(facet__problem *p)
{
    for (size_t i = 0; i < p->n_links; i++) {
        facet__link *l = &p->links[i];
        const float a = core_of(p, l->a), b = core_of(p, l->b);

        l->weight = l->weight < a ? l->weight : a;
        l->weight = l->weight < b ? l->weight : b;
    }
    facet__links_sort(p->links, p->n_links);
}

static uint32_t part_of(tree *t, uint32_t row)
{
    while (t->parts[row] != row) {
        t->parts[row] = t->parts[t->parts[row]];
        row = t->parts[row];
    }
    return row;
}

static float lambda_of(float similarity)
{
    const float distance = 1.0F - similarity;

    return 1.0F / (distance > 1e-6F ? distance : 1e-6F);
}

static void build(tree *t)
{
    const facet__problem *p = t->problem;

    for (uint32_t i = 0; i < p->graph->count; i++) {
        t->nodes[i] = (node){ NOTHING, NOTHING, 1, 0, 0 };
        t->over[i] = NOTHING;
        t->parts[i] = t->highest[i] = i;
    }
    t->n_nodes = (uint32_t)p->graph->count;
    for (size_t i = 0; i < p->n_links; i++) {
        const uint32_t a = part_of(t, p->links[i].a);
        const uint32_t b = part_of(t, p->links[i].b);
        const uint32_t left = t->highest[a], right = t->highest[b];

        if (a == b)
            continue;
        t->nodes[t->n_nodes] =
            (node){ left, right, t->nodes[left].size + t->nodes[right].size, 0,
                lambda_of(p->links[i].weight) };
        t->over[left] = t->over[right] = t->n_nodes;
        t->over[t->n_nodes] = NOTHING;
        t->parts[a > b ? a : b] = a < b ? a : b;
        t->highest[a < b ? a : b] = t->n_nodes++;
    }
}

static uint32_t found(tree *t, uint32_t top, uint32_t parent, double birth)
{
    t->clusters[t->n_clusters] = (cluster){ top, parent, birth, 0, 0, false };
    return t->n_clusters++;
}

/* From the top down: which cluster each node belongs to. Nodes above have
 * larger numbers. */
static void condense(tree *t)
{
    const uint32_t least = (uint32_t)t->problem->min_points;

    for (uint32_t i = t->n_nodes; i-- > 0;) {
        node *at = &t->nodes[i];
        cluster *c;
        uint32_t big, small;

        if (t->over[i] == NOTHING)
            at->cluster = found(t, i, NOTHING, 0.5);
        if (at->left == NOTHING)
            continue;
        c = &t->clusters[at->cluster];
        big = t->nodes[at->left].size >= t->nodes[at->right].size ? at->left
                                                                  : at->right;
        small = at->left + at->right - big;
        if (t->nodes[small].size >= least) {
            c->stability += ((double)at->lambda - c->birth) * at->size;
            t->nodes[big].cluster =
                found(t, big, at->cluster, (double)at->lambda);
            t->nodes[small].cluster =
                found(t, small, at->cluster, (double)at->lambda);
            continue;
        }
        /* What falls out stays the cluster's when it wins. A node below the
         * least size has fallen out already, and was counted then. */
        if (at->size >= least)
            c->stability +=
                ((double)at->lambda - c->birth) *
                (t->nodes[big].size >= least ? t->nodes[small].size : at->size);
        t->nodes[big].cluster = t->nodes[small].cluster = at->cluster;
    }
}

/* Winners, and the label of each row. Clusters below have larger numbers. */
static void choose(tree *t, bool one_tree)
{
    for (uint32_t i = t->n_clusters; i-- > 0;) {
        cluster *c = &t->clusters[i];
        const bool big = t->nodes[c->top].size >= t->problem->min_points;
        const bool whole = c->parent == NOTHING && one_tree;

        c->wins = big && !whole && c->stability >= c->below;
        if (c->parent != NOTHING)
            t->clusters[c->parent].below += c->wins ? c->stability : c->below;
    }
    for (uint32_t i = 0; i < t->n_clusters; i++) /* the highest winner counts */
        if (t->clusters[i].parent != NOTHING &&
            t->clusters[t->clusters[i].parent].wins) {
            t->clusters[i].wins = true;
            t->clusters[i].top = t->clusters[t->clusters[i].parent].top;
        }
    for (uint32_t i = 0; i < t->problem->graph->count; i++) {
        const cluster *c = &t->clusters[t->nodes[i].cluster];

        t->labels[i] = c->wins ? c->top : FACET_CLUSTER_NEW;
    }
}

facet_status facet__group_hdbscan(facet__problem *p)
{
    const size_t count = p->graph->count;
    tree t = { .problem = p };
    facet_status st = FACET_ENOMEM;

    t.nodes = facet__calloc(2 * count, sizeof *t.nodes);
    t.over = facet__calloc(2 * count, sizeof *t.over);
    t.highest = facet__calloc(count, sizeof *t.highest);
    t.parts = facet__calloc(count, sizeof *t.parts);
    t.clusters = facet__calloc(2 * count, sizeof *t.clusters);
    t.labels = facet__calloc(count, sizeof *t.labels);
    if (t.nodes && t.over && t.highest && t.parts && t.clusters && t.labels) {
        weigh_by_reachability(p);
        build(&t);
        condense(&t);
        choose(&t, t.n_nodes + 1 == 2 * count);
        st = facet__group_within(p, t.labels);
    }
    facet__free(t.nodes);
    facet__free(t.over);
    facet__free(t.highest);
    facet__free(t.parts);
    facet__free(t.clusters);
    facet__free(t.labels);
    return st;
}
