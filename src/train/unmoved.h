/* SPDX-License-Identifier: Apache-2.0 */
/* unmoved.h - crops of a data set's pictures as they are, without augmentation:
 * what judges and teachers look at. */
#ifndef FACET__UNMOVED_H
#define FACET__UNMOVED_H

#include "base/threads.h"
#include "train/augment.h"
#include "train/dataset.h"
#include "train/photos.h"

typedef struct facet__unmoved {
    const facet__dataset *dataset; /* borrowed, as all here */
    facet__photos *photos;         /* as in loader.h */
    facet__crop crop;
    double frame;
    facet__pool *pool; /* for decoding; may be NULL */
} facet__unmoved;

/* Floats of a crop. */
size_t facet__unmoved_floats(const facet__unmoved *from);
/* Crops x [n] of pictures of the data set; how each went in status and errors
 * [n]. A crop that went wrong is left as it was. */
void facet__unmoved_crops(const facet__unmoved *from, const uint32_t *pictures,
    size_t n, float *x, facet_status *status, facet_error *errors);

#endif
