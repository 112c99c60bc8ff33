/* SPDX-License-Identifier: Apache-2.0 */
/* products.h - small blocks of dot products.
 *
 * A block is 8 rows of a against 32 rows of b. Both are packed first, so that
 * a kernel reads forward only: `a` is [dim][8], `b` is [dim][32], `out` is
 * [8][32]. Each product is summed over dim in order; kernels with FMA round
 * once where the plain one rounds twice. The product of two rows is the same
 * wherever in a block they stand, and whichever of them is a's.
 *
 * Histograms of all comparisons (eval/) and neighbors of everyone (cluster/)
 * both want them, so they live here, below both. */
#ifndef FACET__PRODUCTS_H
#define FACET__PRODUCTS_H

#include <stddef.h>
#include <stdint.h>

enum { FACET__PRODUCT_ROWS = 8, FACET__PRODUCT_COLUMNS = 32 };

typedef void facet__products(const float *restrict a, const float *restrict b,
    size_t dim, float *restrict out);

facet__products facet__products_ref;
facet__products facet__products_avx2;
facet__products facet__products_avx512;

/* Pack `count` rows of `dim` floats into panels of `width` rows, each
 * [dim][width], the last one filled up with zeros: `out` has room for `count`
 * rounded up to `width` rows. Row i is rows[order[i]], or with a NULL order
 * rows[i]. */
void facet__products_pack(const float *rows, const uint32_t *order,
    size_t count, size_t dim, size_t width, float *out);

/* The best for this processor. */
facet__products *facet__products_pick(void);

#endif
