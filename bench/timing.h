/* SPDX-License-Identifier: Apache-2.0 */
/* timing.h - what the programs here measure with. */
#ifndef FACET_BENCH_TIMING_H
#define FACET_BENCH_TIMING_H

#include <stdlib.h>

#include "base/clock.h"

static inline int timing_order(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The middle of n times, which are sorted by it. */
static inline double timing_median(double *times, int n)
{
    qsort(times, (size_t)n, sizeof *times, timing_order);
    return times[n / 2];
}

#endif
