/* SPDX-License-Identifier: Apache-2.0 */
/* pictures_test.c - the crops of ../shared by key, and files of a folder. */
#include "facet/pictures.h"

#include <string.h>

#include "check.h"

static void test_members_are_found_with_and_without_their_ending(void **state)
{
    static const char *const paths[] = { FACET_SOURCE_DIR "/src/eval",
        FACET_SHARED_DIR "/data/faces/faces-val.tar" };
    static const char *const names[] = { "cel-002307-0002",
        "cel-002307-0002.webp" };
    facet_pictures *pictures;
    facet_error err;
    uint8_t *bytes;
    size_t size;

    (void)state;
    NEED_SHARED("data/faces/faces-val.tar");
    CHECK_OK(facet_pictures_open(paths, 2, &pictures, &err));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(facet_pictures_read(pictures, names[i], &bytes, &size, &err));
        assert_true(size > 500);
        assert_memory_equal(bytes + 8, "WEBP", 4);
        facet_pictures_free_bytes(bytes);
    }
    CHECK_OK(
        facet_pictures_read(pictures, "pictures_test.c", &bytes, &size, &err));
    assert_memory_equal(bytes, "/* SPDX", 7);
    facet_pictures_free_bytes(bytes);
    assert_int_equal(
        facet_pictures_read(pictures, "nobody", &bytes, &size, &err),
        FACET_ENOTFOUND);
    assert_non_null(strstr(err.msg, "nobody"));
    facet_pictures_close(pictures);
}

static void test_missing_archive_is_told(void **state)
{
    static const char *const paths[] = { "absent.tar" };
    facet_pictures *pictures;
    facet_error err;

    (void)state;
    assert_int_equal(
        facet_pictures_open(paths, 1, &pictures, &err), FACET_ENOTFOUND);
    assert_null(pictures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_are_found_with_and_without_their_ending),
        cmocka_unit_test(test_missing_archive_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
