/* SPDX-License-Identifier: Apache-2.0 */
/* postgres.c - a gallery's store on a PostgreSQL server with pgvector: opening,
 * and transactions. postgres_connection.c has what they go over,
 * postgres_rows.c what comes back.
 *
 * A connection that breaks is made again, a bounded number of times, but never
 * within a transaction: what was said in it is undone by the server, and
 * whoever said it gets an error. Only a broken COMMIT leaves open whether it
 * was done, so the server is asked for the fate of the transaction by its
 * number. */
#include "gallery/db.h"
#include "gallery/where.h"

#include "base/error.h"

#if FACET_HAVE_LIBPQ

#include <string.h>

#include "base/alloc.h"
#include "gallery/postgres.h"

/* -- Transactions -------------------------------------------------------- */

static facet_status begin(facet__pg *pg, const char *how, facet_error *err)
{
    PGresult *result = NULL;
    const facet_status st = facet__pg_run(pg, how, NULL, 0, &result, err);

    facet__pq.clear(result);
    pg->open = st == FACET_OK;
    pg->gallery = 0;
    return st;
}

facet_status facet__pg_begin_read(facet__db *db, facet_error *err)
{
    return begin((facet__pg *)db,
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
}

/* Lock the gallery's row, and learn from it what a writer has to know. */
static facet_status lock_gallery(
    facet__pg *pg, const char *name, facet_error *err)
{
    const facet__pg_param param = { 0, name, strlen(name) };
    PGresult *row = NULL;
    facet_status st = facet__pg_run(pg,
        "SELECT id, last_person, last_template, hnsw FROM gallery "
        "WHERE name = $1 FOR UPDATE",
        &param, 1, &row, err);

    if (st == FACET_OK && facet__pq.ntuples(row) == 1) {
        pg->gallery = (int64_t)facet__pg_number(row, 0, 0);
        for (int i = 0; i < 2; i++)
            pg->given[FACET__PERSON + i] =
                (int64_t)facet__pg_number(row, 0, 1 + i);
        memcpy(pg->base.last, pg->given, sizeof pg->given);
        pg->base.approximate = facet__pg_number(row, 0, 3) != 0;
    }
    facet__pq.clear(row);
    return st;
}

/* Who makes galleries takes turns, too. */
static facet_status lock_makers(facet__pg *pg, facet_error *err)
{
    PGresult *result = NULL; /* (the number is "FCGT") */
    const facet_status st =
        facet__pg_run(pg, "SELECT pg_advisory_xact_lock(x'46434754'::int)",
            NULL, 0, &result, err);

    facet__pq.clear(result);
    return st;
}

/* Its number, to ask for its fate by. */
static facet_status number_transaction(facet__pg *pg, facet_error *err)
{
    PGresult *result = NULL;
    const facet_status st = facet__pg_run(
        pg, "SELECT pg_current_xact_id()::text::int8", NULL, 0, &result, err);

    if (st == FACET_OK)
        pg->transaction = (int64_t)facet__pg_number(result, 0, 0);
    facet__pq.clear(result);
    return st;
}

static facet_status begin_write(
    facet__db *db, const char *gallery, facet_error *err)
{
    facet__pg *pg = (facet__pg *)db;
    facet_status st = begin(pg, "BEGIN", err);

    if (st == FACET_OK)
        st = number_transaction(pg, err);
    if (st != FACET_OK)
        return st;
    return gallery ? lock_gallery(pg, gallery, err) : lock_makers(pg, err);
}

void facet__pg_rollback(facet__db *db)
{
    facet__pg *pg = (facet__pg *)db;

    facet__pg_forget_copies(pg);
    if (pg->open && facet__pq.transactionStatus(pg->conn) != PQTRANS_IDLE)
        (void)facet__pg_say(pg, NULL, "ROLLBACK");
    pg->open = false;
}

/* Does a result of one text say `word`? */
static bool says(const PGresult *result, const char *word)
{
    return facet__pq.ntuples(result) == 1 &&
           facet__pq.getlength(result, 0, 0) == (int)strlen(word) &&
           memcmp(facet__pq.getvalue(result, 0, 0), word, strlen(word)) == 0;
}

/* The connection broke at the commit: was it done? A server that has not yet
 * noticed says "in progress", which may become either. */
static facet_status ask_fate(facet__pg *pg, facet_error *err)
{
    PGresult *result = NULL;
    char sql[96];
    facet_status st = facet__pg_reconnect(pg, err);

    snprintf(sql, sizeof sql, "SELECT pg_xact_status('%lld'::xid8)",
        (long long)pg->transaction);
    if (st == FACET_OK)
        st = facet__pg_run(pg, sql, NULL, 0, &result, err);
    if (st == FACET_OK && says(result, "aborted"))
        st = facet__fail(err, FACET_EIO,
            "the connection broke before the commit: nothing was changed");
    else if (st != FACET_OK || !says(result, "committed"))
        st = facet__fail(err, FACET_EIO,
            "the connection broke at the commit: whether the write was done "
            "shows when the server is back");
    facet__pq.clear(result);
    return st;
}

static facet_status commit(facet__db *db, facet_error *err)
{
    facet__pg *pg = (facet__pg *)db;
    facet_status st = facet__pg_flush(pg, err);
    PGresult *result;

    if (st == FACET_OK && pg->gallery &&
        memcmp(pg->given, db->last, sizeof pg->given) != 0)
        st = facet__pg_say(pg, err,
            "UPDATE gallery SET last_person = %lld, last_template = %lld "
            "WHERE id = %lld",
            (long long)db->last[FACET__PERSON],
            (long long)db->last[FACET__TEMPLATE], (long long)pg->gallery);
    if (st != FACET_OK)
        return st;
    result = facet__pq.exec(pg->conn, "COMMIT");
    if (facet__pq.status(pg->conn) != CONNECTION_OK) {
        pg->open = false;
        st = ask_fate(pg, err);
    } else if (facet__pq.resultStatus(result) != PGRES_COMMAND_OK) {
        st = facet__pg_fail(pg, result, err);
    }
    facet__pq.clear(result);
    return st;
}

/* A server keeps old rows until it vacuums, and its log until it is done. */
static bool compact(facet__db *db)
{
    (void)db;
    return false;
}

/* -- Opening ------------------------------------------------------------- */

static void close_store(facet__db *db)
{
    facet__pg *pg = (facet__pg *)db;

    facet__pg_forget_copies(pg);
    facet__pq.finish(pg->conn);
    facet__free(pg->address);
    facet__free(pg);
}

/* Does libpq read the address as it was meant? It could not tell a port from a
 * password without its @, and would say it aloud. */
static facet_status check_address(const char *address, facet_error *err)
{
    char *why = NULL;
    PQconninfoOption *options = facet__pq.conninfoParse(address, &why);
    bool good = options && facet__where_is_plain(address);

    for (const PQconninfoOption *o = options; good && o->keyword; o++)
        if (o->val && !strcmp(o->keyword, "port"))
            good = strspn(o->val, "0123456789,") == strlen(o->val);
    facet__pq.conninfoFree(options);
    facet__pq.freemem(why);
    return good ? FACET_OK
                : facet__fail(err, FACET_EINVAL,
                      "not an address like "
                      "postgresql://USER@HOST:PORT/DATABASE; in a user or "
                      "password write / ? # @ : %% as %%2F %%3F %%23 %%40 %%3A "
                      "%%25");
}

static facet_status open_store(const char *where,
    const facet_gallery_opts *opts, bool create, facet__db **out,
    facet_error *err)
{
    facet__pg *pg;
    facet_status st = facet__libpq_open(err);

    if (st == FACET_OK)
        st = check_address(where, err);
    if (st == FACET_OK && (opts->key_file || opts->passphrase))
        st = facet__fail(err, FACET_EUNSUPPORTED,
            "a server searches embeddings, so they cannot be sealed there; "
            "encrypt its disks and connections");
    if (st != FACET_OK)
        return st;
    pg = facet__calloc(1, sizeof *pg);
    if (!pg)
        return facet__fail_memory(err);
    *pg = (facet__pg){ .base = { &facet__postgres,
                           .approximate = opts->approximate },
        .address = facet__strdup(where),
        .busy_ms = opts->busy_ms,
        .partitions = opts->partitions,
        .read_only = opts->read_only };
    st = pg->address ? facet__pg_dial(pg, err) : facet__fail_memory(err);
    if (st == FACET_OK && !create)
        st = facet__pg_find_gallery(pg, opts->name, err);
    if (st == FACET_OK)
        *out = &pg->base;
    else
        close_store(&pg->base);
    return st;
}

const facet__driver facet__postgres = { .open = open_store,
    .close = close_store,
    .start = facet__pg_start,
    .step = facet__pg_step,
    .column = facet__pg_column,
    .finish = facet__pg_finish,
    .begin_read = facet__pg_begin_read,
    .begin_write = begin_write,
    .commit = commit,
    .rollback = facet__pg_rollback,
    .make_tables = facet__pg_make_tables,
    .append = facet__pg_append,
    .add_set = facet__pg_add_set,
    .drop_set = facet__pg_drop_set,
    .set_person = facet__pg_set_person,
    .compact = compact,
    .nearest = facet__pg_nearest };

#else

static facet_status without_libpq(const char *where,
    const facet_gallery_opts *opts, bool create, facet__db **out,
    facet_error *err)
{
    (void)where, (void)opts, (void)create, (void)out;
    return facet__fail(err, FACET_EUNSUPPORTED,
        "this facet was built without PostgreSQL: install libpq-dev and build "
        "it again");
}

const facet__driver facet__postgres = { .open = without_libpq };

#endif
