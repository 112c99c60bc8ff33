/* SPDX-License-Identifier: Apache-2.0 */
#include "face/input.h"

#include <string.h>

#include "check.h"

static facet_tensor_info info_of(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (facet_tensor_info){
        .name = "data", .n_dims = 4, .dims = { a, b, c, d }
    };
}

static void test_the_channels_say_the_layout(void **state)
{
    facet_tensor_info info = info_of(1, 3, 112, 96);
    facet__input input;
    facet_error err;

    (void)state;
    CHECK_OK(facet__input_of(&info, &input, &err));
    assert_false(input.channels_last);
    assert_int_equal(input.height, 112);
    assert_int_equal(input.width, 96);
    info = info_of(-1, -1, 640, 3);
    CHECK_OK(facet__input_of(&info, &input, &err));
    assert_true(input.channels_last);
    assert_int_equal(input.height, -1);
    assert_int_equal(input.width, 640);
}

/* Sides that arithmetic on 32 bits would cut off are refused before it. */
static void test_what_is_no_picture_is_refused(void **state)
{
    const int64_t large = ((int64_t)1 << 32) + 112;
    facet_tensor_info info = info_of(1, 1, 112, 112);
    facet__input input;
    facet_error err;

    (void)state;
    assert_int_equal(facet__input_of(&info, &input, &err), FACET_EMODEL);
    assert_non_null(strstr(err.msg, "\"data\" is no image"));
    info = info_of(1, 3, 112, large);
    assert_int_equal(facet__input_of(&info, &input, &err), FACET_EMODEL);
    assert_non_null(strstr(err.msg, "4294967408 x 112 pixels"));
    info = info_of(1, 3, large, 112);
    assert_int_equal(facet__input_of(&info, &input, &err), FACET_EMODEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_channels_say_the_layout),
        cmocka_unit_test(test_what_is_no_picture_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
