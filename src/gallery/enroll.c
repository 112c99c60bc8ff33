/* SPDX-License-Identifier: Apache-2.0 */
/* enroll.c - templates on their way in. One call is one transaction, so it is
 * all or nothing and costs one sync. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "gallery/field.h"
#include "gallery/store.h"

/* The statements and buffers of one call. */
typedef struct enrolment {
    sqlite3_stmt *template, *embedding, *object;
    float *row;
    int64_t person; /* whose key is held */
    uint8_t key[FACET__KEY];
} enrolment;

static facet_status enrolment_begin(
    facet_gallery *g, enrolment *e, facet_error *err)
{
    facet_status st = FACET_OK;

    e->row = facet__alloc(g->state.active.dim * sizeof *e->row);
    if (!e->row)
        return facet__fail_memory(err);
    st = facet__db_prepare(g->db, &e->template, err,
        "INSERT INTO template(id, gallery, person, quality, source, x, y, "
        "width, height, metadata, crop) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        "");
    if (st == FACET_OK)
        st = facet__db_prepare(g->db, &e->embedding, err,
            "INSERT INTO embedding VALUES(?1, ?2, ?3)", "");
    if (st == FACET_OK)
        st = facet__db_prepare(g->db, &e->object, err,
            "SELECT json_valid(?1) AND json_type(?1) = 'object'", "");
    return st;
}

static void enrolment_end(enrolment *e)
{
    sqlite3_finalize(e->template);
    sqlite3_finalize(e->embedding);
    sqlite3_finalize(e->object);
    facet__free(e->row);
    facet__forget(e->key, sizeof e->key);
}

static facet_status check_metadata(
    enrolment *e, const char *metadata, facet_error *err)
{
    bool row = false, object = false;
    facet_status st;

    if (!metadata)
        return FACET_OK;
    sqlite3_bind_text(e->object, 1, metadata, -1, SQLITE_STATIC);
    st = facet__db_step(e->object, &row, err);
    object = st == FACET_OK && row && sqlite3_column_int(e->object, 0) == 1;
    sqlite3_reset(e->object);
    if (st == FACET_OK && !object)
        st = facet__fail(err, FACET_EINVAL, "metadata has to be a JSON object");
    return st;
}

/* Seal e->row and insert it. */
static facet_status insert_embedding(enrolment *e, const facet__set *set,
    int64_t id, const uint8_t *key, facet_error *err)
{
    facet__field vector;
    facet_status st = facet__field_seal(key,
        (facet__place){ 'E', (uint64_t)id, (uint64_t)set->id }, e->row,
        set->dim * sizeof *e->row, &vector);

    if (st != FACET_OK)
        return facet__fail_memory(err);
    sqlite3_bind_int64(e->embedding, 1, set->id);
    sqlite3_bind_int64(e->embedding, 2, id);
    sqlite3_bind_blob64(
        e->embedding, 3, vector.bytes, vector.size, SQLITE_STATIC);
    st = facet__db_again(e->embedding, err);
    facet__field_free(&vector);
    return st;
}

/* Bind a field, sealed if there is a key: as a blob, or plain text as text. */
static facet_status bind_field(sqlite3_stmt *stmt, int at, const uint8_t *key,
    facet__place place, const void *bytes, size_t size, bool text)
{
    facet__field field;
    int code;

    if (facet__field_seal(key, place, bytes, size, &field) != FACET_OK)
        return FACET_ENOMEM;
    if (text && !key)
        code = sqlite3_bind_text64(
            stmt, at, field.bytes, field.size, SQLITE_TRANSIENT, SQLITE_UTF8);
    else
        code = sqlite3_bind_blob64(
            stmt, at, field.bytes, field.size, SQLITE_TRANSIENT);
    facet__field_free(&field);
    return code == SQLITE_OK ? FACET_OK : FACET_ENOMEM;
}

static size_t length_of(const char *text)
{
    return text ? strlen(text) : 0;
}

static facet_status insert_template(facet_gallery *g, enrolment *e,
    const facet_template *t, int64_t id, const uint8_t *key, facet_error *err)
{
    const uint64_t uid = (uint64_t)id;
    facet_status st;

    sqlite3_bind_int64(e->template, 1, id);
    sqlite3_bind_int64(e->template, 2, g->state.gallery);
    sqlite3_bind_int64(e->template, 3, (int64_t)t->person);
    sqlite3_bind_double(e->template, 4, (double)t->quality);
    for (int i = 0; i < 4; i++)
        sqlite3_bind_double(e->template, 6 + i, (double)t->box[i]);
    st = bind_field(e->template, 5, key, (facet__place){ 'S', uid, 0 },
        t->source, length_of(t->source), true);
    if (st == FACET_OK)
        st = bind_field(e->template, 10, key, (facet__place){ 'M', uid, 0 },
            t->metadata, length_of(t->metadata), true);
    if (st == FACET_OK)
        st = bind_field(e->template, 11, key, (facet__place){ 'C', uid, 0 },
            t->crop, t->crop_size, false);
    return st == FACET_OK ? facet__db_again(e->template, err)
                          : facet__fail_memory(err);
}

static facet_status enroll_one(facet_gallery *g, enrolment *e,
    const facet_template *t, int64_t id, facet_error *err)
{
    const facet__set *set = &g->state.active;
    facet_status st;

    if (!t->embedding || (t->crop_size && !t->crop))
        return facet__fail(err, FACET_EINVAL, "a template needs an embedding");
    st = facet__unit(t->embedding, set->dim, e->row, err);
    if (st == FACET_OK)
        st = check_metadata(e, t->metadata, err);
    if (st == FACET_OK && e->person != (int64_t)t->person)
        st = facet__store_key_of(g, (int64_t)t->person, e->key, err);
    if (st != FACET_OK)
        return st;
    e->person = (int64_t)t->person;
    st = insert_template(g, e, t, id, g->vault ? e->key : NULL, err);
    if (st == FACET_OK)
        st = insert_embedding(e, set, id, g->vault ? e->key : NULL, err);
    return st;
}

facet_status facet__store_enroll(facet_gallery *g,
    const facet_template *templates, size_t count, uint64_t *ids,
    facet_error *err)
{
    enrolment e = { .person = 0 };
    int64_t id = 0;
    facet_status st = enrolment_begin(g, &e, err);

    if (st == FACET_OK)
        st = facet__store_next_id(g, "template", &id, err);
    for (size_t i = 0; st == FACET_OK && i < count; i++) {
        st = enroll_one(g, &e, &templates[i], id + (int64_t)i, err);
        if (st == FACET_OK && ids)
            ids[i] = (uint64_t)id + i;
    }
    enrolment_end(&e);
    return st;
}

facet_status facet_gallery_enroll(facet_gallery *g, const uint8_t *contract,
    const facet_template *templates, size_t count, uint64_t *ids,
    facet_error *err)
{
    facet_status st;

    if (!g || !contract || (!templates && count))
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    if (count == 0)
        return FACET_OK;
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    st = facet__store_same_contract(&g->state.active, contract, err);
    if (st == FACET_OK)
        st = facet__store_enroll(g, templates, count, ids, err);
    return facet__store_end(g, st, FACET__ADDED, err);
}

/* Embeddings for templates that are there, in any set of the gallery. */
facet_status facet__store_put(facet_gallery *g, const facet__set *set,
    const uint64_t *ids, const float *embeddings, size_t count,
    facet_error *err)
{
    enrolment e = { .person = 0 };
    facet_status st = FACET_OK;

    e.row = facet__alloc(set->dim * sizeof *e.row);
    if (!e.row)
        return facet__fail_memory(err);
    st = facet__db_prepare(g->db, &e.embedding, err,
        "INSERT OR REPLACE INTO embedding VALUES(?1, ?2, ?3)", "");
    for (size_t i = 0; st == FACET_OK && i < count; i++) {
        int64_t person = 0;

        st = facet__db_integer(g->db, &person, err,
            "SELECT person FROM template WHERE id = ?1 AND gallery = ?2", "ii",
            (int64_t)ids[i], g->state.gallery);
        if (st == FACET_OK && !person)
            st = facet__fail(err, FACET_ENOTFOUND, "there is no template %llu",
                (unsigned long long)ids[i]);
        if (st == FACET_OK)
            st = facet__unit(embeddings + i * set->dim, set->dim, e.row, err);
        if (st == FACET_OK && g->vault)
            st = facet__store_key_of(g, person, e.key, err);
        if (st == FACET_OK)
            st = insert_embedding(
                &e, set, (int64_t)ids[i], g->vault ? e.key : NULL, err);
    }
    enrolment_end(&e);
    return st;
}
