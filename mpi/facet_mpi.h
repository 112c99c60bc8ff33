/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_MPI_H
#define FACET_MPI_H

/**
 * @file
 * A facet_comm over MPI: `facet train` under mpirun, or a program's own
 * training. libfacet_mpi is a library of its own, so that nobody else's program
 * loads MPI; it is built where MPI is found (docs/design/data-parallel.md).
 */

#include "facet/comm.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Join the processes that were started together. MPI is initialized unless the
 * program has done so (at least MPI_THREAD_FUNNELED, in this thread): once a
 * process, as MPI cannot be begun again after it was finalized.
 *
 * @param comm      Filled in; for this thread alone, until facet_mpi_close.
 * @param complain  Called, when this process gives up in the midst of a step,
 *                  with why; all processes are ended after it. May be NULL.
 *
 * Errors: FACET_EIO (MPI refuses, or was finalized; told), FACET_ENOMEM.
 * Thread safety: the calling thread is the one that may use `comm`.
 */
FACET_API FACET_MUST_USE facet_status facet_mpi_open(
    facet_comm *comm, void (*complain)(const char *why), facet_error *err);

/**
 * Leave, together with the others, and finalize MPI if facet_mpi_open has
 * initialized it. After a call of `comm` has failed this ends all processes
 * instead of waiting for them. A zeroed `comm` is left alone.
 */
FACET_API void facet_mpi_close(facet_comm *comm);

#ifdef __cplusplus
}
#endif

#endif
