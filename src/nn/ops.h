/* SPDX-License-Identifier: Apache-2.0 */
/* ops.h - the table of operators: one row each. */
#ifndef FACET__OPS_H
#define FACET__OPS_H

#include "nn/infer.h"

/* A node with what is known of its inputs. Outputs start as unknown. */
typedef struct facet__op_call {
    const facet__graph *graph;
    const facet__node *node;
    const facet__fact *in[16]; /* NULL: absent */
    facet__fact *out[16];      /* NULL: absent */
    facet_error *err;
} facet__op_call;

/* Inputs of an operator that takes any number of operands: at most so many. */
enum { FACET__OP_ANY = 16 };

typedef struct facet__op {
    facet__op_kind kind;
    const char *name;            /* in ONNX; NULL for internal operators */
    int min_in, max_in, max_out; /* max_in FACET__OP_ANY: none is absent */
    /* Types and shapes of the outputs from what is known of the inputs. */
    facet_status (*infer)(facet__op_call *call);
} facet__op;

/* NULL when ONNX has an operator of that name but facet has not. */
const facet__op *facet__op_find(const char *onnx_name);
const facet__op *facet__op_of(facet__op_kind kind);
/* May an attribute of that name have this type? True of names that no one
 * reads. */
bool facet__op_attr_fits(
    facet__op_kind kind, const char *name, facet__attr_type type);

/* Is that text of an attribute one that facet computes? True of names that no
 * one reads. */
bool facet__op_attr_says(
    facet__op_kind kind, const char *name, const char *text);

/* Compute the outputs in plain C, from inputs whose contents are known, into
 * tensors of the inferred types and shapes. Allocates nothing.
 * FACET_EUNSUPPORTED when only the engine computes the operator. */
facet_status facet__op_evaluate(
    const facet__op_call *call, facet__tensor *const *out);
/* Can it, for operands of these kinds? */
bool facet__op_can_evaluate(facet__op_kind kind);

#endif
