/* SPDX-License-Identifier: Apache-2.0 */
/* pictures.h - small picture files of every kind that facet reads, made by the
 * libraries' own encoders, for tests and for the corpus of damaged pictures.
 *
 * All show the same thing: picture_pattern, a smooth ramp that JPEG keeps to
 * within a few levels, in PICTURE_WIDTH x PICTURE_HEIGHT pixels. */
#ifndef FACET_TESTS_PICTURES_H
#define FACET_TESTS_PICTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PICTURE_WIDTH = 52, PICTURE_HEIGHT = 37 };

typedef struct picture {
    uint8_t *bytes; /* from malloc; NULL when the kind cannot be made here */
    size_t size;
} picture;

/* What is shown at stored (x, y), channel 0..2 = R, G, B. */
uint8_t picture_pattern(int x, int y, int channel);
/* The same as luma. */
uint8_t picture_pattern_gray(int x, int y);
/* Alpha of the kinds that have it. */
uint8_t picture_pattern_alpha(int x, int y);

typedef enum picture_look {
    LOOK_RGB,
    LOOK_GRAY,
    LOOK_ALPHA,   /* laid on white by picture_pattern_alpha */
    LOOK_PALETTE, /* 16 colors, see picture_palette */
    LOOK_BITS,    /* black and white, see picture_bit */
} picture_look;

/* Palette entry shown at (x, y), and its channel. */
int picture_palette_index(int x, int y);
uint8_t picture_palette(int index, int channel);
/* 0 or 1. */
int picture_bit(int x, int y);

/* What an exact decoder shows at stored (x, y). */
uint8_t picture_expected(picture_look look, int x, int y, int channel);

typedef struct picture_kind {
    const char *name; /* ends like its file would: "gray.jpg" */
    picture_look look;
    int tolerance; /* levels that lossy coding may be off */
    picture (*make)(void);
} picture_kind;

extern const picture_kind picture_kinds[];
extern const size_t picture_kind_count;

/* A copy with a block of EXIF that says `orientation`; JPEG, PNG, WebP. */
picture picture_with_orientation(picture whole, int orientation);

void picture_free(picture *p);

/* CRC-32 as PNG wants it. */
uint32_t picture_crc(const uint8_t *bytes, size_t size);

#endif
