/* SPDX-License-Identifier: Apache-2.0 */
/* cost.h - how large a network is: parameters and multiply-adds. */
#ifndef FACET__COST_H
#define FACET__COST_H

#include "nn/infer.h"

typedef struct facet__cost {
    uint64_t filters;    /* weights of convolutions and dense layers */
    uint64_t parameters; /* all numbers a node holds as constants */
    uint64_t macs;       /* multiply-adds with filters, without biases */
    uint64_t bias_adds;  /* one for each output of a layer with a bias */
} facet__cost;

/* Of one node. `facts` must know all shapes. Only layers with filters (Conv,
 * Gemm, MatMul with a constant, LocalConv) multiply and add here. */
facet__cost facet__node_cost(const facet__graph *graph,
    const facet__fact *facts, const facet__node *node);

/* Of the whole graph for inputs of these shapes (NULL: the graph's own, an open
 * batch counted as 1). Errors are facet__infer's, and FACET_EMODEL when a size
 * stays unknown. */
facet_status facet__graph_cost(const facet__graph *graph,
    const facet__shape *input_shapes, facet__cost *out, facet_error *err);

#endif
