/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing of ONNX files. */
#include "nn/onnx.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "check.h"
#include "nn/build.h"
#include "nn/infer.h"
#include "zoo/zoo.h"

static const char *const shared_models[] = { "facemesh468", "landmarks0009",
    "mobilefacenet", "reid0095", "yunet_2023mar_640", "yunet_2026may" };

static facet__graph *read_shared(const char *name)
{
    char path[512];
    facet__graph *g;
    facet_error err;

    snprintf(path, sizeof path, FACET_SHARED_DIR "/models/%s.onnx", name);
    if (facet__onnx_read(path, NULL, &g, &err) != FACET_OK)
        fail_msg("%s: %s", name, err.msg);
    return g;
}

static void write_bytes(const facet__graph *g, void **bytes, size_t *size)
{
    facet_error err;

    if (facet__onnx_serialize(g, bytes, size, &err) != FACET_OK)
        fail_msg("%s: %s", g->name, err.msg);
}

static facet__graph *parse(const void *bytes, size_t size)
{
    facet__graph *g;
    facet_error err;

    if (facet__onnx_parse(bytes, size, NULL, NULL, &g, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return g;
}

/* What is written, read, and written again is the same bytes. */
static void check_round_trip(const facet__graph *g)
{
    void *once, *twice;
    size_t once_size, twice_size;
    facet__graph *again;

    write_bytes(g, &once, &once_size);
    again = parse(once, once_size);
    write_bytes(again, &twice, &twice_size);
    assert_int_equal(once_size, twice_size);
    assert_memory_equal(once, twice, once_size);
    facet__graph_free(again);
    facet__free(once);
    facet__free(twice);
}

static void test_foreign_models_survive_writing_and_reading(void **state)
{
    (void)state;
    NEED_SHARED("models/reid0095.onnx");
    for (size_t i = 0; i < sizeof shared_models / sizeof *shared_models; i++) {
        facet__graph *g = read_shared(shared_models[i]);
        facet_error err;

        check_round_trip(g);
        if (facet__graph_fold(g, &err) != FACET_OK)
            fail_msg("%s: %s", shared_models[i], err.msg);
        check_round_trip(g);
        facet__graph_free(g);
    }
}

/* A Dropout of 0.25, by an input or by the attribute of older opsets. */
static facet__graph *dropping(bool as_attribute)
{
    facet__builder b;
    facet__graph *g;
    int x;

    facet__build_begin(&b, "dropping", 3);
    x = facet__build_input(&b, "x", 3, 4, 4);
    x = facet__build_dropout(&b, "drop", x, 0.25f);
    facet__build_output(&b, "y", facet__build_relu(&b, "relu", x));
    CHECK_OK(facet__build_finish(&b, &g, NULL));
    if (as_attribute) {
        g->nodes[0].n_in = 1;
        CHECK_OK(facet__node_set_float(&g->nodes[0], "ratio", 0.25f));
    }
    return g;
}

/* Write the graph and read it in its place. */
static void write_and_read(facet__graph **g)
{
    void *bytes;
    size_t size;

    write_bytes(*g, &bytes, &size);
    facet__graph_free(*g);
    *g = parse(bytes, size);
    facet__free(bytes);
}

static void test_dropout_keeps_its_ratio(void **state)
{
    (void)state;
    for (int as_attribute = 0; as_attribute < 2; as_attribute++) {
        facet__graph *g = dropping(as_attribute);

        for (int i = 0; i < 2; i++) {
            const facet__node *node;
            const facet__tensor *ratio;

            write_and_read(&g);
            node = &g->nodes[0];
            assert_int_equal(node->op, FACET__OP_DROPOUT);
            assert_int_equal(node->n_in, 2);
            ratio = g->values[node->in[1]].data;
            assert_non_null(ratio);
            CHECK_NEAR(*(const float *)ratio->data, 0.25, 0.0);
        }
        assert_null(facet__node_attr(&g->nodes[0], "ratio"));
        facet__graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign_models_survive_writing_and_reading),
        cmocka_unit_test(test_dropout_keeps_its_ratio),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
