/* SPDX-License-Identifier: Apache-2.0 */
/* fold.c - constant folding: what is known without an input becomes a
 * constant, what does nothing vanishes. */
#include "base/alloc.h"
#include "base/error.h"
#include "nn/infer.h"

/* A hundred bytes of a file can ask for any number of gigabytes of constants:
 * what is beyond this is left for the network's runs to compute. */
static const size_t most_folded = (size_t)1 << 30;

/* Known contents move from the facts into the graph's values. */
static void keep_contents(facet__graph *g, facet__fact *facts)
{
    for (int v = 0; v < g->n_values; v++) {
        facet__value *value = &g->values[v];

        value->type = facts[v].type ? facts[v].type : value->type;
        if (value->shape.n < 0 || facet__shape_known(&facts[v].shape))
            value->shape = facts[v].shape;
        if (facts[v].owned) {
            value->data = (facet__tensor *)(uintptr_t)facts[v].data;
            facts[v].owned = false;
        }
    }
}

/* A node all of whose outputs are constants is not needed. */
static bool is_folded(const facet__graph *g, const facet__node *node)
{
    for (int k = 0; k < node->n_out; k++)
        if (node->out[k] != FACET__NONE && !g->values[node->out[k]].data)
            return false;
    return true;
}

static bool is_input(const facet__graph *g, int value)
{
    for (int i = 0; i < g->n_inputs; i++)
        if (g->inputs[i] == value)
            return true;
    return false;
}

/* Take a node that hands its input on out of the way: its readers read the
 * input. An output of the graph keeps its name: then the input's maker makes
 * it. True when the node is no longer needed. */
static bool bypass(facet__graph *g, const facet__node *node)
{
    const int in = node->in[0], out = node->out[0];

    if (facet__graph_is_output(g, out)) {
        const int made = facet__graph_maker(g, in);
        facet__node *m = made == FACET__NONE ? NULL : &g->nodes[made];

        if (!m || is_input(g, in) || facet__graph_is_output(g, in))
            return false;
        for (int k = 0; k < m->n_out; k++)
            if (m->out[k] == in)
                m->out[k] = out;
        facet__graph_replace_reads(g, in, out);
        return true;
    }
    facet__graph_replace_reads(g, out, in);
    return true;
}

/* Make a node inert: it reads and makes nothing until it is swept away. */
static void retire(facet__node *node)
{
    facet__node_release(node);
    *node = (facet__node){ .op = FACET__OP_IDENTITY };
}

static void drop_idle_nodes(facet__graph *g)
{
    int kept = 0;

    for (int i = 0; i < g->n_nodes; i++) {
        facet__node *node = &g->nodes[i];
        const bool idle =
            node->op == FACET__OP_IDENTITY || node->op == FACET__OP_DROPOUT;

        if (is_folded(g, node) || (idle && bypass(g, node)))
            retire(node);
    }
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].n_out > 0)
            g->nodes[kept++] = g->nodes[i];
    g->n_nodes = kept;
}

facet_status facet__graph_fold(facet__graph *g, facet_error *err)
{
    facet__fact *facts = NULL;
    facet_status st = facet__infer(g, NULL, most_folded, &facts, err);

    if (st != FACET_OK)
        return st;
    keep_contents(g, facts);
    facet__facts_free(facts, g->n_values);
    drop_idle_nodes(g);
    st = facet__graph_prune(g);
    return st == FACET_OK ? st : facet__fail_memory(err);
}
