/* SPDX-License-Identifier: Apache-2.0 */
/* webp.c - reading WebP, lossy and lossless, through libwebp's plain decoder.
 *
 * An upright picture without alpha is decoded in place; the others go through
 * a second buffer, since libwebp writes whole pictures only. */
#include <string.h>

#include <webp/decode.h>

#include "base/alloc.h"
#include "base/error.h"
#include "image/image.h"

static uint32_t little_32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
           (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Orientation in the EXIF chunk of the RIFF file. The walk trusts no length. */
static facet_status orientation_of(
    const facet__source *source, int *orientation)
{
    enum { RIFF_HEAD = 12, HEAD = 8 };
    const uint8_t *bytes = source->bytes;
    size_t at = RIFF_HEAD;

    *orientation = 1;
    if (source->opts.ignore_orientation)
        return FACET_OK;
    while (at < source->size && source->size - at > HEAD) {
        const size_t length = little_32(bytes + at + 4);

        if (length > source->size - at - HEAD)
            break;
        if (!memcmp(bytes + at, "EXIF", 4))
            return facet__exif_orientation(
                bytes + at + HEAD, length, orientation);
        at += HEAD + length + (length & 1);
    }
    return FACET_OK;
}

static facet_status fail(
    const facet__source *source, VP8StatusCode code, facet_error *err)
{
    const size_t claimed = (size_t)little_32(source->bytes + 4) + 8;

    if (code == VP8_STATUS_OUT_OF_MEMORY)
        return facet__fail_memory(err);
    if (code == VP8_STATUS_NOT_ENOUGH_DATA || code == VP8_STATUS_SUSPENDED ||
        claimed > source->size)
        return facet__fail(err, FACET_ETRUNCATED,
            "WebP: the file ends after %zu bytes; it is cut short, copy it "
            "again",
            source->size);
    if (code == VP8_STATUS_UNSUPPORTED_FEATURE)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "WebP: a coding unknown to libwebp; save it as PNG");
    return facet__fail(err, FACET_EDAMAGED,
        "WebP: the picture data contradicts itself (libwebp code %d); the file "
        "is damaged, copy it again",
        (int)code);
}

/* Decode all rows into `to`. */
static facet_status decode_into(const facet__source *source,
    WebPDecoderConfig *config, uint8_t *to, size_t stride, size_t rows,
    facet_error *err)
{
    VP8StatusCode code;

    config->output.colorspace = config->input.has_alpha ? MODE_RGBA : MODE_RGB;
    config->output.is_external_memory = 1;
    config->output.u.RGBA.rgba = to;
    config->output.u.RGBA.stride = (int)stride;
    config->output.u.RGBA.size = stride * rows;
    code = WebPDecode(source->bytes, source->size, config);
    return code == VP8_STATUS_OK ? FACET_OK : fail(source, code, err);
}

static facet_status decode_aside(const facet__source *source,
    WebPDecoderConfig *config, facet_image *image, facet_error *err)
{
    const size_t width = (size_t)config->input.width;
    const size_t height = (size_t)config->input.height;
    const size_t stride = width * (config->input.has_alpha ? 4 : 3);
    uint8_t *rows = facet__alloc(stride * height);
    facet_status status;

    if (!rows)
        return facet__fail_memory(err);
    status = decode_into(source, config, rows, stride, height, err);
    if (status == FACET_OK && config->input.has_alpha)
        for (size_t y = 0; y < height; y++)
            facet__flatten_row(rows + y * stride, rows + y * stride, width);
    if (status == FACET_OK)
        facet__image_place(image, 0, (int32_t)height, rows, stride);
    facet__free(rows);
    return status;
}

facet_status facet__webp_decode(
    const facet__source *source, facet_image **out, facet_error *err)
{
    WebPDecoderConfig config;
    VP8StatusCode code;
    facet_status status;
    facet_image *image = NULL;
    int orientation;

    *out = NULL;
    if (!WebPInitDecoderConfig(&config))
        return facet__fail(err, FACET_EINTERNAL,
            "libwebp is older than the one facet was built with");
    code = WebPGetFeatures(source->bytes, source->size, &config.input);
    if (code != VP8_STATUS_OK)
        return fail(source, code, err);
    if (config.input.has_animation)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "WebP: an animation; save the wanted frame as a still picture");
    status = facet__check_size(source, (uint64_t)config.input.width,
        (uint64_t)config.input.height, err);
    if (status != FACET_OK)
        return status;
    status = orientation_of(source, &orientation);
    if (status == FACET_OK)
        status = facet__image_create_stored(config.input.width,
            config.input.height, orientation, FACET_IMAGE_WEBP, &image);
    if (status != FACET_OK)
        return facet__fail_memory(err);
    if (orientation == 1 && !config.input.has_alpha)
        status = decode_into(source, &config, image->data, image->stride,
            (size_t)image->height, err);
    else
        status = decode_aside(source, &config, image, err);
    if (status == FACET_OK)
        *out = image;
    else
        facet_image_free(image);
    return status;
}
