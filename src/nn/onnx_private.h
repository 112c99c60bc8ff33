/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_private.h - what the parts of the ONNX reader share. */
#ifndef FACET__ONNX_PRIVATE_H
#define FACET__ONNX_PRIVATE_H

#include "nn/onnx.h"
#include "onnx/onnx.pb-c.h"

/* Where weights may come from, and how many bytes of them still. */
typedef struct facet__onnx_source {
    const char *folder; /* NULL: no external data */
    size_t bytes_left;
} facet__onnx_source;

/* onnx_tensor.c */
facet_status facet__onnx_tensor(facet__onnx_source *source,
    const Onnx__TensorProto *p, facet__tensor **out, facet_error *err);

/* onnx_upgrade.c: bring node `index`, written for `opset`, to the one form of
 * opset 14 that the rest of facet knows. */
facet_status facet__onnx_upgrade(
    facet__graph *graph, int index, int opset, facet_error *err);
/* When all nodes are read: constants stop being nodes, axes of reductions
 * become attributes, indices of 32 bits wide. */
facet_status facet__onnx_settle(facet__graph *graph, facet_error *err);

/* onnx_join.c: nodes that only together say a locally connected layer or maxout
 * become one. On a checked graph; value numbers change. */
facet_status facet__onnx_join(facet__graph *graph, facet_error *err);

/* onnx_grids.c: pairs of QuantizeLinear and DequantizeLinear become grids,
 * filters of bytes floats. On a checked graph. */
facet_status facet__onnx_take_grids(facet__graph *graph, facet_error *err);

#endif
