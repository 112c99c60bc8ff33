/* SPDX-License-Identifier: Apache-2.0 */
/* compact.c - a byte a number.
 *
 * Steps are equal, and as wide as the embedding's own largest number allows:
 * since all that counts is the direction, that number needs not be kept. Steps
 * over [-1, 1] waste most codes; steps over so many deviations cut off what
 * lies beyond; unequal steps are no more exact and cannot be compared as
 * integers. bench/compact.c measures all four. */
#include "facet/compact.h"

#include <math.h>

facet_status facet_compact(const float *x, size_t dim, int8_t *codes)
{
    double largest = 0.0, sum = 0.0;

    if (!x || !codes || dim == 0)
        return FACET_EINVAL;
    for (size_t i = 0; i < dim; i++) {
        largest = fmax(largest, fabs((double)x[i]));
        sum += (double)x[i]; /* of a NaN, NaN */
    }
    if (!isfinite(sum) || largest == 0.0)
        return FACET_EINVAL;
    for (size_t i = 0; i < dim; i++)
        codes[i] = (int8_t)nearbyint((double)x[i] * (127.0 / largest));
    return FACET_OK;
}

static int64_t product(const int8_t *a, const int8_t *b, size_t dim)
{
    int64_t sum = 0;

    for (size_t i = 0; i < dim; i++)
        sum += (int32_t)a[i] * (int32_t)b[i];
    return sum;
}

void facet_expand(const int8_t *codes, size_t dim, float *x)
{
    const double length = sqrt((double)product(codes, codes, dim));

    for (size_t i = 0; i < dim; i++)
        x[i] = length > 0.0 ? (float)((double)codes[i] / length) : 0.0f;
}

double facet_compact_cosine(const int8_t *a, const int8_t *b, size_t dim)
{
    const double squares =
        (double)product(a, a, dim) * (double)product(b, b, dim);

    return squares > 0.0 ? (double)product(a, b, dim) / sqrt(squares) : 0.0;
}
