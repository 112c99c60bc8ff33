/* SPDX-License-Identifier: Apache-2.0 */
/* png.c - reading PNG: every color type, depth and interlace becomes RGB8.
 *
 * libpng turns all kinds into RGB or RGBA of 8 bits. A damaged chunk that the
 * pixels need leaves by longjmp to the one setjmp below; what lives across the
 * jump is in one struct. Chunks that only describe (texts, profiles) are not
 * even unpacked: they are where decompression bombs hide. */
#include <setjmp.h>
#include <string.h>

#include <png.h>

#include "base/alloc.h"
#include "base/error.h"
#include "image/image.h"

typedef struct reader {
    const facet__source *source;
    facet_error *err;
    facet_status status; /* FACET_OK until something is known */
    size_t at;           /* bytes handed to libpng */
    png_structp png;
    png_infop info;
    facet_image *image;
    facet__strip strip;
    uint8_t *rgba; /* a row with alpha, or all rows of an interlaced picture */
    png_bytep *rows;
    int32_t row; /* read so far, for messages */
} reader;

static void on_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);

    if (r->status == FACET_ENOMEM)
        (void)facet__fail_memory(r->err);
    else if (r->status == FACET_ETRUNCATED)
        (void)facet__fail(r->err, r->status,
            "PNG, row %d: the file ends after %zu bytes; it is cut short, copy "
            "it again",
            r->row, r->source->size);
    else
        r->status = facet__fail(r->err, FACET_EDAMAGED,
            "PNG, row %d, before byte %zu: %.120s; the file is damaged, copy "
            "it again",
            r->row, r->at, text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png; /* about chunks that the pixels do not need */
    (void)text;
}

static png_voidp take(png_structp png, png_alloc_size_t size)
{
    reader *r = png_get_mem_ptr(png);
    void *block = facet__alloc(size);

    if (!block)
        r->status = FACET_ENOMEM;
    return block;
}

static void give_back(png_structp png, png_voidp block)
{
    (void)png;
    facet__free(block);
}

static void on_read(png_structp png, png_bytep to, size_t count)
{
    reader *r = png_get_io_ptr(png);

    if (count > r->source->size - r->at) {
        r->status = FACET_ETRUNCATED;
        png_error(png, "end of file");
    }
    memcpy(to, r->source->bytes + r->at, count);
    r->at += count;
}

/* Orientation in the first eXIf chunk, which may stand before or after the
 * pixels. The walk trusts no length. */
static facet_status orientation_of(
    const facet__source *source, int *orientation)
{
    enum { SIGNATURE = 8, HEAD = 8, CRC = 4 };
    const uint8_t *bytes = source->bytes;
    size_t at = SIGNATURE;

    *orientation = 1;
    if (source->opts.ignore_orientation)
        return FACET_OK;
    while (source->size - at >= HEAD + CRC) {
        const size_t length = png_get_uint_32(bytes + at);

        if (length > source->size - at - HEAD - CRC)
            break;
        if (!memcmp(bytes + at + 4, "eXIf", 4))
            return facet__exif_orientation(
                bytes + at + HEAD, length, orientation);
        at += HEAD + length + CRC;
    }
    return FACET_OK;
}

static void set_transforms(reader *r)
{
    static const png_byte described[] = "iCCP\0iTXt\0tEXt\0zTXt\0sPLT\0eXIf";

    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, described, 6);
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    /* A fuzzer cannot guess checksums; let it past them. */
    png_set_crc_action(r->png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
#endif
    png_set_expand(r->png);
    png_set_scale_16(r->png);
    png_set_gray_to_rgb(r->png);
}

/* The header has been read: take the memory. */
static facet_status prepare(reader *r)
{
    const png_uint_32 width = png_get_image_width(r->png, r->info);
    const png_uint_32 height = png_get_image_height(r->png, r->info);
    facet_status status = facet__check_size(r->source, width, height, r->err);
    int orientation;

    if (status != FACET_OK)
        return status;
    status = orientation_of(r->source, &orientation);
    if (status == FACET_OK)
        status = facet__image_create_stored((int32_t)width, (int32_t)height,
            orientation, FACET_IMAGE_PNG, &r->image);
    if (status == FACET_OK)
        status = facet__strip_begin(r->image, &r->strip);
    return status == FACET_ENOMEM ? facet__fail_memory(r->err) : status;
}

/* One row after the other; alpha goes through a row of its own. */
static void read_rows(reader *r, bool alpha)
{
    const size_t width = png_get_image_width(r->png, r->info);
    uint8_t *rows[FACET__STRIP_ROWS];
    int32_t count;

    while ((count = facet__strip_rows(&r->strip, rows)) > 0) {
        for (int32_t i = 0; i < count; i++, r->row++) {
            png_read_row(r->png, alpha ? r->rgba : rows[i], NULL);
            if (alpha)
                facet__flatten_row(rows[i], r->rgba, width);
        }
        facet__strip_done(&r->strip, count);
    }
}

/* An interlaced picture comes seven times, finer each time, and is whole only
 * at the end. */
static void read_interlaced(reader *r, bool alpha, size_t row_bytes)
{
    const size_t width = png_get_image_width(r->png, r->info);
    const int32_t height = r->strip.stored_height;

    for (int32_t y = 0; y < height; y++)
        r->rows[y] = r->rgba + (size_t)y * row_bytes;
    png_read_image(r->png, r->rows);
    if (alpha)
        for (int32_t y = 0; y < height; y++)
            facet__flatten_row(r->rows[y], r->rows[y], width);
    facet__image_place(r->image, 0, height, r->rgba, row_bytes);
}

/* Rows of their own where pixels cannot go to their place at once. Nothing of
 * an unfinished picture is ever shown, so they need not be cleared. */
static bool take_rows(reader *r, bool alpha, bool interlaced, size_t row_bytes)
{
    const size_t height = (size_t)r->strip.stored_height;
    size_t size = row_bytes;

    if (!alpha && !interlaced)
        return true;
    if (interlaced && !facet__mul_size(row_bytes, height, &size))
        return false;
    if (interlaced)
        r->rows = facet__calloc(height, sizeof *r->rows);
    r->rgba = facet__alloc(size);
    return r->rgba && (r->rows || !interlaced);
}

/* Everything that may jump. */
static facet_status decode(reader *r)
{
    bool alpha, interlaced;
    size_t row_bytes;

    if (setjmp(png_jmpbuf(r->png)))
        return r->status;
    r->info = png_create_info_struct(r->png);
    if (!r->info)
        return facet__fail_memory(r->err);
    png_set_read_fn(r->png, r, on_read);
    set_transforms(r);
    png_read_info(r->png, r->info);
    r->status = prepare(r);
    if (r->status != FACET_OK)
        return r->status;
    interlaced = png_set_interlace_handling(r->png) > 1;
    png_read_update_info(r->png, r->info);
    alpha = png_get_channels(r->png, r->info) == 4;
    row_bytes = png_get_rowbytes(r->png, r->info);
    if (!take_rows(r, alpha, interlaced, row_bytes))
        return facet__fail_memory(r->err);
    if (interlaced)
        read_interlaced(r, alpha, row_bytes);
    else
        read_rows(r, alpha);
    return FACET_OK; /* what follows the pixels is not looked at */
}

facet_status facet__png_decode(
    const facet__source *source, facet_image **out, facet_error *err)
{
    reader r = { .source = source, .err = err };
    facet_status status;

    *out = NULL;
    r.png = png_create_read_struct_2(
        PNG_LIBPNG_VER_STRING, &r, on_error, on_warning, &r, take, give_back);
    status = r.png ? decode(&r) : facet__fail_memory(err);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    facet__free(r.rows);
    facet__free(r.rgba);
    facet__strip_end(&r.strip);
    if (status == FACET_OK)
        *out = r.image;
    else
        facet_image_free(r.image);
    return status;
}
