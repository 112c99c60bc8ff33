/* SPDX-License-Identifier: Apache-2.0 */
/* pictures_test.c - the crops of ../shared by key, and files of a folder. */
#include "facet/pictures.h"

#include <stdio.h>
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

/* A tar file of members that hold their own names, one of them nothing. */
static void write_archive(const char *path, const char *const *names, int count)
{
    char archive[8][1024] = { { 0 } };
    FILE *to = fopen(path, "wb");

    assert_non_null(to);
    for (int i = 0; i < count; i++) {
        char *header = archive[i];
        const size_t size =
            strcmp(names[i], "empty.png") ? strlen(names[i]) : 0;
        unsigned sum = 0;

        snprintf(header, 100, "%s", names[i]);
        snprintf(header + 124, 12, "%011o", (unsigned)size);
        header[156] = '0';
        memcpy(header + 257, "ustar\00000", 8);
        memset(header + 148, ' ', 8);
        for (int k = 0; k < 512; k++)
            sum += (unsigned char)header[k];
        snprintf(header + 148, 8, "%06o", sum);
        memcpy(header + 512, names[i], size);
        assert_int_equal(
            fwrite(header, 1, size ? 1024 : 512, to), size ? 1024 : 512);
    }
    memset(archive, 0, sizeof archive[0]);
    assert_int_equal(fwrite(archive, 1, 1024, to), 1024);
    assert_int_equal(fclose(to), 0);
}

static void check_read(
    const facet_pictures *pictures, const char *name, const char *wanted)
{
    uint8_t *bytes;
    size_t size;

    CHECK_OK(facet_pictures_read(pictures, name, &bytes, &size, NULL));
    assert_int_equal(size, strlen(wanted));
    assert_memory_equal(bytes, wanted, size);
    facet_pictures_free_bytes(bytes);
}

static void test_the_full_name_counts_and_stems_are_pictures(void **state)
{
    static const char *const names[] = { "000.cls", "000.jpg", "000.png",
        "./1/a.b.JPG", "empty.png" };
    static const char *const path = "facet-pictures-test.tar";
    facet_pictures *pictures;
    facet_error err;
    uint8_t *bytes;
    size_t size;

    (void)state;
    write_archive(path, names, 5);
    CHECK_OK(facet_pictures_open(&path, 1, &pictures, &err));
    remove(path);
    for (int i = 0; i < 3; i++)
        check_read(pictures, names[i], names[i]);
    check_read(pictures, "000", "000.jpg");
    check_read(pictures, "000.webp", "000.jpg");
    check_read(pictures, "1/a.b", "./1/a.b.JPG");
    assert_int_equal(
        facet_pictures_read(pictures, "000.txt", &bytes, &size, &err),
        FACET_ENOTFOUND);
    assert_int_equal(
        facet_pictures_read(pictures, "empty", &bytes, &size, &err),
        FACET_EEMPTY);
    assert_null(bytes);
    assert_string_equal(facet_pictures_member(pictures, 0), "000");
    assert_string_equal(facet_pictures_member(pictures, 1), "1/a.b");
    assert_string_equal(facet_pictures_member(pictures, 2), "empty");
    assert_null(facet_pictures_member(pictures, 3));
    facet_pictures_close(pictures);
}

static void test_a_file_that_is_nowhere_is_told_with_the_remedy(void **state)
{
    static const char *const paths[] = { FACET_SOURCE_DIR "/src/eval",
        FACET_SOURCE_DIR "/src/base" };
    facet_pictures *pictures;
    facet_error err;
    uint8_t *bytes;
    size_t size;

    (void)state;
    CHECK_OK(facet_pictures_open(paths, 2, &pictures, &err));
    assert_int_equal(
        facet_pictures_read(pictures, "pictures_test", &bytes, &size, &err),
        FACET_ENOTFOUND);
    assert_non_null(strstr(err.msg, "'pictures_test' is not in "));
    assert_non_null(strstr(err.msg, "nor in the 1 place after it"));
    assert_non_null(strstr(err.msg, "with their endings"));
    assert_int_equal(
        facet_pictures_read(pictures, "a.b/c.jpg", &bytes, &size, &err),
        FACET_ENOTFOUND);
    assert_null(strstr(err.msg, "endings"));
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
        cmocka_unit_test(test_the_full_name_counts_and_stems_are_pictures),
        cmocka_unit_test(test_a_file_that_is_nowhere_is_told_with_the_remedy),
        cmocka_unit_test(test_missing_archive_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
