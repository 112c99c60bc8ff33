/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cost.h"

#include "base/alloc.h"
#include "base/error.h"

static uint64_t count_of(const facet__fact *facts, int value)
{
    const int64_t n =
        value == FACET__NONE ? 0 : facet__shape_count(&facts[value].shape);

    return n < 0 ? 0 : (uint64_t)n;
}

/* The numbers one output is summed from: the filters' size shared out over the
 * channels (or positions and channels) they make. */
static uint64_t terms(const facet__node *node, const facet__shape *filters)
{
    uint64_t n = 1;

    switch (node->op) {
    case FACET__OP_CONV:
        for (int i = 1; i < filters->n; i++)
            n *= (uint64_t)filters->d[i];
        return n;
    case FACET__OP_LOCAL_CONV:
        for (int i = 1; i < filters->n - 1; i++)
            n *= (uint64_t)filters->d[i];
        return n;
    case FACET__OP_GEMM:
        return (uint64_t)filters->d[facet__node_int(node, "transB", 0) ? 1 : 0];
    case FACET__OP_MATMUL:
        return (uint64_t)filters->d[filters->n - 2];
    default:
        return 0;
    }
}

facet__cost facet__node_cost(const facet__graph *graph,
    const facet__fact *facts, const facet__node *node)
{
    facet__cost cost = { 0 };
    const bool filters =
        (node->op == FACET__OP_CONV || node->op == FACET__OP_LOCAL_CONV ||
            node->op == FACET__OP_GEMM || node->op == FACET__OP_MATMUL) &&
        facts[node->in[1]].data;
    const uint64_t made = count_of(facts, node->out[0]);

    for (int i = 0; i < node->n_in; i++) {
        const int v = node->in[i];

        if (v != FACET__NONE && graph->values[v].data &&
            graph->values[v].type == FACET__F32)
            cost.parameters += count_of(facts, v);
    }
    if (filters) {
        cost.filters = count_of(facts, node->in[1]);
        cost.macs = made * terms(node, &facts[node->in[1]].shape);
        if (facet__node_input(node, 2) != FACET__NONE)
            cost.bias_adds = made;
    }
    return cost;
}

static facet_status add_up(const facet__graph *graph, const facet__fact *facts,
    facet__cost *out, facet_error *err)
{
    for (int i = 0; i < graph->n_nodes; i++) {
        const facet__node *node = &graph->nodes[i];
        const facet__cost cost = facet__node_cost(graph, facts, node);

        if (node->out[0] != FACET__NONE &&
            !facet__shape_known(&facts[node->out[0]].shape))
            return facet__fail(err, FACET_EMODEL,
                "the size of what node '%.100s' makes is not known",
                node->name);
        out->filters += cost.filters;
        out->parameters += cost.parameters;
        out->macs += cost.macs;
        out->bias_adds += cost.bias_adds;
    }
    return FACET_OK;
}

facet_status facet__graph_cost(const facet__graph *graph,
    const facet__shape *input_shapes, facet__cost *out, facet_error *err)
{
    facet__shape *own = NULL;
    facet__fact *facts = NULL;
    facet_status st = FACET_ENOMEM;

    *out = (facet__cost){ 0 };
    if (!input_shapes) {
        own = facet__calloc((size_t)graph->n_inputs + 1, sizeof *own);
        if (!own)
            goto done;
        for (int i = 0; i < graph->n_inputs; i++) {
            own[i] = graph->values[graph->inputs[i]].shape;
            if (own[i].n > 0 && own[i].d[0] < 0)
                own[i].d[0] = 1;
        }
        input_shapes = own;
    }
    st = facet__infer(graph, input_shapes, 0, &facts, err);
    if (st == FACET_OK)
        st = add_up(graph, facts, out, err);
done:
    facet__facts_free(facts, graph->n_values);
    facet__free(own);
    return st == FACET_ENOMEM ? facet__fail_memory(err) : st;
}
