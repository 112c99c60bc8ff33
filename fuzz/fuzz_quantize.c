/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_quantize.c - hunts grids that are believed before they are checked when
 * a network runs in int8, and what a strange graph does to the quantizer. What
 * could be quantized is written, read again and run. */
#include <string.h>

#include "base/alloc.h"
#include "fuzz_network.h"
#include "nn/onnx.h"
#include "nn/quantize/quantize.h"

enum { MAX_ELEMENTS = 1 << 14 };

/* The shape of the one input, open sizes closed; false when it is none that
 * could be a sample. */
static bool sample_shape(const uint8_t *data, size_t size, facet__shape *shape)
{
    facet_model *model = load(data, size, FACET_PRECISION_FP32);
    bool good = model && facet_model_input_count(model) == 1;
    facet_tensor_info info = { .n_dims = 0 };

    good = good && facet_model_input_info(model, 0, &info) == FACET_OK &&
           info.n_dims == 4;
    *shape = (facet__shape){ .n = 4 };
    for (int d = 0; d < 4; d++)
        shape->d[d] = d == 0 ? 1 : info.dims[d] < 0 ? OPEN_DIM : info.dims[d];
    facet_model_free(model);
    return good && facet__shape_count(shape) > 0 &&
           facet__shape_count(shape) <= MAX_ELEMENTS;
}

static facet__graph *quantize(
    const uint8_t *data, size_t size, const facet__shape *shape)
{
    static float numbers[MAX_ELEMENTS];
    float *rows[1] = { numbers };
    const facet__onnx_limits limits = { MAX_BYTES };
    const facet__samples samples = { *shape, rows, 1 };
    const facet__quantize_opts opts = { .loss = 0, .threads = 1 };
    facet__quantized report;
    facet__graph *graph;

    for (int i = 0; i < MAX_ELEMENTS; i++)
        numbers[i] = (float)(i * 7 % 13) - 6.0f;
    if (facet__onnx_parse(data, size, NULL, &limits, &graph, NULL) != FACET_OK)
        return NULL;
    if (facet__graph_quantize(graph, &samples, &opts, &report, NULL) ==
        FACET_OK)
        return graph;
    facet__graph_free(graph);
    return NULL;
}

static void run_in_bytes(const uint8_t *data, size_t size)
{
    facet_model *model = load(data, size, FACET_PRECISION_INT8);

    if (model)
        run(model);
    facet_model_free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    facet__shape shape;
    facet__graph *graph =
        sample_shape(data, size, &shape) ? quantize(data, size, &shape) : NULL;
    void *bytes = NULL;
    size_t written;

    run_in_bytes(data, size);
    if (graph &&
        facet__onnx_serialize(graph, &bytes, &written, NULL) == FACET_OK)
        run_in_bytes(bytes, written);
    facet__graph_free(graph);
    facet__free(bytes);
    return 0;
}
