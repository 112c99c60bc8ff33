/* SPDX-License-Identifier: Apache-2.0 */
/* server_test.c - a gallery on a server beside one in a file: the same is done
 * to both, and every answer has to be the same. Wants an empty database of
 * PostgreSQL with pgvector, FACET_TEST_SERVER=postgresql://...;
 * tests/cli/postgres_test.py gives it one. */
#include "gallery/gallery_fixture.h"

enum { PEOPLE = 12, QUERIES = 6, MOST = 40 };

static const uint8_t other_contract[FACET_CONTRACT_BYTES] = { 7 };

typedef struct pair {
    fixture folder;
    facet_gallery *file, *server;
} pair;

static const char *address(void)
{
    return getenv("FACET_TEST_SERVER");
}

static facet_gallery *on_server(const char *name, bool approximate)
{
    facet_gallery_opts opts = fixture_opts();
    facet_gallery *g = NULL;
    facet_error err = { FACET_OK, "" };

    opts.name = name;
    opts.approximate = approximate;
    if (facet_gallery_create(
            address(), fixture_contract, DIM, &opts, &g, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return g;
}

/* People of one to many photos; the photos of person 5 are copies of person
 * 4's, so that scores tie. */
static void fill(facet_gallery *g)
{
    for (int p = 0; p < PEOPLE; p++)
        fixture_enroll(g, (char[]){ (char)('a' + p), 0 }, p == 5 ? 4 : p,
            p == 3 ? MOST : p % 4 + 1);
}

static pair pair_open(const char *name, bool approximate)
{
    pair p;

    assert_int_equal(fixture_init(&p.folder), 0);
    p.file = fixture_create(&p.folder, NULL);
    p.server = on_server(name, approximate);
    fill(p.file);
    fill(p.server);
    return p;
}

static void pair_close(pair *p)
{
    facet_gallery_free(p->file);
    facet_gallery_free(p->server);
    fixture_remove(&p->folder);
}

static void check_search(
    const pair *p, const facet_search_opts *opts, size_t k, const uint8_t *of)
{
    float queries[QUERIES][DIM];
    facet_match a[QUERIES * MOST], b[QUERIES * MOST];
    size_t n[QUERIES], m[QUERIES];

    for (int q = 0; q < QUERIES; q++)
        fixture_row(q, q % 2 ? 99 : 0, queries[q]);
    CHECK_OK(facet_gallery_search(
        p->file, of, queries[0], QUERIES, opts, k, a, n, NULL));
    CHECK_OK(facet_gallery_search(
        p->server, of, queries[0], QUERIES, opts, k, b, m, NULL));
    for (size_t q = 0; q < QUERIES; q++) {
        assert_int_equal(n[q], m[q]);
        for (size_t i = q * k; i < q * k + n[q]; i++) {
            assert_int_equal(a[i].id, b[i].id);
            assert_int_equal(a[i].person, b[i].person);
            assert_memory_equal(&a[i].score, &b[i].score, sizeof a[i].score);
        }
    }
}

/* Every rank, few and many answers, with a floor and among a few. */
static void check_searches(const pair *p, const uint8_t *contract)
{
    const uint64_t some[] = { 1, 4, 9, 10, 33, 50 };
    facet_search_opts opts;

    for (int rank = 0; rank < 4; rank++) {
        facet_search_opts_init(&opts);
        opts.rank = (facet_rank)rank;
        check_search(p, &opts, 1, contract);
        check_search(p, &opts, 7, contract);
        check_search(p, &opts, MOST, contract);
        opts.at_least = 0.4F;
        check_search(p, &opts, 7, contract);
        opts.ids = some;
        opts.n_ids = sizeof some / sizeof *some;
        if (rank <= FACET_RANK_BEST)
            check_search(p, &opts, 3, contract);
    }
}

typedef struct text {
    char *bytes;
    size_t size;
} text;

static facet_status gather(void *context, const char *line, size_t length)
{
    text *t = context;

    t->bytes = realloc(t->bytes, t->size + length);
    assert_non_null(t->bytes);
    memcpy(t->bytes + t->size, line, length);
    t->size += length;
    return FACET_OK;
}

static facet_status gather_finding(
    void *context, const facet_audit_finding *finding)
{
    char line[200];
    const int length = snprintf(line, sizeof line,
        "%d %llu %llu %llu %llu %.9g %.9g %llu\n", (int)finding->kind,
        (unsigned long long)finding->person, (unsigned long long)finding->id,
        (unsigned long long)finding->other_person,
        (unsigned long long)finding->other_id, (double)finding->score,
        (double)finding->own_score, (unsigned long long)finding->people);

    return gather(context, line, (size_t)length);
}

/* All that a gallery says of itself. */
static text account(const facet_gallery *g)
{
    text t = { NULL, 0 };
    facet_enroll_rule rule;
    facet_gallery_info info;
    char line[200];

    facet_enroll_rule_init(&rule, 0.5F);
    CHECK_OK(facet_gallery_export(g, 0, gather, &t, NULL));
    CHECK_OK(facet_gallery_audit(g, &rule, gather_finding, &t, NULL));
    CHECK_OK(facet_gallery_stats(g, &info, NULL));
    CHECK_OK(gather(&t, line,
        (size_t)snprintf(line, sizeof line, "%llu %llu %llu %d %d\n",
            (unsigned long long)info.people, (unsigned long long)info.templates,
            (unsigned long long)info.generation, info.shadow, info.previous)));
    return t;
}

static void check_accounts(const pair *p)
{
    text a = account(p->file), b = account(p->server);

    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.bytes, b.bytes, a.size);
    free(a.bytes);
    free(b.bytes);
}

static void check_guards(const pair *p)
{
    facet_enroll_rule rule;

    facet_enroll_rule_init(&rule, 0.5F);
    for (int person = 0; person < PEOPLE; person++) {
        facet_enroll_verdict a, b;
        float row[DIM];

        fixture_row(person, 77, row);
        CHECK_OK(facet_gallery_enroll_check(p->file, fixture_contract, row,
            0.5F, (uint64_t)person, &rule, &a, NULL));
        CHECK_OK(facet_gallery_enroll_check(p->server, fixture_contract, row,
            0.5F, (uint64_t)person, &rule, &b, NULL));
        assert_int_equal(a.reasons, b.reasons);
        assert_memory_equal(&a.own, &b.own, sizeof a.own);
        assert_memory_equal(&a.other, &b.other, sizeof a.other);
    }
}

static void change(facet_gallery *g)
{
    const uint64_t moved[] = { 2, 3 }, to[] = { 7, 1 }, gone[] = { 1, 8 };
    facet_removal receipt;

    CHECK_OK(facet_gallery_move_templates(g, moved, to, 2, NULL));
    CHECK_OK(facet_gallery_remove_templates(g, gone, 2, &receipt, NULL));
    assert_int_equal(receipt.templates, 2);
    CHECK_OK(facet_gallery_remove_person(g, 6, &receipt, NULL));
    assert_int_equal(
        facet_gallery_remove_person(g, 6, NULL, NULL), FACET_ENOTFOUND);
    fixture_enroll_full(g, "new", 50, 2);
}

static void test_answers_are_the_same_after_every_change(void **state)
{
    pair p = pair_open("exact", false);

    (void)state;
    check_searches(&p, fixture_contract);
    check_guards(&p);
    check_accounts(&p);
    change(p.file);
    change(p.server);
    check_searches(&p, fixture_contract);
    check_guards(&p);
    check_accounts(&p);
    pair_close(&p);
}

/* Ids of what has no shadow yet. */
typedef struct ids {
    uint64_t list[200];
    size_t n;
} ids;

static facet_status note_id(void *context, const facet_template *t)
{
    ids *missing = context;

    missing->list[missing->n++] = t->id;
    return FACET_OK;
}

static void migrate(facet_gallery *g, facet_shadow_report *report)
{
    ids missing = { .n = 0 };
    static float rows[200][DIM];

    CHECK_OK(facet_gallery_shadow_begin(g, other_contract, DIM, NULL));
    CHECK_OK(facet_gallery_shadow_missing(g, note_id, &missing, NULL));
    for (size_t i = 0; i < missing.n; i++)
        fixture_row(100 + (int)missing.list[i] / 3, (int)i, rows[i]);
    CHECK_OK(facet_gallery_shadow_put(
        g, other_contract, missing.list, rows[0], missing.n, NULL));
    CHECK_OK(facet_gallery_shadow_put(/* once more, which changes nothing */
        g, other_contract, missing.list, rows[0], 2, NULL));
    CHECK_OK(facet_gallery_shadow_compare(g, 0, report, NULL));
    CHECK_OK(facet_gallery_shadow_switch(g, false, NULL));
}

static void test_migrations_are_the_same(void **state)
{
    pair p = pair_open("migrated", false);
    facet_shadow_report a, b;

    (void)state;
    migrate(p.file, &a);
    migrate(p.server, &b);
    assert_memory_equal(&a, &b, sizeof a);
    check_searches(&p, other_contract);
    check_accounts(&p);
    CHECK_OK(facet_gallery_rollback(p.file, NULL));
    CHECK_OK(facet_gallery_rollback(p.server, NULL));
    check_searches(&p, fixture_contract);
    CHECK_OK(facet_gallery_shadow_drop(p.file, NULL));
    CHECK_OK(facet_gallery_shadow_drop(p.server, NULL));
    check_accounts(&p);
    pair_close(&p);
}

/* A failed write leaves the gallery and the handle as they were. */
static void test_a_failed_write_changes_nothing(void **state)
{
    pair p = pair_open("unchanged", false);
    float row[DIM];
    facet_template t[2] = { { .person = 1, .embedding = row },
        { .person = 99, .embedding = row } };

    (void)state;
    fixture_row(1, 1, row);
    assert_int_equal(
        facet_gallery_enroll(p.server, fixture_contract, t, 2, NULL, NULL),
        FACET_ENOTFOUND);
    assert_int_equal(
        facet_gallery_rename_person(p.server, 1, "b", NULL), FACET_EEXISTS);
    check_searches(&p, fixture_contract);
    check_accounts(&p);
    pair_close(&p);
}

/* An index over so few finds all of them; and what an index cannot say, a
 * search among some, is exact. */
static void test_an_index_is_used_and_finds_the_nearest(void **state)
{
    pair p = pair_open("indexed", true);

    (void)state;
    check_searches(&p, fixture_contract);
    change(p.file);
    change(p.server);
    check_searches(&p, fixture_contract);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_are_the_same_after_every_change),
        cmocka_unit_test(test_migrations_are_the_same),
        cmocka_unit_test(test_a_failed_write_changes_nothing),
        cmocka_unit_test(test_an_index_is_used_and_finds_the_nearest),
    };

    if (!address()) {
        printf("skipped: FACET_TEST_SERVER names no server\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
