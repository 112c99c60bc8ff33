/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of marked faces, and average precision against cases worked by hand. */
#include "facet/detection.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

static const char list_path[] = "facet-labels-test.txt";

static void write_list(const char *text)
{
    FILE *f = fopen(list_path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static facet_labels *read_list(const char *text)
{
    facet_labels *labels;
    facet_error err;

    write_list(text);
    if (facet_labels_read(list_path, &labels, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    unlink(list_path);
    return labels;
}

static void test_a_list_gives_pictures_and_faces(void **state)
{
    facet_labels *l = read_list("0--Parade/a.1.jpg\n2\n"
                                "1.5 2 30 40 1 0 1 0 2 1\n"
                                "5 6 0 8 0 0 0 0 0 0\n"
                                "b.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n"
                                "c.webp\n1\n"
                                "1 2 3 4 0 0 0 1 0 0 1 2 3 4 5 6 7 8 9 10\n"
                                "d.jpg\n0\n");
    const facet_label *f;
    size_t n;

    (void)state;
    assert_int_equal(facet_labels_count(l), 4);
    assert_string_equal(facet_labels_name(l, 0), "0--Parade/a.1.jpg");
    f = facet_labels_faces(l, 0, &n);
    assert_int_equal(n, 2);
    CHECK_NEAR(f[0].box.x, 1.5, 0);
    CHECK_NEAR(f[0].box.height, 40, 0);
    assert_int_equal(f[0].blur, 1);
    assert_int_equal(f[0].illumination, 1);
    assert_int_equal(f[0].occlusion, 2);
    assert_int_equal(f[0].pose, 1);
    assert_int_equal(f[0].invalid, 0);
    assert_int_equal(f[0].has_landmarks, 0);
    assert_int_equal(f[1].invalid, 1); /* it has no width */
    facet_labels_faces(l, 1, &n);
    assert_int_equal(n, 0);
    f = facet_labels_faces(l, 2, &n);
    assert_int_equal(n, 1);
    assert_int_equal(f[0].invalid, 1);
    assert_int_equal(f[0].has_landmarks, 1);
    CHECK_NEAR(f[0].landmarks[4].y, 10, 0);
    assert_int_equal(facet_labels_find(l, "a.1"), 0);
    assert_int_equal(facet_labels_find(l, "elsewhere/c.png"), 2);
    assert_int_equal(facet_labels_find(l, "nobody.jpg"), SIZE_MAX);
    facet_labels_free(l);
}

static void test_a_damaged_list_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *line;
    } cases[] = {
        { "a.jpg\nmany\n", "line 2" },
        { "a.jpg\n1\n1 2 3\n", "line 3" },
        { "a.jpg\n1\n1 2 3 x 0 0 0 0 0 0\n", "line 3" },
        { "a.jpg\n2\n1 2 3 4 0 0 0 0 0 0\n", "missing" },
        { "a.jpg\n0\n1 2 3 4 0 0 0 0 0 0\n", "line 3" },
        { "a.jpg\n0\nb/a.png\n0\n", "line 3" },
        { "a.jpg", "number of its faces" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        facet_labels *l;
        facet_error err;

        write_list(cases[i].text);
        assert_int_equal(
            facet_labels_read(list_path, &l, &err), FACET_EDAMAGED);
        assert_null(l);
        if (!strstr(err.msg, cases[i].line))
            fail_msg("'%s' does not say '%s'", err.msg, cases[i].line);
    }
    write_list("\n");
    assert_int_equal(
        facet_labels_read(list_path, &(facet_labels *){ NULL }, NULL),
        FACET_EEMPTY);
    unlink(list_path);
}

static facet_label marked(float x, float height)
{
    return (facet_label){ .box = { x, 0, height, height } };
}

static facet_face found(float x, float height, float score)
{
    return (facet_face){ .box = { x, 0, height, height }, .score = score };
}

static facet_detection_result judge(const facet_label *labels, size_t n_labels,
    const facet_face *faces, size_t n_faces)
{
    facet_detection *d;
    facet_detection_result result;

    CHECK_OK(facet_detection_create(NULL, &d, NULL));
    CHECK_OK(facet_detection_add(d, labels, n_labels, faces, n_faces));
    CHECK_OK(facet_detection_finish(d, &result));
    facet_detection_free(d);
    return result;
}

/* Right, wrong, right: precision 1 up to half of the faces, 2/3 up to all. */
static void test_precision_is_the_area_under_its_envelope(void **state)
{
    const facet_label labels[] = { marked(0, 60), marked(200, 60) };
    const facet_face faces[] = { found(202, 60, .7F), found(400, 60, .8F),
        found(0, 60, .9F) };
    const facet_detection_result r = judge(labels, 2, faces, 3);

    (void)state;
    CHECK_NEAR(r.ap_easy, .5 + .5 * 2 / 3, 1e-12);
    CHECK_NEAR(r.ap_hard, .5 + .5 * 2 / 3, 1e-12);
    CHECK_NEAR(r.recall, 1, 0);
    assert_int_equal(r.easy, 2);
    assert_int_equal(r.finds, 3);
    assert_true(isnan(r.landmark_error));
}

static void test_a_second_find_of_a_face_is_wrong(void **state)
{
    const facet_label labels[] = { marked(0, 60), marked(200, 60) };
    const facet_face faces[] = { found(0, 60, .9F), found(1, 60, .8F),
        found(200, 60, .7F) };

    (void)state;
    CHECK_NEAR(judge(labels, 2, faces, 3).ap_hard, .5 + .5 * 2 / 3, 1e-12);
}

/* Small and invalid faces neither help nor harm. */
static void test_what_does_not_count_is_passed_over(void **state)
{
    facet_label labels[] = { marked(0, 60), marked(200, 20), marked(400, 60) };
    const facet_face faces[] = { found(400, 60, .9F), found(200, 20, .8F),
        found(0, 60, .7F) };
    facet_detection_result r;

    (void)state;
    labels[2].invalid = 1;
    r = judge(labels, 3, faces, 3);
    CHECK_NEAR(r.ap_easy, 1, 0);
    CHECK_NEAR(r.ap_medium, 1, 0);
    CHECK_NEAR(r.ap_hard, 1, 0);
    assert_int_equal(r.easy, 1);
    assert_int_equal(r.medium, 1);
    assert_int_equal(r.hard, 2);
    r = judge(labels, 3, faces, 1);
    CHECK_NEAR(r.ap_hard, 0, 0);
    r = judge(&labels[2], 1, faces, 3); /* nothing to find */
    assert_true(isnan(r.ap_hard));
}

static void test_an_overlap_of_less_than_half_is_wrong(void **state)
{
    const facet_label label = marked(0, 60);
    const facet_face near = found(19.9F, 60, .9F), far = found(20.1F, 60, .9F);

    (void)state; /* (60 - x) / (60 + x) = 1/2 at x = 20 */
    CHECK_NEAR(judge(&label, 1, &near, 1).ap_hard, 1, 0);
    CHECK_NEAR(judge(&label, 1, &far, 1).ap_hard, 0, 0);
}

static void test_landmarks_are_measured_in_sides(void **state)
{
    facet_label label = marked(0, 40);
    facet_face face = found(0, 40, .9F);
    facet_detection_result r;

    (void)state;
    label.has_landmarks = 1;
    for (int i = 0; i < FACET_LANDMARKS; i++) {
        label.landmarks[i] = (facet_point){ (float)i, 7 };
        face.landmarks[i] = (facet_point){ (float)i + 3, 11 };
    }
    r = judge(&label, 1, &face, 1);
    CHECK_NEAR(r.landmark_error, 5. / 40, 1e-9);
    assert_int_equal(r.landmark_faces, 1);
}

/* A hundred pictures of random faces and finds: the order of pictures and of
 * finds in a picture is nothing, and a find less can only lower the recall. */
static void test_order_does_not_matter(void **state)
{
    enum { PICTURES = 100, EACH = 6 };
    static facet_label labels[PICTURES][EACH];
    static facet_face faces[PICTURES][EACH], turned[EACH];
    facet_detection_result results[2];
    uint32_t random = 5;

    (void)state;
    for (int i = 0; i < PICTURES * EACH; i++) {
        float x[3];

        for (int k = 0; k < 3; k++) {
            random = random * 1664525u + 1013904223u;
            x[k] = (float)(random >> 8) / 16777216.0F;
        }
        labels[i / EACH][i % EACH] = marked(400 * x[0], 20 + 50 * x[1]);
        faces[i / EACH][i % EACH] =
            found(400 * x[0] + 30 * x[2], 20 + 50 * x[1], x[1]);
    }
    for (int turn = 0; turn < 2; turn++) {
        facet_detection *d;

        CHECK_OK(facet_detection_create(NULL, &d, NULL));
        for (int i = 0; i < PICTURES; i++) {
            const int p = turn ? PICTURES - 1 - i : i;

            for (int k = 0; k < EACH; k++)
                turned[k] = faces[p][turn ? EACH - 1 - k : k];
            CHECK_OK(facet_detection_add(d, labels[p], EACH, turned, EACH));
        }
        CHECK_OK(facet_detection_finish(d, &results[turn]));
        facet_detection_free(d);
    }
    assert_true(results[0].ap_easy > 0 && results[0].ap_easy < 1);
    CHECK_NEAR(results[0].ap_easy, results[1].ap_easy, 1e-12);
    CHECK_NEAR(results[0].ap_medium, results[1].ap_medium, 1e-12);
    CHECK_NEAR(results[0].ap_hard, results[1].ap_hard, 1e-12);
    CHECK_NEAR(results[0].recall, results[1].recall, 1e-12);
}

static void test_wrong_options_and_nulls_are_refused(void **state)
{
    facet_detection_opts opts;
    facet_detection *d;
    facet_detection_result result;

    (void)state;
    facet_detection_opts_init(&opts);
    opts.medium = 60;
    assert_int_equal(facet_detection_create(&opts, &d, NULL), FACET_EINVAL);
    assert_null(d);
    facet_detection_opts_init(&opts);
    opts.iou = 0;
    assert_int_equal(facet_detection_create(&opts, &d, NULL), FACET_EINVAL);
    CHECK_OK(facet_detection_create(NULL, &d, NULL));
    assert_int_equal(facet_detection_add(d, NULL, 1, NULL, 0), FACET_EINVAL);
    assert_int_equal(facet_detection_finish(NULL, &result), FACET_EINVAL);
    CHECK_OK(facet_detection_finish(d, &result));
    assert_int_equal(result.pictures, 0);
    facet_detection_free(d);
    facet_detection_free(NULL);
    facet_labels_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_gives_pictures_and_faces),
        cmocka_unit_test(test_a_damaged_list_is_refused_with_its_line),
        cmocka_unit_test(test_precision_is_the_area_under_its_envelope),
        cmocka_unit_test(test_a_second_find_of_a_face_is_wrong),
        cmocka_unit_test(test_what_does_not_count_is_passed_over),
        cmocka_unit_test(test_an_overlap_of_less_than_half_is_wrong),
        cmocka_unit_test(test_landmarks_are_measured_in_sides),
        cmocka_unit_test(test_order_does_not_matter),
        cmocka_unit_test(test_wrong_options_and_nulls_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
