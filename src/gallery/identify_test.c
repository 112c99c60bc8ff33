/* SPDX-License-Identifier: Apache-2.0 */
/* identify_test.c - decisions, guards, audit, migration, export and import. */
#include "gallery/gallery_fixture.h"
#include "gallery/store.h"

static facet_match match_of(uint64_t id, uint64_t person, float score)
{
    return (facet_match){ .id = id, .person = person, .score = score };
}

static void test_decisions_follow_the_rule(void **state)
{
    const facet_match none = { .score = -2.0F };
    facet_identify_rule rule;
    const struct {
        facet_match best, second;
        float quality;
        facet_decision decision;
        facet_reason reason;
    } cases[] = {
        { none, none, 1, FACET_DECISION_UNKNOWN, FACET_REASON_EMPTY },
        { match_of(1, 1, 0.29F), none, 1, FACET_DECISION_UNKNOWN,
            FACET_REASON_TOO_FAR },
        { match_of(1, 1, 0.35F), none, 1, FACET_DECISION_REVIEW,
            FACET_REASON_UNSURE },
        { match_of(1, 1, 0.6F), match_of(2, 2, 0.58F), 1, FACET_DECISION_REVIEW,
            FACET_REASON_AMBIGUOUS },
        { match_of(1, 1, 0.6F), match_of(2, 2, 0.3F), 0.1F,
            FACET_DECISION_REVIEW, FACET_REASON_QUALITY },
        { match_of(1, 1, 0.6F), match_of(2, 2, 0.3F), NAN, FACET_DECISION_MATCH,
            FACET_REASON_NONE },
        { match_of(1, 1, 0.4F), none, 0.9F, FACET_DECISION_MATCH,
            FACET_REASON_NONE },
        { match_of(1, 1, NAN), none, 0.9F, FACET_DECISION_UNKNOWN,
            FACET_REASON_TOO_FAR },
    };

    (void)state;
    facet_identify_rule_init(&rule, 0.4F);
    rule.review_at = 0.3F;
    rule.min_quality = 0.5F;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const facet_identification got = facet_identify_judge(
            &rule, cases[i].best, cases[i].second, cases[i].quality);

        assert_int_equal(got.decision, cases[i].decision);
        assert_int_equal(got.reason, cases[i].reason);
        assert_int_equal(got.best.id, cases[i].best.id);
    }
    assert_string_equal(facet_decision_name(FACET_DECISION_REVIEW), "review");
    assert_string_equal(facet_reason_name((facet_reason)99), "invalid");
}

static void test_identify_names_sample_and_margin(void **state)
{
    fixture *f = *state;
    facet_gallery *g = fixture_create(f, NULL);
    facet_identify_rule rule;
    facet_identification got;
    float query[DIM];

    facet_identify_rule_init(&rule, 0.5F);
    fixture_row(1, 2, query);
    CHECK_OK(facet_gallery_identify(
        g, fixture_contract, query, 1, &rule, &got, NULL));
    assert_int_equal(got.reason, FACET_REASON_EMPTY);
    fixture_enroll(g, "Ada", 1, 4);
    fixture_enroll(g, "Bo", 2, 4);
    CHECK_OK(facet_gallery_identify(
        g, fixture_contract, query, 1, &rule, &got, NULL));
    assert_int_equal(got.decision, FACET_DECISION_MATCH);
    assert_int_equal(got.best.id, 3);
    assert_int_equal(got.best.person, 1);
    assert_int_equal(got.second.person, 2);
    CHECK_NEAR(got.margin, got.best.score - got.second.score, 0);
    fixture_row(77, 0, query);
    CHECK_OK(facet_gallery_identify(
        g, fixture_contract, query, 1, &rule, &got, NULL));
    assert_int_equal(got.decision, FACET_DECISION_UNKNOWN);
    facet_gallery_free(g);
}

static unsigned reasons_of(const facet_gallery *g, int person, int photo,
    uint64_t for_person, float quality)
{
    facet_enroll_rule rule;
    facet_enroll_verdict verdict;
    float row[DIM];

    facet_enroll_rule_init(&rule, 0.7F);
    rule.min_quality = 0.3F;
    fixture_row(person, photo, row);
    CHECK_OK(facet_gallery_enroll_check(
        g, fixture_contract, row, quality, for_person, &rule, &verdict, NULL));
    return verdict.reasons;
}

static void test_guards_tell_what_speaks_against_a_photo(void **state)
{
    fixture *f = *state;
    facet_gallery *g = fixture_create(f, NULL);

    fixture_enroll(g, "Ada", 1, 3);
    fixture_enroll(g, "Bo", 2, 3);
    assert_int_equal(reasons_of(g, 1, 9, 1, 0.9F), 0);
    assert_int_equal(reasons_of(g, 3, 0, 0, 0.9F), 0);
    assert_int_equal(reasons_of(g, 3, 0, 0, 0.1F), FACET_ENROLL_POOR);
    assert_int_equal(reasons_of(g, 1, 9, 0, 0.9F), FACET_ENROLL_DUPLICATE);
    assert_int_equal(reasons_of(g, 3, 0, 1, 0.9F), FACET_ENROLL_INCONSISTENT);
    assert_int_equal(reasons_of(g, 2, 9, 1, 0.9F),
        FACET_ENROLL_INCONSISTENT | FACET_ENROLL_DUPLICATE);
    assert_int_equal(reasons_of(g, 1, 1, 1, 0.9F), FACET_ENROLL_REPEATED);
    facet_gallery_free(g);
}

typedef struct findings {
    facet_audit_finding list[64];
    size_t n;
} findings;

static facet_status note_finding(
    void *context, const facet_audit_finding *finding)
{
    findings *f = context;

    assert_true(f->n < 64);
    f->list[f->n++] = *finding;
    return FACET_OK;
}

static size_t count_kind(const findings *f, facet_audit_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        n += f->list[i].kind == kind;
    return n;
}

/* Enroll one photo of fixture person `looks` under the person `as`. */
static void enroll_as(facet_gallery *g, uint64_t as, int looks, int photo)
{
    float row[DIM];
    const facet_template t = { .person = as, .embedding = row };

    fixture_row(looks, photo, row);
    CHECK_OK(facet_gallery_enroll(g, fixture_contract, &t, 1, NULL, NULL));
}

static void test_audit_finds_what_was_planted(void **state)
{
    fixture *f = *state;
    facet_gallery *g = fixture_create(f, NULL);
    facet_enroll_rule rule;
    findings found = { .n = 0 };

    facet_enroll_rule_init(&rule, 0.7F);
    for (int p = 1; p <= 8; p++)
        fixture_enroll(g, (char[]){ (char)('a' + p), 0 }, p, 4);
    CHECK_OK(facet_gallery_audit(g, &rule, note_finding, &found, NULL));
    assert_int_equal(found.n, 0);
    enroll_as(g, 1, 2, 20); /* a photo of 2 among 1's */
    enroll_as(g, 3, 50, 0); /* a stranger among 3's */
    enroll_as(g, 4, 4, 1);  /* a photo twice */
    CHECK_OK(facet_gallery_audit(g, &rule, note_finding, &found, NULL));
    assert_true(count_kind(&found, FACET_AUDIT_MIXED) >= 1);
    assert_int_equal(count_kind(&found, FACET_AUDIT_OUTLIER), 1);
    assert_int_equal(count_kind(&found, FACET_AUDIT_REPEATED), 1);
    for (size_t i = 0; i < found.n; i++) {
        const facet_audit_finding *x = &found.list[i];

        if (x->kind == FACET_AUDIT_MIXED && x->id == 33)
            assert_int_equal(x->other_person, 2);
        if (x->kind == FACET_AUDIT_OUTLIER)
            assert_int_equal(x->id, 34);
        if (x->kind == FACET_AUDIT_REPEATED)
            assert_true(x->id == 35 && x->other_id == 14);
    }
    facet_gallery_free(g);
}

static void test_audit_finds_duplicates_and_poison(void **state)
{
    fixture *f = *state;
    facet_gallery *g = fixture_create(f, NULL);
    facet_enroll_rule rule;
    findings found = { .n = 0 };
    uint64_t twin;

    facet_enroll_rule_init(&rule, 0.7F);
    fixture_enroll(g, "Ada", 1, 1);
    CHECK_OK(facet_gallery_add_person(g, "Ada again", &twin, NULL));
    enroll_as(g, twin, 1, 5);
    CHECK_OK(facet_gallery_audit(g, &rule, note_finding, &found, NULL));
    assert_int_equal(found.n, 1);
    assert_int_equal(found.list[0].kind, FACET_AUDIT_DUPLICATE);
    assert_int_equal(found.list[0].other_person, twin);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(facet_gallery_add_person(
            g, (char[]){ (char)('x' + i), 0 }, &twin, NULL));
        enroll_as(g, twin, 1, 6 + i);
    }
    found.n = 0;
    CHECK_OK(facet_gallery_audit(g, &rule, note_finding, &found, NULL));
    assert_int_equal(count_kind(&found, FACET_AUDIT_POISON), 5);
    assert_int_equal(found.list[0].people, 4);
    facet_gallery_free(g);
}

/* -- Migration ----------------------------------------------------------- */

enum { NEW_DIM = 24 };
static const uint8_t new_contract[FACET_CONTRACT_BYTES] = { 4, 5, 6 };

/* The new network sees the first coordinates only. */
static void new_row(int person, int photo, float row[NEW_DIM])
{
    float old[DIM];

    fixture_row(person, photo, old);
    memcpy(row, old, NEW_DIM * sizeof *row);
}

typedef struct missing {
    uint64_t ids[64];
    size_t n;
} missing;

static facet_status note_missing(void *context, const facet_template *t)
{
    missing *m = context;

    assert_null(t->embedding);
    m->ids[m->n++] = t->id;
    return FACET_OK;
}

/* Templates 1, 2, 3 are photos 0, 1, 2 of person 1, and so on. */
static void embed_anew(facet_gallery *g, const missing *m)
{
    float rows[64][NEW_DIM];

    for (size_t i = 0; i < m->n; i++)
        new_row((int)((m->ids[i] - 1) / 3 + 1), (int)((m->ids[i] - 1) % 3),
            rows[i]);
    CHECK_OK(
        facet_gallery_shadow_put(g, new_contract, m->ids, rows[0], m->n, NULL));
}

static float new_score(const facet_gallery *g, int person, int photo)
{
    float row[NEW_DIM];
    facet_match best = { .score = -1 };
    size_t n;

    new_row(person, photo, row);
    CHECK_OK(facet_gallery_search(
        g, new_contract, row, 1, NULL, 1, &best, &n, NULL));
    return best.score;
}

static void migrate(fixture *f, const facet_gallery_opts *opts)
{
    facet_gallery *g = fixture_create(f, opts), *reader;
    facet_shadow_report report;
    missing m = { .n = 0 };
    char name[16];

    for (int p = 1; p <= 5; p++)
        fixture_enroll(g, (char[]){ (char)('a' + p), 0 }, p, 3);
    assert_int_equal(facet_gallery_shadow_begin(g, fixture_contract, DIM, NULL),
        FACET_EEXISTS);
    CHECK_OK(facet_gallery_shadow_begin(g, new_contract, NEW_DIM, NULL));
    CHECK_OK(facet_gallery_shadow_begin(g, new_contract, NEW_DIM, NULL));
    CHECK_OK(facet_gallery_shadow_missing(g, note_missing, &m, NULL));
    assert_int_equal(m.n, 15);
    assert_int_equal(
        facet_gallery_shadow_switch(g, false, NULL), FACET_ENOTFOUND);
    reader = fixture_open(f, opts);
    embed_anew(g, &m);
    CHECK_OK(facet_gallery_shadow_compare(g, 0, &report, NULL));
    assert_int_equal(report.templates, 15);
    assert_int_equal(report.missing, 0);
    assert_int_equal(report.probes, 15);
    assert_int_equal(report.rank1_old, 15);
    assert_true(report.rank1_new + report.lost == 15 + report.gained);
    assert_true(report.tpir_old > 0.9F);
    CHECK_NEAR(fixture_best(g, 2, 1).score, 1.0, 1e-6);
    CHECK_OK(facet_gallery_shadow_switch(g, false, NULL));
    CHECK_NEAR(new_score(g, 2, 1), 1.0, 1e-6);
    CHECK_OK(facet_gallery_person_name(g, 2, name, sizeof name, NULL));
    assert_string_equal(name, "c");
    /* A reader keeps its generation, then follows. */
    CHECK_NEAR(fixture_best(reader, 2, 1).score, 1.0, 1e-6);
    CHECK_OK(facet_gallery_refresh(reader, NULL));
    CHECK_NEAR(new_score(reader, 3, 1), 1.0, 1e-6);
    facet_gallery_free(reader);
    CHECK_OK(facet_gallery_rollback(g, NULL));
    CHECK_NEAR(fixture_best(g, 2, 1).score, 1.0, 1e-6);
    assert_int_equal(facet_gallery_rollback(g, NULL), FACET_ENOTFOUND);
    CHECK_OK(facet_gallery_shadow_switch(g, false, NULL));
    CHECK_OK(facet_gallery_shadow_drop(g, NULL));
    facet_gallery_free(g);
    g = fixture_open(f, opts);
    CHECK_NEAR(new_score(g, 5, 2), 1.0, 1e-6);
    facet_gallery_free(g);
}

static void test_migration_keeps_people_and_rolls_back(void **state)
{
    migrate(*state, NULL);
}

static void test_a_rollback_spares_a_running_migration(void **state)
{
    static const uint8_t third[FACET_CONTRACT_BYTES] = { 7 };
    fixture *f = *state;
    facet_gallery *g = fixture_create(f, NULL);
    facet_gallery_info info;
    missing m = { .n = 0 };
    facet_error err;

    fixture_enroll(g, "b", 1, 3);
    CHECK_OK(facet_gallery_shadow_begin(g, new_contract, NEW_DIM, NULL));
    CHECK_OK(facet_gallery_shadow_missing(g, note_missing, &m, NULL));
    embed_anew(g, &m);
    CHECK_OK(facet_gallery_shadow_switch(g, false, NULL));
    CHECK_OK(facet_gallery_shadow_begin(g, third, NEW_DIM, NULL));
    assert_int_equal(facet_gallery_rollback(g, &err), FACET_EEXISTS);
    assert_non_null(strstr(err.msg, "drop it first"));
    CHECK_OK(facet_gallery_stats(g, &info, NULL));
    assert_true(info.shadow && info.previous);
    CHECK_NEAR(new_score(g, 1, 1), 1.0, 1e-6);
    /* What the error advises leaves something to go back to. */
    CHECK_OK(facet_gallery_shadow_drop(g, NULL));
    CHECK_OK(facet_gallery_stats(g, &info, NULL));
    assert_true(!info.shadow && info.previous);
    CHECK_OK(facet_gallery_rollback(g, NULL));
    CHECK_NEAR(fixture_best(g, 1, 2).score, 1.0, 1e-6);
    facet_gallery_free(g);
}

static void test_migration_of_an_encrypted_gallery(void **state)
{
    facet_gallery_opts opts = fixture_opts();

    opts.passphrase = "correct horse";
    migrate(*state, &opts);
}

/* -- Export and import --------------------------------------------------- */

typedef struct text {
    char *bytes;
    size_t length;
} text;

static facet_status add_line(void *context, const char *line, size_t length)
{
    text *t = context;

    t->bytes = realloc(t->bytes, t->length + length + 2);
    memcpy(t->bytes + t->length, line, length);
    t->length += length;
    t->bytes[t->length++] = '\n';
    t->bytes[t->length] = '\0';
    return FACET_OK;
}

static void test_export_and_import_give_the_same_gallery(void **state)
{
    fixture *f = *state, copy;
    facet_gallery *g = fixture_create(f, NULL);
    facet_import_report report;
    text first = { NULL, 0 }, second = { NULL, 0 };

    fixture_enroll(g, "Ada", 1, 2);
    fixture_enroll_full(g, "Zo\xc3\xab", 2, 3);
    CHECK_OK(facet_gallery_export(g, 0, add_line, &first, NULL));
    facet_gallery_free(g);
    assert_int_equal(fixture_init(&copy), 0);
    g = fixture_create(&copy, NULL);
    CHECK_OK(facet_gallery_import(g, first.bytes, first.length, &report, NULL));
    assert_int_equal(report.people_added, 2);
    assert_int_equal(report.templates, 5);
    CHECK_OK(facet_gallery_export(g, 0, add_line, &second, NULL));
    assert_string_equal(first.bytes, second.bytes);
    /* Joined by name the second time. */
    CHECK_OK(facet_gallery_import(g, first.bytes, first.length, &report, NULL));
    assert_int_equal(report.people_found, 2);
    free(second.bytes);
    second = (text){ NULL, 0 };
    CHECK_OK(facet_gallery_export(g, 2, add_line, &second, NULL));
    assert_null(strstr(second.bytes, "Ada"));
    assert_non_null(strstr(second.bytes, "secret note"));
    facet_gallery_free(g);
    fixture_remove(&copy);
    free(first.bytes);
    free(second.bytes);
}

static facet_status look_at_source(void *context, const facet_template *t)
{
    int *seen = context;

    *seen += t->source && strcmp(t->source, "caf\xe9.jpg") == 0 &&
             !t->embedding && t->crop && t->crop_size == 4;
    return FACET_OK;
}

/* A name longer than most, a path that is no UTF-8, a template that a migration
 * has left without an embedding. */
static void test_an_export_leaves_nothing_out(void **state)
{
    fixture *f = *state, copy;
    facet_gallery *g = fixture_create(f, NULL);
    char name[1600];
    float row[DIM];
    facet_template t = { .embedding = row,
        .source = "caf\xe9.jpg",
        .crop = "crop",
        .crop_size = 4 };
    facet_import_report report;
    text first = { NULL, 0 };
    uint64_t person, id;
    int seen = 0;

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CHECK_OK(facet_gallery_add_person(g, name, &person, NULL));
    fixture_row(1, 0, row);
    t.person = person;
    CHECK_OK(facet_gallery_enroll(g, fixture_contract, &t, 1, &id, NULL));
    CHECK_OK(facet__db_run(g->db, NULL,
        "DELETE FROM embedding WHERE template = ?1", "i", (int64_t)id));
    CHECK_OK(facet_gallery_export(g, person, add_line, &first, NULL));
    assert_non_null(strstr(first.bytes, name));
    facet_gallery_free(g);
    assert_int_equal(fixture_init(&copy), 0);
    g = fixture_create(&copy, NULL);
    CHECK_OK(facet_gallery_import(g, first.bytes, first.length, &report, NULL));
    assert_int_equal(report.templates, 1);
    CHECK_OK(facet_gallery_templates(g, 0, look_at_source, &seen, NULL));
    assert_int_equal(seen, 1);
    facet_gallery_free(g);
    fixture_remove(&copy);
    free(first.bytes);
}

static void test_a_bad_import_changes_nothing(void **state)
{
    fixture *f = *state;
    facet_gallery *g = fixture_create(f, NULL);
    facet_gallery_info before, after;
    facet_error err;
    text good = { NULL, 0 };

    fixture_enroll_full(g, "Ada", 1, 2);
    CHECK_OK(facet_gallery_export(g, 0, add_line, &good, NULL));
    CHECK_OK(facet_gallery_stats(g, &before, NULL));
    /* Each byte in turn replaced: no crash, and never half an import. */
    for (size_t i = 0; i < good.length; i += 7) {
        const char kept = good.bytes[i];
        facet_import_report report;
        facet_status st;

        good.bytes[i] = '~';
        st = facet_gallery_import(g, good.bytes, good.length, &report, &err);
        assert_true(st == FACET_OK || st == FACET_EDAMAGED ||
                    st == FACET_ECONTRACT || st == FACET_EINVAL);
        CHECK_OK(facet_gallery_stats(g, &after, NULL));
        assert_int_equal(after.templates, before.templates + report.templates);
        before = after;
        good.bytes[i] = kept;
    }
    assert_int_equal(
        facet_gallery_import(g, "{}\n", 3, NULL, &err), FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "line 1"));
    assert_int_equal(
        facet_gallery_import(g, "", 0, NULL, &err), FACET_EDAMAGED);
    facet_gallery_free(g);
    free(good.bytes);
}

/* Not lack of memory: the line is told. */
static void test_metadata_that_is_no_object_is_told(void **state)
{
    static const char *const bad[] = { "\"x\"", "7", "null", "[1]" };
    fixture *f = *state;
    facet_gallery *g = fixture_create(f, NULL);
    facet_error err;
    text header = { NULL, 0 };
    char lines[1024];

    CHECK_OK(facet_gallery_export(g, 0, add_line, &header, NULL));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(lines, sizeof lines,
            "%s{\"person\":1,\"name\":\"Ada\"}\n"
            "{\"template\":1,\"person\":1,\"box\":[0,0,1,1],"
            "\"metadata\":%s}\n",
            header.bytes, bad[i]);
        assert_int_equal(
            facet_gallery_import(g, lines, strlen(lines), NULL, &err),
            FACET_EDAMAGED);
        assert_non_null(strstr(err.msg, "line 3: the metadata"));
    }
    facet_gallery_free(g);
    free(header.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions_follow_the_rule),
        FIXTURE_TEST(test_identify_names_sample_and_margin),
        FIXTURE_TEST(test_guards_tell_what_speaks_against_a_photo),
        FIXTURE_TEST(test_audit_finds_what_was_planted),
        FIXTURE_TEST(test_audit_finds_duplicates_and_poison),
        FIXTURE_TEST(test_migration_keeps_people_and_rolls_back),
        FIXTURE_TEST(test_migration_of_an_encrypted_gallery),
        FIXTURE_TEST(test_a_rollback_spares_a_running_migration),
        FIXTURE_TEST(test_export_and_import_give_the_same_gallery),
        FIXTURE_TEST(test_an_export_leaves_nothing_out),
        FIXTURE_TEST(test_a_bad_import_changes_nothing),
        FIXTURE_TEST(test_metadata_that_is_no_object_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
