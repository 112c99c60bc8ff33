/* SPDX-License-Identifier: Apache-2.0 */
/* remove.c - taking people and templates out so that nothing stays behind.
 *
 * In SQLite secure_delete zeroes what a row occupied and the pages it frees,
 * incremental vacuuming gives those pages back, and the checkpoint empties the
 * log of older copies; the rows of the vector file are zeroed by whoever next
 * brings it in step: here, at once (index.c). A server keeps what it deletes
 * until it vacuums, and the receipt says so. */
#include <stdio.h>
#include <time.h>

#include "base/error.h"
#include "gallery/store.h"

static void write_receipt(
    const facet_gallery *g, uint64_t person, facet_removal *r)
{
    const time_t now = time(NULL);
    struct tm utc;
    char when[32] = "";
    char who[64] = "";

    if (gmtime_r(&now, &utc))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (person)
        snprintf(
            who, sizeof who, "\"person\": %llu, ", (unsigned long long)person);
    snprintf(r->json, sizeof r->json,
        "{\"removed\": {%s\"people\": %llu, \"templates\": %llu, "
        "\"crops\": %llu, \"vectors\": %llu}, \"vectors_pending\": %s, "
        "\"key_destroyed\": %s, "
        "\"log_truncated\": %s, \"encrypted\": %s, \"generation\": %llu, "
        "\"time\": \"%s\"}",
        who, (unsigned long long)r->people, (unsigned long long)r->templates,
        (unsigned long long)r->crops, (unsigned long long)r->vectors,
        r->vectors_pending ? "true" : "false",
        r->key_destroyed ? "true" : "false",
        r->log_truncated ? "true" : "false", g->vault ? "true" : "false",
        (unsigned long long)r->generation, when);
}

/* Commit a removal, compact, and tell. */
static facet_status finish_removal(facet_gallery *g, facet_status st,
    uint64_t person, facet_removal *receipt, facet_error *err)
{
    st = facet__store_end(g, st, FACET__REMOVED, err);
    if (st != FACET_OK) {
        *receipt = (facet_removal){ .people = 0 };
        return st;
    }
    receipt->vectors_pending = facet__index_pending(g);
    if (g->index.in_memory || receipt->vectors_pending)
        receipt->vectors = 0; /* there is no file, or they are still in it */
    receipt->generation = (uint64_t)g->state.generation;
    receipt->log_truncated = g->db->driver->compact(g->db);
    write_receipt(g, person, receipt);
    return FACET_OK;
}

/* Of all sets; those of the set in use have a row in the vector file. */
static facet_status delete_embeddings(
    facet_gallery *g, int64_t id, facet_removal *receipt, facet_error *err)
{
    int64_t sets[FACET__SETS];
    facet_status st = FACET_OK;

    facet__store_sets(g, sets);
    for (int i = 0; i < FACET__SETS && st == FACET_OK; i++) {
        int64_t gone = 0;

        if (sets[i])
            st = facet__db_integer(g->db, &gone, err,
                "DELETE FROM embedding WHERE in_set = ?1 AND template = ?2 "
                "RETURNING template",
                "ii", sets[i], id);
        receipt->vectors += gone && sets[i] == g->state.active.id;
    }
    return st;
}

/* Delete a template and its embeddings in all sets of the gallery. */
static facet_status delete_template(
    facet_gallery *g, int64_t id, facet_removal *receipt, facet_error *err)
{
    int64_t crops = -1;
    facet_status st = facet__db_integer(g->db, &crops, err,
        "SELECT crop IS NOT NULL FROM template WHERE id = ?1 AND gallery = ?2",
        "ii", id, g->state.gallery);

    if (st == FACET_OK && crops < 0)
        return facet__fail(
            err, FACET_ENOTFOUND, "there is no template %lld", (long long)id);
    if (st == FACET_OK)
        st = delete_embeddings(g, id, receipt, err);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err,
            "DELETE FROM template WHERE id = ?1 AND gallery = ?2", "ii", id,
            g->state.gallery);
    receipt->templates++;
    receipt->crops += (uint64_t)crops;
    return st;
}

facet_status facet__store_template_of(
    facet_gallery *g, int64_t person, int64_t *id, facet_error *err)
{
    *id = 0;
    return facet__db_integer(g->db, id, err,
        "SELECT id FROM template WHERE person = ?1 AND gallery = ?2 LIMIT 1",
        "ii", person, g->state.gallery);
}

facet_status facet__store_drop_person(
    facet_gallery *g, int64_t person, facet_error *err)
{
    int64_t gone = 0;
    const facet_status st = facet__db_integer(g->db, &gone, err,
        "DELETE FROM person WHERE id = ?1 AND gallery = ?2 RETURNING id", "ii",
        person, g->state.gallery);

    if (st == FACET_OK && !gone)
        return facet__fail(
            err, FACET_ENOTFOUND, "there is no person %lld", (long long)person);
    return st;
}

static facet_status delete_person(
    facet_gallery *g, int64_t person, facet_removal *receipt, facet_error *err)
{
    int64_t id = 0;
    facet_status st = facet__store_template_of(g, person, &id, err);

    while (st == FACET_OK && id) {
        st = delete_template(g, id, receipt, err);
        if (st == FACET_OK)
            st = facet__store_template_of(g, person, &id, err);
    }
    if (st == FACET_OK)
        st = facet__store_drop_person(g, person, err);
    receipt->people = 1;
    receipt->key_destroyed = g->vault != NULL;
    return st;
}

facet_status facet_gallery_remove_person(
    facet_gallery *g, uint64_t person, facet_removal *receipt, facet_error *err)
{
    facet_removal ignored;
    facet_status st;

    receipt = receipt ? receipt : &ignored;
    *receipt = (facet_removal){ .people = 0 };
    if (!g)
        return facet__fail(err, FACET_EINVAL, "gallery is NULL");
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    st = delete_person(g, (int64_t)person, receipt, err);
    return finish_removal(g, st, person, receipt, err);
}

facet_status facet_gallery_remove_templates(facet_gallery *g,
    const uint64_t *ids, size_t count, facet_removal *receipt, facet_error *err)
{
    facet_removal ignored;
    facet_status st;

    receipt = receipt ? receipt : &ignored;
    *receipt = (facet_removal){ .people = 0 };
    if (!g || (!ids && count))
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    for (size_t i = 0; st == FACET_OK && i < count; i++)
        st = delete_template(g, (int64_t)ids[i], receipt, err);
    return finish_removal(g, st, 0, receipt, err);
}
