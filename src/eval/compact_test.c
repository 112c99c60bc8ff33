/* SPDX-License-Identifier: Apache-2.0 */
#include "facet/compact.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "check.h"

enum { DIM = 128 };

static void draw(float *x, uint64_t seed)
{
    facet__random random = facet__random_stream(seed, 0, 0);

    for (int i = 0; i < DIM; i++)
        x[i] = 3.0f * (float)facet__random_normal(&random);
}

static double cosine(const float *a, const float *b)
{
    double ab = 0.0, aa = 0.0, bb = 0.0;

    for (int i = 0; i < DIM; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

/* A step is about 2.7 / 127 of a deviation; its rounding moves a cosine by
 * 0.0008 in the root of the mean of squares; six of those are never seen. */
static void test_cosines_survive_in_a_byte_a_number(void **state)
{
    float a[DIM], b[DIM], back[DIM];
    int8_t p[DIM], q[DIM];

    (void)state;
    for (uint64_t i = 0; i < 500; i++) {
        draw(a, 2 * i);
        draw(b, 2 * i + 1);
        for (int k = 0; k < DIM; k++)
            b[k] += (float)(i % 5) * a[k];
        CHECK_OK(facet_compact(a, DIM, p));
        CHECK_OK(facet_compact(b, DIM, q));
        CHECK_NEAR(facet_compact_cosine(p, q, DIM), cosine(a, b), 0.005);
        facet_expand(p, DIM, back);
        CHECK_NEAR(cosine(a, back), 1.0, 1e-4);
        CHECK_NEAR(facet_compact_cosine(p, p, DIM), 1.0, 1e-12);
    }
}

static void test_length_does_not_matter(void **state)
{
    float x[DIM] = { 5.0f }, y[DIM];
    int8_t p[DIM], q[DIM];

    (void)state;
    CHECK_OK(facet_compact(x, DIM, p));
    assert_int_equal(p[0], 127);
    assert_int_equal(p[1], 0);
    x[0] = -5.0f;
    CHECK_OK(facet_compact(x, DIM, p));
    assert_int_equal(p[0], -127);
    draw(x, 3);
    for (int i = 0; i < DIM; i++)
        y[i] = 1024.0f * x[i];
    CHECK_OK(facet_compact(x, DIM, p));
    CHECK_OK(facet_compact(y, DIM, q));
    assert_memory_equal(p, q, sizeof p);
}

static void test_what_has_no_direction_is_refused(void **state)
{
    float x[DIM] = { 0 }, back[DIM];
    int8_t p[DIM] = { 0 };

    (void)state;
    assert_int_equal(facet_compact(x, DIM, p), FACET_EINVAL);
    assert_int_equal(facet_compact(NULL, DIM, p), FACET_EINVAL);
    assert_int_equal(facet_compact(x, 0, p), FACET_EINVAL);
    x[3] = NAN;
    assert_int_equal(facet_compact(x, DIM, p), FACET_EINVAL);
    x[3] = INFINITY;
    assert_int_equal(facet_compact(x, DIM, p), FACET_EINVAL);
    facet_expand(p, DIM, back);
    assert_true(back[0] == 0.0f && facet_compact_cosine(p, p, DIM) == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cosines_survive_in_a_byte_a_number),
        cmocka_unit_test(test_length_does_not_matter),
        cmocka_unit_test(test_what_has_no_direction_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
