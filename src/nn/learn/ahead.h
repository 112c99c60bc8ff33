/* SPDX-License-Identifier: Apache-2.0 */
/* ahead.h - memory to ask for before it is needed: stretches of it, handed out
 * a bit at a time to kernels that have arithmetic to hide it behind. */
#ifndef FACET__AHEAD_H
#define FACET__AHEAD_H

#include <stddef.h>

enum { FACET__AHEAD_RUNS = 4, FACET__LINE = 64 };

typedef struct facet__ahead {
    const char *from[FACET__AHEAD_RUNS];
    size_t left[FACET__AHEAD_RUNS]; /* bytes */
    int runs;
} facet__ahead;

static inline void facet__ahead_add(
    facet__ahead *ahead, const void *from, size_t bytes)
{
    ahead->from[ahead->runs] = from;
    ahead->left[ahead->runs++] = bytes;
}

/* The next `lines` cache lines, fewer at the end of a stretch; NULL when all
 * are handed out. */
static inline const void *facet__ahead_take(facet__ahead *ahead, size_t lines)
{
    for (int i = 0; i < ahead->runs; i++) {
        const char *from = ahead->from[i];
        const size_t bytes = lines * FACET__LINE;
        const size_t n = ahead->left[i] < bytes ? ahead->left[i] : bytes;

        if (n > 0) {
            ahead->from[i] += n;
            ahead->left[i] -= n;
            return from;
        }
    }
    return NULL;
}

#endif
