/* SPDX-License-Identifier: Apache-2.0 */
/* reduce.c - see reduce.h.
 *
 * Gradients are copied into one array in the order in which they come; buckets
 * are stretches of it. The copies there and back move eight bytes a weight,
 * which is little beside the backward pass, and leave networks and losses free
 * to keep their gradients where they like. */
#include "train/reduce.h"

#include <string.h>

#include "base/alloc.h"

/* A sum under way. */
typedef struct bucket {
    size_t begin, end; /* in `packed` */
    void *token;
} bucket;

struct facet__reduce {
    const facet_comm *comm;
    const facet__param *params;
    size_t n_params;
    size_t bucket_floats;
    float *packed;  /* all gradients, in the order they came */
    size_t *order;  /* [n_params] */
    bool *taken;    /* [n_params] */
    size_t n_taken; /* params */
    size_t filled;  /* floats of `packed` */
    bucket *buckets;
    size_t n_buckets;
    facet_status status;
};

/* Statistics, which each process has of its own pictures. What is only kept
 * from learning has a place for its gradient, and is the same everywhere: the
 * mean of that would round it a little further with every step. */
static bool is_own(const facet__param *p)
{
    return p->state && !p->grad;
}

static size_t count_floats(
    const facet__reduce *r, bool (*counts)(const facet__param *p))
{
    size_t floats = 0;

    for (size_t i = 0; i < r->n_params; i++)
        if (counts(&r->params[i]))
            floats += r->params[i].count;
    return floats;
}

static bool learns(const facet__param *p)
{
    return !p->state;
}

facet_status facet__reduce_create(const facet_comm *comm,
    const facet__param *params, size_t n_params, size_t bucket_bytes,
    facet__reduce **out)
{
    facet__reduce *r = facet__calloc(1, sizeof *r);
    size_t gradients, states;

    *out = NULL;
    if (!r)
        return FACET_ENOMEM;
    r->comm = comm;
    r->params = params;
    r->n_params = n_params;
    r->bucket_floats = bucket_bytes / sizeof(float);
    gradients = count_floats(r, learns);
    states = count_floats(r, is_own);
    r->packed = facet__calloc(
        gradients > states ? gradients : states, sizeof *r->packed);
    r->order = facet__calloc(n_params, sizeof *r->order);
    r->taken = facet__calloc(n_params, sizeof *r->taken);
    r->buckets = facet__calloc(n_params, sizeof *r->buckets);
    if (!r->packed || !r->order || !r->taken || !r->buckets) {
        facet__reduce_free(r);
        return FACET_ENOMEM;
    }
    *out = r;
    return FACET_OK;
}

void facet__reduce_free(facet__reduce *r)
{
    if (!r)
        return;
    facet__free(r->packed);
    facet__free(r->order);
    facet__free(r->taken);
    facet__free(r->buckets);
    facet__free(r);
}

/* Send what has been filled in since the last bucket. */
static void send(facet__reduce *r)
{
    const size_t begin = r->n_buckets ? r->buckets[r->n_buckets - 1].end : 0;
    bucket *b = &r->buckets[r->n_buckets];

    if (begin == r->filled || r->status != FACET_OK)
        return;
    *b = (bucket){ begin, r->filled, NULL };
    r->status = r->comm->begin(
        r->comm->self, r->packed + begin, b->end - begin, &b->token);
    if (r->status == FACET_OK)
        r->n_buckets++;
}

void facet__reduce_add(facet__reduce *r, size_t param)
{
    const facet__param *p = &r->params[param];
    size_t begin;

    if (r->taken[param] || p->state || r->status != FACET_OK)
        return;
    memcpy(r->packed + r->filled, p->grad, p->count * sizeof *p->grad);
    r->filled += p->count;
    r->taken[param] = true;
    r->order[r->n_taken++] = param;
    begin = r->n_buckets ? r->buckets[r->n_buckets - 1].end : 0;
    if (r->filled - begin >= r->bucket_floats)
        send(r);
    else if (r->n_buckets > 0)
        r->status = r->comm->advance(r->comm->self);
}

/* From the array back to the gradients. */
static void unpack(const facet__reduce *r)
{
    size_t at = 0;

    for (size_t i = 0; i < r->n_taken; i++) {
        const facet__param *p = &r->params[r->order[i]];

        memcpy(p->grad, r->packed + at, p->count * sizeof *p->grad);
        at += p->count;
    }
}

facet_status facet__reduce_finish(facet__reduce *r)
{
    facet_status st;

    for (size_t i = 0; i < r->n_params; i++)
        facet__reduce_add(r, i);
    send(r);
    for (size_t b = 0; b < r->n_buckets && r->status == FACET_OK; b++)
        r->status = r->comm->wait(r->comm->self, r->buckets[b].token);
    st = r->status;
    if (st == FACET_OK)
        unpack(r);
    memset(r->taken, 0, r->n_params * sizeof *r->taken);
    r->n_taken = r->n_buckets = r->filled = 0;
    r->status = FACET_OK;
    return st;
}

facet_status facet__reduce_states(facet__reduce *r)
{
    const float share = 1 / (float)r->comm->count;
    const size_t floats = count_floats(r, is_own);
    float *at = r->packed;
    void *token = NULL;
    facet_status st;

    if (floats == 0)
        return FACET_OK;
    for (size_t i = 0; i < r->n_params; i++)
        if (is_own(&r->params[i])) {
            memcpy(at, r->params[i].value, r->params[i].count * sizeof *at);
            at += r->params[i].count;
        }
    st = r->comm->begin(r->comm->self, r->packed, floats, &token);
    if (st == FACET_OK)
        st = r->comm->wait(r->comm->self, token);
    at = r->packed;
    for (size_t i = 0; i < r->n_params && st == FACET_OK; i++)
        for (size_t k = 0; is_own(&r->params[i]) && k < r->params[i].count; k++)
            r->params[i].value[k] = *at++ * share;
    return st;
}
