/* SPDX-License-Identifier: Apache-2.0 */
/* postgres.h - what the files of the PostgreSQL store share. */
#ifndef FACET__GALLERY_POSTGRES_H
#define FACET__GALLERY_POSTGRES_H

#include "gallery/db.h"
#include "gallery/libpq.h"

/* Oids of built-in types, which never change. */
enum {
    FACET__PG_BOOL = 16,
    FACET__PG_BYTEA = 17,
    FACET__PG_INT8 = 20,
    FACET__PG_FLOAT8 = 701,
    FACET__PG_INT8_ARRAY = 1016
};

/* Rows of a table that wait for COPY. */
typedef struct facet__pg_copy {
    uint8_t *bytes; /* [room] */
    size_t size, room;
} facet__pg_copy;

typedef struct facet__pg {
    facet__db base;
    PGconn *conn;
    char *address;
    int busy_ms, partitions;
    bool read_only;
    Oid vector;          /* the type of pgvector; 0: it is not there */
    bool open;           /* a transaction: no other connection replaces it */
    unsigned cursors;    /* that were made, for their names */
    int64_t gallery;     /* that is written; 0: none */
    int64_t transaction; /* number of the write */
    int64_t given[FACET__TABLES]; /* ids given before it */
    facet__pg_copy copies[FACET__TABLES];
} facet__pg;

/* A parameter in binary. */
typedef struct facet__pg_param {
    Oid type; /* 0: what the place wants */
    const void *bytes;
    size_t size;
} facet__pg_param;

/* postgres_connection.c */

/* Connect, and connect again after a while, some times over. */
facet_status facet__pg_dial(facet__pg *pg, facet_error *err);
facet_status facet__pg_reconnect(facet__pg *pg, facet_error *err);

enum { FACET__PG_PARAMS = 8 /* of a statement, at most */ };

/* Run one statement. Outside of a transaction a broken connection is made
 * again and the statement with it. */
facet_status facet__pg_run(facet__pg *pg, const char *sql,
    const facet__pg_param *params, size_t n, PGresult **out, facet_error *err);

/* Run statements that give no rows, within the connection that there is; the
 * second takes a format. */
facet_status facet__pg_script(facet__pg *pg, const char *sql, facet_error *err);
facet_status facet__pg_say(facet__pg *pg, facet_error *err, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

/* A failed result (or NULL, of the connection) as a status and a message. */
facet_status facet__pg_fail(
    facet__pg *pg, const PGresult *result, facet_error *err);

/* Find pgvector and the tables of facet. */
facet_status facet__pg_look_around(facet__pg *pg, facet_error *err);

/* Most significant byte first. */
void facet__pg_put(uint8_t *at, uint64_t value, size_t bytes);
uint64_t facet__pg_get(const char *at, size_t bytes);
/* A number of a result, of as many bytes as came: 0 for none, or too many. The
 * server may be anybody's. */
uint64_t facet__pg_number(const PGresult *result, int row, int column);
/* A vector of pgvector; out: FACET__PG_VECTOR(dim) bytes. */
#define FACET__PG_VECTOR(dim) (4 + 4 * (dim))
void facet__pg_put_vector(uint8_t *out, const void *floats, size_t dim);

/* postgres_rows.c: see db.h, the driver's calls. */
/* Make a statement of a result, which becomes its own. */
facet_status facet__pg_rows(
    facet__pg *pg, PGresult *result, facet__stmt **out, facet_error *err);
facet_status facet__pg_start(facet__db *db, const char *sql, bool many,
    const facet__value *values, size_t n, facet__stmt **out, facet_error *err);
facet_status facet__pg_step(facet__stmt *base, bool *row, facet_error *err);
facet__value facet__pg_column(const facet__stmt *base, int at);
void facet__pg_finish(facet__stmt *base);

/* postgres.c: for a cursor without a transaction around it. */
facet_status facet__pg_begin_read(facet__db *db, facet_error *err);
void facet__pg_rollback(facet__db *db);

/* postgres_tables.c */
facet_status facet__pg_find_gallery(
    facet__pg *pg, const char *name, facet_error *err);
facet_status facet__pg_make_tables(facet__db *db, bool *made, facet_error *err);
facet_status facet__pg_add_set(
    facet__db *db, int64_t gallery, int64_t set, size_t dim, facet_error *err);
facet_status facet__pg_drop_set(facet__db *db, int64_t set, facet_error *err);
facet_status facet__pg_set_person(facet__db *db, int64_t gallery,
    const int64_t sets[3], int64_t template_id, int64_t person,
    facet_error *err);
facet_status facet__pg_nearest(facet__db *db, int64_t set, size_t dim,
    const float *query, const facet__among *among, size_t limit,
    facet__stmt **out, facet_error *err);

/* postgres_copy.c: rows wait until there are many, a statement looks at their
 * table, or the commit. */
facet_status facet__pg_append(facet__db *db, facet__table table,
    const facet__value *values, facet_error *err);
facet_status facet__pg_flush(facet__pg *pg, facet_error *err);
void facet__pg_forget_copies(facet__pg *pg);

#endif
