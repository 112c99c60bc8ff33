/* SPDX-License-Identifier: Apache-2.0 */
/* by_person.h - rows in order of person, for work on a person's rows together.
 */
#ifndef FACET__GALLERY_BY_PERSON_H
#define FACET__GALLERY_BY_PERSON_H

#include "facet/gallery.h"
#include "gallery/rows.h"

typedef struct facet__person_row {
    uint64_t person;
    size_t row;
} facet__person_row;

/* All rows that are not erased, by person, then by row; NULL without memory.
 * Free it with facet__free. */
facet__person_row *facet__rows_by_person(const facet__rows *rows, size_t *n);

/* The person's row that is most like the query, ties to the smaller id, leaving
 * out the row `skip` (SIZE_MAX: none). Id 0 and score -2 when there is none. */
facet_match facet__nearest_of_person(const facet__rows *rows,
    const facet__scan_kernels *kernels, const float *query,
    const facet__person_row *list, size_t n, uint64_t person, size_t skip);

#endif
