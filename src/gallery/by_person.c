/* SPDX-License-Identifier: Apache-2.0 */
#include "gallery/by_person.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "gallery/search.h"

static int by_person(const void *a, const void *b)
{
    const facet__person_row *x = a, *y = b;

    if (x->person != y->person)
        return x->person < y->person ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

facet__person_row *facet__rows_by_person(const facet__rows *rows, size_t *n)
{
    facet__person_row *list = facet__calloc(rows->count + 1, sizeof *list);

    *n = 0;
    for (size_t i = 0; list && i < rows->count; i++)
        if (facet__rows_id(rows, i))
            list[(*n)++] =
                (facet__person_row){ facet__rows_person(rows, i), i };
    if (list)
        qsort(list, *n, sizeof *list, by_person);
    return list;
}

/* Where a person's rows begin in the list, or would. */
static size_t first_of(const facet__person_row *list, size_t n, uint64_t person)
{
    size_t low = 0;

    while (low < n) {
        const size_t middle = low + (n - low) / 2;

        if (list[middle].person < person)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

facet_match facet__nearest_of_person(const facet__rows *rows,
    const facet__scan_kernels *kernels, const float *query,
    const facet__person_row *list, size_t n, uint64_t person, size_t skip)
{
    facet_match best = { .score = -2.0F };

    for (size_t i = first_of(list, n, person);
         i < n && list[i].person == person; i++) {
        const size_t row = list[i].row;
        facet_match here = { .person = person };

        if (row == skip)
            continue;
        here.id = facet__rows_id(rows, row);
        here.score =
            kernels->dot(query, facet__rows_at(rows, row), rows->layout.dim);
        if (here.id && (!best.id || facet__match_better(here, best)))
            best = here;
    }
    return best;
}
