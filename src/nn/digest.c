/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c - one number for what a network computes.
 *
 * Operators in their order with their attributes and what they read, then
 * constants in the order of their names: what a writer may change (metadata,
 * names of nodes, the order of weights and attributes, the way a weight is
 * stored) does not count. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "nn/model_private.h"
#include "nn/ops.h"

static int by_name(const void *a, const void *b)
{
    const facet__value *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static void add_text(facet__sha256 *s, const char *text)
{
    facet__sha256_add(s, text, strlen(text) + 1);
}

/* What int8 computes depends on the grids. */
static void add_grid(facet__sha256 *s, const facet__value *v)
{
    const unsigned char zero = (unsigned char)v->grid.zero;

    facet__sha256_add(s, &v->grid.step, sizeof v->grid.step);
    facet__sha256_add(s, &zero, 1);
}

static void add_int(facet__sha256 *s, int64_t x)
{
    facet__sha256_add(s, &x, sizeof x);
}

static void add_tensor(facet__sha256 *s, const facet__tensor *t)
{
    add_int(s, t->type);
    add_int(s, t->shape.n);
    for (int i = 0; i < t->shape.n; i++)
        add_int(s, t->shape.d[i]);
    facet__sha256_add(s, t->data, t->bytes);
}

static void add_attribute(facet__sha256 *s, const facet__attr *a)
{
    if (strcmp(a->name, "flatten") == 0)
        return; /* a note of the reader's on an old Softmax */
    add_text(s, a->name);
    add_int(s, a->type);
    switch (a->type) {
    case FACET__ATTR_INT:
        add_int(s, a->i);
        break;
    case FACET__ATTR_FLOAT:
        facet__sha256_add(s, &a->f, sizeof a->f);
        break;
    case FACET__ATTR_STRING:
        add_text(s, a->s);
        break;
    case FACET__ATTR_TENSOR:
        add_tensor(s, a->t);
        break;
    case FACET__ATTR_INTS:
        add_int(s, (int64_t)a->count);
        facet__sha256_add(s, a->ints, a->count * sizeof *a->ints);
        break;
    case FACET__ATTR_FLOATS:
        add_int(s, (int64_t)a->count);
        facet__sha256_add(s, a->floats, a->count * sizeof *a->floats);
        break;
    }
}

/* In the order of their names; few, so the next one is looked for each time. */
static void add_attributes(facet__sha256 *s, const facet__node *node)
{
    const facet__attr *last = NULL;

    for (int k = 0; k < node->n_attr; k++) {
        const facet__attr *next = NULL;

        for (int i = 0; i < node->n_attr; i++) {
            const facet__attr *a = &node->attr[i];

            if ((!last || strcmp(a->name, last->name) > 0) &&
                (!next || strcmp(a->name, next->name) < 0))
                next = a;
        }
        if (next)
            add_attribute(s, next);
        last = next ? next : last;
    }
}

/* A constant is known by its name, everything else by where it comes from:
 * names of maps are the writer's. */
static void add_node(
    facet__sha256 *s, const facet__graph *g, int number, const int64_t *sources)
{
    const facet__node *node = &g->nodes[number];
    const char *name = facet__op_of(node->op)->name;

    add_text(s, name ? name : "internal");
    add_attributes(s, node);
    for (int i = 0; i < node->n_in; i++) {
        const int v = node->in[i];

        if (v != FACET__NONE && g->values[v].data)
            add_text(s, g->values[v].name);
        else
            add_int(s, v == FACET__NONE ? 0 : sources[v]);
    }
    for (int i = 0; i < node->n_out; i++)
        if (node->out[i] != FACET__NONE)
            add_grid(s, &g->values[node->out[i]]);
}

/* Inputs count down from -1, what nodes make up from 1. */
static void number_sources(const facet__graph *g, int64_t *sources)
{
    int64_t made = 0;

    for (int i = 0; i < g->n_inputs; i++)
        sources[g->inputs[i]] = -1 - i;
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_out; k++)
            if (g->nodes[i].out[k] != FACET__NONE)
                sources[g->nodes[i].out[k]] = ++made;
}

static void add_constants(
    facet__sha256 *s, const facet__graph *g, const facet__value **sorted)
{
    size_t n = 0;

    for (int v = 0; v < g->n_values; v++)
        if (g->values[v].data)
            sorted[n++] = &g->values[v];
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; i < n; i++) {
        add_text(s, sorted[i]->name);
        add_tensor(s, sorted[i]->data);
    }
}

facet_status facet__graph_digest(const facet__graph *graph, uint8_t digest[32])
{
    const size_t n = (size_t)graph->n_values;
    const facet__value **constants = facet__calloc(n, sizeof *constants);
    int64_t *sources = facet__calloc(n, sizeof *sources);
    const facet_status st = constants && sources ? FACET_OK : FACET_ENOMEM;
    facet__sha256 s;

    if (st == FACET_OK) {
        number_sources(graph, sources);
        facet__sha256_begin(&s);
        for (int i = 0; i < graph->n_inputs; i++)
            add_grid(&s, &graph->values[graph->inputs[i]]);
        for (int i = 0; i < graph->n_nodes; i++)
            add_node(&s, graph, i, sources);
        for (int i = 0; i < graph->n_outputs; i++)
            add_int(&s, sources[graph->outputs[i]]);
        add_constants(&s, graph, constants);
        facet__sha256_end(&s, digest);
    }
    facet__free(constants);
    facet__free(sources);
    return st;
}
