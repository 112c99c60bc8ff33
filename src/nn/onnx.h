/* SPDX-License-Identifier: Apache-2.0 */
/* onnx.h - graphs from and to ONNX files (opset 7 to 18 read, 14 written).
 *
 * Reading trusts nothing: sizes are checked before they are believed, element
 * counts before memory is taken, there are at most 16,384 nodes and as many
 * weights, external data may lie only inside the model's own folder. What is
 * read are float, double, half and bfloat16 (widened to F32), u8, i8, i32, i64
 * and bool tensors. */
#ifndef FACET__ONNX_H
#define FACET__ONNX_H

#include "nn/graph.h"

typedef struct facet__onnx_limits {
    size_t max_bytes; /* of the file and of all weights; default 2 GiB */
} facet__onnx_limits;

/* `folder` is where external data may lie; NULL forbids external data. The
 * result is checked, sorted and has no shapes inferred yet. Errors name the
 * node and the operator, or the tensor. NULL limits are the defaults. */
facet_status facet__onnx_parse(const void *bytes, size_t size,
    const char *folder, const facet__onnx_limits *limits, facet__graph **out,
    facet_error *err);
facet_status facet__onnx_read(const char *path,
    const facet__onnx_limits *limits, facet__graph **out, facet_error *err);

/* The file's bytes, to be freed with facet__free. The opset is the graph's own.
 * Internal operators are written as their ONNX expansion. The same graph gives
 * the same bytes. */
facet_status facet__onnx_serialize(
    const facet__graph *graph, void **bytes, size_t *size, facet_error *err);
/* Atomic: a temporary file beside it, synced, then renamed. */
facet_status facet__onnx_write(
    const facet__graph *graph, const char *path, facet_error *err);

#endif
