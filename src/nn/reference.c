/* SPDX-License-Identifier: Apache-2.0 */
/* reference.c - the inputs are made constants of a copy of the graph; constant
 * folding then computes the network. */
#include "nn/reference.h"

#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/infer.h"
#include "nn/ops.h"

static facet_status check_input(const facet__graph *graph, int i,
    const facet__tensor *tensor, facet_error *err)
{
    const facet__value *v = &graph->values[graph->inputs[i]];

    if (!tensor || (v->type && tensor->type != v->type))
        return facet__fail(err, FACET_EINVAL,
            "input '%.100s' must be of type %s", v->name,
            facet__dtype_name(v->type));
    return FACET_OK;
}

/* Shapes first: it checks the given ones against the graph's own. */
static facet_status check_inputs(const facet__graph *graph,
    const facet__tensor *const *inputs, facet_error *err)
{
    facet__shape *shapes =
        facet__calloc((size_t)graph->n_inputs + 1, sizeof *shapes);
    facet__fact *facts = NULL;
    facet_status st = shapes ? FACET_OK : facet__fail_memory(err);

    for (int i = 0; i < graph->n_inputs && st == FACET_OK; i++) {
        st = check_input(graph, i, inputs[i], err);
        if (st == FACET_OK)
            shapes[i] = inputs[i]->shape;
    }
    if (st == FACET_OK)
        st = facet__infer(graph, shapes, 0, &facts, err);
    facet__facts_free(facts, graph->n_values);
    facet__free(shapes);
    return st;
}

static facet_status feed(
    facet__graph *graph, const facet__tensor *const *inputs, facet_error *err)
{
    for (int i = 0; i < graph->n_inputs; i++) {
        facet__value *v = &graph->values[graph->inputs[i]];

        v->data = facet__tensor_copy(inputs[i]);
        if (!v->data)
            return facet__fail_memory(err);
        v->type = inputs[i]->type;
        v->shape = inputs[i]->shape;
    }
    graph->n_inputs = 0;
    return FACET_OK;
}

/* The first node whose content stayed unknown. */
static facet_status name_unknown(
    const facet__graph *graph, const facet__fact *facts, facet_error *err)
{
    for (int i = 0; i < graph->n_nodes; i++) {
        const facet__node *node = &graph->nodes[i];
        const char *type = facet__op_of(node->op)->name;

        if (node->out[0] != FACET__NONE && !facts[node->out[0]].data)
            return facet__fail(err, FACET_EUNSUPPORTED,
                "node '%.80s' (%s) is not computed", node->name,
                type ? type : "internal");
    }
    return facet__fail(err, FACET_EUNSUPPORTED, "an output is not computed");
}

static facet_status collect(const facet__graph *graph, const facet__fact *facts,
    facet__tensor **outputs, facet_error *err)
{
    for (int i = 0; i < graph->n_outputs; i++) {
        const facet__tensor *t = facts[graph->outputs[i]].data;

        if (!t)
            return name_unknown(graph, facts, err);
        outputs[i] = facet__tensor_copy(t);
        if (!outputs[i])
            return facet__fail_memory(err);
    }
    return FACET_OK;
}

facet_status facet__reference_run(const facet__graph *graph,
    const facet__tensor *const *inputs, facet__tensor **outputs,
    facet_error *err)
{
    facet__graph *fed = NULL;
    facet__fact *facts = NULL;
    facet_status st;

    for (int i = 0; i < graph->n_outputs; i++)
        outputs[i] = NULL;
    st = check_inputs(graph, inputs, err);
    if (st != FACET_OK)
        return st;
    st = facet__graph_copy(graph, &fed);
    if (st != FACET_OK)
        return facet__fail_memory(err);
    st = feed(fed, inputs, err);
    if (st == FACET_OK)
        st = facet__infer(fed, NULL, SIZE_MAX, &facts, err);
    if (st == FACET_OK)
        st = collect(fed, facts, outputs, err);
    for (int i = 0; i < graph->n_outputs && st != FACET_OK; i++) {
        facet__tensor_free(outputs[i]);
        outputs[i] = NULL;
    }
    facet__facts_free(facts, graph->n_values);
    facet__graph_free(fed);
    return st;
}
