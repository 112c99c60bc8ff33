/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate_float.c - what networks compute, in plain C with sums in double:
 * the oracle of the engine, and its fallback. */
#include "nn/evaluate.h"

static facet__evaluator *const table[FACET__OP_COUNT] = {
    [FACET__OP_ADD] = NULL,
};

facet__evaluator *facet__float_evaluator(facet__op_kind kind)
{
    return table[kind];
}
