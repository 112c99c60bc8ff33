/* SPDX-License-Identifier: Apache-2.0 */
/* affine.h - nodes that multiply each channel with a constant and add another:
 * BatchNormalization, and sums, differences, products and quotients with
 * constants. The engine takes them into the step before, the quantizer into the
 * filters. */
#ifndef FACET__AFFINE_H
#define FACET__AFFINE_H

#include "nn/graph.h"

/* A constant of floats, or NULL. */
const facet__tensor *facet__graph_floats(const facet__graph *graph, int value);

/* Has a constant one number for each channel of a value of so many axes, or one
 * for all? Channels are the third axis from the end of a map (4), else the last
 * one. */
bool facet__is_per_channel(
    const facet__shape *constant, int rank, int64_t channels);

/* What such a node changes, or FACET__NONE if it is no such node. */
int facet__affine_value(const facet__graph *graph, const facet__node *node);
/* Are its constants right for so many axes and channels of that value? */
bool facet__affine_fits(const facet__graph *graph, const facet__node *node,
    int rank, int64_t channels);
/* Factor and shift of a channel, of a node that fits. */
void facet__affine_at(const facet__graph *graph, const facet__node *node,
    size_t channel, double *factor, double *shift);

#endif
