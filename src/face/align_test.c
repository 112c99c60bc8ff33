/* SPDX-License-Identifier: Apache-2.0 */
/* Worked values of papers.md F.3, and templates. */
#include "facet/align.h"

#include <math.h>
#include <string.h>

#include "check.h"

static const facet_point *arcface(void)
{
    return facet_template_find("arcface-112")->points;
}

static facet_point apply(const facet_similarity *s, facet_point p)
{
    const double x = (double)p.x, y = (double)p.y;

    return (facet_point){ (float)(s->a * x - s->b * y + s->tx),
        (float)(s->b * x + s->a * y + s->ty) };
}

static void test_arcface_template_has_its_published_center(void **state)
{
    double x = 0, y = 0;

    (void)state;
    for (int i = 0; i < FACET_LANDMARKS; i++) {
        x += (double)arcface()[i].x / FACET_LANDMARKS;
        y += (double)arcface()[i].y / FACET_LANDMARKS;
    }
    CHECK_NEAR(x, 56.02616, 1e-5);
    CHECK_NEAR(y, 71.90078, 1e-5);
    CHECK_NEAR(hypotf(arcface()[1].x - arcface()[0].x,
                   arcface()[1].y - arcface()[0].y),
        35.237739, 1e-5);
}

static void test_fit_undoes_a_known_similarity(void **state)
{
    const double turn = 10 * acos(-1) / 180;
    const facet_similarity known = { 2 * cos(turn), 2 * sin(turn), 5, 7 };
    facet_point source[FACET_LANDMARKS];
    facet_similarity fit;

    (void)state;
    for (int i = 0; i < FACET_LANDMARKS; i++)
        source[i] = apply(&known, arcface()[i]);
    CHECK_OK(
        facet_similarity_fit(source, arcface(), FACET_LANDMARKS, &fit, NULL));
    /* The source is rounded to floats of ~200: 1e-5. */
    CHECK_NEAR(fit.a, 0.492403877, 1e-6);
    CHECK_NEAR(fit.b, -0.086824089, 1e-6);
    CHECK_NEAR(fit.tx, -3.069788004, 1e-4);
    CHECK_NEAR(fit.ty, -3.012706691, 1e-4);
}

static void test_fit_of_points_that_do_not_match_is_least_squares(void **state)
{
    const facet_point source[FACET_LANDMARKS] = { { 30, 50 }, { 70, 52 },
        { 51, 70 }, { 35, 90 }, { 66, 93 } };
    facet_similarity fit;
    double error = 0;

    (void)state;
    CHECK_OK(
        facet_similarity_fit(source, arcface(), FACET_LANDMARKS, &fit, NULL));
    CHECK_NEAR(fit.a, 0.957498628, 1e-6);
    CHECK_NEAR(fit.b, -0.025385211, 1e-6);
    CHECK_NEAR(fit.tx, 5.965879189, 1e-5);
    CHECK_NEAR(fit.ty, 5.197792073, 1e-5);
    CHECK_NEAR(hypot(fit.a, fit.b), 0.957835075, 1e-6);
    for (int i = 0; i < FACET_LANDMARKS; i++) {
        const facet_point p = apply(&fit, source[i]);
        const double dx = (double)(p.x - arcface()[i].x);
        const double dy = (double)(p.y - arcface()[i].y);

        error += dx * dx + dy * dy;
    }
    CHECK_NEAR(error, 14.658565578, 1e-4);
}

static facet_status fit_error(
    const facet_point *from, const facet_point *to, const char *word)
{
    facet_similarity untouched = { 1, 2, 3, 4 };
    facet_error err = { 0 };
    const facet_status st =
        facet_similarity_fit(from, to, FACET_LANDMARKS, &untouched, &err);

    assert_int_equal(err.code, st);
    assert_non_null(strstr(err.msg, word));
    CHECK_NEAR(untouched.tx, 3, 0);
    return st;
}

static void test_fit_rejects_points_without_a_scale(void **state)
{
    facet_point same[FACET_LANDMARKS], bad[FACET_LANDMARKS];

    (void)state;
    for (int i = 0; i < FACET_LANDMARKS; i++)
        same[i] = (facet_point){ 1234.5F, 77 };
    memcpy(bad, arcface(), sizeof bad);
    bad[3].y = NAN;
    assert_int_equal(fit_error(same, arcface(), "together"), FACET_EINVAL);
    assert_int_equal(fit_error(arcface(), same, "together"), FACET_EINVAL);
    assert_int_equal(fit_error(bad, arcface(), "finite"), FACET_EINVAL);
    bad[3].y = INFINITY;
    assert_int_equal(fit_error(arcface(), bad, "finite"), FACET_EINVAL);
    assert_int_equal(fit_error(NULL, bad, "two lists"), FACET_EINVAL);
}

static void test_fit_of_a_mirrored_square_is_refused(void **state)
{
    const facet_point square[4] = { { 0, 0 }, { 1, 0 }, { 1, 1 }, { 0, 1 } };
    const facet_point mirrored[4] = { { 1, 0 }, { 0, 0 }, { 0, 1 }, { 1, 1 } };
    facet_similarity fit;

    (void)state;
    assert_int_equal(
        facet_similarity_fit(square, mirrored, 4, &fit, NULL), FACET_EINVAL);
}

static void test_templates_are_found_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < facet_template_count(); i++) {
        const facet_align_template *t = facet_template_at(i);

        assert_ptr_equal(facet_template_find(t->name), t);
        for (int k = 0; k < FACET_LANDMARKS; k++) {
            assert_true(t->points[k].x > 0 && t->points[k].x < (float)t->width);
            assert_true(
                t->points[k].y > 0 && t->points[k].y < (float)t->height);
        }
    }
    assert_null(facet_template_at(facet_template_count()));
    assert_null(facet_template_find("no such"));
    assert_null(facet_template_find(NULL));
}

static void test_resize_scales_by_height_and_centers_in_x(void **state)
{
    facet_align_template made;

    (void)state;
    CHECK_OK(facet_template_resize(
        facet_template_find("arcface-112"), 96, 112, &made));
    for (int i = 0; i < FACET_LANDMARKS; i++) {
        const facet_point *want =
            &facet_template_find("arcface-96x112")->points[i];

        CHECK_NEAR(made.points[i].x, want->x, 1e-5);
        CHECK_NEAR(made.points[i].y, want->y, 1e-5);
    }
    CHECK_OK(facet_template_resize(
        facet_template_find("arcface-112"), 224, 224, &made));
    CHECK_NEAR(made.points[0].x, 2 * 38.2946, 1e-4);
    assert_int_equal(facet_template_resize(NULL, 1, 1, &made), FACET_EINVAL);
    assert_int_equal(
        facet_template_resize(facet_template_find("arcface-112"), 0, 5, &made),
        FACET_EINVAL);
}

static void test_template_text_is_a_name_or_ten_numbers(void **state)
{
    facet_align_template made = { 0 };
    facet_error err;

    (void)state;
    CHECK_OK(facet_template_parse("0095-128", 128, 128, &made, &err));
    CHECK_NEAR(made.points[4].x, 83.63987, 1e-5);
    CHECK_OK(facet_template_parse(
        "1 2, 3 4  5,6 7 8 9.5 -1e1", 20, 30, &made, &err));
    CHECK_NEAR(made.points[4].y, -10, 0);
    assert_int_equal(made.height, 30);
    assert_string_equal(made.name, "");
    assert_int_equal(
        facet_template_parse("1 2 3", 20, 30, &made, &err), FACET_EMODEL);
    assert_int_equal(
        facet_template_parse("1 2 3 4 5 6 7 8 9 10 11", 20, 30, &made, &err),
        FACET_EMODEL);
    assert_int_equal(
        facet_template_parse("1 2 3 4 5 6 7 8 9 nan", 20, 30, &made, &err),
        FACET_EMODEL);
    assert_int_equal(
        facet_template_parse("1 2 1 2 1 2 1 2 1 2", 20, 30, &made, &err),
        FACET_EMODEL);
    assert_int_equal(
        facet_template_parse("0095-128", 0, 30, &made, &err), FACET_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arcface_template_has_its_published_center),
        cmocka_unit_test(test_fit_undoes_a_known_similarity),
        cmocka_unit_test(test_fit_of_points_that_do_not_match_is_least_squares),
        cmocka_unit_test(test_fit_rejects_points_without_a_scale),
        cmocka_unit_test(test_fit_of_a_mirrored_square_is_refused),
        cmocka_unit_test(test_templates_are_found_by_name),
        cmocka_unit_test(test_resize_scales_by_height_and_centers_in_x),
        cmocka_unit_test(test_template_text_is_a_name_or_ten_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
