/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_IMAGE_H
#define FACET_IMAGE_H

/**
 * @file
 * Pictures: read from files, from memory and from raw pixel buffers; looked
 * at, resized, written.
 *
 * A facet_image is always upright (the EXIF orientation has been applied) and
 * always 8-bit RGB: `height` rows of `width` pixels, three bytes R, G, B each,
 * rows `stride` bytes apart. Colors are taken as sRGB; embedded color profiles
 * are not looked at.
 *
 * Thread safety: calls on different images may run at once. Any number of
 * threads may read one image; nobody else may use it while it is written to or
 * freed.
 */

#include <stddef.h>
#include <stdint.h>

#include "facet/geometry.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An upright 8-bit RGB picture. */
typedef struct facet_image facet_image;

/** File formats that are read, and but for HEIC written. */
typedef enum facet_image_format {
    FACET_IMAGE_RAW = 0, /**< not from a file */
    FACET_IMAGE_JPEG = 1,
    FACET_IMAGE_PNG = 2,
    FACET_IMAGE_WEBP = 3,
    FACET_IMAGE_HEIC = 4,
} facet_image_format;

typedef struct facet_image_opts {
    size_t size;      /**< set by facet_image_opts_init */
    size_t max_bytes; /**< of the file; default 64 MiB */
    /** Width x height, refused before memory is taken; default 100 million. */
    size_t max_pixels;
    int ignore_orientation; /**< not 0: rows as stored; default 0 */
} facet_image_opts;

/** Fill in the defaults. */
FACET_API void facet_image_opts_init(facet_image_opts *opts);

/**
 * Read a picture file: JPEG, PNG, WebP, and HEIC where built with libheif. The
 * content tells which; the name does not matter.
 *
 * @param path   The file.
 * @param opts   NULL for the defaults.
 * @param image  Receives the picture; free it with facet_image_free. NULL on
 *               failure.
 * @param err    NULL, or receives what was wrong and what to do.
 *
 * Transparent pixels are laid on white; 16-bit samples are rounded to 8; CMYK
 * is converted without a profile. The file is read into memory, not mapped:
 * a file that somebody cuts short while it is mapped would kill the process.
 *
 * Memory: the decoded picture plus the file; a baseline JPEG needs nothing
 * more, turned or not. A progressive JPEG keeps twice the picture besides, a
 * WebP, HEIC or interlaced PNG that is turned or transparent once more or so.
 * Errors: FACET_EINVAL (NULL; options not initialized), FACET_ENOTFOUND,
 *         FACET_EIO (a folder, no permission, a failing disk), FACET_EEMPTY,
 *         FACET_ENOTIMAGE, FACET_ETRUNCATED, FACET_EDAMAGED, FACET_ELIMIT
 *         (options can raise the limit), FACET_EUNSUPPORTED (animated WebP,
 *         HEIC without libheif, JPEG of an unusual coding), FACET_ENOMEM.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_image_read(const char *path,
    const facet_image_opts *opts, facet_image **image, facet_error *err);

/** As facet_image_read, from `size` bytes of a file in memory, which are
 * borrowed for the time of the call. */
FACET_API FACET_MUST_USE facet_status facet_image_read_memory(const void *bytes,
    size_t size, const facet_image_opts *opts, facet_image **image,
    facet_error *err);

/** How raw pixels lie in memory. */
typedef enum facet_pixel_format {
    FACET_PIXELS_RGB = 1,  /**< 3 bytes a pixel */
    FACET_PIXELS_BGR = 2,  /**< 3 bytes a pixel */
    FACET_PIXELS_RGBA = 3, /**< 4 bytes a pixel; the last is not looked at */
    FACET_PIXELS_BGRA = 4, /**< 4 bytes a pixel; the last is not looked at */
    FACET_PIXELS_GRAY = 5, /**< 1 byte a pixel */
    /** Plane 0: Y; plane 1: U and V alternating, one pair for each 2x2 pixels,
     * (width + 1) / 2 pairs a row. BT.601, video range (16 to 235). */
    FACET_PIXELS_NV12 = 6,
    /** Plane 0: Y; planes 1 and 2: U and V, one sample for each 2x2 pixels.
     * BT.601, video range (16 to 235). */
    FACET_PIXELS_I420 = 7,
} facet_pixel_format;

/** Raw pixels in the caller's memory. */
typedef struct facet_pixels {
    facet_pixel_format format;
    int32_t width, height;
    const uint8_t *planes[3]; /**< first row of each; unused ones NULL */
    size_t strides[3];        /**< bytes from row to row of each plane */
} facet_pixels;

/**
 * A picture from raw pixels, which are copied.
 *
 * @param src    Upright pixels, borrowed for the time of the call.
 * @param image  Receives the picture; NULL on failure.
 *
 * Errors: FACET_EINVAL (NULL, unknown format, a size below 1, a missing plane,
 *         a stride shorter than a row), FACET_ENOMEM.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_image_from_pixels(
    const facet_pixels *src, facet_image **image, facet_error *err);

/** A black picture of `width` x `height` pixels, both at least 1.
 * Errors: FACET_EINVAL, FACET_ENOMEM. */
FACET_API FACET_MUST_USE facet_status facet_image_create(
    int32_t width, int32_t height, facet_image **image);

/** NULL is a no-op. */
FACET_API void facet_image_free(facet_image *image);

/** Pixels in a row. */
FACET_API int32_t facet_image_width(const facet_image *image);
/** Rows. */
FACET_API int32_t facet_image_height(const facet_image *image);
/** Bytes from one row to the next, at least 3 * width. */
FACET_API size_t facet_image_stride(const facet_image *image);
/** The first row; borrowed until the image is freed. */
FACET_API const uint8_t *facet_image_data(const facet_image *image);
/** The same, to be written to. */
FACET_API uint8_t *facet_image_data_mutable(facet_image *image);

/** The format of the file it was read from. */
FACET_API facet_image_format facet_image_source_format(
    const facet_image *image);
/** "raw", "jpeg", "png", "webp", "heic"; static memory. */
FACET_API const char *facet_image_format_name(facet_image_format format);

/** The EXIF orientation that was applied, 1 to 8; 1 is none. HEIC files are
 * turned by their decoder and say 1. */
FACET_API int facet_image_orientation(const facet_image *image);
/** Pixels in a row of the file, before the orientation was applied. */
FACET_API int32_t facet_image_stored_width(const facet_image *image);
/** Rows in the file, before the orientation was applied. */
FACET_API int32_t facet_image_stored_height(const facet_image *image);

/** A point of the upright picture in coordinates of the rows as stored. */
FACET_API facet_point facet_image_point_to_stored(
    const facet_image *image, facet_point point);
/** A box of the upright picture in coordinates of the rows as stored. */
FACET_API facet_box facet_image_box_to_stored(
    const facet_image *image, facet_box box);

/**
 * A copy of another size. Each new pixel is the mean of the old ones weighted
 * by a triangle over them (linear interpolation when it grows), so that nothing
 * aliases. The whole width and the whole height are stretched to fit.
 *
 * @param out  Receives the copy, with orientation 1; NULL on failure.
 *
 * Errors: FACET_EINVAL (NULL; a size below 1), FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_image_resize(
    const facet_image *image, int32_t width, int32_t height, facet_image **out);

/**
 * Encode into memory.
 *
 * @param format   JPEG, PNG or WebP.
 * @param quality  1 to 100 for JPEG and WebP (100 is lossless in WebP); not
 *                 looked at for PNG.
 * @param bytes    Receives the file; free it with facet_image_bytes_free. NULL
 *                 on failure.
 * @param size     Receives its length.
 *
 * Errors: FACET_EINVAL (NULL, out of range), FACET_EUNSUPPORTED (another
 *         format), FACET_ELIMIT (a side over 65,500 for JPEG, 16,383 for
 *         WebP, 1,000,000 for PNG), FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_image_encode(
    const facet_image *image, facet_image_format format, int quality,
    uint8_t **bytes, size_t *size, facet_error *err);

/** Free what facet_image_encode made. NULL is a no-op. */
FACET_API void facet_image_bytes_free(uint8_t *bytes);

/**
 * Write a picture file.
 *
 * @param path  Ends in .jpg, .jpeg, .png or .webp, which tells the format.
 *              Written whole or not at all; replaced if it exists.
 *
 * Errors: those of facet_image_encode; FACET_EUNSUPPORTED (another ending),
 *         FACET_ENOTFOUND (no such folder), FACET_EIO.
 */
FACET_API FACET_MUST_USE facet_status facet_image_write(
    const facet_image *image, const char *path, int quality, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
