/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_COMM_H
#define FACET_COMM_H

/**
 * @file
 * How the processes of one training speak to each other: a handful of calls
 * that facet_train makes and a program provides. libfacet_mpi (facet_mpi.h)
 * has them for MPI; libfacet itself knows no network.
 */

#include <stddef.h>

#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * `count` processes that train one network, this being number `rank`.
 *
 * Every process makes the same calls with the same sizes in the same order,
 * from one thread. A call that answers anything but FACET_OK ends the training
 * in this process with that status.
 */
typedef struct facet_comm {
    size_t size; /**< sizeof(facet_comm), set by who fills it */
    int rank;    /**< 0 <= rank < count; process 0 writes all files */
    int count;   /**< at least 1 */
    int local;   /**< so many of them share this machine's processors */
    void *self;  /**< handed to each function */

    /** Sum each of n numbers over all processes, in place. All of them get the
     * same bits. */
    facet_status (*sum)(void *self, double *numbers, size_t n);

    /** Begin to sum each of n numbers over all processes, in place; they must
     * not be touched until `wait` has answered for *token. All processes get
     * the same bits. Several sums may be under way at once, and other calls be
     * made meanwhile. */
    facet_status (*begin)(void *self, float *numbers, size_t n, void **token);
    /** Let sums that were begun go on; never waits. */
    facet_status (*advance)(void *self);
    /** Wait for a sum that was begun. */
    facet_status (*wait)(void *self, void *token);

    /** Process 0's n bytes to all others. */
    facet_status (*broadcast)(void *self, void *bytes, size_t n);

    /** Everybody's bytes to everybody, in the order of ranks: sizes[r] from
     * process r, all [sum of sizes]. `mine` is not in `all`. */
    facet_status (*gather)(
        void *self, const void *mine, void *all, const size_t *sizes);

    /** This process gives up in the midst of a step, where the others wait for
     * it: end them too, telling why. May return or not. */
    void (*abandon)(void *self, const char *why);
} facet_comm;

#ifdef __cplusplus
}
#endif

#endif
