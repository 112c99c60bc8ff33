/* SPDX-License-Identifier: Apache-2.0 */
/* norm.h - what the layers beside a norm do for it.
 *
 * Maps are large and memory is slow, so a norm z = act(x a + b) seldom runs by
 * itself. The convolution that makes x sums its moments while a block of it is
 * in the cache; whoever reads z makes it from x, a block at a time; the layer
 * that writes the last of dL/dz sums what the norm wants of it; and that first
 * convolution makes dL/dx, again a block at a time. Then z and dL/dx are never
 * in memory. fuse.c finds out who can do what.
 *
 * Rows are counted through the whole map. Sums are kept by parts, each filled
 * by one thread in the order of its rows, so that they do not depend on the
 * number of threads. */
#ifndef FACET__NORM_H
#define FACET__NORM_H

#include "nn/learn/layer.h"

/* The norm whose moments the layer takes in this pass, or NULL. */
static inline facet__layer *facet__norm_counted(
    const facet__layer *layer, const facet__pass *pass)
{
    facet__layer *norm = layer->norm_out;

    return norm && norm->moments_taken && pass->training ? norm : NULL;
}

/* Sums will come in `parts` parts (at most FACET__PARTS) ... */
void facet__norm_begin(facet__layer *layer, size_t parts);
/* ... of which this one begins. */
void facet__norm_open(
    facet__layer *layer, const facet__pass *pass, size_t part);

/* Rows [first, first + count) of x into the part's moments. */
void facet__norm_moments(facet__layer *layer, const facet__pass *pass,
    size_t part, size_t first, size_t count);
/* Rows of x and dL/dz into the part's sums for the backward pass. */
void facet__norm_reduce(facet__layer *layer, const facet__pass *pass,
    size_t part, size_t first, size_t count);

/* Rows of z, plus those of `plus` if it is not NULL, to `to`. */
void facet__norm_make(facet__layer *layer, const facet__pass *pass,
    size_t first, size_t count, const void *plus, void *to);
/* Rows of dL/dx to `to`. */
void facet__norm_make_back(facet__layer *layer, const facet__pass *pass,
    size_t first, size_t count, void *to);

#endif
