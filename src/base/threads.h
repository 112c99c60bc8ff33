/* SPDX-License-Identifier: Apache-2.0 */
/* threads.h - one loop over many cores.
 *
 * A pool owns n-1 sleeping threads; the caller is the n-th. A pool runs one
 * loop at a time and belongs to one thread at a time. */
#ifndef FACET__THREADS_H
#define FACET__THREADS_H

#include "facet/status.h"

typedef struct facet__pool facet__pool;

/* `task` is called once for each index in [0, count), by any thread; `thread`
 * is 0 <= thread < facet__pool_size(). */
typedef void facet__task(void *context, size_t index, int thread);

/* `threads` >= 1. With 1 the pool has no thread of its own. */
facet_status facet__pool_create(int threads, facet__pool **out);
void facet__pool_free(facet__pool *pool);
/* 1 for NULL. */
int facet__pool_size(const facet__pool *pool);

/* Run all indices and wait. A NULL pool runs them in the calling thread. */
void facet__pool_run(
    facet__pool *pool, size_t count, facet__task *task, void *context);

/* Processors this process may run on (at least 1). */
int facet__cpu_count(void);

#endif
