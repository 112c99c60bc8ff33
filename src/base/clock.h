/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - seconds from some moment on, never backwards: for differences. */
#ifndef FACET__CLOCK_H
#define FACET__CLOCK_H

#include <time.h>

static inline double facet__clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
