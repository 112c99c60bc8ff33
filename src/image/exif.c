/* SPDX-License-Identifier: Apache-2.0 */
/* exif.c - the one thing wanted of EXIF: how to turn the picture.
 *
 * Damaged EXIF is common in honest photos and says nothing about the pixels,
 * so whatever cannot be read means "upright" and is never an error. */
#include <string.h>

#include <libexif/exif-data.h>

#include "base/alloc.h"
#include "image/image.h"

enum { INTRODUCTION = 6, MAX_BLOCK = 1 << 16 };

/* The first IFD's orientation; 1 when it is missing or out of range. */
static int orientation_of(ExifData *data)
{
    const ExifEntry *entry =
        exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    int value;

    if (!entry || entry->format != EXIF_FORMAT_SHORT || entry->components < 1 ||
        entry->size < 2)
        return 1;
    value = exif_get_short(entry->data, exif_data_get_byte_order(data));
    return value >= 1 && value <= 8 ? value : 1;
}

/* libexif wants the introduction that JPEG has and PNG and WebP have not. A
 * block that is longer than a JPEG segment is cut: IFD 0 stands in front. */
facet_status facet__exif_orientation(
    const uint8_t *bytes, size_t size, int *orientation)
{
    static const uint8_t introduction[INTRODUCTION] = "Exif\0";
    const bool introduced =
        size >= INTRODUCTION && !memcmp(bytes, introduction, INTRODUCTION);
    const size_t skip = introduced ? INTRODUCTION : 0;
    const size_t kept = size - skip < MAX_BLOCK ? size - skip : MAX_BLOCK;
    uint8_t *block = NULL;
    ExifData *data = NULL;

    *orientation = 1;
    block = facet__alloc(INTRODUCTION + kept);
    if (!block)
        return FACET_ENOMEM;
    memcpy(block, introduction, INTRODUCTION);
    memcpy(block + INTRODUCTION, bytes + skip, kept);
    data = exif_data_new_from_data(block, (unsigned)(INTRODUCTION + kept));
    if (data)
        *orientation = orientation_of(data);
    exif_data_unref(data);
    facet__free(block);
    return FACET_OK;
}
