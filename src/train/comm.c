/* SPDX-License-Identifier: Apache-2.0 */
#include "train/comm.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

void facet__comm_share(
    const facet_comm *comm, size_t batch, size_t *first, size_t *count)
{
    const size_t n = (size_t)facet__comm_count(comm);
    const size_t rank = comm ? (size_t)comm->rank : 0;

    *first = batch * rank / n;
    *count = batch * (rank + 1) / n - *first;
}

facet_status facet__comm_check(const facet_comm *c, facet_error *err)
{
    if (!c)
        return FACET_OK;
    if (c->size < sizeof *c || c->count < 1 || c->rank < 0 ||
        c->rank >= c->count || c->local < 1 || !c->sum || !c->begin ||
        !c->advance || !c->wait || !c->broadcast || !c->gather || !c->abandon)
        return facet__fail(err, FACET_EINVAL,
            "comm: a function is missing, or rank, count or local is out of "
            "range");
    return FACET_OK;
}

facet_status facet__comm_lost(
    const facet_comm *comm, facet_status status, facet_error *err)
{
    if (status == FACET_OK)
        return status;
    return facet__fail(err, status,
        "process %d of %d cannot reach the others any more", comm->rank,
        comm->count);
}

/* Everybody's reports; keep the first that is a failure. */
static facet_status exchange_reports(
    const facet_comm *comm, facet_status status, facet_error *err)
{
    const size_t n = (size_t)comm->count;
    facet_error mine = { .code = status };
    facet_error *all = facet__calloc(n, sizeof *all);
    size_t *sizes = facet__calloc(n, sizeof *sizes);
    facet_status st = FACET_ENOMEM;

    if (status != FACET_OK)
        facet__fail(
            &mine, status, "%s", err ? err->msg : facet_status_str(status));
    for (size_t r = 0; sizes && r < n; r++)
        sizes[r] = sizeof mine;
    if (all && sizes)
        st = facet__comm_lost(
            comm, comm->gather(comm->self, &mine, all, sizes), err);
    else
        facet__comm_abandon(comm, facet__fail_memory(err), err);
    for (size_t r = 0; st == FACET_OK && r < n; r++)
        if (all[r].code != FACET_OK)
            st = facet__fail(
                err, all[r].code, "process %zu of %zu: %s", r, n, all[r].msg);
    facet__free(all);
    facet__free(sizes);
    return st;
}

facet_status facet__comm_agree(
    const facet_comm *comm, facet_status status, bool *stop, facet_error *err)
{
    double counts[2] = { status != FACET_OK, stop && *stop };
    facet_status st;

    if (facet__comm_alone(comm))
        return status;
    st = comm->sum(comm->self, counts, 2);
    if (st != FACET_OK)
        return facet__comm_lost(comm, st, err);
    if (stop)
        *stop = counts[1] > 0;
    return counts[0] > 0 ? exchange_reports(comm, status, err) : FACET_OK;
}

facet_status facet__comm_broadcast(
    const facet_comm *comm, void *bytes, size_t size, facet_error *err)
{
    if (facet__comm_alone(comm) || size == 0)
        return FACET_OK;
    return facet__comm_lost(
        comm, comm->broadcast(comm->self, bytes, size), err);
}

facet_status facet__comm_same(const facet_comm *comm, const void *bytes,
    size_t size, const char *what, facet_error *err)
{
    unsigned char *first;
    facet_status st;

    if (facet__comm_alone(comm))
        return FACET_OK;
    first = facet__alloc(size);
    st = facet__comm_agree(
        comm, first ? FACET_OK : facet__fail_memory(err), NULL, err);
    if (st == FACET_OK) {
        memcpy(first, bytes, size);
        st = facet__comm_broadcast(comm, first, size, err);
    }
    if (st == FACET_OK && memcmp(first, bytes, size) != 0)
        st = facet__fail(
            err, FACET_EMODEL, "%s not the same as in process 0", what);
    facet__free(first);
    return facet__comm_agree(comm, st, NULL, err);
}

facet_status facet__comm_abandon(
    const facet_comm *comm, facet_status status, const facet_error *err)
{
    if (status != FACET_OK && !facet__comm_alone(comm))
        comm->abandon(comm->self, err ? err->msg : facet_status_str(status));
    return status;
}
