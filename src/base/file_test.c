/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"

static void test_what_is_written_is_read(void **state)
{
    const facet__piece pieces[] = { { "hello ", 6 }, { "", 0 },
        { "world", 5 } };
    char path[] = "facet-file-XXXXXX";
    void *bytes;
    size_t size;

    (void)state;
    close(mkstemp(path));
    assert_int_equal(
        facet__file_read(path, 100, &bytes, &size, NULL), FACET_EEMPTY);
    CHECK_OK(facet__file_write_pieces(path, pieces, 3, NULL));
    CHECK_OK(facet__file_read(path, 11, &bytes, &size, NULL));
    assert_int_equal(size, 11);
    assert_memory_equal(bytes, "hello world", 11);
    facet__free(bytes);
    assert_int_equal(
        facet__file_read(path, 10, &bytes, &size, NULL), FACET_ELIMIT);
    assert_null(bytes);
    unlink(path);
}

static void test_failures_name_the_file_and_leave_nothing(void **state)
{
    facet_error err;
    void *bytes;
    size_t size;

    (void)state;
    assert_int_equal(
        facet__file_read("no/such", 9, &bytes, &size, &err), FACET_ENOTFOUND);
    assert_non_null(strstr(err.msg, "no/such"));
    assert_int_equal(
        facet__file_read(".", 1 << 20, &bytes, &size, &err), FACET_EIO);
    assert_int_equal(
        facet__file_write("no/such/file", "x", 1, &err), FACET_ENOTFOUND);
}

/* A full disk: the old file stays, the new one beside it goes. */
static void test_a_failed_write_keeps_the_old_file(void **state)
{
    char folder[] = "facet-file-XXXXXX", path[64];
    struct stat info;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/kept", folder);
    CHECK_OK(facet__file_write(path, "new", 3, NULL));
    /* A folder of the target's name cannot be renamed over. */
    unlink(path);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(facet__file_write(path, "new", 3, NULL), FACET_EIO);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0); /* nothing was left in it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_failures_name_the_file_and_leave_nothing),
        cmocka_unit_test(test_a_failed_write_keeps_the_old_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
