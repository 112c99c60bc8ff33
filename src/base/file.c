/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

static facet_status fail_errno(
    facet_error *err, const char *path, const char *doing)
{
    if (errno == ENOENT || errno == ENOTDIR)
        return facet__fail(
            err, FACET_ENOTFOUND, "%s %.150s: " FACET__NO_FILE, doing, path);
    return facet__fail(
        err, FACET_EIO, "%s %.150s: %s", doing, path, strerror(errno));
}

/* Read until `size` bytes are there. */
static facet_status fill(
    int fd, const char *path, char *to, size_t size, facet_error *err)
{
    size_t done = 0;

    while (done < size) {
        const ssize_t got = read(fd, to + done, size - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(err, path, "reading");
        if (got == 0)
            return facet__fail(err, FACET_ETRUNCATED,
                "%.150s became shorter while it was read", path);
        done += (size_t)got;
    }
    return FACET_OK;
}

static facet_status read_open(int fd, const char *path, size_t max_bytes,
    void **bytes, size_t *size, facet_error *err)
{
    struct stat st;
    facet_status status;

    if (fstat(fd, &st) != 0)
        return fail_errno(err, path, "reading");
    if (!S_ISREG(st.st_mode))
        return facet__fail(
            err, FACET_EIO, "%.150s is not a regular file", path);
    if (st.st_size == 0)
        return facet__fail(err, FACET_EEMPTY, "%.150s has no bytes", path);
    if ((uintmax_t)st.st_size > max_bytes)
        return facet__fail(err, FACET_ELIMIT,
            "%.150s has %lld bytes: the limit is %zu", path,
            (long long)st.st_size, max_bytes);
    *bytes = facet__alloc((size_t)st.st_size);
    if (!*bytes)
        return facet__fail_memory(err);
    *size = (size_t)st.st_size;
    status = fill(fd, path, *bytes, *size, err);
    if (status != FACET_OK) {
        facet__free(*bytes);
        *bytes = NULL;
    }
    return status;
}

facet_status facet__file_read(const char *path, size_t max_bytes, void **bytes,
    size_t *size, facet_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    facet_status st;

    *bytes = NULL;
    *size = 0;
    if (fd < 0)
        return fail_errno(err, path, "opening");
    st = read_open(fd, path, max_bytes, bytes, size, err);
    close(fd);
    return st;
}

facet_status facet__file_read_text(const char *path, size_t max_bytes,
    char **text, size_t *size, facet_error *err)
{
    void *bytes;
    size_t length;
    const facet_status st =
        facet__file_read(path, max_bytes, &bytes, &length, err);

    *text = NULL;
    if (st != FACET_OK)
        return st;
    *text = facet__grow(bytes, length, length + 1);
    if (!*text) {
        facet__free(bytes);
        return facet__fail_memory(err);
    }
    (*text)[length] = '\0';
    if (size)
        *size = length;
    return FACET_OK;
}

char *facet__file_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder;

    if (!slash)
        return facet__strdup(".");
    folder = facet__strdup(path);
    if (folder)
        folder[slash == path ? 1 : slash - path] = '\0';
    return folder;
}

static bool write_all(int fd, const char *from, size_t size)
{
    while (size > 0) {
        const ssize_t put = write(fd, from, size);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        from += put;
        size -= (size_t)put;
    }
    return true;
}

/* The folder of a path, which is cut off behind it. */
static void sync_folder(char *path)
{
    char *slash = strrchr(path, '/');
    int fd;

    if (slash)
        slash[slash == path ? 1 : 0] = '\0';
    fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd); /* some file systems cannot: the rename stands */
        close(fd);
    }
}

/* Open a file of six letters that is not there yet, as mkstemp does, but with
 * the rights that the process gives to its files. */
static int open_beside(char *temporary)
{
    enum { TRIES = 100, LETTERS = 6 };
    char *letters = temporary + strlen(temporary) - LETTERS;
    struct timespec now = { 0, 0 };
    int fd = -1;

    clock_gettime(CLOCK_REALTIME, &now);
    for (uint32_t i = 0; i < TRIES && fd < 0; i++) {
        uint32_t mixed = (uint32_t)getpid() * 2654435761u +
                         (uint32_t)now.tv_nsec * 40503u + i;

        for (int k = 0; k < LETTERS; k++, mixed /= 26)
            letters[k] = (char)('a' + mixed % 26);
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

static facet_status fail_write(const char *path, facet_error *err)
{
    if (errno == ENOENT || errno == ENOTDIR)
        return facet__fail(
            err, FACET_ENOTFOUND, "writing %.150s: " FACET__NO_FOLDER, path);
    if (errno == ENAMETOOLONG)
        return facet__fail(err, FACET_EIO,
            "writing %.150s...: the name is too long for the file system; "
            "shorten it",
            path);
    return facet__fail(err, FACET_EIO,
        "writing %.150s: %s; check the folder, its rights and the space left",
        path, strerror(errno));
}

static bool write_pieces(int fd, const facet__piece *pieces, size_t n_pieces)
{
    bool good = true;

    for (size_t i = 0; i < n_pieces && good; i++)
        good = write_all(fd, pieces[i].bytes, pieces[i].size);
    return good;
}

/* With the rights of the file in whose place it comes (`mode`), or as the
 * process makes files (0). */
static facet_status write_beside(const char *path, mode_t mode, char *temporary,
    const facet__piece *pieces, size_t n_pieces, facet_error *err)
{
    const int fd = open_beside(temporary);
    facet_status st;
    bool good;

    if (fd < 0)
        return fail_write(path, err);
    good = write_pieces(fd, pieces, n_pieces) &&
           (!mode || fchmod(fd, mode) == 0) && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    if (good && rename(temporary, path) == 0)
        return FACET_OK;
    st = fail_write(path, err);
    unlink(temporary);
    return st;
}

static facet_status write_through(const char *path, const facet__piece *pieces,
    size_t n_pieces, facet_error *err)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool good = fd >= 0 && write_pieces(fd, pieces, n_pieces);
    const facet_status st = good ? FACET_OK : fail_write(path, err);

    if (fd >= 0)
        close(fd);
    return st;
}

static facet_status replace(const char *path, mode_t mode,
    const facet__piece *pieces, size_t n_pieces, facet_error *err)
{
    const size_t length = strlen(path) + sizeof FACET__TEMPORARY "XXXXXX";
    char *temporary = facet__alloc(length);
    facet_status st;

    if (!temporary)
        return facet__fail_memory(err);
    snprintf(temporary, length, "%s" FACET__TEMPORARY "XXXXXX", path);
    st = write_beside(path, mode, temporary, pieces, n_pieces, err);
    if (st == FACET_OK)
        sync_folder(temporary);
    facet__free(temporary);
    return st;
}

facet_status facet__file_write(
    const char *path, const void *bytes, size_t size, facet_error *err)
{
    const facet__piece piece = { bytes, size };

    return facet__file_write_pieces(path, &piece, 1, err);
}

facet_status facet__file_write_pieces(const char *path,
    const facet__piece *pieces, size_t n_pieces, facet_error *err)
{
    struct stat old;
    char *target;
    facet_status st;

    if (stat(path, &old) != 0)
        return replace(path, 0, pieces, n_pieces, err);
    if (S_ISDIR(old.st_mode))
        return facet__fail(err, FACET_EIO,
            "writing %.150s: it is a folder; name a file", path);
    if (!S_ISREG(old.st_mode))
        return write_through(path, pieces, n_pieces, err);
    target = realpath(path, NULL); /* where a link leads */
    if (!target)
        return fail_write(path, err);
    st = replace(target, old.st_mode & 0777, pieces, n_pieces, err);
    free(target);
    return st;
}

facet_status facet__file_check_copy(
    const char *source, const char *copy, facet_error *err)
{
    struct stat from, to;

    if (stat(source, &from) != 0 || stat(copy, &to) != 0 ||
        from.st_dev != to.st_dev || from.st_ino != to.st_ino)
        return FACET_OK;
    return facet__fail(err, FACET_EINVAL,
        "%.150s: source and copy are the same file; name another for the copy",
        copy);
}
