/* SPDX-License-Identifier: Apache-2.0 */
/* groups.c - union-find that remembers who must not meet. Photos and foes are
 * short sorted lists, and most groups have neither, so asking is cheap. */
#include "cluster/groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

uint32_t facet__groups_root(const facet__groups *g, uint32_t row)
{
    while (g->parent[row] != row)
        row = g->parent[row];
    return row;
}

void facet__groups_flatten(facet__groups *g)
{
    /* (parents are smaller than their children) */
    for (size_t i = 0; i < g->count; i++)
        g->parent[i] = g->parent[g->parent[i]];
}

static bool share_number(facet__numbers a, facet__numbers b)
{
    uint32_t i = 0, j = 0;

    while (i < a.n && j < b.n) {
        if (a.at[i] == b.at[j])
            return true;
        if (a.at[i] < b.at[j])
            i++;
        else
            j++;
    }
    return false;
}

bool facet__groups_may_join(const facet__groups *g, uint32_t a, uint32_t b)
{
    const facet__numbers foes = g->foes[a];

    if (!g->join_known && g->known[a] != FACET_CLUSTER_NEW &&
        g->known[b] != FACET_CLUSTER_NEW)
        return false;
    if (g->photos_apart && share_number(g->photos[a], g->photos[b]))
        return false;
    for (uint32_t i = 0; i < foes.n; i++)
        if (facet__groups_root(g, foes.at[i]) == b)
            return false;
    return true;
}

/* into = into and from; from becomes empty. */
static facet_status unite(facet__numbers *into, facet__numbers *from)
{
    facet__numbers both = { NULL, 0 };
    uint32_t i = 0, j = 0;

    if (from->n == 0)
        return FACET_OK;
    if (into->n == 0) {
        *into = *from;
        *from = both;
        return FACET_OK;
    }
    both.at = facet__calloc((size_t)into->n + from->n, sizeof *both.at);
    if (!both.at)
        return FACET_ENOMEM;
    while (i < into->n || j < from->n) {
        const bool first =
            j == from->n || (i < into->n && into->at[i] <= from->at[j]);
        const uint32_t next = first ? into->at[i] : from->at[j];

        i += first;
        j += !first;
        if (both.n == 0 || both.at[both.n - 1] != next)
            both.at[both.n++] = next;
    }
    facet__free(into->at);
    facet__free(from->at);
    *into = both;
    *from = (facet__numbers){ NULL, 0 };
    return FACET_OK;
}

facet_status facet__groups_join(facet__groups *g, uint32_t a, uint32_t b)
{
    const uint32_t root = a < b ? a : b, child = a < b ? b : a;
    facet_status st = unite(&g->photos[root], &g->photos[child]);

    if (st == FACET_OK)
        st = unite(&g->foes[root], &g->foes[child]);
    g->parent[child] = root;
    g->sizes[root] += g->sizes[child];
    if (g->known[child] < g->known[root]) /* NEW is the largest number */
        g->known[root] = g->known[child];
    return st;
}

/* ---- What the caller knows ---- */

static facet_status add_number(facet__numbers *to, uint32_t number)
{
    facet__numbers one = { facet__alloc(sizeof *one.at), 1 };
    facet_status st;

    if (!one.at)
        return FACET_ENOMEM;
    *one.at = number;
    st = unite(to, &one);
    facet__free(one.at);
    return st;
}

static facet_status join_rows(facet__groups *g, uint32_t a, uint32_t b)
{
    a = facet__groups_root(g, a);
    b = facet__groups_root(g, b);
    return a == b ? FACET_OK : facet__groups_join(g, a, b);
}

typedef struct labeled {
    uint32_t label, row;
} labeled;

static int by_label(const void *left, const void *right)
{
    const labeled *a = left, *b = right;

    if (a->label != b->label)
        return a->label < b->label ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* Rows of one known label are one group. */
static facet_status join_known(facet__groups *g, const facet__faces *faces)
{
    labeled *list = facet__calloc(g->count, sizeof *list);
    facet_status st = list ? FACET_OK : FACET_ENOMEM;
    size_t n = 0;

    for (size_t i = 0; i < g->count && st == FACET_OK; i++)
        if (faces->known[i] != FACET_CLUSTER_NEW)
            list[n++] = (labeled){ faces->known[i], (uint32_t)i };
    if (n)
        qsort(list, n, sizeof *list, by_label);
    for (size_t i = 1; i < n && st == FACET_OK; i++)
        if (list[i].label == list[i - 1].label)
            st = join_rows(g, list[i - 1].row, list[i].row);
    facet__free(list);
    return st;
}

static facet_status add_cannot(facet__groups *g, const facet_cluster_faces *in,
    const facet__faces *faces, facet_error *err)
{
    facet_status st = FACET_OK;

    for (size_t i = 0; i < in->n_cannot && st == FACET_OK; i++) {
        const facet_cluster_pair pair = in->cannot[i];
        const uint32_t a = faces->place[pair.a], b = faces->place[pair.b];

        if (facet__groups_root(g, a) == facet__groups_root(g, b))
            return facet__fail(err, FACET_EINVAL,
                "faces %u and %u must not be together, but other pairs or "
                "their label put them together",
                pair.a, pair.b);
        st = add_number(&g->foes[facet__groups_root(g, a)], b);
        if (st == FACET_OK)
            st = add_number(&g->foes[facet__groups_root(g, b)], a);
    }
    return st == FACET_OK ? FACET_OK : facet__fail_memory(err);
}

static facet_status add_photos(facet__groups *g, const facet__faces *faces)
{
    facet_status st = FACET_OK;

    for (size_t i = 0; i < g->count && st == FACET_OK; i++)
        if (faces->photos[i])
            st = add_number(&g->photos[i], faces->photos[i]);
    return st;
}

static facet_status allocate(facet__groups *g)
{
    g->parent = facet__calloc(g->count, sizeof *g->parent);
    g->sizes = facet__calloc(g->count, sizeof *g->sizes);
    g->known = facet__calloc(g->count, sizeof *g->known);
    g->photos = facet__calloc(g->count, sizeof *g->photos);
    g->foes = facet__calloc(g->count, sizeof *g->foes);
    return g->parent && g->sizes && g->known && g->photos && g->foes
               ? FACET_OK
               : FACET_ENOMEM;
}

facet_status facet__label_next(
    const uint32_t *labels, size_t count, uint32_t *next, facet_error *err)
{
    *next = 0;
    for (size_t i = 0; i < count; i++)
        if (labels[i] != FACET_CLUSTER_NEW && labels[i] >= *next)
            *next = labels[i] + 1;
    return count < FACET_CLUSTER_NEW - *next
               ? FACET_OK
               : facet__fail(err, FACET_EINVAL,
                     "behind the label %u there is no room for %zu more",
                     *next - 1, count);
}

facet_status facet__groups_make(const facet_cluster_faces *in,
    const facet__faces *faces, const facet_cluster_opts *opts,
    facet__groups *out, facet_error *err)
{
    facet_status st;

    *out = (facet__groups){ .count = faces->count,
        .photos_apart = opts->photos_apart,
        .join_known = opts->join_known };
    st = allocate(out);
    for (size_t i = 0; i < out->count && st == FACET_OK; i++) {
        out->parent[i] = (uint32_t)i;
        out->sizes[i] = 1;
        out->known[i] = faces->known[i];
    }
    if (st == FACET_OK)
        st = add_photos(out, faces);
    if (st == FACET_OK)
        st = join_known(out, faces);
    for (size_t i = 0; i < in->n_must && st == FACET_OK; i++)
        st = join_rows(
            out, faces->place[in->must[i].a], faces->place[in->must[i].b]);
    st = st == FACET_OK ? add_cannot(out, in, faces, err)
                        : facet__fail_memory(err);
    if (st == FACET_OK)
        facet__groups_flatten(out);
    else
        facet__groups_free(out);
    return st;
}

void facet__groups_free(facet__groups *g)
{
    for (size_t i = 0; g->photos && i < g->count; i++)
        facet__free(g->photos[i].at);
    for (size_t i = 0; g->foes && i < g->count; i++)
        facet__free(g->foes[i].at);
    facet__free(g->parent);
    facet__free(g->sizes);
    facet__free(g->known);
    facet__free(g->photos);
    facet__free(g->foes);
    *g = (facet__groups){ .count = 0 };
}

/* ---- Links ---- */

static int by_weight(const void *left, const void *right)
{
    const facet__link *a = left, *b = right;

    if (a->weight != b->weight)
        return a->weight > b->weight ? -1 : 1;
    if (a->a != b->a)
        return a->a < b->a ? -1 : 1;
    return a->b < b->b ? -1 : a->b > b->b;
}

void facet__links_sort(facet__link *links, size_t count)
{
    if (count)
        qsort(links, count, sizeof *links, by_weight);
}

facet_status facet__groups_join_links(
    facet__groups *g, const facet__link *links, size_t count)
{
    facet_status st = FACET_OK;

    for (size_t i = 0; i < count && st == FACET_OK; i++) {
        const uint32_t a = facet__groups_root(g, links[i].a);
        const uint32_t b = facet__groups_root(g, links[i].b);

        if (a != b && facet__groups_may_join(g, a, b))
            st = facet__groups_join(g, a, b);
        g->parent[links[i].a] = facet__groups_root(g, a);
        g->parent[links[i].b] = facet__groups_root(g, b);
    }
    return st;
}
