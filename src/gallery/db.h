/* SPDX-License-Identifier: Apache-2.0 */
/* db.h - the store below a gallery: SQL, and the few things that SQL does not
 * say the same way everywhere.
 *
 * The rooms above speak one SQL (parameters ?1, ?2 ...) through these words,
 * whatever store it is. A store is a driver: sqlite.c, postgres.c. It belongs
 * to one thread at a time. */
#ifndef FACET__GALLERY_DB_H
#define FACET__GALLERY_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facet/gallery.h"

typedef struct facet__db facet__db;
typedef struct facet__stmt facet__stmt;

/* A parameter, or a column of a row. */
typedef struct facet__value {
    enum {
        FACET__NULL,
        FACET__INTEGER,
        FACET__REAL,
        FACET__TEXT,
        FACET__BLOB
    } kind;
    int64_t integer;
    double real;
    const void *bytes; /* of text and blobs; a column's until the next step */
    size_t size;
} facet__value;

/* Tables that are filled in bulk, with ids counted here. */
typedef enum facet__table {
    FACET__PERSON,    /* (for its ids only) */
    FACET__TEMPLATE,  /* id, gallery, person, quality, source, x, y, width,
                         height, metadata, crop */
    FACET__EMBEDDING, /* set, template, person, vector */
    FACET__TABLES
} facet__table;

enum { FACET__TEMPLATE_COLUMNS = 11, FACET__EMBEDDING_COLUMNS = 4 };

/* Which templates may be among the nearest; nothing said: all. */
typedef struct facet__among {
    int64_t person;      /* of this person alone; 0: of anybody */
    const uint64_t *ids; /* NULL, or only these */
    size_t n_ids;
} facet__among;

typedef struct facet__driver {
    facet_status (*open)(const char *where, const facet_gallery_opts *opts,
        bool create, facet__db **out, facet_error *err);
    void (*close)(facet__db *db);

    /* A statement with `n` values bound, which must live until finish. `many`:
     * there may be more rows than memory should hold. */
    facet_status (*start)(facet__db *db, const char *sql, bool many,
        const facet__value *values, size_t n, facet__stmt **out,
        facet_error *err);
    facet_status (*step)(facet__stmt *stmt, bool *row, facet_error *err);
    facet__value (*column)(const facet__stmt *stmt, int at);
    void (*finish)(facet__stmt *stmt);

    /* To write is to keep other writers of this gallery (NULL: who make
     * galleries) out; begin_write fills `last`. Rollback undoes what is open,
     * whatever state it is in. */
    facet_status (*begin_read)(facet__db *db, facet_error *err);
    facet_status (*begin_write)(
        facet__db *db, const char *gallery, facet_error *err);
    facet_status (*commit)(facet__db *db, facet_error *err);
    void (*rollback)(facet__db *db);

    /* Within a write. */
    facet_status (*make_tables)(facet__db *db, bool *made, facet_error *err);
    facet_status (*append)(facet__db *db, facet__table table,
        const facet__value *values, facet_error *err);
    facet_status (*add_set)(facet__db *db, int64_t gallery, int64_t set,
        size_t dim, facet_error *err);
    facet_status (*drop_set)(facet__db *db, int64_t set, facet_error *err);
    facet_status (*set_person)(facet__db *db, int64_t gallery,
        const int64_t sets[3], int64_t template_id, int64_t person,
        facet_error *err);

    /* After a removal: let nothing of it stay behind. False when something
     * may. */
    bool (*compact)(facet__db *db);

    /* The `limit` nearest of a set by the store's own arithmetic, best first:
     * rows of template, person, vector, similarity. NULL: the store does not
     * search; rows are kept here (index.c). */
    facet_status (*nearest)(facet__db *db, int64_t set, size_t dim,
        const float *query, const facet__among *among, size_t limit,
        facet__stmt **out, facet_error *err);
} facet__driver;

/* What a driver's own struct begins with. */
struct facet__db {
    const facet__driver *driver;
    bool approximate;            /* nearest may miss some */
    int64_t last[FACET__TABLES]; /* ids given so far, while writing */
};

struct facet__stmt {
    facet__db *db;
};

extern const facet__driver facet__sqlite, facet__postgres;

/* Open the store that a path or an address names. */
facet_status facet__db_open(const char *where, const facet_gallery_opts *opts,
    bool create, facet__db **out, facet_error *err);
/* NULL is a no-op. */
void facet__db_close(facet__db *db);

/* Bind ?1, ?2 ... by `types`: 'i' int64_t, 'd' double, 't' const char *, 'b'
 * const void * and size_t. NULL text or blob is NULL. Bound memory must live
 * until facet__db_finish. */
facet_status facet__db_prepare(facet__db *db, facet__stmt **out,
    facet_error *err, const char *sql, const char *types, ...);

/* The same for rows that need not fit into memory together. */
facet_status facet__db_walk(facet__db *db, facet__stmt **out, facet_error *err,
    const char *sql, const char *types, ...);

/* *row: is there a row to read? */
facet_status facet__db_step(facet__stmt *stmt, bool *row, facet_error *err);
facet__value facet__db_column(const facet__stmt *stmt, int at);
/* NULL is a no-op. */
void facet__db_finish(facet__stmt *stmt);

/* Prepare, bind, run to the end. */
facet_status facet__db_run(
    facet__db *db, facet_error *err, const char *sql, const char *types, ...);

/* The first column of the first row; *out keeps its value without a row. */
facet_status facet__db_integer(facet__db *db, int64_t *out, facet_error *err,
    const char *sql, const char *types, ...);

/* While writing: an id that was never used. */
int64_t facet__db_next_id(facet__db *db, facet__table table);

#endif
