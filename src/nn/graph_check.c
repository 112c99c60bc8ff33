/* SPDX-License-Identifier: Apache-2.0 */
/* graph_check.c - the invariants of a graph: checking them, sorting into them,
 * and dropping what no output needs. */
#include "nn/graph.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

static void note_given(const facet__graph *g, bool *made)
{
    for (int v = 0; v < g->n_values; v++)
        made[v] = g->values[v].data != NULL;
    for (int i = 0; i < g->n_inputs; i++)
        made[g->inputs[i]] = true;
}

static facet_status check_node(const facet__graph *g, const facet__node *node,
    bool *made, facet_error *err)
{
    for (int k = 0; k < node->n_in; k++) {
        const int v = node->in[k];

        if (v != FACET__NONE && !made[v])
            return facet__fail(err, FACET_EDAMAGED,
                "node '%.80s' reads '%.80s', which nothing makes before it",
                node->name, g->values[v].name);
    }
    for (int k = 0; k < node->n_out; k++) {
        const int v = node->out[k];

        if (v == FACET__NONE)
            continue;
        if (made[v])
            return facet__fail(err, FACET_EDAMAGED,
                "node '%.80s' makes '%.80s', which exists already", node->name,
                g->values[v].name);
        made[v] = true;
    }
    return FACET_OK;
}

facet_status facet__graph_check(const facet__graph *g, facet_error *err)
{
    bool *made = facet__calloc((size_t)g->n_values, sizeof *made);
    facet_status st = made ? FACET_OK : facet__fail_memory(err);

    if (made)
        note_given(g, made);
    for (int i = 0; i < g->n_inputs && st == FACET_OK; i++)
        if (g->values[g->inputs[i]].data)
            st = facet__fail(err, FACET_EDAMAGED,
                "input '%.80s' is a constant as well",
                g->values[g->inputs[i]].name);
    for (int i = 0; i < g->n_nodes && st == FACET_OK; i++)
        st = check_node(g, &g->nodes[i], made, err);
    for (int i = 0; i < g->n_outputs && st == FACET_OK; i++)
        if (!made[g->outputs[i]])
            st = facet__fail(err, FACET_EDAMAGED,
                "output '%.80s' is made by no node",
                g->values[g->outputs[i]].name);
    facet__free(made);
    return st;
}

/* sorting: Kahn's algorithm, the earliest ready node first */

/* An input that the node waits for; FACET__NONE when it waits for none. */
static int unmade_input(const facet__node *node, const bool *made)
{
    for (int k = 0; k < node->n_in; k++)
        if (node->in[k] != FACET__NONE && !made[node->in[k]])
            return node->in[k];
    return FACET__NONE;
}

/* Reorder by rounds; most files are in order and take one. */
static int take_ready(
    facet__graph *g, facet__node *sorted, bool *taken, bool *made)
{
    int n = 0, before;

    do {
        before = n;
        for (int i = 0; i < g->n_nodes; i++) {
            const facet__node *node = &g->nodes[i];

            if (taken[i] || unmade_input(node, made) != FACET__NONE)
                continue;
            taken[i] = true;
            sorted[n++] = *node;
            for (int k = 0; k < node->n_out; k++)
                if (node->out[k] != FACET__NONE)
                    made[node->out[k]] = true;
        }
    } while (n > before && n < g->n_nodes);
    return n;
}

/* From a node that could not be sorted to the one that makes what it waits for,
 * and so on: the way ends at a value that no node makes, or runs in a circle,
 * where it is after as many steps as there are nodes. */
static facet_status name_unsorted(const facet__graph *g, const bool *taken,
    const bool *made, facet_error *err)
{
    int *maker = facet__alloc((size_t)g->n_values * sizeof *maker);
    int at = 0, value = FACET__NONE;

    if (!maker)
        return facet__fail_memory(err);
    for (int v = 0; v < g->n_values; v++)
        maker[v] = FACET__NONE;
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_out; k++)
            if (g->nodes[i].out[k] != FACET__NONE)
                maker[g->nodes[i].out[k]] = i;
    while (taken[at])
        at++;
    for (int step = 0; step <= g->n_nodes; step++) {
        value = unmade_input(&g->nodes[at], made);
        if (maker[value] == FACET__NONE)
            break;
        at = maker[value];
    }
    facet__fail(err, FACET_EDAMAGED,
        maker[value] == FACET__NONE
            ? "node '%.80s' waits for '%.80s', which no node makes"
            : "node '%.80s' is on a cycle: '%.80s' is made from what it makes",
        g->nodes[at].name, g->values[value].name);
    facet__free(maker);
    return FACET_EDAMAGED;
}

facet_status facet__graph_sort(facet__graph *g, facet_error *err)
{
    const size_t nodes = (size_t)g->n_nodes;
    bool *made = facet__calloc((size_t)g->n_values, sizeof *made);
    bool *taken = facet__calloc(nodes, sizeof *taken);
    facet__node *sorted = facet__alloc(
        (size_t)(g->cap_nodes ? g->cap_nodes : 1) * sizeof *sorted);
    facet_status st = FACET_OK;

    if (!made || !taken || !sorted) {
        st = facet__fail_memory(err);
    } else {
        note_given(g, made);
        if (take_ready(g, sorted, taken, made) < g->n_nodes) {
            st = name_unsorted(g, taken, made, err);
        } else {
            facet__node *old = g->nodes;

            g->nodes = sorted;
            sorted = old;
        }
    }
    facet__free(sorted);
    facet__free(taken);
    facet__free(made);
    return st;
}

/* pruning */

static void need_inputs(const facet__node *node, bool *needed)
{
    for (int k = 0; k < node->n_in; k++)
        if (node->in[k] != FACET__NONE)
            needed[node->in[k]] = true;
}

static bool any_needed(const facet__node *node, const bool *needed)
{
    for (int k = 0; k < node->n_out; k++)
        if (node->out[k] != FACET__NONE && needed[node->out[k]])
            return true;
    return false;
}

static void renumber(int *list, int n, const int *number)
{
    for (int i = 0; i < n; i++)
        if (list[i] != FACET__NONE)
            list[i] = number[list[i]];
}

static void drop_nodes(facet__graph *g, bool *needed)
{
    int kept = g->n_nodes;

    for (int i = g->n_nodes - 1; i >= 0; i--) {
        facet__node node = g->nodes[i];

        if (any_needed(&node, needed)) {
            need_inputs(&node, needed);
            g->nodes[--kept] = node;
        } else {
            facet__node_release(&node);
        }
    }
    memmove(g->nodes, g->nodes + kept,
        (size_t)(g->n_nodes - kept) * sizeof *g->nodes);
    g->n_nodes -= kept;
}

facet_status facet__graph_prune(facet__graph *g)
{
    bool *needed = facet__calloc((size_t)g->n_values, sizeof *needed);
    int *number = facet__alloc((size_t)g->n_values * sizeof *number);
    int n = 0;

    if (!needed || !number) {
        facet__free(needed);
        facet__free(number);
        return FACET_ENOMEM;
    }
    for (int i = 0; i < g->n_outputs; i++)
        needed[g->outputs[i]] = true;
    for (int i = 0; i < g->n_inputs; i++)
        needed[g->inputs[i]] = true;
    drop_nodes(g, needed);
    for (int i = 0; i < g->n_nodes; i++) /* unread outputs keep their value */
        for (int k = 0; k < g->nodes[i].n_out; k++)
            if (g->nodes[i].out[k] != FACET__NONE)
                needed[g->nodes[i].out[k]] = true;
    for (int v = 0; v < g->n_values; v++) {
        number[v] = n;
        if (needed[v]) {
            g->values[n++] = g->values[v];
        } else {
            facet__tensor_free(g->values[v].data);
            facet__tensor_free(g->values[v].steps);
            facet__free(g->values[v].name);
        }
    }
    g->n_values = n;
    for (int i = 0; i < g->n_nodes; i++) {
        renumber(g->nodes[i].in, g->nodes[i].n_in, number);
        renumber(g->nodes[i].out, g->nodes[i].n_out, number);
    }
    renumber(g->inputs, g->n_inputs, number);
    renumber(g->outputs, g->n_outputs, number);
    facet__free(needed);
    facet__free(number);
    return FACET_OK;
}
