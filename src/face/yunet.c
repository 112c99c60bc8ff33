/* SPDX-License-Identifier: Apache-2.0 */
/* yunet.c - decoding of YuNet (Wu, Peng, Yu: "YuNet: a tiny millisecond-level
 * face detector"), as its authors' own post-processing does it. The square root
 * of a score is taken for promising cells only: nearly all cells are not. */
#include "face/yunet.h"

#include <math.h>
#include <stdbool.h>

const int32_t facet__yunet_stride[FACET__YUNET_STRIDES] = { 8, 16, 32 };
const char *const facet__yunet_output[FACET__YUNET_OUTPUTS] = { "cls_8",
    "cls_16", "cls_32", "obj_8", "obj_16", "obj_32", "bbox_8", "bbox_16",
    "bbox_32", "kps_8", "kps_16", "kps_32" };

static float clamp01(float value)
{
    return fminf(fmaxf(value, 0.0F), 1.0F);
}

static bool finite_face(const facet_face *face)
{
    float sum = face->box.x + face->box.y + face->box.width + face->box.height;

    for (int i = 0; i < FACET_LANDMARKS; i++)
        sum += face->landmarks[i].x + face->landmarks[i].y;
    return isfinite(sum) != 0;
}

/* The face of one cell; the score is the caller's. */
static facet_face decode_cell(const facet__yunet_head *head, size_t cell,
    float column, float row, float stride)
{
    const float *box = head->box + 4 * cell;
    const float *points = head->points + (size_t)2 * FACET_LANDMARKS * cell;
    facet_face face = { 0 };

    face.box.width = expf(box[2]) * stride;
    face.box.height = expf(box[3]) * stride;
    face.box.x = (column + box[0]) * stride - face.box.width / 2;
    face.box.y = (row + box[1]) * stride - face.box.height / 2;
    for (int i = 0; i < FACET_LANDMARKS; i++) {
        face.landmarks[i].x = (points[2 * i] + column) * stride;
        face.landmarks[i].y = (points[2 * i + 1] + row) * stride;
    }
    return face;
}

static facet_status decode_head(const facet__yunet_head *head, int32_t columns,
    int32_t rows, float stride, float threshold, facet__candidates *list)
{
    const size_t cells = (size_t)columns * (size_t)rows;
    facet_status st = FACET_OK;

    for (size_t i = 0; i < cells && st == FACET_OK; i++) {
        const float squared =
            clamp01(head->class_score[i]) * clamp01(head->object_score[i]);
        facet__candidate found;

        if (!(sqrtf(squared) >= threshold))
            continue;
        found.face = decode_cell(head, i, (float)(i % (size_t)columns),
            (float)(i / (size_t)columns), stride);
        found.face.score = sqrtf(squared);
        found.side = fmaxf(found.face.box.width, found.face.box.height);
        if (finite_face(&found.face))
            st = facet__candidates_add(list, &found);
    }
    return st;
}

facet_status facet__yunet_decode(
    const facet__yunet_head heads[FACET__YUNET_STRIDES], int32_t width,
    int32_t height, float threshold, facet__candidates *list)
{
    facet_status st = FACET_OK;

    for (int i = 0; i < FACET__YUNET_STRIDES && st == FACET_OK; i++) {
        const int32_t stride = facet__yunet_stride[i];

        st = decode_head(&heads[i], width / stride, height / stride,
            (float)stride, threshold, list);
    }
    return st;
}
