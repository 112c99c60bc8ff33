/* SPDX-License-Identifier: Apache-2.0 */
#include "gallery/db.h"

#include <stdarg.h>
#include <string.h>

#include "base/error.h"

static facet_status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return FACET_EBUSY;
    case SQLITE_NOMEM:
        return FACET_ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return FACET_EDAMAGED;
    case SQLITE_TOOBIG:
        return FACET_ELIMIT;
    default:
        return FACET_EIO;
    }
}

static const char *remedy_of(int code)
{
    if (code == SQLITE_IOERR_SHMSIZE) /* the shared index could not grow */
        return "the disk is full; nothing was changed";
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another process is writing; try again";
    case SQLITE_FULL:
        return "the disk is full; nothing was changed";
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return "no permission to write the file or its folder";
    case SQLITE_CANTOPEN:
        return "the file or its folder cannot be opened";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "not a gallery file, or damaged; restore a backup";
    default:
        return "the store refused";
    }
}

facet_status facet__db_fail(sqlite3 *db, facet_error *err)
{
    const int code = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;

    return facet__fail(err, status_of(code), "%s (SQLite %d: %s)",
        remedy_of(code), code, db ? sqlite3_errmsg(db) : "no memory");
}

static int bind_one(sqlite3_stmt *stmt, int at, char type, va_list *args)
{
    const void *bytes;

    switch (type) {
    case 'i':
        return sqlite3_bind_int64(stmt, at, va_arg(*args, int64_t));
    case 'd':
        return sqlite3_bind_double(stmt, at, va_arg(*args, double));
    case 't':
        return sqlite3_bind_text(
            stmt, at, va_arg(*args, const char *), -1, SQLITE_STATIC);
    default:
        bytes = va_arg(*args, const void *);
        return sqlite3_bind_blob64(
            stmt, at, bytes, va_arg(*args, size_t), SQLITE_STATIC);
    }
}

static facet_status prepare(sqlite3 *db, sqlite3_stmt **out, facet_error *err,
    const char *sql, const char *types, va_list *args)
{
    int code = sqlite3_prepare_v2(db, sql, -1, out, NULL);

    for (int at = 1; code == SQLITE_OK && types[at - 1]; at++)
        code = bind_one(*out, at, types[at - 1], args);
    if (code == SQLITE_OK)
        return FACET_OK;
    facet__db_fail(db, err);
    sqlite3_finalize(*out);
    *out = NULL;
    return status_of(code);
}

facet_status facet__db_prepare(sqlite3 *db, sqlite3_stmt **out,
    facet_error *err, const char *sql, const char *types, ...)
{
    facet_status st;
    va_list args;

    va_start(args, types);
    st = prepare(db, out, err, sql, types, &args);
    va_end(args);
    return st;
}

facet_status facet__db_step(sqlite3_stmt *stmt, bool *row, facet_error *err)
{
    const int code = sqlite3_step(stmt);

    *row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE
               ? FACET_OK
               : facet__db_fail(sqlite3_db_handle(stmt), err);
}

facet_status facet__db_again(sqlite3_stmt *stmt, facet_error *err)
{
    facet_status st = FACET_OK;
    bool row = true;

    while (st == FACET_OK && row)
        st = facet__db_step(stmt, &row, err);
    sqlite3_reset(stmt);
    return st;
}

facet_status facet__db_run(
    sqlite3 *db, facet_error *err, const char *sql, const char *types, ...)
{
    sqlite3_stmt *stmt = NULL;
    facet_status st;
    va_list args;

    va_start(args, types);
    st = prepare(db, &stmt, err, sql, types, &args);
    va_end(args);
    if (st == FACET_OK)
        st = facet__db_again(stmt, err);
    sqlite3_finalize(stmt);
    return st;
}

facet_status facet__db_integer(sqlite3 *db, int64_t *out, facet_error *err,
    const char *sql, const char *types, ...)
{
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    facet_status st;
    va_list args;

    va_start(args, types);
    st = prepare(db, &stmt, err, sql, types, &args);
    va_end(args);
    if (st == FACET_OK)
        st = facet__db_step(stmt, &row, err);
    if (st == FACET_OK && row)
        *out = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return st;
}

void facet__db_rollback(sqlite3 *db)
{
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}
