/* SPDX-License-Identifier: Apache-2.0 */
/* trainable.h - a network as the run loop sees it: something that turns
 * pictures into embeddings, takes gradients back, and shows its weights.
 *
 * The functions get `self`. They fail with a status and a message; a network
 * that has failed is only freed. */
#ifndef FACET__TRAINABLE_H
#define FACET__TRAINABLE_H

#include <stdint.h>

#include "facet/status.h"
#include "nn/learn/peers.h"
#include "train/param.h"

typedef struct facet__trainable {
    void *self;
    size_t dim;           /* of an embedding */
    facet__param *params; /* [n_params]; borrowed, fixed for its life */
    size_t n_params;

    /* Training mode: *out becomes [n][dim], the network's until the next call.
     * `x` is n crops of floats, as the recipe's input says. `stream` names the
     * randomness of this batch (dropout). */
    facet_status (*forward)(void *self, const float *x, size_t n,
        uint64_t stream, const float **out, facet_error *err);
    /* From dL/dout [n][dim] of the last forward call: overwrites the gradients
     * of all params. */
    facet_status (*backward)(void *self, const float *dout, facet_error *err);
    /* As forward, but as the exported network will do it (running statistics,
     * no dropout). */
    facet_status (*embed)(void *self, const float *x, size_t n,
        const float **out, facet_error *err);
    /* Write the network with its present weights to a file. May be NULL. */
    facet_status (*save)(void *self, const char *path, facet_error *err);
    /* Batches will be parts of larger ones; NULL peers: no longer. May be NULL:
     * norms see the pictures at hand alone, and the running statistics of all
     * processes are averaged. */
    void (*share)(void *self, const facet__peers *peers);
    /* From now on the backward pass tells as soon as the gradient of a param is
     * complete, in an order that hangs on the network alone. NULL `final`: no
     * longer. May be NULL: all are complete when backward returns. */
    void (*on_final)(
        void *self, void (*final)(void *context, size_t param), void *context);
} facet__trainable;

/* A teacher: fixed, seen through one function. */
typedef struct facet__teacher {
    void *self;
    size_t dim;
    bool sees; /* it has to be shown crops */
    /* What it thinks of n pictures: where it sees, crops of them, else their
     * indices [n] in the data set. What it does not need may be NULL. */
    facet_status (*answer)(void *self, const uint32_t *indices,
        const float *crops, size_t n, const float **out, facet_error *err);
    void (*close)(void *self); /* may be NULL */
} facet__teacher;

#endif
