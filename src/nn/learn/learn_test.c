/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients against finite differences, layer by layer and in blocks. */
#include "check.h"

#include <math.h>
#include <stdio.h>
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
            if (!(fabs(slope - (double)gradient[k]) <=
                    tolerance * (1.0 + fabs(slope))))
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

static facet__learner *network_with(
    const facet__graph *graph, const facet__learner_opts *opts)
{
    facet__learner *net;
    facet_error err = { 0 };

    if (facet__learner_create(graph, opts, &net, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return net;
}

static facet__learner *network_of(
    const facet__graph *graph, int threads, bool bf16)
{
    return network_with(
        graph, &(facet__learner_opts){ .threads = threads, .bf16 = bf16 });
}

static void fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = uniform();
}

enum { MANY = 12 /* pictures: enough rows for whole sweeps in parts */ };

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

static facet__node *last_node(const facet__builder *b)
{
    return &b->graph->nodes[b->graph->n_nodes - 1];
}

/* Windows with gaps; the map's size is that of the windows that are built. */
static int dilated(facet__builder *b, int x)
{
    const int64_t three[2] = { 3, 3 }, two[2] = { 2, 2 };

    x = facet__build_max_pool(
        b, "max", x, (facet__pool_spec){ .kernel = 5, .stride = 3, .pad = 2 });
    CHECK_OK(facet__node_set_ints(last_node(b), "kernel_shape", three, 2));
    CHECK_OK(facet__node_set_ints(last_node(b), "dilations", two, 2));
    return x;
}

/* The same with windows of which the left ones see nothing but padding. */
static int blind(facet__builder *b, int x)
{
    const int64_t narrow[2] = { 2, 1 };

    x = facet__build_average_pool(
        b, "avg", x, (facet__pool_spec){ .kernel = 1, .stride = 3, .pad = 1 });
    CHECK_OK(facet__node_set_ints(last_node(b), "kernel_shape", narrow, 2));
    return x;
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

/* Convolution, norm and, unless it is linear, PReLU. */
static int layer(facet__builder *b, const char *name, int x, bool linear,
    facet__conv_spec spec)
{
    char part[32];

    x = facet__build_conv(b, name, x, spec);
    snprintf(part, sizeof part, "%s.bn", name);
    x = facet__build_batch_norm(b, part, x);
    snprintf(part, sizeof part, "%s.act", name);
    return linear ? x : facet__build_prelu(b, part, x);
}

/* The bottleneck of a MobileFaceNet, its channels kept. */
static int bottleneck(facet__builder *b, int x, const char *up, const char *dw,
    const char *down, int64_t stride)
{
    const int64_t c = facet__build_shape(b, x).d[1];

    x = layer(b, up, x, false, (facet__conv_spec){ .out = 2 * c, .kernel = 1 });
    x = layer(b, dw, x, false,
        (facet__conv_spec){ .out = 2 * c,
            .kernel = 3,
            .stride = stride,
            .pad = 1,
            .group = 2 * c });
    return layer(b, down, x, true, (facet__conv_spec){ .out = c, .kernel = 1 });
}

static int block(facet__builder *b, int x)
{
    return facet__build_add(
        b, "sum", bottleneck(b, x, "up", "dw", "down", 1), x);
}

/* Sums whose gradients share their memory, and a norm with two readers. */
static int chain(facet__builder *b, int x)
{
    x = bottleneck(b, x, "up0", "dw0", "down0", 1);
    x = facet__build_add(
        b, "sum1", x, bottleneck(b, x, "up1", "dw1", "down1", 1));
    return facet__build_add(
        b, "sum2", x, bottleneck(b, x, "up2", "dw2", "down2", 1));
}

static int strided(facet__builder *b, int x)
{
    x = layer(b, "stem", x, false,
        (facet__conv_spec){ .out = 8, .kernel = 3, .stride = 1, .pad = 1 });
    return bottleneck(b, x, "up", "dw", "down", 2);
}

/* A sum of two norms, one of which others read as well. */
static int two_norms(facet__builder *b, int x)
{
    const int a =
        layer(b, "a", x, true, (facet__conv_spec){ .out = 8, .kernel = 1 });
    const int c =
        layer(b, "c", x, false, (facet__conv_spec){ .out = 8, .kernel = 1 });

    x = facet__build_add(b, "sum", a, c);
    x = layer(b, "d", x, false, (facet__conv_spec){ .out = 8, .kernel = 1 });
    return facet__build_add(b, "late", x, a);
}

/* Skips that cross: the sums share c with a, to which b adds as well. */
static int crossing(facet__builder *b, int x)
{
    const int p = facet__build_conv(
        b, "p", x, (facet__conv_spec){ .out = 8, .kernel = 3, .pad = 1 });
    const int q = facet__build_conv(
        b, "q", p, (facet__conv_spec){ .out = 8, .kernel = 3, .pad = 1 });

    return facet__build_add(b, "outer", facet__build_add(b, "inner", q, x), p);
}

/* The sum of all that nothing has read yet, so that there is nothing idle. */
static int sum_of_loose(
    facet__builder *b, const int *values, const bool *read, int count)
{
    int sum = values[count - 1];
    char name[32];

    for (int i = 0; i < count - 1; i++)
        if (!read[i]) {
            snprintf(name, sizeof name, "loose%d", i);
            sum = facet__build_add(b, name, sum, values[i]);
        }
    return sum;
}

/* Convolutions, norms, activations and, half of all, sums, each of what any
 * earlier one made. Which, hangs on `dice`. */
static uint32_t dice;

static int roll(int sides)
{
    dice = dice * 1664525u + 1013904223u;
    return (int)(dice >> 16) % sides;
}

static int tangle(facet__builder *b, int x)
{
    enum { STEPS = 12 };
    int values[STEPS + 1] = { x };
    bool read[STEPS + 1] = { false };

    for (int i = 1; i <= STEPS; i++) {
        const int from = roll(i), also = roll(i);
        const int kind = from == also ? roll(3) : roll(6);
        char name[32];

        snprintf(name, sizeof name, "v%d", i);
        x = values[from];
        read[from] = true;
        if (kind == 0)
            x = facet__build_conv(b, name, x,
                (facet__conv_spec){ .out = 8, .kernel = 3, .pad = 1 });
        else if (kind == 1)
            x = facet__build_batch_norm(b, name, x);
        else if (kind == 2)
            x = facet__build_sigmoid(b, name, x);
        else
            x = facet__build_add(b, name, x, values[also]);
        read[also] |= kind > 2;
        values[i] = x;
    }
    return sum_of_loose(b, values, read, STEPS + 1);
}

/* An activation without a norm in front of a convolution. */
static int bare(facet__builder *b, int x)
{
    x = facet__build_conv(
        b, "conv", x, (facet__conv_spec){ .out = 8, .kernel = 1 });
    x = facet__build_prelu(b, "act", x);
    return facet__build_conv(
        b, "last", x, (facet__conv_spec){ .out = 4, .kernel = 1 });
}

/* 18 x 14 behind the upsampling, so that windows of 2 lie side by side. */
static int pyramid(facet__builder *b, int x)
{
    int y = facet__build_upsample(b, "up", x, 2);

    y = facet__build_conv(b, "dw", y,
        (facet__conv_spec){ .out = 6, .kernel = 3, .pad = 1, .group = 6 });
    y = facet__build_max_pool(
        b, "max", y, (facet__pool_spec){ .kernel = 2, .stride = 2 });
    return facet__build_add(b, "sum", x, y);
}

/* Two readers of the pooled map: one of the gradients is added. */
static int pooled_twice(facet__builder *b, int x)
{
    int y =
        facet__build_max_pool(b, "max", facet__build_upsample(b, "up", x, 3),
            (facet__pool_spec){ .kernel = 3, .stride = 3 });

    return facet__build_mul(b, "product", y, x);
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
        { "unit", unit, 6 }, { "pyramid", pyramid, 6 },
        { "pooled twice", pooled_twice, 6 }, { "dilated", dilated, 6 },
        { "blind", blind, 6 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].name);
        check(cases[i].layers, cases[i].channels, 0.02);
    }
}

/* Nobody wants the gradients of what comes before the first weight. */
static void test_layers_may_stand_before_the_first_weight(void **state)
{
    enum { N = 2, DIM = 6 };
    facet__builder b;
    facet__graph *graph;
    facet__learner *net;
    float x[N * 9 * 7 * 3], direction[N * DIM];
    int v;

    (void)state;
    facet__build_begin(&b, "late", 3);
    v = facet__build_input(&b, "input", 3, 9, 7);
    v = facet__build_relu(&b, "relu", v);
    v = facet__build_add(&b, "sum", v, facet__build_sigmoid(&b, "gate", v));
    v = facet__build_max_pool(
        &b, "max", v, (facet__pool_spec){ .kernel = 2, .stride = 2 });
    v = facet__build_flatten(&b, "flat", facet__build_relu(&b, "relu2", v));
    v = facet__build_dense(&b, "dense", v, DIM, true);
    facet__build_output(&b, "out", v);
    CHECK_OK(facet__build_finish(&b, &graph, NULL));
    net = network_of(graph, 1, false);
    fill(x, sizeof x / sizeof *x);
    fill(direction, N * DIM);
    check_weights(net, x, N, direction, 0.02);
    facet__learner_free(net);
    facet__graph_free(graph);
}

/* Stretches of bf16 that are no pairs. */
static int odd_local(facet__builder *b, int x)
{
    x = facet__build_conv(
        b, "odd", x, (facet__conv_spec){ .out = 3, .kernel = 1 });
    return local(b, x);
}

/* The same weights and pictures through two networks; their outputs and
 * gradients. `tolerance` is relative to the size of each. */
static void compare(const facet__graph *graph, const facet__learner_opts *one,
    const facet__learner_opts *two, size_t n, double tolerance)
{
    facet__learner *a = network_with(graph, one);
    facet__learner *b = network_with(graph, two);
    const facet__weight *wa, *wb;
    float x[MANY * 9 * 7 * 3], direction[MANY * 6];
    const float *out_a, *out_b;
    size_t count;

    seed = 7; /* whatever ran before */
    fill(x, n * 9 * 7 * 3);
    fill(direction, n * 6);
    seed = 11; /* both get the same weights */
    shake(a);
    seed = 11;
    shake(b);
    CHECK_OK(facet__learner_forward(a, x, n, true, 1, &out_a, NULL));
    CHECK_OK(facet__learner_backward(a, direction, NULL));
    CHECK_OK(facet__learner_forward(b, x, n, true, 1, &out_b, NULL));
    CHECK_OK(facet__learner_backward(b, direction, NULL));
    for (size_t i = 0; i < n * 6; i++)
        CHECK_NEAR(out_a[i], out_b[i], tolerance * 10.0);
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
        if (sqrt(difference) > tolerance * (sqrt(size) + 2.0))
            fail_msg("%s: off by %.3g of %.3g", wa[i].name, sqrt(difference),
                sqrt(size));
    }
    facet__learner_free(a);
    facet__learner_free(b);
}

static const struct {
    const char *name;
    body *layers;
} bodies[] = { { "block", block }, { "chain", chain }, { "strided", strided },
    { "two norms", two_norms }, { "crossing", crossing }, { "bare", bare },
    { "local", local }, { "odd local", odd_local } };

/* Each body, for many rows and, unless bf16 makes noise of the gradients of so
 * little, for few. */
static void compare_bodies(const facet__learner_opts *one,
    const facet__learner_opts *two, double tolerance)
{
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        facet__graph *graph = graph_of(bodies[i].layers, 8);

        print_message("%s\n", bodies[i].name);
        compare(graph, one, two, MANY, tolerance);
        if (one->bf16 == two->bf16 && tolerance < 0.01)
            compare(graph, one, two, 3, tolerance);
        facet__graph_free(graph);
    }
}

static void test_neighbours_of_norms_compute_what_norms_do(void **state)
{
    (void)state;
    compare_bodies(&(facet__learner_opts){ .threads = 1 },
        &(facet__learner_opts){ .threads = 1, .apart = true }, 1e-5);
}

/* Whatever sums share their gradients' memory with. */
static void test_sums_in_any_order_compute_what_each_would(void **state)
{
    enum { GRAPHS = 100 };

    (void)state;
    for (uint32_t i = 0; i < GRAPHS; i++) {
        facet__graph *graph;

        dice = i;
        graph = graph_of(tangle, 8);
        print_message("tangle %u\n", i);
        compare(graph, &(facet__learner_opts){ .threads = 1 },
            &(facet__learner_opts){ .threads = 1, .apart = true }, 3, 1e-5);
        facet__graph_free(graph);
    }
}

static void test_threads_give_the_gradients_of_one(void **state)
{
    (void)state;
    compare_bodies(&(facet__learner_opts){ .threads = 1 },
        &(facet__learner_opts){ .threads = 3 }, 0.0);
}

static void test_bf16_gradients_are_close_to_fp32(void **state)
{
    (void)state;
    if (facet__cpu_level_get() < FACET__CPU_AVX512BF16)
        skip();
    compare_bodies(&(facet__learner_opts){ .threads = 1 },
        &(facet__learner_opts){ .threads = 1, .bf16 = true }, 0.25);
    compare_bodies(&(facet__learner_opts){ .threads = 1, .bf16 = true },
        &(facet__learner_opts){ .threads = 1, .bf16 = true, .apart = true },
        0.1);
    compare_bodies(&(facet__learner_opts){ .threads = 1, .bf16 = true },
        &(facet__learner_opts){ .threads = 2, .bf16 = true }, 0.0);
}

static void check_export(body *layers)
{
    enum { N = 2 };
    facet__graph *graph = graph_of(layers, 16), *copy;
    facet__learner *net = network_of(graph, 1, false);
    facet_model *model;
    facet_session *session;
    facet_error err = { 0 };
    float x[N * 9 * 7 * 3], direction[N * 6];
    const int64_t dims[4] = { N, 3, 9, 7 };
    const float *out, *got;
    float *planes;

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
        CHECK_NEAR(out[i], got[i], 1e-4 * (1.0 + fabs((double)got[i])));
    facet_session_free(session);
    facet_model_free(model);
    facet__learner_free(net);
    facet__graph_free(graph);
}

static void test_the_exported_graph_computes_the_same(void **state)
{
    (void)state;
    check_export(block);
    check_export(dilated);
    check_export(blind);
}

static int l2_pool(facet__builder *b, int x)
{
    return facet__build_l2_pool(
        b, "pool", x, (facet__pool_spec){ .kernel = 2, .stride = 1 });
}

static int dense(facet__builder *b, int x)
{
    return facet__build_dense(
        b, "dense2", facet__build_flatten(b, "flat0", x), 6, true);
}

static int map_unit(facet__builder *b, int x)
{
    return facet__build_l2_normalize(b, "unit", x);
}

/* A layer with another attribute than it was built with; its graph. */
static facet__graph *graph_with(
    body *built, const char *attribute, int64_t whole, float number)
{
    facet__builder b;
    facet__graph *graph;
    int x;

    facet__build_begin(&b, "test", 3);
    x = built(&b, facet__build_input(&b, "input", 3, 9, 7));
    CHECK_OK(number != 0.0f
                 ? facet__node_set_float(last_node(&b), attribute, number)
                 : facet__node_set_int(last_node(&b), attribute, whole));
    facet__build_output(&b, "out", x);
    CHECK_OK(facet__build_finish(&b, &graph, NULL));
    return graph;
}

static void test_attributes_that_layers_do_not_heed_are_refused(void **state)
{
    static const struct {
        body *layer;
        const char *node, *attribute;
        int64_t whole;
        float number; /* or 0 */
    } cases[] = { { l2_pool, "pool", "p", 1, 0.0f },
        { dense, "dense2", "alpha", 0, 3.0f },
        { dense, "dense2", "beta", 0, 0.5f }, { unit, "unit", "p", 1, 0.0f },
        { unit, "unit", "axis", 0, 0.0f } };
    const facet__learner_opts opts = { .threads = 1 };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        facet__graph *graph = graph_with(cases[i].layer, cases[i].attribute,
            cases[i].whole, cases[i].number);
        facet__learner *net;
        facet_error err = { 0 };
        char told[16];

        assert_int_equal(facet__learner_create(graph, &opts, &net, &err),
            FACET_EUNSUPPORTED);
        print_message("%s\n", err.msg);
        snprintf(told, sizeof told, "this '%s'", cases[i].attribute);
        assert_non_null(strstr(err.msg, cases[i].node));
        assert_non_null(strstr(err.msg, told));
        assert_null(net);
        facet__graph_free(graph);
    }
}

/* The last axis of a map is no channel. */
static void test_unit_length_along_a_maps_rows_is_refused(void **state)
{
    const facet__learner_opts opts = { .threads = 1 };
    facet__graph *graph = graph_with(map_unit, "axis", -1, 0.0f);
    facet__learner *net = network_with(graph, &opts);
    float x[9 * 7 * 3] = { 0.0f };
    const float *out;
    facet_error err = { 0 };

    (void)state;
    assert_int_equal(facet__learner_forward(net, x, 1, true, 0, &out, &err),
        FACET_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, "'unit' cannot be trained"));
    facet__learner_free(net);
    facet__graph_free(graph);
}

/* Which filters are matrices from all inputs to all outputs. */
static void test_dense_layers_tell_their_rows(void **state)
{
    facet__graph *graph;
    facet__learner *net;
    const facet__weight *weights;
    size_t n, dense = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        graph = graph_of(i == 0 ? depthwise : grouped, 6);
        net = network_of(graph, 1, false);
        n = facet__learner_weights(net, &weights);
        for (size_t w = 0; w < n; w++) {
            dense += weights[w].rows > 0;
            if (weights[w].rows > 0) {
                assert_true(weights[w].decay);
                assert_int_equal(weights[w].rows, 6); /* "first", "dense" */
            }
        }
        facet__learner_free(net);
        facet__graph_free(graph);
    }
    assert_int_equal(dense, 4);
}

/* A list of cells, and the map before it as a second output; the input's size
 * is left open. */
static facet__graph *graph_of_two(void)
{
    facet__builder b;
    facet__graph *graph;
    int x, y;

    facet__build_begin(&b, "two", 3);
    x = facet__build_conv(&b, "first",
        facet__build_input(&b, "input", 3, -1, -1),
        (facet__conv_spec){ .out = 4, .kernel = 3, .stride = 2, .pad = 1 });
    y = facet__build_sigmoid(&b, "sigmoid", facet__build_cells(&b, "one", x));
    facet__build_output(&b, "scores", y);
    x = facet__build_conv(
        &b, "second", x, (facet__conv_spec){ .out = 2, .kernel = 1 });
    facet__build_output(&b, "rest", facet__build_cells(&b, "two", x));
    CHECK_OK(facet__build_finish(&b, &graph, NULL));
    return graph;
}

static void test_outputs_stand_one_behind_the_other(void **state)
{
    enum { N = 2, CELLS = 3 * 4 };
    const facet__learner_opts opts = { .threads = 1, .height = 6, .width = 8 };
    facet__graph *graph = graph_of_two();
    facet__learner *net;
    float x[N * 6 * 8 * 3], direction[N * CELLS * 6];
    const float *out;

    (void)state;
    CHECK_OK(facet__learner_create(graph, &opts, &net, NULL));
    assert_int_equal(facet__learner_dim(net), CELLS * (4 + 2));
    fill(x, sizeof x / sizeof *x);
    fill(direction, sizeof direction / sizeof *direction);
    CHECK_OK(facet__learner_forward(net, x, N, true, 0, &out, NULL));
    for (size_t n = 0; n < N; n++) /* sigmoids first, in each picture */
        for (size_t i = 0; i < (size_t)CELLS * 4; i++)
            assert_true(
                out[n * CELLS * 6 + i] > 0.0f && out[n * CELLS * 6 + i] < 1.0f);
    check_weights(net, x, N, direction, 0.02);
    facet__learner_free(net);
    facet__graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_layer_agrees_with_finite_differences),
        cmocka_unit_test(test_layers_may_stand_before_the_first_weight),
        cmocka_unit_test(test_neighbours_of_norms_compute_what_norms_do),
        cmocka_unit_test(test_sums_in_any_order_compute_what_each_would),
        cmocka_unit_test(test_threads_give_the_gradients_of_one),
        cmocka_unit_test(test_attributes_that_layers_do_not_heed_are_refused),
        cmocka_unit_test(test_unit_length_along_a_maps_rows_is_refused),
        cmocka_unit_test(test_dense_layers_tell_their_rows),
        cmocka_unit_test(test_outputs_stand_one_behind_the_other),
        cmocka_unit_test(test_bf16_gradients_are_close_to_fp32),
        cmocka_unit_test(test_the_exported_graph_computes_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
