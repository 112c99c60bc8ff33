/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of one idea each: the engine against the plain reference, and
 * against itself on other threads and in other batches. */
#include "check.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "nn/build.h"
#include "nn/engine/kernels.h"
#include "nn/model_private.h"
#include "nn/quantize/quantize.h"
#include "nn/reference.h"

typedef struct conv {
    int64_t out, kernel, stride, group;
} conv;

/* A convolution that keeps the size (but for its stride), with a bias that is
 * not zero. */
static int conv_of(facet__builder *b, const char *name, int x, conv c)
{
    char bias[64];
    int value;

    x = facet__build_conv(b, name, x,
        (facet__conv_spec){ .out = c.out,
            .kernel = c.kernel,
            .stride = c.stride,
            .pad = c.kernel / 2,
            .group = c.group,
            .bias = true });
    snprintf(bias, sizeof bias, "%s.bias", name);
    value = facet__graph_find_value(b->graph, bias);
    assert_true(value != FACET__NONE);
    for (int64_t i = 0; i < c.out; i++)
        ((float *)b->graph->values[value].data->data)[i] =
            0.1f * (float)(i % 7) - 0.3f;
    return x;
}

/* The first layers of a detector: large thin maps. */
static int thin_maps(facet__builder *b, int x)
{
    x = conv_of(b, "first", x, (conv){ 16, 3, 2, 1 });
    x = facet__build_relu(b, "relu1", x);
    x = conv_of(b, "point1", x, (conv){ 16, 1, 1, 1 });
    x = conv_of(b, "depth1", x, (conv){ 16, 3, 1, 16 });
    x = facet__build_relu(b, "relu2", x);
    x = facet__build_max_pool(
        b, "pool", x, (facet__pool_spec){ .kernel = 2, .stride = 2 });
    x = conv_of(b, "point2", x, (conv){ 24, 1, 1, 1 });
    x = conv_of(b, "depth2", x, (conv){ 24, 3, 2, 24 });
    return facet__build_prelu(b, "prelu", x);
}

/* A detector's heads: narrow convolutions of one map, each with a
 * depthwise one behind. */
static int heads(facet__builder *b, int x)
{
    static const char *const points[] = { "a", "b", "c" };
    static const char *const depths[] = { "a2", "b2", "c2" };
    static const int64_t channels[] = { 1, 4, 10 };
    int y[3], out;

    x = conv_of(b, "stem", x, (conv){ 32, 3, 2, 1 });
    x = facet__build_relu(b, "relu", x);
    for (int i = 0; i < 3; i++) {
        y[i] = conv_of(b, points[i], x, (conv){ channels[i], 1, 1, 1 });
        y[i] = conv_of(
            b, depths[i], y[i], (conv){ channels[i], 3, 1, channels[i] });
        y[i] = facet__build_flatten(b,
            i == 0   ? "f0"
            : i == 1 ? "f1"
                     : "f2",
            y[i]);
    }
    out = facet__build_concat(b, "all", y, 3);
    return out;
}

/* The same without the depthwise ones, and a fourth with an activation. */
static int other_heads(facet__builder *b, int x)
{
    int y[3];

    x = conv_of(b, "stem", x, (conv){ 20, 3, 1, 1 });
    y[0] =
        facet__build_flatten(b, "f0", conv_of(b, "a", x, (conv){ 2, 3, 1, 1 }));
    y[1] =
        facet__build_flatten(b, "f1", conv_of(b, "b", x, (conv){ 5, 3, 1, 1 }));
    y[2] = facet__build_flatten(b, "f2",
        facet__build_relu(b, "r", conv_of(b, "c", x, (conv){ 3, 1, 1, 1 })));
    return facet__build_concat(b, "all", y, 3);
}

/* Pools of all kinds, over borders too. */
static int pools(facet__builder *b, int x)
{
    x = conv_of(b, "stem", x, (conv){ 21, 3, 1, 1 });
    x = facet__build_max_pool(
        b, "max3", x, (facet__pool_spec){ .kernel = 3, .stride = 2, .pad = 1 });
    x = facet__build_average_pool(
        b, "mean", x, (facet__pool_spec){ .kernel = 3, .stride = 1, .pad = 1 });
    x = conv_of(b, "wider", x, (conv){ 35, 1, 1, 1 });
    x = facet__build_max_pool(b, "max2", x,
        (facet__pool_spec){ .kernel = 2, .stride = 2, .ceil = true });
    return facet__build_l2_pool(
        b, "l2", x, (facet__pool_spec){ .kernel = 2, .stride = 1 });
}

/* Maxima between convolutions, over borders and of windows that hang over. */
static int maxima(facet__builder *b, int x)
{
    x = facet__build_relu(
        b, "r0", conv_of(b, "stem", x, (conv){ 40, 3, 1, 1 }));
    x = facet__build_max_pool(
        b, "max3", x, (facet__pool_spec){ .kernel = 3, .stride = 2, .pad = 1 });
    x = conv_of(b, "each", x, (conv){ 40, 3, 1, 40 });
    x = facet__build_max_pool(b, "max2", x,
        (facet__pool_spec){ .kernel = 2, .stride = 2, .ceil = true });
    return conv_of(b, "last", x, (conv){ 24, 1, 1, 1 });
}

/* 3x3 convolutions of stride 1 with every kind of tail: Winograd's. */
static int residuals(facet__builder *b, int x)
{
    int y;

    x = conv_of(b, "stem", x, (conv){ 40, 3, 2, 1 });
    x = facet__build_prelu(b, "prelu0", x);
    y = conv_of(b, "one", x, (conv){ 40, 3, 1, 1 });
    y = facet__build_batch_norm(b, "norm", y);
    y = facet__build_prelu(b, "prelu1", y);
    y = conv_of(b, "two", y, (conv){ 40, 3, 1, 1 });
    x = facet__build_add(b, "sum1", y, x);
    y = conv_of(b, "three", x, (conv){ 40, 3, 1, 1 });
    y = facet__build_add(b, "sum2", y, x);
    y = facet__build_relu(b, "relu", y);
    y = conv_of(b, "four", y, (conv){ 128, 3, 1, 1 });
    return conv_of(b, "five", y, (conv){ 70, 3, 1, 1 });
}

typedef int network(facet__builder *b, int x);

static facet__graph *graph_of(network *net, int64_t h, int64_t w)
{
    facet__builder b;
    facet__graph *graph;
    facet_error err;
    int x;

    facet__build_begin(&b, "test", 5);
    x = facet__build_input(&b, "input", 3, h, w);
    facet__build_output(&b, "output", net(&b, x));
    if (facet__build_finish(&b, &graph, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return graph;
}

static void fill(float *x, size_t n)
{
    uint32_t seed = 7;

    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
}

/* Output 0 for `batch` images of noise, the caller's. */
static float *run(const facet_model *model, int threads, int64_t batch,
    int64_t h, int64_t w, size_t *count)
{
    const int64_t dims[4] = { batch, 3, h, w };
    facet_session_opts opts;
    facet_session *session;
    facet_tensor_info info;
    facet_error err;
    const float *result;
    float *copy;

    facet_session_opts_init(&opts);
    opts.threads = threads;
    CHECK_OK(facet_session_create(model, &opts, &session, &err));
    if (facet_session_reshape(session, dims, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    for (int64_t i = 0; i < batch; i++)
        fill(facet_session_input(session, 0) + i * 3 * h * w,
            (size_t)(3 * h * w));
    CHECK_OK(facet_session_run(session, &err));
    result = facet_session_output(session, 0, &info);
    *count = 1;
    for (int k = 0; k < info.n_dims; k++)
        *count *= (size_t)info.dims[k];
    copy = facet__alloc(*count * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, result, *count * sizeof *copy);
    facet_session_free(session);
    return copy;
}

static facet__tensor *reference(const facet__graph *graph, int64_t h, int64_t w)
{
    const facet__shape shape = { .n = 4, .d = { 1, 3, h, w } };
    facet__tensor *in = facet__tensor_create(FACET__F32, &shape), *out = NULL;
    const facet__tensor *const inputs[] = { in };
    facet_error err;

    assert_non_null(in);
    fill(in->data, (size_t)(3 * h * w));
    if (facet__reference_run(graph, inputs, &out, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    facet__tensor_free(in);
    return out;
}

static void compare(
    const float *got, const float *want, size_t n, double tolerance)
{
    double most = 0, worst = 0;

    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)want[i]));
        worst = fmax(worst, fabs((double)(got[i] - want[i])));
    }
    if (!(worst <= tolerance * most))
        fail_msg("differs by %.3g of %.3g", worst, most);
}

/* The graph on grids chosen from noise. */
static facet__graph *quantized(network *net, int64_t h, int64_t w)
{
    enum { SAMPLES = 2 };
    float *x[SAMPLES];
    const facet__samples samples = { { 4, { 1, 3, h, w } }, x, SAMPLES };
    const facet__quantize_opts opts = { .threads = 1 };
    facet__graph *graph = graph_of(net, h, w);
    facet__quantized report;
    facet_error err;

    for (int i = 0; i < SAMPLES; i++) {
        x[i] = facet__alloc((size_t)(3 * h * w) * sizeof **x);
        assert_non_null(x[i]);
        fill(x[i], (size_t)(3 * h * w));
        x[i][0] += (float)i;
    }
    if (facet__graph_quantize(graph, &samples, &opts, &report, &err) !=
        FACET_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(report.kept, 0);
    for (int i = 0; i < SAMPLES; i++)
        facet__free(x[i]);
    return graph;
}

/* How many maps are kept in bytes. */
static int maps_in_bytes(const facet_model *model)
{
    int n = 0;

    for (int s = 0; s < model->program->n_slots; s++)
        n += model->program->slots[s].type == FACET__U8;
    return n;
}

/* One network at one size and precision: like the reference; the same bytes on
 * two threads, and for both images of a batch. */
static void check(network *net, int64_t h, int64_t w, facet_precision precision)
{
    static const double tolerance[] = { [FACET_PRECISION_FP32] = 1e-5,
        [FACET_PRECISION_BF16] = 0.03,
        [FACET_PRECISION_INT8] = 0.03 };
    const bool int8 = precision == FACET_PRECISION_INT8;
    facet__graph *graph = int8 ? quantized(net, h, w) : graph_of(net, h, w);
    facet__tensor *want = reference(graph, h, w);
    facet_model *model;
    facet_error err;
    size_t n, both;
    float *one, *threads, *batch;

    if (facet__model_create(graph, precision, &model, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    one = run(model, 1, 1, h, w, &n);
    threads = run(model, 2, 1, h, w, &n);
    batch = run(model, 1, 2, h, w, &both);
    assert_int_equal(n * sizeof *one, want->bytes);
    assert_int_equal(both, 2 * n);
    compare(one, want->data, n, tolerance[precision]);
    assert_true((maps_in_bytes(model) > 0) == int8);
    assert_memory_equal(one, threads, n * sizeof *one);
    assert_memory_equal(one, batch, n * sizeof *one);
    assert_memory_equal(one, batch + n, n * sizeof *one);
    facet__free(one);
    facet__free(threads);
    facet__free(batch);
    facet__tensor_free(want);
    facet_model_free(model);
}

static void check_floats(network *net, int64_t h, int64_t w)
{
    check(net, h, w, FACET_PRECISION_FP32);
    if (facet__kernels_of(facet__cpu_level_get())->gemm_bf16)
        check(net, h, w, FACET_PRECISION_BF16);
}

static void check_all(network *net, int64_t h, int64_t w)
{
    check_floats(net, h, w);
    check(net, h, w, FACET_PRECISION_INT8);
}

static void test_large_thin_maps_take_turns_and_give_the_same(void **state)
{
    (void)state;
    check_all(thin_maps, 640, 704); /* first maps of 7 and 4 MB */
    check_all(thin_maps, 38, 50);
}

static bool has_step(network *net, const char *class)
{
    facet_model *model;
    facet_error err;
    const char *name, *node;
    bool found = false;

    CHECK_OK(facet__model_create(
        graph_of(net, 32, 32), FACET_PRECISION_FP32, &model, &err));
    for (size_t i = 0; (name = facet__model_step(model, i, &node)); i++)
        found = found || strcmp(name, class) == 0;
    facet_model_free(model);
    return found;
}

static void test_narrow_heads_are_merged_and_give_the_same(void **state)
{
    (void)state;
    assert_true(has_step(heads, "split"));
    check_all(heads, 32, 44);
    assert_true(has_step(other_heads, "split"));
    check_all(other_heads, 13, 17);
    assert_false(has_step(thin_maps, "split"));
}

static void test_pools_see_over_borders(void **state)
{
    (void)state;
    check_all(pools, 29, 35);
    check_all(pools, 9, 8);
    check_all(maxima, 29, 35);
    check_all(maxima, 9, 8);
}

static void test_winograd_gives_the_same(void **state)
{
    (void)state;
    assert_true(has_step(residuals, "winograd"));
    check_all(residuals, 60, 44);
    check_all(residuals, 13, 7); /* odd maps: tiles hang over their edges */
    check_floats(residuals, 2, 2);
}

/* What only networks of bytes have: squeeze and excite between maps of bytes,
 * filters that are neither 1x1 nor 3x3, groups, channels that are no multiple
 * of anything, bounds, and a sum behind an activation. */
static int odd_ends(facet__builder *b, int x)
{
    int y, gate;

    x = conv_of(b, "stem", x, (conv){ 36, 3, 2, 1 });
    x = facet__build_prelu(b, "prelu0", x);
    y = conv_of(b, "grouped", x, (conv){ 36, 3, 1, 3 });
    y = facet__build_relu(b, "relu", y);
    y = conv_of(b, "point", y, (conv){ 37, 1, 1, 1 });
    gate = facet__build_global_average_pool(b, "gap", y);
    gate = facet__build_sigmoid(
        b, "sigmoid", conv_of(b, "gate", gate, (conv){ 37, 1, 1, 1 }));
    y = facet__build_mul(b, "mul", y, gate);
    y = conv_of(b, "back", y, (conv){ 36, 5, 1, 1 });
    y = facet__build_prelu(b, "prelu1", y);
    x = facet__build_add(b, "sum", y, x);
    x = conv_of(b, "depthwise", x, (conv){ 36, 7, 2, 36 });
    x = facet__build_prelu(b, "prelu2", x);
    return conv_of(b, "last", x, (conv){ 5, 1, 1, 1 });
}

static void test_odd_ends_give_the_same(void **state)
{
    (void)state;
    check_all(odd_ends, 44, 36);
    check_all(odd_ends, 9, 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_thin_maps_take_turns_and_give_the_same),
        cmocka_unit_test(test_narrow_heads_are_merged_and_give_the_same),
        cmocka_unit_test(test_pools_see_over_borders),
        cmocka_unit_test(test_winograd_gives_the_same),
        cmocka_unit_test(test_odd_ends_give_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
