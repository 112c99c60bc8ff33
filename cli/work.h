/* SPDX-License-Identifier: Apache-2.0 */
/* work.h - photos in parallel, results in the order of the photos.
 *
 * Workers take photos as they become free; the caller's thread takes results
 * in order. No more than a few photos a worker are under way, so that memory
 * stays bounded however slow the first of them is. */
#ifndef FACET_CLI_WORK_H
#define FACET_CLI_WORK_H

#include <stdbool.h>
#include <stddef.h>

#include "exits.h"
#include "inputs.h"

/* What became of a photo. */
typedef struct work_item {
    char *path;
    const char *note; /* of work_meet for work_do */
    char *bytes;      /* what is to be printed, from malloc; may be NULL */
    size_t size;
    size_t faces;
    exit_number status;
} work_item;

/* Look at the photo before any work; photos come in their order, one at a time.
 */
typedef void work_meet(void *context, work_item *item);
/* Fill in what follows `note`; runs in thread 0 <= thread < threads. */
typedef void work_do(void *context, int thread, work_item *item);
/* Print it; runs in the caller's thread. False stops the work. */
typedef bool work_take(void *context, const work_item *item);

/* `meet` may be NULL. Returns EXIT_INTERRUPTED after SIGINT or SIGTERM (photos
 * under way are finished and printed; a second signal kills), EXIT_NO_MEMORY,
 * else EXIT_YES. */
exit_number work_run(inputs *in, int threads, work_meet *meet, work_do *run,
    work_take *print, void *context);

#endif
