/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients against finite differences, layer by layer and in blocks. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "nn/build.h"
#include "nn/learn/learner.h"
#include "nn/model.h"

static uint32_t seed = 7;

static float uniform(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / 8388608.0f - 1.0f;
}

/* Shake every weight, so that no test rests on fresh ones. */
static void shake(facet__learner *net)
{
    const facet__weight *w;
    const size_t n = facet__learner_weights(net, &w);

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < w[i].count; k++)
            w[i].value[k] += w[i].gradient ? 0.1f * uniform() : 0.0f;
}

/* A loss with a gradient that is easy to tell: sum of out * direction. */
static double loss_of(
    facet__learner *net, const float *x, size_t n, const float *direction)
{
    const float *out;
    double loss = 0.0;

    CHECK_OK(facet__learner_forward(net, x, n, true, 5, &out, NULL));
    for (size_t i = 0; i < n * facet__learner_dim(net); i++)
        loss += (double)out[i] * (double)direction[i];
    return loss;
}

/* The slope of the loss along some weights against the gradient. */
static void check_weights(facet__learner *net, const float *x, size_t n,
    const float *direction, double tolerance)
{
    const facet__weight *w;
    const size_t count = facet__learner_weights(net, &w);
    const double step = 2e-3;

    loss_of(net, x, n, direction);
    CHECK_OK(facet__learner_backward(net, direction, NULL));
    for (size_t i = 0; i < count; i++) {
        float *gradient;

        if (!w[i].gradient)
            continue;
        gradient = malloc(w[i].count * sizeof *gradient);
        memcpy(gradient, w[i].gradient, w[i].count * sizeof *gradient);
        for (size_t k = 0; k < w[i].count; k += 1 + w[i].count / 5) {
            const float old = w[i].value[k];
            double up, down, slope;

            w[i].value[k] = old + (float)step;
            up = loss_of(net, x, n, direction);
            w[i].value[k] = old - (float)step;
            down = loss_of(net, x, n, direction);
            w[i].value[k] = old;
            slope = (up - down) / (2.0 * step);
            if (fabs(slope - (double)gradient[k]) >
                tolerance * (1.0 + fabs(slope)))
                fail_msg("%s[%zu]: slope %.6g, gradient %.6g", w[i].name, k,
                    slope, (double)gradient[k]);
        }
        free(gradient);
    }
}

typedef int body(facet__builder *b, int x);

/* A first convolution makes every later layer's input gradient count. */
static facet__graph *graph_of(body *layers, int64_t channels)
{
    facet__builder b;
    facet__graph *graph;
    facet_error err = { 0 };
    int x;

    facet__build_begin(&b, "test", 3);
    x = facet__build_input(&b, "input", 3, 9, 7);
    x = facet__build_conv(&b, "first", x,
        (facet__conv_spec){ .out = channels, .kernel = 1, .bias = true });
    x = layers(&b, x);
    x = facet__build_flatten(&b, "flat", x);
    x = facet__build_dense(&b, "dense", x, 6, true);
    facet__build_output(&b, "out", x);
    if (facet__build_finish(&b, &graph, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return graph;
}

static facet__learner *network_of(
    const facet__graph *graph, int threads, bool bf16)
{
    const facet__learner_opts opts = { threads, bf16 };
    facet__learner *net;
    facet_error err = { 0 };

    if (facet__learner_create(graph, &opts, &net, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return net;
}

static void fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = uniform();
}

static void check(body *layers, int64_t channels, double tolerance)
{
    enum { N = 3 };
    facet__graph *graph = graph_of(layers, channels);
    facet__learner *net = network_of(graph, 1, false);
    float x[N * 9 * 7 * 3], direction[N * 6];

    fill(x, sizeof x / sizeof *x);
    fill(direction, N * 6);
    shake(net);
    check_weights(net, x, N, direction, tolerance);
    facet__learner_free(net);
    facet__graph_free(graph);
}

static int conv3(facet__builder *b, int x)
{
    return facet__build_conv(b, "conv", x,
        (facet__conv_spec){
            .out = 5, .kernel = 3, .stride = 2, .pad = 1, .bias = true });
}

static int grouped(facet__builder *b, int x)
{
    return facet__build_conv(b, "conv", x,
        (facet__conv_spec){ .out = 6, .kernel = 3, .pad = 1, .group = 3 });
}

static int depthwise(facet__builder *b, int x)
{
    x = facet__build_conv(b, "dw1", x,
        (facet__conv_spec){ .out = 6, .kernel = 3, .pad = 1, .group = 6 });
    return facet__build_conv(b, "dw2", x,
        (facet__conv_spec){ .out = 6,
            .kernel = 3,
            .stride = 2,
            .pad = 1,
            .group = 6,
            .bias = true });
}

static int norm_prelu(facet__builder *b, int x)
{
    x = facet__build_batch_norm(b, "bn", x);
    return facet__build_prelu(b, "prelu", x);
}

static int activations(facet__builder *b, int x)
{
    x = facet__build_prelu(b, "prelu", x);
    x = facet__build_sigmoid(b, "sigmoid", x);
    return facet__build_hard_swish(b, "swish", x);
}

static int pools(facet__builder *b, int x)
{
    x = facet__build_l2_pool(
        b, "l2", x, (facet__pool_spec){ .kernel = 3, .stride = 1, .pad = 1 });
    x = facet__build_average_pool(
        b, "avg", x, (facet__pool_spec){ .kernel = 2, .stride = 1 });
    return facet__build_max_pool(
        b, "max", x, (facet__pool_spec){ .kernel = 3, .stride = 2, .pad = 1 });
}

static int residual(facet__builder *b, int x)
{
    int y = facet__build_conv(
        b, "a", x, (facet__conv_spec){ .out = 6, .kernel = 3, .pad = 1 });

    y = facet__build_batch_norm(b, "bn", y);
    y = facet__build_relu(b, "relu", y);
    y = facet__build_add(b, "sum", y, x);
    return facet__build_mul(b, "product", y, x);
}

static int squeeze(facet__builder *b, int x)
{
    int s = facet__build_global_average_pool(b, "pool", x);

    s = facet__build_conv(
        b, "fc", s, (facet__conv_spec){ .out = 6, .kernel = 1 });
    s = facet__build_sigmoid(b, "gate", s);
    return facet__build_mul(b, "scale", x, s);
}

static int concat(facet__builder *b, int x)
{
    const int parts[2] = { x,
        facet__build_conv(
            b, "c", x, (facet__conv_spec){ .out = 4, .kernel = 1 }) };

    return facet__build_concat(b, "both", parts, 2);
}

static int normed(facet__builder *b, int x)
{
    return facet__build_lrn(
        b, "lrn", x, (facet__lrn_spec){ 5, 0.5f, 0.75f, 1.0f });
}

static int local(facet__builder *b, int x)
{
    x = facet__build_local_conv(b, "local", x,
        (facet__conv_spec){ .out = 5, .kernel = 3, .stride = 2, .bias = true });
    return facet__build_local_conv(
        b, "local2", x, (facet__conv_spec){ .out = 16, .kernel = 2 });
}

/* Padding that is not the same everywhere. */
static int same(facet__builder *b, int x)
{
    x = facet__build_conv(b, "same", x,
        (facet__conv_spec){
            .out = 6, .kernel = 4, .stride = 2, .same = true, .bias = true });
    return facet__build_average_pool(b, "avg", x,
        (facet__pool_spec){ .kernel = 2, .stride = 1, .same = true });
}

/* Windows that hang over the edge. (A maximum's kinks would need luck.) */
static int ceil_mode(facet__builder *b, int x)
{
    return facet__build_average_pool(b, "avg", x,
        (facet__pool_spec){ .kernel = 2, .stride = 2, .ceil = true });
}

static int maxout(facet__builder *b, int x)
{
    return facet__build_maxout(b, "maxout", x, 2);
}

static int dropped(facet__builder *b, int x)
{
    return facet__build_dropout(b, "drop", x, 0.3f);
}

static int unit(facet__builder *b, int x)
{
    x = facet__build_flatten(b, "flat0", x);
    return facet__build_l2_normalize(b, "unit", x);
}

static void test_every_layer_agrees_with_finite_differences(void **state)
{
    static const struct {
        const char *name;
        body *layers;
        int64_t channels;
    } cases[] = { { "conv", conv3, 6 }, { "grouped", grouped, 6 },
        { "depthwise", depthwise, 6 }, { "norm", norm_prelu, 6 },
        { "norm, 20 channels", norm_prelu, 20 },
        { "activations", activations, 6 }, { "pools", pools, 6 },
        { "residual", residual, 6 }, { "squeeze", squeeze, 6 },
        { "concat", concat, 6 }, { "lrn", normed, 6 }, { "maxout", maxout, 6 },
        { "local", local, 6 }, { "same", same, 6 },
        { "ceil mode", ceil_mode, 6 }, { "dropout", dropped, 6 },
        { "unit", unit, 6 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].name);
        check(cases[i].layers, cases[i].channels, 0.02);
    }
}

/* Stretches of bf16 that are no pairs. */
static int odd_local(facet__builder *b, int x)
{
    x = facet__build_conv(
        b, "odd", x, (facet__conv_spec){ .out = 3, .kernel = 1 });
    return local(b, x);
}

static int block(facet__builder *b, int x)
{
    int y = facet__build_conv(
        b, "up", x, (facet__conv_spec){ .out = 32, .kernel = 1 });

    y = facet__build_batch_norm(b, "up.bn", y);
    y = facet__build_prelu(b, "up.act", y);
    y = facet__build_conv(b, "dw", y,
        (facet__conv_spec){ .out = 32, .kernel = 3, .pad = 1, .group = 32 });
    y = facet__build_batch_norm(b, "dw.bn", y);
    y = facet__build_prelu(b, "dw.act", y);
    y = facet__build_conv(
        b, "down", y, (facet__conv_spec){ .out = 16, .kernel = 1 });
    y = facet__build_batch_norm(b, "down.bn", y);
    return facet__build_add(b, "sum", y, x);
}

/* Gradients of a network under other options, against fp32 on one thread. */
static void compare_options(
    body *layers, int threads, bool bf16, double tolerance)
{
    enum { N = 4 };
    facet__graph *graph = graph_of(layers, 16);
    facet__learner *a = network_of(graph, 1, false);
    facet__learner *b = network_of(graph, threads, bf16);
    const facet__weight *wa, *wb;
    float x[N * 9 * 7 * 3], direction[N * 6];
    const float *out;
    size_t count;

    seed = 7; /* whatever ran before */
    fill(x, sizeof x / sizeof *x);
    fill(direction, N * 6);
    seed = 11; /* both get the same weights */
    shake(a);
    seed = 11;
    shake(b);
    CHECK_OK(facet__learner_forward(a, x, N, true, 1, &out, NULL));
    CHECK_OK(facet__learner_backward(a, direction, NULL));
    CHECK_OK(facet__learner_forward(b, x, N, true, 1, &out, NULL));
    CHECK_OK(facet__learner_backward(b, direction, NULL));
    count = facet__learner_weights(a, &wa);
    facet__learner_weights(b, &wb);
    for (size_t i = 0; i < count; i++) {
        double difference = 0.0, size = 0.0;

        for (size_t k = 0; wa[i].gradient && k < wa[i].count; k++) {
            const double g = (double)wa[i].gradient[k];

            difference += pow(g - (double)wb[i].gradient[k], 2.0);
            size += g * g;
        }
        /* a norm behind makes some gradients all but vanish */
        if (sqrt(difference) > tolerance * (sqrt(size) + 0.2))
            fail_msg("%s: off by %.3g of %.3g", wa[i].name, sqrt(difference),
                sqrt(size));
    }
    facet__learner_free(a);
    facet__learner_free(b);
    facet__graph_free(graph);
}

static void test_two_threads_give_the_gradients_of_one(void **state)
{
    (void)state;
    compare_options(block, 2, false, 1e-6);
    compare_options(local, 2, false, 1e-6);
}

static void test_bf16_gradients_are_close_to_fp32(void **state)
{
    (void)state;
    if (facet__cpu_level_get() < FACET__CPU_AVX512BF16)
        skip();
    compare_options(block, 1, true, 0.1);
    compare_options(local, 1, true, 0.1);
    compare_options(odd_local, 1, true, 0.1);
}

static void test_the_exported_graph_computes_the_same(void **state)
{
    enum { N = 2 };
    facet__graph *graph = graph_of(block, 16), *copy;
    facet__learner *net = network_of(graph, 1, false);
    facet_model *model;
    facet_session *session;
    facet_error err = { 0 };
    float x[N * 9 * 7 * 3], direction[N * 6];
    const int64_t dims[4] = { N, 3, 9, 7 };
    const float *out, *got;
    float *planes;

    (void)state;
    fill(x, sizeof x / sizeof *x);
    fill(direction, N * 6);
    shake(net);
    for (int i = 0; i < 3; i++) /* running statistics move */
        loss_of(net, x, N, direction);
    CHECK_OK(facet__learner_forward(net, x, N, false, 0, &out, NULL));
    CHECK_OK(facet__graph_copy(facet__learner_export(net), &copy));
    CHECK_OK(facet__model_create(copy, FACET_PRECISION_FP32, &model, &err));
    CHECK_OK(facet_session_create(model, NULL, &session, &err));
    CHECK_OK(facet_session_reshape(session, dims, &err));
    planes = facet_session_input(session, 0);
    for (size_t i = 0; i < N; i++)
        for (size_t p = 0; p < 63; p++)
            for (size_t c = 0; c < 3; c++)
                planes[(i * 3 + c) * 63 + p] = x[(i * 63 + p) * 3 + c];
    CHECK_OK(facet_session_run(session, &err));
    got = facet_session_output(session, 0, NULL);
    for (size_t i = 0; i < N * 6; i++)
        CHECK_NEAR(got[i], out[i], 1e-4 * (1.0 + fabs((double)out[i])));
    facet_session_free(session);
    facet_model_free(model);
    facet__learner_free(net);
    facet__graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_layer_agrees_with_finite_differences),
        cmocka_unit_test(test_two_threads_give_the_gradients_of_one),
        cmocka_unit_test(test_bf16_gradients_are_close_to_fp32),
        cmocka_unit_test(test_the_exported_graph_computes_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
