/* SPDX-License-Identifier: Apache-2.0 */
#include "gallery/db.h"

#include <stdarg.h>
#include <string.h>

#include "gallery/where.h"

enum { MOST_VALUES = 8 };

facet_status facet__db_open(const char *where, const facet_gallery_opts *opts,
    bool create, facet__db **out, facet_error *err)
{
    const facet__driver *driver =
        facet__where_is_server(where) ? &facet__postgres : &facet__sqlite;

    *out = NULL;
    return driver->open(where, opts, create, out, err);
}

void facet__db_close(facet__db *db)
{
    if (db)
        db->driver->close(db);
}

static facet__value take(char type, va_list *args)
{
    facet__value v = { .kind = FACET__NULL };

    switch (type) {
    case 'i':
        v.kind = FACET__INTEGER;
        v.integer = va_arg(*args, int64_t);
        break;
    case 'd':
        v.kind = FACET__REAL;
        v.real = va_arg(*args, double);
        break;
    case 't':
        v.bytes = va_arg(*args, const char *);
        v.kind = v.bytes ? FACET__TEXT : FACET__NULL;
        v.size = v.bytes ? strlen(v.bytes) : 0;
        break;
    default:
        v.bytes = va_arg(*args, const void *);
        v.kind = v.bytes ? FACET__BLOB : FACET__NULL;
        v.size = va_arg(*args, size_t);
    }
    return v;
}

static facet_status start(facet__db *db, facet__stmt **out, facet_error *err,
    const char *sql, bool many, const char *types, va_list *args)
{
    facet__value values[MOST_VALUES];
    size_t n = 0;

    *out = NULL;
    for (; types[n]; n++)
        values[n] = take(types[n], args);
    return db->driver->start(db, sql, many, values, n, out, err);
}

facet_status facet__db_prepare(facet__db *db, facet__stmt **out,
    facet_error *err, const char *sql, const char *types, ...)
{
    facet_status st;
    va_list args;

    va_start(args, types);
    st = start(db, out, err, sql, false, types, &args);
    va_end(args);
    return st;
}

facet_status facet__db_walk(facet__db *db, facet__stmt **out, facet_error *err,
    const char *sql, const char *types, ...)
{
    facet_status st;
    va_list args;

    va_start(args, types);
    st = start(db, out, err, sql, true, types, &args);
    va_end(args);
    return st;
}

facet_status facet__db_step(facet__stmt *stmt, bool *row, facet_error *err)
{
    *row = false;
    return stmt->db->driver->step(stmt, row, err);
}

facet__value facet__db_column(const facet__stmt *stmt, int at)
{
    return stmt->db->driver->column(stmt, at);
}

void facet__db_finish(facet__stmt *stmt)
{
    if (stmt)
        stmt->db->driver->finish(stmt);
}

facet_status facet__db_run(
    facet__db *db, facet_error *err, const char *sql, const char *types, ...)
{
    facet__stmt *stmt = NULL;
    bool row = true;
    facet_status st;
    va_list args;

    va_start(args, types);
    st = start(db, &stmt, err, sql, false, types, &args);
    va_end(args);
    while (st == FACET_OK && row)
        st = facet__db_step(stmt, &row, err);
    facet__db_finish(stmt);
    return st;
}

facet_status facet__db_integer(facet__db *db, int64_t *out, facet_error *err,
    const char *sql, const char *types, ...)
{
    facet__stmt *stmt = NULL;
    bool row = false;
    facet_status st;
    va_list args;

    va_start(args, types);
    st = start(db, &stmt, err, sql, false, types, &args);
    va_end(args);
    if (st == FACET_OK)
        st = facet__db_step(stmt, &row, err);
    if (st == FACET_OK && row)
        *out = facet__db_column(stmt, 0).integer;
    facet__db_finish(stmt);
    return st;
}

int64_t facet__db_next_id(facet__db *db, facet__table table)
{
    return ++db->last[table];
}
