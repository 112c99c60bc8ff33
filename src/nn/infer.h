/* SPDX-License-Identifier: Apache-2.0 */
/* infer.h - what shape and, where it can be known, what content every value of
 * a graph has.
 *
 * One walk over the nodes does both jobs, because shapes are computed from
 * contents (Shape -> Gather -> Concat -> Reshape). Run it on a graph whose
 * inputs are partly unknown and dimensions stay unknown; run it with every
 * input shape known and everything becomes known. */
#ifndef FACET__INFER_H
#define FACET__INFER_H

#include "nn/graph.h"

/* No network has a map of a terabyte; below that no sum of them overflows, and
 * neither does what is reckoned from one size. */
#define FACET__MOST_NUMBERS ((int64_t)1 << 38)

/* What is known of one value. */
typedef struct facet__fact {
    facet__dtype type;
    facet__shape shape;        /* n = -1: unknown rank; d < 0: unknown size */
    const facet__tensor *data; /* its content, or NULL */
    bool owned; /* data was computed by the walk and is freed with the facts */
} facet__fact;

/* Walk `graph` with its inputs of the given shapes (n_inputs of them, in the
 * graph's order; a NULL array takes the graph's own, possibly unknown, shapes).
 * *out receives n_values facts. Contents are computed for integer values of at
 * most a few thousand elements (shape arithmetic), and for at most
 * `float_bytes` of floats that hang on constants alone, such as weights that an
 * exporter left as a chain of nodes. Errors name the node and the operator:
 * FACET_EMODEL (shapes that do not fit), FACET_EUNSUPPORTED, FACET_ENOMEM.
 * Input shapes that contradict the graph's own fixed sizes are FACET_EINVAL. */
facet_status facet__infer(const facet__graph *graph,
    const facet__shape *input_shapes, size_t float_bytes, facet__fact **out,
    facet_error *err);
/* Do shapes of all inputs fit the graph's own, whose first size may vary? */
facet_status facet__check_input_shapes(
    const facet__graph *graph, const facet__shape *shapes, facet_error *err);
void facet__facts_free(facet__fact *facts, int n_values);

/* Constant folding: values whose content is known become constants, their
 * nodes go, Identity and Dropout (at inference) vanish, dead nodes are pruned,
 * and known shapes are written into the values. */
facet_status facet__graph_fold(facet__graph *graph, facet_error *err);

/* Narrow convolutions of one map become one and a Split (merge.c), for running
 * only: the graph must be folded. */
facet_status facet__graph_merge(facet__graph *graph, facet_error *err);

/* Spatial geometry of Conv, pooling and LocalConv with ONNX's auto_pad, pads,
 * strides, dilations, ceil_mode resolved against an input of h x w. */
typedef struct facet__window {
    int64_t kernel[2], stride[2], dilation[2]; /* height, width */
    int64_t pad_begin[2], pad_end[2];
    int64_t out[2];
} facet__window;

/* Height and width of a node's filters or, of a pool, its kernel: what shapes
 * are inferred from (a "kernel_shape" beside filters is not believed). NULL:
 * the node has no window. */
const int64_t *facet__kernel_of(
    const facet__graph *graph, const facet__node *node);
/* FACET_EMODEL when the window does not fit the input. */
facet_status facet__window_of(const facet__node *node, const int64_t in[2],
    const int64_t kernel[2], facet__window *w, facet_error *err);

#endif
