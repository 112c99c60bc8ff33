/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of the four papers: locally connected layers, maxout, L2
 * pooling, local response normalisation; computed by the engine, against plain
 * C and worked values (papers.md A.8, C.7), and through ONNX. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "nn/build.h"
#include "nn/cost.h"
#include "nn/model.h"
#include "nn/onnx.h"
#include "nn/reference.h"

static facet__graph *finish(facet__builder *b)
{
    facet__graph *g;
    facet_error err = { 0 };

    if (facet__build_finish(b, &g, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return g;
}

static facet__graph *copy_of(const facet__graph *g)
{
    facet__graph *copy;

    CHECK_OK(facet__graph_copy(g, &copy));
    return copy;
}

/* What the engine makes of n inputs; the caller's. */
static float *run(const facet__graph *g, facet_precision precision, int threads,
    size_t n, const float *x, size_t *count)
{
    facet_model *model;
    facet_session *session;
    facet_session_opts opts;
    facet_error err = { 0 };
    const facet__shape *s = &g->values[g->inputs[0]].shape;
    int64_t dims[4] = { (int64_t)n, s->d[1], s->d[2], s->d[3] };
    facet_tensor_info info;
    float *out;

    if (facet__model_create(copy_of(g), precision, &model, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    facet_session_opts_init(&opts);
    opts.threads = threads;
    CHECK_OK(facet_session_create(model, &opts, &session, &err));
    CHECK_OK(facet_session_reshape(session, dims, &err));
    memcpy(facet_session_input(session, 0), x,
        n * (size_t)(dims[1] * dims[2] * dims[3]) * sizeof *x);
    CHECK_OK(facet_session_run(session, &err));
    CHECK_OK(facet_model_output_info(model, 0, &info));
    *count = n;
    for (int i = 1; i < info.n_dims; i++)
        *count *= (size_t)info.dims[i];
    out = malloc(*count * sizeof *out);
    memcpy(out, facet_session_output(session, 0, NULL), *count * sizeof *out);
    facet_session_free(session);
    facet_model_free(model);
    return out;
}

static float *run_reference(
    const facet__graph *g, size_t n, const float *x, size_t *count)
{
    facet__shape shape = g->values[g->inputs[0]].shape;
    facet__tensor *in, *out;
    facet_error err = { 0 };
    float *copy;

    shape.d[0] = (int64_t)n;
    in = facet__tensor_create(FACET__F32, &shape);
    memcpy(in->data, x, in->bytes);
    if (facet__reference_run(
            g, (const facet__tensor *const *)&in, &out, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    copy = malloc(out->bytes);
    memcpy(copy, out->data, out->bytes);
    *count = out->bytes / sizeof *copy;
    facet__tensor_free(in);
    facet__tensor_free(out);
    return copy;
}

static float *numbers(size_t n)
{
    float *x = malloc(n * sizeof *x);
    uint32_t seed = 9;

    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
    return x;
}

/* locally connected layers */

typedef struct local_case {
    int64_t channels, height, width, out, kernel, stride, pad;
    bool bias;
} local_case;

static const local_case local_cases[] = {
    { 3, 9, 7, 5, 3, 1, 0, true },
    { 16, 11, 11, 16, 3, 2, 0, true },
    { 2, 8, 9, 40, 2, 1, 0, false },
    { 4, 6, 6, 32, 6, 1, 0, true },
    { 3, 6, 5, 4, 3, 1, 1, true },
};
enum { LOCAL_CASES = sizeof local_cases / sizeof *local_cases };

static facet__graph *local_graph(const local_case *c)
{
    facet__builder b;
    int x;

    facet__build_begin(&b, "local", 4);
    b.bias = 0.5f;
    x = facet__build_input(&b, "input", c->channels, c->height, c->width);
    x = facet__build_local_conv(&b, "L1", x,
        (facet__conv_spec){ .out = c->out,
            .kernel = c->kernel,
            .stride = c->stride,
            .pad = c->pad,
            .bias = c->bias });
    facet__build_output(&b, "out", facet__build_relu(&b, "L1.relu", x));
    return finish(&b);
}

static void check_same(const float *a, const float *b, size_t n, double loose)
{
    for (size_t i = 0; i < n; i++)
        CHECK_NEAR(a[i], b[i], loose * (1.0 + fabs((double)b[i])));
}

static void test_the_engine_computes_local_layers_as_plain_c(void **state)
{
    (void)state;
    for (size_t i = 0; i < LOCAL_CASES; i++)
        for (size_t n = 1; n <= 17; n += 8) {
            const local_case *c = &local_cases[i];
            facet__graph *g = local_graph(c);
            float *x =
                numbers(n * (size_t)(c->channels * c->height * c->width));
            size_t count, same;
            float *want = run_reference(g, n, x, &count);

            for (int threads = 1; threads <= 2; threads++) {
                float *got = run(g, FACET_PRECISION_FP32, threads, n, x, &same);

                assert_int_equal(same, count);
                check_same(got, want, count, 2e-6);
                free(got);
            }
            if (facet__cpu_level_get() >= FACET__CPU_AVX512BF16) {
                float *got = run(g, FACET_PRECISION_BF16, 1, n, x, &same);

                check_same(got, want, count, 0.03);
                free(got);
            }
            free(want);
            free(x);
            facet__graph_free(g);
        }
}

/* papers.md C.7: equal filters everywhere are a convolution, of as many
 * multiply-adds; the weights are so many times more as there are positions. */
static void test_equal_filters_are_a_convolution(void **state)
{
    const local_case c = { 3, 9, 8, 16, 3, 2, 0, true };
    facet__graph *local = local_graph(&c), *conv;
    facet__builder b;
    facet__cost local_cost, conv_cost;
    const int w = facet__graph_find_value(local, "L1.weight");
    const size_t filter = 3 * 3 * 3 * 16, positions = 4 * 3;
    float *from, *to, *x = numbers(2 * 3 * 9 * 8), *a, *y;
    size_t n, m;
    int v;

    (void)state;
    facet__build_begin(&b, "conv", 4);
    b.bias = 0.5f;
    v = facet__build_input(&b, "input", 3, 9, 8);
    v = facet__build_conv(&b, "C1", v,
        (facet__conv_spec){
            .out = 16, .kernel = 3, .stride = 2, .bias = true });
    facet__build_output(&b, "out", facet__build_relu(&b, "C1.relu", v));
    conv = finish(&b);
    from = local->values[w].data->data;
    for (size_t p = 1; p < positions; p++)
        memcpy(from + p * filter, from, filter * sizeof *from);
    to = conv->values[facet__graph_find_value(conv, "C1.weight")].data->data;
    for (size_t o = 0; o < 16; o++) /* [y][x][c][o] to [o][c][y][x] */
        for (size_t k = 0; k < 3; k++)
            for (size_t tap = 0; tap < 9; tap++)
                to[(o * 3 + k) * 9 + tap] = from[(tap * 3 + k) * 16 + o];
    a = run(local, FACET_PRECISION_FP32, 1, 2, x, &n);
    y = run(conv, FACET_PRECISION_FP32, 1, 2, x, &m);
    assert_int_equal(n, m);
    check_same(a, y, n, 2e-6);
    CHECK_OK(facet__graph_cost(local, NULL, &local_cost, NULL));
    CHECK_OK(facet__graph_cost(conv, NULL, &conv_cost, NULL));
    assert_int_equal(local_cost.macs, conv_cost.macs);
    assert_int_equal(local_cost.filters, positions * conv_cost.filters);
    free(a);
    free(y);
    free(x);
    facet__graph_free(local);
    facet__graph_free(conv);
}

/* through ONNX */

static facet__graph *through_onnx(const facet__graph *g)
{
    facet__graph *again;
    facet_error err = { 0 };
    void *bytes;
    size_t size;

    if (facet__onnx_serialize(g, &bytes, &size, &err) != FACET_OK ||
        facet__onnx_parse(bytes, size, NULL, NULL, &again, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    facet__free(bytes);
    return again;
}

static int count_ops(const facet__graph *g, facet__op_kind op)
{
    int n = 0;

    for (int i = 0; i < g->n_nodes; i++)
        n += g->nodes[i].op == op;
    return n;
}

static void check_constants_equal(
    const facet__graph *a, const facet__graph *b, const char *name)
{
    const int v = facet__graph_find_value(a, name);
    const int w = facet__graph_find_value(b, name);

    assert_true(v != FACET__NONE && w != FACET__NONE);
    assert_true(facet__shape_equal(&a->values[v].shape, &b->values[w].shape));
    assert_memory_equal(a->values[v].data->data, b->values[w].data->data,
        a->values[v].data->bytes);
}

/* One layer again, of the same names, so that a network can be trained on;
 * padding stands in front. */
static void test_local_layers_come_back_from_onnx(void **state)
{
    (void)state;
    for (size_t i = 0; i < LOCAL_CASES; i++) {
        const local_case *c = &local_cases[i];
        facet__graph *g = local_graph(c), *again = through_onnx(g);
        float *x = numbers(2 * (size_t)(c->channels * c->height * c->width));
        size_t n, m;
        float *a = run(g, FACET_PRECISION_FP32, 1, 2, x, &n);
        float *b = run(again, FACET_PRECISION_FP32, 1, 2, x, &m);

        assert_int_equal(n, m);
        check_same(a, b, n, 2e-6);
        assert_int_equal(count_ops(again, FACET__OP_LOCAL_CONV), 1);
        assert_int_equal(again->n_nodes, g->n_nodes + (c->pad ? 1 : 0));
        assert_string_equal(again->nodes[c->pad ? 1 : 0].name, "L1");
        check_constants_equal(g, again, "L1.weight");
        if (c->bias)
            check_constants_equal(g, again, "L1.bias");
        free(a);
        free(b);
        free(x);
        facet__graph_free(again);
        facet__graph_free(g);
    }
}

/* Places that are not those of a sliding window: the nodes stay as they are,
 * and compute what they say. */
static void test_what_only_looks_local_stays_as_it_is(void **state)
{
    const local_case c = { 2, 5, 5, 3, 2, 1, 0, true };
    facet__graph *g = local_graph(&c), *again;
    int64_t places[4 * 16];
    void *bytes;
    size_t size;
    char *at = NULL;
    facet_error err = { 0 };

    (void)state;
    for (int i = 0; i < 64; i++)
        places[i] = i % 16 / 4 * 5 + i % 4 + i / 16 / 2 * 5 + i / 16 % 2;
    CHECK_OK(facet__onnx_serialize(g, &bytes, &size, &err));
    for (size_t i = 0; i + sizeof places <= size; i++)
        if (memcmp((char *)bytes + i, places, sizeof places) == 0)
            at = (char *)bytes + i;
    assert_non_null(at);
    places[63] = 0; /* the last tap of the last position looks elsewhere */
    memcpy(at, places, sizeof places);
    CHECK_OK(facet__onnx_parse(bytes, size, NULL, NULL, &again, &err));
    assert_int_equal(count_ops(again, FACET__OP_LOCAL_CONV), 0);
    assert_int_equal(count_ops(again, FACET__OP_GATHER), 1);
    facet__free(bytes);
    facet__graph_free(again);
    facet__graph_free(g);
}

static facet__graph *maxout_graph(int64_t features, int64_t group)
{
    facet__builder b;
    int x;

    facet__build_begin(&b, "maxout", 1);
    x = facet__build_input(&b, "input", features, 1, 1);
    x = facet__build_maxout(&b, "max", x, group);
    facet__build_output(&b, "out", facet__build_relu(&b, "relu", x));
    return finish(&b);
}

static void test_maxout_takes_neighbours_and_comes_back_from_onnx(void **state)
{
    const float x[6] = { 1.0f, -2.0f, 3.0f, 4.0f, -1.0f, -5.0f };

    (void)state;
    for (int64_t group = 2; group <= 3; group++) {
        facet__graph *g = maxout_graph(6, group), *again = through_onnx(g);
        size_t n;
        float *y = run(again, FACET_PRECISION_FP32, 1, 1, x, &n);

        assert_int_equal(count_ops(again, FACET__OP_MAXOUT), 1);
        assert_int_equal(again->n_nodes, 2);
        assert_int_equal(n, 6 / group);
        assert_true(y[0] == (group == 2 ? 1.0f : 3.0f));
        assert_true(y[1] == 4.0f); /* papers.md A.8: (1, 4) */
        if (group == 2)
            assert_true(y[2] == 0.0f); /* the ReLU behind */
        free(y);
        facet__graph_free(again);
        facet__graph_free(g);
    }
}

/* worked values of FaceNet's layers */

/* The output of one layer over `size` x `size` pixels of `channels`. */
static float *layer_of(int (*layer)(facet__builder *, int), int64_t channels,
    int64_t size, const float *x, size_t *n)
{
    facet__builder b;
    facet__graph *g;
    float *y;

    facet__build_begin(&b, "layer", 1);
    facet__build_output(&b, "out",
        layer(&b, facet__build_input(&b, "input", channels, size, size)));
    g = finish(&b);
    y = run(g, FACET_PRECISION_FP32, 1, 1, x, n);
    facet__graph_free(g);
    return y;
}

static int l2_pool(facet__builder *b, int x)
{
    return facet__build_l2_pool(
        b, "pool", x, (facet__pool_spec){ .kernel = 3, .stride = 1, .pad = 1 });
}

static int lrn(facet__builder *b, int x)
{
    return facet__build_lrn(
        b, "norm", x, (facet__lrn_spec){ 5, 1e-4f, 0.75f, 1.0f });
}

static int lrn_undivided(facet__builder *b, int x)
{
    return facet__build_lrn(
        b, "norm", x, (facet__lrn_spec){ 5, 5e-4f, 0.75f, 1.0f });
}

static void test_l2_pools_and_norms_have_the_worked_values(void **state)
{
    const float ones[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    const float counted[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    size_t n;
    float *y = layer_of(l2_pool, 1, 3, counted, &n);

    (void)state;
    assert_int_equal(n, 9);
    CHECK_NEAR(y[4], 16.881943016, 1e-5);
    free(y);
    y = layer_of(l2_pool, 1, 3, ones, &n);
    CHECK_NEAR(y[4], 3.0, 1e-6);
    CHECK_NEAR(y[0], 2.0, 1e-6); /* a corner padded with zeros */
    free(y);
    y = layer_of(lrn, 5, 1, counted, &n);
    CHECK_NEAR(y[2], 2.9975273798, 1e-6);
    free(y);
    y = layer_of(lrn_undivided, 5, 1, counted, &n);
    CHECK_NEAR(y[2], 2.9876842560, 1e-6);
    free(y);
}

static void test_the_engine_norms_and_pools_as_plain_c(void **state)
{
    static const facet__lrn_spec norms[] = { { 5, 0.3f, 0.75f, 1.0f },
        { 4, 0.2f, 0.5f, 2.0f }, { 1, 0.1f, 0.75f, 1.0f },
        { 64, 0.1f, 0.75f, 1.0f } };
    float *x = numbers(2 * 21 * 7 * 6);

    (void)state;
    for (size_t i = 0; i < sizeof norms / sizeof *norms; i++) {
        facet__builder b;
        facet__graph *g;
        size_t n, m;
        float *want, *got;
        int v;

        facet__build_begin(&b, "norm", 1);
        v = facet__build_input(&b, "input", 21, 7, 6);
        v = facet__build_lrn(&b, "lrn", v, norms[i]);
        v = facet__build_l2_pool(&b, "l2", v,
            (facet__pool_spec){ .kernel = 3, .stride = 2, .same = true });
        v = facet__build_max_pool(&b, "max", v,
            (facet__pool_spec){ .kernel = 3, .stride = 2, .ceil = true });
        facet__build_output(&b, "out", v);
        g = finish(&b);
        want = run_reference(g, 2, x, &n);
        got = run(g, FACET_PRECISION_FP32, 2, 2, x, &m);
        assert_int_equal(n, m);
        check_same(got, want, n, 2e-6);
        free(want);
        free(got);
        facet__graph_free(g);
    }
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_engine_computes_local_layers_as_plain_c),
        cmocka_unit_test(test_equal_filters_are_a_convolution),
        cmocka_unit_test(test_local_layers_come_back_from_onnx),
        cmocka_unit_test(test_what_only_looks_local_stays_as_it_is),
        cmocka_unit_test(test_maxout_takes_neighbours_and_comes_back_from_onnx),
        cmocka_unit_test(test_l2_pools_and_norms_have_the_worked_values),
        cmocka_unit_test(test_the_engine_norms_and_pools_as_plain_c),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
