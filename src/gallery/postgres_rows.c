/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_rows.c - what a statement gives, row by row. Rows that need not fit
 * into memory come by a cursor, a batch at a time, in a transaction that sees
 * one state. */
#include "gallery/db.h"

#if FACET_HAVE_LIBPQ

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "gallery/postgres.h"

enum { BATCH = 256 /* rows of a cursor at a time */ };

typedef struct statement {
    facet__stmt base;
    PGresult *result; /* a batch, or all */
    int row;          /* -1 before the first */
    char cursor[24];  /* "": all rows are here */
    bool own;         /* its transaction is its own */
} statement;

/* The rooms' ?1 is a server's $1. */
static char *translate(const char *prefix, const char *sql)
{
    const size_t size = strlen(prefix) + strlen(sql) + 1;
    char *out = facet__alloc(size);

    if (!out)
        return NULL;
    snprintf(out, size, "%s%s", prefix, sql);
    for (char *at = strchr(out, '?'); at; at = strchr(at, '?'))
        *at = '$';
    return out;
}

static facet__pg_param param_of(const facet__value *v, uint8_t number[8])
{
    uint64_t bits = (uint64_t)v->integer;

    switch (v->kind) {
    case FACET__INTEGER:
        facet__pg_put(number, bits, 8);
        return (facet__pg_param){ FACET__PG_INT8, number, 8 };
    case FACET__REAL:
        memcpy(&bits, &v->real, sizeof bits);
        facet__pg_put(number, bits, 8);
        return (facet__pg_param){ FACET__PG_FLOAT8, number, 8 };
    default:
        return (facet__pg_param){ 0, v->bytes, v->size };
    }
}

static facet_status run_values(facet__pg *pg, const char *prefix,
    const char *sql, const facet__value *values, size_t n, PGresult **out,
    facet_error *err)
{
    facet__pg_param params[FACET__PG_PARAMS];
    uint8_t numbers[FACET__PG_PARAMS][8];
    char *text = translate(prefix, sql);
    facet_status st;

    *out = NULL;
    if (!text)
        return facet__fail_memory(err);
    for (size_t i = 0; i < n; i++)
        params[i] = param_of(&values[i], numbers[i]);
    st = facet__pg_run(pg, text, params, n, out, err);
    facet__free(text);
    return st;
}

/* Vectors of a result become floats where they are; each starts at a multiple
 * of eight bytes. */
static void unpack_vectors(const facet__pg *pg, const PGresult *result)
{
    for (int c = 0; c < facet__pq.nfields(result); c++) {
        if (facet__pq.ftype(result, c) != pg->vector)
            continue;
        for (int r = 0; r < facet__pq.ntuples(result); r++) {
            char *at = facet__pq.getvalue(result, r, c);

            for (int i = 4; i + 4 <= facet__pq.getlength(result, r, c);
                 i += 4) {
                const uint32_t bits = (uint32_t)facet__pg_get(at + i, 4);

                memcpy(at + i, &bits, sizeof bits);
            }
        }
    }
}

void facet__pg_finish(facet__stmt *base)
{
    statement *s = (statement *)base;
    facet__pg *pg = (facet__pg *)base->db;

    facet__pq.clear(s->result);
    if (s->own)
        facet__pg_rollback(base->db);
    else if (*s->cursor &&
             facet__pq.transactionStatus(pg->conn) == PQTRANS_INTRANS)
        (void)facet__pg_say(pg, NULL, "CLOSE %s", s->cursor);
    facet__free(s);
}

facet_status facet__pg_rows(
    facet__pg *pg, PGresult *result, facet__stmt **out, facet_error *err)
{
    statement *s = facet__calloc(1, sizeof *s);

    if (!s) {
        facet__pq.clear(result);
        return facet__fail_memory(err);
    }
    unpack_vectors(pg, result);
    *s = (statement){ .base = { &pg->base }, .result = result, .row = -1 };
    *out = &s->base;
    return FACET_OK;
}

/* A cursor, in a transaction of its own unless there is one. */
static facet_status open_cursor(facet__pg *pg, const char *sql,
    const facet__value *values, size_t n, facet__stmt **out, facet_error *err)
{
    PGresult *result = NULL;
    statement *s;
    char prefix[64];
    facet_status st = facet__pg_rows(pg, NULL, out, err);

    if (st != FACET_OK)
        return st;
    s = (statement *)*out;
    snprintf(s->cursor, sizeof s->cursor, "c%u", pg->cursors++);
    snprintf(
        prefix, sizeof prefix, "DECLARE %s NO SCROLL CURSOR FOR ", s->cursor);
    if (!pg->open) {
        st = facet__pg_begin_read(&pg->base, err);
        s->own = st == FACET_OK;
    }
    if (st == FACET_OK)
        st = run_values(pg, prefix, sql, values, n, &result, err);
    facet__pq.clear(result);
    if (st != FACET_OK) {
        facet__pg_finish(*out);
        *out = NULL;
    }
    return st;
}

/* Does the statement look at tables whose rows wait to be copied? Its text
 * would name them. */
static bool looks_at_copies(const char *sql)
{
    return strstr(sql, "template") || strstr(sql, "embedding");
}

facet_status facet__pg_start(facet__db *db, const char *sql, bool many,
    const facet__value *values, size_t n, facet__stmt **out, facet_error *err)
{
    facet__pg *pg = (facet__pg *)db;
    PGresult *result = NULL;
    facet_status st =
        looks_at_copies(sql) ? facet__pg_flush(pg, err) : FACET_OK;

    if (st != FACET_OK)
        return st;
    if (many)
        return open_cursor(pg, sql, values, n, out, err);
    st = run_values(pg, "", sql, values, n, &result, err);
    return st == FACET_OK ? facet__pg_rows(pg, result, out, err) : st;
}

static facet_status fetch(facet__pg *pg, statement *s, facet_error *err)
{
    char sql[64];
    PGresult *result;
    facet_status st;

    snprintf(sql, sizeof sql, "FETCH %d FROM %s", BATCH, s->cursor);
    st = facet__pg_run(pg, sql, NULL, 0, &result, err);
    if (st != FACET_OK)
        return st;
    facet__pq.clear(s->result);
    s->result = result;
    s->row = 0;
    unpack_vectors(pg, result);
    return FACET_OK;
}

facet_status facet__pg_step(facet__stmt *base, bool *row, facet_error *err)
{
    statement *s = (statement *)base;
    facet_status st = FACET_OK;

    s->row++;
    if (*s->cursor && s->row >= facet__pq.ntuples(s->result))
        st = fetch((facet__pg *)base->db, s, err);
    *row = st == FACET_OK && s->row < facet__pq.ntuples(s->result);
    return st;
}

facet__value facet__pg_column(const facet__stmt *base, int at)
{
    const statement *s = (const statement *)base;
    const facet__pg *pg = (const facet__pg *)base->db;
    const Oid type = facet__pq.ftype(s->result, at);
    const char *bytes = facet__pq.getvalue(s->result, s->row, at);
    facet__value v = { .kind = FACET__BLOB,
        .bytes = bytes,
        .size = (size_t)facet__pq.getlength(s->result, s->row, at) };

    if (facet__pq.getisnull(s->result, s->row, at))
        return (facet__value){ .kind = FACET__NULL };
    if (type == FACET__PG_INT8 || type == FACET__PG_BOOL) {
        v = (facet__value){ .kind = FACET__INTEGER,
            .integer = (int64_t)facet__pg_number(s->result, s->row, at) };
    } else if (type == FACET__PG_FLOAT8) {
        const uint64_t bits = facet__pg_number(s->result, s->row, at);

        v = (facet__value){ .kind = FACET__REAL };
        memcpy(&v.real, &bits, sizeof v.real);
    } else if (type == pg->vector && v.size >= 4) {
        v.bytes = bytes + 4;
        v.size -= 4;
    } else if (type != FACET__PG_BYTEA) {
        v.kind = FACET__TEXT;
    }
    return v;
}

#endif
