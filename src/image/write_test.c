/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "pictures.h"

static facet_image *pattern(void)
{
    facet_image *image = NULL;

    CHECK_OK(facet_image_create(PICTURE_WIDTH, PICTURE_HEIGHT, &image));
    for (int y = 0; y < PICTURE_HEIGHT; y++)
        for (int i = 0; i < PICTURE_WIDTH * 3; i++)
            image->data[(size_t)y * image->stride + (size_t)i] =
                picture_pattern(i / 3, y, i % 3);
    return image;
}

static void check_same(const facet_image *a, const facet_image *b, int within)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (int32_t y = 0; y < a->height; y++)
        for (int32_t i = 0; i < a->width * 3; i++)
            CHECK_NEAR(a->data[(size_t)y * a->stride + (size_t)i],
                b->data[(size_t)y * b->stride + (size_t)i], within);
}

static void test_what_is_encoded_decodes_to_the_same(void **state)
{
    static const struct {
        facet_image_format format;
        int quality, within;
    } cases[] = { { FACET_IMAGE_PNG, 0, 0 }, { FACET_IMAGE_WEBP, 100, 0 },
        { FACET_IMAGE_WEBP, 90, 12 }, { FACET_IMAGE_JPEG, 95, 3 },
        { FACET_IMAGE_JPEG, 75, 14 } };
    facet_image *image = pattern();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *bytes = NULL;
        size_t size = 0;
        facet_image *back = NULL;

        CHECK_OK(facet_image_encode(
            image, cases[i].format, cases[i].quality, &bytes, &size, NULL));
        CHECK_OK(facet_image_read_memory(bytes, size, NULL, &back, NULL));
        assert_int_equal(facet_image_source_format(back), cases[i].format);
        check_same(image, back, cases[i].within);
        facet_image_free(back);
        facet_image_bytes_free(bytes);
    }
    facet_image_free(image);
}

static int files_in(const char *folder)
{
    DIR *d = opendir(folder);
    int count = -2; /* . and .. */

    assert_non_null(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count;
}

static void test_the_name_tells_the_format_and_files_are_whole(void **state)
{
    static const char *const names[] = { "a.jpg", "b.JPEG", "c.png", "d.webp" };
    static const facet_image_format formats[] = { FACET_IMAGE_JPEG,
        FACET_IMAGE_JPEG, FACET_IMAGE_PNG, FACET_IMAGE_WEBP };
    char folder[] = "facet-write-XXXXXX";
    facet_image *image = pattern();

    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < 4; i++) {
        char path[64];
        facet_image *back = NULL;

        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        CHECK_OK(facet_image_write(image, path, 95, NULL));
        CHECK_OK(facet_image_write(image, path, 95, NULL)); /* replaces it */
        CHECK_OK(facet_image_read(path, NULL, &back, NULL));
        assert_int_equal(facet_image_source_format(back), formats[i]);
        facet_image_free(back);
        assert_int_equal(files_in(folder), 1);
        unlink(path);
    }
    rmdir(folder);
    facet_image_free(image);
}

static void test_a_write_that_fails_leaves_nothing(void **state)
{
    char folder[] = "facet-write-XXXXXX";
    char path[64];
    facet_image *image = pattern();
    facet_error err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/none/a.png", folder);
    assert_int_equal(facet_image_write(image, path, 90, &err), FACET_ENOTFOUND);
    snprintf(path, sizeof path, "%s/a.gif", folder);
    assert_int_equal(
        facet_image_write(image, path, 90, &err), FACET_EUNSUPPORTED);
    snprintf(path, sizeof path, "%s/a.jpg", folder);
    assert_int_equal(facet_image_write(image, path, 0, &err), FACET_EINVAL);
    assert_int_equal(mkdir(path, 0700), 0); /* a folder is in the way */
    assert_int_equal(facet_image_write(image, path, 90, &err), FACET_EIO);
    assert_int_equal(files_in(folder), 1);
    rmdir(path);
    rmdir(folder);
    facet_image_free(image);
}

static void test_sides_that_a_format_cannot_hold_are_refused(void **state)
{
    facet_image *image = NULL;
    uint8_t *bytes = NULL;
    size_t size;
    facet_error err;

    (void)state;
    CHECK_OK(facet_image_create(70000, 1, &image));
    assert_int_equal(
        facet_image_write(image, "no/wide.jpg", 90, &err), FACET_ELIMIT);
    assert_non_null(strstr(err.msg, "no/wide.jpg: JPEG"));
    assert_int_equal(
        facet_image_encode(image, FACET_IMAGE_JPEG, 90, &bytes, &size, NULL),
        FACET_ELIMIT);
    assert_int_equal(
        facet_image_encode(image, FACET_IMAGE_WEBP, 90, &bytes, &size, NULL),
        FACET_ELIMIT);
    assert_int_equal(
        facet_image_encode(image, FACET_IMAGE_HEIC, 90, &bytes, &size, NULL),
        FACET_EUNSUPPORTED);
    CHECK_OK(
        facet_image_encode(image, FACET_IMAGE_PNG, 90, &bytes, &size, NULL));
    facet_image_bytes_free(bytes);
    facet_image_free(image);
    CHECK_OK(facet_image_create(1000001, 1, &image));
    assert_int_equal(
        facet_image_encode(image, FACET_IMAGE_PNG, 90, &bytes, &size, &err),
        FACET_ELIMIT);
    assert_non_null(strstr(err.msg, "1000000 pixels a side"));
    facet_image_free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_encoded_decodes_to_the_same),
        cmocka_unit_test(test_the_name_tells_the_format_and_files_are_whole),
        cmocka_unit_test(test_a_write_that_fails_leaves_nothing),
        cmocka_unit_test(test_sides_that_a_format_cannot_hold_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
