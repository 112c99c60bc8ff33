/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_tables.c - the schema `facet` of a PostgreSQL database
 * (docs/formats/gallery-server.md), its sets of embeddings, and their nearest.
 *
 * Ids count within a gallery, whose row holds the last ones: a writer has that
 * row locked anyway, and an undone write uses none up. So no index has to be
 * unique, which a table with partitions on other servers could not have.
 * Templates and embeddings are partitioned by the hash of their person, so that
 * what is a person's lies together wherever the partitions are; each set of
 * embeddings is a partition above that, for it has a dim and an index of its
 * own, and is dropped as a whole. */
#if FACET_HAVE_LIBPQ
#include "gallery/postgres.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

enum { FORMAT = 1, MOST_INDEXED = 2000, MOST_INLINE = 1900 };

static const char schema[] =
    "CREATE SCHEMA IF NOT EXISTS facet;"
    "CREATE TABLE facet.store(id bytea NOT NULL, vault bytea,"
    " format bigint NOT NULL DEFAULT 1, partitions bigint NOT NULL);"
    "CREATE TABLE facet.gallery("
    " id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " name text NOT NULL UNIQUE, generation bigint NOT NULL DEFAULT 0,"
    " removals bigint NOT NULL DEFAULT 0, epoch bigint NOT NULL DEFAULT 0,"
    " active bigint NOT NULL DEFAULT 0, shadow bigint NOT NULL DEFAULT 0,"
    " previous bigint NOT NULL DEFAULT 0,"
    " last_person bigint NOT NULL DEFAULT 0,"
    " last_template bigint NOT NULL DEFAULT 0,"
    " hnsw boolean NOT NULL DEFAULT false);"
    "CREATE TABLE facet.embedding_set("
    " id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " gallery bigint NOT NULL, contract bytea NOT NULL, dim bigint NOT NULL);"
    "CREATE TABLE facet.person(gallery bigint NOT NULL, id bigint NOT NULL,"
    " lookup text NOT NULL, name text NOT NULL, key bytea,"
    " PRIMARY KEY(gallery, id), UNIQUE(gallery, lookup));"
    "CREATE TABLE facet.template(id bigint NOT NULL, gallery bigint NOT NULL,"
    " person bigint NOT NULL, quality float8, source text, x float8, y float8,"
    " width float8, height float8, metadata json, crop bytea)"
    " PARTITION BY HASH (person);"
    "CREATE INDEX ON facet.template(gallery, id);"
    "CREATE INDEX ON facet.template(gallery, person);"
    "CREATE TABLE facet.embedding(in_set bigint NOT NULL,"
    " template bigint NOT NULL, person bigint NOT NULL, vector vector NOT NULL)"
    " PARTITION BY LIST (in_set);"
    "CREATE INDEX ON facet.embedding(in_set, template)";

/* The number in the first column of the first row. */
static facet_status integer(
    facet__pg *pg, int64_t *out, facet_error *err, const char *sql)
{
    return facet__db_integer(&pg->base, out, err, sql, "");
}

/* Are there tables, and of a kind that this facet knows? */
static facet_status find_tables(facet__pg *pg, bool *found, facet_error *err)
{
    int64_t there = 0, format = FORMAT;
    facet_status st = integer(
        pg, &there, err, "SELECT to_regclass('facet.store') IS NOT NULL");

    *found = there != 0;
    if (st == FACET_OK && there)
        st = integer(pg, &format, err, "SELECT format FROM facet.store");
    if (st == FACET_OK && format != FORMAT)
        st = facet__fail(err, FACET_EUNSUPPORTED,
            "gallery schema %lld; this facet knows %d", (long long)format,
            FORMAT);
    return st;
}

facet_status facet__pg_find_gallery(
    facet__pg *pg, const char *name, facet_error *err)
{
    int64_t hnsw = 0;
    bool found = false;
    facet_status st = find_tables(pg, &found, err);

    if (st == FACET_OK && !found)
        st = facet__fail(err, FACET_ENOTFOUND,
            "the database has no galleries; facet gallery create makes one");
    if (st == FACET_OK)
        st = facet__db_integer(&pg->base, &hnsw, err,
            "SELECT hnsw FROM gallery WHERE name = ?1", "t", name);
    pg->base.approximate = hnsw != 0;
    return st;
}

/* pgvector, as far as this user may. */
static facet_status need_pgvector(facet__pg *pg, facet_error *err)
{
    int64_t available = 0;
    facet_status st;

    if (pg->vector)
        return FACET_OK;
    st = integer(pg, &available, err,
        "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'");
    if (st == FACET_OK && !available)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "the server has no pgvector: install it there (on Debian the "
            "package postgresql-NN-pgvector of its version NN) and try again");
    if (st == FACET_OK &&
        facet__pg_say(pg, err, "CREATE EXTENSION vector") != FACET_OK)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "pgvector is installed but not in this database: let its owner or "
            "a superuser say CREATE EXTENSION vector");
    return st == FACET_OK ? facet__pg_look_around(pg, err) : st;
}

/* Hash partitions of a table. */
static facet_status make_partitions(
    facet__pg *pg, const char *table, int64_t n, facet_error *err)
{
    facet_status st = FACET_OK;

    for (int64_t i = 0; st == FACET_OK && i < n; i++)
        st = facet__pg_say(pg, err,
            "CREATE TABLE facet.%s_%lld PARTITION OF facet.%s "
            "FOR VALUES WITH (MODULUS %lld, REMAINDER %lld)",
            table, (long long)i, table, (long long)n, (long long)i);
    return st;
}

facet_status facet__pg_make_tables(facet__db *db, bool *made, facet_error *err)
{
    facet__pg *pg = (facet__pg *)db;
    bool found = false;
    facet_status st = find_tables(pg, &found, err);

    *made = st == FACET_OK && !found;
    if (!*made)
        return st;
    st = need_pgvector(pg, err);
    if (st == FACET_OK)
        st = facet__pg_script(pg, schema, err);
    if (st == FACET_OK)
        st = facet__pg_say(pg, err,
            "ALTER TABLE facet.store ALTER COLUMN partitions SET DEFAULT %d",
            pg->partitions);
    return st == FACET_OK ? make_partitions(pg, "template", pg->partitions, err)
                          : st;
}

/* -- Sets ---------------------------------------------------------------- */

/* An index on each partition, which is wider than the plain column says. */
static facet_status make_index(
    facet__pg *pg, int64_t gallery, int64_t set, size_t dim, facet_error *err)
{
    facet_status st;

    if (dim > MOST_INDEXED)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "pgvector has no HNSW index of more than %d dimensions; make the "
            "gallery without",
            MOST_INDEXED);
    st = facet__pg_say(pg, err,
        "CREATE INDEX ON facet.embedding_%lld "
        "USING hnsw ((vector::vector(%zu)) vector_ip_ops)",
        (long long)set, dim);
    return st == FACET_OK
               ? facet__pg_say(pg, err,
                     "UPDATE gallery SET hnsw = true WHERE id = %lld",
                     (long long)gallery)
               : st;
}

facet_status facet__pg_add_set(
    facet__db *db, int64_t gallery, int64_t set, size_t dim, facet_error *err)
{
    facet__pg *pg = (facet__pg *)db;
    int64_t partitions = 1;
    char name[32];
    facet_status st =
        integer(pg, &partitions, err, "SELECT partitions FROM store");

    snprintf(name, sizeof name, "embedding_%lld", (long long)set);
    if (st == FACET_OK)
        st = facet__pg_say(pg, err,
            "CREATE TABLE facet.%s PARTITION OF facet.embedding "
            "FOR VALUES IN (%lld) PARTITION BY HASH (person)",
            name, (long long)set);
    if (st == FACET_OK)
        st = make_partitions(pg, name, partitions, err);
    if (st == FACET_OK && dim <= MOST_INLINE) /* a scan stays in the rows */
        st = facet__pg_say(pg, err,
            "ALTER TABLE facet.%s ALTER COLUMN vector SET STORAGE PLAIN", name);
    if (st == FACET_OK && pg->base.approximate)
        st = make_index(pg, gallery, set, dim, err);
    return st;
}

facet_status facet__pg_drop_set(facet__db *db, int64_t set, facet_error *err)
{
    return facet__pg_say((facet__pg *)db, err,
        "DROP TABLE IF EXISTS facet.embedding_%lld", (long long)set);
}

/* (A set that is named is found at once, of however many galleries.) */
facet_status facet__pg_set_person(facet__db *db, int64_t gallery,
    const int64_t sets[3], int64_t template_id, int64_t person,
    facet_error *err)
{
    facet__pg *pg = (facet__pg *)db;
    facet_status st = facet__pg_say(pg, err,
        "UPDATE template SET person = %lld WHERE gallery = %lld AND id = %lld",
        (long long)person, (long long)gallery, (long long)template_id);

    for (int i = 0; i < 3 && st == FACET_OK; i++)
        if (sets[i])
            st = facet__pg_say(pg, err,
                "UPDATE embedding SET person = %lld "
                "WHERE in_set = %lld AND template = %lld",
                (long long)person, (long long)sets[i], (long long)template_id);
    return st;
}

/* -- Nearest ------------------------------------------------------------- */

/* A one-dimensional int8[] in binary; NULL without memory. */
static uint8_t *array_of(const uint64_t *ids, size_t n, size_t *size)
{
    enum { HEADER = 20, ITEM = 12 };
    size_t bytes;
    uint8_t *array = NULL;

    if (facet__mul_size(n, ITEM, &bytes))
        array = facet__alloc(HEADER + bytes);
    if (!array)
        return NULL;
    facet__pg_put(array, 1, 4);                  /* dimensions */
    facet__pg_put(array + 4, 0, 4);              /* no NULL among them */
    facet__pg_put(array + 8, FACET__PG_INT8, 4); /* of what */
    facet__pg_put(array + 12, n, 4);             /* how many */
    facet__pg_put(array + 16, 1, 4);             /* the first one's index */
    for (size_t i = 0; i < n; i++) {
        facet__pg_put(array + HEADER + i * ITEM, 8, 4);
        facet__pg_put(array + HEADER + i * ITEM + 4, ids[i], 8);
    }
    *size = HEADER + bytes;
    return array;
}

/* How much of an HNSW index is looked at. */
static facet_status widen_search(facet__pg *pg, size_t limit, facet_error *err)
{
    enum { LEAST = 100, MOST = 1000 };
    const size_t wide = 2 * limit < LEAST ? LEAST : 2 * limit;

    return facet__pg_say(
        pg, err, "SET hnsw.ef_search = %zu", wide < MOST ? wide : MOST);
}

/* By an index only where there is no condition, for an index drops what does
 * not meet it and may be left with nothing. `+ 0` keeps the planner from it. */
facet_status facet__pg_nearest(facet__db *db, int64_t set, size_t dim,
    const float *query, const facet__among *among, size_t limit,
    facet__stmt **out, facet_error *err)
{
    facet__pg *pg = (facet__pg *)db;
    const bool indexed =
        db->approximate && among->person == 0 && among->ids == NULL;
    char sql[512], person[48] = "";
    facet__pg_param params[2] = { { .type = pg->vector,
                                      .size = FACET__PG_VECTOR(dim) },
        { .type = FACET__PG_INT8_ARRAY } };
    uint8_t *vector = facet__alloc(params[0].size);
    uint8_t *ids =
        among->ids ? array_of(among->ids, among->n_ids, &params[1].size) : NULL;
    PGresult *result = NULL;
    facet_status st = FACET_OK;

    if (!vector || (among->ids && !ids))
        st = facet__fail_memory(err);
    if (st == FACET_OK && indexed)
        st = widen_search(pg, limit, err);
    if (st == FACET_OK) {
        facet__pg_put_vector(vector, query, dim);
        params[0].bytes = vector;
        params[1].bytes = ids;
        if (among->person)
            snprintf(person, sizeof person, " AND person = %lld",
                (long long)among->person);
        snprintf(sql, sizeof sql,
            "SELECT template, person, vector, -d FROM (SELECT template, "
            "person, vector, (vector::vector(%zu)) <#> $1 AS d FROM embedding "
            "WHERE in_set = %lld%s%s ORDER BY ((vector::vector(%zu)) <#> $1)%s "
            "LIMIT %zu) AS near",
            dim, (long long)set, person, ids ? " AND template = ANY ($2)" : "",
            dim, indexed ? "" : " + 0", limit);
        st = facet__pg_run(pg, sql, params, ids ? 2 : 1, &result, err);
    }
    if (st == FACET_OK)
        st = facet__pg_rows(pg, result, out, err);
    facet__free(ids);
    facet__free(vector);
    return st;
}

#endif
