/* SPDX-License-Identifier: Apache-2.0 */
#include "facet/draw.h"

#include <string.h>

#include "check.h"
#include "image/image.h"

static facet_image *gray(int32_t width, int32_t height)
{
    facet_image *image = NULL;

    CHECK_OK(facet_image_create(width, height, &image));
    memset(image->data, 90, image->stride * (size_t)height);
    return image;
}

static void test_a_list_is_drawn_as_its_faces_one_by_one(void **state)
{
    const facet_face faces[] = {
        { .box = { 10, 20, 40, 50 },
            .score = 0.9F,
            .landmarks = { { 20, 40 }, { 40, 40 }, { 30, 50 }, { 22, 60 },
                { 38, 60 } } },
        { .box = { 30, 30, 60, 60 }, .score = 0.7F },
    };
    facet_image *single = gray(120, 100), *list = gray(120, 100);
    facet_image *plain = gray(120, 100);
    const size_t bytes = list->stride * 100;

    (void)state;
    CHECK_OK(facet_draw_faces(list, NULL, 0, NULL));
    assert_memory_equal(list->data, plain->data, bytes);
    for (int i = 0; i < 2; i++)
        CHECK_OK(facet_draw_face(single, &faces[i], NULL));
    CHECK_OK(facet_draw_faces(list, faces, 2, NULL));
    assert_memory_equal(list->data, single->data, bytes);
    assert_memory_not_equal(list->data, plain->data, bytes);
    facet_image_free(plain);
    facet_image_free(list);
    facet_image_free(single);
}

static void test_what_cannot_be_drawn_is_told(void **state)
{
    const facet_face face = { .box = { 0, 0, 9, 9 } };
    facet_image *wide = gray(32768, 1);
    facet_error err;

    (void)state;
    assert_int_equal(facet_draw_faces(wide, &face, 1, &err), FACET_ELIMIT);
    assert_non_null(strstr(err.msg, "shrink it"));
    assert_int_equal(facet_draw_faces(wide, NULL, 1, &err), FACET_EINVAL);
    assert_int_equal(facet_draw_faces(NULL, &face, 1, &err), FACET_EINVAL);
    facet_image_free(wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_is_drawn_as_its_faces_one_by_one),
        cmocka_unit_test(test_what_cannot_be_drawn_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
