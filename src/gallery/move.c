/* SPDX-License-Identifier: Apache-2.0 */
/* move.c - templates that turn out to be somebody else's. In an encrypted
 * gallery what is theirs is opened with the old person's key and sealed with
 * the new one's. */
#include "base/error.h"
#include "gallery/field.h"
#include "gallery/store.h"

/* Keys of both people; NULL: not encrypted. */
typedef struct keys {
    const uint8_t *from, *to;
} keys;

/* Open a column with the old key and seal it with the new one. */
static facet_status reseal(facet__value stored, keys k, facet__place place,
    facet__field *out, facet_error *err)
{
    facet__field plain = { NULL, 0, NULL };
    facet_status st = facet__field_open(k.from, place, stored, &plain, err);

    *out = (facet__field){ NULL, 0, NULL };
    if (st == FACET_OK &&
        facet__field_seal(k.to, place, plain.bytes, plain.size, out))
        st = facet__fail_memory(err);
    facet__field_free(&plain);
    return st;
}

static facet_status reseal_template(
    facet_gallery *g, int64_t id, keys k, facet_error *err)
{
    static const char letters[] = "SMC";
    facet__field fields[3] = { { NULL, 0, NULL } };
    facet__stmt *stmt = NULL;
    bool row = false;
    facet_status st = facet__db_prepare(g->db, &stmt, err,
        "SELECT source, metadata, crop FROM template "
        "WHERE id = ?1 AND gallery = ?2",
        "ii", id, g->state.gallery);

    if (st == FACET_OK)
        st = facet__db_step(stmt, &row, err);
    for (int i = 0; i < 3 && st == FACET_OK && row; i++)
        st = reseal(facet__db_column(stmt, i), k,
            (facet__place){ letters[i], (uint64_t)id, 0 }, &fields[i], err);
    facet__db_finish(stmt);
    if (st == FACET_OK && row)
        st = facet__db_run(g->db, err,
            "UPDATE template SET source = ?3, metadata = ?4, crop = ?5 "
            "WHERE id = ?1 AND gallery = ?2",
            "iibbb", id, g->state.gallery, fields[0].bytes, fields[0].size,
            fields[1].bytes, fields[1].size, fields[2].bytes, fields[2].size);
    for (int i = 0; i < 3; i++)
        facet__field_free(&fields[i]);
    return st;
}

static facet_status reseal_embedding(
    facet_gallery *g, int64_t set, int64_t id, keys k, facet_error *err)
{
    facet__field vector = { NULL, 0, NULL };
    facet__stmt *stmt = NULL;
    bool row = false;
    facet_status st = facet__db_prepare(g->db, &stmt, err,
        "SELECT vector FROM embedding WHERE in_set = ?1 AND template = ?2",
        "ii", set, id);

    if (st == FACET_OK)
        st = facet__db_step(stmt, &row, err);
    if (st == FACET_OK && row)
        st = reseal(facet__db_column(stmt, 0), k,
            (facet__place){ 'E', (uint64_t)id, (uint64_t)set }, &vector, err);
    facet__db_finish(stmt);
    if (st == FACET_OK && row)
        st = facet__db_run(g->db, err,
            "UPDATE embedding SET vector = ?3 WHERE in_set = ?1 AND "
            "template = ?2",
            "iib", set, id, vector.bytes, vector.size);
    facet__field_free(&vector);
    return st;
}

static facet_status reseal_all(
    facet_gallery *g, int64_t id, int64_t from, int64_t to, facet_error *err)
{
    int64_t sets[FACET__SETS];
    uint8_t old_key[FACET__KEY], new_key[FACET__KEY];
    const keys k = { old_key, new_key };
    facet_status st = facet__store_key_of(g, from, old_key, err);

    if (st == FACET_OK)
        st = facet__store_key_of(g, to, new_key, err);
    if (st == FACET_OK)
        st = reseal_template(g, id, k, err);
    facet__store_sets(g, sets);
    for (int i = 0; i < FACET__SETS && st == FACET_OK; i++)
        if (sets[i])
            st = reseal_embedding(g, sets[i], id, k, err);
    facet__forget(old_key, sizeof old_key);
    facet__forget(new_key, sizeof new_key);
    return st;
}

static facet_status move_one(
    facet_gallery *g, int64_t id, int64_t to, facet_error *err)
{
    uint8_t key[FACET__KEY];
    int64_t from = 0, sets[FACET__SETS];
    facet_status st = facet__db_integer(g->db, &from, err,
        "SELECT person FROM template WHERE id = ?1 AND gallery = ?2", "ii", id,
        g->state.gallery);

    if (st == FACET_OK && !from)
        return facet__fail(
            err, FACET_ENOTFOUND, "there is no template %lld", (long long)id);
    if (st == FACET_OK) /* is there such a person? */
        st = facet__store_key_of(g, to, key, err);
    facet__forget(key, sizeof key);
    if (st == FACET_OK && g->vault && from != to)
        st = reseal_all(g, id, from, to, err);
    facet__store_sets(g, sets);
    return st == FACET_OK ? g->db->driver->set_person(
                                g->db, g->state.gallery, sets, id, to, err)
                          : st;
}

facet_status facet_gallery_move_templates(facet_gallery *g, const uint64_t *ids,
    const uint64_t *people, size_t count, facet_error *err)
{
    facet_status st;

    if (!g || ((!ids || !people) && count))
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    if (count == 0)
        return FACET_OK;
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    for (size_t i = 0; i < count && st == FACET_OK; i++)
        st = move_one(g, (int64_t)ids[i], (int64_t)people[i], err);
    return facet__store_end(g, st, FACET__RESET, err);
}

facet_status facet_gallery_merge_people(
    facet_gallery *g, uint64_t from, uint64_t into, facet_error *err)
{
    uint8_t key[FACET__KEY];
    int64_t id = 0;
    facet_status st;

    if (!g || from == into)
        return facet__fail(
            err, FACET_EINVAL, g ? "one person, twice" : "gallery is NULL");
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    st = facet__store_key_of(g, (int64_t)into, key, err); /* is there one? */
    facet__forget(key, sizeof key);
    if (st == FACET_OK)
        st = facet__store_template_of(g, (int64_t)from, &id, err);
    while (st == FACET_OK && id) {
        st = move_one(g, id, (int64_t)into, err);
        if (st == FACET_OK)
            st = facet__store_template_of(g, (int64_t)from, &id, err);
    }
    if (st == FACET_OK)
        st = facet__store_drop_person(g, (int64_t)from, err);
    return facet__store_end(g, st, FACET__RESET, err);
}
