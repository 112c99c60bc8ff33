/* SPDX-License-Identifier: Apache-2.0 */
/* move_test.c - templates given to another person, plain and encrypted. */
#include "gallery/gallery_fixture.h"
#include "gallery/store.h"

typedef struct seen {
    uint64_t person;
    char source[32], crop[32], metadata[32];
    bool embedding;
} seen;

static facet_status look(void *context, const facet_template *t)
{
    seen *s = context;

    s->person = t->person;
    s->embedding = t->embedding != NULL;
    snprintf(s->source, sizeof s->source, "%s", t->source);
    snprintf(s->metadata, sizeof s->metadata, "%s", t->metadata);
    snprintf(s->crop, sizeof s->crop, "%.*s", (int)t->crop_size,
        (const char *)t->crop);
    return FACET_OK;
}

/* Photos of two people, all enrolled as the first one's. */
static void fill(facet_gallery *g, uint64_t people[2], uint64_t ids[4])
{
    const char *const names[] = { "Ann", "Bob" };
    facet_template t[4];
    float rows[4][DIM];

    for (int i = 0; i < 4; i++)
        fixture_row(i / 2, i, rows[i]);
    CHECK_OK(facet_gallery_add_people(g, names, 2, people, NULL));
    for (int i = 0; i < 4; i++)
        t[i] = (facet_template){ .person = people[0],
            .embedding = rows[i],
            .quality = 0.5F,
            .source = "a photo.jpg",
            .metadata = "{\"a\": 1}",
            .crop = "bytes of a crop",
            .crop_size = 15 };
    CHECK_OK(facet_gallery_enroll(g, fixture_contract, t, 4, ids, NULL));
}

static uint64_t person_of_nearest(const facet_gallery *g, int person)
{
    facet_match match;
    float row[DIM];
    size_t n;

    fixture_row(person, 9, row);
    CHECK_OK(facet_gallery_search(
        g, fixture_contract, row, 1, NULL, 1, &match, &n, NULL));
    assert_int_equal(n, 1);
    return match.person;
}

static void check_move(const facet_gallery_opts *opts)
{
    fixture f;
    facet_gallery *g;
    uint64_t people[2], ids[4];
    facet_removal receipt;
    seen s;

    assert_int_equal(fixture_init(&f), 0);
    g = fixture_create(&f, opts);
    fill(g, people, ids);
    assert_int_equal(person_of_nearest(g, 1), people[0]);
    CHECK_OK(facet_gallery_move_templates(
        g, ids + 2, (uint64_t[]){ people[1], people[1] }, 2, NULL));
    assert_int_equal(person_of_nearest(g, 0), people[0]);
    assert_int_equal(person_of_nearest(g, 1), people[1]);
    CHECK_OK(facet_gallery_remove_person(g, people[0], &receipt, NULL));
    assert_int_equal(receipt.templates, 2);
    facet_gallery_free(g);
    g = fixture_open(&f, opts);
    assert_int_equal(person_of_nearest(g, 1), people[1]);
    CHECK_OK(facet_gallery_template(g, ids[3], look, &s, NULL));
    assert_int_equal(s.person, people[1]);
    assert_true(s.embedding);
    assert_string_equal(s.source, "a photo.jpg");
    assert_string_equal(s.metadata, "{\"a\": 1}");
    assert_string_equal(s.crop, "bytes of a crop");
    facet_gallery_free(g);
    fixture_remove(&f);
}

static void test_moved_templates_are_the_other_persons(void **state)
{
    (void)state;
    check_move(NULL);
}

static void test_moved_templates_open_with_the_other_persons_key(void **state)
{
    facet_gallery_opts opts = fixture_opts();

    (void)state;
    opts.passphrase = "correct horse";
    check_move(&opts);
}

static void test_a_move_happens_whole_or_not_at_all(void **state)
{
    fixture f;
    facet_gallery *g;
    uint64_t people[2], ids[4], to[2];
    seen s;

    (void)state;
    assert_int_equal(fixture_init(&f), 0);
    g = fixture_create(&f, NULL);
    fill(g, people, ids);
    to[0] = people[1];
    to[1] = 999;
    assert_int_equal(
        facet_gallery_move_templates(g, ids, to, 2, NULL), FACET_ENOTFOUND);
    to[1] = people[1];
    ids[1] = 999;
    assert_int_equal(
        facet_gallery_move_templates(g, ids, to, 2, NULL), FACET_ENOTFOUND);
    CHECK_OK(facet_gallery_template(g, ids[0], look, &s, NULL));
    assert_int_equal(s.person, people[0]);
    facet_gallery_free(g);
    fixture_remove(&f);
}

/* Also of templates that have no embedding, which a migration may leave. */
static void check_merge(const facet_gallery_opts *opts)
{
    fixture f;
    facet_gallery *g;
    facet_gallery_info info;
    uint64_t people[2], ids[4];
    seen s;

    assert_int_equal(fixture_init(&f), 0);
    g = fixture_create(&f, opts);
    fill(g, people, ids);
    CHECK_OK(facet__db_run(g->db, NULL,
        "DELETE FROM embedding WHERE template = ?1", "i", (int64_t)ids[0]));
    assert_int_equal(facet_gallery_merge_people(g, people[0], people[0], NULL),
        FACET_EINVAL);
    assert_int_equal(
        facet_gallery_merge_people(g, people[0], 999, NULL), FACET_ENOTFOUND);
    assert_int_equal(
        facet_gallery_merge_people(g, 999, people[0], NULL), FACET_ENOTFOUND);
    CHECK_OK(facet_gallery_merge_people(g, people[0], people[1], NULL));
    CHECK_OK(facet_gallery_stats(g, &info, NULL));
    assert_int_equal(info.people, 1);
    assert_int_equal(info.templates, 4);
    for (int i = 0; i < 4; i++) {
        CHECK_OK(facet_gallery_template(g, ids[i], look, &s, NULL));
        assert_int_equal(s.person, people[1]);
        assert_string_equal(s.crop, "bytes of a crop");
    }
    assert_int_equal(person_of_nearest(g, 1), people[1]);
    facet_gallery_free(g);
    fixture_remove(&f);
}

static void test_merged_people_lose_nothing(void **state)
{
    facet_gallery_opts opts = fixture_opts();

    (void)state;
    check_merge(NULL);
    opts.passphrase = "correct horse";
    check_merge(&opts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merged_people_lose_nothing),
        cmocka_unit_test(test_moved_templates_are_the_other_persons),
        cmocka_unit_test(test_moved_templates_open_with_the_other_persons_key),
        cmocka_unit_test(test_a_move_happens_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
