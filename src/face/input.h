/* SPDX-License-Identifier: Apache-2.0 */
/* input.h - a network's image input: its layout, and how pixels get in. */
#ifndef FACET__INPUT_H
#define FACET__INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "facet/settings.h"
#include "image/image.h"

typedef struct facet__input {
    bool channels_last;           /* [n, h, w, 3] instead of [n, 3, h, w] */
    int64_t batch, height, width; /* -1: any */
} facet__input;

/* The input of a network that has no other. FACET_EMODEL when it has: sessions
 * of all that face/ runs are fed one picture, and laid out by its sizes alone.
 */
facet_status facet__input_only(
    const facet_model *model, facet_tensor_info *out, facet_error *err);

/* Numbers of a tensor whose sizes are known. */
int64_t facet__info_count(const facet_tensor_info *info);

/* What the dims of an input say. FACET_EMODEL when it is no image of three
 * channels. */
facet_status facet__input_of(
    const facet_tensor_info *info, facet__input *out, facet_error *err);

/* Fill `dims` (4) for a run of `batch` images of width x height. */
void facet__input_dims(const facet__input *input, int64_t batch, int64_t height,
    int64_t width, int64_t dims[4]);

/* Write the part of `view` that begins at (x, y) as one image of width x height
 * to `out`, (v - mean) * scale in the channel order of `settings`. Where the
 * view ends, zeros follow: YuNet was trained with them, and crops have exactly
 * the size. */
void facet__input_fill(const facet__input *input,
    const facet_settings *settings, facet__view view, int32_t x, int32_t y,
    int32_t width, int32_t height, float *out);

#endif
