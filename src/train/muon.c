/* SPDX-License-Identifier: Apache-2.0 */
#include "train/muon.h"

#include <math.h>
#include <string.h>

#include "train/matmul.h"

/* p(s) = a s + b s^3 + c s^5, five times over, brings every s from 0.005 to 1
 * near 1. The coefficients are Jordan's: steep at 0, and never far off at 1. */
static const float A = 3.4445f, B = -4.7750f, C = 2.0315f;
enum { ROUNDS = 5 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t facet__muon_scratch(size_t rows, size_t columns)
{
    const size_t n = least(rows, columns);

    return FACET__MATMUL_SCRATCH + rows * columns + 2 * n * n;
}

static void scale(float *x, size_t count, double factor)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (float)((double)x[i] * factor);
}

static double length(const float *x, size_t count)
{
    double square = 0;

    for (size_t i = 0; i < count; i++)
        square += (double)x[i] * (double)x[i];
    return sqrt(square);
}

/* next = p(x), with the smaller of x x' and x' x as the square of x. */
static void iterate(
    size_t rows, size_t columns, const float *x, float *next, float *scratch)
{
    const size_t n = least(rows, columns), inner = rows + columns - n;
    const bool wide = rows <= columns;
    const facet__matrix plain = facet__plain(x, columns);
    const facet__matrix transposed = facet__transposed(x, columns);
    float *square = scratch + FACET__MATMUL_SCRATCH, *poly = square + n * n;

    facet__matmul_in(scratch, n, n, inner, wide ? plain : transposed,
        wide ? transposed : plain, false, square);
    facet__matmul_in(scratch, n, n, n, facet__plain(square, n),
        facet__plain(square, n), false, poly);
    for (size_t i = 0; i < n * n; i++)
        poly[i] = B * square[i] + C * poly[i];
    for (size_t i = 0; i < rows * columns; i++)
        next[i] = A * x[i];
    if (wide)
        facet__matmul_in(scratch, rows, columns, n, facet__plain(poly, n),
            plain, true, next);
    else
        facet__matmul_in(scratch, rows, columns, n, plain,
            facet__plain(poly, n), true, next);
}

void facet__muon_direct(size_t rows, size_t columns, float *x, float *scratch)
{
    const size_t count = rows * columns, n = least(rows, columns);
    float *next = scratch + FACET__MATMUL_SCRATCH + 2 * n * n;
    const double norm = length(x, count); /* no singular value is longer */

    if (!(norm > 0))
        return;
    scale(x, count, 1 / norm);
    for (int i = 0; i < ROUNDS; i++) {
        iterate(rows, columns, x, next, scratch);
        memcpy(x, next, count * sizeof *x);
    }
    scale(x, count, .2 * sqrt((double)(rows + columns - n)));
}
