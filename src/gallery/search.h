/* SPDX-License-Identifier: Apache-2.0 */
/* search.h - the k best rows, or people, for one query or many: exact. */
#ifndef FACET__GALLERY_SEARCH_H
#define FACET__GALLERY_SEARCH_H

#include "facet/gallery.h"
#include "gallery/rows.h"

typedef struct facet__search {
    const facet__rows *rows;
    const facet__scan_kernels *kernels;
    const float *queries; /* [n_queries][dim], of unit length */
    size_t n_queries;
    size_t k;
    bool by_person;       /* one match a person: its best row */
    const uint8_t *allow; /* NULL, or a bit a row: which may match */
    float at_least;       /* no match below it; -INFINITY for all */
    int threads;
} facet__search;

/* Is `a` the better answer? Ties go to the smaller template id. */
bool facet__match_better(facet_match a, facet_match b);

/* out [n_queries][k], best first; counts [n_queries]. FACET_EDAMAGED when a row
 * among the answers does not match its check value. */
facet_status facet__search_run(
    const facet__search *search, facet_match *out, size_t *counts);

#endif
