/* SPDX-License-Identifier: Apache-2.0 */
/* average.c - rounds of reciprocal nearest neighbors.
 *
 * Average linkage is reducible: what A and B become is no nearer to C than the
 * nearer of the two was. So any two clusters that are each other's nearest may
 * join at once, in any order, and the outcome is that of joining the best pair
 * of all again and again (Bruynooghe 1977, Murtagh 1983). A round joins all
 * reciprocal pairs.
 *
 * The same property keeps looking things up cheap. A cluster knows its sixteen
 * nearest and how near anybody else is at most. When its nearest joins another,
 * or it joins one itself and inherits that one's list, a few products tell the
 * new order of the list; only if the best of it is no better than the bound, a
 * search among everybody is needed. Who has nobody within the threshold never
 * will, and leaves: after the first search most strangers are gone.
 *
 * Similarities come from one kernel whoever asks, and pairs are ordered by
 * similarity, then by roots: there is one best pair, threads may find things in
 * any order, and rounds come to an end. */
#include "cluster/average.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/products.h"
#include "base/threads.h"
#include "cluster/nearest.h"

enum {
    ROWS = FACET__PRODUCT_ROWS,
    COLUMNS = FACET__PRODUCT_COLUMNS,
    STRIPE = 256, /* rows that one task takes at most */
    RENEWALS = 16,
};

typedef struct average {
    facet__faces *faces;
    facet__groups *groups;
    float threshold;
    facet__products *kernel;
    facet__pool *pool;
    facet__nearest *near; /* [count], of roots */
    bool *seek;           /* [count], of roots: a search is needed */
    bool *changed;        /* [count]: joined in this round */
    uint32_t *order;      /* [n]: roots in the race, seekers first */
    size_t n_seek, n;
    size_t stripe;
    float *rows;             /* the seekers, packed by ROWS */
    float *columns;          /* all, packed by COLUMNS */
    float *inverse;          /* [n]: 1 / size, zeros to the end of a panel */
    facet__nearest **offers; /* [threads][n]: what each thread has found */
    float **spare;           /* [threads]: a panel of rows, one of columns */
    uint32_t *renew;         /* [n_renew]: whose list is out of date */
    size_t n_renew;
    facet__merge *merges;
    size_t n_merges;
} average;

/* ---- A search among everybody ---- */

/* Let two clusters compete for places on each other's list. */
static void offer(const average *w, facet__nearest *found, size_t row,
    size_t column, float similarity)
{
    const uint32_t a = w->order[row], b = w->order[column];
    const facet__candidate to_a = { similarity, b }, to_b = { similarity, a };
    const bool wanted_a = facet__nearest_wants(&found[row], a, to_a);
    const bool wanted_b = facet__nearest_wants(&found[column], b, to_b);

    if ((!wanted_a && !wanted_b) || !facet__groups_may_join(w->groups, a, b))
        return;
    if (wanted_a)
        facet__nearest_add(&found[row], a, to_a);
    if (wanted_b)
        facet__nearest_add(&found[column], b, to_b);
}

/* Products of sums [ROWS][COLUMNS] to mean similarities; those that reach the
 * threshold compete, each pair once. */
static void offer_block(const average *w, facet__nearest *found,
    float *products, size_t first_row, size_t first_column)
{
    const size_t rows =
        w->n_seek - first_row < ROWS ? w->n_seek - first_row : ROWS;
    const size_t columns =
        w->n - first_column < COLUMNS ? w->n - first_column : COLUMNS;

    for (size_t i = 0; i < rows; i++) {
        float *row = products + i * COLUMNS;
        const float inverse = w->inverse[first_row + i];
        int reach = 0;

        for (size_t j = 0; j < COLUMNS; j++) {
            row[j] *= inverse * w->inverse[first_column + j];
            reach |= row[j] >= w->threshold;
        }
        for (size_t j = 0; reach && j < columns; j++)
            if (row[j] >= w->threshold && first_column + j > first_row + i)
                offer(w, found, first_row + i, first_column + j, row[j]);
    }
}

static void search_stripe(void *context, size_t index, int thread)
{
    const average *w = context;
    const size_t dim = w->faces->dim, first = index * w->stripe;
    const size_t last =
        first + w->stripe < w->n_seek ? first + w->stripe : w->n_seek;
    float products[ROWS * COLUMNS];

    for (size_t column = first / COLUMNS * COLUMNS; column < w->n;
         column += COLUMNS)
        for (size_t row = first; row < last; row += ROWS) {
            if (column + COLUMNS <= row + 1)
                continue;
            w->kernel(
                w->rows + row * dim, w->columns + column * dim, dim, products);
            offer_block(w, w->offers[thread], products, row, column);
        }
}

/* Few rows are dealt out in small stripes, so that every thread has some. */
static size_t stripe_for(size_t rows, int threads)
{
    const size_t fair = rows / (8 * (size_t)threads) / ROWS * ROWS;

    return fair < ROWS ? ROWS : fair > STRIPE ? STRIPE : fair;
}

/* Find the nearest of all seekers. Others learn of seekers who are near. */
static void search(average *w)
{
    const facet__faces *f = w->faces;
    const int threads = facet__pool_size(w->pool);

    facet__products_pack(f->rows, w->order, w->n_seek, f->dim, ROWS, w->rows);
    facet__products_pack(f->rows, w->order, w->n, f->dim, COLUMNS, w->columns);
    memset(w->inverse, 0, (w->n + COLUMNS) * sizeof *w->inverse);
    for (size_t i = 0; i < w->n; i++) {
        w->inverse[i] = 1.0F / (float)w->groups->sizes[w->order[i]];
        for (int t = 0; t < threads; t++)
            facet__nearest_clear(&w->offers[t][i]);
    }
    w->stripe = stripe_for(w->n_seek, threads);
    facet__pool_run(
        w->pool, (w->n_seek + w->stripe - 1) / w->stripe, search_stripe, w);
    for (size_t i = 0; i < w->n; i++) {
        const uint32_t a = w->order[i];

        if (w->seek[a])
            facet__nearest_clear(&w->near[a]);
        w->seek[a] = false;
        for (int t = 0; t < threads; t++)
            facet__nearest_merge(&w->near[a], a, &w->offers[t][i]);
    }
}

/* ---- Lists brought up to date ---- */

/* Who is on a list today: roots, each once, that may still join. */
static size_t gather(const average *w, uint32_t self, uint32_t *out)
{
    const facet__nearest *near = &w->near[self];
    size_t n = 0;

    for (uint32_t i = 0; i < near->n; i++) {
        const uint32_t other =
            facet__groups_root(w->groups, near->list[i].other);
        bool fresh = other != self;

        for (size_t j = 0; j < n && fresh; j++)
            fresh = out[j] != other;
        if (fresh && facet__groups_may_join(w->groups, self, other))
            out[n++] = other;
    }
    return n;
}

static void renew(const average *w, uint32_t self, float *panels)
{
    const facet__faces *f = w->faces;
    const uint32_t *sizes = w->groups->sizes;
    facet__nearest *near = &w->near[self];
    float *columns = panels + ROWS * f->dim, products[ROWS * COLUMNS];
    uint32_t others[FACET__NEAREST_ROOM];
    const size_t n = gather(w, self, others);

    near->n = 0;
    w->seek[self] = n == 0 && !facet__nearest_certain(near);
    if (n == 0)
        return;
    facet__products_pack(f->rows, &self, 1, f->dim, ROWS, panels);
    facet__products_pack(f->rows, others, n, f->dim, COLUMNS, columns);
    w->kernel(panels, columns, f->dim, products);
    for (size_t i = 0; i < n; i++) {
        const float similarity =
            products[i] *
            (1.0F / (float)sizes[self] * (1.0F / (float)sizes[others[i]]));

        if (similarity >= w->threshold)
            facet__nearest_add(
                near, self, (facet__candidate){ similarity, others[i] });
    }
    w->seek[self] = !facet__nearest_certain(near);
}

static void renew_some(void *context, size_t index, int thread)
{
    const average *w = context;

    for (size_t i = index * RENEWALS;
         i < (index + 1) * RENEWALS && i < w->n_renew; i++)
        renew(w, w->renew[i], w->spare[thread]);
}

/* ---- Rounds ---- */

/* Join a and b, each other's nearest; a inherits b's list. (Joined lists are
 * longer than others until they are renewed.) */
static facet_status join(average *w, uint32_t a, uint32_t b)
{
    float *into = w->faces->rows + a * w->faces->dim;
    const float *from = w->faces->rows + b * w->faces->dim;
    facet__nearest *near = &w->near[a];
    const facet__nearest *other = &w->near[b];

    if (w->merges)
        w->merges[w->n_merges] =
            (facet__merge){ a, b, near->list[0].similarity };
    w->n_merges++;
    for (size_t k = 0; k < w->faces->dim; k++)
        into[k] += from[k];
    memcpy(near->list + near->n, other->list, other->n * sizeof *other->list);
    near->n += other->n;
    near->bound = near->bound > other->bound ? near->bound : other->bound;
    w->changed[a] = w->changed[b] = true;
    return facet__groups_join(w->groups, a, b);
}

static facet_status join_reciprocal(average *w)
{
    facet_status st = FACET_OK;

    for (size_t i = 0; i < w->n && st == FACET_OK; i++) {
        const uint32_t a = w->order[i];
        uint32_t b;

        if (w->seek[a] || w->near[a].n == 0)
            continue;
        b = w->near[a].list[0].other;
        if (a < b && !w->seek[b] && w->near[b].n &&
            w->near[b].list[0].other == a)
            st = join(w, a, b);
    }
    facet__groups_flatten(w->groups);
    return st;
}

/* Bring lists up to date whose first entry, or whose owner, is not what it was.
 */
static void renew_lists(average *w)
{
    w->n_renew = 0;
    for (size_t i = 0; i < w->n; i++) {
        const uint32_t a = w->order[i];

        if (w->groups->parent[a] == a && w->near[a].n &&
            (w->changed[a] || w->changed[w->near[a].list[0].other]))
            w->renew[w->n_renew++] = a;
    }
    facet__pool_run(
        w->pool, (w->n_renew + RENEWALS - 1) / RENEWALS, renew_some, w);
    memset(w->changed, 0, w->faces->count * sizeof *w->changed);
}

/* Who is still in the race; seekers first. */
static void call_up(average *w)
{
    size_t n = 0;

    w->n_seek = 0;
    for (size_t i = 0; i < w->n; i++) {
        const uint32_t a = w->order[i];

        if (w->groups->parent[a] == a && (w->near[a].n || w->seek[a]))
            w->order[n++] = a;
    }
    w->n = n;
    for (size_t i = 0; i < n; i++) {
        const uint32_t a = w->order[i];

        if (w->seek[a]) {
            w->order[i] = w->order[w->n_seek];
            w->order[w->n_seek++] = a;
        }
    }
}

/* Who begins: sums of the groups that are there already; the ones with a new
 * face seek. */
static void begin(average *w)
{
    const size_t dim = w->faces->dim;

    for (size_t i = 0; i < w->faces->count; i++) {
        const uint32_t root = w->groups->parent[i];
        float *sum = w->faces->rows + root * dim;

        facet__nearest_clear(&w->near[i]);
        if (w->faces->known[i] == FACET_CLUSTER_NEW)
            w->seek[root] = true;
        for (size_t k = 0; root != i && k < dim; k++)
            sum[k] += w->faces->rows[i * dim + k];
    }
    for (int seek = 1; seek >= 0; seek--) {
        for (size_t i = 0; i < w->faces->count; i++)
            if (w->groups->parent[i] == i && w->seek[i] == seek)
                w->order[w->n++] = (uint32_t)i;
        if (seek)
            w->n_seek = w->n;
    }
}

/* Join while there is anybody to join; search when nobody is left who is
 * certain. Should all be certain and yet no two each other's nearest (rounding
 * might do that), all search once more. */
static facet_status rounds(average *w, facet_error *err)
{
    bool all = false;

    while (w->n) {
        const size_t before = w->n_merges;

        if (join_reciprocal(w) != FACET_OK)
            return facet__fail_memory(err);
        if (w->n_merges > before) {
            renew_lists(w);
            all = false;
        } else if (w->n_seek) {
            search(w);
        } else if (!all) {
            all = true;
            for (size_t i = 0; i < w->n; i++)
                w->seek[w->order[i]] = true;
        } else {
            break;
        }
        call_up(w);
    }
    return FACET_OK;
}

static bool allocate_threads(average *w, size_t roots, int threads)
{
    bool good = true;

    w->offers = facet__calloc((size_t)threads, sizeof *w->offers);
    w->spare = facet__calloc((size_t)threads, sizeof *w->spare);
    for (int t = 0; t < threads && good && w->offers && w->spare; t++) {
        w->offers[t] = facet__calloc(roots, sizeof **w->offers);
        w->spare[t] =
            facet__calloc(ROWS + COLUMNS, w->faces->dim * sizeof **w->spare);
        good = w->offers[t] && w->spare[t];
    }
    return good && w->offers && w->spare &&
           facet__pool_create(threads, &w->pool) == FACET_OK;
}

static facet_status allocate(average *w, int threads, facet_error *err)
{
    const size_t count = w->faces->count, dim = w->faces->dim;
    size_t roots = 0, rows = 0, columns = 0;
    bool good;

    for (size_t i = 0; i < count; i++)
        roots += w->groups->parent[i] == i;
    good = facet__mul_size(roots + ROWS, dim * sizeof *w->rows, &rows) &&
           facet__mul_size(roots + COLUMNS, dim * sizeof *w->columns, &columns);
    w->near = facet__calloc(count, sizeof *w->near);
    w->seek = facet__calloc(count, sizeof *w->seek);
    w->changed = facet__calloc(count, sizeof *w->changed);
    w->order = facet__calloc(roots, sizeof *w->order);
    w->renew = facet__calloc(roots, sizeof *w->renew);
    w->rows = good ? facet__alloc(rows) : NULL;
    w->columns = good ? facet__alloc(columns) : NULL;
    w->inverse = facet__calloc(roots + COLUMNS, sizeof *w->inverse);
    good = w->near && w->seek && w->changed && w->order && w->renew &&
           w->rows && w->columns && w->inverse &&
           allocate_threads(w, roots, threads);
    return good ? FACET_OK : facet__fail_memory(err);
}

static void release(average *w, int threads)
{
    facet__pool_free(w->pool);
    for (int t = 0; t < threads; t++) {
        facet__free(w->offers ? w->offers[t] : NULL);
        facet__free(w->spare ? w->spare[t] : NULL);
    }
    facet__free(w->spare);
    facet__free(w->offers);
    facet__free(w->inverse);
    facet__free(w->columns);
    facet__free(w->rows);
    facet__free(w->renew);
    facet__free(w->order);
    facet__free(w->changed);
    facet__free(w->seek);
    facet__free(w->near);
}

facet_status facet__average_run(facet__faces *faces, facet__groups *groups,
    float threshold, int threads, facet__merge *merges, size_t *n_merges,
    facet_error *err)
{
    average w = { .faces = faces,
        .groups = groups,
        .threshold = threshold,
        .kernel = facet__products_pick(),
        .merges = merges };
    facet_status st = allocate(&w, threads, err);

    if (st == FACET_OK) {
        begin(&w);
        st = rounds(&w, err);
    }
    release(&w, threads);
    facet__groups_flatten(groups);
    *n_merges = w.n_merges;
    return st;
}
