/* SPDX-License-Identifier: Apache-2.0 */
/* reference.h - a network run node by node in plain C, sums in double: slow,
 * simple, and what the engine is measured against. */
#ifndef FACET__REFERENCE_H
#define FACET__REFERENCE_H

#include "nn/graph.h"

/* `inputs`: one tensor for each graph input, in order, of the final shapes.
 * `outputs`: receives one tensor for each graph output, the caller's; all NULL
 * on failure. Errors are facet__infer's; FACET_EUNSUPPORTED names the node that
 * is not computed. */
facet_status facet__reference_run(const facet__graph *graph,
    const facet__tensor *const *inputs, facet__tensor **outputs,
    facet_error *err);

#endif
