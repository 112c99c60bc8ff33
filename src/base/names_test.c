/* SPDX-License-Identifier: Apache-2.0 */
#include "base/names.h"

#include "check.h"

static void test_names_are_found_where_they_stood(void **state)
{
    facet__name names[] = { { "dora", 0 }, { "ada", 1 }, { "carl", 2 },
        { "bob", 3 }, { "carl", 4 }, { "", 5 } };
    const size_t n = sizeof names / sizeof *names;

    (void)state;
    facet__name_sort(names, n);
    assert_int_equal(facet__name_find(names, n, "ada")->number, 1);
    assert_int_equal(facet__name_find(names, n, "bob")->number, 3);
    assert_int_equal(facet__name_find(names, n, "carl")->number, 2);
    assert_int_equal(facet__name_find(names, n, "dora")->number, 0);
    assert_int_equal(facet__name_find(names, n, "")->number, 5);
    assert_null(facet__name_find(names, n, "car"));
    assert_null(facet__name_find(names, n, "eve"));
    assert_null(facet__name_find(names, 0, "ada"));
}

static void test_a_name_that_stands_twice_is_seen(void **state)
{
    facet__name names[] = { { "bob", 7 }, { "ada", 1 }, { "bob", 3 } };

    (void)state;
    assert_null(facet__name_twice(names, 1));
    facet__name_sort(names, 3);
    assert_int_equal(facet__name_twice(names, 3)->number, 3);
    assert_null(facet__name_twice(names, 2));
    assert_null(facet__name_twice(names, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_found_where_they_stood),
        cmocka_unit_test(test_a_name_that_stands_twice_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
