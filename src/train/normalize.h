/* SPDX-License-Identifier: Apache-2.0 */
/* normalize.h - rows to length 1, and gradients back through it. */
#ifndef FACET__TRAIN_NORMALIZE_H
#define FACET__TRAIN_NORMALIZE_H

#include <stddef.h>

/* unit[i] = x[i] / |x[i]| for n rows of d; norms[i] = |x[i]|. A row shorter
 * than 1e-12 (or of zeros) becomes zeros, with norm 1e-12. `unit` may be `x`.
 */
void facet__normalize_rows(
    const float *x, size_t n, size_t d, float *unit, float *norms);

/* In place from the gradient with respect to `unit` to that with respect to x:
 * dx = (dy - unit (unit . dy)) / norm (papers.md A.4). */
void facet__normalize_rows_back(
    const float *unit, const float *norms, size_t n, size_t d, float *dy);

#endif
