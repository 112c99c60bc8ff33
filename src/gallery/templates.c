/* SPDX-License-Identifier: Apache-2.0 */
/* templates.c - people and their templates: written, read, removed.
 *
 * In an encrypted gallery every field that tells something about a person is
 * sealed with that person's key (vault.h); which fields those are stands in
 * one place each for writing (seal_field) and reading (open_field). */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/error.h"
#include "gallery/store.h"

/* A field on its way in or out: bytes as they are, or a sealed or unsealed
 * copy that is freed afterwards. */
typedef struct field {
    const void *bytes;
    size_t size;
    void *copy;
} field;

static void field_free(field *f)
{
    if (f->copy)
        facet__forget(f->copy, f->size);
    facet__free(f->copy);
    *f = (field){ NULL, 0, NULL };
}

/* key NULL: not encrypted. */
static facet_status seal_field(const uint8_t *key, facet__place place,
    const void *bytes, size_t size, field *out)
{
    *out = (field){ bytes, size, NULL };
    if (!key || !bytes)
        return FACET_OK;
    out->size = size + FACET__SEAL;
    out->bytes = out->copy = facet__alloc(out->size);
    if (!out->copy)
        return FACET_ENOMEM;
    facet__seal(key, place, bytes, size, out->copy);
    return FACET_OK;
}

/* Column `at`, unsealed, with a zero after its end. */
static facet_status open_field(const uint8_t *key, facet__place place,
    sqlite3_stmt *stmt, int at, field *out, facet_error *err)
{
    const void *bytes = sqlite3_column_blob(stmt, at);
    const size_t size = (size_t)sqlite3_column_bytes(stmt, at);
    const size_t extra = key ? FACET__SEAL : 0;

    *out = (field){ NULL, 0, NULL };
    if (sqlite3_column_type(stmt, at) == SQLITE_NULL)
        return FACET_OK;
    if (size < extra)
        return facet__fail(err, FACET_EDAMAGED, "a sealed field is cut");
    out->copy = facet__calloc(1, size - extra + 1);
    if (!out->copy)
        return facet__fail_memory(err);
    out->bytes = out->copy;
    out->size = size - extra;
    if (!key && size)
        memcpy(out->copy, bytes, size);
    if (key && facet__unseal(key, place, bytes, size, out->copy) != FACET_OK) {
        field_free(out);
        return facet__fail(err, FACET_EDAMAGED, "field '%c' of %llu is damaged",
            place.field, (unsigned long long)place.id);
    }
    return FACET_OK;
}

/* -- People -------------------------------------------------------------- */

/* What a name is found by: itself, or a keyed hash of it. */
static void lookup_of(
    const facet_gallery *g, const char *name, uint8_t *hash, field *out)
{
    if (g->vault) {
        facet__vault_lookup(g->vault, name, hash);
        *out = (field){ hash, FACET__LOOKUP, NULL };
    } else {
        *out = (field){ name, strlen(name), NULL };
    }
}

static facet_status find_person(
    const facet_gallery *g, const char *name, int64_t *id, facet_error *err)
{
    uint8_t hash[FACET__LOOKUP];
    field lookup;

    *id = 0;
    lookup_of(g, name, hash, &lookup);
    return facet__db_integer(g->db, id, err,
        "SELECT id FROM person WHERE gallery = ?1 AND lookup = ?2", "ib",
        g->state.gallery, lookup.bytes, lookup.size);
}

/* The next id of a table with AUTOINCREMENT, for names that are sealed with
 * their id. */
static facet_status next_id(
    const facet_gallery *g, const char *table, int64_t *id, facet_error *err)
{
    *id = 0;
    return facet__db_integer(g->db, id, err,
        "SELECT 1 + coalesce((SELECT seq FROM sqlite_sequence "
        "WHERE name = ?1), 0)",
        "t", table);
}

static facet_status insert_person(
    facet_gallery *g, const char *name, int64_t id, facet_error *err)
{
    uint8_t key[FACET__KEY], wrapped[FACET__WRAPPED_KEY], hash[FACET__LOOKUP];
    field lookup, sealed = { NULL, 0, NULL };
    facet_status st;

    if (g->vault)
        facet__vault_new_key(g->vault, (uint64_t)id, key, wrapped);
    lookup_of(g, name, hash, &lookup);
    st = seal_field(g->vault ? key : NULL,
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
    field_free(&sealed);
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
    if (st == FACET_OK)
        st = next_id(g, "person", id, err);
    if (st == FACET_OK)
        st = insert_person(g, name, *id, err);
    return st;
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

/* The key of a person by id; *have false without encryption. */
static facet_status key_of(const facet_gallery *g, int64_t person,
    uint8_t key[FACET__KEY], facet_error *err)
{
    sqlite3_stmt *stmt = NULL;
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
        st = facet__store_key(g, (uint64_t)person, stmt, 0, key, err);
    sqlite3_finalize(stmt);
    return st;
}

static facet_status rename_person(
    facet_gallery *g, int64_t id, const char *name, facet_error *err)
{
    uint8_t key[FACET__KEY], hash[FACET__LOOKUP];
    field lookup, sealed = { NULL, 0, NULL };
    int64_t other = 0;
    facet_status st = find_person(g, name, &other, err);

    if (st == FACET_OK && other && other != id)
        return facet__fail(
            err, FACET_EEXISTS, "another person is named \"%.100s\"", name);
    if (st == FACET_OK)
        st = key_of(g, id, key, err);
    if (st != FACET_OK)
        return st;
    lookup_of(g, name, hash, &lookup);
    st = seal_field(g->vault ? key : NULL,
        (facet__place){ 'N', (uint64_t)id, 0 }, name, strlen(name), &sealed);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err,
            "UPDATE person SET lookup = ?2, name = ?3 WHERE id = ?1", "ibb", id,
            lookup.bytes, lookup.size, sealed.bytes, sealed.size);
    field_free(&sealed);
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
static facet_status read_name(
    const facet_gallery *g, sqlite3_stmt *stmt, field *name, facet_error *err)
{
    const uint64_t id = (uint64_t)sqlite3_column_int64(stmt, 0);
    uint8_t key[FACET__KEY];
    facet_status st = FACET_OK;

    if (g->vault)
        st = facet__store_key(g, id, stmt, 2, key, err);
    if (st == FACET_OK)
        st = open_field(g->vault ? key : NULL, (facet__place){ 'N', id, 0 },
            stmt, 1, name, err);
    facet__forget(key, sizeof key);
    return st;
}

facet_status facet_gallery_person_name(const facet_gallery *g, uint64_t id,
    char *name, size_t cap, facet_error *err)
{
    sqlite3_stmt *stmt = NULL;
    field found = { NULL, 0, NULL };
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
    sqlite3_finalize(stmt);
    facet__store_unlock(g);
    field_free(&found);
    return st;
}

static facet_status visit_person(const facet_gallery *g, sqlite3_stmt *stmt,
    facet_person_visit *visit, void *context, facet_error *err)
{
    field name = { NULL, 0, NULL };
    facet_status st = read_name(g, stmt, &name, err);

    if (st == FACET_OK)
        st = visit(context,
            &(facet_person){ .id = (uint64_t)sqlite3_column_int64(stmt, 0),
                .name = name.bytes,
                .templates = (uint64_t)sqlite3_column_int64(stmt, 3) });
    field_free(&name);
    return st;
}

facet_status facet_gallery_people(const facet_gallery *g,
    facet_person_visit *visit, void *context, facet_error *err)
{
    sqlite3_stmt *stmt = NULL;
    bool row = true;
    facet_status st;

    if (!g || !visit)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    facet__store_lock(g);
    st = facet__db_prepare(g->db, &stmt, err,
        "SELECT id, name, key, (SELECT count(*) FROM template "
        "WHERE person = person.id) FROM person WHERE gallery = ?1 ORDER BY id",
        "i", g->state.gallery);
    while (st == FACET_OK) {
        st = facet__db_step(stmt, &row, err);
        if (st != FACET_OK || !row)
            break;
        st = visit_person(g, stmt, visit, context, err);
    }
    sqlite3_finalize(stmt);
    facet__store_unlock(g);
    return st;
}

/* -- Enrolment ----------------------------------------------------------- */

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

static facet_status insert_embedding(facet_gallery *g, enrolment *e,
    const facet__set *set, int64_t id, const uint8_t *key, facet_error *err)
{
    field vector = { NULL, 0, NULL };
    facet_status st =
        seal_field(key, (facet__place){ 'E', (uint64_t)id, (uint64_t)set->id },
            e->row, set->dim * sizeof *e->row, &vector);

    (void)g;
    if (st != FACET_OK)
        return facet__fail_memory(err);
    sqlite3_bind_int64(e->embedding, 1, set->id);
    sqlite3_bind_int64(e->embedding, 2, id);
    sqlite3_bind_blob64(
        e->embedding, 3, vector.bytes, vector.size, SQLITE_STATIC);
    st = facet__db_again(e->embedding, err);
    field_free(&vector);
    return st;
}

/* The fields that are sealed, bound from ?5 source, ?10 metadata, ?11 crop. */
static facet_status insert_template(facet_gallery *g, enrolment *e,
    const facet_template *t, int64_t id, const uint8_t *key, facet_error *err)
{
    const uint64_t uid = (uint64_t)id;
    field source, metadata, crop;
    facet_status st = seal_field(key, (facet__place){ 'S', uid, 0 }, t->source,
        t->source ? strlen(t->source) : 0, &source);
    facet_status st2 = seal_field(key, (facet__place){ 'M', uid, 0 },
        t->metadata, t->metadata ? strlen(t->metadata) : 0, &metadata);
    facet_status st3 = seal_field(
        key, (facet__place){ 'C', uid, 0 }, t->crop, t->crop_size, &crop);

    if (st == FACET_OK && st2 == FACET_OK && st3 == FACET_OK) {
        sqlite3_bind_int64(e->template, 1, id);
        sqlite3_bind_int64(e->template, 2, g->state.gallery);
        sqlite3_bind_int64(e->template, 3, (int64_t)t->person);
        sqlite3_bind_double(e->template, 4, (double)t->quality);
        if (key)
            sqlite3_bind_blob64(
                e->template, 5, source.bytes, source.size, SQLITE_STATIC);
        else
            sqlite3_bind_text(e->template, 5, t->source, -1, SQLITE_STATIC);
        for (int i = 0; i < 4; i++)
            sqlite3_bind_double(e->template, 6 + i, (double)t->box[i]);
        if (key)
            sqlite3_bind_blob64(
                e->template, 10, metadata.bytes, metadata.size, SQLITE_STATIC);
        else
            sqlite3_bind_text(e->template, 10, t->metadata, -1, SQLITE_STATIC);
        sqlite3_bind_blob64(
            e->template, 11, crop.bytes, crop.size, SQLITE_STATIC);
        st = facet__db_again(e->template, err);
    } else {
        st = facet__fail_memory(err);
    }
    field_free(&source);
    field_free(&metadata);
    field_free(&crop);
    return st;
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
        st = key_of(g, (int64_t)t->person, e->key, err);
    if (st != FACET_OK)
        return st;
    e->person = (int64_t)t->person;
    st = insert_template(g, e, t, id, g->vault ? e->key : NULL, err);
    if (st == FACET_OK)
        st = insert_embedding(g, e, set, id, g->vault ? e->key : NULL, err);
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
        st = next_id(g, "template", &id, err);
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
            st = key_of(g, person, e.key, err);
        if (st == FACET_OK)
            st = insert_embedding(
                g, &e, set, (int64_t)ids[i], g->vault ? e.key : NULL, err);
    }
    enrolment_end(&e);
    return st;
}

/* -- Reading ------------------------------------------------------------- */

enum {
    ID,
    PERSON,
    QUALITY,
    SOURCE,
    BOX,
    METADATA = BOX + 4,
    CROP,
    VECTOR,
    KEY
};

/* Columns in the order of the enum; ?1 is the set, ?2 the gallery. */
#define SELECT_TEMPLATES                                                       \
    "SELECT t.id, t.person, t.quality, t.source, t.x, t.y, t.width, "          \
    "t.height, t.metadata, t.crop, e.vector, p.key FROM template t "           \
    "JOIN person p ON p.id = t.person "                                        \
    "LEFT JOIN embedding e ON e.in_set = ?1 AND e.template = t.id "            \
    "WHERE t.gallery = ?2 "

static facet_status visit_template(const facet_gallery *g,
    const facet__set *set, sqlite3_stmt *stmt, facet_template_visit *visit,
    void *context, facet_error *err)
{
    const uint64_t id = (uint64_t)sqlite3_column_int64(stmt, ID);
    facet_template t = { .id = id,
        .person = (uint64_t)sqlite3_column_int64(stmt, PERSON),
        .quality = sqlite3_column_type(stmt, QUALITY) == SQLITE_NULL
                       ? NAN
                       : (float)sqlite3_column_double(stmt, QUALITY) };
    field source = { NULL, 0, NULL }, metadata = source, crop = source,
          vector = source;
    uint8_t bytes[FACET__KEY];
    const uint8_t *key = g->vault ? bytes : NULL;
    facet_status st = FACET_OK;

    if (g->vault)
        st = facet__store_key(g, t.person, stmt, KEY, bytes, err);
    if (st == FACET_OK)
        st = open_field(
            key, (facet__place){ 'S', id, 0 }, stmt, SOURCE, &source, err);
    if (st == FACET_OK)
        st = open_field(
            key, (facet__place){ 'M', id, 0 }, stmt, METADATA, &metadata, err);
    if (st == FACET_OK)
        st = open_field(
            key, (facet__place){ 'C', id, 0 }, stmt, CROP, &crop, err);
    if (st == FACET_OK)
        st = open_field(key, (facet__place){ 'E', id, (uint64_t)set->id }, stmt,
            VECTOR, &vector, err);
    if (st == FACET_OK && vector.bytes &&
        vector.size != set->dim * sizeof(float))
        st = facet__fail(err, FACET_EDAMAGED,
            "template %llu has an embedding of wrong size",
            (unsigned long long)id);
    if (st == FACET_OK) {
        t.source = source.bytes;
        t.metadata = metadata.bytes;
        t.crop = crop.bytes;
        t.crop_size = crop.size;
        t.embedding = vector.bytes;
        for (int i = 0; i < 4; i++)
            t.box[i] = (float)sqlite3_column_double(stmt, BOX + i);
        st = visit(context, &t);
    }
    field_free(&source);
    field_free(&metadata);
    field_free(&crop);
    field_free(&vector);
    facet__forget(bytes, sizeof bytes);
    return st;
}

/* Visit the rows of a prepared SELECT_TEMPLATES and finalize it. */
static facet_status visit_all(const facet_gallery *g, const facet__set *set,
    sqlite3_stmt *stmt, facet_template_visit *visit, void *context,
    uint64_t *visited, facet_error *err)
{
    facet_status st = FACET_OK;
    bool row = true;

    for (*visited = 0; st == FACET_OK; ++*visited) {
        st = facet__db_step(stmt, &row, err);
        if (st != FACET_OK || !row)
            break;
        st = visit_template(g, set, stmt, visit, context, err);
    }
    sqlite3_finalize(stmt);
    return st;
}

facet_status facet_gallery_templates(const facet_gallery *g, uint64_t person,
    facet_template_visit *visit, void *context, facet_error *err)
{
    sqlite3_stmt *stmt = NULL;
    uint64_t visited;
    facet_status st;

    if (!g || !visit)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    facet__store_lock(g);
    st = facet__db_prepare(g->db, &stmt, err,
        person ? SELECT_TEMPLATES "AND t.person = ?3 ORDER BY t.id"
               : SELECT_TEMPLATES "ORDER BY t.id",
        person ? "iii" : "ii", g->state.active.id, g->state.gallery,
        (int64_t)person);
    if (st == FACET_OK)
        st =
            visit_all(g, &g->state.active, stmt, visit, context, &visited, err);
    facet__store_unlock(g);
    return st;
}

facet_status facet_gallery_template(const facet_gallery *g, uint64_t id,
    facet_template_visit *visit, void *context, facet_error *err)
{
    sqlite3_stmt *stmt = NULL;
    uint64_t visited = 0;
    facet_status st;

    if (!g || !visit)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    facet__store_lock(g);
    st = facet__db_prepare(g->db, &stmt, err, SELECT_TEMPLATES "AND t.id = ?3",
        "iii", g->state.active.id, g->state.gallery, (int64_t)id);
    if (st == FACET_OK)
        st =
            visit_all(g, &g->state.active, stmt, visit, context, &visited, err);
    facet__store_unlock(g);
    if (st == FACET_OK && visited == 0)
        st = facet__fail(err, FACET_ENOTFOUND, "there is no template %llu",
            (unsigned long long)id);
    return st;
}

facet_status facet__store_visit_missing(const facet_gallery *g,
    const facet__set *set, facet_template_visit *visit, void *context,
    uint64_t *visited, facet_error *err)
{
    sqlite3_stmt *stmt = NULL;
    facet_status st = facet__db_prepare(g->db, &stmt, err,
        SELECT_TEMPLATES "AND e.template IS NULL ORDER BY t.id", "ii", set->id,
        g->state.gallery);

    return st == FACET_OK
               ? visit_all(g, set, stmt, visit, context, visited, err)
               : st;
}

/* Ids collected by facet_gallery_find. */
typedef struct finding {
    sqlite3_stmt *match;
    uint64_t *ids;
    size_t count, room;
    facet_error *err;
} finding;

static facet_status match_metadata(void *context, const facet_template *t)
{
    finding *f = context;
    bool row = false, match;
    facet_status st;

    if (!t->metadata)
        return FACET_OK;
    sqlite3_bind_text(f->match, 3, t->metadata, -1, SQLITE_STATIC);
    st = facet__db_step(f->match, &row, f->err);
    match = st == FACET_OK && row && sqlite3_column_int(f->match, 0) == 1;
    sqlite3_reset(f->match);
    if (!match)
        return st;
    if (f->count == f->room) {
        const size_t room = f->room ? 2 * f->room : 64;
        uint64_t *bigger = facet__grow(
            f->ids, f->room * sizeof *bigger, room * sizeof *bigger);

        if (!bigger)
            return facet__fail_memory(f->err);
        f->ids = bigger;
        f->room = room;
    }
    f->ids[f->count++] = t->id;
    return FACET_OK;
}

facet_status facet_gallery_find(const facet_gallery *g, const char *key,
    const char *value, uint64_t **ids, size_t *count, facet_error *err)
{
    finding f = { .err = err };
    facet_status st;

    if (ids)
        *ids = NULL;
    if (count)
        *count = 0;
    if (!g || !key || !value || !ids || !count)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    facet__store_lock(g);
    /* json_each rather than a path: no character of the key is special. Its
     * `atom` of true and false is 1 and 0, so booleans compare by type. */
    st = facet__db_prepare(g->db, &f.match, err,
        "SELECT EXISTS(SELECT 1 FROM json_each(?3) WHERE key = ?1 AND "
        "?2 = CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' "
        "ELSE CAST(atom AS TEXT) END)",
        "tt", key, value);
    if (st == FACET_OK)
        st = facet_gallery_templates(g, 0, match_metadata, &f, err);
    sqlite3_finalize(f.match);
    facet__store_unlock(g);
    if (st == FACET_OK) {
        *ids = f.ids;
        *count = f.count;
    } else {
        facet__free(f.ids);
    }
    return st;
}

void facet_gallery_ids_free(uint64_t *ids)
{
    facet__free(ids);
}

/* -- Removal ------------------------------------------------------------- */

/* Make deleted pages leave the file and the log. Other processes that read an
 * older state keep the log from being cut; that is told, not waited for. */
static void compact(facet_gallery *g, facet_removal *receipt)
{
    int in_log = -1, done = -1;

    facet__db_run(g->db, NULL, "PRAGMA incremental_vacuum", "");
    receipt->log_truncated =
        sqlite3_wal_checkpoint_v2(g->db, NULL, SQLITE_CHECKPOINT_TRUNCATE,
            &in_log, &done) == SQLITE_OK &&
        in_log == 0;
}

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
        "\"crops\": %llu, \"vectors\": %llu}, \"key_destroyed\": %s, "
        "\"log_truncated\": %s, \"encrypted\": %s, \"generation\": %llu, "
        "\"time\": \"%s\"}",
        who, (unsigned long long)r->people, (unsigned long long)r->templates,
        (unsigned long long)r->crops, (unsigned long long)r->vectors,
        r->key_destroyed ? "true" : "false",
        r->log_truncated ? "true" : "false", g->vault ? "true" : "false",
        (unsigned long long)r->generation, when);
}

/* Commit a removal, compact, and tell. */
static facet_status finish_removal(facet_gallery *g, facet_status st,
    uint64_t person, facet_removal *receipt, facet_error *err)
{
    const int64_t erased = g->index.erased;

    st = facet__store_end(g, st, FACET__REMOVED, err);
    if (st != FACET_OK) {
        *receipt = (facet_removal){ .people = 0 };
        return st;
    }
    receipt->vectors = g->index.erased > erased
                           ? (uint64_t)(g->index.erased - erased)
                           : receipt->templates;
    receipt->generation = (uint64_t)g->state.generation;
    compact(g, receipt);
    write_receipt(g, person, receipt);
    return FACET_OK;
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
        st = facet__db_run(g->db, err,
            "DELETE FROM embedding WHERE template = ?1 AND in_set IN "
            "(SELECT id FROM embedding_set WHERE gallery = ?2)",
            "ii", id, g->state.gallery);
    if (st == FACET_OK)
        st = facet__db_run(
            g->db, err, "DELETE FROM template WHERE id = ?1", "i", id);
    receipt->templates++;
    receipt->crops += (uint64_t)crops;
    return st;
}

static facet_status delete_person(
    facet_gallery *g, int64_t person, facet_removal *receipt, facet_error *err)
{
    int64_t id = 0;
    facet_status st = FACET_OK;

    while (st == FACET_OK) {
        id = 0;
        st = facet__db_integer(g->db, &id, err,
            "SELECT id FROM template WHERE person = ?1 AND gallery = ?2 "
            "LIMIT 1",
            "ii", person, g->state.gallery);
        if (st != FACET_OK || id == 0)
            break;
        st = delete_template(g, id, receipt, err);
    }
    if (st == FACET_OK)
        st = facet__db_run(g->db, err,
            "DELETE FROM person WHERE id = ?1 AND gallery = ?2", "ii", person,
            g->state.gallery);
    if (st == FACET_OK && sqlite3_changes(g->db) == 0)
        st = facet__fail(
            err, FACET_ENOTFOUND, "there is no person %lld", (long long)person);
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
