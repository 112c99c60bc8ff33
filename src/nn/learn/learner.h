/* SPDX-License-Identifier: Apache-2.0 */
/* learner.h - a graph that learns: forward, backward, weights and gradients.
 *
 * A network is made from a graph; its constants become parameters. Layers keep
 * what their backward pass needs in one arena, in which what is no longer
 * needed makes room. Batch normalisation uses the batch's statistics while it
 * trains and running ones otherwise; after export the graph holds the weights
 * as they are.
 *
 * Deterministic: work is cut into parts that do not depend on the number of
 * threads, and parts are summed in order. A network belongs to one thread at a
 * time. */
#ifndef FACET__LEARNER_H
#define FACET__LEARNER_H

#include "nn/graph.h"
#include "nn/learn/peers.h"

typedef struct facet__learner facet__learner;

typedef struct facet__learner_opts {
    int threads;
    bool bf16;  /* maps and products in bf16; weights and sums stay fp32 */
    bool apart; /* every layer by itself (norm.h): slower, for comparison */
    int64_t height, width; /* of pictures, where the graph leaves them open */
} facet__learner_opts;

/* What an optimiser sees. */
typedef struct facet__weight {
    const char *name;        /* the constant's in the graph */
    float *value, *gradient; /* [count]; gradient NULL for running statistics */
    size_t count;
    bool decay;  /* a filter, not a norm, bias or slope */
    size_t rows; /* of the matrix [rows][count / rows] by which all of a layer's
                  * inputs reach all of its outputs; 0: no such matrix */
} facet__weight;

/* The graph (one map in, vectors or lists of cells out; not folded) is copied.
 * FACET_EUNSUPPORTED names a node that cannot be differentiated. */
facet_status facet__learner_create(const facet__graph *graph,
    const facet__learner_opts *opts, facet__learner **out, facet_error *err);
void facet__learner_free(facet__learner *net);

/* Numbers that come out for one picture: an embedding's, or those of all
 * outputs one behind the other. */
size_t facet__learner_dim(const facet__learner *learner);
size_t facet__learner_weights(
    facet__learner *learner, const facet__weight **weights);

/* Outputs [n][dim] of n pictures, `x` NHWC as the graph's input has them.
 * `training`: batch statistics, dropout drawn from `stream`, and everything
 * the backward pass needs is kept. */
facet_status facet__learner_forward(facet__learner *net, const float *x,
    size_t n, bool training, uint64_t stream, const float **out,
    facet_error *err);

/* Overwrite all gradients, from dL/dout [n][dim] of the last training forward
 * pass. */
facet_status facet__learner_backward(
    facet__learner *net, const float *dout, facet_error *err);

/* From now on the network sees its part of a batch only. NULL: all of it, as at
 * first. `peers` is copied. What its sum answers other than FACET_OK is the
 * pass's answer. */
void facet__learner_share(facet__learner *learner, const facet__peers *peers);

/* Told during the backward pass that the gradient of a weight (its number in
 * facet__learner_weights) is complete: the last layer's first. */
typedef void facet__gradient_final(void *context, size_t weight);

/* `final` NULL: nobody is told, as at first. */
void facet__learner_on_final(
    facet__learner *learner, facet__gradient_final *final, void *context);

/* The graph with the present weights, the network's. */
const facet__graph *facet__learner_export(facet__learner *learner);

/* Bytes of the arena for the last batch. */
size_t facet__learner_memory(const facet__learner *learner);

#endif
