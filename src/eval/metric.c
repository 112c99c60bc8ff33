/* SPDX-License-Identifier: Apache-2.0 */
/* metric.c - DeepFace's normalisation and distances (papers.md C.3, C.5). Sums
 * are of doubles in the order of the numbers. */
#include "facet/metric.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

facet_status facet_component_maxima(
    const float *x, size_t count, size_t dim, float *maxima)
{
    bool usable = true;

    if (!x || !maxima || count == 0 || dim == 0)
        return FACET_EINVAL;
    memcpy(maxima, x, dim * sizeof *x);
    for (size_t i = 0; i < count * dim; i++) {
        float *m = &maxima[i % dim];

        usable &= !isnan(x[i]);
        *m = x[i] > *m ? x[i] : *m;
    }
    return usable ? FACET_OK : FACET_EINVAL;
}

static void normalize_row(
    const float *maxima, double least, const float *x, size_t dim, float *out)
{
    double squares = 0.0;

    for (size_t i = 0; i < dim; i++) {
        const double m = (double)maxima[i] > least ? (double)maxima[i] : least;
        const double v = (double)x[i] / m;

        squares += v * v;
        out[i] = (float)v;
    }
    for (size_t i = 0; i < dim && squares > 0.0; i++)
        out[i] = (float)((double)out[i] / sqrt(squares));
}

facet_status facet_component_normalize(const float *maxima, double floor,
    const float *x, size_t count, size_t dim, float *out)
{
    if (!maxima || !x || !out || !(floor > 0.0))
        return FACET_EINVAL;
    for (size_t i = 0; i < count; i++)
        normalize_row(maxima, floor, x + i * dim, dim, out + i * dim);
    return FACET_OK;
}

static double chi_squared_term(float a, float b)
{
    const double difference = (double)a - (double)b;
    const double sum = (double)a + (double)b;

    return sum > 0.0 ? difference * difference / sum : 0.0;
}

void facet_chi_squared_terms(
    const float *a, const float *b, size_t dim, float *out)
{
    for (size_t i = 0; i < dim; i++)
        out[i] = (float)chi_squared_term(a[i], b[i]);
}

double facet_chi_squared(
    const float *a, const float *b, const float *weights, size_t dim)
{
    double sum = 0.0;

    for (size_t i = 0; i < dim; i++)
        sum +=
            (weights ? (double)weights[i] : 1.0) * chi_squared_term(a[i], b[i]);
    return sum;
}

double facet_weighted_l1(
    const float *a, const float *b, const float *weights, size_t dim)
{
    double sum = 0.0;

    for (size_t i = 0; i < dim; i++)
        sum += (weights ? (double)weights[i] : 1.0) *
               fabs((double)a[i] - (double)b[i]);
    return sum;
}

void facet_kernel_add(const float *a, size_t rows, const float *b,
    size_t columns, size_t dim, float *kernel)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            double sum = 0.0;

            for (size_t k = 0; k < dim; k++) {
                const double d =
                    (double)a[i * dim + k] - (double)b[j * dim + k];

                sum += d * d;
            }
            kernel[i * columns + j] -= (float)sum;
        }
}
