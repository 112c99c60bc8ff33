/* SPDX-License-Identifier: Apache-2.0 */
/* migrate.c - from one contract to another without losing anybody.
 *
 * People and templates stay as they are; only a second set of embeddings grows
 * beside the first. The switch is one UPDATE of three numbers in the gallery's
 * row, so it has happened or it has not, and the old set is still there for a
 * rollback. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "gallery/by_person.h"
#include "gallery/search.h"
#include "gallery/store.h"

static facet_status drop_set(
    facet_gallery *g, const char *which, int64_t id, facet_error *err)
{
    char sql[64];
    facet_status st = FACET_OK;

    snprintf(sql, sizeof sql, "UPDATE gallery SET %s = 0 WHERE id = ?1", which);
    if (id)
        st = g->db->driver->drop_set(g->db, id, err);
    if (st == FACET_OK && id)
        st = facet__db_run(
            g->db, err, "DELETE FROM embedding_set WHERE id = ?1", "i", id);
    return st == FACET_OK
               ? facet__db_run(g->db, err, sql, "i", g->state.gallery)
               : st;
}

static facet_status begin_shadow(
    facet_gallery *g, const uint8_t *contract, size_t dim, facet_error *err)
{
    const facet__set *shadow = &g->state.shadow;
    int64_t set = 0;
    facet_status st;

    if (memcmp(g->state.active.contract, contract, FACET_CONTRACT_BYTES) == 0)
        return facet__fail(
            err, FACET_EEXISTS, "the gallery is of this contract already");
    if (shadow->id && shadow->dim == dim &&
        memcmp(shadow->contract, contract, FACET_CONTRACT_BYTES) == 0)
        return FACET_OK;
    if (shadow->id)
        return facet__fail(err, FACET_EEXISTS,
            "a migration to another contract is under way; drop it first");
    st = facet__store_add_set(g, g->state.gallery, contract, dim, &set, err);
    return st == FACET_OK ? facet__db_run(g->db, err,
                                "UPDATE gallery SET shadow = ?2 WHERE id = ?1",
                                "ii", g->state.gallery, set)
                          : st;
}

facet_status facet_gallery_shadow_begin(
    facet_gallery *g, const uint8_t *contract, size_t dim, facet_error *err)
{
    facet_status st;

    if (!g || !contract || dim < 1 || dim > FACET_GALLERY_MAX_DIM)
        return facet__fail(err, FACET_EINVAL,
            "a shadow needs a contract and a dim of 1 to %d",
            FACET_GALLERY_MAX_DIM);
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    st = begin_shadow(g, contract, dim, err);
    return facet__store_end(g, st, FACET__ADDED, err);
}

/* The set that wants embeddings: the shadow, or without one what is active. */
static const facet__set *wanting(const facet__state *state)
{
    return state->shadow.id ? &state->shadow : &state->active;
}

facet_status facet_gallery_shadow_missing(const facet_gallery *g,
    facet_template_visit *visit, void *context, facet_error *err)
{
    uint64_t visited;
    facet_status st;

    if (!g || !visit)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    facet__store_lock(g);
    st = facet__store_visit_missing(
        g, wanting(&g->state), visit, context, &visited, err);
    facet__store_unlock(g);
    return st;
}

facet_status facet_gallery_shadow_put(facet_gallery *g, const uint8_t *contract,
    const uint64_t *ids, const float *embeddings, size_t count,
    facet_error *err)
{
    const facet__set *set;
    facet_status st;
    bool active;

    if (!g || !contract || ((!ids || !embeddings) && count))
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    active =
        memcmp(g->state.active.contract, contract, FACET_CONTRACT_BYTES) == 0;
    set = active ? &g->state.active : wanting(&g->state);
    st = facet__store_same_contract(set, contract, err);
    if (st == FACET_OK)
        st = facet__store_put(g, set, ids, embeddings, count, err);
    return facet__store_end(g, st, active ? FACET__RESET : FACET__ADDED, err);
}

static facet_status count_missing(const facet_gallery *g, const facet__set *set,
    int64_t *missing, facet_error *err)
{
    return facet__db_integer(g->db, missing, err,
        "SELECT count(*) FROM template t WHERE gallery = ?1 AND NOT EXISTS "
        "(SELECT 1 FROM embedding WHERE in_set = ?2 AND template = t.id)",
        "ii", g->state.gallery, set->id);
}

static facet_status switch_sets(
    facet_gallery *g, bool drop_missing, facet_error *err)
{
    const facet__state *s = &g->state;
    int64_t missing = 0;
    facet_status st = FACET_OK;

    if (!s->shadow.id)
        return facet__fail(err, FACET_ENOTFOUND, "no migration is under way");
    st = count_missing(g, &s->shadow, &missing, err);
    if (st == FACET_OK && missing && !drop_missing)
        st = facet__fail(err, FACET_ENOTFOUND,
            "%lld templates have no new embedding yet", (long long)missing);
    if (st == FACET_OK && s->previous.id)
        st = drop_set(g, "previous", s->previous.id, err);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err,
            "UPDATE gallery SET previous = active, active = shadow, "
            "shadow = 0 WHERE id = ?1",
            "i", s->gallery);
    return st;
}

facet_status facet_gallery_shadow_switch(
    facet_gallery *g, bool drop_missing, facet_error *err)
{
    facet_status st;

    if (!g)
        return facet__fail(err, FACET_EINVAL, "gallery is NULL");
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    st = switch_sets(g, drop_missing, err);
    return facet__store_end(g, st, FACET__RESET, err);
}

static facet_status roll_back(facet_gallery *g, facet_error *err)
{
    if (!g->state.previous.id)
        return facet__fail(
            err, FACET_ENOTFOUND, "there is no earlier set to go back to");
    if (g->state.shadow.id)
        return facet__fail(err, FACET_EEXISTS,
            "a migration is under way, whose embeddings would be lost; drop it "
            "first");
    return facet__db_run(g->db, err,
        "UPDATE gallery SET shadow = active, active = previous, previous = 0 "
        "WHERE id = ?1",
        "i", g->state.gallery);
}

facet_status facet_gallery_rollback(facet_gallery *g, facet_error *err)
{
    facet_status st;

    if (!g)
        return facet__fail(err, FACET_EINVAL, "gallery is NULL");
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    st = roll_back(g, err);
    return facet__store_end(g, st, FACET__RESET, err);
}

facet_status facet_gallery_shadow_drop(facet_gallery *g, facet_error *err)
{
    facet_status st;

    if (!g)
        return facet__fail(err, FACET_EINVAL, "gallery is NULL");
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    st = g->state.shadow.id
             ? drop_set(g, "shadow", g->state.shadow.id, err)
             : drop_set(g, "previous", g->state.previous.id, err);
    return facet__store_end(g, st, FACET__ADDED, err);
}

/* -- Comparison ---------------------------------------------------------- */

/* What leave-one-out identification says of one probe. */
typedef struct trial {
    float own, stranger; /* best score of each; -2: none */
} trial;

/* One side of a comparison. */
typedef struct side {
    const facet_gallery *g;
    const facet__rows *rows;
    facet__person_row *by_person; /* [n] */
    size_t n;
} side;

/* The probe is among the rows, so its own person is one of the two best; the
 * other is the nearest stranger. */
static facet_status try_probe(const side *s, size_t row, trial *out)
{
    const float *probe = facet__rows_at(s->rows, row);
    const uint64_t person = facet__rows_person(s->rows, row);
    facet_match found[2];
    size_t n = 0;
    const facet_status st = facet__search_run(&(facet__search){ .rows = s->rows,
                                                  .kernels = s->g->kernels,
                                                  .queries = probe,
                                                  .n_queries = 1,
                                                  .k = 2,
                                                  .by_person = true,
                                                  .at_least = -INFINITY,
                                                  .threads = s->g->threads },
        found, &n);

    *out = (trial){ -2.0F, -2.0F };
    for (size_t i = n; i > 0; i--)
        if (found[i - 1].person != person)
            out->stranger = found[i - 1].score;
    out->own = facet__nearest_of_person(
        s->rows, s->g->kernels, probe, s->by_person, s->n, person, row)
                   .score;
    return st;
}

static int descending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;

    return (x < y) - (x > y);
}

/* The score that 1 in 1000 of the strangers reach, and how many own reach it
 * too. */
static facet_status threshold_of(
    const trial *trials, size_t n, float *threshold, float *tpir)
{
    float *strangers = facet__calloc(n + 1, sizeof *strangers);
    size_t passed = 0;

    if (!strangers)
        return FACET_ENOMEM;
    for (size_t i = 0; i < n; i++)
        strangers[i] = trials[i].stranger;
    qsort(strangers, n, sizeof *strangers, descending);
    *threshold = n ? strangers[n / 1000] : 0.0F;
    for (size_t i = 0; i < n; i++)
        passed += trials[i].own > *threshold;
    *tpir = n ? (float)passed / (float)n : 0.0F;
    facet__free(strangers);
    return FACET_OK;
}

/* The row of a template id in rows ordered by id; rows->count without one. */
static size_t row_of(const facet__rows *rows, uint64_t id)
{
    size_t low = 0, high = rows->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (facet__rows_id(rows, middle) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rows->count && facet__rows_id(rows, low) == id ? low
                                                                : rows->count;
}

/* Probe by probe, in both sets. trials, after: room for as many as old rows. */
static facet_status run_trials(const side *old, const side *new, size_t step,
    trial *trials, trial *after, size_t *n, facet_shadow_report *out)
{
    facet_status st = FACET_OK;

    for (size_t i = 0; st == FACET_OK && i < old->rows->count; i += step) {
        const size_t there = row_of(new->rows, facet__rows_id(old->rows, i));
        trial *was = &trials[*n], *is = &after[*n];

        if (there == new->rows->count)
            continue;
        st = try_probe(old, i, was);
        if (st == FACET_OK)
            st = try_probe(new, there, is);
        if (st != FACET_OK || was->own <= -2.0F)
            continue;
        out->probes++;
        out->rank1_old += was->own > was->stranger;
        out->rank1_new += is->own > is->stranger;
        out->gained += is->own > is->stranger && was->own <= was->stranger;
        out->lost += is->own <= is->stranger && was->own > was->stranger;
        ++*n;
    }
    return st;
}

static facet_status compare(const facet_gallery *g, const facet__rows *old,
    const facet__rows *new, size_t limit, facet_shadow_report *out)
{
    const size_t step = limit ? (old->count + limit - 1) / limit : 1;
    side before = { .g = g, .rows = old }, now = { .g = g, .rows = new };
    trial *trials = facet__calloc(old->count + 1, sizeof *trials);
    trial *after = facet__calloc(old->count + 1, sizeof *after);
    size_t n = 0;
    facet_status st = FACET_ENOMEM;

    before.by_person = facet__rows_by_person(old, &before.n);
    now.by_person = facet__rows_by_person(new, &now.n);
    if (trials && after && before.by_person && now.by_person)
        st = run_trials(&before, &now, step, trials, after, &n, out);
    if (st == FACET_OK)
        st = threshold_of(trials, n, &out->threshold_old, &out->tpir_old);
    if (st == FACET_OK)
        st = threshold_of(after, n, &out->threshold_new, &out->tpir_new);
    facet__free(now.by_person);
    facet__free(before.by_person);
    facet__free(after);
    facet__free(trials);
    return st;
}

facet_status facet_gallery_shadow_compare(const facet_gallery *g, size_t limit,
    facet_shadow_report *out, facet_error *err)
{
    facet__rows old, new;
    int64_t missing = 0, templates = 0;
    facet_status st;

    if (!g || !out)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    *out = (facet_shadow_report){ .templates = 0 };
    if (!g->state.shadow.id)
        return facet__fail(err, FACET_ENOTFOUND, "no migration is under way");
    facet__store_lock(g);
    st = facet__db_integer(g->db, &templates, err,
        "SELECT count(*) FROM template WHERE gallery = ?1", "i",
        g->state.gallery);
    if (st == FACET_OK)
        st = count_missing(g, &g->state.shadow, &missing, err);
    if (st == FACET_OK)
        st = facet__index_load(g, &g->state.active, &old, err);
    if (st == FACET_OK) {
        st = facet__index_load(g, &g->state.shadow, &new, err);
        if (st != FACET_OK)
            facet__rows_free(&old);
    }
    facet__store_unlock(g);
    if (st != FACET_OK)
        return st;
    out->templates = (uint64_t)templates;
    out->missing = (uint64_t)missing;
    st = compare(g, &old, &new, limit, out);
    facet__rows_free(&old);
    facet__rows_free(&new);
    return st == FACET_OK ? st : facet__fail_memory(err);
}
