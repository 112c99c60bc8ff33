/* SPDX-License-Identifier: Apache-2.0 */
/* encode.c - pictures into JPEG, PNG and WebP bytes.
 *
 * The libraries own the memory that they write to; the finished file is copied
 * into facet's own, so that there is one way to free it. */
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <turbojpeg.h>
#include <webp/encode.h>

#include "base/alloc.h"
#include "base/error.h"
#include "image/image.h"

/* libpng writes and reads no longer side unless asked to. */
enum { LOSSLESS = 100, SHARP = 90, PNG_MAX_DIMENSION = 1000000 };

static facet_status copy_out(const uint8_t *from, size_t count, uint8_t **bytes,
    size_t *size, facet_error *err)
{
    *bytes = facet__alloc(count);
    if (!*bytes)
        return facet__fail_memory(err);
    memcpy(*bytes, from, count);
    *size = count;
    return FACET_OK;
}

static facet_status check_side(
    const facet_image *image, const char *format, int limit, facet_error *err)
{
    if (image->width <= limit && image->height <= limit)
        return FACET_OK;
    return facet__fail(err, FACET_ELIMIT,
        "%s is written with at most %d pixels a side, the picture has %d x %d; "
        "%sshrink it",
        format, limit, image->width, image->height,
        limit < PNG_MAX_DIMENSION ? "write PNG or " : "");
}

facet_status facet__jpeg_encode(const facet_image *image, int quality,
    uint8_t **bytes, size_t *size, facet_error *err)
{
    unsigned char *made = NULL;
    unsigned long count = 0;
    tjhandle encoder = NULL;
    facet_status status = check_side(image, "JPEG", JPEG_MAX_DIMENSION, err);

    if (status != FACET_OK)
        return status;
    encoder = tjInitCompress();
    if (!encoder)
        return facet__fail_memory(err);
    if (tjCompress2(encoder, image->data, image->width, (int)image->stride,
            image->height, TJPF_RGB, &made, &count,
            quality >= SHARP ? TJSAMP_444 : TJSAMP_420, quality,
            TJFLAG_ACCURATEDCT) == 0)
        status = copy_out(made, count, bytes, size, err);
    else
        status = facet__fail(err, FACET_EINTERNAL, "JPEG encoder: %.120s",
            tjGetErrorStr2(encoder));
    tjFree(made);
    tjDestroy(encoder);
    return status;
}

facet_status facet__png_encode(const facet_image *image, int quality,
    uint8_t **bytes, size_t *size, facet_error *err)
{
    png_image about = { .version = PNG_IMAGE_VERSION,
        .width = (png_uint_32)image->width,
        .height = (png_uint_32)image->height,
        .format = PNG_FORMAT_RGB };
    png_alloc_size_t count = PNG_IMAGE_PNG_SIZE_MAX(about);
    facet_status status = check_side(image, "PNG", PNG_MAX_DIMENSION, err);
    uint8_t *room;

    (void)quality;
    if (status != FACET_OK)
        return status;
    room = facet__alloc(count);
    if (!room)
        return facet__fail_memory(err);
    if (png_image_write_to_memory(&about, room, &count, 0, image->data,
            (png_int_32)image->stride, NULL))
        status = copy_out(room, count, bytes, size, err);
    else
        status = facet__fail(
            err, FACET_EINTERNAL, "PNG encoder: %.60s", about.message);
    png_image_free(&about);
    facet__free(room);
    return status;
}

facet_status facet__webp_encode(const facet_image *image, int quality,
    uint8_t **bytes, size_t *size, facet_error *err)
{
    uint8_t *made = NULL;
    size_t count;
    facet_status status = check_side(image, "WebP", WEBP_MAX_DIMENSION, err);

    if (status != FACET_OK)
        return status;
    if (quality == LOSSLESS)
        count = WebPEncodeLosslessRGB(image->data, image->width, image->height,
            (int)image->stride, &made);
    else
        count = WebPEncodeRGB(image->data, image->width, image->height,
            (int)image->stride, (float)quality, &made);
    status = count ? copy_out(made, count, bytes, size, err)
                   : facet__fail_memory(err);
    WebPFree(made);
    return status;
}
