/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/random.h"

static void test_a_stream_depends_on_all_three_names(void **state)
{
    facet__random a = facet__random_stream(1, 2, 3);
    facet__random same = facet__random_stream(1, 2, 3);
    facet__random others[] = { facet__random_stream(2, 1, 3),
        facet__random_stream(1, 3, 2), facet__random_stream(1, 2, 4) };
    const uint64_t first = facet__random_u64(&a);

    (void)state;
    assert_true(first == facet__random_u64(&same));
    for (size_t i = 0; i < 3; i++)
        assert_true(first != facet__random_u64(&others[i]));
}

static void test_moments_are_those_of_the_distributions(void **state)
{
    enum { N = 100000 };
    facet__random r = facet__random_stream(7, 0, 0);
    double unit = 0, normal = 0, square = 0;
    int counts[5] = { 0 };

    (void)state;
    for (int i = 0; i < N; i++) {
        const double z = facet__random_normal(&r);

        unit += facet__random_unit(&r) / N;
        normal += z / N;
        square += z * z / N;
        counts[facet__random_below(&r, 5)]++;
    }
    CHECK_NEAR(unit, .5, .005);
    CHECK_NEAR(normal, 0, .015);
    CHECK_NEAR(square, 1, .02);
    for (int i = 0; i < 5; i++)
        CHECK_NEAR(counts[i], N / 5, 600);
}

static void test_a_shuffle_is_a_permutation(void **state)
{
    uint32_t order[100];
    int seen[100] = { 0 }, moved = 0;
    facet__random r = facet__random_stream(1, 1, 1);

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        order[i] = i;
    facet__random_shuffle(&r, order, 100);
    for (uint32_t i = 0; i < 100; i++) {
        seen[order[i]]++;
        moved += order[i] != i;
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    assert_true(moved > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_depends_on_all_three_names),
        cmocka_unit_test(test_moments_are_those_of_the_distributions),
        cmocka_unit_test(test_a_shuffle_is_a_permutation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
