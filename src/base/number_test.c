/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <float.h>
#include <locale.h>
#include <string.h>

#include "check.h"

static void check_round_trip(float value)
{
    char text[FACET__NUMBER_TEXT];
    const char *end;
    float back = 0;

    facet__number_print(value, text);
    assert_true(facet__number_parse(text, &end, &back));
    assert_true(back == value && *end == '\0');
}

static void test_numbers_read_back_as_they_were(void **state)
{
    (void)state;
    check_round_trip(0);
    check_round_trip(127.5F);
    check_round_trip(1 / 127.5F);
    check_round_trip(-0.1F);
    check_round_trip(FLT_MIN);
    check_round_trip(-FLT_MAX);
}

static void test_short_numbers_stay_short(void **state)
{
    char text[FACET__NUMBER_TEXT];

    (void)state;
    assert_string_equal(facet__number_print(127.5F, text), "127.5");
    assert_string_equal(facet__number_print(0.1F, text), "0.1");
}

static void test_parse_stops_behind_the_number(void **state)
{
    const char *end;
    float value;

    (void)state;
    assert_true(facet__number_parse(" 1.5,2", &end, &value));
    CHECK_NEAR(value, 1.5, 0);
    assert_string_equal(end, ",2");
}

static void test_what_is_no_finite_number_is_refused(void **state)
{
    const char *const texts[] = { "", "x", ",5", "nan", "inf", "1e99" };
    const char *end = NULL;
    float value = 7;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(facet__number_parse(texts[i], &end, &value));
    CHECK_NEAR(value, 7, 0);
    assert_null(end);
}

/* Only tells something where such a locale is installed. */
static void test_decimal_commas_change_nothing(void **state)
{
    char text[FACET__NUMBER_TEXT];

    (void)state;
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))
        skip();
    check_round_trip(0.5F);
    assert_string_equal(facet__number_print(0.5F, text), "0.5");
    snprintf(text, sizeof text, "%.1f", 0.5);
    assert_string_equal(text, "0,5"); /* the thread's locale is as before */
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_read_back_as_they_were),
        cmocka_unit_test(test_short_numbers_stay_short),
        cmocka_unit_test(test_parse_stops_behind_the_number),
        cmocka_unit_test(test_what_is_no_finite_number_is_refused),
        cmocka_unit_test(test_decimal_commas_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
