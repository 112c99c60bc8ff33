/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

static void test_every_status_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i <= FACET_EINTERNAL; i++) {
        assert_non_null(facet_status_name((facet_status)i));
        assert_string_not_equal(facet_status_name((facet_status)i), "unknown");
        assert_non_null(facet_status_str((facet_status)i));
    }
    assert_string_equal(facet_status_name((facet_status)999), "unknown");
    assert_string_equal(facet_status_name((facet_status)-1), "unknown");
}

static void test_an_outer_place_precedes_the_message(void **state)
{
    facet_error err;

    (void)state;
    assert_int_equal(facet__fail(&err, FACET_EIO, "byte %d", 7), FACET_EIO);
    facet__fail_in(&err, FACET_EIO, "a.jpg");
    assert_string_equal(err.msg, "a.jpg: byte 7");
}

/* The message's end and the path's tell most. */
static void test_a_long_place_loses_its_beginning(void **state)
{
    char path[400], remedy[200];
    facet_error err;

    (void)state;
    memset(path, 'd', sizeof path);
    strcpy(path + sizeof path - 9, "/a.onnx");
    memset(remedy, 'r', sizeof remedy);
    strcpy(remedy + sizeof remedy - 6, " end.");
    facet__fail(&err, FACET_EIO, "%s", "short");
    facet__fail_in(&err, FACET_EIO, path);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    assert_memory_equal(err.msg, "...dd", 5);
    assert_non_null(strstr(err.msg, "dd/a.onnx: short"));
    facet__fail(&err, FACET_EIO, "%s", remedy);
    facet__fail_in(&err, FACET_EIO, "model.onnx");
    assert_memory_equal(err.msg, "model.onnx: rrr", 15);
    assert_non_null(strstr(err.msg, "r end."));
    facet__fail_in(&err, FACET_EIO, path); /* both too long: each has a part */
    assert_non_null(strstr(err.msg, "dd/a.onnx: model.onnx: rrr"));
}

static void test_products_that_overflow_are_refused(void **state)
{
    size_t n = 3;

    (void)state;
    assert_false(facet__mul_size(SIZE_MAX / 2, 3, &n));
    assert_int_equal(n, 3);
    assert_null(facet__calloc(SIZE_MAX / 2, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_a_name_and_a_sentence),
        cmocka_unit_test(test_an_outer_place_precedes_the_message),
        cmocka_unit_test(test_a_long_place_loses_its_beginning),
        cmocka_unit_test(test_products_that_overflow_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
