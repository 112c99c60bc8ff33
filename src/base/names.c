/* SPDX-License-Identifier: Apache-2.0 */
#include "base/names.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
    const facet__name *a = left, *b = right;
    const int order = strcmp(a->text, b->text);

    return order ? order : (a->number > b->number) - (a->number < b->number);
}

void facet__name_sort(facet__name *names, size_t n)
{
    qsort(names, n, sizeof *names, compare);
}

const facet__name *facet__name_find(
    const facet__name *names, size_t n, const char *text)
{
    size_t from = 0, to = n;

    while (from < to) {
        const size_t middle = from + (to - from) / 2;

        if (strcmp(names[middle].text, text) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from < n && strcmp(names[from].text, text) == 0 ? &names[from]
                                                           : NULL;
}

const facet__name *facet__name_twice(const facet__name *names, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (strcmp(names[i].text, names[i - 1].text) == 0)
            return &names[i - 1];
    return NULL;
}
