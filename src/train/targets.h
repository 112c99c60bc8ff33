/* SPDX-License-Identifier: Apache-2.0 */
/* targets.h - the faces that a detector should find in a picture. */
#ifndef FACET__TARGETS_H
#define FACET__TARGETS_H

#include <stdbool.h>
#include <stdint.h>

enum { FACET__TARGETS = 1024 };

/* A face to find, in pixels of the first crop; integers are pixel centers. */
typedef struct facet__target {
    double x, y, width, height;
    bool ignored; /* neither wanted nor forbidden */
    bool has_points;
    double points[10]; /* five of x, y */
} facet__target;

typedef struct facet__targets {
    uint32_t count;
    facet__target items[FACET__TARGETS];
} facet__targets;

#endif
