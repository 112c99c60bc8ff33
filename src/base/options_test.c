/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"

#include <string.h>

#include "check.h"

typedef struct options {
    size_t size;
    int first, second;
} options;

static facet_status take(options *to, const options *given, facet_error *err)
{
    *to = (options){ sizeof *to, 1, 2 };
    return facet__options_take(to, sizeof *to, given, "options_init", err);
}

static void test_what_a_caller_has_replaces_the_defaults(void **state)
{
    struct {
        options known;
        int later;
    } newer = { { sizeof newer, 5, 6 }, 7 };
    options older = { offsetof(options, second), 3, 99 }, got;

    (void)state;
    CHECK_OK(take(&got, NULL, NULL));
    assert_true(got.first == 1 && got.second == 2);
    CHECK_OK(take(&got, &older, NULL));
    assert_true(got.first == 3 && got.second == 2);
    CHECK_OK(take(&got, &newer.known, NULL));
    assert_true(got.first == 5 && got.second == 6);
}

static void test_options_without_a_size_are_refused(void **state)
{
    static const size_t sizes[] = { 0, 1, sizeof(size_t) - 1, 1 << 20,
        SIZE_MAX };

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const options given = { sizes[i], 3, 4 };
        options got;
        facet_error err;

        assert_int_equal(take(&got, &given, &err), FACET_EINVAL);
        assert_non_null(strstr(err.msg, "call options_init first"));
        assert_true(got.first == 1 && got.second == 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_caller_has_replaces_the_defaults),
        cmocka_unit_test(test_options_without_a_size_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
