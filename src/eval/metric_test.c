/* SPDX-License-Identifier: Apache-2.0 */
/* DeepFace's distances and support vector machines. */
#include "facet/metric.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "check.h"

/* papers.md C.7, 3 */
static void test_distances_have_the_worked_values(void **state)
{
    const float a[4] = { .6f, .8f, 0, 0 }, b[4] = { .8f, 0, .6f, 0 };
    const float w[4] = { 1, .5f, 2, 1 };
    const double expected[4] = { 0.028571429, .8, .6, 0 };
    float terms[4];

    (void)state;
    facet_chi_squared_terms(a, b, 4, terms);
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(terms[i], expected[i], 1e-7);
    CHECK_NEAR(facet_chi_squared(a, b, NULL, 4), 1.428571429, 1e-7);
    CHECK_NEAR(facet_chi_squared(a, b, w, 4), 1.628571429, 1e-7);
    CHECK_NEAR(facet_weighted_l1(a, b, w, 4), 1.8, 1e-7);
    CHECK_NEAR(facet_weighted_l1(a, b, NULL, 4), 1.6, 1e-7);
}

/* papers.md C.7, 4 */
static void test_normalisation_has_the_worked_values(void **state)
{
    const float x[3] = { 2, 0, 1 }, maxima[3] = { 4, .01f, 2 };
    float out[6], two[6] = { 1, 0, 3, 2, -1, 1 }, got[3];

    (void)state;
    CHECK_OK(facet_component_normalize(maxima, 0.05, x, 1, 3, out));
    CHECK_NEAR(out[0], 0.707106781, 1e-7);
    CHECK_NEAR(out[1], 0.0, 0.0);
    CHECK_NEAR(out[2], 0.707106781, 1e-7);
    CHECK_OK(facet_component_maxima(two, 2, 3, got));
    assert_true(got[0] == 2 && got[1] == 0 && got[2] == 3);
    memset(two, 0, sizeof two);
    CHECK_OK(facet_component_normalize(maxima, 0.05, two, 2, 3, out));
    for (int i = 0; i < 6; i++)
        assert_true(out[i] == 0.0f); /* no length to divide by */
}

static void test_unusable_arrays_are_refused(void **state)
{
    const float x[2] = { 1, NAN };
    const uint8_t same[2] = { 1, 1 }, labels[2] = { 0, 1 };
    float w[1];
    double bias, a[2];

    (void)state;
    assert_int_equal(facet_component_maxima(x, 2, 1, w), FACET_EINVAL);
    assert_int_equal(facet_component_maxima(x, 0, 1, w), FACET_EINVAL);
    assert_int_equal(
        facet_component_normalize(w, 0.0, x, 1, 1, w), FACET_EINVAL);
    assert_int_equal(facet_svm_fit(x, labels, 2, 1, 1, w, &bias), FACET_EINVAL);
    assert_int_equal(facet_svm_fit((float[]){ 1, 2 }, same, 2, 1, 1, w, &bias),
        FACET_EINVAL);
    assert_int_equal(
        facet_svm_fit((float[]){ 1, 2 }, labels, 2, 1, 0, w, &bias),
        FACET_EINVAL);
    assert_int_equal(facet_kernel_svm_fit(
                         (float[]){ 0, NAN, NAN, 0 }, labels, 2, 1, a, &bias),
        FACET_EINVAL);
}

enum { N = 60, DIM = 5 };

static void draw(float *x, uint8_t *labels)
{
    facet__random random = facet__random_stream(8, 0, 0);

    for (int i = 0; i < N; i++) {
        labels[i] = i % 3 == 0;
        for (int k = 0; k < DIM; k++)
            x[i * DIM + k] = (float)(facet__random_normal(&random) +
                                     (labels[i] && k < 2 ? 1.0 : 0.0));
    }
}

static double primal(const float *x, const uint8_t *labels, const float *w,
    double b, double cost)
{
    double sum = b * b / 2.0;

    for (int k = 0; k < DIM; k++)
        sum += (double)w[k] * (double)w[k] / 2.0;
    for (int i = 0; i < N; i++) {
        double f = b;

        for (int k = 0; k < DIM; k++)
            f += (double)w[k] * (double)x[i * DIM + k];
        f *= labels[i] ? 1.0 : -1.0;
        sum += f < 1.0 ? cost * (1.0 - f) : 0.0;
    }
    return sum;
}

/* What is minimised is convex: no small step in any direction makes it less. */
static void test_a_linear_machine_is_at_its_minimum(void **state)
{
    float x[N * DIM], w[DIM];
    uint8_t labels[N];
    facet__random random = facet__random_stream(9, 0, 0);
    double b, least;

    (void)state;
    draw(x, labels);
    for (double cost = 0.1; cost < 20.0; cost *= 10.0) {
        CHECK_OK(facet_svm_fit(x, labels, N, DIM, cost, w, &b));
        least = primal(x, labels, w, b, cost);
        for (int trial = 0; trial < 200; trial++) {
            float other[DIM];
            const double c = b + 0.02 * facet__random_normal(&random);

            for (int k = 0; k < DIM; k++)
                other[k] = w[k] + 0.02f * (float)facet__random_normal(&random);
            assert_true(
                primal(x, labels, other, c, cost) > least - 1e-3 * cost);
        }
    }
}

/* Four points on a line: the widest street runs from -1 to 1. */
static void test_a_kernel_machine_finds_the_widest_street(void **state)
{
    const float x[4] = { -2, -1, 1, 3 };
    const uint8_t labels[4] = { 0, 0, 1, 1 };
    float kernel[16] = { 0 };
    double a[4], bias, sum = 0.0;

    (void)state;
    facet_kernel_add(x, 4, x, 4, 1, kernel);
    CHECK_NEAR(kernel[3], -25.0, 1e-6);
    CHECK_OK(facet_kernel_svm_fit(kernel, labels, 4, 10.0, a, &bias));
    for (int i = 0; i < 4; i++)
        sum += a[i];
    CHECK_NEAR(sum, 0.0, 1e-9);
    CHECK_NEAR(a[0], 0.0, 1e-9); /* behind the street: no part in it */
    CHECK_NEAR(a[3], 0.0, 1e-9);
    for (int i = 1; i < 3; i++) {
        double f = bias;

        for (int j = 0; j < 4; j++)
            f += a[j] * (double)kernel[i * 4 + j];
        CHECK_NEAR(f, x[i], 1e-3);
    }
}

/* Every row stands as its coefficient says: outside the street at 0, inside at
 * the cost, on its edge between. */
static void test_a_kernel_machine_satisfies_its_conditions(void **state)
{
    float x[N * DIM], kernel[N * N];
    uint8_t labels[N];
    double a[N], bias;

    (void)state;
    draw(x, labels);
    memset(kernel, 0, sizeof kernel);
    facet_kernel_add(x, N, x, N, DIM, kernel);
    facet_kernel_add(x, N, x, N, DIM, kernel); /* an ensemble of two */
    CHECK_OK(facet_kernel_svm_fit(kernel, labels, N, 1.0, a, &bias));
    for (int i = 0; i < N; i++) {
        const double y = labels[i] ? 1.0 : -1.0, share = a[i] * y;
        double f = bias;

        for (int j = 0; j < N; j++)
            f += a[j] * (double)kernel[i * N + j];
        assert_true(share >= 0.0 && share <= 1.0);
        if (share < 1e-9)
            assert_true(y * f > 1.0 - 2e-3);
        else if (share > 1.0 - 1e-9)
            assert_true(y * f < 1.0 + 2e-3);
        else
            CHECK_NEAR(y * f, 1.0, 2e-3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances_have_the_worked_values),
        cmocka_unit_test(test_normalisation_has_the_worked_values),
        cmocka_unit_test(test_unusable_arrays_are_refused),
        cmocka_unit_test(test_a_linear_machine_is_at_its_minimum),
        cmocka_unit_test(test_a_kernel_machine_finds_the_widest_street),
        cmocka_unit_test(test_a_kernel_machine_satisfies_its_conditions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
