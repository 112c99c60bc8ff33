/* SPDX-License-Identifier: Apache-2.0 */
/* names.h - names in their order, for finding one among many. */
#ifndef FACET__NAMES_H
#define FACET__NAMES_H

#include <stddef.h>
#include <stdint.h>

typedef struct facet__name {
    const char *text; /* borrowed */
    uint32_t number;  /* what it stands for */
} facet__name;

/* By text, and among equals by number. */
void facet__name_sort(facet__name *names, size_t n);
/* Among sorted ones: the first of that text, or NULL. */
const facet__name *facet__name_find(
    const facet__name *names, size_t n, const char *text);
/* Among sorted ones: the first whose text the next one has too, or NULL. */
const facet__name *facet__name_twice(const facet__name *names, size_t n);

#endif
