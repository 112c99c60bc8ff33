/* SPDX-License-Identifier: Apache-2.0 */
/* Candidates for names: ranking, near duplicates, blocks. */
#include "facet/collect.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/random.h"
#include "check.h"

enum { DIM = 16, NAMES = 4, EACH = 20, COUNT = NAMES * EACH, RIGHT = 10 };

static float rows[COUNT * DIM];
static uint32_t names[COUNT];
static const facet_candidates candidates = { rows, names, COUNT, DIM };

/* A picture of a person, or of nobody. */
static void put_row(size_t row, uint64_t person, double spread)
{
    facet__random draw = facet__random_stream(1, row, 0);
    facet__random center = facet__random_stream(2, person, 0);

    for (size_t k = 0; k < DIM; k++)
        rows[row * DIM + k] = (float)(facet__random_normal(&center) +
                                      spread * facet__random_normal(&draw));
}

/* Names take turns in the list; RIGHT of each one's pictures show it, the first
 * eight among them. */
static bool is_right(size_t place)
{
    return place < 8 || place == 12 || place == 17;
}

static void make_candidates(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        const size_t place = i / NAMES;

        names[i] = (uint32_t)(7 * (i % NAMES)); /* with gaps */
        put_row(i, is_right(place) ? names[i] : 1000 + i, 0.3);
    }
}

static facet_collect_opts small(void)
{
    facet_collect_opts opts;

    facet_collect_opts_init(&opts);
    opts.first = 5;
    opts.block = 4;
    opts.duplicate = 1e-3; /* pictures differ by more */
    return opts;
}

static void test_what_is_unlike_the_first_ones_ranks_low(void **state)
{
    const facet_collect_opts opts = small();
    facet_collected out[COUNT];

    (void)state;
    make_candidates();
    CHECK_OK(facet_collect(&candidates, &opts, out, NULL));
    for (size_t i = 0; i < COUNT; i++) {
        const bool right = is_right(i / NAMES);

        assert_int_equal(out[i].stage,
            right ? FACET_COLLECT_PROPOSED : FACET_COLLECT_UNLIKE);
        assert_true(right == (out[i].rank < RIGHT));
    }
}

/* Blocks are cut in order of score: 4, 4 and 2 of ten. */
static void test_blocks_follow_the_scores(void **state)
{
    const facet_collect_opts opts = small();
    facet_collected out[COUNT];

    (void)state;
    make_candidates();
    CHECK_OK(facet_collect(&candidates, &opts, out, NULL));
    for (size_t i = 0; i < COUNT; i++) {
        if (out[i].stage == FACET_COLLECT_PROPOSED)
            assert_int_equal(out[i].block, out[i].rank / 4);
        for (size_t j = 0; j < COUNT; j++)
            if (names[i] == names[j] && out[i].rank < out[j].rank)
                assert_true(out[i].score >= out[j].score);
    }
}

/* papers.md B.7, 5: with threshold 0 only exact copies go. Place 3 is a copy of
 * place 2, up to its length; place 4 is nearly one. */
static void test_at_distance_zero_only_exact_copies_go(void **state)
{
    facet_collect_opts opts = small();
    facet_collected out[COUNT];
    float *x = rows + (size_t)2 * NAMES * DIM;
    float *copy = rows + (size_t)3 * NAMES * DIM;
    float *near = rows + (size_t)4 * NAMES * DIM;
    size_t merged = 0;

    (void)state;
    make_candidates();
    for (size_t k = 0; k < DIM; k++) {
        copy[k] = 3 * x[k];
        near[k] = x[k] * (k % 2 ? 1.03f : 0.97f); /* cosine 0.9991 or so */
    }
    opts.duplicate = 0;
    CHECK_OK(facet_collect(&candidates, &opts, out, NULL));
    for (size_t i = 0; i < COUNT; i++)
        merged += out[i].stage == FACET_COLLECT_DUPLICATE;
    assert_int_equal(merged, 1);
    if (out[2 * NAMES].stage == FACET_COLLECT_DUPLICATE)
        assert_int_equal(out[2 * NAMES].of, 3 * NAMES);
    else
        assert_int_equal(out[3 * NAMES].of, 2 * NAMES);

    opts.duplicate = 0.01;
    CHECK_OK(facet_collect(&candidates, &opts, out, NULL));
    merged = 0;
    for (size_t i = 0; i < COUNT; i++)
        merged += out[i].stage == FACET_COLLECT_DUPLICATE;
    assert_int_equal(merged, 2);

    opts.duplicate = -1;
    CHECK_OK(facet_collect(&candidates, &opts, out, NULL));
    for (size_t i = 0; i < COUNT; i++)
        assert_true(out[i].stage != FACET_COLLECT_DUPLICATE);
}

/* A face that was not found takes no part: neither as a first one nor in the
 * share that is kept. */
static void test_pictures_without_a_face_take_no_part(void **state)
{
    const facet_collect_opts opts = small();
    facet_collected out[COUNT];

    (void)state;
    make_candidates();
    for (size_t i = 0; i < COUNT; i += NAMES)
        if (i / NAMES == 0 || i / NAMES == 19)
            rows[i * DIM] = NAN;
    CHECK_OK(facet_collect(&candidates, &opts, out, NULL));
    assert_int_equal(out[0].stage, FACET_COLLECT_NO_FACE);
    assert_int_equal(out[0].rank, EACH - 2);
    assert_int_equal(out[19 * NAMES].rank, EACH - 1);
    assert_true(isnan(out[0].score));
    for (size_t i = NAMES; i < COUNT - NAMES; i += NAMES)
        assert_int_equal(out[i].stage, is_right(i / NAMES)
                                           ? FACET_COLLECT_PROPOSED
                                           : FACET_COLLECT_UNLIKE);
}

/* How many of 100 candidates of each of two names stay. */
static size_t kept_of_100(double keep)
{
    enum { TWO = 2, HUNDRED = 100 };
    static float many[TWO * HUNDRED * DIM];
    static uint32_t of[TWO * HUNDRED];
    static facet_collected out[TWO * HUNDRED];
    facet_collect_opts opts = small();
    facet__random draw = facet__random_stream(3, 0, 0);
    size_t kept = 0;

    for (size_t i = 0; i < TWO * HUNDRED * DIM; i++)
        many[i] = (float)facet__random_normal(&draw);
    for (size_t i = 0; i < TWO * HUNDRED; i++)
        of[i] = (uint32_t)i % TWO;
    opts.keep = keep;
    opts.duplicate = -1;
    CHECK_OK(facet_collect(
        &(facet_candidates){ many, of, TWO * HUNDRED, DIM }, &opts, out, NULL));
    for (size_t i = 0; i < TWO * HUNDRED; i++)
        kept += out[i].stage == FACET_COLLECT_PROPOSED;
    return kept / TWO;
}

/* 0.07 * 100 is 7.000000000000001 in doubles, 0.29 * 100 below 29. */
static void test_the_share_that_stays_is_of_decimals(void **state)
{
    (void)state;
    assert_int_equal(kept_of_100(0.07), 7);
    assert_int_equal(kept_of_100(0.29), 29);
    assert_int_equal(kept_of_100(0.071), 8);
    assert_int_equal(kept_of_100(1), 100);
    assert_int_equal(kept_of_100(1e-12), 1);
}

static void test_threads_do_not_matter(void **state)
{
    facet_collect_opts opts = small();
    facet_collected one[COUNT], three[COUNT];

    (void)state;
    make_candidates();
    opts.others = 9; /* so that others are drawn */
    memset(one, 0, sizeof one);
    memset(three, 0, sizeof three);
    CHECK_OK(facet_collect(&candidates, &opts, one, NULL));
    opts.threads = 3;
    CHECK_OK(facet_collect(&candidates, &opts, three, NULL));
    assert_memory_equal(one, three, sizeof one);
}

static void test_unusable_candidates_are_refused(void **state)
{
    facet_collected out[COUNT];
    facet_collect_opts opts = small();
    facet_error err;

    (void)state;
    make_candidates();
    opts.keep = 0;
    assert_int_equal(
        facet_collect(&candidates, &opts, out, &err), FACET_EINVAL);
    opts = small();
    opts.duplicate = NAN;
    assert_int_equal(
        facet_collect(&candidates, &opts, out, &err), FACET_EINVAL);
    memset(rows + 5 * DIM, 0, DIM * sizeof *rows);
    assert_int_equal(facet_collect(&candidates, NULL, out, &err), FACET_EINVAL);
    assert_non_null(strstr(err.msg, "candidate 5"));
    make_candidates();
    memset(names, 0, sizeof names);
    assert_int_equal(facet_collect(&candidates, NULL, out, &err), FACET_EEMPTY);
    assert_non_null(strstr(err.msg, "two"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_unlike_the_first_ones_ranks_low),
        cmocka_unit_test(test_blocks_follow_the_scores),
        cmocka_unit_test(test_at_distance_zero_only_exact_copies_go),
        cmocka_unit_test(test_pictures_without_a_face_take_no_part),
        cmocka_unit_test(test_the_share_that_stays_is_of_decimals),
        cmocka_unit_test(test_threads_do_not_matter),
        cmocka_unit_test(test_unusable_candidates_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
