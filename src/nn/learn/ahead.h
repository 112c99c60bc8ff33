/* SPDX-License-Identifier: Apache-2.0 */
/* ahead.h - asking for memory before it is needed.
 *
 * A block of rows is a burst of reading, then much arithmetic during which
 * memory would be idle. So the next block is asked for in small helpings
 * between the kernels' calls. Maps that are read row by row in order need this
 * as well: processors look ahead within a page only. */
#ifndef FACET__AHEAD_H
#define FACET__AHEAD_H

#include <stddef.h>

enum { FACET__AHEAD_RUNS = 4, FACET__LINE = 64 };

typedef struct facet__ahead {
    const char *from[FACET__AHEAD_RUNS];
    size_t left[FACET__AHEAD_RUNS]; /* bytes */
    int runs;
    size_t helping; /* bytes a call */
} facet__ahead;

static inline void facet__ahead_add(
    facet__ahead *ahead, const void *from, size_t bytes)
{
    ahead->from[ahead->runs] = from;
    ahead->left[ahead->runs++] = bytes;
}

/* All in so many calls of facet__ahead_ask. */
static inline void facet__ahead_divide(facet__ahead *ahead, size_t calls)
{
    size_t bytes = 0;

    for (int i = 0; i < ahead->runs; i++)
        bytes += ahead->left[i];
    ahead->helping = bytes / calls + FACET__LINE;
}

static inline void facet__ahead_ask(facet__ahead *ahead)
{
    size_t helping = ahead->helping;

    for (int i = 0; i < ahead->runs && helping > 0; i++) {
        const size_t n = ahead->left[i] < helping ? ahead->left[i] : helping;

        for (size_t at = 0; at < n; at += FACET__LINE)
            __builtin_prefetch(ahead->from[i] + at, 0, 2);
        ahead->from[i] += n;
        ahead->left[i] -= n;
        helping -= n;
    }
}

#endif
