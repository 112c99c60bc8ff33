/* SPDX-License-Identifier: Apache-2.0 */
/* comm.h - what a training asks of its other processes, by way of facet_comm.
 *
 * NULL stands for a training that is alone, and costs it nothing. Collective
 * calls are made by all processes in the same order. A failure in one process
 * must reach the others at a point where all of them ask: facet__comm_agree.
 * Between two such points there is only facet__comm_abandon. */
#ifndef FACET__COMM_H
#define FACET__COMM_H

#include <stdbool.h>

#include "facet/comm.h"

static inline bool facet__comm_alone(const facet_comm *comm)
{
    return !comm || comm->count == 1;
}

/* The process that writes files and speaks to people. */
static inline bool facet__comm_first(const facet_comm *comm)
{
    return !comm || comm->rank == 0;
}

static inline int facet__comm_count(const facet_comm *comm)
{
    return comm ? comm->count : 1;
}

/* The places of a batch that are this process's. The shares of all processes
 * follow one another and differ by one at most. */
void facet__comm_share(
    const facet_comm *comm, size_t batch, size_t *first, size_t *count);

/* All have the functions a training calls? Errors: FACET_EINVAL (told). */
facet_status facet__comm_check(const facet_comm *comm, facet_error *err);

/* Collective. FACET_OK when all processes bring FACET_OK; else everywhere the
 * status and message of the first that does not, its number before the message.
 * `stop` (may be NULL) becomes true everywhere if it is true anywhere. */
facet_status facet__comm_agree(
    const facet_comm *comm, facet_status status, bool *stop, facet_error *err);

/* Collective. FACET_EMODEL, with `what` in the message, where the bytes are not
 * those of process 0; then on all. */
facet_status facet__comm_same(const facet_comm *comm, const void *bytes,
    size_t size, const char *what, facet_error *err);

/* Process 0's bytes to all. */
facet_status facet__comm_broadcast(
    const facet_comm *comm, void *bytes, size_t size, facet_error *err);

/* End the others, which wait in the midst of a step, because of a failure here.
 * Answers the status. */
facet_status facet__comm_abandon(
    const facet_comm *comm, facet_status status, const facet_error *err);

/* What a failed call of `comm` is reported as. */
facet_status facet__comm_lost(
    const facet_comm *comm, facet_status status, facet_error *err);

#endif
