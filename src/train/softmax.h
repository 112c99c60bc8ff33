/* SPDX-License-Identifier: Apache-2.0 */
/* softmax.h - cross-entropy over rows of logits, shared by the losses that
 * classify. */
#ifndef FACET__SOFTMAX_H
#define FACET__SOFTMAX_H

#include <stdint.h>

#include "base/threads.h"

/* For n rows of `classes` logits: values[i] = -log softmax(row i)[label i], and
 * in place of the logits the gradient of their mean. With `smoothing` e the
 * target is 1 - e for the label plus e / classes for each class. Safe for any
 * finite logits. A row with an infinite or NaN logit gives NaN, for the run's
 * sentinel to see. */
void facet__cross_entropy(facet__pool *pool, float *logits, size_t n,
    size_t classes, const int32_t *labels, double smoothing, double *values);

#endif
