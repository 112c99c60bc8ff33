/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <string.h>

#include "image/draw.h"

static const facet__ink green = { 0, 1, 0 };

static facet_image *gray(int32_t width, int32_t height)
{
    facet_image *image = NULL;

    CHECK_OK(facet_image_create(width, height, &image));
    memset(image->data, 128, image->stride * (size_t)height);
    return image;
}

static const uint8_t *pixel(const facet_image *image, int x, int y)
{
    return image->data + (size_t)y * image->stride + (size_t)x * 3;
}

static void check_green(const facet_image *image, int x, int y)
{
    const uint8_t *p = pixel(image, x, y);

    assert_true(p[1] > 200 && p[0] < 60 && p[2] < 60);
}

static void check_untouched(const facet_image *image, int x, int y)
{
    assert_int_equal(pixel(image, x, y)[0], 128);
    assert_int_equal(pixel(image, x, y)[1], 128);
    assert_int_equal(pixel(image, x, y)[2], 128);
}

/* Also says that integer coordinates are pixel centers. */
static void test_marks_stand_where_they_are_put(void **state)
{
    facet_image *image = gray(100, 90);
    facet__drawing *d = NULL;

    (void)state;
    CHECK_OK(facet__draw_begin(image, &d));
    facet__draw_box(d, (facet_box){ 10, 20, 30, 40 }, green);
    facet__draw_point(d, (facet_point){ 70, 25 }, green);
    facet__draw_line(
        d, (facet_point){ 60, 50 }, (facet_point){ 90, 50 }, green);
    CHECK_OK(facet__draw_end(d));
    check_green(image, 10, 40);
    check_green(image, 40, 40);
    check_green(image, 25, 20);
    check_green(image, 25, 60);
    check_green(image, 70, 25);
    check_green(image, 75, 50);
    check_untouched(image, 25, 40);
    check_untouched(image, 13, 40);
    check_untouched(image, 75, 55);
    facet_image_free(image);
}

static int count_changed(
    const facet_image *image, int x0, int y0, int x1, int y1)
{
    int count = 0;

    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            count += pixel(image, x, y)[1] != 128;
    return count;
}

/* The plate and letters on it grow with the picture, and stay inside. */
static void test_labels_stay_inside_and_grow_with_the_picture(void **state)
{
    int before = 0;

    (void)state;
    for (int side = 200; side <= 3200; side *= 4) {
        const float far = (float)(side - 1);
        facet_image *image = gray(side, side);
        facet__drawing *d = NULL;
        int changed;

        CHECK_OK(facet__draw_begin(image, &d));
        facet__draw_label(d, (facet_point){ far, 0 }, "0.98", green);
        CHECK_OK(facet__draw_end(d));
        changed = count_changed(image, side / 2, 0, side, side / 2);
        assert_true(changed > before && changed > 300);
        assert_int_equal(changed, count_changed(image, 0, 0, side, side));
        before = changed;
        facet_image_free(image);
    }
}

static void test_a_picture_without_marks_stays_the_same(void **state)
{
    facet_image *image = gray(33, 21);
    facet__drawing *d = NULL;

    (void)state;
    CHECK_OK(facet__draw_begin(image, &d));
    CHECK_OK(facet__draw_end(d));
    assert_int_equal(count_changed(image, 0, 0, 33, 21), 0);
    CHECK_OK(facet__draw_begin(image, &d));
    facet__draw_label(d, (facet_point){ 5, 5 }, "\xff\xfe", green);
    assert_int_equal(facet__draw_end(d), FACET_EINVAL); /* not UTF-8 */
    assert_int_equal(count_changed(image, 0, 0, 33, 21), 0);
    facet_image_free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks_stand_where_they_are_put),
        cmocka_unit_test(test_labels_stay_inside_and_grow_with_the_picture),
        cmocka_unit_test(test_a_picture_without_marks_stays_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
