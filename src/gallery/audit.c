/* SPDX-License-Identifier: Apache-2.0 */
/* audit.c - what is wrong with a gallery's people, by its embeddings alone.
 *
 * Every template asks once who is like it: the people whose best template
 * reaches duplicate_at, at most NEIGHBORS of them, in batches because batches
 * are several times as fast. With the scores within each person that is all
 * that the findings need. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "gallery/by_person.h"
#include "gallery/search.h"
#include "gallery/store.h"

enum { BATCH = 64, NEIGHBORS = 16, POISON_PEOPLE = 3 };

typedef struct audit {
    const facet_gallery *g;
    const facet_enroll_rule *rule;
    facet_audit_visit *visit;
    void *context;
    facet__person_row *by_person; /* [n] */
    size_t n;
    float *queries;     /* [BATCH][dim] */
    facet_match *found; /* [BATCH][NEIGHBORS] */
} audit;

const char *facet_audit_name(facet_audit_kind kind)
{
    static const char *const names[] = { "none", "mixed", "duplicate", "poison",
        "outlier", "repeated" };

    return (unsigned)kind < 6 ? names[kind] : "none";
}

/* Of what a template's neighbors say, the gravest finding; kind 0: none. A
 * duplicate is told once, by the smaller template id of the pair. */
static facet_audit_finding judge(const audit *a, uint64_t id, uint64_t person,
    facet_match own, const facet_match *found, size_t n)
{
    const facet_enroll_rule *rule = a->rule;
    facet_match other = { .score = -2.0F };
    facet_audit_finding out = {
        .person = person, .id = id, .own_score = own.score
    };

    for (size_t i = 0; i < n; i++) {
        if (found[i].person == person)
            continue;
        if (out.people++ == 0)
            other = found[i];
    }
    out.other_person = other.person;
    out.other_id = other.id;
    out.score = other.score;
    if (out.people >= POISON_PEOPLE) {
        out.kind = FACET_AUDIT_POISON;
    } else if (other.id && own.id && other.score > own.score) {
        out.kind = FACET_AUDIT_MIXED;
    } else if (own.id && own.score >= rule->repeated_at && own.id < id) {
        out.kind = FACET_AUDIT_REPEATED;
        out.other_person = person;
        out.other_id = own.id;
        out.score = own.score;
    } else if (own.id && own.score < rule->consistent_at) {
        out.kind = FACET_AUDIT_OUTLIER;
    } else if (other.id && id < other.id) {
        out.kind = FACET_AUDIT_DUPLICATE;
    }
    if (out.kind != FACET_AUDIT_POISON)
        out.people = 0;
    return out;
}

static facet_status audit_batch(audit *a, const size_t *batch, size_t n)
{
    const facet__rows *rows = &a->g->index.rows;
    const size_t dim = rows->layout.dim;
    size_t counts[BATCH];
    facet_status st;

    for (size_t i = 0; i < n; i++)
        memcpy(a->queries + i * dim, facet__rows_at(rows, batch[i]),
            dim * sizeof *a->queries);
    st = facet__search_run(&(facet__search){ .rows = rows,
                               .kernels = a->g->kernels,
                               .queries = a->queries,
                               .n_queries = n,
                               .k = NEIGHBORS,
                               .by_person = true,
                               .at_least = a->rule->duplicate_at,
                               .threads = a->g->threads },
        a->found, counts);
    for (size_t i = 0; st == FACET_OK && i < n; i++) {
        const uint64_t person = facet__rows_person(rows, batch[i]);
        const facet_match own = facet__nearest_of_person(rows, a->g->kernels,
            a->queries + i * dim, a->by_person, a->n, person, batch[i]);
        const facet_audit_finding f = judge(a, facet__rows_id(rows, batch[i]),
            person, own, a->found + i * NEIGHBORS, counts[i]);

        if (f.kind)
            st = a->visit(a->context, &f);
    }
    return st;
}

static facet_status audit_all(audit *a)
{
    const facet__rows *rows = &a->g->index.rows;
    size_t batch[BATCH], n = 0;
    facet_status st = FACET_OK;

    for (size_t i = 0; st == FACET_OK && i < rows->count; i++) {
        if (facet__rows_id(rows, i))
            batch[n++] = i;
        if (n == BATCH || (n && i + 1 == rows->count)) {
            st = audit_batch(a, batch, n);
            n = 0;
        }
    }
    return st == FACET_OK && n ? audit_batch(a, batch, n) : st;
}

facet_status facet_gallery_audit(const facet_gallery *g,
    const facet_enroll_rule *rule, facet_audit_visit *visit, void *context,
    facet_error *err)
{
    audit a = { .g = g, .rule = rule, .visit = visit, .context = context };
    facet_status st;

    if (!g || !rule || !visit)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    st = facet__index_usable(g, err);
    if (st == FACET_OK)
        st = facet__index_need(g, err);
    if (st != FACET_OK)
        return st;
    st = FACET_ENOMEM;
    a.queries =
        facet__alloc(BATCH * g->index.rows.layout.dim * sizeof *a.queries);
    a.found = facet__alloc(BATCH * NEIGHBORS * sizeof *a.found);
    a.by_person = facet__rows_by_person(&g->index.rows, &a.n);
    if (a.queries && a.found && a.by_person)
        st = audit_all(&a);
    if (st == FACET_ENOMEM)
        facet__fail_memory(err);
    if (st == FACET_EDAMAGED)
        facet__fail(err, st,
            "the vector file is damaged: facet_gallery_check, or facet "
            "gallery check, rebuilds it");
    facet__free(a.by_person);
    facet__free(a.found);
    facet__free(a.queries);
    return st;
}
