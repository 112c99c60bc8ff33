/* SPDX-License-Identifier: Apache-2.0 */
/* frontal_private.h - a face before its warp, for frontal.c and its test. */
#ifndef FACET__FRONTAL_PRIVATE_H
#define FACET__FRONTAL_PRIVATE_H

#include "face/delaunay.h"
#include "facet/frontal.h"

enum {
    FACET__FRONTAL_RIM = 8, /* points of the forehead, after the 68 */
    FACET__FRONTAL_POINTS = FACET_HEAD_POINTS + FACET__FRONTAL_RIM,
};

struct facet_frontal {
    const facet_head *head; /* borrowed */
    facet_frontal_opts opts;
    facet_point3 space[FACET__FRONTAL_POINTS]; /* of the mean head, mm */
    double *factor; /* [136, 136], of the covariance */
    facet__triangle *triangles;
    size_t n_triangles;
};

/* A face under the warp. */
typedef struct facet__frontal_face {
    facet_point source[FACET__FRONTAL_POINTS];    /* pixels of the photo */
    facet_point corrected[FACET__FRONTAL_POINTS]; /* x, y of the head, mm */
    facet_point target[FACET__FRONTAL_POINTS];    /* pixels of the crop */
    float seen[FACET__FRONTAL_POINTS];            /* 0 hidden to 1 */
    facet_frontal_result result;
} facet__frontal_face;

/* Camera, corrected head and visibility of a face. */
facet_status facet__frontal_look(const facet_frontal *f,
    const facet_point points[FACET_HEAD_POINTS], facet__frontal_face *to,
    facet_error *err);

/* The point on the other side of the face. */
int facet__frontal_mirrored(int i);

#endif
