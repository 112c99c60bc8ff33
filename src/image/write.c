/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - pictures into files, whole or not at all.
 *
 * The bytes go to a new file beside the old one, which it replaces by a rename
 * once they are safe on the disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "image/image.h"

static const struct {
    const char *ending;
    facet_image_format format;
} endings[] = {
    { ".jpg", FACET_IMAGE_JPEG },
    { ".jpeg", FACET_IMAGE_JPEG },
    { ".png", FACET_IMAGE_PNG },
    { ".webp", FACET_IMAGE_WEBP },
};

facet_status facet_image_encode(const facet_image *image,
    facet_image_format format, int quality, uint8_t **bytes, size_t *size,
    facet_error *err)
{
    static facet__encode *const encoders[] = {
        [FACET_IMAGE_JPEG] = facet__jpeg_encode,
        [FACET_IMAGE_PNG] = facet__png_encode,
        [FACET_IMAGE_WEBP] = facet__webp_encode,
    };

    if (bytes)
        *bytes = NULL;
    if (size)
        *size = 0;
    if (!image || !bytes || !size)
        return facet__fail(
            err, FACET_EINVAL, "image, bytes and size must be given");
    if (format != FACET_IMAGE_PNG && (quality < 1 || quality > 100))
        return facet__fail(
            err, FACET_EINVAL, "quality %d is not within 1 to 100", quality);
    if ((size_t)format >= sizeof encoders / sizeof *encoders ||
        !encoders[format])
        return facet__fail(err, FACET_EUNSUPPORTED,
            "facet writes JPEG, PNG and WebP only; choose one of them");
    return encoders[format](image, quality, bytes, size, err);
}

void facet_image_bytes_free(uint8_t *bytes)
{
    facet__free(bytes);
}

static facet_status format_of(
    const char *path, facet_image_format *format, facet_error *err)
{
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++) {
        if (!strcasecmp(dot, endings[i].ending)) {
            *format = endings[i].format;
            return FACET_OK;
        }
    }
    return facet__fail(err, FACET_EUNSUPPORTED,
        "%s: the name must end in .jpg, .jpeg, .png or .webp", path);
}

static facet_status fail_system(facet_error *err, const char *path, int number)
{
    if (number == ENOENT || number == ENOTDIR)
        return facet__fail(err, FACET_ENOTFOUND,
            "%s: there is no such folder; create it first", path);
    return facet__fail(err, FACET_EIO,
        "%s: %s; check the folder, its rights and the space left", path,
        strerror(number));
}

/* Write and sync; the error number, or 0. */
static int put(int file, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t done = write(file, bytes, size);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno;
        bytes += done;
        size -= (size_t)done;
    }
    return fsync(file) == 0 ? 0 : errno;
}

/* Open a file that is not there yet, named after `path`. */
static int open_beside(const char *path, char *name, size_t room)
{
    enum { TRIES = 100 };
    int file = -1;

    for (int i = 0; i < TRIES && file < 0; i++) {
        snprintf(name, room, "%s.%ld-%d.tmp", path, (long)getpid(), i);
        file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file < 0 && errno != EEXIST)
            break;
    }
    return file;
}

static facet_status write_file(
    const char *path, const uint8_t *bytes, size_t size, facet_error *err)
{
    const size_t room = strlen(path) + 40;
    char *name = facet__alloc(room);
    facet_status status = FACET_OK;
    int file, number;

    if (!name)
        return facet__fail_memory(err);
    file = open_beside(path, name, room);
    if (file < 0) {
        status = fail_system(err, path, errno);
        goto done;
    }
    number = put(file, bytes, size);
    if (close(file) != 0 && !number)
        number = errno;
    if (!number && rename(name, path) != 0)
        number = errno;
    if (number) {
        unlink(name);
        status = fail_system(err, path, number);
    }
done:
    facet__free(name);
    return status;
}

facet_status facet_image_write(
    const facet_image *image, const char *path, int quality, facet_error *err)
{
    facet_image_format format = FACET_IMAGE_RAW;
    uint8_t *bytes = NULL;
    size_t size = 0;
    facet_status status;

    if (!image || !path)
        return facet__fail(err, FACET_EINVAL, "image and path must be given");
    status = format_of(path, &format, err);
    if (status == FACET_OK)
        status = facet_image_encode(image, format, quality, &bytes, &size, err);
    if (status == FACET_OK)
        status = write_file(path, bytes, size, err);
    facet_image_bytes_free(bytes);
    return status;
}
