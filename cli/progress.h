/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h - one line on stderr, if that is a terminal: how many photos are
 * done, how many a second, how long it will take. */
#ifndef FACET_CLI_PROGRESS_H
#define FACET_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct progress {
    bool shown;
    double start, last; /* seconds */
    size_t done;
} progress;

void progress_start(progress *p, bool quiet);
/* One photo more; `total` is 0 when nobody knows. */
void progress_step(progress *p, size_t total);
void progress_end(progress *p);

/* Seconds of a clock that only goes forward. */
double seconds_now(void);

#endif
