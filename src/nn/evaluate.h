/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate.h - the parts of plain evaluation: evaluate.c moves numbers and does
 * shape arithmetic, evaluate_float.c and evaluate_window.c compute what
 * networks compute. */
#ifndef FACET__EVALUATE_H
#define FACET__EVALUATE_H

#include "nn/ops.h"

typedef facet_status facet__evaluator(
    const facet__op_call *call, facet__tensor *const *out);

/* The evaluator of a float operator, or NULL. */
facet__evaluator *facet__float_evaluator(facet__op_kind kind);

/* The floats an input holds; NULL when it is absent or of another type. */
const float *facet__call_floats(const facet__op_call *call, int input);

/* evaluate_window.c */
facet__evaluator facet__evaluate_conv, facet__evaluate_local_conv,
    facet__evaluate_pool, facet__evaluate_global_pool, facet__evaluate_gemm,
    facet__evaluate_matmul, facet__evaluate_resize;

#endif
