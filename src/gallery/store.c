/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - a gallery in its store: opening and making it, the state that it is
 * in, and transactions. */
#define _DEFAULT_SOURCE /* realpath */
#include "gallery/store.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

void facet_gallery_opts_init(facet_gallery_opts *opts)
{
    *opts = (facet_gallery_opts){ .size = sizeof *opts,
        .name = "default",
        .threads = 1,
        .busy_ms = 10000,
        .partitions = 8 };
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

/* A set in three columns from `at` on: id, contract, dim. NULL: none. */
static facet_status read_set(
    const facet__stmt *stmt, int at, facet__set *out, facet_error *err)
{
    const facet__value contract = facet__db_column(stmt, at + 1);
    const int64_t dim = facet__db_column(stmt, at + 2).integer;

    *out = (facet__set){ .id = facet__db_column(stmt, at).integer };
    if (!out->id)
        return FACET_OK;
    if (dim < 1 || dim > FACET_GALLERY_MAX_DIM ||
        contract.size != FACET_CONTRACT_BYTES)
        return facet__fail(err, FACET_EDAMAGED, "embedding set %lld is damaged",
            (long long)out->id);
    out->dim = (size_t)dim;
    memcpy(out->contract, contract.bytes, FACET_CONTRACT_BYTES);
    return FACET_OK;
}

void facet__store_sets(const facet_gallery *g, int64_t sets[FACET__SETS])
{
    sets[0] = g->state.active.id;
    sets[1] = g->state.shadow.id;
    sets[2] = g->state.previous.id;
}

facet_status facet__store_load(
    const facet_gallery *g, facet__state *out, facet_error *err)
{
    facet__stmt *stmt = NULL;
    bool row = false;
    facet_status st = facet__db_prepare(g->db, &stmt, err,
        "SELECT g.id, g.generation, g.removals, g.epoch, a.id, a.contract, "
        "a.dim, s.id, s.contract, s.dim, p.id, p.contract, p.dim "
        "FROM gallery g LEFT JOIN embedding_set a ON a.id = g.active "
        "LEFT JOIN embedding_set s ON s.id = g.shadow "
        "LEFT JOIN embedding_set p ON p.id = g.previous WHERE g.name = ?1",
        "t", g->name);

    if (st == FACET_OK)
        st = facet__db_step(stmt, &row, err);
    if (st == FACET_OK && !row)
        st = facet__fail(
            err, FACET_ENOTFOUND, "there is no gallery \"%.100s\"", g->name);
    if (st == FACET_OK) {
        *out = (facet__state){ .gallery = facet__db_column(stmt, 0).integer,
            .generation = facet__db_column(stmt, 1).integer,
            .removals = facet__db_column(stmt, 2).integer,
            .epoch = facet__db_column(stmt, 3).integer };
        st = read_set(stmt, 4, &out->active, err);
    }
    if (st == FACET_OK)
        st = read_set(stmt, 7, &out->shadow, err);
    if (st == FACET_OK)
        st = read_set(stmt, 10, &out->previous, err);
    if (st == FACET_OK && !out->active.id)
        st = facet__fail(err, FACET_EDAMAGED,
            "gallery \"%.100s\" has no embeddings", g->name);
    facet__db_finish(stmt);
    return st;
}

facet_status facet__store_begin(facet_gallery *g, facet_error *err)
{
    facet__state newest;
    facet_status st;

    if (g->read_only)
        return facet__fail(
            err, FACET_EUNSUPPORTED, "the gallery was opened for reading only");
    st = g->db->driver->begin_write(g->db, g->name, err);
    if (st == FACET_OK)
        st = facet__store_load(g, &newest, err);
    if (st != FACET_OK) {
        g->db->driver->rollback(g->db);
        return st;
    }
    g->before = g->state;
    g->state = newest;
    return FACET_OK;
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
        st = g->db->driver->commit(g->db, err);
    g->db->driver->rollback(g->db);
    if (st != FACET_OK) {
        g->state = g->before; /* what search shows */
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
        opts->threads < 1 || opts->busy_ms < 0 || opts->partitions < 1 ||
        opts->partitions > 256 || (opts->key_file && opts->passphrase))
        return facet__fail(err, FACET_EINVAL,
            "a gallery needs a path, a name of 1 to 127 bytes, at least one "
            "thread, 1 to 256 partitions and at most one kind of key");
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
    facet__db_close(g->db);
    pthread_mutex_destroy(&g->mutex);
    facet__free(g);
}

/* Tables and the store's row, unless they are there: of two who make a store
 * one finds it made. */
static facet_status make_store(
    facet_gallery *g, const facet_gallery_opts *opts, facet_error *err)
{
    uint8_t stored[FACET__VAULT], id[16];
    const bool sealed = opts->key_file || opts->passphrase;
    bool made = false;
    facet_status st = g->db->driver->begin_write(g->db, NULL, err);

    randombytes_buf(id, sizeof id);
    if (st == FACET_OK)
        st = g->db->driver->make_tables(g->db, &made, err);
    if (st == FACET_OK && made && sealed)
        st = facet__vault_create(
            opts->key_file, opts->passphrase, stored, &g->vault, err);
    if (st == FACET_OK && made)
        st = facet__db_run(g->db, err,
            "INSERT INTO store(id, vault) VALUES(?1, ?2)", "bb",
            (const void *)id, sizeof id, (const void *)(sealed ? stored : NULL),
            sizeof stored);
    if (st == FACET_OK)
        st = g->db->driver->commit(g->db, err);
    g->db->driver->rollback(g->db);
    return st;
}

/* The store's id, and the vault unlocked. */
static facet_status read_store(
    facet_gallery *g, const facet_gallery_opts *opts, facet_error *err)
{
    facet__stmt *stmt = NULL;
    bool row = false;
    facet_status st =
        facet__db_prepare(g->db, &stmt, err, "SELECT id, vault FROM store", "");

    if (st == FACET_OK)
        st = facet__db_step(stmt, &row, err);
    if (st == FACET_OK &&
        (!row || facet__db_column(stmt, 0).size != sizeof g->store_id))
        st = facet__fail(err, FACET_EDAMAGED, "the store has no id");
    if (st == FACET_OK) {
        const facet__value stored = facet__db_column(stmt, 1);

        memcpy(
            g->store_id, facet__db_column(stmt, 0).bytes, sizeof g->store_id);
        if (stored.bytes && stored.size != FACET__VAULT)
            st = facet__fail(err, FACET_EDAMAGED, "the vault is damaged");
        else if (stored.bytes && !g->vault)
            st = facet__vault_open(
                opts->key_file, opts->passphrase, stored.bytes, &g->vault, err);
        else if (!stored.bytes && (opts->key_file || opts->passphrase))
            st = facet__fail(err, FACET_EUNSUPPORTED,
                "the gallery is not encrypted, but a key was given");
    }
    facet__db_finish(stmt);
    return st;
}

/* Beside the file itself: through a link it is the same gallery, and must not
 * get a second vector file. Of an address there is no file, and the path is
 * never opened. */
static char *vectors_path(const facet_gallery *g, const char *path)
{
    char *target = realpath(path, NULL);
    const char *file = target ? target : path;
    const size_t length = strlen(file) + 40;
    char *out = facet__alloc(length);

    if (out)
        snprintf(
            out, length, "%s.%lld.vectors", file, (long long)g->state.gallery);
    free(target); /* from realpath */
    return out;
}

/* What opening and creating share, after the tables are there. */
static facet_status finish_open(
    facet_gallery *g, const char *path, facet_error *err)
{
    const facet_status st = facet__store_load(g, &g->state, err);

    if (st != FACET_OK)
        return st;
    g->index.path = vectors_path(g, path);
    if (!g->index.path)
        return facet__fail_memory(err);
    return facet__index_sync(g, err);
}

facet_status facet__store_add_set(facet_gallery *g, int64_t gallery,
    const uint8_t *contract, size_t dim, int64_t *set, facet_error *err)
{
    facet_status st = facet__db_integer(g->db, set, err,
        "INSERT INTO embedding_set(gallery, contract, dim) VALUES(?1, ?2, ?3) "
        "RETURNING id",
        "ibi", gallery, (const void *)contract, (size_t)FACET_CONTRACT_BYTES,
        (int64_t)dim);

    return st == FACET_OK
               ? g->db->driver->add_set(g->db, gallery, *set, dim, err)
               : st;
}

static facet_status insert_gallery(
    facet_gallery *g, const uint8_t *contract, size_t dim, facet_error *err)
{
    int64_t gallery = 0, set = 0;
    facet_status st = g->db->driver->begin_write(g->db, NULL, err);

    if (st == FACET_OK)
        st = facet__db_integer(g->db, &gallery, err,
            "SELECT id FROM gallery WHERE name = ?1", "t", g->name);
    if (st == FACET_OK && gallery)
        st = facet__fail(err, FACET_EEXISTS,
            "there is a gallery \"%.100s\" already", g->name);
    if (st == FACET_OK)
        st = facet__db_integer(g->db, &gallery, err,
            "INSERT INTO gallery(name) VALUES(?1) RETURNING id", "t", g->name);
    if (st == FACET_OK)
        st = facet__store_add_set(g, gallery, contract, dim, &set, err);
    if (st == FACET_OK)
        st = facet__db_run(g->db, err,
            "UPDATE gallery SET active = ?2 WHERE id = ?1", "ii", gallery, set);
    if (st == FACET_OK)
        st = g->db->driver->commit(g->db, err);
    g->db->driver->rollback(g->db);
    return st;
}

/* Say where it failed. */
static facet_status fail_at(const char *path, facet_status st, facet_error *err)
{
    char where[128];

    facet_gallery_where(path, where, sizeof where);
    return err ? facet__fail_in(err, st, where) : st;
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
    return fail_at(path, st, err);
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
    st = facet__db_open(path, opts, true, &g->db, err);
    if (st == FACET_OK)
        st = make_store(g, opts, err);
    if (st == FACET_OK)
        st = read_store(g, opts, err);
    if (st == FACET_OK)
        st = insert_gallery(g, contract, dim, err);
    if (st == FACET_OK)
        st = finish_open(g, path, err);
    return hand_out(g, st, path, out, err);
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
        st = gallery_new(opts, &g, err);
    if (st != FACET_OK)
        return st;
    st = facet__db_open(path, opts, false, &g->db, err);
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

static facet_status visit_names(facet__db *db, facet_gallery_name_visit *visit,
    void *context, facet_error *err)
{
    facet__stmt *stmt = NULL;
    bool row = true;
    facet_status st = facet__db_prepare(
        db, &stmt, err, "SELECT name FROM gallery ORDER BY id", "");

    while (st == FACET_OK) {
        char name[128];
        facet__value found;

        st = facet__db_step(stmt, &row, err);
        if (st != FACET_OK || !row)
            break;
        found = facet__db_column(stmt, 0);
        snprintf(name, sizeof name, "%.*s", (int)found.size,
            (const char *)found.bytes);
        st = visit(context, name);
    }
    facet__db_finish(stmt);
    return st;
}

facet_status facet_gallery_names(const char *path,
    facet_gallery_name_visit *visit, void *context, facet_error *err)
{
    facet_gallery_opts opts;
    facet__db *db = NULL;
    facet_status st;

    facet_gallery_opts_init(&opts);
    opts.read_only = true;
    if (!path || !visit)
        return facet__fail(err, FACET_EINVAL, "path or visit is NULL");
    st = facet__db_open(path, &opts, false, &db, err);
    if (st != FACET_OK)
        return fail_at(path, st, err);
    st = visit_names(db, visit, context, err);
    facet__db_close(db);
    return st;
}
