/* SPDX-License-Identifier: Apache-2.0 */
#include "train/run_losses.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "train/comm.h"

/* Does any loss ask for more than its part of a batch? */
static bool asks_for_all(const facet__run_setup *setup)
{
    bool asks = false;

    for (size_t l = 0; l < setup->n_losses; l++) {
        const facet__loss_type *type = setup->losses[l]->type;

        asks = asks || type->looks_at_pairs || type->settle;
    }
    return asks && !facet__comm_alone(setup->comm);
}

/* Does one of those look at a teacher's embeddings? */
static bool asks_for_teacher(const facet__run_setup *setup)
{
    bool asks = false;

    for (size_t l = 0; l < setup->n_losses; l++) {
        const facet__loss_type *type = setup->losses[l]->type;

        asks = asks || (type->looks_at_pairs && type->needs_teacher);
    }
    return asks && asks_for_all(setup);
}

facet_status facet__run_losses_open(
    const facet__run_setup *setup, facet__run_losses *s, facet_error *err)
{
    const size_t processes = (size_t)facet__comm_count(setup->comm);
    const size_t dim = setup->net.dim;
    bool good;

    *s =
        (facet__run_losses){ .setup = setup, .whole = setup->data.order.batch };
    if (s->whole < processes)
        return facet__fail(err, FACET_EINVAL,
            "batches of %zu for %zu processes: raise sampler.batch", s->whole,
            processes);
    for (size_t l = 0; l < setup->n_losses && processes > 1; l++)
        if (setup->losses[l]->type->needs_cells)
            return facet__fail(err, FACET_EINVAL,
                "loss %s is no mean over pictures: train it in one process",
                setup->losses[l]->type->name);
    facet__comm_share(setup->comm, s->whole, &s->first, &s->count);
    s->dx = facet__calloc(s->count * dim, sizeof *s->dx);
    s->part = facet__calloc(s->whole * dim, sizeof *s->part);
    good = s->dx && s->part;
    if (asks_for_all(setup)) {
        s->x = facet__calloc(s->whole * dim, sizeof *s->x);
        s->labels = facet__calloc(s->whole, sizeof *s->labels);
        s->sizes = facet__calloc(processes, sizeof *s->sizes);
        good = good && s->x && s->labels && s->sizes;
    }
    if (asks_for_teacher(setup)) {
        s->teacher = facet__calloc(s->whole * dim, sizeof *s->teacher);
        good = good && s->teacher;
    }
    return good ? FACET_OK : facet__fail_memory(err);
}

void facet__run_losses_close(facet__run_losses *s)
{
    facet__free(s->dx);
    facet__free(s->part);
    facet__free(s->x);
    facet__free(s->labels);
    facet__free(s->teacher);
    facet__free(s->sizes);
}

/* Every process's `mine`, `bytes` for each of its pictures. */
static facet_status gather(const facet__run_losses *s, const void *mine,
    size_t bytes, void *all, facet_error *err)
{
    const facet_comm *comm = s->setup->comm;

    for (int r = 0; r < comm->count; r++) {
        const size_t n = (size_t)comm->count;

        s->sizes[r] =
            (s->whole * (size_t)(r + 1) / n - s->whole * (size_t)r / n) * bytes;
    }
    return facet__comm_lost(
        comm, comm->gather(comm->self, mine, all, s->sizes), err);
}

/* Part of the whole that this process answers for. */
static double share_of(const facet__run_losses *s, const facet__loss *loss)
{
    if (loss->type->looks_at_pairs)
        return 1 / (double)facet__comm_count(s->setup->comm);
    return (double)s->count / (double)s->whole;
}

/* Add loss `l` of the own or the whole batch to dx, and to sums: value, terms,
 * active terms. */
static facet_status take_one(facet__run_losses *s, size_t l,
    const facet__batch *own, const facet__batch *all, double sums[3],
    facet_error *err)
{
    facet__loss *loss = s->setup->losses[l];
    const bool pairs = loss->type->looks_at_pairs;
    const double share = share_of(s, loss), weight = s->setup->weights[l];
    const size_t dim = s->setup->net.dim;
    const float *part = s->part + (pairs ? s->first * dim : 0);
    const float scale = (float)(pairs ? weight : weight * share);
    facet__loss_result result;
    facet_status st =
        facet__loss_run_part(loss, pairs ? all : own, s->part, &result, err);

    if (st == FACET_OK)
        st = facet__loss_settle(loss, all, err);
    if (st != FACET_OK)
        return st;
    sums[0] += weight * share * result.value;
    sums[1] += pairs ? share * (double)result.terms : (double)result.terms;
    sums[2] += pairs ? share * (double)result.active : (double)result.active;
    for (size_t i = 0; i < s->count * dim; i++)
        s->dx[i] += scale * part[i];
    for (size_t p = 0; p < loss->n_params; p++)
        for (size_t i = 0; i < loss->params[p].count && !loss->params[p].state;
             i++)
            loss->params[p].grad[i] *= (float)(weight * share);
    return FACET_OK;
}

facet_status facet__run_losses_take(facet__run_losses *s,
    const facet__load *load, const float *x, const float *teacher,
    facet_error *err)
{
    const facet__run_setup *setup = s->setup;
    const facet_comm *comm = setup->comm;
    const size_t dim = setup->net.dim;
    const facet__batch own = { s->count, x, load->labels, teacher, load->number,
        load->targets };
    facet__batch all = own;
    double sums[3] = { 0, 0, 0 };
    facet_status st = FACET_OK;

    if (s->x) {
        all = (facet__batch){ s->whole, s->x, s->labels, s->teacher,
            load->number, NULL };
        st = gather(s, x, dim * sizeof *x, s->x, err);
        if (st == FACET_OK)
            st = gather(s, load->labels, sizeof *load->labels, s->labels, err);
        if (st == FACET_OK && s->teacher)
            st = gather(s, teacher, dim * sizeof *teacher, s->teacher, err);
    }
    memset(s->dx, 0, s->count * dim * sizeof *s->dx);
    for (size_t l = 0; l < setup->n_losses && st == FACET_OK; l++)
        st = take_one(s, l, &own, &all, sums, err);
    if (st == FACET_OK && !facet__comm_alone(comm))
        st = facet__comm_lost(comm, comm->sum(comm->self, sums, 3), err);
    s->value = sums[0];
    s->mined = sums[1] > 0 ? sums[2] / sums[1] : 0;
    return st;
}
