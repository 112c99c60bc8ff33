/* SPDX-License-Identifier: Apache-2.0 */
/* Golden answers in a network's file: written, asked for, missed. */
#include "facet/golden.h"

#include "folder.h"

#include <string.h>

#include "facet/pipeline.h"
#include "nn/onnx.h"
#include "zoo/zoo.h"

static char plain[96], golden[96];

static int make_networks(void **state)
{
    facet__graph *graph;
    facet_settings settings;
    char raw[96];

    (void)state;
    make_folder("golden");
    snprintf(raw, sizeof raw, "%s/raw.onnx", folder);
    snprintf(plain, sizeof plain, "%s/plain.onnx", folder);
    snprintf(golden, sizeof golden, "%s/golden.onnx", folder);
    CHECK_OK(facet__zoo_build("mobilefacenet-tiny", 1, 0, &graph, NULL));
    CHECK_OK(facet__onnx_write(graph, raw, NULL));
    facet__graph_free(graph);
    CHECK_OK(facet_settings_preset("arcface", &settings, NULL));
    CHECK_OK(facet_model_import(raw, &settings, plain, NULL));
    CHECK_OK(facet_golden_write(plain, 2, golden, NULL));
    return 0;
}

static facet_model *load(const char *path, facet_precision precision)
{
    facet_model_opts opts;
    facet_model *model;

    facet_model_opts_init(&opts);
    opts.precision = precision;
    CHECK_OK(facet_model_load(path, &opts, &model, NULL));
    return model;
}

static facet_status open_pipeline(const char *path, facet_error *err)
{
    facet_pipeline_opts opts;
    facet_pipeline *pipeline;
    facet_status st;

    facet_pipeline_opts_init(&opts);
    opts.embedder = path;
    opts.aligned = true;
    st = facet_pipeline_open(&opts, &pipeline, err);
    facet_pipeline_close(pipeline);
    return st;
}

static void test_a_network_answers_as_its_file_says(void **state)
{
    static const facet_precision all[] = { FACET_PRECISION_FP32,
        FACET_PRECISION_AUTO };

    (void)state;
    for (size_t p = 0; p < 2; p++) {
        facet_model *model = load(golden, all[p]);

        assert_int_equal(facet_golden_count(model), 2);
        for (size_t i = 0; i < 2; i++) {
            double off = -1;

            CHECK_OK(facet_golden_check(model, i, &off, NULL));
            assert_true(off < 1e-3);
        }
        assert_int_equal(
            facet_golden_check(model, 2, NULL, NULL), FACET_EINVAL);
        facet_model_free(model);
    }
    CHECK_OK(open_pipeline(golden, NULL));
}

static void test_a_network_without_answers_passes(void **state)
{
    facet_model *model = load(plain, FACET_PRECISION_FP32);

    (void)state;
    assert_int_equal(facet_golden_count(model), 0);
    assert_int_equal(facet_golden_check(model, 0, NULL, NULL), FACET_EINVAL);
    facet_model_free(model);
    assert_int_equal(facet_golden_count(NULL), 0);
    assert_int_equal(facet_golden_check(NULL, 0, NULL, NULL), FACET_EINVAL);
    CHECK_OK(open_pipeline(plain, NULL));
}

/* A copy of the golden one with one of its largest filters negated. */
static void damage(const char *path)
{
    facet__graph *graph;
    facet__tensor *largest = NULL;

    CHECK_OK(facet__onnx_read(golden, NULL, &graph, NULL));
    for (int v = 0; v < graph->n_values; v++) {
        facet__tensor *t = graph->values[v].data;

        if (t && (!largest || t->bytes > largest->bytes))
            largest = t;
    }
    assert_non_null(largest);
    for (size_t i = 0; i < largest->bytes / sizeof(float) / 4; i++)
        ((float *)largest->data)[i] *= -1;
    CHECK_OK(facet__onnx_write(graph, path, NULL));
    facet__graph_free(graph);
}

static void test_a_damaged_network_is_refused_and_named(void **state)
{
    char path[96];
    facet_error err;
    facet_model *model;
    double off = 0;

    (void)state;
    snprintf(path, sizeof path, "%s/damaged.onnx", folder);
    damage(path);
    model = load(path, FACET_PRECISION_FP32);
    assert_int_equal(facet_golden_check(model, 0, &off, &err), FACET_EMODEL);
    assert_true(off > 1e-5);
    facet_model_free(model);
    assert_int_equal(open_pipeline(path, &err), FACET_EMODEL);
    assert_non_null(strstr(err.msg, "damaged.onnx"));
    assert_non_null(strstr(err.msg, "selftest"));
}

static void test_an_unreadable_entry_is_refused(void **state)
{
    static const char *const bad[] = { "nonsense", "{}",
        "{\"version\":2,\"cases\":[]}", "{\"version\":1,\"cases\":[]}",
        "{\"version\":1,\"cases\":[{\"seed\":1,\"numbers\":[1,2]}]}" };
    char path[96];
    facet_error err;

    (void)state;
    snprintf(path, sizeof path, "%s/bad.onnx", folder);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_OK(facet_model_set_metadata(
            plain, FACET_GOLDEN_KEY, bad[i], path, NULL));
        assert_int_not_equal(open_pipeline(path, &err), FACET_OK);
    }
}

static void test_what_cannot_be_written_is_refused(void **state)
{
    facet_error err;

    (void)state;
    assert_int_equal(facet_golden_write(plain, 0, golden, &err), FACET_EINVAL);
    assert_int_equal(
        facet_golden_write(plain, FACET_GOLDEN_CASES + 1, golden, &err),
        FACET_EINVAL);
    assert_int_equal(
        facet_golden_write("absent.onnx", 1, golden, &err), FACET_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_network_answers_as_its_file_says),
        cmocka_unit_test(test_a_network_without_answers_passes),
        cmocka_unit_test(test_a_damaged_network_is_refused_and_named),
        cmocka_unit_test(test_an_unreadable_entry_is_refused),
        cmocka_unit_test(test_what_cannot_be_written_is_refused),
    };

    return cmocka_run_group_tests(tests, make_networks, remove_folder);
}
