/* SPDX-License-Identifier: Apache-2.0 */
/* people.c - people: their names, and the keys that seal what is theirs. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "gallery/field.h"
#include "gallery/store.h"

/* What a name is found by: itself, or a keyed hash of it. */
static void lookup_of(
    const facet_gallery *g, const char *name, uint8_t *hash, facet__field *out)
{
    if (g->vault) {
        facet__vault_lookup(g->vault, name, hash);
        *out = (facet__field){ hash, FACET__LOOKUP, NULL };
    } else {
        *out = (facet__field){ name, strlen(name), NULL };
    }
}

static facet_status find_person(
    const facet_gallery *g, const char *name, int64_t *id, facet_error *err)
{
    uint8_t hash[FACET__LOOKUP];
    facet__field lookup;

    *id = 0;
    lookup_of(g, name, hash, &lookup);
    return facet__db_integer(g->db, id, err,
        "SELECT id FROM person WHERE gallery = ?1 AND lookup = ?2", "ib",
        g->state.gallery, lookup.bytes, lookup.size);
}

static facet_status insert_person(
    facet_gallery *g, const char *name, int64_t id, facet_error *err)
{
    uint8_t key[FACET__KEY], wrapped[FACET__WRAPPED_KEY], hash[FACET__LOOKUP];
    facet__field lookup, sealed = { NULL, 0, NULL };
    facet_status st;

    if (g->vault)
        facet__vault_new_key(g->vault, (uint64_t)id, key, wrapped);
    lookup_of(g, name, hash, &lookup);
    st = facet__field_seal(g->vault ? key : NULL,
        (facet__place){ 'N', (uint64_t)id, 0 }, name, strlen(name), &sealed);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err,
            "INSERT INTO person(id, gallery, lookup, name, key) "
            "VALUES(?1, ?2, ?3, ?4, ?5)",
            "iibbb", id, g->state.gallery, lookup.bytes, lookup.size,
            sealed.bytes, sealed.size,
            (const void *)(g->vault ? wrapped : NULL), sizeof wrapped);
    else
        facet__fail_memory(err);
    facet__field_free(&sealed);
    facet__forget(key, sizeof key);
    return st;
}

facet_status facet__store_add_person(
    facet_gallery *g, const char *name, int64_t *id, facet_error *err)
{
    facet_status st = find_person(g, name, id, err);

    if (st == FACET_OK && *id)
        return facet__fail(err, FACET_EEXISTS,
            "a person named \"%.100s\" is there already", name);
    if (st != FACET_OK)
        return st;
    *id = facet__db_next_id(g->db, FACET__PERSON);
    return insert_person(g, name, *id, err);
}

facet_status facet_gallery_add_person(
    facet_gallery *g, const char *name, uint64_t *id, facet_error *err)
{
    int64_t found = 0;
    facet_status st;

    if (id)
        *id = 0;
    if (!g || !name || !*name || !id)
        return facet__fail(err, FACET_EINVAL, "a person needs a name");
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    st = facet__store_add_person(g, name, &found, err);
    *id = (uint64_t)found;
    st = facet__store_end(g, st, FACET__ADDED, err);
    if (st != FACET_OK && st != FACET_EEXISTS)
        *id = 0;
    return st;
}

facet_status facet_gallery_add_people(facet_gallery *g,
    const char *const *names, size_t count, uint64_t *ids, facet_error *err)
{
    facet_status st;

    if (!g || ((!names || !ids) && count))
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    for (size_t i = 0; st == FACET_OK && i < count; i++) {
        int64_t id = 0;

        st = names[i] && *names[i]
                 ? facet__store_add_person(g, names[i], &id, err)
                 : facet__fail(err, FACET_EINVAL, "a person needs a name");
        if (st == FACET_EEXISTS)
            st = FACET_OK;
        ids[i] = (uint64_t)id;
    }
    return facet__store_end(g, st, FACET__ADDED, err);
}

facet_status facet_gallery_find_person(
    const facet_gallery *g, const char *name, uint64_t *id, facet_error *err)
{
    int64_t found = 0;
    facet_status st;

    if (id)
        *id = 0;
    if (!g || !name || !id)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    facet__store_lock(g);
    st = find_person(g, name, &found, err);
    facet__store_unlock(g);
    *id = (uint64_t)found;
    if (st == FACET_OK && !found)
        st = facet__fail(
            err, FACET_ENOTFOUND, "nobody is named \"%.100s\"", name);
    return st;
}

facet_status facet__store_key_of(const facet_gallery *g, int64_t person,
    uint8_t key[FACET__KEY], facet_error *err)
{
    facet__stmt *stmt = NULL;
    bool row = false;
    facet_status st = facet__db_prepare(g->db, &stmt, err,
        "SELECT key FROM person WHERE id = ?1 AND gallery = ?2", "ii", person,
        g->state.gallery);

    if (st == FACET_OK)
        st = facet__db_step(stmt, &row, err);
    if (st == FACET_OK && !row)
        st = facet__fail(
            err, FACET_ENOTFOUND, "there is no person %lld", (long long)person);
    if (st == FACET_OK && g->vault)
        st = facet__store_key(
            g, (uint64_t)person, facet__db_column(stmt, 0), key, err);
    facet__db_finish(stmt);
    return st;
}

static facet_status rename_person(
    facet_gallery *g, int64_t id, const char *name, facet_error *err)
{
    uint8_t key[FACET__KEY], hash[FACET__LOOKUP];
    facet__field lookup, sealed = { NULL, 0, NULL };
    int64_t other = 0;
    facet_status st = find_person(g, name, &other, err);

    if (st == FACET_OK && other && other != id)
        return facet__fail(
            err, FACET_EEXISTS, "another person is named \"%.100s\"", name);
    if (st == FACET_OK)
        st = facet__store_key_of(g, id, key, err);
    if (st != FACET_OK)
        return st;
    lookup_of(g, name, hash, &lookup);
    st = facet__field_seal(g->vault ? key : NULL,
        (facet__place){ 'N', (uint64_t)id, 0 }, name, strlen(name), &sealed);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err,
            "UPDATE person SET lookup = ?3, name = ?4 "
            "WHERE id = ?1 AND gallery = ?2",
            "iibb", id, g->state.gallery, lookup.bytes, lookup.size,
            sealed.bytes, sealed.size);
    facet__field_free(&sealed);
    facet__forget(key, sizeof key);
    return st;
}

facet_status facet_gallery_rename_person(
    facet_gallery *g, uint64_t id, const char *name, facet_error *err)
{
    facet_status st;

    if (!g || !name || !*name)
        return facet__fail(err, FACET_EINVAL, "a person needs a name");
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    st = rename_person(g, (int64_t)id, name, err);
    return facet__store_end(g, st, FACET__ADDED, err);
}

/* The name in a row of id, name, key. */
static facet_status read_name(const facet_gallery *g, facet__stmt *stmt,
    facet__field *name, facet_error *err)
{
    const uint64_t id = (uint64_t)facet__db_column(stmt, 0).integer;
    uint8_t key[FACET__KEY];
    facet_status st = FACET_OK;

    if (g->vault)
        st = facet__store_key(g, id, facet__db_column(stmt, 2), key, err);
    if (st == FACET_OK)
        st = facet__field_open(g->vault ? key : NULL,
            (facet__place){ 'N', id, 0 }, facet__db_column(stmt, 1), name, err);
    facet__forget(key, sizeof key);
    return st;
}

facet_status facet_gallery_person_name(const facet_gallery *g, uint64_t id,
    char *name, size_t cap, facet_error *err)
{
    facet__stmt *stmt = NULL;
    facet__field found = { NULL, 0, NULL };
    bool row = false;
    facet_status st;

    if (!g || !name || !cap)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    name[0] = '\0';
    facet__store_lock(g);
    st = facet__db_prepare(g->db, &stmt, err,
        "SELECT id, name, key FROM person WHERE id = ?1 AND gallery = ?2", "ii",
        (int64_t)id, g->state.gallery);
    if (st == FACET_OK)
        st = facet__db_step(stmt, &row, err);
    if (st == FACET_OK && !row)
        st = facet__fail(err, FACET_ENOTFOUND, "there is no person %llu",
            (unsigned long long)id);
    if (st == FACET_OK)
        st = read_name(g, stmt, &found, err);
    if (st == FACET_OK)
        snprintf(name, cap, "%s", (const char *)found.bytes);
    facet__db_finish(stmt);
    facet__store_unlock(g);
    facet__field_free(&found);
    return st;
}

static facet_status visit_person(const facet_gallery *g, facet__stmt *stmt,
    facet_person_visit *visit, void *context, facet_error *err)
{
    facet__field name = { NULL, 0, NULL };
    facet_status st = read_name(g, stmt, &name, err);

    if (st == FACET_OK)
        st = visit(context,
            &(facet_person){ .id = (uint64_t)facet__db_column(stmt, 0).integer,
                .name = name.bytes,
                .templates = (uint64_t)facet__db_column(stmt, 3).integer });
    facet__field_free(&name);
    return st;
}

facet_status facet_gallery_people(const facet_gallery *g,
    facet_person_visit *visit, void *context, facet_error *err)
{
    facet__stmt *stmt = NULL;
    bool row = true;
    facet_status st;

    if (!g || !visit)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    facet__store_lock(g);
    st = facet__db_walk(g->db, &stmt, err,
        "SELECT id, name, key, (SELECT count(*) FROM template "
        "WHERE person = person.id AND gallery = ?1) "
        "FROM person WHERE gallery = ?1 ORDER BY id",
        "i", g->state.gallery);
    while (st == FACET_OK) {
        st = facet__db_step(stmt, &row, err);
        if (st != FACET_OK || !row)
            break;
        st = visit_person(g, stmt, visit, context, err);
    }
    facet__db_finish(stmt);
    facet__store_unlock(g);
    return st;
}
