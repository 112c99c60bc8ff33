/* SPDX-License-Identifier: Apache-2.0 */
/* graph.h - the one representation of a network.
 *
 * A graph is what ONNX says: named values and nodes that make values from
 * values. Only what ONNX says of int8 is kept otherwise: pairs of
 * QuantizeLinear and DequantizeLinear are a grid of the value they stand
 * behind (onnx_grids.c; docs/design/int8.md), not nodes. Readers and builders
 * (onnx_read.c, build.c, src/zoo) make it, the writer saves it, shape inference
 * fills it in, passes rewrite it, the engine compiles it and the trainer
 * differentiates it. Tensors are NCHW here, as in ONNX; how the engine lays
 * them out is its own affair.
 *
 * Invariants, checked by facet__graph_check:
 *   - nodes stand in an order in which every input is made before it is used;
 *   - a value is made once: by a node, as a graph input, or as a constant;
 *   - an absent optional input is FACET__NONE.
 *
 * Not thread-safe while it is changed; any number of threads may read. */
#ifndef FACET__GRAPH_H
#define FACET__GRAPH_H

#include "nn/tensor.h"

enum { FACET__NONE = -1 };

/* The operators facet knows: the ONNX name of each is in ops.c, one row an
 * operator. Those behind FACET__OP_INTERNAL have no ONNX form: passes make
 * them, or a writer expands them. */
typedef enum facet__op_kind {
    FACET__OP_ADD,
    FACET__OP_AVERAGE_POOL,
    FACET__OP_BATCH_NORM,
    FACET__OP_CAST,
    FACET__OP_CLIP,
    FACET__OP_CONCAT,
    FACET__OP_CONSTANT,
    FACET__OP_CONSTANT_OF_SHAPE,
    FACET__OP_CONV,
    FACET__OP_DEQUANTIZE,
    FACET__OP_DIV,
    FACET__OP_DROPOUT,
    FACET__OP_ELU,
    FACET__OP_EXP,
    FACET__OP_EXPAND,
    FACET__OP_FLATTEN,
    FACET__OP_GATHER,
    FACET__OP_GEMM,
    FACET__OP_GLOBAL_AVERAGE_POOL,
    FACET__OP_GLOBAL_MAX_POOL,
    FACET__OP_HARD_SIGMOID,
    FACET__OP_HARD_SWISH,
    FACET__OP_IDENTITY,
    FACET__OP_LEAKY_RELU,
    FACET__OP_LP_NORMALIZATION,
    FACET__OP_LP_POOL,
    FACET__OP_LRN,
    FACET__OP_MATMUL,
    FACET__OP_MAX,
    FACET__OP_MAX_POOL,
    FACET__OP_MIN,
    FACET__OP_MUL,
    FACET__OP_PAD,
    FACET__OP_POW,
    FACET__OP_PRELU,
    FACET__OP_QUANTIZE,
    FACET__OP_REDUCE_L2,
    FACET__OP_REDUCE_MAX,
    FACET__OP_REDUCE_MEAN,
    FACET__OP_REDUCE_SUM,
    FACET__OP_RELU,
    FACET__OP_RESHAPE,
    FACET__OP_RESIZE,
    FACET__OP_SHAPE,
    FACET__OP_SIGMOID,
    FACET__OP_SLICE,
    FACET__OP_SOFTMAX,
    FACET__OP_SPLIT,
    FACET__OP_SQRT,
    FACET__OP_SQUEEZE,
    FACET__OP_SUB,
    FACET__OP_TANH,
    FACET__OP_TRANSPOSE,
    FACET__OP_UNSQUEEZE,
    FACET__OP_UPSAMPLE,
    FACET__OP_INTERNAL,
    FACET__OP_LOCAL_CONV, /* locally connected: docs/design/local-layers.md */
    FACET__OP_MAXOUT,     /* max over groups of `group` adjacent channels */
    FACET__OP_COUNT
} facet__op_kind;

typedef enum facet__attr_type {
    FACET__ATTR_INT,
    FACET__ATTR_FLOAT,
    FACET__ATTR_STRING,
    FACET__ATTR_TENSOR,
    FACET__ATTR_INTS,
    FACET__ATTR_FLOATS,
} facet__attr_type;

/* A node's attribute, owned by the node. */
typedef struct facet__attr {
    char *name;
    facet__attr_type type;
    size_t count; /* of INTS and FLOATS */
    union {
        int64_t i;
        float f;
        char *s;
        facet__tensor *t;
        int64_t *ints;
        float *floats;
    };
} facet__attr;

typedef struct facet__node {
    char *name; /* unique; "" never */
    facet__op_kind op;
    int *in; /* value numbers or FACET__NONE */
    int n_in;
    int *out;
    int n_out;
    facet__attr *attr;
    int n_attr;
} facet__node;

typedef struct facet__value {
    char *name;           /* unique */
    facet__dtype type;    /* 0 while unknown */
    facet__shape shape;   /* n = -1 while even the rank is unknown */
    facet__tensor *data;  /* of a constant (a weight); else NULL */
    facet__grid grid;     /* of a value that is no constant */
    facet__tensor *steps; /* F32 [out] of filters [out, ...] that are whole
                             multiples, -128 to 127, of it; else NULL */
} facet__value;

/* One metadata_props entry. */
typedef struct facet__meta {
    char *key, *text;
} facet__meta;

typedef struct facet__graph {
    char *name;
    int opset; /* 14: what the attributes mean; readers bring others to it */
    facet__value *values;
    int n_values, cap_values;
    facet__node *nodes;
    int n_nodes, cap_nodes;
    int *inputs, n_inputs;   /* values fed by the caller, not constants */
    int *outputs, n_outputs; /* values handed to the caller */
    facet__meta *meta;
    int n_meta;
    /* The file fixes the batch at 1, as exporters do, and facet lets it vary:
     * a Reshape whose first size is 1 means the batch. */
    bool open_batch;
} facet__graph;

/* A filter's number as a multiple of its channel's step. */
int8_t facet__filter_byte(float x, float step);

facet_status facet__graph_create(int opset, facet__graph **out);
facet_status facet__graph_copy(const facet__graph *graph, facet__graph **out);
void facet__graph_free(facet__graph *graph);

/* New values and nodes; each copies the names, shapes and attributes it is
 * given. The number of the new value or node, or FACET__NONE without memory. A
 * NULL name makes a fresh one. `data` becomes the graph's, even on failure. */
int facet__graph_add_value(facet__graph *graph, const char *name,
    facet__dtype type, const facet__shape *shape);
int facet__graph_add_constant(
    facet__graph *graph, const char *name, facet__tensor *data);
int facet__graph_add_node(facet__graph *graph, facet__op_kind op,
    const char *name, const int *in, int n_in, const int *out, int n_out);
facet_status facet__graph_add_input(facet__graph *graph, int value);
facet_status facet__graph_add_output(facet__graph *graph, int value);
/* FACET__NONE when there is none of that name. */
int facet__graph_find_value(const facet__graph *graph, const char *name);

/* Who makes and who reads a value. A node, or FACET__NONE. */
bool facet__graph_is_output(const facet__graph *graph, int value);
int facet__graph_maker(const facet__graph *graph, int value);
/* The one node that reads `value`, once; NONE too if an output is it. */
int facet__graph_only_reader(const facet__graph *graph, int value);
void facet__graph_replace_reads(facet__graph *graph, int from, int to);

/* The value of input i, or FACET__NONE where it is left out. */
int facet__node_input(const facet__node *node, int i);

/* Attributes by name: the getters answer `otherwise` when it is absent (the
 * reader has checked the types: ops.c). Setters replace. */
const facet__attr *facet__node_attr(const facet__node *node, const char *name);
int64_t facet__node_int(
    const facet__node *node, const char *name, int64_t otherwise);
float facet__node_float(
    const facet__node *node, const char *name, float otherwise);
const char *facet__node_string(
    const facet__node *node, const char *name, const char *otherwise);
facet_status facet__node_set_int(
    facet__node *node, const char *name, int64_t value);
facet_status facet__node_set_float(
    facet__node *node, const char *name, float value);
facet_status facet__node_set_string(
    facet__node *node, const char *name, const char *value);
facet_status facet__node_set_ints(
    facet__node *node, const char *name, const int64_t *values, size_t count);
facet_status facet__node_set_floats(
    facet__node *node, const char *name, const float *values, size_t count);
/* The tensor becomes the node's, even on failure. */
facet_status facet__node_set_tensor(
    facet__node *node, const char *name, facet__tensor *tensor);

void facet__node_drop_attr(facet__node *node, const char *name);

/* Free what a node owns, for those who take nodes out of a graph. */
void facet__node_release(facet__node *node);

/* metadata_props. NULL when absent; setting replaces, NULL text removes. */
const char *facet__graph_meta(const facet__graph *graph, const char *key);
facet_status facet__graph_set_meta(
    facet__graph *graph, const char *key, const char *text);

/* Do the invariants hold? The message names the node. */
facet_status facet__graph_check(const facet__graph *graph, facet_error *err);

/* Put nodes into an order that satisfies the first invariant, keeping the given
 * order where it can. FACET_EDAMAGED names a node on a cycle. */
facet_status facet__graph_sort(facet__graph *graph, facet_error *err);

/* Drop the nodes and values that no output needs. Value numbers change. */
facet_status facet__graph_prune(facet__graph *graph);

#endif
