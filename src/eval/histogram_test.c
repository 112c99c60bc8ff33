/* SPDX-License-Identifier: Apache-2.0 */
/* histogram_test.c - streamed counts against the exact curve; kernels against
 * the plain one. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/products.h"
#include "base/random.h"
#include "check.h"
#include "facet/eval.h"

enum { DIM = 37, A = 301, B = 77 };

/* Unit rows near the center of their subject, which is its number. */
static void random_rows(float *values, uint32_t *subject, size_t count)
{
    for (size_t row = 0; row < count; row++) {
        facet__random center, random = facet__random_stream(9, row, count);
        float *at = values + row * DIM;
        double square = 0;

        subject[row] = (uint32_t)facet__random_below(&random, 20);
        center = facet__random_stream(10, subject[row], 0);
        for (int k = 0; k < DIM; k++) {
            at[k] = (float)(facet__random_normal(&center) +
                            facet__random_normal(&random));
            square += (double)at[k] * (double)at[k];
        }
        for (int k = 0; k < DIM; k++)
            at[k] /= (float)sqrt(square);
    }
}

static float values_a[A * DIM], values_b[B * DIM];
static uint32_t subject_a[A], subject_b[B];
static const facet_rows rows_a = { values_a, subject_a, A, DIM };
static const facet_rows rows_b = { values_b, subject_b, B, DIM };

static int fill_rows(void **state)
{
    (void)state;
    random_rows(values_a, subject_a, A);
    random_rows(values_b, subject_b, B);
    return 0;
}

static facet_comparison compare(
    const facet_rows *a, size_t i, const facet_rows *b, size_t j)
{
    facet_comparison c = { 0, a->subject[i], b->subject[j], 0,
        a->subject[i] == b->subject[j] };

    for (size_t k = 0; k < DIM; k++)
        c.score +=
            (double)a->values[i * DIM + k] * (double)b->values[j * DIM + k];
    return c;
}

static void check_curves(const facet_comparison *list, size_t count,
    const facet_rows *b, int threads)
{
    facet_histogram *histogram;
    facet_curve *exact, *binned;
    facet_curve_size want, got;

    CHECK_OK(facet_histogram_create(&histogram));
    CHECK_OK(
        facet_histogram_add_products(histogram, &rows_a, b, threads, NULL));
    CHECK_OK(facet_curve_create(list, count, &exact, NULL));
    CHECK_OK(facet_histogram_curve(histogram, &binned, NULL));
    want = facet_curve_total(exact);
    got = facet_curve_total(binned);
    assert_memory_equal(&want, &got, sizeof want);
    CHECK_NEAR(facet_curve_auc(binned), facet_curve_auc(exact), 1e-5);
    for (double wanted = .001; wanted < 1; wanted *= 3) {
        const facet_rate x = facet_curve_rate(exact, wanted, 0);
        const facet_rate y = facet_curve_rate(binned, wanted, 0);

        CHECK_NEAR(y.tar, x.tar, 2. / (double)want.mated);
        CHECK_NEAR(y.threshold, x.threshold, 4e-6);
    }
    facet_curve_free(exact);
    facet_curve_free(binned);
    facet_histogram_free(histogram);
}

static void test_products_of_two_sets_give_the_exact_curve(void **state)
{
    facet_comparison *list = facet__calloc(A * B, sizeof *list);

    (void)state;
    assert_non_null(list);
    for (size_t i = 0; i < A; i++)
        for (size_t j = 0; j < B; j++)
            list[i * B + j] = compare(&rows_a, i, &rows_b, j);
    check_curves(list, A * B, &rows_b, 1);
    check_curves(list, A * B, &rows_b, 3);
    facet__free(list);
}

static void test_products_of_one_set_take_each_pair_once(void **state)
{
    facet_comparison *list = facet__calloc(A * (A - 1) / 2, sizeof *list);
    size_t n = 0;

    (void)state;
    assert_non_null(list);
    for (size_t i = 0; i < A; i++)
        for (size_t j = i + 1; j < A; j++)
            list[n++] = compare(&rows_a, i, &rows_a, j);
    check_curves(list, n, NULL, 2);
    facet__free(list);
}

static void test_kernels_agree_with_the_plain_one(void **state)
{
    enum { N = FACET__PRODUCT_ROWS * FACET__PRODUCT_COLUMNS };
    static float a[512 * FACET__PRODUCT_ROWS];
    static float b[512 * FACET__PRODUCT_COLUMNS];
    facet__products *const kernels[] = { facet__products_avx2,
        facet__products_avx512 };
    const facet__cpu_level needs[] = { FACET__CPU_AVX2, FACET__CPU_AVX512 };
    facet__random random = facet__random_stream(4, 0, 0);
    float want[N], got[N];

    (void)state;
    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        a[i] = (float)facet__random_between(&random, -1, 1);
    for (size_t i = 0; i < sizeof b / sizeof *b; i++)
        b[i] = (float)facet__random_between(&random, -1, 1);
    for (size_t kernel = 0; kernel < 2; kernel++)
        for (size_t dim = 0; dim <= 512; dim = 2 * dim + 1) {
            if (facet__cpu_level_get() < needs[kernel])
                continue;
            facet__products_ref(a, b, dim, want);
            kernels[kernel](a, b, dim, got);
            for (int i = 0; i < N; i++) /* rounding: sums up to sqrt(dim) */
                CHECK_NEAR(got[i], want[i], 1e-5);
        }
}

static void test_histogram_counts_failures_and_rejects_nan(void **state)
{
    facet_histogram *histogram;
    facet_curve *curve;
    facet_error err;
    facet_rows bad = rows_a;

    (void)state;
    CHECK_OK(facet_histogram_create(&histogram));
    CHECK_OK(facet_histogram_add(histogram, -HUGE_VAL, true));
    CHECK_OK(facet_histogram_add(histogram, .5, true));
    assert_int_equal(
        facet_histogram_curve(histogram, &curve, &err), FACET_EINVAL);
    CHECK_OK(facet_histogram_add(histogram, .25, false));
    assert_int_equal(
        facet_histogram_add(histogram, (double)NAN, false), FACET_EINVAL);
    CHECK_OK(facet_histogram_curve(histogram, &curve, &err));
    assert_int_equal(facet_curve_total(curve).mated_failed, 1);
    CHECK_NEAR(facet_curve_at_threshold(curve, .3).tar, .5, 0);
    bad.dim = DIM - 1;
    assert_int_equal(
        facet_histogram_add_products(histogram, &bad, &rows_b, 1, &err),
        FACET_EINVAL);
    values_a[DIM + 1] = NAN;
    assert_int_equal(
        facet_histogram_add_products(histogram, &rows_a, NULL, 1, &err),
        FACET_EINVAL);
    assert_non_null(strstr(err.msg, "row 1"));
    facet_curve_free(curve);
    facet_histogram_free(histogram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_of_two_sets_give_the_exact_curve),
        cmocka_unit_test(test_products_of_one_set_take_each_pair_once),
        cmocka_unit_test(test_kernels_agree_with_the_plain_one),
        cmocka_unit_test(test_histogram_counts_failures_and_rejects_nan),
    };

    return cmocka_run_group_tests(tests, fill_rows, NULL);
}
