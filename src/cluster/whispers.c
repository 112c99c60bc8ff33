/* SPDX-License-Identifier: Apache-2.0 */
/* whispers.c - Chinese whispers: C. Biemann, TextGraphs 2006. Every row begins
 * with a label of its own; again and again, in a random order, each takes the
 * label that weighs most among its neighbors. The random order is the same in
 * every run and belongs to the rows' own order, so the outcome is the same. */
#include "base/alloc.h"
#include "base/random.h"
#include "cluster/methods.h"

enum { ROUNDS = 20 };

typedef struct whispers {
    uint32_t *starts;      /* [count + 2] */
    facet__neighbor *near; /* [2 n_links] */
    uint32_t *labels;      /* [count] */
    uint32_t *order;       /* [count] */
    double *weights;       /* [count], of labels; zero between uses */
} whispers;

static void list_neighbors(const facet__problem *p, whispers *w)
{
    for (size_t i = 0; i < p->n_links; i++) {
        w->starts[p->links[i].a + 2]++;
        w->starts[p->links[i].b + 2]++;
    }
    for (size_t i = 1; i < p->graph->count; i++)
        w->starts[i + 1] += w->starts[i];
    for (size_t i = 0; i < p->n_links; i++) {
        const facet__link l = p->links[i];

        w->near[w->starts[l.a + 1]++] = (facet__neighbor){ l.b, l.weight };
        w->near[w->starts[l.b + 1]++] = (facet__neighbor){ l.a, l.weight };
    }
}

/* True when the row's label changed. */
static bool listen(whispers *w, uint32_t row)
{
    const facet__neighbor *near = w->near + w->starts[row];
    const uint32_t n = w->starts[row + 1] - w->starts[row];
    const uint32_t before = w->labels[row];
    uint32_t best = before;

    for (uint32_t i = 0; i < n; i++)
        w->weights[w->labels[near[i].row]] += (double)near[i].similarity;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t label = w->labels[near[i].row];

        if (w->weights[label] > w->weights[best] ||
            (w->weights[label] == w->weights[best] && label < best))
            best = label;
    }
    for (uint32_t i = 0; i < n; i++)
        w->weights[w->labels[near[i].row]] = 0;
    w->labels[row] = best;
    return best != before;
}

static void spread(const facet__problem *p, whispers *w)
{
    const size_t count = p->graph->count;
    facet__random random = facet__random_stream(0x77686973, count, 0);
    bool changed = true;

    for (uint32_t i = 0; i < count; i++)
        w->order[i] = i;
    for (int round = 0; round < ROUNDS && changed; round++) {
        changed = false;
        facet__random_shuffle(&random, w->order, count);
        for (size_t i = 0; i < count; i++)
            changed |= listen(w, w->order[i]);
    }
}

facet_status facet__group_whispers(facet__problem *p)
{
    const size_t count = p->graph->count;
    whispers w = {
        .starts = facet__calloc(count + 2, sizeof *w.starts),
        .near = facet__calloc(2 * p->n_links, sizeof *w.near),
        .labels = facet__calloc(count, sizeof *w.labels),
        .order = facet__calloc(count, sizeof *w.order),
        .weights = facet__calloc(count, sizeof *w.weights),
    };
    facet_status st = FACET_ENOMEM;

    if (w.starts && w.near && w.labels && w.order && w.weights) {
        for (size_t i = 0; i < count; i++)
            w.labels[i] = p->groups->parent[i];
        list_neighbors(p, &w);
        spread(p, &w);
        st = facet__group_within(p, w.labels);
    }
    facet__free(w.starts);
    facet__free(w.near);
    facet__free(w.labels);
    facet__free(w.order);
    facet__free(w.weights);
    return st;
}

facet_status facet__group_within(
    const facet__problem *p, const uint32_t *labels)
{
    facet_status st = FACET_OK;

    for (size_t i = 0; i < p->n_links && st == FACET_OK; i++) {
        const facet__link l = p->links[i];

        if (labels[l.a] == labels[l.b] && labels[l.a] != FACET_CLUSTER_NEW)
            st = facet__groups_join_links(p->groups, &l, 1);
    }
    return st;
}
