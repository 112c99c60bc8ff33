/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_test.c - scores from two known normal distributions have a known
 * likelihood ratio and known rates. */
#include "facet/calibration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "check.h"

enum { COUNT = 40000 };

static facet_comparison list[COUNT];
static facet_calibration made;

/* Mated scores N(.5, .1), others N(.1, .1): llr = 40 s - 12. */
static int calibrate_normals(void **state)
{
    facet__random random = facet__random_stream(21, 0, 0);
    facet_bootstrap_opts opts;
    facet_error err;

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++) {
        const bool mated = i % 2;
        const double z = facet__random_normal(&random);

        list[i] = (facet_comparison){ .1 * z + (mated ? .5 : .1), i % 500,
            mated ? i % 500 : (i + 1) % 500, 0, mated };
    }
    facet_bootstrap_opts_init(&opts);
    opts.rounds = 100;
    return facet_calibrate(list, COUNT, &opts, &made, &err) == FACET_OK ? 0
                                                                        : -1;
}

static void test_thresholds_are_those_of_the_normal_distribution(void **state)
{
    facet_calibration_rate rate;
    facet_error err;

    (void)state;
    CHECK_OK(facet_calibration_threshold(&made, .01, &rate, &err));
    CHECK_NEAR(rate.threshold, .1 + .1 * 2.32635, .01);
    assert_true(rate.interval.low < rate.threshold);
    assert_true(rate.interval.high > rate.threshold);
    CHECK_OK(facet_calibration_threshold(&made, .03, &rate, &err));
    CHECK_NEAR(rate.threshold, .1 + .1 * 1.88079, .01);
    CHECK_NEAR(facet_calibration_fmr(&made, rate.threshold), .03, 1e-9);
    assert_int_equal(facet_calibration_threshold(&made, 1e-6, &rate, &err),
        FACET_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, "5e-05"));
    assert_int_equal(
        facet_calibration_threshold(&made, 0, &rate, &err), FACET_EINVAL);
}

static void test_likelihood_ratios_are_those_of_the_normal_distribution(
    void **state)
{
    (void)state;
    CHECK_NEAR(made.slope, 40, 1.5);
    CHECK_NEAR(made.intercept, -12, .5);
    for (double s = .2; s < .41; s += .1) {
        CHECK_NEAR(facet_calibration_llr(&made, s), 40 * s - 12, .5);
        CHECK_NEAR(facet_calibration_llr_isotonic(&made, s), 40 * s - 12, 1);
    }
    CHECK_NEAR(
        facet_calibration_llr_isotonic(&made, 2), log(2 * COUNT / 2), 1e-9);
}

/* Property: the curve rises. */
static void test_isotonic_never_falls(void **state)
{
    double last = -HUGE_VAL;

    (void)state;
    for (double s = -1; s <= 1; s += .001) {
        const double llr = facet_calibration_llr_isotonic(&made, s);

        assert_true(llr >= last);
        last = llr;
    }
}

static void test_gallery_size_correction(void **state)
{
    (void)state;
    CHECK_NEAR(facet_gallery_fpir(.01, 2), .0199, 1e-15);
    CHECK_NEAR(facet_gallery_fpir(1e-6, 1e6), 1 - exp(-1), 1e-6);
    CHECK_NEAR(
        facet_gallery_fmr(facet_gallery_fpir(1e-5, 300), 300), 1e-5, 1e-17);
    CHECK_NEAR(facet_gallery_fmr(.75, 2), .5, 1e-15);
    CHECK_NEAR(facet_gallery_fmr(1e-2, 1e6) * 1e6, .010050335853, 1e-9);
    CHECK_NEAR(
        facet_gallery_fpir(facet_gallery_fmr(1e-9, 77), 77), 1e-9, 1e-20);
    /* an empty gallery, and a threshold that the first template may trust */
    CHECK_NEAR(facet_gallery_fpir(1, 0), 0, 0);
    CHECK_NEAR(facet_gallery_fmr(.01, 0), .01, 1e-17);
    CHECK_NEAR(facet_gallery_fmr(1, 5), 1, 0);
    for (int i = 0; i < 3; i++) {
        const double no_rate[] = { -.01, 1.01, (double)NAN };

        assert_true(isnan(facet_gallery_fpir(no_rate[i], 2)));
        assert_true(isnan(facet_gallery_fmr(no_rate[i], 2)));
    }
    assert_true(isnan(facet_gallery_fpir(.01, -1)));
    assert_true(isnan(facet_gallery_fmr(.01, -1)));
}

static void test_text_round_trip(void **state)
{
    static char text[32768], again[32768];
    facet_calibration read;
    facet_error err;
    size_t length;

    (void)state;
    strcpy(made.contract, "abc");
    length = facet_calibration_text(&made, text, sizeof text);
    assert_int_equal(length, strlen(text));
    CHECK_OK(facet_calibration_parse(text, &read, &err));
    assert_string_equal(read.contract, "abc");
    assert_int_equal(read.n_knots, made.n_knots);
    CHECK_NEAR(read.rates[3].threshold, made.rates[3].threshold, 1e-8);
    length = facet_calibration_text(&read, again, sizeof again);
    assert_int_equal(length, strlen(again));
    assert_string_equal(text, again);
    assert_int_equal(facet_calibration_text(&made, again, 10), length);
    assert_int_equal(strlen(again), 9);
}

static void text_refused(const char *text, facet_status want, const char *says)
{
    facet_calibration read;
    facet_error err = { 0 };

    assert_int_equal(facet_calibration_parse(text, &read, &err), want);
    if (!strstr(err.msg, says))
        fail_msg("'%s', want '%s'", err.msg, says);
}

#define HEAD(version)                                                          \
    "{\"version\":" version ",\"contract\":\"\",\"mated\":1,\"nonmated\":1,"   \
    "\"mated_failed\":0,\"nonmated_failed\":0,\"level\":0.95,"                 \
    "\"logistic\":{\"intercept\":0.0,\"slope\":1.0},"

static void test_damaged_text_is_refused(void **state)
{
    (void)state;
    text_refused("{", FACET_EDAMAGED, "calibration");
    text_refused("{}", FACET_EDAMAGED, "version");
    text_refused(HEAD("2") "\"thresholds\":[],\"isotonic\":[]}",
        FACET_EUNSUPPORTED, "version 2");
    text_refused(HEAD("1") "\"thresholds\":[{\"fmr\":2,\"threshold\":0,"
                           "\"interval\":[0,1]}],\"isotonic\":[]}",
        FACET_EDAMAGED, "thresholds[0]");
    text_refused(HEAD("1") "\"thresholds\":[],\"isotonic\":[[1,1],[0,2]]}",
        FACET_EDAMAGED, "isotonic[1]");
}

/* Strangers who are one person, 3 of 1003: no mated score lies above them, so
 * below FMR 0.003 there is no threshold. */
static void test_wrong_labels_end_the_thresholds(void **state)
{
    static facet_comparison noisy[1103];
    static char text[32768];
    facet_calibration c, read;
    facet_calibration_rate rate;
    facet_bootstrap_opts opts;
    facet_error err;

    (void)state;
    for (uint32_t i = 0; i < 1103; i++) {
        const bool mated = i < 100;

        noisy[i] = (facet_comparison){ mated     ? .5 + .004 * i
                                       : i < 103 ? .99
                                                 : .0003 * i,
            i % 50, mated ? i % 50 : (i + 1) % 50, 0, mated };
    }
    facet_bootstrap_opts_init(&opts);
    opts.rounds = 50;
    CHECK_OK(facet_calibrate(noisy, 1103, &opts, &c, &err));
    assert_int_equal(c.n_rates, 5);
    CHECK_NEAR(c.rates[4].fmr, .005, 1e-12);
    for (size_t i = 0; i < c.n_rates; i++)
        assert_true(isfinite(c.rates[i].threshold) &&
                    isfinite(c.rates[i].interval.low) &&
                    isfinite(c.rates[i].interval.high));
    assert_int_equal(
        facet_calibration_threshold(&c, .002, &rate, &err), FACET_EUNSUPPORTED);
    assert_true(facet_calibration_text(&c, text, sizeof text) > 0);
    CHECK_OK(facet_calibration_parse(text, &read, &err));
    assert_int_equal(read.n_rates, c.n_rates);
    c.rates[4].threshold = HUGE_VAL;
    assert_int_equal(facet_calibration_text(&c, text, sizeof text), 0);
}

/* Scores .1, .4, .5 with 0 of 8, 1 of 2, 9 of 10 mated, and 10 of each kind. */
static void test_equal_scores_have_one_likelihood_ratio_in_any_order(
    void **state)
{
    facet_comparison tied[20];
    facet_calibration c;
    facet_error err;

    (void)state;
    for (int turned = 0; turned < 2; turned++) {
        for (uint32_t i = 0; i < 20; i++) {
            const bool mated = i < 10;
            const double score = i == 9 || i == 10 ? .4 : i < 12 ? .5 : .1;

            tied[turned ? 19 - i : i] =
                (facet_comparison){ score, i, mated ? i : i - 1, 0, mated };
        }
        CHECK_OK(facet_calibrate(tied, 20, NULL, &c, &err));
        CHECK_NEAR(facet_calibration_llr_isotonic(&c, .1), log(.05), 1e-12);
        CHECK_NEAR(facet_calibration_llr_isotonic(&c, .4), 0, 1e-12);
        CHECK_NEAR(facet_calibration_llr_isotonic(&c, .5), log(9), 1e-12);
    }
}

static void test_wrong_labels_are_refused(void **state)
{
    const facet_comparison wrong[] = { { .1, 0, 0, 0, true },
        { .2, 1, 1, 0, true }, { .8, 0, 1, 0, false }, { .9, 1, 0, 0, false } };
    facet_calibration c;
    facet_error err;

    (void)state;
    assert_int_equal(facet_calibrate(wrong, 4, NULL, &c, &err), FACET_EINVAL);
    assert_non_null(strstr(err.msg, "labels"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds_are_those_of_the_normal_distribution),
        cmocka_unit_test(
            test_likelihood_ratios_are_those_of_the_normal_distribution),
        cmocka_unit_test(test_isotonic_never_falls),
        cmocka_unit_test(test_gallery_size_correction),
        cmocka_unit_test(test_text_round_trip),
        cmocka_unit_test(test_damaged_text_is_refused),
        cmocka_unit_test(test_wrong_labels_end_the_thresholds),
        cmocka_unit_test(
            test_equal_scores_have_one_likelihood_ratio_in_any_order),
        cmocka_unit_test(test_wrong_labels_are_refused),
    };

    return cmocka_run_group_tests(tests, calibrate_normals, NULL);
}
