/* SPDX-License-Identifier: Apache-2.0 */
/* enroll.c - templates on their way in. One call is one transaction, so it is
 * all or nothing and costs one sync. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "gallery/field.h"
#include "gallery/store.h"

facet_status facet__enrolment_begin(
    facet__enrolment *e, const facet__set *set, facet_error *err)
{
    *e = (facet__enrolment){ .row = facet__alloc(set->dim * sizeof *e->row) };
    return e->row ? FACET_OK : facet__fail_memory(err);
}

void facet__enrolment_end(facet__enrolment *e)
{
    facet__free(e->row);
    facet__forget(e->key, sizeof e->key);
}

static facet_status check_metadata(const char *metadata, facet_error *err)
{
    json_t *json = metadata ? json_loads(metadata, 0, NULL) : NULL;
    const bool object = json_is_object(json);

    json_decref(json);
    return !metadata || object ? FACET_OK
                               : facet__fail(err, FACET_EINVAL,
                                     "metadata has to be a JSON object");
}

/* The key that seals what is a person's, or NULL; FACET_ENOTFOUND. */
static facet_status hold_key(const facet_gallery *g, facet__enrolment *e,
    int64_t person, const uint8_t **key, facet_error *err)
{
    facet_status st = FACET_OK;

    *key = g->vault ? e->key : NULL;
    if (e->person != person)
        st = facet__store_key_of(g, person, e->key, err);
    if (st == FACET_OK)
        e->person = person;
    return st;
}

static facet__value value_of(const facet__field *field, bool text)
{
    return (facet__value){ .kind = !field->bytes ? FACET__NULL
                                   : text        ? FACET__TEXT
                                                 : FACET__BLOB,
        .bytes = field->bytes,
        .size = field->size };
}

static facet__value value_of_integer(int64_t integer)
{
    return (facet__value){ .kind = FACET__INTEGER, .integer = integer };
}

static facet__value value_of_real(float real)
{
    return (facet__value){ .kind = FACET__REAL, .real = (double)real };
}

/* Seal e->row and append it. */
static facet_status append_embedding(facet_gallery *g,
    const facet__enrolment *e, const facet__set *set, int64_t id,
    const uint8_t *key, facet_error *err)
{
    facet__value values[FACET__EMBEDDING_COLUMNS] = { value_of_integer(set->id),
        value_of_integer(id), value_of_integer(e->person) };
    facet__field vector;
    facet_status st = facet__field_seal(key,
        (facet__place){ 'E', (uint64_t)id, (uint64_t)set->id }, e->row,
        set->dim * sizeof *e->row, &vector);

    if (st != FACET_OK)
        return facet__fail_memory(err);
    values[3] = value_of(&vector, false);
    st = g->db->driver->append(g->db, FACET__EMBEDDING, values, err);
    facet__field_free(&vector);
    return st;
}

static size_t length_of(const char *text)
{
    return text ? strlen(text) : 0;
}

static facet_status append_template(facet_gallery *g, const facet_template *t,
    int64_t id, const uint8_t *key, facet_error *err)
{
    const uint64_t uid = (uint64_t)id;
    facet__field source, metadata = { NULL, 0, NULL }, crop = metadata;
    facet_status st = facet__field_seal(key, (facet__place){ 'S', uid, 0 },
        t->source, length_of(t->source), &source);

    if (st == FACET_OK)
        st = facet__field_seal(key, (facet__place){ 'M', uid, 0 }, t->metadata,
            length_of(t->metadata), &metadata);
    if (st == FACET_OK)
        st = facet__field_seal(
            key, (facet__place){ 'C', uid, 0 }, t->crop, t->crop_size, &crop);
    if (st == FACET_OK)
        st = g->db->driver->append(g->db, FACET__TEMPLATE,
            (facet__value[FACET__TEMPLATE_COLUMNS]){ value_of_integer(id),
                value_of_integer(g->state.gallery),
                value_of_integer((int64_t)t->person), value_of_real(t->quality),
                value_of(&source, !key), value_of_real(t->box[0]),
                value_of_real(t->box[1]), value_of_real(t->box[2]),
                value_of_real(t->box[3]), value_of(&metadata, !key),
                value_of(&crop, false) },
            err);
    else
        facet__fail_memory(err);
    facet__field_free(&source);
    facet__field_free(&metadata);
    facet__field_free(&crop);
    return st;
}

facet_status facet__enrolment_add(facet_gallery *g, facet__enrolment *e,
    const facet_template *t, uint64_t *id, facet_error *err)
{
    const facet__set *set = &g->state.active;
    const uint8_t *key;
    facet_status st;

    if ((!t->embedding && !e->bare) || (t->crop_size && !t->crop))
        return facet__fail(err, FACET_EINVAL, "a template needs an embedding");
    if (!isnan(t->quality) && !(t->quality >= 0 && t->quality <= 1))
        return facet__fail(err, FACET_EINVAL,
            "a template's quality is %g: it is 0 to 1, or NaN where it is not "
            "known",
            (double)t->quality);
    if (!isfinite(t->box[0] + t->box[1] + t->box[2] + t->box[3]))
        return facet__fail(err, FACET_EINVAL, "a template's box is not finite");
    st = t->embedding ? facet__unit(t->embedding, set->dim, e->row, err)
                      : FACET_OK;
    if (st == FACET_OK)
        st = check_metadata(t->metadata, err);
    if (st == FACET_OK)
        st = hold_key(g, e, (int64_t)t->person, &key, err);
    if (st != FACET_OK)
        return st;
    *id = (uint64_t)facet__db_next_id(g->db, FACET__TEMPLATE);
    st = append_template(g, t, (int64_t)*id, key, err);
    if (st == FACET_OK && t->embedding)
        st = append_embedding(g, e, set, (int64_t)*id, key, err);
    return st;
}

static facet_status enroll_all(facet_gallery *g,
    const facet_template *templates, size_t count, uint64_t *ids,
    facet_error *err)
{
    facet__enrolment e;
    facet_status st = facet__enrolment_begin(&e, &g->state.active, err);

    for (size_t i = 0; st == FACET_OK && i < count; i++) {
        uint64_t id = 0;

        st = facet__enrolment_add(g, &e, &templates[i], &id, err);
        if (st == FACET_OK && ids)
            ids[i] = id;
    }
    facet__enrolment_end(&e);
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
        st = enroll_all(g, templates, count, ids, err);
    return facet__store_end(g, st, FACET__ADDED, err);
}

/* A template's person, whose embedding in the set, if there is one, makes way.
 */
static facet_status clear_embedding(facet_gallery *g, const facet__set *set,
    int64_t id, int64_t *person, facet_error *err)
{
    facet_status st;

    *person = 0;
    st = facet__db_integer(g->db, person, err,
        "SELECT person FROM template WHERE id = ?1 AND gallery = ?2", "ii", id,
        g->state.gallery);
    if (st == FACET_OK && !*person)
        st = facet__fail(
            err, FACET_ENOTFOUND, "there is no template %lld", (long long)id);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err,
            "DELETE FROM embedding WHERE in_set = ?1 AND template = ?2", "ii",
            set->id, id);
    return st;
}

/* (All are cleared before the first is appended: a server takes what is
 * appended together.) */
facet_status facet__store_put(facet_gallery *g, const facet__set *set,
    const uint64_t *ids, const float *embeddings, size_t count,
    facet_error *err)
{
    int64_t *people = facet__calloc(count + 1, sizeof *people);
    facet__enrolment e;
    facet_status st = facet__enrolment_begin(&e, set, err);

    if (!people)
        st = facet__fail_memory(err);
    for (size_t i = 0; st == FACET_OK && i < count; i++)
        st = clear_embedding(g, set, (int64_t)ids[i], &people[i], err);
    for (size_t i = 0; st == FACET_OK && i < count; i++) {
        const uint8_t *key;

        st = facet__unit(embeddings + i * set->dim, set->dim, e.row, err);
        if (st == FACET_OK)
            st = hold_key(g, &e, people[i], &key, err);
        if (st == FACET_OK)
            st = append_embedding(g, &e, set, (int64_t)ids[i], key, err);
    }
    facet__enrolment_end(&e);
    facet__free(people);
    return st;
}
