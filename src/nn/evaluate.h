/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate.h - the two halves of plain evaluation: evaluate.c moves numbers and
 * does shape arithmetic, evaluate_float.c computes what networks compute. */
#ifndef FACET__EVALUATE_H
#define FACET__EVALUATE_H

#include "nn/ops.h"

typedef facet_status facet__evaluator(
    const facet__op_call *call, facet__tensor *const *out);

/* The evaluator of a float operator, or NULL. */
facet__evaluator *facet__float_evaluator(facet__op_kind kind);

#endif
