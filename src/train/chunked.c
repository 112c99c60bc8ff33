/* SPDX-License-Identifier: Apache-2.0 */
#include "train/chunked.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

typedef struct chunked {
    facet__trainable inner;
    size_t chunk, numbers;
    facet__param *params; /* as the inner network's, with sums of gradients */
    float *sums;          /* of all of them */
    float *kept;          /* running statistics, while going forward again */
    float *out;           /* [cap][dim] embeddings of the batch */
    size_t cap;
    const float *x; /* the batch that went forward last; borrowed */
    size_t n;
    uint64_t stream;
} chunked;

static size_t count_of(const chunked *c, size_t first)
{
    return c->n - first < c->chunk ? c->n - first : c->chunk;
}

/* Both times the same for a chunk, and another for the next. */
static uint64_t stream_of(const chunked *c, size_t first)
{
    return c->stream + first * 0x9e3779b97f4a7c15u;
}

static facet_status reserve(chunked *c, size_t n, facet_error *err)
{
    float *bigger;

    if (n <= c->cap)
        return FACET_OK;
    bigger = facet__grow(c->out, c->cap * c->inner.dim * sizeof *bigger,
        n * c->inner.dim * sizeof *bigger);
    if (!bigger)
        return facet__fail_memory(err);
    c->out = bigger;
    c->cap = n;
    return FACET_OK;
}

/* Every chunk through the inner network; their embeddings side by side. */
static facet_status through(
    chunked *c, bool training, const float **out, facet_error *err)
{
    facet_status st = reserve(c, c->n, err);

    for (size_t i = 0; i < c->n && st == FACET_OK; i += c->chunk) {
        const float *x = c->x + i * c->numbers, *part;
        const size_t m = count_of(c, i);

        st = training ? c->inner.forward(
                            c->inner.self, x, m, stream_of(c, i), &part, err)
                      : c->inner.embed(c->inner.self, x, m, &part, err);
        if (st == FACET_OK)
            memcpy(c->out + i * c->inner.dim, part,
                m * c->inner.dim * sizeof *part);
    }
    *out = c->out;
    return st;
}

static facet_status forward(void *self, const float *x, size_t n,
    uint64_t stream, const float **out, facet_error *err)
{
    chunked *c = self;

    c->x = x;
    c->n = n;
    c->stream = stream;
    return through(c, true, out, err);
}

static facet_status embed(
    void *self, const float *x, size_t n, const float **out, facet_error *err)
{
    chunked *c = self;

    c->x = x;
    c->n = n;
    return through(c, false, out, err);
}

static void add_gradients(const chunked *c)
{
    for (size_t i = 0; i < c->inner.n_params; i++) {
        const facet__param *from = &c->inner.params[i];
        float *to = c->params[i].grad;

        for (size_t k = 0; to && k < from->count; k++)
            to[k] += from->grad[k];
    }
}

/* Running statistics follow a batch once, however often it goes forward. */
static void keep_state(const chunked *c, bool back)
{
    float *at = c->kept;

    for (size_t i = 0; i < c->inner.n_params; i++) {
        const facet__param *p = &c->inner.params[i];

        if (p->grad)
            continue;
        if (back)
            memcpy(p->value, at, p->count * sizeof *at);
        else
            memcpy(at, p->value, p->count * sizeof *at);
        at += p->count;
    }
}

static facet_status backward(void *self, const float *dout, facet_error *err)
{
    chunked *c = self;
    facet_status st = FACET_OK;

    for (size_t i = 0; i < c->inner.n_params; i++)
        if (c->params[i].grad)
            memset(c->params[i].grad, 0,
                c->params[i].count * sizeof *c->params[i].grad);
    keep_state(c, false);
    for (size_t i = 0; i < c->n && st == FACET_OK; i += c->chunk) {
        const float *again;

        st = c->inner.forward(c->inner.self, c->x + i * c->numbers,
            count_of(c, i), stream_of(c, i), &again, err);
        if (st == FACET_OK)
            st = c->inner.backward(c->inner.self, dout + i * c->inner.dim, err);
        if (st == FACET_OK)
            add_gradients(c);
    }
    keep_state(c, true);
    return st;
}

static facet_status save(void *self, const char *path, facet_error *err)
{
    const chunked *c = self;

    return c->inner.save(c->inner.self, path, err);
}

static void release(chunked *c)
{
    if (!c)
        return;
    facet__free(c->params);
    facet__free(c->sums);
    facet__free(c->kept);
    facet__free(c->out);
    facet__free(c);
}

/* The inner network's parameters, each with a gradient of its own. */
static facet_status make_params(chunked *c)
{
    size_t learnt = 0, state = 0;
    float *at;

    for (size_t i = 0; i < c->inner.n_params; i++)
        *(c->inner.params[i].grad ? &learnt : &state) +=
            c->inner.params[i].count;
    c->params = facet__calloc(c->inner.n_params, sizeof *c->params);
    c->sums = facet__calloc(learnt, sizeof *c->sums);
    c->kept = facet__calloc(state, sizeof *c->kept);
    if (!c->params || !c->sums || !c->kept)
        return FACET_ENOMEM;
    at = c->sums;
    for (size_t i = 0; i < c->inner.n_params; i++) {
        c->params[i] = c->inner.params[i];
        if (!c->params[i].grad)
            continue;
        c->params[i].grad = at;
        at += c->params[i].count;
    }
    return FACET_OK;
}

facet_status facet__chunked_wrap(const facet__trainable *inner, size_t chunk,
    size_t numbers, facet__trainable *out)
{
    chunked *c = facet__calloc(1, sizeof *c);

    if (!c)
        return FACET_ENOMEM;
    *c = (chunked){ .inner = *inner, .chunk = chunk, .numbers = numbers };
    if (make_params(c) != FACET_OK) {
        release(c);
        return FACET_ENOMEM;
    }
    *out = (facet__trainable){ .self = c,
        .dim = inner->dim,
        .params = c->params,
        .n_params = inner->n_params,
        .forward = forward,
        .backward = backward,
        .embed = embed,
        .save = inner->save ? save : NULL };
    return FACET_OK;
}

bool facet__is_chunked(const facet__trainable *net)
{
    return net->self && net->forward == forward;
}

facet__trainable facet__chunked_unwrap(facet__trainable *net)
{
    chunked *c = net->self;
    const facet__trainable inner = c->inner;

    release(c);
    *net = (facet__trainable){ .self = NULL };
    return inner;
}
