/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "train/matmul.h"

static float *random_floats(size_t count, uint64_t seed)
{
    facet__random r = facet__random_stream(seed, 0, 0);
    float *x = facet__alloc(count * sizeof *x);

    for (size_t i = 0; i < count; i++)
        x[i] = (float)facet__random_between(&r, -1, 1);
    return x;
}

/* Against sums in double, with either factor transposed in memory. */
static void check_product(size_t m, size_t n, size_t k, int form, bool add)
{
    float *a = random_floats(m * k, 1), *b = random_floats(k * n, 2);
    float *out = random_floats(m * n, 3), *old = random_floats(m * n, 3);
    float *same = random_floats(m * n, 3);
    float *scratch = facet__alloc(FACET__MATMUL_SCRATCH * sizeof *scratch);
    const facet__matrix left =
        form & 1 ? facet__transposed(a, m) : facet__plain(a, k);
    const facet__matrix right =
        form & 2 ? facet__transposed(b, k) : facet__plain(b, n);

    CHECK_OK(facet__matmul(NULL, m, n, k, left, right, add, out));
    facet__matmul_in(scratch, m, n, k, left, right, add, same);
    assert_memory_equal(same, out, m * n * sizeof *out);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = add ? (double)old[i * n + j] : 0;

            for (size_t p = 0; p < k; p++)
                sum += (double)(form & 1 ? a[p * m + i] : a[i * k + p]) *
                       (double)(form & 2 ? b[j * k + p] : b[p * n + j]);
            CHECK_NEAR(out[i * n + j], sum, 2e-6 * (double)(k + 10));
        }
    facet__free(a);
    facet__free(b);
    facet__free(out);
    facet__free(old);
    facet__free(same);
    facet__free(scratch);
}

static void test_every_form_and_odd_size_equals_the_plain_sum(void **state)
{
    const size_t sizes[][3] = { { 1, 1, 1 }, { 8, 32, 4 }, { 7, 33, 5 },
        { 13, 70, 300 }, { 257, 3, 9 }, { 3, 300, 17 }, { 4, 4, 0 } };
    const char *levels[] = { "baseline", "avx2", "avx512" };

    (void)state;
    for (int l = 0; l < 3; l++) {
        setenv("FACET_CPU", levels[l], 1);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int form = 0; form < 4; form++)
                for (int add = 0; add < 2; add++)
                    check_product(
                        sizes[s][0], sizes[s][1], sizes[s][2], form, add);
    }
    unsetenv("FACET_CPU");
}

static void test_threads_do_not_change_a_bit(void **state)
{
    enum { M = 600, N = 300, K = 513 };
    float *a = random_floats(M * K, 1), *b = random_floats(K * N, 2);
    float *one = random_floats(M * N, 3), *three = random_floats(M * N, 4);
    facet__pool *pool;

    (void)state;
    CHECK_OK(facet__pool_create(3, &pool));
    CHECK_OK(facet__matmul(
        NULL, M, N, K, facet__plain(a, K), facet__plain(b, N), false, one));
    CHECK_OK(facet__matmul(
        pool, M, N, K, facet__plain(a, K), facet__plain(b, N), false, three));
    assert_memory_equal(one, three, M * N * sizeof *one);
    facet__pool_free(pool);
    facet__free(a);
    facet__free(b);
    facet__free(one);
    facet__free(three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_and_odd_size_equals_the_plain_sum),
        cmocka_unit_test(test_threads_do_not_change_a_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
