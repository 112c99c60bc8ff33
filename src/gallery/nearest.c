/* SPDX-License-Identifier: Apache-2.0 */
/* nearest.c - search by a store that has its own arithmetic.
 *
 * The store names more candidates than are wanted, with their embeddings; here
 * they are scored and ordered as everywhere else, so that the answer is that of
 * a local search, bit by bit. It is final once no row that was not named can
 * come before the last that is wanted: the store's scores and ours differ by
 * rounding alone. Until then it is asked for more, of which people with many
 * photos, who push others out of the list, are the usual reason. */
#include "gallery/nearest.h"

#include <float.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"

enum { CANDIDATES = 4, MORE = 16 };

/* What the store has named. */
typedef struct candidates {
    facet_match *list; /* [n], of `limit` that were asked for */
    size_t n, limit;
    double least; /* the store's own score of the last */
} candidates;

static int best_first(const void *a, const void *b)
{
    const facet_match *x = a, *y = b;

    return facet__match_better(*x, *y) ? -1 : facet__match_better(*y, *x);
}

/* Read the statement's rows and score them. */
static facet_status score_all(const facet__search *s, const float *query,
    size_t dim, facet__stmt *stmt, candidates *c, facet_error *err)
{
    facet_status st = FACET_OK;

    for (bool row = true; st == FACET_OK; c->n++) {
        facet__value vector;

        st = facet__db_step(stmt, &row, err);
        if (st != FACET_OK || !row || c->n == c->limit)
            break;
        vector = facet__db_column(stmt, 2);
        if (vector.size != dim * sizeof *query)
            return facet__fail(
                err, FACET_EDAMAGED, "an embedding of wrong size");
        c->list[c->n] =
            (facet_match){ .id = (uint64_t)facet__db_column(stmt, 0).integer,
                .person = (uint64_t)facet__db_column(stmt, 1).integer,
                .score = s->kernels->dot(query, vector.bytes, dim) };
        c->least = facet__db_column(stmt, 3).real;
    }
    return st;
}

static facet_status name_candidates(const facet_gallery *g,
    const facet__search *s, const float *query, const facet__among *among,
    candidates *c, facet_error *err)
{
    const facet__set *set = &g->state.active;
    facet__stmt *stmt = NULL;
    facet_status st;

    c->n = 0;
    facet__store_lock(g);
    st = g->db->driver->nearest(
        g->db, set->id, set->dim, query, among, c->limit, &stmt, err);
    if (st == FACET_OK)
        st = score_all(s, query, set->dim, stmt, c, err);
    facet__db_finish(stmt);
    facet__store_unlock(g);
    return st;
}

static bool is_listed(const facet_match *list, size_t n, uint64_t person)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].person == person)
            return true;
    return false;
}

/* The k best of the candidates. */
static size_t choose(const facet__search *s, candidates *c, facet_match *out)
{
    size_t n = 0;

    qsort(c->list, c->n, sizeof *c->list, best_first);
    for (size_t i = 0; i < c->n && n < s->k; i++) {
        if (!(c->list[i].score >= s->at_least))
            break;
        if (!s->by_person || !is_listed(out, n, c->list[i].person))
            out[n++] = c->list[i];
    }
    return n;
}

/* Can no row that was not named be among the k best? Each of two sums of dim
 * products of unit vectors is off by at most dim / 2 units of rounding. What is
 * approximate anyway needs no proof. */
static bool is_final(const facet_gallery *g, const facet__search *s,
    const candidates *c, const facet_match *out, size_t n)
{
    const double rest =
        c->least + (double)g->state.active.dim * (double)FLT_EPSILON;

    if (c->n < c->limit || rest < (double)s->at_least)
        return true;
    return n == s->k && (g->db->approximate || (double)out[n - 1].score > rest);
}

static facet_status search_one(const facet_gallery *g, const facet__search *s,
    const float *query, const facet__among *among, facet_match *out,
    size_t *count, facet_error *err)
{
    candidates c = { .limit = CANDIDATES * s->k + MORE };
    facet_status st;
    bool final;

    do {
        c.list = facet__calloc(c.limit, sizeof *c.list);
        st = c.list ? name_candidates(g, s, query, among, &c, err)
                    : facet__fail_memory(err);
        if (st == FACET_OK)
            *count = choose(s, &c, out);
        final = st != FACET_OK || is_final(g, s, &c, out, *count);
        c.limit *= CANDIDATES;
        facet__free(c.list);
    } while (!final);
    return st;
}

facet_status facet__nearest(const facet_gallery *g, const facet__search *s,
    const facet__among *among, facet_match *out, size_t *counts,
    facet_error *err)
{
    const size_t dim = g->state.active.dim;
    facet_status st = FACET_OK;

    for (size_t q = 0; st == FACET_OK && s->k && q < s->n_queries; q++)
        st = search_one(
            g, s, s->queries + q * dim, among, out + q * s->k, &counts[q], err);
    return st;
}

/* Among the rows that are kept here. */
static facet_match nearest_row(
    const facet_gallery *g, const float *unit, uint64_t person)
{
    const facet__rows *rows = &g->index.rows;
    facet_match best = { .score = -2.0F };

    for (size_t i = 0; i < rows->count; i++) {
        facet_match here = { .person = person };

        if (facet__rows_person(rows, i) != person)
            continue;
        here.id = facet__rows_id(rows, i);
        here.score =
            g->kernels->dot(unit, facet__rows_at(rows, i), rows->layout.dim);
        if (here.id && (!best.id || facet__match_better(here, best)))
            best = here;
    }
    return best;
}

facet_status facet__nearest_own(const facet_gallery *g, const float *unit,
    uint64_t person, facet_match *best, facet_error *err)
{
    const facet__search search = { .kernels = g->kernels,
        .queries = unit,
        .n_queries = 1,
        .k = 1,
        .at_least = -2.0F };
    size_t n = 0;

    *best = (facet_match){ .score = -2.0F };
    if (!person)
        return FACET_OK;
    if (g->db->driver->nearest)
        return facet__nearest(g, &search,
            &(facet__among){ .person = (int64_t)person }, best, &n, err);
    *best = nearest_row(g, unit, person);
    return FACET_OK;
}
