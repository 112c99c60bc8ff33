/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_connection.c - a connection to the server, made again when it
 * breaks, and statements over it. All values travel in binary.
 *
 * Messages never hold the address as it was given, for it may have a password
 * in it; where.c says which addresses could confuse libpq about that. */
#include "gallery/db.h"

#if FACET_HAVE_LIBPQ

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "gallery/postgres.h"

enum {
    TRIES = 5, /* to connect again: after 0.1, 0.2, 0.4, 0.8, 1.6 s */
    FIRST_WAIT_MS = 100
};

/* -- Bytes --------------------------------------------------------------- */

void facet__pg_put(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

uint64_t facet__pg_get(const char *at, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | (uint8_t)at[i];
    return value;
}

uint64_t facet__pg_number(const PGresult *result, int row, int column)
{
    const int size = facet__pq.getlength(result, row, column);

    return size > 0 && size <= 8
               ? facet__pg_get(
                     facet__pq.getvalue(result, row, column), (size_t)size)
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
facet_status facet__pg_dial(facet__pg *pg, facet_error *err)
{
    facet_status st = dial_once(pg, err);

    pg->open = true;
    if (st == FACET_OK)
        st = set_up(pg, err);
    pg->open = false;
    return st;
}

facet_status facet__pg_reconnect(facet__pg *pg, facet_error *err)
{
    facet_status st = FACET_EIO;

    for (long i = 0; i < TRIES && st == FACET_EIO; i++) {
        const long ms = FIRST_WAIT_MS << i;
        const struct timespec wait = { ms / 1000, ms % 1000 * 1000000 };

        nanosleep(&wait, NULL);
        st = facet__pg_dial(pg, err);
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
        pg->vector = (Oid)facet__pg_number(result, 0, 0);
    facet__pq.clear(result);
    return st;
}

/* -- Statements ---------------------------------------------------------- */

static PGresult *run_params(
    facet__pg *pg, const char *sql, const facet__pg_param *params, size_t n)
{
    Oid types[FACET__PG_PARAMS] = { 0 };
    const char *values[FACET__PG_PARAMS] = { NULL };
    int lengths[FACET__PG_PARAMS] = { 0 }, binary[FACET__PG_PARAMS] = { 0 };

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
        st = facet__pg_reconnect(pg, err);
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

#endif
