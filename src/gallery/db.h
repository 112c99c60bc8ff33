/* SPDX-License-Identifier: Apache-2.0 */
/* db.h - a few words over SQLite, so that the rooms' code reads as SQL and
 * failures come as facet's. A connection belongs to one thread at a time. */
#ifndef FACET__GALLERY_DB_H
#define FACET__GALLERY_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "facet/status.h"

/* The connection's last failure as a status and a message. */
facet_status facet__db_fail(sqlite3 *db, facet_error *err);

/* Prepare a statement and bind ?1, ?2 ... by `types`: 'i' int64_t, 'd' double,
 * 't' const char *, 'b' const void * and size_t. NULL text or blob is NULL.
 * Bound memory must live until the statement is reset. */
facet_status facet__db_prepare(sqlite3 *db, sqlite3_stmt **out,
    facet_error *err, const char *sql, const char *types, ...);

/* *row: is there a row to read? */
facet_status facet__db_step(sqlite3_stmt *stmt, bool *row, facet_error *err);

/* Run to the end and make ready for the next values. */
facet_status facet__db_again(sqlite3_stmt *stmt, facet_error *err);

/* Prepare, bind, run to the end. */
facet_status facet__db_run(
    sqlite3 *db, facet_error *err, const char *sql, const char *types, ...);

/* The first column of the first row; *out keeps its value without a row. */
facet_status facet__db_integer(sqlite3 *db, int64_t *out, facet_error *err,
    const char *sql, const char *types, ...);

/* Undo what is open, whatever state it is in. */
void facet__db_rollback(sqlite3 *db);

#endif
