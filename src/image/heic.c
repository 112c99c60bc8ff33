/* SPDX-License-Identifier: Apache-2.0 */
/* heic.c - reading HEIC through libheif, where the build has it.
 *
 * libheif applies the file's own rotation and mirroring, so the picture comes
 * upright and its EXIF orientation, which repeats them, is not looked at. */
#include "base/error.h"
#include "image/image.h"

#if FACET_HAVE_HEIF

#include <string.h>

#include <libheif/heif.h>

#include "image/heic_items.h"

static facet_status fail(struct heif_error error, facet_error *err)
{
    if (error.code == heif_error_Memory_allocation_error &&
        error.subcode != heif_suberror_Security_limit_exceeded)
        return facet__fail_memory(err);
    if (error.subcode == heif_suberror_End_of_data)
        return facet__fail(err, FACET_ETRUNCATED,
            "HEIC: %.120s; the file is cut short, copy it again",
            error.message);
    if (error.code == heif_error_Unsupported_feature ||
        error.code == heif_error_Unsupported_filetype)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "HEIC: %.120s; save it as JPEG", error.message);
    return facet__fail(err, FACET_EDAMAGED,
        "HEIC: %.120s; the file is damaged, copy it again", error.message);
}

/* From libheif's interleaved pixels to a picture. */
static facet_status copy_pixels(const facet__source *source,
    const struct heif_image *pixels, bool alpha, facet_image **out,
    facet_error *err)
{
    const int width = heif_image_get_primary_width(pixels);
    const int height = heif_image_get_primary_height(pixels);
    int stride = 0;
    const uint8_t *rows = heif_image_get_plane_readonly(
        pixels, heif_channel_interleaved, &stride);
    /* What was decoded may be larger than what the header claimed. */
    facet_status status =
        facet__check_size(source, (uint64_t)width, (uint64_t)height, err);

    if (status != FACET_OK)
        return status;
    if (!rows)
        return facet__fail(err, FACET_EDAMAGED,
            "HEIC: no color picture inside; save it as JPEG");
    status =
        facet__image_create_stored(width, height, 1, FACET_IMAGE_HEIC, out);
    if (status != FACET_OK)
        return facet__fail_memory(err);
    for (int y = 0; y < height; y++, rows += stride) {
        uint8_t *row = (*out)->data + (size_t)y * (*out)->stride;

        if (alpha)
            facet__flatten_row(row, rows, (size_t)width);
        else
            memcpy(row, rows, (size_t)width * 3);
    }
    return FACET_OK;
}

/* Grids and streams inside may claim other sizes than the header. */
static void limit_inner_sizes(
    struct heif_context *context, const struct heif_image_handle *handle)
{
    enum { LEAST = 1024 };
    const int width = heif_image_handle_get_width(handle);
    const int height = heif_image_handle_get_height(handle);
    const int side = width > height ? width : height;

    heif_context_set_maximum_image_size_limit(
        context, side > LEAST ? side : LEAST);
}

static facet_status decode_handle(const facet__source *source,
    const struct heif_image_handle *handle, facet_image **out, facet_error *err)
{
    const bool alpha = heif_image_handle_has_alpha_channel(handle);
    struct heif_decoding_options *options = NULL;
    struct heif_image *pixels = NULL;
    struct heif_error error;
    facet_status status =
        facet__check_size(source, (uint64_t)heif_image_handle_get_width(handle),
            (uint64_t)heif_image_handle_get_height(handle), err);

    if (status != FACET_OK)
        return status;
    options = heif_decoding_options_alloc();
    if (!options)
        return facet__fail_memory(err);
    options->ignore_transformations = source->opts.ignore_orientation ? 1 : 0;
    options->convert_hdr_to_8bit = 1;
    error = heif_decode_image(handle, &pixels, heif_colorspace_RGB,
        alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB,
        options);
    status = error.code == heif_error_Ok
                 ? copy_pixels(source, pixels, alpha, out, err)
                 : fail(error, err);
    heif_image_release(pixels);
    heif_decoding_options_free(options);
    return status;
}

facet_status facet__heic_decode(
    const facet__source *source, facet_image **out, facet_error *err)
{
    struct heif_image_handle *handle = NULL;
    struct heif_context *context;
    struct heif_error error;
    facet_status status =
        facet__heic_check_items(source->bytes, source->size, err);

    *out = NULL;
    if (status != FACET_OK)
        return status;
    context = heif_context_alloc();
    if (!context)
        return facet__fail_memory(err);
    error = heif_context_read_from_memory_without_copy(
        context, source->bytes, source->size, NULL);
    if (error.code == heif_error_Ok)
        error = heif_context_get_primary_image_handle(context, &handle);
    if (error.code == heif_error_Ok)
        limit_inner_sizes(context, handle);
    status = error.code == heif_error_Ok
                 ? decode_handle(source, handle, out, err)
                 : fail(error, err);
    heif_image_handle_release(handle);
    heif_context_free(context);
    return status;
}

#else

facet_status facet__heic_decode(
    const facet__source *source, facet_image **out, facet_error *err)
{
    (void)source;
    *out = NULL;
    return facet__fail(err, FACET_EUNSUPPORTED,
        "HEIC: this build has no libheif; save the picture as JPEG, or build "
        "facet with libheif-dev installed");
}

#endif
