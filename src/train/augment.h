/* SPDX-License-Identifier: Apache-2.0 */
/* augment.h - from a decoded face picture to the pixels a network sees, a
 * little different each time.
 *
 * All geometry is one similarity about the middle of the picture, so that a
 * pixel is interpolated once, and so that a teacher's crop with another
 * template shows exactly the same face. The picture is taken to be `frame`
 * pixels wide and high (128 for ArcFace crops with a margin of 8), whatever its
 * true size. */
#ifndef FACET__AUGMENT_H
#define FACET__AUGMENT_H

#include <stdbool.h>

#include "base/random.h"
#include "facet/image.h"

/* Chances are 0 to 1. All zero: the middle of the picture, untouched. */
typedef struct facet__augment {
    double flip;   /* chance of mirroring */
    double shift;  /* pixels of the frame, up to this each way */
    double scale;  /* .1: from 1/1.1 to 1.1 */
    double rotate; /* degrees, up to this each way */
    double brightness, contrast, saturation; /* .2: from .8 to 1.2 */
    double gray;                             /* chance of no color at all */
    double blur; /* chance; Gaussian of .5 to `blur_sigma` pixels */
    double blur_sigma;
    double jpeg; /* chance of re-compression; quality `jpeg_low` to 95 */
    double jpeg_low;
    double shrink; /* chance; down to `shrink_low` of the size, and up again */
    double shrink_low;
    double erase; /* chance; a rectangle of 2 % to `erase_area` goes gray */
    double erase_area;
} facet__augment;

void facet__augment_init(facet__augment *augment);

/* What was drawn for one picture: frame -> picture, both in pixels. */
typedef struct facet__jitter {
    double map[6]; /* x' = m0 x + m1 y + m2, y' = m3 x + m4 y + m5 */
} facet__jitter;

/* Drawn first from the picture's stream. `frame` is the width of the frame. */
facet__jitter facet__jitter_draw(
    const facet__augment *augment, facet__random *random, double frame);

/* A crop as a network wants it. */
typedef struct facet__crop {
    int32_t width, height;
    double map[6];            /* crop pixel -> frame */
    double mean[3], scale[3]; /* of R, G, B; value = (pixel - mean) * scale */
    bool bgr;                 /* channels in the order B, G, R */
    bool nchw;                /* planes, instead of three floats a pixel */
} facet__crop;

/* The middle width x height of a frame; (pixel - 127.5) / 128, RGB, NHWC. */
void facet__crop_init(
    facet__crop *crop, int32_t width, int32_t height, double frame);
/* 128x128 of the 0095 template out of an ArcFace frame (data/README has one of
 * 128); BGR, 0..255. */
void facet__crop_init_0095(facet__crop *crop, double frame);

/* Cut a crop out of `image` under the jitter: rgb [height][width][3]. Errors:
 * FACET_ENOMEM, FACET_EINVAL. */
facet_status facet__crop_cut(const facet__crop *crop,
    const facet__jitter *jitter, double frame, const facet_image *image,
    uint8_t *rgb);

/* Color, blur, shrinking, compression and erasing, in place. */
facet_status facet__augment_pixels(const facet__augment *augment,
    facet__random *random, uint8_t *rgb, int32_t width, int32_t height);

/* Pixels to the network's floats [height * width * 3]. */
void facet__crop_floats(
    const facet__crop *crop, const uint8_t *rgb, float *out);

#endif
