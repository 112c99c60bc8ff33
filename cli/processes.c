/* SPDX-License-Identifier: Apache-2.0 */
/* processes.c - see processes.h.
 *
 * The command does not link MPI: whoever looks for a face in a photo would load
 * ten libraries for nothing, and could not install facet without them.
 * What a launcher has put into the environment tells whether MPI is wanted. */
#include "processes.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"

static facet_comm joined;
static void (*leave)(facet_comm *comm);

static facet_status fail(
    facet_error *err, facet_status status, const char *what, const char *why)
{
    err->code = status;
    snprintf(err->msg, sizeof err->msg, "%s%s", what, why);
    return status;
}

/* Processes that were started together as the launcher says; 1 without one, 0
 * when it does not say how many. */
static long launched(void)
{
    static const char *const sizes[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE" };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *text = getenv(sizes[i]);

        if (text)
            return strtol(text, NULL, 10);
    }
    return getenv("PMIX_RANK") ? 0 : 1;
}

static void tell_why(const char *why)
{
    complain("process %d of %d: %s; the others are ended", joined.rank,
        joined.count, why);
}

/* The address of a function of the library: ISO C has no cast for it. */
static void find(void *library, const char *name, void *function)
{
    void *const address = dlsym(library, name);

    memcpy(function, &address, sizeof address);
}

static facet_status load(facet_error *err)
{
    facet_status (*open)(facet_comm * comm, void (*complain)(const char *why),
        facet_error *err) = NULL;
    /* MPI loads parts of itself later on, which look for its symbols. */
    void *library = dlopen("libfacet_mpi.so.0", RTLD_NOW | RTLD_GLOBAL);

    if (!library)
        return fail(err, FACET_ENOTFOUND,
            "started several times, but this facet was built without MPI "
            "(libopenmpi-dev): ",
            dlerror());
    find(library, "facet_mpi_open", &open);
    find(library, "facet_mpi_close", &leave);
    if (!open || !leave)
        return fail(
            err, FACET_ENOTFOUND, "libfacet_mpi is of another version", "");
    return open(&joined, tell_why, err);
}

facet_status processes_join(const facet_comm **comm, facet_error *err)
{
    const long expected = launched();
    facet_status st;

    *comm = NULL;
    if (expected == 1)
        return FACET_OK;
    st = load(err);
    if (st != FACET_OK)
        return st;
    if (expected > 0 && joined.count != expected)
        return fail(err, FACET_EIO,
            "the launcher's MPI is not the one facet was built with: each "
            "process would train by itself",
            "");
    *comm = &joined;
    return FACET_OK;
}

void processes_leave(void)
{
    if (joined.self)
        leave(&joined);
}

int processes_first(const facet_comm *comm)
{
    return !comm || comm->rank == 0;
}
