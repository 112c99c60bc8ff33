/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>

#include "base/alloc.h"
#include "train/muon.h"

/* An orthogonal matrix's element: the cosine transform of n numbers. */
static double wave(size_t n, size_t row, size_t column)
{
    const double pi = 3.14159265358979323846;
    const double size = sqrt((row == 0 ? 1 : 2) / (double)n);

    return size * cos(pi * (double)row * ((double)column + .5) / (double)n);
}

/* What five rounds make of a singular value. */
static double polynomial(double s)
{
    for (int i = 0; i < 5; i++)
        s = 3.4445 * s - 4.7750 * pow(s, 3) + 2.0315 * pow(s, 5);
    return s;
}

static double singular(size_t i)
{
    return i == 2 ? 0 : 8 / (double)(i + 1);
}

/* x = U S V', with waves for U [rows][rows] and V [columns][columns]: its
 * direction, between the same waves, is diagonal again. */
static void check_direction(size_t rows, size_t columns)
{
    const size_t n = rows < columns ? rows : columns;
    float *x = facet__alloc(rows * columns * sizeof *x);
    float *scratch =
        facet__alloc(facet__muon_scratch(rows, columns) * sizeof *scratch);
    double norm = 0;

    for (size_t i = 0; i < n; i++)
        norm += singular(i) * singular(i);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            double sum = 0;

            for (size_t i = 0; i < n; i++)
                sum += wave(rows, i, r) * singular(i) * wave(columns, i, c);
            x[r * columns + c] = (float)sum;
        }
    facet__muon_direct(rows, columns, x, scratch);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            const double large = (double)(rows > columns ? rows : columns);
            const double wanted =
                i == j ? polynomial(singular(i) / sqrt(norm)) : 0;
            double sum = 0;

            for (size_t r = 0; r < rows; r++)
                for (size_t c = 0; c < columns; c++)
                    sum += wave(rows, i, r) * (double)x[r * columns + c] *
                           wave(columns, j, c);
            CHECK_NEAR(sum / (.2 * sqrt(large)), wanted, 2e-4);
        }
    facet__free(x);
    facet__free(scratch);
}

static void test_singular_values_come_near_one(void **state)
{
    (void)state;
    check_direction(12, 12);
    check_direction(9, 40);
    check_direction(40, 9);
    check_direction(1, 5);
    CHECK_NEAR(polynomial(1), .6964364, 1e-6);
    CHECK_NEAR(polynomial(.02), .6818315, 1e-6);
    CHECK_NEAR(polynomial(.005), 1.1543663, 1e-6);
}

static void test_zeros_stay(void **state)
{
    float x[6] = { 0 }, *scratch;

    (void)state;
    scratch = facet__alloc(facet__muon_scratch(2, 3) * sizeof *scratch);
    facet__muon_direct(2, 3, x, scratch);
    for (int i = 0; i < 6; i++)
        CHECK_NEAR(x[i], 0, 0);
    facet__free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_singular_values_come_near_one),
        cmocka_unit_test(test_zeros_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
