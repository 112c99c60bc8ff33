/* SPDX-License-Identifier: Apache-2.0 */
/* templates.c - templates on their way out: by person, by id, by metadata. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "gallery/field.h"
#include "gallery/store.h"

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
    "JOIN person p ON p.id = t.person AND p.gallery = t.gallery "              \
    "LEFT JOIN embedding e ON e.in_set = ?1 AND e.template = t.id "            \
    "WHERE t.gallery = ?2 "

static facet_status visit_template(const facet_gallery *g,
    const facet__set *set, facet__stmt *stmt, facet_template_visit *visit,
    void *context, facet_error *err)
{
    const uint64_t id = (uint64_t)facet__db_column(stmt, ID).integer;
    facet_template t = { .id = id,
        .person = (uint64_t)facet__db_column(stmt, PERSON).integer,
        .quality = facet__db_column(stmt, QUALITY).kind == FACET__NULL
                       ? NAN
                       : (float)facet__db_column(stmt, QUALITY).real };
    facet__field source = { NULL, 0, NULL }, metadata = source, crop = source,
                 vector = source;
    uint8_t bytes[FACET__KEY];
    const uint8_t *key = g->vault ? bytes : NULL;
    facet_status st = FACET_OK;

    if (g->vault)
        st = facet__store_key(
            g, t.person, facet__db_column(stmt, KEY), bytes, err);
    if (st == FACET_OK)
        st = facet__field_open(key, (facet__place){ 'S', id, 0 },
            facet__db_column(stmt, SOURCE), &source, err);
    if (st == FACET_OK)
        st = facet__field_open(key, (facet__place){ 'M', id, 0 },
            facet__db_column(stmt, METADATA), &metadata, err);
    if (st == FACET_OK)
        st = facet__field_open(key, (facet__place){ 'C', id, 0 },
            facet__db_column(stmt, CROP), &crop, err);
    if (st == FACET_OK)
        st =
            facet__field_open(key, (facet__place){ 'E', id, (uint64_t)set->id },
                facet__db_column(stmt, VECTOR), &vector, err);
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
            t.box[i] = (float)facet__db_column(stmt, BOX + i).real;
        st = visit(context, &t);
    }
    facet__field_free(&source);
    facet__field_free(&metadata);
    facet__field_free(&crop);
    facet__field_free(&vector);
    facet__forget(bytes, sizeof bytes);
    return st;
}

/* Visit the rows of a prepared SELECT_TEMPLATES and finalize it. */
static facet_status visit_all(const facet_gallery *g, const facet__set *set,
    facet__stmt *stmt, facet_template_visit *visit, void *context,
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
    facet__db_finish(stmt);
    return st;
}

facet_status facet_gallery_templates(const facet_gallery *g, uint64_t person,
    facet_template_visit *visit, void *context, facet_error *err)
{
    facet__stmt *stmt = NULL;
    uint64_t visited;
    facet_status st;

    if (!g || !visit)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    facet__store_lock(g);
    st = facet__db_walk(g->db, &stmt, err,
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
    facet__stmt *stmt = NULL;
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
    facet__stmt *stmt = NULL;
    facet_status st = facet__db_walk(g->db, &stmt, err,
        SELECT_TEMPLATES "AND e.template IS NULL ORDER BY t.id", "ii", set->id,
        g->state.gallery);

    return st == FACET_OK
               ? visit_all(g, set, stmt, visit, context, visited, err)
               : st;
}

/* Ids collected by facet_gallery_find. */
typedef struct finding {
    const char *key, *value;
    uint64_t *ids;
    size_t count, room;
    facet_error *err;
} finding;

/* Is it the value, as text or as JSON writes a number, true or false? */
static bool is_value(const json_t *member, const char *value)
{
    char *text = NULL;
    bool same;

    if (json_is_string(member))
        return strcmp(json_string_value(member), value) == 0;
    if (json_is_number(member) || json_is_boolean(member))
        text = json_dumps(member, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    same = text && strcmp(text, value) == 0;
    free(text); /* jansson's */
    return same;
}

static facet_status match_metadata(void *context, const facet_template *t)
{
    finding *f = context;
    json_t *metadata = t->metadata ? json_loads(t->metadata, 0, NULL) : NULL;
    const bool match = is_value(json_object_get(metadata, f->key), f->value);

    json_decref(metadata);
    if (!match)
        return FACET_OK;
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
    finding f = { .key = key, .value = value, .err = err };
    facet_status st;

    if (ids)
        *ids = NULL;
    if (count)
        *count = 0;
    if (!g || !key || !value || !ids || !count)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    st = facet_gallery_templates(g, 0, match_metadata, &f, err);
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
