/* SPDX-License-Identifier: Apache-2.0 */
/* erase_test.c - whoever is removed leaves the vector file, also when an
 * earlier writer ended half-way: what it left there is put into the file by
 * hand. */
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gallery/gallery_fixture.h"

enum { HEADER = 192 };

static bool holds(const char *path, int person, int photo)
{
    float row[DIM];

    fixture_row(person, photo, row);
    return fixture_search_file(path, row, sizeof row);
}

/* Write over the bytes at `at`; the file stays the one that others have open.
 */
static void put(const char *path, size_t at, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "r+b");

    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static uint64_t check(facet_gallery *g)
{
    uint64_t damaged = 99;

    CHECK_OK(facet_gallery_check(g, &damaged, NULL));
    return damaged;
}

/* Where row `index` of the first segment has its floats. */
static size_t place_of_row(size_t index)
{
    return FACET__ROWS_HEADER + facet__layout_of(DIM).row +
           index * DIM * sizeof(float);
}

/* The power failed while rows were erased: the page of their ids is on the
 * disk, those of their floats are not, nor is the header. */
static void erase_by_half(const char *vectors, const unsigned char *before,
    size_t size, size_t n_rows)
{
    const uint64_t none[8] = { 0 };

    put(vectors, 0, before, size);
    put(vectors, FACET__ROWS_HEADER + facet__layout_of(DIM).id, none,
        n_rows * sizeof *none);
}

static void test_a_half_erased_row_is_erased_at_the_next_open(void **state)
{
    fixture *f = *state;
    facet_gallery *g = fixture_create(f, NULL);
    char *vectors = fixture_vectors(f);
    unsigned char *before;
    size_t size;

    fixture_enroll(g, "Ada", 0, 2);
    fixture_enroll(g, "Bo", 1, 1);
    facet_gallery_free(g);
    before = fixture_read(vectors, &size);
    assert_non_null(before);
    g = fixture_open(f, NULL);
    CHECK_OK(facet_gallery_remove_person(g, 1, NULL, NULL));
    facet_gallery_free(g);
    assert_false(holds(vectors, 0, 0));
    erase_by_half(vectors, before, size, 2);
    assert_true(holds(vectors, 0, 1));

    g = fixture_open(f, NULL);
    assert_false(holds(vectors, 0, 0));
    assert_false(holds(vectors, 0, 1));
    assert_int_equal(check(g), 0);
    CHECK_NEAR(fixture_best(g, 1, 0).score, 1.0, 1e-6);
    facet_gallery_free(g);
    free(before);
    free(vectors);
}

/* Earlier versions took a half erased row for an erased one and said in the
 * header that all is well. */
static void test_a_half_erased_row_in_a_file_in_step(void **state)
{
    fixture *f = *state;
    facet_gallery *g = fixture_create(f, NULL);
    char *vectors = fixture_vectors(f);
    float row[DIM];

    fixture_enroll(g, "Ada", 0, 2);
    fixture_enroll(g, "Bo", 1, 1);
    fixture_enroll(g, "Cy", 2, 1);
    CHECK_OK(facet_gallery_remove_person(g, 1, NULL, NULL));
    fixture_row(0, 1, row);
    put(vectors, place_of_row(1), row, sizeof row);
    assert_int_equal(check(g), 1);
    assert_false(holds(vectors, 0, 1));
    assert_int_equal(check(g), 0);
    /* A removal ends it, too. Rows are now Bo's and Cy's. */
    CHECK_OK(facet_gallery_remove_person(g, 2, NULL, NULL));
    fixture_row(1, 0, row);
    put(vectors, place_of_row(0), row, sizeof row);
    CHECK_OK(facet_gallery_remove_person(g, 3, NULL, NULL));
    assert_false(holds(vectors, 1, 0));
    facet_gallery_free(g);
    free(vectors);
}

/* Another handle enrolls Cy and is killed between its rows and the header. (It
 * is given back open: to close it would publish them.) */
static facet_gallery *enroll_unpublished(
    fixture *f, const char *vectors, int photos)
{
    size_t size;
    unsigned char *before = fixture_read(vectors, &size);
    facet_gallery *a = fixture_open(f, NULL);

    assert_non_null(before);
    fixture_enroll(a, "Cy", 2, photos);
    put(vectors, 0, before, HEADER);
    free(before);
    assert_true(holds(vectors, 2, photos - 1));
    return a;
}

/* A is killed; B, who was there before, removes whom A enrolled. */
static void test_rows_that_were_not_published_are_erased(void **state)
{
    fixture *f = *state;
    facet_gallery *a, *b = fixture_create(f, NULL);
    char *vectors = fixture_vectors(f);
    facet_removal receipt;

    fixture_enroll(b, "Ada", 0, 2);
    a = enroll_unpublished(f, vectors, 3);
    CHECK_OK(facet_gallery_remove_person(b, 2, &receipt, NULL));
    assert_int_equal(receipt.templates, 3);
    assert_false(receipt.vectors_pending);
    for (int photo = 0; photo < 3; photo++)
        assert_false(holds(vectors, 2, photo));
    assert_int_equal(check(b), 0);
    fixture_enroll(b, "Dan", 3, 2);
    CHECK_NEAR(fixture_best(b, 3, 1).score, 1.0, 1e-6);
    CHECK_NEAR(fixture_best(b, 0, 1).score, 1.0, 1e-6);
    facet_gallery_free(a);
    facet_gallery_free(b);
    free(vectors);
}

/* The first segment is full to the last row, so what was not published is in a
 * segment that the other handle has not mapped. */
static void test_unpublished_rows_of_a_further_segment_are_erased(void **state)
{
    fixture *f = *state;
    facet_gallery *a, *b = fixture_create(f, NULL);
    char *vectors = fixture_vectors(f);

    fixture_enroll(b, "Many", 5, FACET__SEGMENT_ROWS);
    a = enroll_unpublished(f, vectors, 3);
    CHECK_OK(facet_gallery_remove_person(b, 2, NULL, NULL));
    assert_false(holds(vectors, 2, 0));
    assert_false(holds(vectors, 2, 2));
    fixture_enroll(b, "Dan", 3, 2);
    CHECK_NEAR(fixture_best(b, 3, 1).score, 1.0, 1e-6);
    assert_int_equal(check(b), 0);
    facet_gallery_free(a);
    facet_gallery_free(b);
    free(vectors);
}

/* What was not published reaches into a segment that the other handle has yet
 * to grow into, step by step. */
static void test_a_gallery_grows_over_rows_that_were_erased_behind(void **state)
{
    enum { MANY = FACET__SEGMENT_ROWS - 1500, MORE = 1600 };
    fixture *f = *state;
    facet_gallery *a, *b = fixture_create(f, NULL);
    char *vectors = fixture_vectors(f);

    fixture_enroll(b, "Many", 5, MANY);
    a = enroll_unpublished(f, vectors, MORE);
    CHECK_OK(facet_gallery_remove_person(b, 2, NULL, NULL));
    assert_false(holds(vectors, 2, MORE - 1));
    fixture_enroll(b, "Dan", 3, MORE);
    CHECK_NEAR(fixture_best(b, 3, MORE - 1).score, 1.0, 1e-6);
    assert_int_equal(check(b), 0);
    facet_gallery_free(a);
    facet_gallery_free(b);
    free(vectors);
}

static void test_a_row_behind_the_count_is_noticed(void **state)
{
    fixture *f = *state;
    facet_gallery *g = fixture_create(f, NULL);
    char *vectors = fixture_vectors(f);
    float row[DIM];

    fixture_enroll(g, "Ada", 0, 2);
    fixture_row(7, 0, row);
    put(vectors, place_of_row(40), row, sizeof row);
    assert_int_equal(check(g), 1);
    assert_false(holds(vectors, 7, 0));
    assert_int_equal(check(g), 0);
    CHECK_NEAR(fixture_best(g, 0, 1).score, 1.0, 1e-6);
    facet_gallery_free(g);
    free(vectors);
}

/* One vector file, whatever way leads to the gallery. */
static void test_a_link_leads_to_the_same_vector_file(void **state)
{
    fixture *f = *state, link = *f;
    facet_gallery *g = fixture_create(f, NULL);
    char *vectors = fixture_vectors(f), *beside;
    facet_removal receipt;

    fixture_enroll(g, "Ada", 0, 2);
    fixture_enroll(g, "Bo", 1, 1);
    facet_gallery_free(g);
    snprintf(link.path, sizeof link.path, "%s/link.db", f->folder);
    assert_int_equal(symlink("g.db", link.path), 0);
    g = fixture_open(&link, NULL);
    CHECK_OK(facet_gallery_remove_person(g, 1, &receipt, NULL));
    facet_gallery_free(g);
    beside = fixture_vectors(&link);
    assert_int_not_equal(access(beside, F_OK), 0);
    assert_int_equal(receipt.vectors, 2);
    assert_false(holds(vectors, 0, 0));
    assert_false(holds(vectors, 0, 1));
    free(beside);
    free(vectors);
}

/* -- Other handles ------------------------------------------------------- */

/* Ada is found by nobody who has refreshed, nor by who shares the file. */
static void check_reader(
    fixture *f, const facet_gallery_opts *opts, bool mapped, bool anew)
{
    facet_gallery *g = fixture_create(f, opts), *reader;
    const uint64_t id = 3, person = 2;
    facet_gallery_info info;

    fixture_enroll(g, "Ada", 0, 2);
    fixture_enroll(g, "Bo", 1, 1);
    reader = fixture_open(f, opts);
    CHECK_OK(facet_gallery_stats(reader, &info, NULL));
    assert_int_equal(info.mapped, mapped);
    if (anew)
        CHECK_OK(facet_gallery_move_templates(g, &id, &person, 1, NULL));
    CHECK_OK(facet_gallery_remove_person(g, 1, NULL, NULL));
    if (mapped && !anew)
        assert_int_equal(fixture_best(reader, 0, 0).person, 2);
    else
        assert_int_equal(fixture_best(reader, 0, 0).person, 1);
    CHECK_OK(facet_gallery_refresh(reader, NULL));
    assert_int_equal(fixture_best(reader, 0, 0).person, 2);
    facet_gallery_free(reader);
    facet_gallery_free(g);
}

static void test_a_reader_of_the_same_file_misses_them_at_once(void **state)
{
    check_reader(*state, NULL, true, false);
}

static void test_a_reader_of_an_older_file_has_to_refresh(void **state)
{
    check_reader(*state, NULL, true, true);
}

static void test_a_reader_of_an_encrypted_gallery_has_to_refresh(void **state)
{
    fixture *f = *state;
    facet_gallery_opts opts = fixture_opts();
    char key[PATH_SIZE];

    snprintf(key, sizeof key, "%s/key", f->folder);
    fixture_write(key, "0123456789abcdef0123456789abcdef");
    opts.key_file = key;
    check_reader(f, &opts, false, false);
}

/* -- Receipts ------------------------------------------------------------ */

static void test_a_receipt_counts_its_own_rows_alone(void **state)
{
    fixture *f = *state;
    facet_gallery *a = fixture_create(f, NULL), *b;
    const uint64_t id = 5;
    facet_removal receipt;

    fixture_enroll(a, "Ada", 0, 3);
    fixture_enroll(a, "Bo", 1, 2);
    b = fixture_open(f, NULL);
    CHECK_OK(facet_gallery_remove_person(a, 1, &receipt, NULL));
    assert_int_equal(receipt.vectors, 3);
    CHECK_OK(facet_gallery_remove_templates(b, &id, 1, &receipt, NULL));
    assert_int_equal(receipt.templates, 1);
    assert_int_equal(receipt.vectors, 1);
    facet_gallery_free(a);
    facet_gallery_free(b);
}

static void test_a_receipt_without_a_vector_file_counts_none(void **state)
{
    fixture *f = *state;
    facet_gallery_opts opts = fixture_opts();
    facet_gallery *g;
    facet_removal receipt;
    char key[PATH_SIZE];

    snprintf(key, sizeof key, "%s/key", f->folder);
    fixture_write(key, "0123456789abcdef0123456789abcdef");
    opts.key_file = key;
    g = fixture_create(f, &opts);
    fixture_enroll(g, "Ada", 0, 2);
    CHECK_OK(facet_gallery_remove_person(g, 1, &receipt, NULL));
    assert_int_equal(receipt.templates, 2);
    assert_int_equal(receipt.vectors, 0);
    assert_false(receipt.vectors_pending);
    facet_gallery_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_a_half_erased_row_is_erased_at_the_next_open),
        FIXTURE_TEST(test_a_half_erased_row_in_a_file_in_step),
        FIXTURE_TEST(test_rows_that_were_not_published_are_erased),
        FIXTURE_TEST(test_unpublished_rows_of_a_further_segment_are_erased),
        FIXTURE_TEST(test_a_gallery_grows_over_rows_that_were_erased_behind),
        FIXTURE_TEST(test_a_row_behind_the_count_is_noticed),
        FIXTURE_TEST(test_a_link_leads_to_the_same_vector_file),
        FIXTURE_TEST(test_a_reader_of_the_same_file_misses_them_at_once),
        FIXTURE_TEST(test_a_reader_of_an_older_file_has_to_refresh),
        FIXTURE_TEST(test_a_reader_of_an_encrypted_gallery_has_to_refresh),
        FIXTURE_TEST(test_a_receipt_counts_its_own_rows_alone),
        FIXTURE_TEST(test_a_receipt_without_a_vector_file_counts_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
