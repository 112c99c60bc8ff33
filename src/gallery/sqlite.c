/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite.c - a gallery's store in one SQLite file.
 *
 * WAL with synchronous=FULL makes a commit durable with one sync. secure_delete
 * overwrites deleted content, and incremental vacuuming lets freed pages leave
 * the file at a removal. A page of 16 KiB holds seven 512-float embeddings;
 * with 4 KiB half of each page would be empty. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "gallery/db.h"

enum { FORMAT = 1, APPLICATION = 0x46434754 /* "FCGT" */ };

typedef struct store {
    facet__db base;
    sqlite3 *file;
    sqlite3_stmt *inserts[FACET__TABLES]; /* made at first use */
} store;

typedef struct statement {
    facet__stmt base;
    sqlite3_stmt *of;
} statement;

static const char schema[] =
    "CREATE TABLE store(id BLOB NOT NULL, vault BLOB);"
    "CREATE TABLE gallery(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL DEFAULT 0,"
    " removals INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0,"
    " active INTEGER NOT NULL DEFAULT 0, shadow INTEGER NOT NULL DEFAULT 0,"
    " previous INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE embedding_set(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " gallery INTEGER NOT NULL, contract BLOB NOT NULL,"
    " dim INTEGER NOT NULL);"
    "CREATE TABLE person(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " gallery INTEGER NOT NULL, lookup BLOB NOT NULL, name BLOB NOT NULL,"
    " key BLOB, UNIQUE(gallery, lookup));"
    "CREATE TABLE template(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " gallery INTEGER NOT NULL, person INTEGER NOT NULL, quality REAL,"
    " source, x REAL, y REAL, width REAL, height REAL, metadata, crop BLOB);"
    "CREATE INDEX template_person ON template(person);"
    "CREATE INDEX template_gallery ON template(gallery);"
    "CREATE TABLE embedding(in_set INTEGER NOT NULL,"
    " template INTEGER NOT NULL, vector BLOB NOT NULL,"
    " PRIMARY KEY(in_set, template)) WITHOUT ROWID;";

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

static facet_status fail(sqlite3 *file, facet_error *err)
{
    const int code = file ? sqlite3_extended_errcode(file) : SQLITE_NOMEM;

    return facet__fail(err, status_of(code), "%s (SQLite %d: %s)",
        remedy_of(code), code, file ? sqlite3_errmsg(file) : "no memory");
}

/* -- Statements ---------------------------------------------------------- */

static int bind(sqlite3_stmt *stmt, int at, const facet__value *v)
{
    switch (v->kind) {
    case FACET__INTEGER:
        return sqlite3_bind_int64(stmt, at, v->integer);
    case FACET__REAL:
        return sqlite3_bind_double(stmt, at, v->real);
    case FACET__TEXT:
        return sqlite3_bind_text64(
            stmt, at, v->bytes, v->size, SQLITE_STATIC, SQLITE_UTF8);
    case FACET__BLOB:
        return sqlite3_bind_blob64(stmt, at, v->bytes, v->size, SQLITE_STATIC);
    default:
        return sqlite3_bind_null(stmt, at);
    }
}

static void finish(facet__stmt *base)
{
    statement *s = (statement *)base;

    sqlite3_finalize(s->of);
    facet__free(s);
}

static facet_status start(facet__db *db, const char *sql, bool many,
    const facet__value *values, size_t n, facet__stmt **out, facet_error *err)
{
    sqlite3 *file = ((store *)db)->file;
    statement *s = facet__calloc(1, sizeof *s);
    facet_status st = FACET_OK;
    int code;

    (void)many; /* SQLite steps from row to row */
    if (!s)
        return facet__fail_memory(err);
    s->base.db = db;
    code = sqlite3_prepare_v2(file, sql, -1, &s->of, NULL);
    for (size_t i = 0; code == SQLITE_OK && i < n; i++)
        code = bind(s->of, (int)i + 1, &values[i]);
    if (code == SQLITE_OK) {
        *out = &s->base;
        return FACET_OK;
    }
    st = fail(file, err);
    finish(&s->base);
    return st;
}

static facet_status step(facet__stmt *base, bool *row, facet_error *err)
{
    sqlite3_stmt *stmt = ((statement *)base)->of;
    const int code = sqlite3_step(stmt);

    *row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE
               ? FACET_OK
               : fail(sqlite3_db_handle(stmt), err);
}

static facet__value column(const facet__stmt *base, int at)
{
    sqlite3_stmt *stmt = ((const statement *)base)->of;
    facet__value v = { .kind = FACET__NULL };

    switch (sqlite3_column_type(stmt, at)) {
    case SQLITE_INTEGER:
        v.kind = FACET__INTEGER;
        v.integer = sqlite3_column_int64(stmt, at);
        break;
    case SQLITE_FLOAT:
        v.kind = FACET__REAL;
        v.real = sqlite3_column_double(stmt, at);
        break;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
        v.kind = sqlite3_column_type(stmt, at) == SQLITE_TEXT ? FACET__TEXT
                                                              : FACET__BLOB;
        v.bytes = sqlite3_column_blob(stmt, at);
        v.size = (size_t)sqlite3_column_bytes(stmt, at);
        break;
    default:
        break;
    }
    return v;
}

/* -- Transactions -------------------------------------------------------- */

static facet_status begin_read(facet__db *db, facet_error *err)
{
    return facet__db_run(db, err, "BEGIN", "");
}

/* One writer a file: whatever gallery it writes. */
static facet_status begin_write(
    facet__db *db, const char *gallery, facet_error *err)
{
    facet_status st = facet__db_run(db, err, "BEGIN IMMEDIATE", "");

    memset(db->last, 0, sizeof db->last);
    if (st != FACET_OK || !gallery)
        return st;
    st = facet__db_integer(db, &db->last[FACET__PERSON], err,
        "SELECT seq FROM sqlite_sequence WHERE name = 'person'", "");
    if (st == FACET_OK)
        st = facet__db_integer(db, &db->last[FACET__TEMPLATE], err,
            "SELECT seq FROM sqlite_sequence WHERE name = 'template'", "");
    return st;
}

static facet_status commit(facet__db *db, facet_error *err)
{
    return facet__db_run(db, err, "COMMIT", "");
}

static void rollback(facet__db *db)
{
    sqlite3 *file = ((store *)db)->file;

    if (!sqlite3_get_autocommit(file))
        sqlite3_exec(file, "ROLLBACK", NULL, NULL, NULL);
}

/* -- Opening ------------------------------------------------------------- */

/* A file: URI of the path, with immutable=1: how SQLite reads a file whose
 * folder cannot be written, provided that no log lies beside it. */
static char *immutable_uri(const char *path)
{
    sqlite3_str *uri = sqlite3_str_new(NULL);

    sqlite3_str_appendall(uri, "file:");
    for (const char *at = path; *at; at++)
        if (strchr("%?#", *at))
            sqlite3_str_appendf(uri, "%%%02X", *at);
        else
            sqlite3_str_appendchar(uri, 1, *at);
    sqlite3_str_appendall(uri, "?immutable=1");
    return sqlite3_str_finish(uri);
}

static bool log_beside(const char *path)
{
    char *log = sqlite3_mprintf("%s-wal", path);
    struct stat s;
    const bool there = log && stat(log, &s) == 0 && s.st_size > 0;

    sqlite3_free(log);
    return there;
}

static facet_status probe_file(facet__db *db, facet_error *err)
{
    int64_t application = 0, format = 0;
    facet_status st =
        facet__db_integer(db, &application, err, "PRAGMA application_id", "");

    if (st == FACET_OK)
        st = facet__db_integer(db, &format, err, "PRAGMA user_version", "");
    if (st == FACET_OK && application != APPLICATION)
        st = facet__fail(
            err, FACET_EDAMAGED, "an SQLite file, but not a gallery of facet");
    if (st == FACET_OK && format != FORMAT)
        st = facet__fail(err, FACET_EUNSUPPORTED,
            "gallery format %lld; this facet knows %d", (long long)format,
            FORMAT);
    return st;
}

static facet_status open_db(
    store *s, const char *path, int flags, int busy_ms, facet_error *err)
{
    if (sqlite3_open_v2(path, &s->file, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return fail(s->file, err);
    sqlite3_extended_result_codes(s->file, 1);
    sqlite3_busy_timeout(s->file, busy_ms);
    return facet__db_run(&s->base, err, "PRAGMA synchronous = FULL", "");
}

static facet_status fail_folder(facet_error *err)
{
    return facet__fail(
        err, FACET_EIO, "this is a folder, and a gallery is a file");
}

static facet_status find_file(const char *path, facet_error *err)
{
    struct stat s;

    if (stat(path, &s))
        return facet__fail(
            err, FACET_ENOTFOUND, "there is no such gallery file");
    if (S_ISDIR(s.st_mode))
        return fail_folder(err);
    if (s.st_size == 0)
        return facet__fail(err, FACET_EEMPTY, "the file is empty");
    return FACET_OK;
}

static facet_status open_existing(store *s, const char *path,
    const facet_gallery_opts *opts, facet_error *err)
{
    facet_status st = find_file(path, err);
    char *uri;

    if (st != FACET_OK)
        return st;
    st = open_db(s, path,
        opts->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE,
        opts->busy_ms, err);
    if (st == FACET_OK)
        st = probe_file(&s->base, err);
    if (st != FACET_EIO || !opts->read_only || log_beside(path))
        return st;
    sqlite3_close_v2(s->file);
    s->file = NULL;
    uri = immutable_uri(path);
    if (!uri)
        return facet__fail_memory(err);
    st = open_db(
        s, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, opts->busy_ms, err);
    if (st == FACET_OK)
        st = probe_file(&s->base, err);
    sqlite3_free(uri);
    return st;
}

/* The file, empty and for its owner only, unless it is there: SQLite gives its
 * log the same permissions. One that is there is not even opened, for closing
 * it would give up the locks that another handle of this process has on it. */
static facet_status touch_file(const char *path, facet_error *err)
{
    const int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct stat s;

    if (file < 0 && errno == EEXIST)
        return stat(path, &s) == 0 && S_ISDIR(s.st_mode) ? fail_folder(err)
                                                         : FACET_OK;
    if (file < 0 && (errno == ENOENT || errno == ENOTDIR))
        return facet__fail(err, FACET_ENOTFOUND, FACET__NO_FOLDER);
    if (file < 0)
        return facet__fail(err, FACET_EIO,
            "%s; check the folder, its rights and the space left",
            strerror(errno));
    close(file);
    return FACET_OK;
}

/* Open or make the file; the tables come later. */
static facet_status open_new(store *s, const char *path,
    const facet_gallery_opts *opts, facet_error *err)
{
    static const char *const settings[] = { "PRAGMA page_size = 16384",
        "PRAGMA auto_vacuum = INCREMENTAL", "PRAGMA journal_mode = WAL" };
    int64_t tables = 0;
    facet_status st = touch_file(path, err);

    if (st == FACET_OK)
        st = open_db(s, path, SQLITE_OPEN_READWRITE, opts->busy_ms, err);
    if (st == FACET_OK)
        st = facet__db_integer(
            &s->base, &tables, err, "SELECT count(*) FROM sqlite_schema", "");
    if (st == FACET_OK && tables > 0)
        return probe_file(&s->base, err);
    for (size_t i = 0; st == FACET_OK && i < 3; i++)
        st = facet__db_run(&s->base, err, settings[i], "");
    return st;
}

static void close_store(facet__db *db)
{
    store *s = (store *)db;

    for (int i = 0; i < FACET__TABLES; i++)
        sqlite3_finalize(s->inserts[i]);
    sqlite3_close_v2(s->file);
    facet__free(s);
}

static facet_status open_store(const char *where,
    const facet_gallery_opts *opts, bool create, facet__db **out,
    facet_error *err)
{
    store *s = facet__calloc(1, sizeof *s);
    facet_status st;

    if (!s)
        return facet__fail_memory(err);
    s->base.driver = &facet__sqlite;
    st = create ? open_new(s, where, opts, err)
                : open_existing(s, where, opts, err);
    if (st == FACET_OK)
        st = facet__db_run(&s->base, err, "PRAGMA secure_delete = ON", "");
    if (st == FACET_OK)
        *out = &s->base;
    else
        close_store(&s->base);
    return st;
}

/* -- What differs from store to store ------------------------------------ */

static facet_status make_tables(facet__db *db, bool *made, facet_error *err)
{
    store *s = (store *)db;
    int64_t tables = 0;
    char pragma[64];
    facet_status st = facet__db_integer(
        db, &tables, err, "SELECT count(*) FROM sqlite_schema", "");

    *made = st == FACET_OK && tables == 0;
    if (!*made)
        return st;
    if (sqlite3_exec(s->file, schema, NULL, NULL, NULL) != SQLITE_OK)
        return fail(s->file, err);
    snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d", APPLICATION);
    st = facet__db_run(db, err, pragma, "");
    snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", FORMAT);
    return st == FACET_OK ? facet__db_run(db, err, pragma, "") : st;
}

static facet_status append(facet__db *db, facet__table table,
    const facet__value *values, facet_error *err)
{
    static const char *const sql[FACET__TABLES] = {
        [FACET__TEMPLATE] =
            "INSERT INTO template(id, gallery, person, quality, source, x, y, "
            "width, height, metadata, crop) "
            "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        [FACET__EMBEDDING] = "INSERT INTO embedding(in_set, template, vector) "
                             "VALUES(?1, ?2, ?4)", /* (its template tells ?3) */
    };
    const int columns = table == FACET__TEMPLATE ? FACET__TEMPLATE_COLUMNS
                                                 : FACET__EMBEDDING_COLUMNS;
    store *s = (store *)db;
    sqlite3_stmt **insert = &s->inserts[table];
    int code = SQLITE_OK;

    if (!*insert)
        code = sqlite3_prepare_v2(s->file, sql[table], -1, insert, NULL);
    for (int i = 0; code == SQLITE_OK && i < columns; i++)
        code = bind(*insert, i + 1, &values[i]);
    if (code == SQLITE_OK)
        code = sqlite3_step(*insert);
    if (code != SQLITE_DONE) {
        const facet_status st = fail(s->file, err);

        sqlite3_reset(*insert);
        return st;
    }
    sqlite3_reset(*insert);
    sqlite3_clear_bindings(*insert);
    return FACET_OK;
}

static facet_status add_set(
    facet__db *db, int64_t gallery, int64_t set, size_t dim, facet_error *err)
{
    (void)db, (void)gallery, (void)set, (void)dim, (void)err;
    return FACET_OK;
}

static facet_status drop_set(facet__db *db, int64_t set, facet_error *err)
{
    return facet__db_run(
        db, err, "DELETE FROM embedding WHERE in_set = ?1", "i", set);
}

static facet_status set_person(facet__db *db, int64_t gallery,
    const int64_t sets[3], int64_t template_id, int64_t person,
    facet_error *err)
{
    (void)sets; /* an embedding's person is its template's */
    return facet__db_run(db, err,
        "UPDATE template SET person = ?3 WHERE gallery = ?1 AND id = ?2", "iii",
        gallery, template_id, person);
}

/* Make deleted pages leave the file and the log. Other processes that read an
 * older state keep the log from being cut; that is told, not waited for. */
static bool compact(facet__db *db)
{
    int in_log = -1, done = -1;

    (void)facet__db_run(db, NULL, "PRAGMA incremental_vacuum", "");
    return sqlite3_wal_checkpoint_v2(((store *)db)->file, NULL,
               SQLITE_CHECKPOINT_TRUNCATE, &in_log, &done) == SQLITE_OK &&
           in_log == 0;
}

const facet__driver facet__sqlite = { .open = open_store,
    .close = close_store,
    .start = start,
    .step = step,
    .column = column,
    .finish = finish,
    .begin_read = begin_read,
    .begin_write = begin_write,
    .commit = commit,
    .rollback = rollback,
    .make_tables = make_tables,
    .append = append,
    .add_set = add_set,
    .drop_set = drop_set,
    .set_person = set_person,
    .compact = compact };
