/* SPDX-License-Identifier: Apache-2.0 */
/* photos.h - pictures as training wants them: decoded and, when the data are
 * whole photos, with the face found and aligned on the way.
 *
 * Where the face of a photo lies is found once and remembered: later epochs
 * only cut. Any number of threads may read at once; what they get depends on
 * the photo alone. */
#ifndef FACET__PHOTOS_H
#define FACET__PHOTOS_H

#include <stdint.h>

#include "facet/image.h"

typedef struct facet__photos facet__photos;

/* `detector`: file of a YuNet. `frame`: side of the aligned pictures, in which
 * the face lies as in the middle of an ArcFace crop with a margin: 112 of 128
 * pixels, in proportion. `count`: pictures of the data set. Errors: those of
 * loading a network; FACET_EMODEL, FACET_ENOMEM. */
facet_status facet__photos_open(const char *detector, double frame,
    size_t count, facet__photos **out, facet_error *err);
void facet__photos_close(facet__photos *photos);

/* Picture `index` of the data set from its bytes. NULL photos: it is aligned
 * already and is decoded as it is. The largest face counts. Errors: those of
 * decoding; FACET_ENOFACE. */
facet_status facet__photos_read(facet__photos *photos, uint32_t index,
    const uint8_t *bytes, size_t size, facet_image **out, facet_error *err);

#endif
