/* SPDX-License-Identifier: Apache-2.0 */
/* shapes.h - shape inference, a function a kind of operator; rows of ops.c. */
#ifndef FACET__SHAPES_H
#define FACET__SHAPES_H

#include "nn/ops.h"

typedef facet_status facet__infer_function(facet__op_call *call);

facet__infer_function facet__infer_same, facet__infer_broadcast,
    facet__infer_conv, facet__infer_pool, facet__infer_global_pool,
    facet__infer_gemm, facet__infer_matmul, facet__infer_concat,
    facet__infer_flatten, facet__infer_reshape, facet__infer_transpose,
    facet__infer_squeeze, facet__infer_unsqueeze, facet__infer_slice,
    facet__infer_pad, facet__infer_resize, facet__infer_reduce,
    facet__infer_shape_of, facet__infer_gather, facet__infer_cast,
    facet__infer_constant_of_shape, facet__infer_expand, facet__infer_split,
    facet__infer_local_conv, facet__infer_maxout, facet__infer_prelu,
    facet__infer_batch_norm, facet__infer_softmax;

/* The integers that an input holds; NULL while they are unknown. */
const int64_t *facet__call_ints(
    const facet__op_call *call, int input, int64_t *count);
/* Are all inputs of one type, as far as is known? The message is written. */
bool facet__same_types(const facet__op_call *call);
/* Can a map grow by so much in each dimension? */
bool facet__scales_are_usable(const float *scales, int64_t n);
/* A negative axis counts from the end. False when it is out of range. */
bool facet__axis(int64_t axis, int rank, int *out);

#endif
