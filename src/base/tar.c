/* SPDX-License-Identifier: Apache-2.0 */
/* tar.c - a bounded reader of POSIX.1-1988 ustar and POSIX.1-2001 pax.
 *
 * An archive is a chain of 512-byte headers, each followed by its content
 * rounded up to 512. Every number comes from a stranger: the checksum of each
 * header is verified, sizes are held against the length of the file before they
 * move the position, and extended headers are read up to a few KiB only. */
#include "base/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

enum { BLOCK = 512, EXTENDED_MAX = 8192 };

/* Offsets of the header's fields. */
enum {
    AT_NAME = 0,
    AT_SIZE = 124,
    AT_CHECKSUM = 148,
    AT_TYPE = 156,
    AT_MAGIC = 257,
    AT_PREFIX = 345,
};

struct facet__tar {
    int file;
    uint64_t size, at;
    char *path;
};

facet_status facet__tar_open(
    const char *path, facet__tar **out, facet_error *err)
{
    facet__tar *tar = facet__calloc(1, sizeof *tar);
    facet_status st = FACET_ENOMEM;
    struct stat info;

    *out = NULL;
    if (!tar)
        return facet__fail_memory(err);
    tar->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    tar->path = facet__strdup(path);
    if (tar->file < 0 && (errno == ENOENT || errno == ENOTDIR))
        st = facet__fail(err, FACET_ENOTFOUND, "%s: " FACET__NO_FILE, path);
    else if (tar->file < 0)
        st = facet__fail(err, FACET_EIO, "%s: %s", path, strerror(errno));
    else if (!tar->path)
        st = facet__fail_memory(err);
    else if (fstat(tar->file, &info) || !S_ISREG(info.st_mode))
        st = facet__fail(err, FACET_EIO, "%s: not a regular file", path);
    else if (info.st_size == 0)
        st = facet__fail(err, FACET_EEMPTY, "%s: empty", path);
    else
        st = FACET_OK;
    if (st != FACET_OK) {
        facet__tar_close(tar);
        return st;
    }
    tar->size = (uint64_t)info.st_size;
    *out = tar;
    return FACET_OK;
}

void facet__tar_close(facet__tar *tar)
{
    if (!tar)
        return;
    if (tar->file >= 0)
        close(tar->file);
    facet__free(tar->path);
    facet__free(tar);
}

facet_status facet__tar_read(const facet__tar *tar, uint64_t offset,
    void *bytes, size_t size, facet_error *err)
{
    size_t done = 0;

    while (done < size) {
        const ssize_t n = pread(tar->file, (char *)bytes + done, size - done,
            (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return facet__fail(
                err, FACET_EIO, "%s: %s", tar->path, strerror(errno));
        if (n == 0)
            return facet__fail(err, FACET_ETRUNCATED,
                "%s: ends at byte %llu inside a member", tar->path,
                (unsigned long long)(offset + done));
        done += (size_t)n;
    }
    return FACET_OK;
}

/* An octal field, or GNU's big-endian binary one with the top bit set. */
static bool parse_number(const uint8_t *field, size_t length, uint64_t *out)
{
    size_t i = 0;
    uint64_t value = 0;

    if (field[0] == 0x80) {
        for (i = 1; i < length; i++) {
            if (value >> 55)
                return false;
            value = value << 8 | field[i];
        }
        *out = value;
        return true;
    }
    while (i < length && field[i] == ' ')
        i++;
    for (; i < length && field[i] >= '0' && field[i] <= '7'; i++)
        value = value << 3 | (uint64_t)(field[i] - '0');
    *out = value;
    return i == length || field[i] == 0 || field[i] == ' ';
}

static bool checksum_holds(const uint8_t *header)
{
    uint64_t want, sum = 0;

    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= AT_CHECKSUM && i < AT_CHECKSUM + 8 ? ' ' : header[i];
    return parse_number(header + AT_CHECKSUM, 8, &want) && want == sum;
}

static bool all_zero(const uint8_t *block)
{
    for (size_t i = 0; i < BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

/* Prefix and name of a ustar header, joined. */
static void header_name(const uint8_t *header, char out[FACET__TAR_NAME])
{
    const char *prefix = (const char *)header + AT_PREFIX;
    const char *name = (const char *)header + AT_NAME;
    size_t n = 0;

    if (memcmp(header + AT_MAGIC, "ustar\0", 6) == 0 && prefix[0]) {
        n = strnlen(prefix, 155);
        memcpy(out, prefix, n);
        out[n++] = '/';
    }
    memcpy(out + n, name, strnlen(name, 100));
    out[n + strnlen(name, 100)] = 0;
}

/* What extended headers have said about the next member. */
typedef struct extended {
    char name[FACET__TAR_NAME]; /* "" if nothing */
    uint64_t size;
    bool has_size;
} extended;

static facet_status note_name(const facet__tar *tar, extended *more,
    const char *name, size_t length, facet_error *err)
{
    length = strnlen(name, length);
    if (length >= FACET__TAR_NAME)
        return facet__fail(err, FACET_ELIMIT,
            "%s: a member's name is longer than %d bytes", tar->path,
            FACET__TAR_NAME - 1);
    memcpy(more->name, name, length);
    more->name[length] = 0;
    return FACET_OK;
}

/* One pax record: "LENGTH KEY=VALUE\n", where the length counts itself. */
static facet_status pax_record(const facet__tar *tar, extended *more,
    const char *record, size_t left, size_t *length, facet_error *err)
{
    size_t n = 0, i = 0;

    while (i < left && i < 5 && record[i] >= '0' && record[i] <= '9')
        n = n * 10 + (size_t)(record[i++] - '0');
    if (i == 0 || i + 3 > n || n > left || record[i] != ' ' ||
        record[n - 1] != '\n')
        return facet__fail(err, FACET_EDAMAGED,
            "%s: an extended header at byte %llu is damaged", tar->path,
            (unsigned long long)tar->at);
    *length = n;
    record += i + 1;
    n -= i + 2; /* KEY=VALUE without the line feed */
    if (n > 5 && memcmp(record, "path=", 5) == 0)
        return note_name(tar, more, record + 5, n - 5, err);
    if (n > 5 && memcmp(record, "size=", 5) == 0) {
        more->size = 0;
        for (i = 5; i < n && record[i] >= '0' && record[i] <= '9'; i++)
            if (more->size < UINT64_MAX / 16)
                more->size = more->size * 10 + (uint64_t)(record[i] - '0');
        more->has_size = true;
    }
    return FACET_OK;
}

static facet_status read_extended(facet__tar *tar, char type, uint64_t offset,
    uint64_t size, extended *more, facet_error *err)
{
    char text[EXTENDED_MAX];
    facet_status st;
    size_t length = 0;

    if (size > sizeof text)
        return facet__fail(err, FACET_ELIMIT,
            "%s: an extended header of %llu bytes (at most %d are read)",
            tar->path, (unsigned long long)size, EXTENDED_MAX);
    st = facet__tar_read(tar, offset, text, (size_t)size, err);
    if (st != FACET_OK || type == 'g')
        return st;
    if (type == 'L')
        return note_name(tar, more, text, (size_t)size, err);
    for (size_t i = 0; i < size && st == FACET_OK; i += length)
        st = pax_record(tar, more, text + i, (size_t)size - i, &length, err);
    return st;
}

/* Read the header at tar->at and move past it; a zero block or the end of the
 * file gives *more = 0. */
static facet_status read_header(
    facet__tar *tar, uint8_t header[BLOCK], int *more, facet_error *err)
{
    facet_status st;

    *more = 0;
    if (tar->at >= tar->size)
        return FACET_OK;
    st = facet__tar_read(tar, tar->at, header, BLOCK, err);
    if (st != FACET_OK || all_zero(header))
        return st;
    if (!checksum_holds(header))
        return facet__fail(err, FACET_EDAMAGED,
            "%s: no valid tar header at byte %llu", tar->path,
            (unsigned long long)tar->at);
    tar->at += BLOCK;
    *more = 1;
    return FACET_OK;
}

facet_status facet__tar_next(
    facet__tar *tar, facet__tar_member *member, int *more, facet_error *err)
{
    uint8_t header[BLOCK];
    extended about = { .has_size = false };

    for (;;) {
        facet_status st = read_header(tar, header, more, err);
        const char type = (char)header[AT_TYPE];
        uint64_t size, offset;

        if (st != FACET_OK || !*more)
            return st;
        *more = 0;
        offset = tar->at;
        if (!parse_number(header + AT_SIZE, 12, &size))
            size = UINT64_MAX;
        if (about.has_size && type != 'x' && type != 'L')
            size = about.size;
        if (size > tar->size - offset)
            return facet__fail(err, FACET_ETRUNCATED,
                "%s: the member at byte %llu goes past the end of the file",
                tar->path, (unsigned long long)(offset - BLOCK));
        tar->at = offset + (size + BLOCK - 1) / BLOCK * BLOCK;
        if (type == 'x' || type == 'L' || type == 'g') {
            st = read_extended(tar, type, offset, size, &about, err);
            if (st != FACET_OK)
                return st;
            continue;
        }
        if (type == '0' || type == '7' || type == 0) {
            if (about.name[0])
                memcpy(member->name, about.name, sizeof about.name);
            else
                header_name(header, member->name);
            member->offset = offset;
            member->size = size;
            *more = 1;
            return FACET_OK;
        }
        about = (extended){ .has_size = false };
    }
}
