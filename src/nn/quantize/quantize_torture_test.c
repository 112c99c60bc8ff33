/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of a quantization fails once: it says so, and gives
 * everything back. */
#include "nn/build.h"
#include "nn/onnx.h"
#include "nn/quantize/quantize.h"
#include "torture.h"

enum { SIDE = 6, FLOATS = 3 * SIDE * SIDE };

static facet_status build(facet__graph **out)
{
    const facet__conv_spec stem = { 8, .kernel = 3, .pad = 1 };
    const facet__conv_spec depth = { 8, .kernel = 3, .pad = 1, .group = 8 };
    const facet__conv_spec point = { 8, .kernel = 1, .bias = true };
    facet__builder b;
    int x;

    facet__build_begin(&b, "test", 3);
    x = facet__build_input(&b, "input", 3, SIDE, SIDE);
    x = facet__build_batch_norm(
        &b, "n0", facet__build_conv(&b, "stem", x, stem));
    x = facet__build_prelu(&b, "p0", x);
    x = facet__build_prelu(&b, "p1", facet__build_conv(&b, "depth", x, depth));
    x = facet__build_conv(&b, "last", x, point);
    facet__build_output(&b, "out", facet__build_flatten(&b, "flat", x));
    return facet__build_finish(&b, out, NULL);
}

/* Build, quantize, write, and read what was written. */
static facet_status whole_way(void *context)
{
    static float pixels[FLOATS];
    static float *rows[1] = { pixels };
    const facet__samples samples = { { 4, { 1, 3, SIDE, SIDE } }, rows, 1 };
    const facet__quantize_opts opts = { 1e-9, 1 }; /* keeps what can be kept */
    facet__quantized report;
    facet__graph *g = NULL, *read = NULL;
    facet_error err;
    void *bytes = NULL;
    size_t size;
    facet_status st;

    for (int i = 0; i < FLOATS; i++)
        pixels[i] = (float)(i * 7 % 13) - 6.0f;
    (void)context;
    st = build(&g);
    if (st == FACET_OK)
        st = facet__graph_quantize(g, &samples, &opts, &report, &err);
    if (st == FACET_OK)
        st = facet__onnx_serialize(g, &bytes, &size, &err);
    if (st == FACET_OK)
        st = facet__onnx_parse(bytes, size, NULL, NULL, &read, &err);
    facet__free(bytes);
    facet__graph_free(read);
    facet__graph_free(g);
    return st;
}

static void test_every_want_of_memory_is_told(void **state)
{
    (void)state;
    torture("network", whole_way, NULL, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_want_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
