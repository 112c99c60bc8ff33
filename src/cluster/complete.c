/* SPDX-License-Identifier: Apache-2.0 */
/* complete.c - complete linkage by a nearest-neighbor chain (Murtagh 1983).
 *
 * A cluster lists the clusters all of whose pairs with it are in the graph, and
 * the least similarity of these pairs. Two lists merge into their intersection,
 * so lists only shrink. The chain walks from a cluster to its nearest until two
 * are each other's nearest, and joins them; complete linkage is reducible, so
 * the rest of the chain stays right. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cluster/methods.h"

typedef struct near_list {
    facet__neighbor *at; /* by row */
    uint32_t n;
} near_list;

typedef struct complete {
    facet__problem *problem;
    near_list *lists;       /* [count], of roots */
    facet__neighbor *store; /* what the lists point into */
    facet__neighbor *spare; /* [count] */
    uint32_t *chain, *todo; /* [count + 1] each */
    size_t chained, waiting;
} complete;

/* Lists from the links. */
static void fill_lists(complete *c)
{
    const facet__problem *p = c->problem;
    size_t used = 0;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < p->n_links; i++) {
            const facet__link l = p->links[i];

            if (pass == 0) {
                c->lists[l.a].n++;
                c->lists[l.b].n++;
            } else {
                near_list *a = &c->lists[l.a], *b = &c->lists[l.b];

                a->at[a->n++] = (facet__neighbor){ l.b, l.weight };
                b->at[b->n++] = (facet__neighbor){ l.a, l.weight };
            }
        }
        for (size_t i = 0; i < p->graph->count && pass == 0; i++) {
            c->lists[i].at = c->store + used;
            used += c->lists[i].n;
            c->lists[i].n = 0;
        }
    }
}

static int by_row(const void *left, const void *right)
{
    const uint32_t a = ((const facet__neighbor *)left)->row;
    const uint32_t b = ((const facet__neighbor *)right)->row;

    return a < b ? -1 : a > b;
}

static facet__neighbor *entry(const near_list *list, uint32_t row)
{
    uint32_t low = 0, high = list->n;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (list->at[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low < list->n && list->at[low].row == row ? list->at + low : NULL;
}

static void take_out(near_list *list, uint32_t row)
{
    facet__neighbor *at = entry(list, row);

    if (!at)
        return;
    list->n--;
    memmove(at, at + 1, (size_t)(list->at + list->n - at) * sizeof *at);
}

/* Lists of a root and of what joins it become one. */
static void merge_lists(complete *c, uint32_t root, uint32_t child)
{
    near_list *into = &c->lists[root], *from = &c->lists[child];
    uint32_t n = 0;

    take_out(into, child);
    take_out(from, root);
    for (uint32_t i = 0; i < into->n; i++) {
        const facet__neighbor mine = into->at[i];
        const facet__neighbor *other = entry(from, mine.row);
        facet__neighbor both = mine;

        if (!other) {
            take_out(&c->lists[mine.row], root);
            continue;
        }
        if (other->similarity < both.similarity)
            both.similarity = other->similarity;
        entry(&c->lists[mine.row], root)->similarity = both.similarity;
        c->spare[n++] = both;
    }
    for (uint32_t i = 0; i < from->n; i++)
        take_out(&c->lists[from->at[i].row], child);
    memcpy(into->at, c->spare, n * sizeof *c->spare);
    into->n = n;
    from->n = 0;
}

/* The nearest that a root may join. Of equal ones the first: with the root it
 * makes the pair of smaller rows, an order that all clusters agree on. */
static const facet__neighbor *nearest(const complete *c, uint32_t root)
{
    const near_list *list = &c->lists[root];
    const facet__neighbor *best = NULL;

    for (uint32_t i = 0; i < list->n; i++) {
        const facet__neighbor *at = list->at + i;

        if ((!best || at->similarity > best->similarity) &&
            facet__groups_may_join(c->problem->groups, root, at->row))
            best = at;
    }
    return best;
}

/* One step of the chain. */
static facet_status step(complete *c)
{
    const uint32_t top = c->chain[c->chained - 1];
    const facet__neighbor *next = nearest(c, top);
    uint32_t root, child;

    if (!next) {
        c->chained--;
        return FACET_OK;
    }
    if (c->chained < 2 || next->row != c->chain[c->chained - 2]) {
        c->chain[c->chained++] = next->row;
        return FACET_OK;
    }
    root = top < next->row ? top : next->row;
    child = top + next->row - root;
    c->chained -= 2;
    merge_lists(c, root, child);
    c->todo[c->waiting++] = root;
    return facet__groups_join(c->problem->groups, root, child);
}

static facet_status walk(complete *c)
{
    const facet__groups *g = c->problem->groups;
    facet_status st = FACET_OK;

    for (size_t i = g->count; i-- > 0;)
        if (g->parent[i] == i)
            c->todo[c->waiting++] = (uint32_t)i;
    while (c->waiting && st == FACET_OK) {
        const uint32_t start = c->todo[--c->waiting];

        if (g->parent[start] != start)
            continue;
        c->chain[c->chained++] = start;
        while (c->chained && st == FACET_OK)
            st = step(c);
    }
    return st;
}

facet_status facet__group_complete(facet__problem *p)
{
    const size_t count = p->graph->count;
    complete c = { .problem = p };
    facet_status st = FACET_ENOMEM;

    c.lists = facet__calloc(count, sizeof *c.lists);
    c.store = facet__calloc(2 * p->n_links, sizeof *c.store);
    c.spare = facet__calloc(count, sizeof *c.spare);
    c.chain = facet__calloc(count + 1, sizeof *c.chain);
    c.todo = facet__calloc(2 * count + 1, sizeof *c.todo);
    if (c.lists && c.store && c.spare && c.chain && c.todo) {
        fill_lists(&c);
        for (size_t i = 0; i < count; i++)
            if (c.lists[i].n)
                qsort(c.lists[i].at, c.lists[i].n, sizeof *c.store, by_row);
        for (size_t i = 0; i < count; i++) /* groups that are there already */
            if (p->groups->parent[i] != i)
                merge_lists(&c, p->groups->parent[i], (uint32_t)i);
        st = walk(&c);
    }
    facet__free(c.lists);
    facet__free(c.store);
    facet__free(c.spare);
    facet__free(c.chain);
    facet__free(c.todo);
    return st;
}
