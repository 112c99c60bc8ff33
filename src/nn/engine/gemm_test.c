/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel of inference against its plain C twin. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "nn/engine/bf16.h"
#include "nn/engine/kernels.h"

static uint32_t seed = 1;

static float uniform(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / 8388608.0f - 1.0f;
}

static float *random_floats(size_t n)
{
    float *x = facet__alloc((n + 64) * sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < n + 64; i++)
        x[i] = uniform();
    return x;
}

static uint16_t *random_halves(size_t n)
{
    uint16_t *x = facet__alloc((n + 64) * sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < n + 64; i++)
        x[i] = facet__bf16_round(uniform());
    return x;
}

typedef struct problem {
    size_t m, k, n;
    bool bf16, c_bf16, slope, clip, residual, residual_first;
} problem;

static void run_panels(facet__gemm_kernel *kernel, const problem *q,
    const void *a, const void *packed, const float *bias, const float *slope,
    const void *residual, void *c)
{
    const size_t size = q->bf16 ? 2 : 4, c_size = q->c_bf16 ? 2 : 4;

    for (size_t n0 = 0; n0 < q->n; n0 += FACET__NR) {
        const size_t left = q->n - n0;
        facet__gemm_panel p = { .a = a,
            .a_stride = q->k,
            .m = q->m,
            .k = q->k,
            .b = (const char *)packed + n0 * q->k * size,
            .n = left < FACET__NR ? left : FACET__NR,
            .c = (char *)c + n0 * c_size,
            .c_stride = q->n,
            .c_bf16 = q->c_bf16,
            .epilogue = { .bias = bias + n0,
                .slope = q->slope ? slope + n0 : NULL,
                .lo = q->clip ? -0.5f : -INFINITY,
                .hi = q->clip ? 6.0f : INFINITY,
                .residual_first = q->residual_first,
                .residual_bf16 = q->c_bf16,
                .residual_stride = q->n } };

        if (q->residual)
            p.epilogue.residual = (const char *)residual + n0 * c_size;
        kernel(&p);
    }
}

static double element(const void *x, size_t i, bool bf16)
{
    return bf16 ? (double)facet__bf16_widen(((const uint16_t *)x)[i])
                : (double)((const float *)x)[i];
}

static void compare(const problem *q, facet__gemm_kernel *kernel)
{
    const size_t packed_size = facet__gemm_packed_size(q->k, q->n, q->bf16);
    float *b = random_floats(q->k * q->n), *bias = random_floats(q->n);
    float *slope = random_floats(q->n);
    void *a = q->bf16 ? (void *)random_halves(q->m * q->k)
                      : (void *)random_floats(q->m * q->k);
    void *packed = facet__alloc(packed_size * 4);
    void *residual = q->c_bf16 ? (void *)random_halves(q->m * q->n)
                               : (void *)random_floats(q->m * q->n);
    char *want = facet__calloc(q->m * q->n + 64, 4);
    char *got = facet__calloc(q->m * q->n + 64, 4);
    const double tolerance = q->c_bf16 ? 0.02 : 2e-5;

    if (q->bf16)
        facet__gemm_pack_bf16(b, q->k, q->n, q->n, 1, packed);
    else
        facet__gemm_pack_f32(b, q->k, q->n, q->n, 1, packed);
    run_panels(q->bf16 ? facet__gemm_bf16_ref : facet__gemm_f32_ref, q, a,
        packed, bias, slope, residual, want);
    run_panels(kernel, q, a, packed, bias, slope, residual, got);
    for (size_t i = 0; i < q->m * q->n; i++) {
        const double w = element(want, i, q->c_bf16);

        CHECK_NEAR(element(got, i, q->c_bf16), w, tolerance * (1 + fabs(w)));
    }
    /* nothing is written behind the last element */
    for (size_t i = q->m * q->n * (q->c_bf16 ? 2 : 4);
         i < (q->m * q->n + 64) * (q->c_bf16 ? 2 : 4); i++)
        assert_int_equal(got[i], 0);
    facet__free(a);
    facet__free(b);
    facet__free(bias);
    facet__free(slope);
    facet__free(packed);
    facet__free(residual);
    facet__free(want);
    facet__free(got);
}

static void compare_many(facet__gemm_kernel *kernel, bool bf16)
{
    for (size_t i = 0; i < 400; i++) {
        const problem q = { .m = 1 + i % 31,
            .k = 2 * (1 + (i * 7) % 40),
            .n = 1 + (i * 13) % 75,
            .bf16 = bf16,
            .c_bf16 = (i & 1) != 0,
            .slope = (i & 2) != 0,
            .clip = (i & 4) != 0,
            .residual = (i & 8) != 0,
            .residual_first = (i & 16) != 0 };

        compare(&q, kernel);
    }
}

static void test_products_equal_their_plain_twin(void **state)
{
    (void)state;
    for (int level = 0; level <= (int)facet__cpu_level_get(); level++) {
        const facet__kernels *k = facet__kernels_of((facet__cpu_level)level);

        compare_many(k->gemm_f32, false);
        if (k->gemm_bf16)
            compare_many(k->gemm_bf16, true);
    }
}

static void compare_depthwise(
    facet__depthwise_kernel *kernel, size_t i, bool bf16)
{
    const size_t kernel_size = i % 4 == 3 ? 5 : 3, stride = 1 + i % 2;
    const size_t pad = i % 3, channels = i % 5 ? 1 + (i * 11) % 90 : 16;
    const bool two_rows = i % 8 < 4;
    const size_t in_width = kernel_size + i % 23;
    const size_t out_width = (in_width + 2 * pad - kernel_size) / stride + 1;
    float *w = random_floats(kernel_size * kernel_size * channels);
    float *bias = random_floats(channels + 64);
    float *slope = random_floats(channels + 64);
    float *packed = facet__alloc(
        4 * facet__depthwise_packed_size(kernel_size * kernel_size, channels));
    uint16_t *halves = random_halves(6 * in_width * channels);
    float *floats = random_floats(6 * in_width * channels);
    const size_t made = (two_rows ? 2 : 1) * out_width * channels;
    char *want = facet__calloc(made + 64, 4);
    char *got = facet__calloc(made + 64, 4);
    const void *rows[6];
    facet__depthwise_row r = { .rows = rows,
        .two_rows = two_rows,
        .kernel_h = kernel_size,
        .kernel_w = kernel_size,
        .stride = stride,
        .dilation = 1,
        .pad = pad,
        .in_width = in_width,
        .out_width = out_width,
        .channels = channels,
        .weights = packed,
        .bf16 = bf16,
        .epilogue = { .bias = bias,
            .slope = i & 1 ? slope : NULL,
            .lo = -INFINITY,
            .hi = i & 2 ? 1.0f : INFINITY } };

    facet__depthwise_pack(w, kernel_size * kernel_size, channels, packed);
    for (size_t y = 0; y < 6; y++)
        rows[y] = bf16 ? (const void *)(halves + y * in_width * channels)
                       : (const void *)(floats + y * in_width * channels);
    rows[i % 6] = NULL;
    r.out = want;
    facet__depthwise_ref(&r);
    r.out = got;
    kernel(&r);
    for (size_t k = 0; k < made + 64; k++)
        CHECK_NEAR(
            element(got, k, bf16), element(want, k, bf16), bf16 ? 0.04 : 2e-5);
    facet__free(w);
    facet__free(bias);
    facet__free(slope);
    facet__free(packed);
    facet__free(halves);
    facet__free(floats);
    facet__free(want);
    facet__free(got);
}

static void test_depthwise_equals_its_plain_twin(void **state)
{
    (void)state;
    for (int level = 0; level <= (int)facet__cpu_level_get(); level++) {
        const facet__kernels *k = facet__kernels_of((facet__cpu_level)level);

        for (size_t i = 0; i < 300; i++) {
            compare_depthwise(k->depthwise_f32, i, false);
            compare_depthwise(k->depthwise_bf16, i, true);
        }
    }
}

enum { PLACES = FACET__WINOGRAD_PLACES, STRIDE = 128 };

/* What the transforms of one tile read; some pixels are missing. */
typedef struct tile {
    size_t i;
    bool bf16;
    float *floats, *bias, *slope;
    uint16_t *halves;
} tile;

static const void *numbers(const tile *t, size_t k, bool bf16)
{
    return bf16 ? (const void *)(t->halves + k * STRIDE)
                : (const void *)(t->floats + k * STRIDE);
}

static void transform_in(const tile *t, const facet__winograd *w, void *to)
{
    facet__winograd_in in = { .channels = 1 + (t->i * 11) % 90,
        .from_bf16 = t->bf16 && t->i % 2 == 0,
        .to_bf16 = t->bf16,
        .to = to,
        .to_stride = STRIDE };

    for (size_t k = 0; k < PLACES; k++)
        in.pixel[k] = numbers(t, k, in.from_bf16);
    w->in(&in);
}

static void transform_out(const tile *t, const facet__winograd *w, char *to)
{
    const size_t i = t->i;
    facet__winograd_out out = { .from = t->floats,
        .from_stride = STRIDE,
        .n = 1 + (i * 13) % FACET__NR,
        .to_bf16 = t->bf16,
        .epilogue = { .bias = t->bias,
            .slope = i & 1 ? t->slope : NULL,
            .lo = i & 2 ? 0.0f : -INFINITY,
            .hi = i & 4 ? 1.0f : INFINITY,
            .residual_bf16 = t->bf16,
            .residual_first = (i & 8) != 0 } };

    for (size_t k = 0; k < 4; k++) {
        if (k != i % 5)
            out.pixel[k] = to + (1 + k) * STRIDE * (t->bf16 ? 2 : 4);
        if (i & 16)
            out.residual[k] = numbers(t, k, t->bf16);
    }
    w->out(&out);
}

static void compare_winograd(const facet__winograd *w, size_t i, bool bf16)
{
    const tile t = { i, bf16, random_floats(PLACES * STRIDE),
        random_floats(FACET__NR), random_floats(FACET__NR),
        random_halves(PLACES * STRIDE) };
    char *made[2];

    for (int pass = 0; pass < 2; pass++) {
        const facet__winograd *kernels = pass ? w : &facet__winograd_ref;

        made[pass] = facet__calloc(PLACES * STRIDE, 4);
        assert_non_null(made[pass]);
        transform_in(&t, kernels, made[pass]);
        if (i % 3) /* over a part of what the first transform made */
            transform_out(&t, kernels, made[pass]);
    }
    for (size_t k = 0; k < (size_t)PLACES * STRIDE; k++)
        CHECK_NEAR(element(made[1], k, bf16), element(made[0], k, bf16),
            bf16 ? 0.04 : 2e-5);
    facet__free(t.floats);
    facet__free(t.bias);
    facet__free(t.slope);
    facet__free(t.halves);
    facet__free(made[0]);
    facet__free(made[1]);
}

static void test_winograd_equals_its_plain_twin(void **state)
{
    (void)state;
    for (int level = 0; level <= (int)facet__cpu_level_get(); level++) {
        const facet__kernels *k = facet__kernels_of((facet__cpu_level)level);

        for (size_t i = 0; i < 100; i++) {
            compare_winograd(k->winograd, i, false);
            compare_winograd(k->winograd, i, true);
        }
    }
}

static void compare_pools(const facet__vec *vec, size_t i, bool sum)
{
    const size_t c = 1 + (i * 11) % 70, n = 1 + i % 5, taps = 1 + i % 3;
    const size_t n_rows = 1 + i % 4, numbers = (n + taps) * 2 * c;
    float *floats = random_floats(n_rows * numbers);
    uint16_t *halves = random_halves(n_rows * numbers);
    float want[70 * 5], got[70 * 5];
    uint16_t want16[70 * 5], got16[70 * 5];
    const void *rows[4], *rows16[4];
    facet__windows w = { .rows = rows,
        .n_rows = n_rows,
        .taps = taps,
        .tap_step = (1 + i % 2) * c,
        .step = c,
        .c = c,
        .n = n };

    for (size_t r = 0; r < n_rows; r++) {
        rows[r] = floats + r * numbers;
        rows16[r] = halves + r * numbers;
    }
    facet__vec_ref.pool(sum, &w, want);
    vec->pool(sum, &w, got);
    w.rows = rows16;
    facet__vec_ref.pool_max_bf16(&w, want16);
    vec->pool_max_bf16(&w, got16);
    for (size_t k = 0; k < n * c; k++)
        CHECK_NEAR(got[k], want[k], 1e-5);
    assert_memory_equal(got16, want16, n * c * sizeof *got16);
    facet__free(floats);
    facet__free(halves);
}

static void test_pools_equal_their_plain_twin(void **state)
{
    (void)state;
    for (int level = 0; level <= (int)facet__cpu_level_get(); level++) {
        const facet__kernels *k = facet__kernels_of((facet__cpu_level)level);

        for (size_t i = 0; i < 200; i++)
            compare_pools(k->vec, i, i % 3 == 0);
    }
}

static void test_sigmoid_is_exact_to_seven_digits(void **state)
{
    float x[400], y[400];

    (void)state;
    for (int i = 0; i < 400; i++)
        x[i] = 0.5f * (float)(i - 200);
    for (int level = 0; level <= (int)facet__cpu_level_get(); level++) {
        facet__kernels_of((facet__cpu_level)level)
            ->vec->unary(FACET__UNARY_SIGMOID, 0, 0, x, y, 400);
        for (int i = 0; i < 400; i++)
            CHECK_NEAR(y[i], 1.0 / (1.0 + exp(-(double)x[i])), 2e-7);
    }
}

static void test_bf16_rounds_to_nearest_even(void **state)
{
    (void)state;
    assert_int_equal(facet__bf16_round(1.0f), 0x3f80);
    assert_int_equal(facet__bf16_round(1.00390625f), 0x3f80); /* tie, even */
    assert_int_equal(facet__bf16_round(1.01171875f), 0x3f82); /* tie, odd */
    assert_true(isnan(facet__bf16_widen(facet__bf16_round(NAN))));
    assert_true(isinf(facet__bf16_widen(facet__bf16_round(INFINITY))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_equal_their_plain_twin),
        cmocka_unit_test(test_depthwise_equals_its_plain_twin),
        cmocka_unit_test(test_winograd_equals_its_plain_twin),
        cmocka_unit_test(test_pools_equal_their_plain_twin),
        cmocka_unit_test(test_sigmoid_is_exact_to_seven_digits),
        cmocka_unit_test(test_bf16_rounds_to_nearest_even),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
