/* SPDX-License-Identifier: Apache-2.0 */
/* yunet.h - the numbers that a YuNet puts out, read as faces.
 *
 * The network answers for a grid of cells at three strides. For every cell
 * there are a class and an objectness score, a box and five points. */
#ifndef FACET__YUNET_H
#define FACET__YUNET_H

#include "face/candidates.h"

enum {
    FACET__YUNET_STRIDES = 3,
    FACET__YUNET_KINDS = 4, /* of outputs: class, object, box, points */
    FACET__YUNET_OUTPUTS = FACET__YUNET_KINDS * FACET__YUNET_STRIDES
};

extern const int32_t facet__yunet_stride[FACET__YUNET_STRIDES]; /* 8 16 32 */
/* The outputs' names, kind by kind as files have them: cls_8, cls_16 ...
 * kps_32.
 */
extern const char *const facet__yunet_output[FACET__YUNET_OUTPUTS];

/* Four outputs of one stride, each of rows x columns cells, row by row. */
typedef struct facet__yunet_head {
    const float *class_score;  /* [cells], after its sigmoid */
    const float *object_score; /* [cells], after its sigmoid */
    const float *box;          /* [cells, 4] center x y, log width height */
    const float *points;       /* [cells, 5, 2] */
} facet__yunet_head;

/* Append the cells of at least `threshold` to `list`, in pixels of the
 * network's input of width x height pixels (multiples of 32). Cells whose
 * numbers are not finite are skipped. FACET_OK or FACET_ENOMEM. */
facet_status facet__yunet_decode(
    const facet__yunet_head heads[FACET__YUNET_STRIDES], int32_t width,
    int32_t height, float threshold, facet__candidates *list);

#endif
