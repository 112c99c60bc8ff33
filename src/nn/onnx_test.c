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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign_models_survive_writing_and_reading),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
