/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_COMPACT_H
#define FACET_COMPACT_H

/**
 * @file
 * An embedding in a byte a number: FaceNet's 128 numbers in 128 bytes (Schroff
 * et al. 2015, section 5.1, which does not say how). What it costs was
 * measured: docs/methods/facenet.md.
 */

#include <stddef.h>
#include <stdint.h>

#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Encode an embedding.
 *
 * @param x      [dim] of any non-zero length.
 * @param codes  Receives [dim], -127 to 127: the numbers over the largest of
 *               them, times 127, rounded. How long the embedding was is not
 *               kept; it means nothing.
 *
 * The inner product of two such arrays of integers, over the product of their
 * lengths, is the cosine: nothing has to be decoded to compare.
 * Errors: FACET_EINVAL (NULL; NaN, infinity or a row of zeros).
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_compact(
    const float *x, size_t dim, int8_t *codes);

/**
 * The unit vector that codes stand for; zeros for codes that are all 0.
 *
 * @param codes  [dim]
 * @param x      Receives [dim].
 */
FACET_API void facet_expand(const int8_t *codes, size_t dim, float *x);

/** The cosine of what two arrays of codes stand for; 0 when either is all 0.
 * Exact sums of integers: the same on every processor. */
FACET_API double facet_compact_cosine(
    const int8_t *a, const int8_t *b, size_t dim);

#ifdef __cplusplus
}
#endif

#endif
