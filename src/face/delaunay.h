/* SPDX-License-Identifier: Apache-2.0 */
/* delaunay.h - the triangulation of points of the plane in which no point lies
 * inside the circle around a triangle. */
#ifndef FACET__DELAUNAY_H
#define FACET__DELAUNAY_H

#include <stddef.h>

#include "facet/geometry.h"
#include "facet/status.h"

typedef struct facet__triangle {
    unsigned short corners[3];
} facet__triangle;

/* Triangulate `count` points, 3 to 1000, no two the same. *out receives
 * *n_out triangles, all turned the same way, to be freed with facet__free.
 * Errors: FACET_EINVAL (all on one line, two the same), FACET_ENOMEM. */
facet_status facet__delaunay(const facet_point *points, size_t count,
    facet__triangle **out, size_t *n_out);

#endif
