/* SPDX-License-Identifier: Apache-2.0 */
/* pixels.c - pictures from raw buffers of cameras, decoders and toolkits.
 *
 * A format is a row of the table: how many bytes a row of each plane has, and
 * how one row becomes RGB. Chroma samples are repeated for the 2x2 pixels that
 * they stand for. */
#include <string.h>

#include "base/error.h"
#include "image/image.h"

enum { MAX_PLANES = 3 };

/* Turn `width` pixels of the given rows, one of each plane, into RGB. */
typedef void convert(
    const uint8_t *const rows[MAX_PLANES], int32_t width, uint8_t *rgb);

static void from_rgb(
    const uint8_t *const rows[MAX_PLANES], int32_t width, uint8_t *rgb)
{
    memcpy(rgb, rows[0], (size_t)width * 3);
}

/* Pick R, G and B out of `step` bytes a pixel. */
static void pick(const uint8_t *from, int32_t width, int step, int red,
    int blue, uint8_t *rgb)
{
    for (int32_t x = 0; x < width; x++, from += step, rgb += 3) {
        rgb[0] = from[red];
        rgb[1] = from[1];
        rgb[2] = from[blue];
    }
}

static void from_bgr(
    const uint8_t *const rows[MAX_PLANES], int32_t width, uint8_t *rgb)
{
    pick(rows[0], width, 3, 2, 0, rgb);
}

static void from_rgba(
    const uint8_t *const rows[MAX_PLANES], int32_t width, uint8_t *rgb)
{
    pick(rows[0], width, 4, 0, 2, rgb);
}

static void from_bgra(
    const uint8_t *const rows[MAX_PLANES], int32_t width, uint8_t *rgb)
{
    pick(rows[0], width, 4, 2, 0, rgb);
}

static void from_gray(
    const uint8_t *const rows[MAX_PLANES], int32_t width, uint8_t *rgb)
{
    for (int32_t x = 0; x < width; x++)
        memset(rgb + 3 * (size_t)x, rows[0][x], 3);
}

static uint8_t clamp(int32_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* BT.601, video range, in 1/65536: Y 16..235 and U, V 16..240 to 0..255. */
static void yuv_pixel(int32_t y, int32_t u, int32_t v, uint8_t *rgb)
{
    const int32_t light = (y - 16) * 76309 + 32768;

    rgb[0] = clamp((light + (v - 128) * 104597) >> 16);
    rgb[1] = clamp((light - (u - 128) * 25675 - (v - 128) * 53279) >> 16);
    rgb[2] = clamp((light + (u - 128) * 132201) >> 16);
}

static void from_nv12(
    const uint8_t *const rows[MAX_PLANES], int32_t width, uint8_t *rgb)
{
    for (int32_t x = 0; x < width; x++) {
        const uint8_t *pair = rows[1] + x / 2 * 2;

        yuv_pixel(rows[0][x], pair[0], pair[1], rgb + 3 * (size_t)x);
    }
}

static void from_i420(
    const uint8_t *const rows[MAX_PLANES], int32_t width, uint8_t *rgb)
{
    for (int32_t x = 0; x < width; x++)
        yuv_pixel(
            rows[0][x], rows[1][x / 2], rows[2][x / 2], rgb + 3 * (size_t)x);
}

/* Bytes of a plane's row: `bytes` for each group of `pixels`, begun ones too.
 * Chroma planes have a row for every two. */
static const struct layout {
    convert *convert;
    int planes;
    struct {
        int bytes, pixels;
    } plane[MAX_PLANES];
} layouts[] = {
    [FACET_PIXELS_RGB] = { from_rgb, 1, { { 3, 1 } } },
    [FACET_PIXELS_BGR] = { from_bgr, 1, { { 3, 1 } } },
    [FACET_PIXELS_RGBA] = { from_rgba, 1, { { 4, 1 } } },
    [FACET_PIXELS_BGRA] = { from_bgra, 1, { { 4, 1 } } },
    [FACET_PIXELS_GRAY] = { from_gray, 1, { { 1, 1 } } },
    [FACET_PIXELS_NV12] = { from_nv12, 2, { { 1, 1 }, { 2, 2 } } },
    [FACET_PIXELS_I420] = { from_i420, 3, { { 1, 1 }, { 1, 2 }, { 1, 2 } } },
};

static facet_status check(
    const facet_pixels *src, const struct layout *layout, facet_error *err)
{
    if (src->width < 1 || src->height < 1)
        return facet__fail(err, FACET_EINVAL,
            "a picture of %d x %d pixels: both must be at least 1", src->width,
            src->height);
    for (int p = 0; p < layout->planes; p++) {
        const size_t group = (size_t)layout->plane[p].pixels;
        const size_t row = ((size_t)src->width + group - 1) / group *
                           (size_t)layout->plane[p].bytes;

        if (!src->planes[p])
            return facet__fail(
                err, FACET_EINVAL, "plane %d of %d is NULL", p, layout->planes);
        if (src->strides[p] < row)
            return facet__fail(err, FACET_EINVAL,
                "plane %d: a stride of %zu bytes is shorter than a row of %zu",
                p, src->strides[p], row);
    }
    return FACET_OK;
}

facet_status facet_image_from_pixels(
    const facet_pixels *src, facet_image **image, facet_error *err)
{
    const size_t count = sizeof layouts / sizeof *layouts;
    const struct layout *layout;
    facet_status status;

    if (image)
        *image = NULL;
    if (!src || !image)
        return facet__fail(err, FACET_EINVAL, "src and image must be given");
    if ((size_t)src->format >= count || !layouts[src->format].convert)
        return facet__fail(err, FACET_EINVAL, "%d is not a facet_pixel_format",
            (int)src->format);
    layout = &layouts[src->format];
    status = check(src, layout, err);
    if (status != FACET_OK)
        return status;
    if (facet__image_create_stored(
            src->width, src->height, 1, FACET_IMAGE_RAW, image) != FACET_OK)
        return facet__fail_memory(err);
    for (int32_t y = 0; y < src->height; y++) {
        const uint8_t *rows[MAX_PLANES] = { NULL, NULL, NULL };

        for (int p = 0; p < layout->planes; p++)
            rows[p] =
                src->planes[p] + (size_t)(p ? y / 2 : y) * src->strides[p];
        layout->convert(
            rows, src->width, (*image)->data + (size_t)y * (*image)->stride);
    }
    return FACET_OK;
}
