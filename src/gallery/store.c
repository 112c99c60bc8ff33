/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - the SQLite file: its tables, opening it, and transactions.
 *
 * WAL with synchronous=FULL makes a commit durable with one sync. secure_delete
 * overwrites deleted content, and incremental vacuuming lets freed pages leave
 * the file at a removal. A page of 16 KiB holds seven 512-float embeddings;
 * with 4 KiB half of each page would be empty. */
#include "gallery/store.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

enum { FORMAT = 1, APPLICATION = 0x46434754 /* "FCGT" */ };

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

void facet_gallery_opts_init(facet_gallery_opts *opts)
{
    *opts = (facet_gallery_opts){
        .size = sizeof *opts, .name = "default", .threads = 1, .busy_ms = 10000
    };
}

void facet__store_lock(const facet_gallery *g)
{
    pthread_mutex_lock(&((facet_gallery *)(uintptr_t)g)->mutex);
}

void facet__store_unlock(const facet_gallery *g)
{
    pthread_mutex_unlock(&((facet_gallery *)(uintptr_t)g)->mutex);
}

facet_status facet__store_same_contract(
    const facet__set *set, const uint8_t *contract, facet_error *err)
{
    char ours[17], theirs[17];

    if (memcmp(set->contract, contract, FACET_CONTRACT_BYTES) == 0)
        return FACET_OK;
    sodium_bin2hex(ours, sizeof ours, set->contract, 8);
    sodium_bin2hex(theirs, sizeof theirs, contract, 8);
    return facet__fail(err, FACET_ECONTRACT,
        "the gallery holds embeddings of contract %s..., these are of %s...; "
        "use the gallery's model or migrate it",
        ours, theirs);
}

facet_status facet__unit(
    const float *row, size_t dim, float *out, facet_error *err)
{
    double square = 0.0, norm;

    for (size_t i = 0; i < dim; i++)
        square += (double)row[i] * (double)row[i];
    norm = sqrt(square);
    if (!(norm > 1e-12) || !isfinite(norm))
        return facet__fail(
            err, FACET_EINVAL, "an embedding is not finite or has no length");
    if (fabs(norm - 1.0) <= 1e-6)
        norm = 1.0;
    for (size_t i = 0; i < dim; i++)
        out[i] = (float)((double)row[i] / norm);
    return FACET_OK;
}

static facet_status load_set(
    sqlite3 *db, int64_t id, facet__set *out, facet_error *err)
{
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    facet_status st;

    *out = (facet__set){ .id = 0 };
    if (id == 0)
        return FACET_OK;
    st = facet__db_prepare(db, &stmt, err,
        "SELECT contract, dim FROM embedding_set WHERE id = ?1", "i", id);
    if (st == FACET_OK)
        st = facet__db_step(stmt, &row, err);
    if (st == FACET_OK) {
        const int64_t dim = row ? sqlite3_column_int64(stmt, 1) : 0;

        if (dim < 1 || dim > FACET_GALLERY_MAX_DIM ||
            sqlite3_column_bytes(stmt, 0) != FACET_CONTRACT_BYTES) {
            st = facet__fail(err, FACET_EDAMAGED,
                "embedding set %lld is damaged", (long long)id);
        } else {
            out->id = id;
            out->dim = (size_t)dim;
            memcpy(out->contract, sqlite3_column_blob(stmt, 0),
                FACET_CONTRACT_BYTES);
        }
    }
    sqlite3_finalize(stmt);
    return st;
}

facet_status facet__store_load(
    const facet_gallery *g, facet__state *out, facet_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int64_t active = 0, shadow = 0, previous = 0;
    bool row = false;
    facet_status st = facet__db_prepare(g->db, &stmt, err,
        "SELECT id, generation, removals, epoch, active, shadow, previous "
        "FROM gallery WHERE name = ?1",
        "t", g->name);

    if (st == FACET_OK)
        st = facet__db_step(stmt, &row, err);
    if (st == FACET_OK && !row)
        st = facet__fail(err, FACET_ENOTFOUND,
            "the file has no gallery \"%.100s\"", g->name);
    if (st == FACET_OK) {
        *out = (facet__state){ .gallery = sqlite3_column_int64(stmt, 0),
            .generation = sqlite3_column_int64(stmt, 1),
            .removals = sqlite3_column_int64(stmt, 2),
            .epoch = sqlite3_column_int64(stmt, 3) };
        active = sqlite3_column_int64(stmt, 4);
        shadow = sqlite3_column_int64(stmt, 5);
        previous = sqlite3_column_int64(stmt, 6);
    }
    sqlite3_finalize(stmt);
    if (st == FACET_OK)
        st = load_set(g->db, active, &out->active, err);
    if (st == FACET_OK)
        st = load_set(g->db, shadow, &out->shadow, err);
    if (st == FACET_OK)
        st = load_set(g->db, previous, &out->previous, err);
    return st;
}

facet_status facet__store_begin(facet_gallery *g, facet_error *err)
{
    facet_status st;

    if (g->read_only)
        return facet__fail(
            err, FACET_EUNSUPPORTED, "the gallery was opened for reading only");
    st = facet__db_run(g->db, err, "BEGIN IMMEDIATE", "");
    if (st == FACET_OK)
        st = facet__store_load(g, &g->state, err);
    if (st != FACET_OK)
        facet__db_rollback(g->db);
    return st;
}

facet_status facet__store_end(
    facet_gallery *g, facet_status st, facet__change change, facet_error *err)
{
    if (st == FACET_OK)
        st = facet__db_run(g->db, err,
            "UPDATE gallery SET generation = generation + 1, "
            "removals = removals + ?2, epoch = epoch + ?3 WHERE id = ?1",
            "iii", g->state.gallery, (int64_t)(change == FACET__REMOVED),
            (int64_t)(change == FACET__RESET));
    if (st == FACET_OK)
        st = facet__db_run(g->db, err, "COMMIT", "");
    facet__db_rollback(g->db);
    if (st != FACET_OK) {
        g->state = g->index.state; /* back to what the rows show */
        return st;
    }
    /* The write stands. If the rows cannot follow now, search says so, and the
     * next refresh, write or open tries again. */
    (void)facet__index_sync(g, NULL);
    return FACET_OK;
}

/* -- Opening ------------------------------------------------------------- */

static facet_status check_opts(
    const char *path, const facet_gallery_opts *opts, facet_error *err)
{
    if (!path || !opts->name || !*opts->name || strlen(opts->name) > 127 ||
        opts->threads < 1 || opts->busy_ms < 0 ||
        (opts->key_file && opts->passphrase))
        return facet__fail(err, FACET_EINVAL,
            "a gallery needs a path, a name of 1 to 127 bytes, at least one "
            "thread and at most one kind of key");
    return FACET_OK;
}

static facet_status gallery_new(
    const facet_gallery_opts *opts, facet_gallery **out, facet_error *err)
{
    facet_gallery *g = facet__calloc(1, sizeof *g);
    pthread_mutexattr_t attributes;

    *out = NULL;
    if (!g)
        return facet__fail_memory(err);
    if (sodium_init() < 0) {
        facet__free(g);
        return facet__fail(err, FACET_EIO, "the system has no random numbers");
    }
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&g->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    g->index.file = g->index.rows.file = -1;
    g->kernels = facet__scan_kernels_get();
    g->threads = opts->threads;
    g->read_only = opts->read_only;
    snprintf(g->name, sizeof g->name, "%s", opts->name);
    *out = g;
    return FACET_OK;
}

void facet_gallery_free(facet_gallery *g)
{
    if (!g)
        return;
    facet__index_close(g);
    facet__vault_free(g->vault);
    sqlite3_close_v2(g->db);
    pthread_mutex_destroy(&g->mutex);
    facet__free(g);
}

/* A file: URI of the path, with immutable=1: how SQLite reads a file whose
 * folder cannot be written, provided that no log lies beside it. */
static char *immutable_uri(const char *path)
{
    return sqlite3_mprintf("file:%s?immutable=1", path);
}

static bool log_beside(const char *path)
{
    char *log = sqlite3_mprintf("%s-wal", path);
    struct stat s;
    const bool there = log && stat(log, &s) == 0 && s.st_size > 0;

    sqlite3_free(log);
    return there;
}

static facet_status probe_file(sqlite3 *db, facet_error *err)
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

static facet_status open_db(facet_gallery *g, const char *path, int flags,
    int busy_ms, facet_error *err)
{
    if (sqlite3_open_v2(path, &g->db, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return facet__db_fail(g->db, err);
    sqlite3_extended_result_codes(g->db, 1);
    sqlite3_busy_timeout(g->db, busy_ms);
    return facet__db_run(g->db, err, "PRAGMA synchronous = FULL", "");
}

static facet_status open_existing(facet_gallery *g, const char *path,
    const facet_gallery_opts *opts, facet_error *err)
{
    facet_status st = open_db(g, path,
        opts->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE,
        opts->busy_ms, err);
    char *uri;

    if (st == FACET_OK)
        st = probe_file(g->db, err);
    if (st != FACET_EIO || !opts->read_only || log_beside(path))
        return st;
    sqlite3_close_v2(g->db);
    g->db = NULL;
    uri = immutable_uri(path);
    if (!uri)
        return facet__fail_memory(err);
    st = open_db(
        g, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, opts->busy_ms, err);
    if (st == FACET_OK)
        st = probe_file(g->db, err);
    sqlite3_free(uri);
    return st;
}

static facet_status make_tables(
    facet_gallery *g, const facet_gallery_opts *opts, facet_error *err)
{
    uint8_t stored[FACET__VAULT], id[16];
    const bool sealed = opts->key_file || opts->passphrase;
    char pragma[64];
    facet_status st = FACET_OK;

    randombytes_buf(id, sizeof id);
    if (sealed)
        st = facet__vault_create(
            opts->key_file, opts->passphrase, stored, &g->vault, err);
    if (st == FACET_OK &&
        sqlite3_exec(g->db, schema, NULL, NULL, NULL) != SQLITE_OK)
        st = facet__db_fail(g->db, err);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err, "INSERT INTO store VALUES(?1, ?2)", "bb",
            (const void *)id, sizeof id, (const void *)(sealed ? stored : NULL),
            sizeof stored);
    snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d", APPLICATION);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err, pragma, "");
    snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", FORMAT);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err, pragma, "");
    return st;
}

/* The file, empty and for its owner only, unless it is there: SQLite gives its
 * log the same permissions. */
static facet_status touch_file(const char *path, facet_error *err)
{
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (file < 0)
        return facet__fail(err, FACET_EIO, "%s", strerror(errno));
    close(file);
    return FACET_OK;
}

/* Open or make the file; tables are made in one transaction, so that of two
 * creators one finds them there. */
static facet_status create_file(facet_gallery *g, const char *path,
    const facet_gallery_opts *opts, facet_error *err)
{
    static const char *const settings[] = { "PRAGMA page_size = 16384",
        "PRAGMA auto_vacuum = INCREMENTAL", "PRAGMA journal_mode = WAL" };
    int64_t tables = 0;
    facet_status st = touch_file(path, err);

    if (st == FACET_OK)
        st = open_db(g, path, SQLITE_OPEN_READWRITE, opts->busy_ms, err);
    if (st == FACET_OK)
        st = facet__db_integer(
            g->db, &tables, err, "SELECT count(*) FROM sqlite_schema", "");
    if (st == FACET_OK && tables > 0)
        return probe_file(g->db, err);
    for (size_t i = 0; st == FACET_OK && i < 3; i++)
        st = facet__db_run(g->db, err, settings[i], "");
    if (st == FACET_OK)
        st = facet__db_run(g->db, err, "BEGIN IMMEDIATE", "");
    if (st == FACET_OK)
        st = facet__db_integer(
            g->db, &tables, err, "SELECT count(*) FROM sqlite_schema", "");
    if (st == FACET_OK && tables == 0)
        st = make_tables(g, opts, err);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err, "COMMIT", "");
    facet__db_rollback(g->db);
    return st;
}

/* The store's id, and the vault unlocked. */
static facet_status read_store(
    facet_gallery *g, const facet_gallery_opts *opts, facet_error *err)
{
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    facet_status st =
        facet__db_prepare(g->db, &stmt, err, "SELECT id, vault FROM store", "");

    if (st == FACET_OK)
        st = facet__db_step(stmt, &row, err);
    if (st == FACET_OK &&
        (!row || sqlite3_column_bytes(stmt, 0) != sizeof g->store_id))
        st = facet__fail(err, FACET_EDAMAGED, "the store has no id");
    if (st == FACET_OK) {
        const void *stored = sqlite3_column_blob(stmt, 1);

        memcpy(g->store_id, sqlite3_column_blob(stmt, 0), sizeof g->store_id);
        if (stored && sqlite3_column_bytes(stmt, 1) != FACET__VAULT)
            st = facet__fail(err, FACET_EDAMAGED, "the vault is damaged");
        else if (stored && !g->vault)
            st = facet__vault_open(
                opts->key_file, opts->passphrase, stored, &g->vault, err);
        else if (!stored && (opts->key_file || opts->passphrase))
            st = facet__fail(err, FACET_EUNSUPPORTED,
                "the gallery is not encrypted, but a key was given");
    }
    sqlite3_finalize(stmt);
    return st;
}

/* What opening and creating share, after the tables are there. */
static facet_status finish_open(
    facet_gallery *g, const char *path, facet_error *err)
{
    const size_t length = strlen(path) + 40;
    facet_status st =
        facet__db_run(g->db, err, "PRAGMA secure_delete = ON", "");

    if (st == FACET_OK)
        st = facet__store_load(g, &g->state, err);
    if (st != FACET_OK)
        return st;
    g->index.path = facet__alloc(length);
    if (!g->index.path)
        return facet__fail_memory(err);
    snprintf(g->index.path, length, "%s.%lld.vectors", path,
        (long long)g->state.gallery);
    return facet__index_sync(g, err);
}

static facet_status insert_gallery(
    facet_gallery *g, const uint8_t *contract, size_t dim, facet_error *err)
{
    int64_t there = 0;
    facet_status st = facet__db_run(g->db, err, "BEGIN IMMEDIATE", "");

    if (st == FACET_OK)
        st = facet__db_integer(g->db, &there, err,
            "SELECT id FROM gallery WHERE name = ?1", "t", g->name);
    if (st == FACET_OK && there)
        st = facet__fail(err, FACET_EEXISTS,
            "the file has a gallery \"%.100s\" already", g->name);
    if (st == FACET_OK)
        st = facet__db_run(
            g->db, err, "INSERT INTO gallery(name) VALUES(?1)", "t", g->name);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err,
            "INSERT INTO embedding_set(gallery, contract, dim) "
            "VALUES(last_insert_rowid(), ?1, ?2)",
            "bi", (const void *)contract, (size_t)FACET_CONTRACT_BYTES,
            (int64_t)dim);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err,
            "UPDATE gallery SET active = last_insert_rowid() WHERE name = ?1",
            "t", g->name);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err, "COMMIT", "");
    facet__db_rollback(g->db);
    return st;
}

/* Hand out what has been opened, or nothing. */
static facet_status hand_out(facet_gallery *g, facet_status st,
    const char *path, facet_gallery **out, facet_error *err)
{
    if (st == FACET_OK) {
        *out = g;
        return FACET_OK;
    }
    facet_gallery_free(g);
    return err ? facet__fail_in(err, st, path) : st;
}

facet_status facet_gallery_create(const char *path, const uint8_t *contract,
    size_t dim, const facet_gallery_opts *opts, facet_gallery **out,
    facet_error *err)
{
    facet_gallery_opts defaults;
    facet_gallery *g;
    facet_status st;

    if (!out)
        return facet__fail(err, FACET_EINVAL, "out is NULL");
    *out = NULL;
    facet_gallery_opts_init(&defaults);
    opts = opts ? opts : &defaults;
    st = check_opts(path, opts, err);
    if (st == FACET_OK && (!contract || dim < 1 ||
                              dim > FACET_GALLERY_MAX_DIM || opts->read_only))
        st = facet__fail(err, FACET_EINVAL,
            "a new gallery needs a contract, a dim of 1 to %d and to be "
            "writable",
            FACET_GALLERY_MAX_DIM);
    if (st == FACET_OK)
        st = gallery_new(opts, &g, err);
    if (st != FACET_OK)
        return st;
    st = create_file(g, path, opts, err);
    if (st == FACET_OK)
        st = read_store(g, opts, err);
    if (st == FACET_OK)
        st = insert_gallery(g, contract, dim, err);
    if (st == FACET_OK)
        st = finish_open(g, path, err);
    return hand_out(g, st, path, out, err);
}

static facet_status find_file(const char *path, facet_error *err)
{
    struct stat s;

    if (stat(path, &s))
        return facet__fail(err, FACET_ENOTFOUND,
            "%.180s: there is no such gallery file", path);
    if (s.st_size == 0)
        return facet__fail(
            err, FACET_EEMPTY, "%.180s: the file is empty", path);
    return FACET_OK;
}

facet_status facet_gallery_open(const char *path,
    const facet_gallery_opts *opts, facet_gallery **out, facet_error *err)
{
    facet_gallery_opts defaults;
    facet_gallery *g;
    facet_status st;

    if (!out)
        return facet__fail(err, FACET_EINVAL, "out is NULL");
    *out = NULL;
    facet_gallery_opts_init(&defaults);
    opts = opts ? opts : &defaults;
    st = check_opts(path, opts, err);
    if (st == FACET_OK)
        st = find_file(path, err);
    if (st == FACET_OK)
        st = gallery_new(opts, &g, err);
    if (st != FACET_OK)
        return st;
    st = open_existing(g, path, opts, err);
    if (st == FACET_OK)
        st = read_store(g, opts, err);
    if (st == FACET_OK)
        st = finish_open(g, path, err);
    return hand_out(g, st, path, out, err);
}

facet_status facet_gallery_refresh(facet_gallery *g, facet_error *err)
{
    if (!g)
        return facet__fail(err, FACET_EINVAL, "gallery is NULL");
    return facet__index_sync(g, err);
}

facet_status facet_gallery_stats(
    const facet_gallery *g, facet_gallery_info *out, facet_error *err)
{
    int64_t people = 0, templates = 0;
    facet_status st;

    if (!g || !out)
        return facet__fail(err, FACET_EINVAL, "gallery or out is NULL");
    facet__store_lock(g);
    st = facet__db_integer(g->db, &people, err,
        "SELECT count(*) FROM person WHERE gallery = ?1", "i",
        g->state.gallery);
    if (st == FACET_OK)
        st = facet__db_integer(g->db, &templates, err,
            "SELECT count(*) FROM template WHERE gallery = ?1", "i",
            g->state.gallery);
    facet__store_unlock(g);
    if (st != FACET_OK)
        return st;
    *out = (facet_gallery_info){ .dim = g->state.active.dim,
        .people = (uint64_t)people,
        .templates = (uint64_t)templates,
        .generation = (uint64_t)g->state.generation,
        .encrypted = g->vault != NULL,
        .read_only = g->read_only,
        .mapped = !g->index.in_memory,
        .shadow = g->state.shadow.id != 0,
        .previous = g->state.previous.id != 0 };
    memcpy(out->name, g->name, sizeof out->name);
    memcpy(out->contract, g->state.active.contract, sizeof out->contract);
    return FACET_OK;
}

facet_status facet_gallery_names(const char *path,
    facet_gallery_name_visit *visit, void *context, facet_error *err)
{
    facet_gallery_opts opts;
    facet_gallery *g = NULL;
    sqlite3_stmt *stmt = NULL;
    bool row = true;
    facet_status st;

    facet_gallery_opts_init(&opts);
    opts.read_only = true;
    if (!path || !visit)
        return facet__fail(err, FACET_EINVAL, "path or visit is NULL");
    st = find_file(path, err);
    if (st == FACET_OK)
        st = gallery_new(&opts, &g, err);
    if (st == FACET_OK)
        st = open_existing(g, path, &opts, err);
    if (st == FACET_OK)
        st = facet__db_prepare(
            g->db, &stmt, err, "SELECT name FROM gallery ORDER BY id", "");
    while (st == FACET_OK) {
        st = facet__db_step(stmt, &row, err);
        if (st != FACET_OK || !row)
            break;
        st = visit(context, (const char *)sqlite3_column_text(stmt, 0));
    }
    sqlite3_finalize(stmt);
    facet_gallery_free(g);
    return st;
}
