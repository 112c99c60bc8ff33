/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_copy.c - rows in bulk, by COPY in its binary form: a header, then
 * for each row the number of its columns, and each column as its length (-1 for
 * NULL) and bytes; -1 ends it. */
#if FACET_HAVE_LIBPQ
#include "gallery/postgres.h"

#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

enum { ENOUGH = 1 << 20, HEADER = 19, TRAILER = 2, NULL_LENGTH = -1 };

static const uint8_t header[HEADER] = "PGCOPY\n\377\r\n";

static bool make_room(facet__pg_copy *c, size_t more)
{
    const size_t room = 2 * (c->size + more);
    uint8_t *bigger;

    if (c->size + more <= c->room)
        return true;
    bigger = facet__grow(c->bytes, c->room, room);
    if (!bigger)
        return false;
    c->bytes = bigger;
    c->room = room;
    return true;
}

static size_t length_of(const facet__value *v, bool vector)
{
    if (v->kind == FACET__NULL)
        return 0;
    if (v->kind == FACET__INTEGER || v->kind == FACET__REAL)
        return 8;
    return vector ? FACET__PG_VECTOR(v->size / sizeof(float)) : v->size;
}

static void put_value(uint8_t *at, const facet__value *v, bool vector)
{
    uint64_t bits = (uint64_t)v->integer;

    if (v->kind == FACET__REAL)
        memcpy(&bits, &v->real, sizeof bits);
    if (v->kind == FACET__INTEGER || v->kind == FACET__REAL)
        facet__pg_put(at, bits, 8);
    else if (vector)
        facet__pg_put_vector(at, v->bytes, v->size / sizeof(float));
    else if (v->kind != FACET__NULL && v->size)
        memcpy(at, v->bytes, v->size);
}

facet_status facet__pg_append(facet__db *db, facet__table table,
    const facet__value *values, facet_error *err)
{
    const size_t n = table == FACET__TEMPLATE ? FACET__TEMPLATE_COLUMNS
                                              : FACET__EMBEDDING_COLUMNS;
    facet__pg *pg = (facet__pg *)db;
    facet__pg_copy *c = &pg->copies[table];
    size_t more = HEADER + 2 + TRAILER;

    for (size_t i = 0; i < n; i++) {
        const size_t length =
            length_of(&values[i], table == FACET__EMBEDDING && i == 3);

        if (length > INT_MAX / 4 || more > INT_MAX / 4)
            return facet__fail(err, FACET_ELIMIT, "a template is too large");
        more += 4 + length;
    }
    if (!make_room(c, more))
        return facet__fail_memory(err);
    if (c->size == 0) {
        memcpy(c->bytes, header, HEADER);
        c->size = HEADER;
    }
    facet__pg_put(c->bytes + c->size, n, 2);
    c->size += 2;
    for (size_t i = 0; i < n; i++) {
        const bool vector = table == FACET__EMBEDDING && i == 3;
        const size_t length = length_of(&values[i], vector);

        facet__pg_put(c->bytes + c->size,
            values[i].kind == FACET__NULL ? (uint64_t)NULL_LENGTH : length, 4);
        put_value(c->bytes + c->size + 4, &values[i], vector);
        c->size += 4 + length;
    }
    return c->size > ENOUGH ? facet__pg_flush(pg, err) : FACET_OK;
}

/* The results that are left, of which a failure counts. */
static facet_status end_copy(facet__pg *pg, facet_error *err)
{
    facet_status st = FACET_OK;
    PGresult *result;

    while ((result = facet__pq.getResult(pg->conn)) != NULL) {
        if (st == FACET_OK &&
            facet__pq.resultStatus(result) != PGRES_COMMAND_OK)
            st = facet__pg_fail(pg, result, err);
        facet__pq.clear(result);
    }
    return st == FACET_OK && facet__pq.status(pg->conn) != CONNECTION_OK
               ? facet__pg_fail(pg, NULL, err)
               : st;
}

static facet_status flush_table(
    facet__pg *pg, facet__table table, facet_error *err)
{
    static const char *const sql[FACET__TABLES] = {
        [FACET__TEMPLATE] =
            "COPY template(id, gallery, person, quality, source, x, y, width, "
            "height, metadata, crop) FROM STDIN (FORMAT binary)",
        [FACET__EMBEDDING] = "COPY embedding(in_set, template, person, vector) "
                             "FROM STDIN (FORMAT binary)",
    };
    facet__pg_copy *c = &pg->copies[table];
    PGresult *result;
    facet_status st = FACET_OK;

    if (c->size == 0)
        return FACET_OK;
    facet__pg_put(c->bytes + c->size, UINT64_MAX, TRAILER);
    result = facet__pq.exec(pg->conn, sql[table]);
    if (facet__pq.resultStatus(result) != PGRES_COPY_IN)
        st = facet__pg_fail(pg, result, err);
    facet__pq.clear(result);
    if (st == FACET_OK &&
        (facet__pq.putCopyData(
             pg->conn, (const char *)c->bytes, (int)c->size + TRAILER) != 1 ||
            facet__pq.putCopyEnd(pg->conn, NULL) != 1))
        st = facet__pg_fail(pg, NULL, err);
    c->size = 0;
    return st == FACET_OK ? end_copy(pg, err) : st;
}

facet_status facet__pg_flush(facet__pg *pg, facet_error *err)
{
    facet_status st = flush_table(pg, FACET__TEMPLATE, err);

    return st == FACET_OK ? flush_table(pg, FACET__EMBEDDING, err) : st;
}

void facet__pg_forget_copies(facet__pg *pg)
{
    for (int i = 0; i < FACET__TABLES; i++) {
        facet__free(pg->copies[i].bytes);
        pg->copies[i] = (facet__pg_copy){ NULL, 0, 0 };
    }
}

#endif
