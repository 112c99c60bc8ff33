/* SPDX-License-Identifier: Apache-2.0 */
/* read.c - from a file or bytes to the right decoder.
 *
 * The first bytes tell the format; names lie. Files are read, not mapped: who
 * cuts a mapped file short kills the process that reads it, and the copy costs
 * a twentieth of decoding it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "image/image.h"

enum { SHORTEST = 12 }; /* bytes that every format's beginning fits in */

void facet_image_opts_init(facet_image_opts *opts)
{
    if (opts)
        *opts =
            (facet_image_opts){ sizeof *opts, (size_t)64 << 20, 100000000, 0 };
}

facet_status facet__check_size(const facet__source *source, uint64_t width,
    uint64_t height, facet_error *err)
{
    if (!width || !height || width > INT32_MAX || height > INT32_MAX)
        return facet__fail(err, FACET_EDAMAGED,
            "the header claims %llu x %llu pixels; the file is damaged",
            (unsigned long long)width, (unsigned long long)height);
    if (width * height > source->opts.max_pixels)
        return facet__fail(err, FACET_ELIMIT,
            "%llu x %llu pixels are more than the limit of %zu; shrink the "
            "picture or raise max_pixels",
            (unsigned long long)width, (unsigned long long)height,
            source->opts.max_pixels);
    return FACET_OK;
}

static bool is_jpeg(const uint8_t *b)
{
    return b[0] == 0xff && b[1] == 0xd8 && b[2] == 0xff;
}

static bool is_png(const uint8_t *b)
{
    return !memcmp(b, "\x89PNG\r\n\x1a\n", 8);
}

static bool is_webp(const uint8_t *b)
{
    return !memcmp(b, "RIFF", 4) && !memcmp(b + 8, "WEBP", 4);
}

static bool is_heic(const uint8_t *b)
{
    static const char brands[][5] = { "heic", "heix", "heim", "heis", "mif1",
        "hevc", "hevx" };

    if (memcmp(b + 4, "ftyp", 4) != 0)
        return false;
    for (size_t i = 0; i < sizeof brands / sizeof *brands; i++)
        if (!memcmp(b + 8, brands[i], 4))
            return true;
    return false;
}

/* A new format is a line here and a file beside this one. */
static const struct {
    bool (*matches)(const uint8_t *first_bytes);
    facet__decode *decode;
} formats[] = {
    { is_jpeg, facet__jpeg_decode },
    { is_png, facet__png_decode },
    { is_webp, facet__webp_decode },
    { is_heic, facet__heic_decode },
};

static facet_status decode(
    const facet__source *source, facet_image **image, facet_error *err)
{
    /* A file shorter than any beginning is compared as if zeros followed. */
    uint8_t start[SHORTEST] = { 0 };

    memcpy(start, source->bytes,
        source->size < SHORTEST ? source->size : SHORTEST);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!formats[i].matches(start))
            continue;
        if (source->size < SHORTEST)
            return facet__fail(err, FACET_ETRUNCATED,
                "the file ends after %zu bytes; it is cut short, copy it again",
                source->size);
        return formats[i].decode(source, image, err);
    }
    return facet__fail(err, FACET_ENOTIMAGE,
        "the content is not JPEG, PNG, WebP or HEIC, whatever its name says; "
        "convert it first if it is a picture");
}

static facet_status check_opts(
    const facet_image_opts *given, facet_image_opts *opts, facet_error *err)
{
    facet_image_opts_init(opts);
    if (given && given->size != sizeof *given)
        return facet__fail(err, FACET_EINVAL,
            "image options are not initialized: call facet_image_opts_init");
    if (given)
        *opts = *given;
    return FACET_OK;
}

static facet_status check_bytes(
    uint64_t size, const facet_image_opts *opts, facet_error *err)
{
    if (!size)
        return facet__fail(err, FACET_EEMPTY,
            "the file has no bytes; copy it again from where it came from");
    if (size > opts->max_bytes)
        return facet__fail(err, FACET_ELIMIT,
            "%llu bytes are more than the limit of %zu; shrink the picture or "
            "raise max_bytes",
            (unsigned long long)size, opts->max_bytes);
    return FACET_OK;
}

facet_status facet_image_read_memory(const void *bytes, size_t size,
    const facet_image_opts *opts, facet_image **image, facet_error *err)
{
    facet__source source = { bytes, size, { 0 } };
    facet_status status;

    if (image)
        *image = NULL;
    if (!image || (!bytes && size))
        return facet__fail(err, FACET_EINVAL, "bytes and image must be given");
    status = check_opts(opts, &source.opts, err);
    if (status == FACET_OK)
        status = check_bytes(size, &source.opts, err);
    return status == FACET_OK ? decode(&source, image, err) : status;
}

static facet_status fail_system(facet_error *err, const char *what, int number)
{
    if (number == ENOENT || number == ENOTDIR)
        return facet__fail(err, FACET_ENOTFOUND, "%s: " FACET__NO_FILE, what);
    return facet__fail(err, FACET_EIO, "%s: %s; check the file and its rights",
        what, strerror(number));
}

/* Read to the end, or until `room` is full: a file that grew meanwhile. */
static facet_status read_all(
    int file, uint8_t *bytes, size_t room, size_t *size, facet_error *err)
{
    *size = 0;
    while (*size < room) {
        const ssize_t got = read(file, bytes + *size, room - *size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_system(err, "reading", errno);
        if (got == 0)
            break;
        *size += (size_t)got;
    }
    return FACET_OK;
}

static facet_status read_and_decode(int file, const facet_image_opts *opts,
    facet_image **image, facet_error *err)
{
    struct stat about;
    facet__source source = { NULL, 0, *opts };
    uint8_t *bytes = NULL;
    facet_status status;

    if (fstat(file, &about) != 0)
        return fail_system(err, "reading", errno);
    if (!S_ISREG(about.st_mode))
        return facet__fail(err, FACET_EIO,
            "%s, not a file: name a picture file",
            S_ISDIR(about.st_mode) ? "a folder" : "a device or pipe");
    status = check_bytes((uint64_t)about.st_size, opts, err);
    if (status != FACET_OK)
        return status;
    bytes = facet__alloc((size_t)about.st_size);
    if (!bytes)
        return facet__fail_memory(err);
    source.bytes = bytes;
    status = read_all(file, bytes, (size_t)about.st_size, &source.size, err);
    if (status == FACET_OK)
        status = check_bytes(source.size, opts, err);
    if (status == FACET_OK)
        status = decode(&source, image, err);
    facet__free(bytes);
    return status;
}

facet_status facet_image_read(const char *path, const facet_image_opts *opts,
    facet_image **image, facet_error *err)
{
    facet_image_opts checked;
    facet_status status;
    int file;

    if (image)
        *image = NULL;
    if (!path || !image)
        return facet__fail(err, FACET_EINVAL, "path and image must be given");
    status = check_opts(opts, &checked, err);
    if (status != FACET_OK)
        return status;
    /* Not blocking, so that a pipe nobody writes to is refused, not waited
     * for. */
    file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        status = fail_system(err, "opening", errno);
    } else {
        status = read_and_decode(file, &checked, image, err);
        close(file);
    }
    return status == FACET_OK ? status : facet__fail_in(err, status, path);
}
