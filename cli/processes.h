/* SPDX-License-Identifier: Apache-2.0 */
/* processes.h - one training, started several times by mpirun. */
#ifndef FACET_CLI_PROCESSES_H
#define FACET_CLI_PROCESSES_H

#include "facet/comm.h"

/* The other processes, if this one was started together with some; else *comm
 * is NULL. libfacet_mpi is loaded here, and only then. Errors: FACET_ENOTFOUND
 * (it is not there), FACET_EIO (MPI refuses, or was started by another MPI than
 * the one it is built with). */
facet_status processes_join(const facet_comm **comm, facet_error *err);
/* Collective, at the end. */
void processes_leave(void);

/* Does this one speak to people? */
int processes_first(const facet_comm *comm);

#endif
