/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_METRIC_H
#define FACET_METRIC_H

/**
 * @file
 * Other ways to compare embeddings than their cosine: those of DeepFace
 * (Taigman et al. 2014, sections 4.1 to 4.3), which need
 * embeddings that are nowhere negative, and the support vector machines that
 * weigh them. Pure functions over arrays of the caller; unless said otherwise
 * they may be called at any time from any thread.
 */

#include <stddef.h>
#include <stdint.h>

#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The largest value of each number of an embedding over a training set.
 *
 * @param x       [count, dim], row by row.
 * @param maxima  Receives [dim].
 *
 * Errors: FACET_EINVAL (NULL, no rows or numbers, NaN).
 */
FACET_API FACET_MUST_USE facet_status facet_component_maxima(
    const float *x, size_t count, size_t dim, float *maxima);

/**
 * DeepFace's normalisation: each number over its largest value, no less than
 * `floor`; then the whole to length 1. Rows of zeros stay as they are.
 *
 * @param maxima  [dim] of facet_component_maxima.
 * @param floor   Greater than 0; the paper's is 0.05.
 * @param x       [count, dim]
 * @param out     Receives [count, dim]; may be `x`.
 *
 * Errors: FACET_EINVAL (NULL, a floor of 0 or less).
 */
FACET_API FACET_MUST_USE facet_status facet_component_normalize(
    const float *maxima, double floor, const float *x, size_t count, size_t dim,
    float *out);

/**
 * (a - b)^2 / (a + b) of each pair of numbers, none negative; 0 where both are
 * 0: what a support vector machine is given to find the weights.
 *
 * @param out  Receives [dim].
 */
FACET_API void facet_chi_squared_terms(
    const float *a, const float *b, size_t dim, float *out);

/** The sum of those terms, times `weights` [dim] unless NULL. A distance:
 * smaller is more alike. */
FACET_API double facet_chi_squared(
    const float *a, const float *b, const float *weights, size_t dim);

/** The sum of |a - b|, times `weights` [dim] unless NULL: the distance of
 * DeepFace's Siamese network. */
FACET_API double facet_weighted_l1(
    const float *a, const float *b, const float *weights, size_t dim);

/**
 * A linear support vector machine: the w and b that make
 * |w|^2 / 2 + b^2 / 2 + cost * sum of max(0, 1 - y (w x + b)) smallest.
 *
 * @param x        [count, dim]
 * @param labels   [count], not 0: y = 1; 0: y = -1. Both must occur.
 * @param cost     Greater than 0; DeepFace's is 1.
 * @param weights  Receives [dim].
 * @param bias     Receives b.
 *
 * By dual coordinate descent (Hsieh et al. 2008) to a violation of 1e-4;
 * deterministic. Memory: 20 bytes a row.
 * Errors: FACET_EINVAL (NULL, NaN, one kind of label, a cost of 0 or less),
 *         FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_svm_fit(const float *x,
    const uint8_t *labels, size_t count, size_t dim, double cost,
    float *weights, double *bias);

/**
 * Add the power kernel -|a - b|^2 of all rows of `a` and `b` to `kernel`, so
 * that kernels of several networks add up (DeepFace's ensemble).
 *
 * @param a       [rows, dim]
 * @param b       [columns, dim]; may be `a`.
 * @param kernel  [rows, columns], zeros to begin with.
 */
FACET_API void facet_kernel_add(const float *a, size_t rows, const float *b,
    size_t columns, size_t dim, float *kernel);

/**
 * A support vector machine on a kernel: y is the sign of
 * sum over i of coefficients[i] * k(x_i, x) + bias.
 *
 * @param kernel        [count, count], symmetric; conditionally positive
 *                      definite, as sums of power kernels are.
 * @param labels        [count], as facet_svm_fit's.
 * @param cost          Greater than 0; DeepFace's is 1.
 * @param coefficients  Receives [count], from -cost to cost, adding up to 0.
 * @param bias          Receives the bias.
 *
 * By sequential minimal optimisation with the pair of second order (Fan et al.
 * 2005) to a violation of 1e-4; deterministic.
 * Errors: as facet_svm_fit's.
 */
FACET_API FACET_MUST_USE facet_status facet_kernel_svm_fit(const float *kernel,
    const uint8_t *labels, size_t count, double cost, double *coefficients,
    double *bias);

#ifdef __cplusplus
}
#endif

#endif
