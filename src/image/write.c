/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - pictures into bytes and files. */
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
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
    if (status != FACET_OK)
        return status;
    status = facet_image_encode(image, format, quality, &bytes, &size, err);
    if (status != FACET_OK)
        facet__fail_in(err, status, path);
    else
        status = facet__file_write(path, bytes, size, err);
    facet_image_bytes_free(bytes);
    return status;
}
