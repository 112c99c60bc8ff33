/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - the picture itself: memory, upright placement, coordinates.
 *
 * The eight EXIF orientations are one linear map: going one pixel right or one
 * row down in the file is a fixed step of bytes in the upright picture. All
 * eight are therefore one loop, over four numbers. */
#include "image/image.h"

#include <string.h>

#include "base/alloc.h"

enum { CHANNELS = 3, ROW_ALIGN = 4 };

bool facet__orientation_turns(int orientation)
{
    return orientation >= 5;
}

facet_status facet__image_create_stored(int32_t width, int32_t height,
    int orientation, facet_image_format format, facet_image **out)
{
    const bool turns = facet__orientation_turns(orientation);
    facet_image *image = NULL;
    size_t bytes;

    *out = NULL;
    image = facet__calloc(1, sizeof *image);
    if (!image)
        return FACET_ENOMEM;
    image->width = turns ? height : width;
    image->height = turns ? width : height;
    image->stride = ((size_t)image->width * CHANNELS + ROW_ALIGN - 1) /
                    ROW_ALIGN * ROW_ALIGN;
    image->orientation = orientation;
    image->format = format;
    if (facet__mul_size(image->stride, (size_t)image->height, &bytes))
        image->data = facet__alloc(bytes);
    if (!image->data) {
        facet_image_free(image);
        return FACET_ENOMEM;
    }
    *out = image;
    return FACET_OK;
}

facet_status facet_image_create(
    int32_t width, int32_t height, facet_image **image)
{
    facet_status status;

    if (!image)
        return FACET_EINVAL;
    *image = NULL;
    if (width < 1 || height < 1)
        return FACET_EINVAL;
    status =
        facet__image_create_stored(width, height, 1, FACET_IMAGE_RAW, image);
    if (status == FACET_OK)
        memset((*image)->data, 0, (*image)->stride * (size_t)height);
    return status;
}

void facet_image_free(facet_image *image)
{
    if (image)
        facet__free(image->data);
    facet__free(image);
}

int32_t facet_image_width(const facet_image *image)
{
    return image->width;
}

int32_t facet_image_height(const facet_image *image)
{
    return image->height;
}

size_t facet_image_stride(const facet_image *image)
{
    return image->stride;
}

const uint8_t *facet_image_data(const facet_image *image)
{
    return image->data;
}

uint8_t *facet_image_data_mutable(facet_image *image)
{
    return image->data;
}

facet_image_format facet_image_source_format(const facet_image *image)
{
    return image->format;
}

const char *facet_image_format_name(facet_image_format format)
{
    static const char *const names[] = {
        [FACET_IMAGE_RAW] = "raw",
        [FACET_IMAGE_JPEG] = "jpeg",
        [FACET_IMAGE_PNG] = "png",
        [FACET_IMAGE_WEBP] = "webp",
        [FACET_IMAGE_HEIC] = "heic",
    };

    if ((size_t)format >= sizeof names / sizeof *names)
        return "unknown";
    return names[format];
}

int facet_image_orientation(const facet_image *image)
{
    return image->orientation;
}

int32_t facet_image_stored_width(const facet_image *image)
{
    return facet__orientation_turns(image->orientation) ? image->height
                                                        : image->width;
}

int32_t facet_image_stored_height(const facet_image *image)
{
    return facet__orientation_turns(image->orientation) ? image->width
                                                        : image->height;
}

facet__view facet__image_view(const facet_image *image)
{
    return (
        facet__view){ image->data, image->width, image->height, image->stride };
}

/* Is the upright x axis (y axis) run through backwards in the file? */
static bool mirrored_x(int orientation)
{
    return orientation == 2 || orientation == 3 || orientation == 6 ||
           orientation == 7;
}

static bool mirrored_y(int orientation)
{
    return orientation == 3 || orientation == 4 || orientation == 7 ||
           orientation == 8;
}

void facet__image_place(facet_image *image, int32_t first, int32_t count,
    const uint8_t *rows, size_t stride)
{
    const bool turns = facet__orientation_turns(image->orientation);
    const bool back_x = mirrored_x(image->orientation);
    const bool back_y = mirrored_y(image->orientation);
    const ptrdiff_t step_x = back_x ? -CHANNELS : CHANNELS;
    const ptrdiff_t row_bytes = (ptrdiff_t)image->stride;
    const ptrdiff_t step_y = back_y ? -row_bytes : row_bytes;
    /* Along the inner loop the target is one row, so that writes stay near;
     * `outer` counts the target's rows. */
    const int32_t outer = turns ? facet_image_stored_width(image) : count;
    const int32_t inner = turns ? count : image->width;
    const size_t src_outer = turns ? CHANNELS : stride;
    const size_t src_inner = turns ? stride : CHANNELS;
    uint8_t *dst = image->data;

    dst += back_x ? (size_t)(image->width - 1) * CHANNELS : 0;
    dst += back_y ? (size_t)(image->height - 1) * image->stride : 0;
    dst += first * (turns ? step_x : step_y);
    for (int32_t o = 0; o < outer; o++) {
        const uint8_t *src = rows + (size_t)o * src_outer;
        uint8_t *pixel = dst + o * step_y;

        if (image->orientation == 1 || image->orientation == 4) {
            memcpy(pixel, src, (size_t)inner * CHANNELS);
            continue;
        }
        for (int32_t i = 0; i < inner; i++) {
            memcpy(pixel, src, CHANNELS);
            src += src_inner;
            pixel += step_x;
        }
    }
}

facet_status facet__strip_begin(facet_image *image, facet__strip *strip)
{
    const size_t width = (size_t)facet_image_stored_width(image);

    *strip = (facet__strip){ image, NULL, image->stride, 0,
        facet_image_stored_height(image) };
    if (image->orientation == 1)
        return FACET_OK;
    strip->stride = width * CHANNELS;
    strip->scratch = facet__alloc(strip->stride * FACET__STRIP_ROWS);
    return strip->scratch ? FACET_OK : FACET_ENOMEM;
}

int32_t facet__strip_rows(
    const facet__strip *strip, uint8_t *rows[FACET__STRIP_ROWS])
{
    const int32_t left = strip->stored_height - strip->next;
    const int32_t count = left < FACET__STRIP_ROWS ? left : FACET__STRIP_ROWS;
    uint8_t *first = strip->scratch;

    if (!first)
        first = strip->image->data + (size_t)strip->next * strip->stride;
    for (int32_t r = 0; r < count; r++)
        rows[r] = first + (size_t)r * strip->stride;
    return count;
}

void facet__strip_done(facet__strip *strip, int32_t count)
{
    if (strip->scratch)
        facet__image_place(
            strip->image, strip->next, count, strip->scratch, strip->stride);
    strip->next += count;
}

void facet__strip_end(facet__strip *strip)
{
    facet__free(strip->scratch);
}

facet_point facet_image_point_to_stored(
    const facet_image *image, facet_point point)
{
    const float x = mirrored_x(image->orientation)
                        ? (float)(image->width - 1) - point.x
                        : point.x;
    const float y = mirrored_y(image->orientation)
                        ? (float)(image->height - 1) - point.y
                        : point.y;

    if (facet__orientation_turns(image->orientation))
        return (facet_point){ y, x };
    return (facet_point){ x, y };
}

facet_box facet_image_box_to_stored(const facet_image *image, facet_box box)
{
    const facet_point a =
        facet_image_point_to_stored(image, (facet_point){ box.x, box.y });
    const facet_point b = facet_image_point_to_stored(
        image, (facet_point){ box.x + box.width, box.y + box.height });
    const bool turns = facet__orientation_turns(image->orientation);

    return (facet_box){ a.x < b.x ? a.x : b.x, a.y < b.y ? a.y : b.y,
        turns ? box.height : box.width, turns ? box.width : box.height };
}

void facet__flatten_row(uint8_t *rgb, const uint8_t *rgba, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const unsigned alpha = rgba[4 * i + 3];

        for (size_t c = 0; c < CHANNELS; c++) {
            const unsigned mix = rgba[4 * i + c] * alpha + 255 * (255 - alpha);
            rgb[CHANNELS * i + c] = (uint8_t)((mix + 127) / 255);
        }
    }
}
