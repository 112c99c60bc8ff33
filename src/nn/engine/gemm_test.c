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

/* Bytes of all values. */
static uint8_t *random_bytes(size_t n)
{
    uint8_t *x = facet__alloc(n + 64);

    assert_non_null(x);
    for (size_t i = 0; i < n + 64; i++)
        x[i] = (uint8_t)(128.0f + 127.9f * uniform());
    return x;
}

static float *random_whole_numbers(size_t n)
{
    float *x = random_floats(n);

    for (size_t i = 0; i < n; i++)
        x[i] = truncf(127.9f * x[i]);
    return x;
}

static void *random_numbers(size_t n, facet__dtype type)
{
    return type == FACET__U8     ? (void *)random_bytes(n)
           : type == FACET__BF16 ? (void *)random_halves(n)
                                 : (void *)random_floats(n);
}

typedef struct problem {
    size_t m, k, n;
    facet__dtype type, c_type; /* of the product; of C and residual */
    bool slope, clip, residual, residual_first;
} problem;

static void run_panels(facet__gemm_kernel *kernel, const problem *q,
    const void *a, const void *packed, const float *bias, const float *slope,
    const void *residual, void *c)
{
    const size_t size = facet__dtype_size(q->type);
    const size_t c_size = facet__dtype_size(q->c_type);
    const bool bytes = q->c_type == FACET__U8;
    float scale[2 * FACET__NR];

    for (size_t j = 0; j < 2 * FACET__NR; j++) /* sums of some hundreds */
        scale[j] = (bytes ? 2e-3f : 2e-5f) * (float)(1 + j % 5);

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
            .c_type = q->c_type,
            .epilogue = { .scale = scale + n0 % 7,
                .bias = bias + n0,
                .slope = q->slope ? slope + n0 : NULL,
                .zero = bytes ? 70.0f : 0.0f,
                .lo = q->clip ? bytes ? 5.0f : -0.5f : -INFINITY,
                .hi = q->clip ? bytes ? 99.0f : 6.0f : INFINITY,
                .residual_first = q->residual_first,
                .residual_type = q->c_type,
                .residual_scale = 0.7f,
                .residual_shift = -31.0f,
                .residual_stride = q->n } };

        if (q->residual)
            p.epilogue.residual = (const char *)residual + n0 * c_size;
        kernel(&p);
    }
}

static double element_of(const void *x, size_t i, facet__dtype type)
{
    return type == FACET__U8 ? (double)((const uint8_t *)x)[i]
           : type == FACET__BF16
               ? (double)facet__bf16_widen(((const uint16_t *)x)[i])
               : (double)((const float *)x)[i];
}

static double element(const void *x, size_t i, bool bf16)
{
    return element_of(x, i, bf16 ? FACET__BF16 : FACET__F32);
}

/* What the twin and the kernel of a product may differ by: int8 gives the same
 * bytes, others may round to the neighbour. */
static double tolerance_of(const problem *q)
{
    if (q->c_type == FACET__U8)
        return q->type == FACET__I8 ? 0.0 : 1.0;
    return q->c_type == FACET__BF16 ? 0.02 : 2e-5;
}

static facet__gemm_kernel *twin_of(facet__dtype type)
{
    return type == FACET__I8     ? facet__gemm_int8_ref
           : type == FACET__BF16 ? facet__gemm_bf16_ref
                                 : facet__gemm_f32_ref;
}

static void pack(const problem *q, const float *b, void *packed)
{
    if (q->type == FACET__I8)
        facet__gemm_pack_int8(b, q->k, q->n, q->n, 1, packed);
    else if (q->type == FACET__BF16)
        facet__gemm_pack_bf16(b, q->k, q->n, q->n, 1, packed);
    else
        facet__gemm_pack_f32(b, q->k, q->n, q->n, 1, packed);
}

static void compare(const problem *q, facet__gemm_kernel *kernel)
{
    const bool int8 = q->type == FACET__I8;
    const size_t packed_size = facet__gemm_packed_size(q->k, q->n, q->type);
    float *b =
        int8 ? random_whole_numbers(q->k * q->n) : random_floats(q->k * q->n);
    float *bias = random_floats(q->n), *slope = random_floats(q->n);
    void *a = random_numbers(q->m * q->k, int8 ? FACET__U8 : q->type);
    void *packed = facet__alloc(packed_size * 4);
    void *residual = random_numbers(q->m * q->n, q->c_type);
    char *want = facet__calloc(q->m * q->n + 64, 4);
    char *got = facet__calloc(q->m * q->n + 64, 4);
    const size_t c_size = facet__dtype_size(q->c_type);

    for (size_t i = 0; q->c_type == FACET__U8 && i < q->n; i++)
        bias[i] = 100.0f * bias[i] + 90.0f;
    pack(q, b, packed);
    run_panels(twin_of(q->type), q, a, packed, bias, slope, residual, want);
    run_panels(kernel, q, a, packed, bias, slope, residual, got);
    for (size_t i = 0; i < q->m * q->n; i++) {
        const double w = element_of(want, i, q->c_type);

        CHECK_NEAR(element_of(got, i, q->c_type), w,
            tolerance_of(q) * (q->c_type == FACET__U8 ? 1 : 1 + fabs(w)));
    }
    /* nothing is written behind the last element */
    for (size_t i = q->m * q->n * c_size; i < (q->m * q->n + 64) * c_size; i++)
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

static void compare_many(facet__gemm_kernel *kernel, facet__dtype type)
{
    static const facet__dtype made[3] = { FACET__F32, FACET__BF16, FACET__U8 };

    for (size_t i = 0; i < 600; i++) {
        const problem q = { .m = 1 + i % 31,
            .k = 4 * (1 + (i * 7) % 40),
            .n = 1 + (i * 13) % 75,
            .type = type,
            .c_type = made[i % 3],
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

        compare_many(k->gemm_f32, FACET__F32);
        if (k->gemm_bf16)
            compare_many(k->gemm_bf16, FACET__BF16);
        compare_many(k->gemm_int8, FACET__I8);
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
        .type = bf16 ? FACET__BF16 : FACET__F32,
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

/* A row, or two, of int8 outputs of any type; integers are exact, and what is
 * made of them is rounded alike. */
static void compare_depthwise_int8(facet__depthwise_kernel *kernel, size_t i)
{
    static const facet__dtype types[4] = { FACET__U8, FACET__F32, FACET__U8,
        FACET__BF16 };
    const size_t kernel_size = i % 4 == 3 ? 1 + i % 7 : 3, stride = 1 + i % 2;
    const size_t pad = i % 3, dilation = i % 16 == 9 ? 2 : 1;
    const size_t channels = i % 5 ? 1 + (i * 11) % 90 : 64;
    const bool two_rows = i % 8 < 4, bytes = types[i / 2 % 4] == FACET__U8;
    const size_t span = (kernel_size - 1) * dilation + 1;
    const size_t in_width = span + i % 23;
    const size_t out_width = (in_width + 2 * pad - span) / stride + 1;
    const size_t weights = kernel_size * kernel_size * channels;
    const size_t made = (two_rows ? 2 : 1) * out_width * channels;
    float *w = random_whole_numbers(weights);
    float *bias = random_floats(channels + 64);
    float *slope = random_floats(channels + 64);
    float *scale = random_floats(channels + 64);
    int8_t *packed = facet__alloc(
        facet__depthwise_packed_size_int8(kernel_size, kernel_size, channels));
    uint8_t *x = random_bytes(8 * in_width * channels);
    char *want = facet__calloc(made + 64, 4),
         *got = facet__calloc(made + 64, 4);
    const void *rows[8];
    facet__depthwise_row r = { .rows = rows,
        .two_rows = two_rows,
        .kernel_h = kernel_size,
        .kernel_w = kernel_size,
        .stride = stride,
        .dilation = dilation,
        .pad = pad,
        .in_width = in_width,
        .out_width = out_width,
        .channels = channels,
        .weights = packed,
        .type = FACET__U8,
        .out_type = types[i / 2 % 4],
        .padding = (uint8_t)(i * 7),
        .epilogue = { .scale = scale,
            .bias = bias,
            .slope = i & 1 ? slope : NULL,
            .zero = bytes ? 70.0f : 0.0f,
            .lo = i % 6 == 2 ? 20.0f : -INFINITY,
            .hi = i % 6 == 2 ? 160.0f : INFINITY } };

    for (size_t c = 0; c < channels + 64; c++)
        scale[c] *= 0.01f;
    facet__depthwise_pack_int8(w, kernel_size, kernel_size, channels, packed);
    for (size_t y = 0; y < 8; y++)
        rows[y] = x + y * in_width * channels;
    rows[i % 8] = NULL;
    r.out = want;
    facet__depthwise_int8_ref(&r);
    r.out = got;
    kernel(&r);
    assert_memory_equal(got, want, (made + 64) * 4);
    facet__free(w);
    facet__free(bias);
    facet__free(slope);
    facet__free(scale);
    facet__free(packed);
    facet__free(x);
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
            compare_depthwise_int8(k->depthwise_int8, i);
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
            .residual_type = t->bf16 ? FACET__BF16 : FACET__F32,
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
    uint8_t want8[70 * 5], got8[70 * 5];
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
    facet__vec_ref.pool_max_bytes(&w, want8);
    vec->pool_max_bytes(&w, got8);
    assert_memory_equal(got8, want8, n * c);
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
