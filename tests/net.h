/* SPDX-License-Identifier: Apache-2.0 */
/* net.h - a graph in the making, for tests of single operators. */
#ifndef FACET_TESTS_NET_H
#define FACET_TESTS_NET_H

#include <string.h>

#include "check.h"
#include "nn/graph.h"

/* With one input, "x". */
typedef struct net {
    facet__graph *graph;
    int x;
} net;

static inline net begin(int n, const int64_t *dims)
{
    facet__shape shape = { .n = n };
    net t = { NULL, FACET__NONE };

    memcpy(shape.d, dims, (size_t)n * sizeof *dims);
    CHECK_OK(facet__graph_create(14, &t.graph));
    t.x = facet__graph_add_value(t.graph, "x", FACET__F32, &shape);
    CHECK_OK(facet__graph_add_input(t.graph, t.x));
    return t;
}

static inline net begin_map(int64_t n, int64_t c, int64_t h, int64_t w)
{
    return begin(4, (const int64_t[]){ n, c, h, w });
}

static inline int constant(net *t, facet__dtype type, const facet__shape *shape,
    const void *numbers, const char *name)
{
    facet__tensor *tensor = facet__tensor_create(type, shape);

    assert_non_null(tensor);
    memcpy(tensor->data, numbers, tensor->bytes);
    return facet__graph_add_constant(t->graph, name, tensor);
}

static inline int ints(net *t, const int64_t *numbers, int count)
{
    return constant(
        t, FACET__I64, &(facet__shape){ 1, { count } }, numbers, NULL);
}

/* A node of one output, which is the answer. */
static inline int node(
    net *t, facet__op_kind op, const char *name, const int *in, int n)
{
    const facet__shape unknown = { .n = -1 };
    const int out = facet__graph_add_value(t->graph, NULL, 0, &unknown);

    assert_true(facet__graph_add_node(t->graph, op, name, in, n, &out, 1) !=
                FACET__NONE);
    return out;
}

static inline int unary(net *t, facet__op_kind op, const char *name, int a)
{
    return node(t, op, name, &a, 1);
}

static inline int binary(
    net *t, facet__op_kind op, const char *name, int a, int b)
{
    return node(t, op, name, (const int[]){ a, b }, 2);
}

static inline facet__node *last(const net *t)
{
    return &t->graph->nodes[t->graph->n_nodes - 1];
}

#endif
