/* SPDX-License-Identifier: Apache-2.0 */
/* products.h - small blocks of dot products.
 *
 * A block is 8 rows of a against 32 rows of b. Both are packed first, so that
 * a kernel reads forward only: `a` is [dim][8], `b` is [dim][32], `out` is
 * [8][32]. Each product is summed over dim in order; kernels with FMA round
 * once where the plain one rounds twice. */
#ifndef FACET__PRODUCTS_H
#define FACET__PRODUCTS_H

#include <stddef.h>

enum { FACET__PRODUCT_ROWS = 8, FACET__PRODUCT_COLUMNS = 32 };

typedef void facet__products(const float *restrict a, const float *restrict b,
    size_t dim, float *restrict out);

facet__products facet__products_ref;
facet__products facet__products_avx2;
facet__products facet__products_avx512;

/* The best for this processor. */
facet__products *facet__products_pick(void);

#endif
