/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing grids: what must not change does not, and what is chosen is better
 * than the obvious choice. */
#include "nn/quantize/quantize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "check.h"
#include "nn/build.h"
#include "nn/infer.h"
#include "nn/onnx.h"

enum { SIDE = 12, FLOATS = 3 * SIDE * SIDE, SAMPLES = 3 };

static facet__random draw;
static float pixels[SAMPLES][FLOATS];
static float *rows[SAMPLES] = { pixels[0], pixels[1], pixels[2] };
static const facet__samples samples = { { 4, { 1, 3, SIDE, SIDE } }, rows,
    SAMPLES };

static float normal(void)
{
    return (float)facet__random_normal(&draw);
}

/* Other numbers in place of a constant's. */
static void fill(facet__graph *g, const char *name, float mean, float deviation)
{
    const int v = facet__graph_find_value(g, name);
    float *x;

    assert_true(v != FACET__NONE);
    x = g->values[v].data->data;
    for (int64_t i = 0; i < facet__shape_count(&g->values[v].shape); i++)
        x[i] = mean + deviation * normal();
}

/* A stem, a depthwise and two pointwise convolutions, BatchNormalizations of
 * which one makes channels very unequal, a residual, an end of one pixel. */
static facet__graph *network(void)
{
    const facet__conv_spec stem = { 16, .kernel = 3, .stride = 2, .pad = 1 };
    const facet__conv_spec depth = { 16, .kernel = 3, .pad = 1, .group = 16 };
    const facet__conv_spec point = { 16, .kernel = 1, .bias = true };
    facet__builder b;
    facet__graph *g;
    facet_error err;
    int x, y;

    draw = facet__random_stream(4, 1, 0);
    facet__build_begin(&b, "test", 3);
    x = facet__build_input(&b, "input", 3, SIDE, SIDE);
    x = facet__build_prelu(&b, "p0",
        facet__build_batch_norm(
            &b, "n0", facet__build_conv(&b, "stem", x, stem)));
    y = facet__build_conv(&b, "up", x, point);
    y = facet__build_prelu(&b, "p1", facet__build_batch_norm(&b, "n1", y));
    y = facet__build_prelu(&b, "p2", facet__build_conv(&b, "depth", y, depth));
    x = facet__build_add(&b, "sum", facet__build_conv(&b, "down", y, point), x);
    x = facet__build_conv(&b, "last", x, point);
    x = facet__build_global_average_pool(&b, "gap", x);
    facet__build_output(&b, "out", facet__build_flatten(&b, "flat", x));
    assert_int_equal(facet__build_finish(&b, &g, &err), FACET_OK);
    fill(g, "n1.scale", 1.0f, 3.0f);
    fill(g, "n1.bias", 0.0f, 1.0f);
    fill(g, "n0.mean", 0.1f, 0.2f);
    fill(g, "p1.slope", 0.3f, 0.1f);
    fill(g, "up.bias", 0.0f, 0.5f);
    return g;
}

static int begin(void **state)
{
    (void)state;
    draw = facet__random_stream(4, 0, 0);
    for (int s = 0; s < SAMPLES; s++)
        for (int i = 0; i < FLOATS; i++)
            pixels[s][i] = normal();
    return 0;
}

static float *outputs(const facet__graph *g, facet_precision precision)
{
    facet_error err;
    float *x;
    size_t n;

    if (facet__sample_outputs(g, &samples, precision, 1, &x, &n, &err) !=
        FACET_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(n, 16);
    return x;
}

static double distance(const float *a, const float *b)
{
    double error = 0.0, square = 0.0;

    for (int i = 0; i < 16 * SAMPLES; i++) {
        error += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        square += (double)b[i] * (double)b[i];
    }
    return error / square;
}

static size_t count_ops(const facet__graph *g, facet__op_kind op)
{
    size_t n = 0;

    for (int i = 0; i < g->n_nodes; i++)
        n += g->nodes[i].op == op;
    return n;
}

static void test_norms_go_into_filters_and_nothing_changes(void **state)
{
    facet__graph *g = network();
    float *before = outputs(g, FACET_PRECISION_FP32), *after;
    facet_error err;

    (void)state;
    assert_int_equal(count_ops(g, FACET__OP_BATCH_NORM), 2);
    CHECK_OK(facet__graph_fold_norms(g, &err));
    assert_int_equal(count_ops(g, FACET__OP_BATCH_NORM), 0);
    after = outputs(g, FACET_PRECISION_FP32);
    assert_true(distance(after, before) < 1e-10);
    facet__free(before);
    facet__free(after);
    facet__graph_free(g);
}

/* Largest magnitude of a channel by the smallest of one. */
static double spread(const facet__seen *seen)
{
    float least = INFINITY, most = 0.0f;

    for (size_t c = 0; c < seen->channels; c++) {
        least = fminf(least, seen->most[c]);
        most = fmaxf(most, seen->most[c]);
    }
    return (double)(most / least);
}

static void test_equal_channels_compute_the_same(void **state)
{
    facet__graph *g = network();
    float *before = outputs(g, FACET_PRECISION_FP32), *after;
    facet__seen *seen, *again;
    facet_error err;
    int maps[2];

    (void)state;
    CHECK_OK(facet__graph_fold_norms(g, &err));
    maps[0] = facet__graph_find_value(g, "p1"); /* a depthwise one reads it */
    maps[1] = facet__graph_find_value(g, "p2"); /* a pointwise one */
    CHECK_OK(facet__calibrate(g, &samples, maps, 2, 1, &seen, &err));
    CHECK_OK(facet__graph_equalize(g, maps, seen, 2, &err));
    CHECK_OK(facet__calibrate(g, &samples, maps, 2, 1, &again, &err));
    after = outputs(g, FACET_PRECISION_FP32);
    assert_true(distance(after, before) < 1e-10);
    assert_true(spread(&seen[0]) > 2.0);
    CHECK_NEAR(spread(&again[0]), 1.0, 1e-4);
    facet__seen_free(seen, 2);
    facet__seen_free(again, 2);
    facet__free(before);
    facet__free(after);
    facet__graph_free(g);
}

/* Numbers between -1 and 1 and a few far out. */
static facet__seen outliers(void)
{
    facet__seen seen = { .lo = -1.0f, .hi = 20.0f };

    for (int i = 0; i < FACET__BINS; i++)
        seen.bins[i] = i < FACET__BINS * 2 / 21 ? 1000.0 : i == FACET__BINS - 1;
    return seen;
}

static void test_a_grid_leaves_outliers_out(void **state)
{
    facet__seen seen = outliers();
    facet__grid grid = facet__grid_choose(&seen);

    (void)state;
    assert_true(grid.step > 0 && grid.step < 21.0f / 255.0f);
    assert_true(grid.zero > 0 && grid.zero < 255);
    seen.lo = 0.0f; /* never below: the whole grid is used above */
    grid = facet__grid_choose(&seen);
    assert_int_equal(grid.zero, 0);
    seen.hi = 0.0f; /* nothing at all */
    grid = facet__grid_choose(&seen);
    assert_true(grid.step > 0);
}

static void test_filters_are_whole_multiples_of_short_steps(void **state)
{
    enum { OUT = 5, INNER = 40 };
    float w[OUT * INNER], before[OUT * INNER], steps[OUT];

    (void)state;
    for (int i = 0; i < OUT * INNER; i++)
        w[i] = i < INNER ? 0.0f : normal() * (float)i;
    memcpy(before, w, sizeof w);
    facet__filters_round(w, OUT, INNER, steps);
    for (int o = 0; o < OUT; o++) {
        int exponent;
        const float mantissa = ldexpf(frexpf(steps[o], &exponent), 17);

        assert_true(mantissa == rintf(mantissa));
        for (int i = o * INNER; i < (o + 1) * INNER; i++) {
            const float q = w[i] / steps[o];

            assert_true(q == rintf(q) && fabsf(q) <= 128.0f);
            assert_true(fabsf(q) > 126.0f ||
                        fabsf(w[i] - before[i]) <= 0.5001f * steps[o]);
        }
    }
}

static facet__grid grid_of(const facet__graph *g, const char *name)
{
    const int v = facet__graph_find_value(g, name);

    assert_true(v != FACET__NONE);
    return g->values[v].grid;
}

static bool same_grid(facet__grid a, facet__grid b)
{
    return a.zero == b.zero && fabsf(a.step - b.step) < 1e-9f;
}

static facet__quantized quantize(facet__graph *g, double loss)
{
    const facet__quantize_opts opts = { loss, 1 };
    facet__quantized report;
    facet_error err;

    if (facet__graph_quantize(g, &samples, &opts, &report, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return report;
}

static void test_int8_stays_near_and_a_wanted_loss_is_kept(void **state)
{
    facet__graph *g = network(), *h = network();
    float *want = outputs(g, FACET_PRECISION_FP32), *made;
    const facet__quantized all = quantize(g, 0.0);
    const facet__quantized some = quantize(h, 0.7 * all.loss);

    (void)state;
    assert_int_equal(all.convolutions, 5);
    assert_int_equal(all.in_int8, 4);
    assert_int_equal(all.kept, 0);
    assert_true(all.loss > 0 && all.loss < 0.01);
    assert_true(some.kept > 0 && some.in_int8 < 4);
    assert_true(some.loss <= 0.7 * all.loss);
    assert_true(some.loss_at_first == all.loss);
    made = outputs(h, FACET_PRECISION_INT8);
    CHECK_NEAR(distance(made, want), some.loss, 1e-9);
    facet__free(want);
    facet__free(made);
    facet__graph_free(g);
    facet__graph_free(h);
}

/* A map and its maxima have one grid, so that bytes are pooled as bytes; a map
 * that somebody else reads too keeps its own, or none. */
static void test_maxima_share_the_grid_of_their_map(void **state)
{
    const facet__conv_spec spec = { 16, .kernel = 3, .pad = 1 };
    facet__builder b;
    facet__graph *g;
    facet_error err;
    int first, x, y;

    (void)state;
    facet__build_begin(&b, "pools", 5);
    x = facet__build_input(&b, "input", 3, SIDE, SIDE);
    first = facet__build_relu(&b, "r0", facet__build_conv(&b, "c0", x, spec));
    x = facet__build_max_pool(
        &b, "pool0", first, (facet__pool_spec){ 2, 2, .pad = 0 });
    x = facet__build_relu(&b, "r1", facet__build_conv(&b, "c1", x, spec));
    x = facet__build_add(&b, "sum", facet__build_conv(&b, "side", x, spec),
        facet__build_conv(&b, "c2",
            facet__build_max_pool(
                &b, "pool1", x, (facet__pool_spec){ 3, 1, .pad = 1 }),
            spec));
    y = facet__build_max_pool(
        &b, "pool2", x, (facet__pool_spec){ 3, 1, .pad = 1 });
    x = facet__build_add(&b, "end", facet__build_conv(&b, "c3", y, spec), x);
    x = facet__build_global_average_pool(&b, "gap", x);
    facet__build_output(&b, "out", facet__build_flatten(&b, "flat", x));
    assert_int_equal(facet__build_finish(&b, &g, &err), FACET_OK);
    assert_true(quantize(g, 0.0).loss < 0.01);
    assert_true(grid_of(g, "r0").step > 0);
    assert_true(same_grid(grid_of(g, "r0"), grid_of(g, "pool0")));
    assert_true(grid_of(g, "r1").step > 0);
    assert_true(grid_of(g, "pool1").step > 0);
    assert_true(grid_of(g, "pool2").step > 0);
    assert_false(grid_of(g, "sum").step > 0);
    facet__graph_free(g);
}

/* What int8 computes from a file is what was measured. */
static void test_a_file_holds_all_of_it(void **state)
{
    facet__graph *g = network();
    float *before, *after;
    void *bytes[2], *again;
    size_t size[2], again_size;
    facet_error err;

    (void)state;
    quantize(g, 0.0);
    before = outputs(g, FACET_PRECISION_INT8);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(facet__onnx_serialize(g, &bytes[i], &size[i], &err));
        facet__graph_free(g);
        CHECK_OK(facet__onnx_parse(bytes[i], size[i], NULL, NULL, &g, &err));
        after = outputs(g, FACET_PRECISION_INT8);
        assert_memory_equal(after, before, 16 * SAMPLES * sizeof *after);
        facet__free(after);
    }
    CHECK_OK(facet__onnx_serialize(g, &again, &again_size, &err));
    assert_int_equal(again_size, size[1]);
    assert_memory_equal(again, bytes[1], again_size);
    facet__free(before);
    facet__free(bytes[0]);
    facet__free(bytes[1]);
    facet__free(again);
    facet__graph_free(g);
}

static void test_what_cannot_be_quantized_is_refused(void **state)
{
    const facet__quantize_opts opts = { 0.0, 1 };
    facet__graph *g = network();
    facet__quantized report;
    facet__builder b;
    facet_error err;
    int x;

    (void)state;
    quantize(g, 0.0);
    assert_int_equal(
        facet__graph_quantize(g, &samples, &opts, &report, &err), FACET_EINVAL);
    facet__graph_free(g);
    facet__build_begin(&b, "dense", 3);
    x = facet__build_input(&b, "input", 3, SIDE, SIDE);
    x = facet__build_dense(&b, "fc", facet__build_flatten(&b, "f", x), 4, true);
    facet__build_output(&b, "out", x);
    CHECK_OK(facet__build_finish(&b, &g, &err));
    assert_int_equal(facet__graph_quantize(g, &samples, &opts, &report, &err),
        FACET_EUNSUPPORTED);
    facet__graph_free(g);
    g = network();
    pixels[1][5] = INFINITY;
    assert_int_equal(
        facet__graph_quantize(g, &samples, &opts, &report, &err), FACET_EMODEL);
    assert_non_null(strstr(err.msg, "not finite"));
    pixels[1][5] = 0.0f;
    facet__graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norms_go_into_filters_and_nothing_changes),
        cmocka_unit_test(test_equal_channels_compute_the_same),
        cmocka_unit_test(test_a_grid_leaves_outliers_out),
        cmocka_unit_test(test_filters_are_whole_multiples_of_short_steps),
        cmocka_unit_test(test_int8_stays_near_and_a_wanted_loss_is_kept),
        cmocka_unit_test(test_maxima_share_the_grid_of_their_map),
        cmocka_unit_test(test_a_file_holds_all_of_it),
        cmocka_unit_test(test_what_cannot_be_quantized_is_refused),
    };

    return cmocka_run_group_tests(tests, begin, NULL);
}
