/* SPDX-License-Identifier: Apache-2.0 */
/* image.h - what a picture is inside facet, and how decoders fill one.
 *
 * A decoder learns the stored size and the orientation, asks for a picture with
 * facet__image_create_stored and then hands over its rows in stored order with
 * facet__image_place. The rows go straight to their upright places, so there is
 * never a second copy of the whole picture. */
#ifndef FACET__IMAGE_H
#define FACET__IMAGE_H

#include <stdbool.h>

#include "facet/image.h"

struct facet_image {
    int32_t width, height; /* upright */
    size_t stride;         /* bytes from row to row */
    uint8_t *data;
    int orientation; /* EXIF, 1..8: how stored rows became upright ones */
    facet_image_format format;
};

/* Pixels somewhere in memory, borrowed: what kernels read. RGB8. */
typedef struct facet__view {
    const uint8_t *data;
    int32_t width, height;
    size_t stride;
} facet__view;

facet__view facet__image_view(const facet_image *image);

/* An uninitialised picture for rows of width x height as stored. */
facet_status facet__image_create_stored(int32_t width, int32_t height,
    int orientation, facet_image_format format, facet_image **out);

/* Does the orientation swap width and height? */
bool facet__orientation_turns(int orientation);

/* Put `count` stored rows of RGB, `stride` bytes apart, the first of which is
 * stored row `first`, to their upright places. */
void facet__image_place(facet_image *image, int32_t first, int32_t count,
    const uint8_t *rows, size_t stride);

/* Lay `count` RGBA pixels on white; `rgb` may be `rgba`. */
void facet__flatten_row(uint8_t *rgb, const uint8_t *rgba, size_t count);

/* What a decoder gets and what it may do. */
typedef struct facet__source {
    const uint8_t *bytes;
    size_t size; /* at least 12 */
    facet_image_opts opts;
} facet__source;

/* The picture fits the caller's limit of pixels, or FACET_ELIMIT. Sizes below
 * 1 are FACET_EDAMAGED. */
facet_status facet__check_size(const facet__source *source, uint64_t width,
    uint64_t height, facet_error *err);

/* The decoders. Each is given bytes that begin like its format. */
typedef facet_status facet__decode(
    const facet__source *source, facet_image **out, facet_error *err);
facet__decode facet__jpeg_decode, facet__png_decode, facet__webp_decode,
    facet__heic_decode;

/* The encoders: a whole file in memory. */
typedef facet_status facet__encode(const facet_image *image, int quality,
    uint8_t **bytes, size_t *size, facet_error *err);
facet__encode facet__jpeg_encode, facet__png_encode, facet__webp_encode;

/* *orientation = 1..8 as a block of EXIF says ("Exif\0\0" before it or not); 1
 * when it does not say or cannot be read. Fails only for want of memory. */
facet_status facet__exif_orientation(
    const uint8_t *bytes, size_t size, int *orientation);

/* Rows on their way into a picture. A decoder asks where to write the next
 * rows and says when they are written; upright pictures are written to in
 * place, others through a strip of a few rows. */
typedef struct facet__strip {
    facet_image *image; /* borrowed */
    uint8_t *scratch;   /* NULL: rows go to their place at once */
    size_t stride;
    int32_t next, stored_height;
} facet__strip;

enum { FACET__STRIP_ROWS = 32 };

facet_status facet__strip_begin(facet_image *image, facet__strip *strip);
/* Where to write the next rows and how many at most; 0 when all are there. */
int32_t facet__strip_rows(
    const facet__strip *strip, uint8_t *rows[FACET__STRIP_ROWS]);
/* `count` of them are written. */
void facet__strip_done(facet__strip *strip, int32_t count);
void facet__strip_end(facet__strip *strip);

#endif
