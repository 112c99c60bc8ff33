/* SPDX-License-Identifier: Apache-2.0 */
#include "face/candidates.h"

#include <stdbool.h>
#include <string.h>

#include "check.h"

enum { MANY = 300 };

static uint32_t seed = 7;

static float random_unit(void)
{
    seed = seed * 1664525U + 1013904223U;
    return (float)(seed >> 8) / 16777216.0F;
}

static facet__candidate candidate(
    float x, float y, float width, float height, float score)
{
    facet__candidate made = { 0 };

    made.face.box = (facet_box){ x, y, width, height };
    made.face.score = score;
    made.side = width > height ? width : height;
    return made;
}

static void add(facet__candidates *list, facet__candidate item)
{
    CHECK_OK(facet__candidates_add(list, &item));
}

static void add_random(facet__candidates *list, int count)
{
    for (int i = 0; i < count; i++)
        add(list, candidate(random_unit() * 300, random_unit() * 300,
                      10 + random_unit() * 60, 10 + random_unit() * 60,
                      (float)(int)(random_unit() * 20) / 20)); /* with ties */
}

static void test_overlap_is_intersection_over_union(void **state)
{
    const facet_box a = { 0, 0, 10, 10 };

    (void)state;
    CHECK_NEAR(facet__box_overlap(a, a), 1, 1e-6);
    CHECK_NEAR(
        facet__box_overlap(a, (facet_box){ 5, 0, 10, 10 }), 1.0 / 3, 1e-6);
    CHECK_NEAR(facet__box_overlap(a, (facet_box){ 10, 0, 5, 5 }), 0, 0);
    CHECK_NEAR(facet__box_overlap(a, (facet_box){ 5, 5, 0, 0 }), 0, 0);
    CHECK_NEAR(facet__box_overlap(a, (facet_box){ 0, 0, -5, -5 }), 0, 0);
}

/* Property: what is left does not overlap; what went overlaps something better
 * that is left. */
static void test_suppression_keeps_the_best_of_what_overlaps(void **state)
{
    facet__candidates list = { 0 }, all = { 0 };

    (void)state;
    add_random(&list, MANY);
    for (size_t i = 0; i < list.count; i++)
        add(&all, list.items[i]);
    facet__candidates_suppress(&list, 0, 0.3F);
    assert_in_range(list.count, 1, MANY - 1);
    for (size_t i = 0; i < list.count; i++)
        for (size_t k = 0; k < i; k++) {
            assert_true(facet__box_overlap(list.items[i].face.box,
                            list.items[k].face.box) < 0.3F);
            assert_true(list.items[k].face.score >= list.items[i].face.score);
        }
    for (size_t i = 0; i < all.count; i++) {
        bool explained = false;

        for (size_t k = 0; k < list.count; k++)
            explained |= list.items[k].face.score >= all.items[i].face.score &&
                         facet__box_overlap(list.items[k].face.box,
                             all.items[i].face.box) >= 0.3F;
        assert_true(explained);
    }
    facet__candidates_clear(&list);
    facet__candidates_clear(&all);
}

static void test_suppression_does_not_depend_on_the_order_of_finds(void **state)
{
    facet__candidates list = { 0 }, reversed = { 0 };

    (void)state;
    add_random(&list, MANY);
    for (size_t i = list.count; i-- > 0;)
        add(&reversed, list.items[i]);
    facet__candidates_suppress(&list, 0, 0.3F);
    facet__candidates_suppress(&reversed, 0, 0.3F);
    assert_int_equal(list.count, reversed.count);
    assert_memory_equal(
        list.items, reversed.items, list.count * sizeof *list.items);
    facet__candidates_clear(&list);
    facet__candidates_clear(&reversed);
}

static void test_suppression_leaves_the_items_before_first_alone(void **state)
{
    facet__candidates list = { 0 };

    (void)state;
    add(&list, candidate(0, 0, 10, 10, 0.1F));
    add(&list, candidate(0, 0, 10, 10, 0.7F));
    add(&list, candidate(0, 0, 10, 10, 0.9F));
    facet__candidates_suppress(&list, 1, 0.3F);
    assert_int_equal(list.count, 2);
    CHECK_NEAR(list.items[0].face.score, 0.1, 1e-6);
    CHECK_NEAR(list.items[1].face.score, 0.9, 1e-6);
    facet__candidates_clear(&list);
}

/* Merge one find of a finer level with one of a coarser; the score that is
 * left, or -1 when both are. */
static float merged(float fine_side, float fine_score, float coarse_score)
{
    facet__candidates list = { 0 };
    float left;

    add(&list, candidate(0, 0, 100, 100, fine_score));
    list.items[0].side = fine_side;
    add(&list, candidate(10, 0, 100, 100, coarse_score));
    facet__candidates_merge(&list, 1, 0.3F);
    left = list.count == 1 ? list.items[0].face.score : -1.0F;
    facet__candidates_clear(&list);
    return left;
}

static void test_finer_level_wins_up_to_the_size_it_was_trained_for(
    void **state)
{
    (void)state;
    CHECK_NEAR(merged(100, 0.7F, 0.9F), 0.7, 1e-6);
    CHECK_NEAR(merged(640, 0.7F, 0.9F), 0.7, 1e-6);
    CHECK_NEAR(merged(700, 0.7F, 0.9F), 0.9, 1e-6);
    CHECK_NEAR(merged(700, 0.95F, 0.9F), 0.95, 1e-6);
}

static void test_merge_keeps_finds_that_do_not_overlap(void **state)
{
    facet__candidates list = { 0 };

    (void)state;
    add(&list, candidate(0, 0, 10, 10, 0.7F));
    add(&list, candidate(100, 0, 10, 10, 0.9F));
    add(&list, candidate(200, 0, 10, 10, 0.8F));
    facet__candidates_merge(&list, 2, 0.3F);
    assert_int_equal(list.count, 3);
    facet__candidates_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overlap_is_intersection_over_union),
        cmocka_unit_test(test_suppression_keeps_the_best_of_what_overlaps),
        cmocka_unit_test(
            test_suppression_does_not_depend_on_the_order_of_finds),
        cmocka_unit_test(test_suppression_leaves_the_items_before_first_alone),
        cmocka_unit_test(
            test_finer_level_wins_up_to_the_size_it_was_trained_for),
        cmocka_unit_test(test_merge_keeps_finds_that_do_not_overlap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
