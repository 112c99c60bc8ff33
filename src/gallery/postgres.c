/* SPDX-License-Identifier: Apache-2.0 */
/* postgres.c - a gallery's store on a PostgreSQL server with pgvector:
 * connection, statements, transactions.
 *
 * All values travel in binary. Rows that need not fit into memory come by a
 * cursor, a batch at a time, in a transaction that sees one state. A connection
 * that breaks is made again, a bounded number of times, but never within a
 * transaction: what was said in it is undone by the server, and whoever said it
 * gets an error. Only a broken COMMIT leaves open whether it was done, so the
 * server is asked for the fate of the transaction by its number.
 *
 * Messages never hold the address as it was given, for it may have a password
 * in it; where.c says which addresses could confuse libpq about that. */
#include "gallery/db.h"
#include "gallery/where.h"

#include "base/error.h"

#if FACET_HAVE_LIBPQ

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "gallery/postgres.h"

enum {
    MOST_PARAMS = 8,
    BATCH = 256, /* rows of a cursor at a time */
    TRIES = 5,   /* to connect again: after 0.1, 0.2, 0.4, 0.8, 1.6 s */
    FIRST_WAIT_MS = 100
};

typedef struct statement {
    facet__stmt base;
    PGresult *result; /* a batch, or all */
    int row;          /* -1 before the first */
    char cursor[24];  /* "": all rows are here */
    bool own;         /* its transaction is its own */
} statement;

/* -- Bytes --------------------------------------------------------------- */

void facet__pg_put(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static uint64_t get(const char *at, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | (uint8_t)at[i];
    return value;
}

/* A number of a result, of as many bytes as came: 0 for none, or too many. The
 * server may be anybody's. */
static uint64_t number_at(const PGresult *result, int row, int column)
{
    const int size = facet__pq.getlength(result, row, column);

    return size > 0 && size <= 8
               ? get(facet__pq.getvalue(result, row, column), (size_t)size)
               : 0;
}

/* The number of coordinates, two spare bytes, the coordinates. */
void facet__pg_put_vector(uint8_t *out, const void *floats, size_t dim)
{
    facet__pg_put(out, dim, 2);
    facet__pg_put(out + 2, 0, 2);
    for (size_t i = 0; i < dim; i++) {
        uint32_t bits;

        memcpy(&bits, (const char *)floats + 4 * i, sizeof bits);
        facet__pg_put(out + 4 + 4 * i, bits, 4);
    }
}

/* -- Failures ------------------------------------------------------------ */

/* What SQLSTATE says: the first row whose code the state begins with. */
static const struct {
    const char *state;
    facet_status status;
    const char *remedy;
} meanings[] = {
    { "55P03", FACET_EBUSY, "another writer is at work; try again" },
    { "40", FACET_EBUSY, "another writer was in the way; try again" },
    { "23505", FACET_EEXISTS, "somebody else has just made it" },
    { "22021", FACET_EINVAL, "a server keeps names and sources as UTF-8" },
    { "2203", FACET_EINVAL, "the server does not take this JSON" },
    { "42501", FACET_EIO, "the server's user has no right to do this" },
    { "25006", FACET_EIO, "this server can only be read" },
    { "53100", FACET_EIO, "the server's disk is full; nothing was changed" },
    { "", FACET_EIO, "the server refused" },
};

/* The first line of what libpq says of a connection. */
static facet_status fail_connection(const facet__pg *pg, facet_error *err)
{
    const char *text = facet__pq.errorMessage(pg->conn);
    const int length = (int)strcspn(text, "\n");

    return facet__fail(err, FACET_EIO, "the server cannot be reached%s: %.*s",
        pg->open ? ", nothing was changed" : "", length, text);
}

facet_status facet__pg_fail(
    facet__pg *pg, const PGresult *result, facet_error *err)
{
    const char *state = facet__pq.resultErrorField(result, PG_DIAG_SQLSTATE);
    size_t i = 0;

    if (facet__pq.status(pg->conn) != CONNECTION_OK)
        return fail_connection(pg, err);
    if (!state)
        return facet__fail_memory(err);
    while (strncmp(state, meanings[i].state, strlen(meanings[i].state)) != 0)
        i++;
    return facet__fail(err, meanings[i].status, "%s (PostgreSQL %s: %s)",
        meanings[i].remedy, state,
        facet__pq.resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
}

/* -- Connection ---------------------------------------------------------- */

static void be_quiet(void *context, const PGresult *notice)
{
    (void)context, (void)notice;
}

static facet_status set_up(facet__pg *pg, facet_error *err)
{
    facet_status st = facet__pg_say(pg, err,
        "SET client_min_messages = error; SET lock_timeout = %d; "
        "SET default_transaction_read_only = %s",
        pg->busy_ms, pg->read_only ? "on" : "off");

    return st == FACET_OK ? facet__pg_look_around(pg, err) : st;
}

static facet_status dial_once(facet__pg *pg, facet_error *err)
{
    static const char *const keys[] = { "connect_timeout", "dbname",
        "client_encoding", "fallback_application_name", NULL };
    const char *const values[] = { "10", pg->address, "UTF8", "facet", NULL };

    facet__pq.finish(pg->conn);
    pg->conn = facet__pq.connectdbParams(keys, values, true);
    if (!pg->conn)
        return facet__fail_memory(err);
    if (facet__pq.status(pg->conn) != CONNECTION_OK)
        return fail_connection(pg, err);
    facet__pq.setNoticeReceiver(pg->conn, be_quiet, NULL);
    return FACET_OK;
}

/* Within set_up nothing is made again: `open` says so. */
static facet_status dial(facet__pg *pg, facet_error *err)
{
    facet_status st = dial_once(pg, err);

    pg->open = true;
    if (st == FACET_OK)
        st = set_up(pg, err);
    pg->open = false;
    return st;
}

static facet_status reconnect(facet__pg *pg, facet_error *err)
{
    facet_status st = FACET_EIO;

    for (long i = 0; i < TRIES && st == FACET_EIO; i++) {
        const long ms = FIRST_WAIT_MS << i;
        const struct timespec wait = { ms / 1000, ms % 1000 * 1000000 };

        nanosleep(&wait, NULL);
        st = dial(pg, err);
    }
    return st;
}

facet_status facet__pg_look_around(facet__pg *pg, facet_error *err)
{
    PGresult *result = NULL;
    facet_status st = facet__pg_run(pg,
        "SELECT t.oid::int8, set_config('search_path', "
        "'facet, ' || quote_ident(n.nspname), false) FROM pg_extension e "
        "JOIN pg_namespace n ON n.oid = e.extnamespace "
        "JOIN pg_type t ON t.typname = 'vector' AND t.typnamespace = n.oid "
        "WHERE e.extname = 'vector'",
        NULL, 0, &result, err);

    pg->vector = 0;
    if (st == FACET_OK && facet__pq.ntuples(result) == 1)
        pg->vector = (Oid)number_at(result, 0, 0);
    facet__pq.clear(result);
    return st;
}

/* -- Statements ---------------------------------------------------------- */

static PGresult *run_params(
    facet__pg *pg, const char *sql, const facet__pg_param *params, size_t n)
{
    Oid types[MOST_PARAMS] = { 0 };
    const char *values[MOST_PARAMS] = { NULL };
    int lengths[MOST_PARAMS] = { 0 }, binary[MOST_PARAMS] = { 0 };

    for (size_t i = 0; i < n; i++) {
        types[i] = params[i].type;
        values[i] = params[i].bytes;
        lengths[i] = (int)params[i].size;
        binary[i] = 1;
    }
    return facet__pq.execParams(
        pg->conn, sql, (int)n, types, values, lengths, binary, 1);
}

facet_status facet__pg_run(facet__pg *pg, const char *sql,
    const facet__pg_param *params, size_t n, PGresult **out, facet_error *err)
{
    PGresult *result = run_params(pg, sql, params, n);
    facet_status st = FACET_OK;

    *out = NULL;
    if (facet__pq.status(pg->conn) != CONNECTION_OK && !pg->open) {
        facet__pq.clear(result);
        st = reconnect(pg, err);
        if (st != FACET_OK)
            return st;
        result = run_params(pg, sql, params, n);
    }
    if (facet__pq.resultStatus(result) == PGRES_COMMAND_OK ||
        facet__pq.resultStatus(result) == PGRES_TUPLES_OK) {
        *out = result;
        return FACET_OK;
    }
    st = facet__pg_fail(pg, result, err);
    facet__pq.clear(result);
    return st;
}

facet_status facet__pg_script(facet__pg *pg, const char *sql, facet_error *err)
{
    PGresult *result = facet__pq.exec(pg->conn, sql);
    facet_status st = FACET_OK;

    if (facet__pq.resultStatus(result) != PGRES_COMMAND_OK)
        st = facet__pg_fail(pg, result, err);
    facet__pq.clear(result);
    return st;
}

facet_status facet__pg_say(
    facet__pg *pg, facet_error *err, const char *format, ...)
{
    char sql[256];
    va_list args;

    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    return facet__pg_script(pg, sql, err);
}

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
    facet__pg_param params[MOST_PARAMS];
    uint8_t numbers[MOST_PARAMS][8];
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
                const uint32_t bits = (uint32_t)get(at + i, 4);

                memcpy(at + i, &bits, sizeof bits);
            }
        }
    }
}

static facet_status begin_read(facet__db *db, facet_error *err);
static void rollback(facet__db *db);

static void finish(facet__stmt *base)
{
    statement *s = (statement *)base;
    facet__pg *pg = (facet__pg *)base->db;

    facet__pq.clear(s->result);
    if (s->own)
        rollback(base->db);
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
        st = begin_read(&pg->base, err);
        s->own = st == FACET_OK;
    }
    if (st == FACET_OK)
        st = run_values(pg, prefix, sql, values, n, &result, err);
    facet__pq.clear(result);
    if (st != FACET_OK) {
        finish(*out);
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

static facet_status start(facet__db *db, const char *sql, bool many,
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

static facet_status step(facet__stmt *base, bool *row, facet_error *err)
{
    statement *s = (statement *)base;
    facet_status st = FACET_OK;

    s->row++;
    if (*s->cursor && s->row >= facet__pq.ntuples(s->result))
        st = fetch((facet__pg *)base->db, s, err);
    *row = st == FACET_OK && s->row < facet__pq.ntuples(s->result);
    return st;
}

static facet__value column(const facet__stmt *base, int at)
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
            .integer = (int64_t)number_at(s->result, s->row, at) };
    } else if (type == FACET__PG_FLOAT8) {
        const uint64_t bits = number_at(s->result, s->row, at);

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

static facet_status begin_read(facet__db *db, facet_error *err)
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
        pg->gallery = (int64_t)number_at(row, 0, 0);
        for (int i = 0; i < 2; i++)
            pg->given[FACET__PERSON + i] = (int64_t)number_at(row, 0, 1 + i);
        memcpy(pg->base.last, pg->given, sizeof pg->given);
        pg->base.approximate = number_at(row, 0, 3) != 0;
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
        pg->transaction = (int64_t)number_at(result, 0, 0);
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

static void rollback(facet__db *db)
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
    facet_status st = reconnect(pg, err);

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
    st = pg->address ? dial(pg, err) : facet__fail_memory(err);
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
    .start = start,
    .step = step,
    .column = column,
    .finish = finish,
    .begin_read = begin_read,
    .begin_write = begin_write,
    .commit = commit,
    .rollback = rollback,
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
