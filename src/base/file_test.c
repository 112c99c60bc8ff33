/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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
    assert_non_null(strstr(err.msg, "no/such: " FACET__NO_FILE));
    assert_int_equal(
        facet__file_read(FACET_SOURCE_DIR "/LICENSE/x", 9, &bytes, &size, &err),
        FACET_ENOTFOUND);
    assert_int_equal(
        facet__file_read(".", 1 << 20, &bytes, &size, &err), FACET_EIO);
    assert_int_equal(
        facet__file_write("no/such/file", "x", 1, &err), FACET_ENOTFOUND);
    assert_non_null(strstr(err.msg, "no/such/file: " FACET__NO_FOLDER));
}

static void test_a_name_that_is_too_long_is_told_so(void **state)
{
    char name[300];
    facet_error err;

    (void)state;
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(facet__file_write(name, "x", 1, &err), FACET_EIO);
    assert_non_null(strstr(err.msg, "shorten it"));
}

static void check_content(const char *path, const char *wanted)
{
    void *bytes;
    size_t size;

    CHECK_OK(facet__file_read(path, 100, &bytes, &size, NULL));
    assert_int_equal(size, strlen(wanted));
    assert_memory_equal(bytes, wanted, size);
    facet__free(bytes);
}

/* A full disk, as a limit on files makes one: the old file stays, the new one
 * beside it goes. */
static void test_a_failed_write_keeps_the_old_file(void **state)
{
    char folder[] = "facet-file-XXXXXX", path[64];
    struct rlimit usual, tiny;
    facet_error err;
    facet_status st;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/kept", folder);
    CHECK_OK(facet__file_write(path, "old", 3, NULL));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    tiny = (struct rlimit){ 1, usual.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    st = facet__file_write(path, "new", 3, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    assert_int_equal(st, FACET_EIO);
    assert_non_null(strstr(err.msg, path));
    check_content(path, "old");
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing was left in it */
}

static void test_a_folder_is_not_written(void **state)
{
    char folder[] = "facet-file-XXXXXX";
    facet_error err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(facet__file_write(folder, "new", 3, &err), FACET_EIO);
    assert_non_null(strstr(err.msg, "is a folder"));
    assert_int_equal(rmdir(folder), 0);
}

/* A pipe stays a pipe, and a link a link. */
static void test_writes_go_where_the_path_leads(void **state)
{
    char folder[] = "facet-file-XXXXXX", pipe[64], file[64], link[64], got[8];
    struct stat info;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(pipe, sizeof pipe, "%s/pipe", folder);
    snprintf(file, sizeof file, "%s/file", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    fd = open(pipe, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    CHECK_OK(facet__file_write(pipe, "new", 3, NULL));
    assert_int_equal(read(fd, got, sizeof got), 3);
    close(fd);
    assert_int_equal(stat(pipe, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));

    CHECK_OK(facet__file_write(file, "old", 3, NULL));
    assert_int_equal(chmod(file, 0600), 0);
    assert_int_equal(symlink("file", link), 0);
    CHECK_OK(facet__file_write(link, "new", 3, NULL));
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    check_content(file, "new");

    unlink(pipe);
    unlink(link);
    unlink(file);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_failures_name_the_file_and_leave_nothing),
        cmocka_unit_test(test_a_name_that_is_too_long_is_told_so),
        cmocka_unit_test(test_a_failed_write_keeps_the_old_file),
        cmocka_unit_test(test_a_folder_is_not_written),
        cmocka_unit_test(test_writes_go_where_the_path_leads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
