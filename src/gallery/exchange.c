/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.c - galleries as JSON Lines: a header, then each person followed by
 * their templates. Embeddings and crops are base64, embeddings of little-endian
 * floats, so that what is imported has the very bytes that were exported. */
#include <jansson.h>
#include <math.h>
#include <sodium.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "gallery/store.h"

enum { FORMAT = 1 };

/* -- Export -------------------------------------------------------------- */

typedef struct export
{
    const facet_gallery *g;
    facet_line_write *write;
    void *context;
    facet_error *err;
}
export;

/* Write an object and let it go; NULL is a lack of memory. */
static facet_status write_line(const export *e, json_t *object)
{
    char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
    facet_status st = FACET_OK;

    json_decref(object);
    if (!line)
        return facet__fail_memory(e->err);
    st = e->write(e->context, line, strlen(line));
    free(line); /* jansson's */
    return st;
}

static json_t *base64(const void *bytes, size_t size)
{
    const size_t length =
        sodium_base64_ENCODED_LEN(size, sodium_base64_VARIANT_ORIGINAL);
    char *text = facet__alloc(length);
    json_t *value;

    if (!text)
        return NULL;
    sodium_bin2base64(
        text, length, bytes, size, sodium_base64_VARIANT_ORIGINAL);
    value = json_string(text);
    facet__free(text);
    return value;
}

/* A path is bytes; what is not UTF-8 goes as such. */
static bool put_source(json_t *line, const char *source)
{
    json_t *text = json_string(source);

    return text ? !json_object_set_new(line, "source", text)
                : !json_object_set_new(
                      line, "source_base64", base64(source, strlen(source)));
}

/* Whatever a template has stands in its line, or nothing does. */
static facet_status export_template(void *context, const facet_template *t)
{
    const export *e = context;
    const size_t size = e->g->state.active.dim * sizeof *t->embedding;
    json_t *line =
        json_pack("{s:I, s:I, s:[f, f, f, f]}", "template", (json_int_t)t->id,
            "person", (json_int_t)t->person, "box", (double)t->box[0],
            (double)t->box[1], (double)t->box[2], (double)t->box[3]);
    bool good = line != NULL;

    if (good && !isnan(t->quality))
        good = !json_object_set_new(
            line, "quality", json_real((double)t->quality));
    if (good && t->source)
        good = put_source(line, t->source);
    if (good && t->metadata)
        good = !json_object_set_new(
            line, "metadata", json_loads(t->metadata, 0, NULL));
    if (good && t->embedding)
        good =
            !json_object_set_new(line, "embedding", base64(t->embedding, size));
    if (good && t->crop)
        good =
            !json_object_set_new(line, "crop", base64(t->crop, t->crop_size));
    if (!good) {
        json_decref(line);
        return facet__fail_memory(e->err);
    }
    return write_line(e, line);
}

static facet_status export_person(void *context, const facet_person *p)
{
    const export *e = context;
    json_t *line =
        json_pack("{s:I, s:s}", "person", (json_int_t)p->id, "name", p->name);
    facet_status st = line ? write_line(e, line)
                           : facet__fail(e->err, FACET_EDAMAGED,
                                 "the name of person %llu is not UTF-8",
                                 (unsigned long long)p->id);

    return st == FACET_OK ? facet_gallery_templates(
                                e->g, p->id, export_template, context, e->err)
                          : st;
}

static facet_status export_header(const export *e)
{
    char contract[2 * FACET_CONTRACT_BYTES + 1];

    sodium_bin2hex(contract, sizeof contract, e->g->state.active.contract,
        FACET_CONTRACT_BYTES);
    return write_line(
        e, json_pack("{s:i, s:s, s:I}", "facet_gallery", FORMAT, "contract",
               contract, "dim", (json_int_t)e->g->state.active.dim));
}

static facet_status export_one(export *e, uint64_t person)
{
    facet_status st = FACET_OK;
    char *name = NULL;

    /* as long as it is, for it comes cut to the room there is */
    for (size_t room = 1024; st == FACET_OK; room *= 2) {
        facet__free(name);
        name = facet__alloc(room);
        st = name ? facet_gallery_person_name(e->g, person, name, room, e->err)
                  : facet__fail_memory(e->err);
        if (st != FACET_OK || strlen(name) + 1 < room)
            break;
    }
    if (st == FACET_OK)
        st = export_person(e, &(facet_person){ .id = person, .name = name });
    facet__free(name);
    return st;
}

facet_status facet_gallery_export(const facet_gallery *g, uint64_t person,
    facet_line_write *write, void *context, facet_error *err)
{
    export e = { g, write, context, err };
    facet_status st;

    if (!g || !write)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    facet__store_lock(g);
    st = export_header(&e);
    if (st == FACET_OK)
        st = person ? export_one(&e, person)
                    : facet_gallery_people(g, export_person, &e, err);
    facet__store_unlock(g);
    return st;
}

/* -- Import -------------------------------------------------------------- */

/* A person's id in the text and here. */
typedef struct renamed {
    int64_t theirs, ours;
} renamed;

typedef struct import {
    facet_gallery *g;
    facet_import_report *report;
    renamed *people;
    size_t n_people, room;
    facet__enrolment enrolment;
    size_t line;
    bool header;
    facet_error *err;
} import;

static facet_status bad_line(const import *in, const char *why)
{
    return facet__fail(in->err, FACET_EDAMAGED, "line %zu: %s", in->line, why);
}

static facet_status import_header(import *in, const json_t *line)
{
    const char *hex = json_string_value(json_object_get(line, "contract"));
    const json_t *dim = json_object_get(line, "dim");
    uint8_t contract[FACET_CONTRACT_BYTES];
    size_t n = 0;

    if (json_integer_value(json_object_get(line, "facet_gallery")) != FORMAT)
        return bad_line(in, "not the header of a gallery export (format 1)");
    if (!hex ||
        sodium_hex2bin(
            contract, sizeof contract, hex, strlen(hex), NULL, &n, NULL) ||
        n != sizeof contract ||
        json_integer_value(dim) != (json_int_t)in->g->state.active.dim)
        return bad_line(in, "the contract or dim does not fit this gallery");
    in->header = true;
    return facet__store_same_contract(&in->g->state.active, contract, in->err);
}

static facet_status import_person(import *in, const json_t *line)
{
    const char *name = json_string_value(json_object_get(line, "name"));
    const int64_t theirs = json_integer_value(json_object_get(line, "person"));
    int64_t ours = 0;
    facet_status st;

    if (!name || !*name || theirs <= 0)
        return bad_line(in, "a person needs an id and a name");
    if (in->n_people == in->room) {
        const size_t room = in->room ? 2 * in->room : 64;
        renamed *bigger = facet__grow(
            in->people, in->room * sizeof *bigger, room * sizeof *bigger);

        if (!bigger)
            return facet__fail_memory(in->err);
        in->people = bigger;
        in->room = room;
    }
    st = facet__store_add_person(in->g, name, &ours, in->err);
    in->report->people_added += st == FACET_OK;
    in->report->people_found += st == FACET_EEXISTS;
    if (st != FACET_OK && st != FACET_EEXISTS)
        return st;
    in->people[in->n_people++] = (renamed){ theirs, ours };
    return FACET_OK;
}

/* Templates follow their person, so the search from the end is short. */
static int64_t person_here(const import *in, int64_t theirs)
{
    for (size_t i = in->n_people; i > 0; i--)
        if (in->people[i - 1].theirs == theirs)
            return in->people[i - 1].ours;
    return 0;
}

/* The bytes of a base64 text; NULL when it is none. Free them. */
static void *bytes_of(const json_t *value, size_t *size)
{
    const char *text = json_string_value(value);
    const size_t length = text ? strlen(text) : 0;
    void *bytes = text ? facet__alloc(length + 1) : NULL;

    if (bytes && sodium_base642bin(bytes, length + 1, text, length, NULL, size,
                     NULL, sodium_base64_VARIANT_ORIGINAL)) {
        facet__free(bytes);
        return NULL;
    }
    return bytes;
}

static facet_status enroll(import *in, const json_t *line, facet_template *t)
{
    const json_t *metadata = json_object_get(line, "metadata");
    const json_t *box = json_object_get(line, "box");
    const json_t *quality = json_object_get(line, "quality");
    char *text = metadata ? json_dumps(metadata, JSON_COMPACT) : NULL;
    const json_t *bytes = json_object_get(line, "source_base64");
    size_t length = 0;
    char *source = bytes ? bytes_of(bytes, &length) : NULL;
    uint64_t id;
    facet_status st;

    if ((metadata && !text) || (bytes && !source)) {
        free(text); /* jansson's */
        facet__free(source);
        return bytes && !source ? bad_line(in, "the source is not base64")
                                : facet__fail_memory(in->err);
    }
    if (source)
        source[length] = '\0'; /* bytes_of has room for it */
    for (size_t i = 0; i < 4; i++)
        t->box[i] = (float)json_number_value(json_array_get(box, i));
    t->quality =
        json_is_number(quality) ? (float)json_number_value(quality) : NAN;
    t->source =
        source ? source : json_string_value(json_object_get(line, "source"));
    t->metadata = text;
    st = facet__enrolment_add(in->g, &in->enrolment, t, &id, in->err);
    free(text); /* jansson's */
    facet__free(source);
    if (st == FACET_EINVAL)
        return bad_line(
            in, "its embedding, metadata, box or quality is not usable");
    in->report->templates += st == FACET_OK;
    return st;
}

static facet_status import_template(import *in, const json_t *line)
{
    const json_t *crop = json_object_get(line, "crop");
    facet_template t = { .person = (uint64_t)person_here(
                             in, json_integer_value(
                                     json_object_get(line, "person"))) };
    size_t size = 0;
    const json_t *vector = json_object_get(line, "embedding");
    const json_t *metadata = json_object_get(line, "metadata");
    void *embedding = vector ? bytes_of(vector, &size) : NULL;
    void *crop_bytes = crop ? bytes_of(crop, &t.crop_size) : NULL;
    facet_status st;

    t.embedding = embedding;
    t.crop = crop_bytes;
    /* (a migration may have left a template without one) */
    if (vector &&
        (!embedding || size != in->g->state.active.dim * sizeof(float)))
        st = bad_line(in, "the embedding is not base64 or of another size");
    else if (crop && !crop_bytes)
        st = bad_line(in, "the crop is not base64");
    else if (metadata && !json_is_object(metadata))
        st = bad_line(in, "the metadata is not a JSON object");
    else if (!t.person)
        st = bad_line(in, "a template before its person");
    else
        st = enroll(in, line, &t);
    facet__free(embedding);
    facet__free(crop_bytes);
    return st;
}

static facet_status import_line(import *in, const char *text, size_t length)
{
    json_t *line = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    facet_status st;

    if (!json_is_object(line))
        st = bad_line(in, "not a JSON object");
    else if (!in->header)
        st = import_header(in, line);
    else if (json_object_get(line, "template"))
        st = import_template(in, line);
    else if (json_object_get(line, "person"))
        st = import_person(in, line);
    else
        st = bad_line(in, "neither a person nor a template");
    json_decref(line);
    return st;
}

static facet_status import_lines(import *in, const char *text, size_t length)
{
    const char *end = text + length;
    facet_status st = FACET_OK;

    while (st == FACET_OK && text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;

        in->line++;
        if (stop > text)
            st = import_line(in, text, (size_t)(stop - text));
        text = stop + 1;
    }
    if (st == FACET_OK && !in->header)
        st = bad_line(in, "the text has no header");
    return st;
}

facet_status facet_gallery_import(facet_gallery *g, const char *text,
    size_t length, facet_import_report *out, facet_error *err)
{
    facet_import_report ignored;
import in = {.g = g, .err = err };
    facet_status st;

    in.report = out ? out : &ignored;
    *in.report = (facet_import_report){ .templates = 0 };
    if (!g || (!text && length))
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    st = facet__store_begin(g, err);
    if (st != FACET_OK)
        return st;
    st = facet__enrolment_begin(&in.enrolment, &g->state.active, err);
    in.enrolment.bare = true;
    if (st == FACET_OK)
        st = import_lines(&in, text, length);
    facet__enrolment_end(&in.enrolment);
    facet__free(in.people);
    st = facet__store_end(g, st, FACET__ADDED, err);
    if (st != FACET_OK)
        *in.report = (facet_import_report){ .templates = 0 };
    return st;
}
