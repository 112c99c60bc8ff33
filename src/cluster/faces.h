/* SPDX-License-Identifier: Apache-2.0 */
/* faces.h - the faces of a call, checked and put into an order of their own.
 *
 * Rows are sorted by their bytes, then by photo and known label. Whatever is
 * done to rows in that order, ties included, does not depend on the order in
 * which the caller has them. */
#ifndef FACET__CLUSTER_FACES_H
#define FACET__CLUSTER_FACES_H

#include "facet/cluster.h"

typedef struct facet__faces {
    size_t count, dim;
    float *rows;     /* [count][dim], of unit length */
    uint32_t *index; /* [count]: the caller's number of a row */
    uint32_t *place; /* [count]: the row of the caller's number */
    /* [count]: a number that the rows of one photo share; 0 where a photo has
     * no other row, or is not known. */
    uint32_t *photos;
    uint32_t *known; /* [count]: labels, or FACET_CLUSTER_NEW */
} facet__faces;

/* `labels` is NULL when all faces are new. */
facet_status facet__faces_make(const facet_cluster_faces *in,
    const uint32_t *labels, facet__faces *out, facet_error *err);
void facet__faces_free(facet__faces *faces);

#endif
