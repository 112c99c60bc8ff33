/* SPDX-License-Identifier: Apache-2.0 */
/* lrn.h - the factors of local response normalisation across channels, which
 * the engine and the trainer share:
 *
 *   s[c] = bias + alpha / size * sum of x^2 over `size` channels around c
 *   t[c] = s[c]^-beta            y = x t                                   */
#ifndef FACET__LRN_H
#define FACET__LRN_H

#include "nn/engine/kernels.h"
#include "nn/graph.h"

typedef struct facet__lrn {
    size_t before, after; /* channels that count on either side */
    float scale;          /* alpha / size */
    float beta, bias;
} facet__lrn;

facet__lrn facet__lrn_of(const facet__node *node);

/* s and t [n] of one pixel's channels x [n]. */
void facet__lrn_factors(const facet__lrn *lrn, const facet__vec *vec,
    const float *x, size_t n, float *s, float *t);

/* y[c] = sum of x over the channels that see c in their window; `before` and
 * `after` change sides. */
void facet__lrn_spread(
    const facet__lrn *lrn, const float *x, size_t n, float *y);

#endif
