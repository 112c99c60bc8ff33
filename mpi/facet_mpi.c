/* SPDX-License-Identifier: Apache-2.0 */
/* facet_mpi.c - see facet_mpi.h.
 *
 * Sums that were begun are MPI_Iallreduce. Most MPIs move them on only while
 * some call of MPI is being made, so `advance`, which the training calls
 * between the layers of its backward pass, asks after the oldest. */
#include "facet_mpi.h"

#include <limits.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* A sum under way; the oldest first. */
typedef struct sum {
    MPI_Request request;
    struct sum *next;
} sum;

typedef struct world {
    MPI_Comm comm; /* a communicator of our own */
    int rank, count;
    bool initialized; /* by us */
    bool failed;
    sum *oldest, *newest;
    void (*complain)(const char *why);
} world;

static facet_status check(world *w, int result)
{
    if (result == MPI_SUCCESS)
        return FACET_OK;
    w->failed = true;
    return FACET_EIO;
}

static facet_status sum_up(void *self, double *numbers, size_t n)
{
    world *w = self;

    if (n > INT_MAX)
        return FACET_ELIMIT;
    return check(w, MPI_Allreduce(MPI_IN_PLACE, numbers, (int)n, MPI_DOUBLE,
                        MPI_SUM, w->comm));
}

static facet_status begin(void *self, float *numbers, size_t n, void **token)
{
    world *w = self;
    sum *s;
    facet_status st;

    *token = NULL;
    if (n > INT_MAX)
        return FACET_ELIMIT;
    s = calloc(1, sizeof *s);
    if (!s)
        return FACET_ENOMEM;
    st = check(w, MPI_Iallreduce(MPI_IN_PLACE, numbers, (int)n, MPI_FLOAT,
                      MPI_SUM, w->comm, &s->request));
    if (st != FACET_OK) {
        free(s);
        return st;
    }
    if (w->newest)
        w->newest->next = s;
    else
        w->oldest = s;
    w->newest = s;
    *token = s;
    return FACET_OK;
}

static facet_status advance(void *self)
{
    world *w = self;
    int done;

    if (!w->oldest)
        return FACET_OK;
    return check(w,
        MPI_Request_get_status(w->oldest->request, &done, MPI_STATUS_IGNORE));
}

static void unlink_sum(world *w, const sum *s)
{
    sum *before = NULL;

    for (sum *at = w->oldest; at && at != s; at = at->next)
        before = at;
    if (before)
        before->next = s->next;
    else
        w->oldest = s->next;
    if (w->newest == s)
        w->newest = before;
}

static facet_status wait_for(void *self, void *token)
{
    world *w = self;
    sum *s = token;
    const facet_status st = check(w, MPI_Wait(&s->request, MPI_STATUS_IGNORE));

    unlink_sum(w, s);
    free(s);
    return st;
}

static facet_status broadcast(void *self, void *bytes, size_t n)
{
    world *w = self;
    char *at = bytes;
    facet_status st = FACET_OK;

    while (n > 0 && st == FACET_OK) {
        const int part = n > INT_MAX ? INT_MAX : (int)n;

        st = check(w, MPI_Bcast(at, part, MPI_BYTE, 0, w->comm));
        at += part;
        n -= (size_t)part;
    }
    return st;
}

static facet_status gather(
    void *self, const void *mine, void *all, const size_t *sizes)
{
    world *w = self;
    int *counts = calloc((size_t)w->count, 2 * sizeof *counts);
    int *places = counts + w->count;
    size_t total = 0;
    facet_status st;

    if (!counts)
        return FACET_ENOMEM;
    for (int r = 0; r < w->count && total <= INT_MAX; r++) {
        places[r] = (int)total;
        counts[r] = (int)sizes[r];
        total += sizes[r];
    }
    st = total > INT_MAX
             ? FACET_ELIMIT
             : check(w, MPI_Allgatherv(mine, counts[w->rank], MPI_BYTE, all,
                            counts, places, MPI_BYTE, w->comm));
    free(counts);
    return st;
}

static void abandon(void *self, const char *why)
{
    const world *w = self;

    if (w->complain)
        w->complain(why);
    MPI_Abort(w->comm, EXIT_FAILURE);
}

/* How many of the processes run on this machine. */
static int count_local(const world *w, int *local)
{
    MPI_Comm here;
    int result = MPI_Comm_split_type(
        w->comm, MPI_COMM_TYPE_SHARED, w->rank, MPI_INFO_NULL, &here);

    if (result != MPI_SUCCESS)
        return result;
    result = MPI_Comm_size(here, local);
    MPI_Comm_free(&here);
    return result;
}

static facet_status fail(facet_error *err, facet_status status, const char *msg)
{
    if (err) {
        err->code = status;
        snprintf(err->msg, sizeof err->msg, "%s", msg);
    }
    return status;
}

/* MPI itself, and a communicator whose errors come back as answers. */
static facet_status join(world *w, int *local)
{
    int ready, ended, level;
    facet_status st = check(w, MPI_Finalized(&ended));

    if (st == FACET_OK && ended)
        return FACET_EIO;
    if (st == FACET_OK)
        st = check(w, MPI_Initialized(&ready));
    if (st == FACET_OK && !ready) {
        st = check(w, MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level));
        w->initialized = st == FACET_OK;
    }
    if (st == FACET_OK)
        st = check(w, MPI_Comm_dup(MPI_COMM_WORLD, &w->comm));
    if (st == FACET_OK)
        st = check(w, MPI_Comm_set_errhandler(w->comm, MPI_ERRORS_RETURN));
    if (st == FACET_OK)
        st = check(w, MPI_Comm_rank(w->comm, &w->rank));
    if (st == FACET_OK)
        st = check(w, MPI_Comm_size(w->comm, &w->count));
    return st == FACET_OK ? check(w, count_local(w, local)) : st;
}

facet_status facet_mpi_open(
    facet_comm *comm, void (*complain)(const char *why), facet_error *err)
{
    world *w = calloc(1, sizeof *w);
    int local = 1;

    *comm = (facet_comm){ .size = 0 };
    if (!w)
        return fail(err, FACET_ENOMEM, "out of memory");
    w->complain = complain;
    w->comm = MPI_COMM_NULL;
    if (join(w, &local) != FACET_OK) {
        free(w);
        return fail(err, FACET_EIO,
            "MPI cannot join the other processes, or has ended: it is begun "
            "once a process");
    }
    *comm = (facet_comm){ .size = sizeof *comm,
        .rank = w->rank,
        .count = w->count,
        .local = local,
        .self = w,
        .sum = sum_up,
        .begin = begin,
        .advance = advance,
        .wait = wait_for,
        .broadcast = broadcast,
        .gather = gather,
        .abandon = abandon };
    return FACET_OK;
}

void facet_mpi_close(facet_comm *comm)
{
    world *w = comm->self;

    if (!w)
        return;
    if (w->failed)
        MPI_Abort(w->comm, EXIT_FAILURE);
    MPI_Comm_free(&w->comm);
    if (w->initialized)
        MPI_Finalize();
    free(w);
    *comm = (facet_comm){ .size = 0 };
}
