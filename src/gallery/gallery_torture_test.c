/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of a gallery's life fails once. Each call then says so or
 * has done its work; afterwards the gallery holds what was acknowledged. With
 * FACET_TEST_SERVER the gallery is on that server (server_test.c). */
#include "gallery/gallery_fixture.h"
#include "torture.h"

typedef struct life {
    const fixture *f;
    const facet_gallery_opts *opts;
    int acknowledged; /* templates */
    bool removed;
} life;

static facet_status enroll(facet_gallery *g, life *l)
{
    float rows[3][DIM];
    facet_template t[3];
    uint64_t id;
    facet_status st = facet_gallery_add_person(g, "Ada", &id, NULL);

    for (int i = 0; i < 3; i++) {
        fixture_row(1, i, rows[i]);
        t[i] = (facet_template){ .person = id,
            .embedding = rows[i],
            .source = "a.jpg",
            .metadata = "{\"a\": 1}",
            .crop = "crop",
            .crop_size = 4 };
    }
    if (st == FACET_OK)
        st = facet_gallery_enroll(g, fixture_contract, t, 3, NULL, NULL);
    if (st == FACET_OK)
        l->acknowledged = 3;
    return st;
}

static facet_status search(const facet_gallery *g)
{
    facet_status st = FACET_OK;

    for (int rank = 0; rank < 4 && st == FACET_OK; rank++) {
        facet_search_opts opts;
        facet_match out[2];
        float row[DIM];
        size_t n;

        facet_search_opts_init(&opts);
        opts.rank = (facet_rank)rank;
        fixture_row(1, 0, row);
        st = facet_gallery_search(
            g, fixture_contract, row, 1, &opts, 2, out, &n, NULL);
        assert_true(st != FACET_OK || n > 0);
    }
    return st;
}

static facet_status ignore_finding(
    void *context, const facet_audit_finding *finding)
{
    (void)context;
    (void)finding;
    return FACET_OK;
}

static facet_status ignore_line(void *context, const char *line, size_t n)
{
    (void)context;
    (void)line;
    (void)n;
    return FACET_OK;
}

static facet_status look_around(const facet_gallery *g)
{
    facet_enroll_rule rule;
    uint64_t *ids;
    size_t n;
    facet_status st = facet_gallery_find(g, "a", "1", &ids, &n, NULL);

    facet_gallery_ids_free(ids);
    facet_enroll_rule_init(&rule, 0.5F);
    if (st == FACET_OK)
        st = facet_gallery_audit(g, &rule, ignore_finding, NULL, NULL);
    if (st == FACET_OK)
        st = facet_gallery_export(g, 0, ignore_line, NULL, NULL);
    return st;
}

static facet_status migrate(facet_gallery *g)
{
    const uint8_t contract[FACET_CONTRACT_BYTES] = { 8 };
    const uint64_t ids[] = { 1, 2, 3 };
    float rows[3][DIM];
    facet_shadow_report report;
    facet_status st = facet_gallery_shadow_begin(g, contract, DIM, NULL);

    for (int i = 0; i < 3; i++)
        fixture_row(2, i, rows[i]);
    if (st == FACET_OK)
        st = facet_gallery_shadow_put(g, contract, ids, rows[0], 3, NULL);
    if (st == FACET_OK)
        st = facet_gallery_shadow_compare(g, 0, &report, NULL);
    if (st == FACET_OK)
        st = facet_gallery_shadow_drop(g, NULL);
    return st;
}

static facet_status live(life *l)
{
    facet_gallery *g;
    uint64_t damaged;
    facet_status st = facet_gallery_create(
        l->f->path, fixture_contract, DIM, l->opts, &g, NULL);

    assert_int_equal(st == FACET_OK, g != NULL);
    if (st == FACET_OK)
        st = enroll(g, l);
    if (st == FACET_OK)
        st = search(g);
    if (st == FACET_OK)
        st = look_around(g);
    if (st == FACET_OK)
        st = migrate(g);
    if (st == FACET_OK)
        st = facet_gallery_check(g, &damaged, NULL);
    if (st == FACET_OK) {
        st = facet_gallery_remove_person(g, 1, NULL, NULL);
        l->removed = st == FACET_OK;
    }
    facet_gallery_free(g);
    return st;
}

/* After the failure: reopened, everything acknowledged is there. */
static void check(const life *l)
{
    facet_gallery *g;
    facet_gallery_info info;

    if (!l->acknowledged)
        return;
    g = fixture_open(l->f, l->opts);
    CHECK_OK(facet_gallery_stats(g, &info, NULL));
    assert_int_equal(info.templates, l->removed ? 0 : l->acknowledged);
    if (!l->removed)
        CHECK_NEAR(fixture_best(g, 1, 2).score, 1.0, 1e-6);
    facet_gallery_free(g);
}

static const char *server(void)
{
    return getenv("FACET_TEST_SERVER");
}

/* On a server each life is a gallery of its own, for they stay. An index whose
 * file is not to be had is kept in memory. */
static facet_status live_and_check(void *context)
{
    facet_gallery_opts opts = *(const facet_gallery_opts *)context;
    fixture f;
    life l = { .f = &f, .opts = &opts };
    char name[32];
    facet_status st;

    assert_int_equal(fixture_init(&f), 0);
    if (server()) {
        static int lives;

        snprintf(f.path, sizeof f.path, "%s", server());
        snprintf(name, sizeof name, "life %d", ++lives);
        opts.name = name;
    }
    st = torture_may_do_without(live(&l));
    torture_over();
    check(&l);
    fixture_remove(&f);
    return st;
}

static void test_a_gallery_survives_any_failing_allocation(void **state)
{
    facet_gallery_opts opts = fixture_opts();

    (void)state;
    opts.partitions = 1;
    torture("gallery", live_and_check, &opts, 1);
}

static void test_so_does_an_encrypted_one(void **state)
{
    fixture f;
    facet_gallery_opts opts = fixture_opts();
    char key[PATH_SIZE];

    (void)state;
    assert_int_equal(fixture_init(&f), 0);
    snprintf(key, sizeof key, "%s.key", f.folder);
    fixture_write(key, "0123456789abcdef0123456789abcdef");
    opts.key_file = key;
    torture("encrypted gallery", live_and_check, &opts, 1);
    unlink(key);
    fixture_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_gallery_survives_any_failing_allocation),
        cmocka_unit_test(test_so_does_an_encrypted_one),
    };

    if (server()) /* which has no encryption */
        return cmocka_run_group_tests_name(
            "server", (const struct CMUnitTest[1]){ tests[0] }, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
