/* SPDX-License-Identifier: Apache-2.0 */
/* learner_private.h - shared by learner.c and learner_plan.c. */
#ifndef FACET__LEARNER_PRIVATE_H
#define FACET__LEARNER_PRIVATE_H

#include "nn/learn/layer.h"
#include "nn/learn/learner.h"

struct facet__learner {
    facet__graph *graph; /* its constants are the weights */
    facet__learner_opts opts;
    facet__pool *pool;
    facet__layer *layers;
    int n_layers;
    facet__weight *weights;
    size_t n_weights;
    float **gradients; /* [n_values], of constants that learn */
    int input;         /* value */
    bool *ends;        /* [n_values]: is it an output? */
    float *joined;     /* [batch][dim]; NULL where there is but one output */
    size_t dim;        /* of all outputs of one picture */
    /* For the batch at hand. */
    size_t batch;
    facet__fact *facts;
    facet__view *maps, *map_gradients; /* [n_values] */
    char *arena;
    size_t arena_bytes;
    facet__pass pass;
    facet__gradient_final *final; /* or NULL */
    void *final_context;
};

/* Numbers of one picture in output i. */
static inline size_t facet__learner_output_numbers(
    const facet__learner *net, int i)
{
    return facet__view_count(&net->maps[net->graph->outputs[i]]) / net->batch;
}

/* Lay out the arena for batches of `batch` pictures; the one before goes. */
facet_status facet__learner_plan(
    facet__learner *net, size_t batch, facet_error *err);
void facet__learner_unplan(facet__learner *net);

#endif
