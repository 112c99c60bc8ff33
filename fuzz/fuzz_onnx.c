/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_onnx.c - hunts counts and shapes that are believed before they are
 * checked, reads past a weight's end, folding that moves memory by a wrong
 * size, and plans whose steps overlap. What loads is written and read again,
 * and what is small enough is run. */
#include "base/alloc.h"
#include "fuzz_network.h"
#include "nn/onnx.h"

/* What was read can be written, and what was written can be read. */
static void write_and_read(const uint8_t *data, size_t size)
{
    const facet__onnx_limits limits = { MAX_BYTES };
    facet__graph *graph, *again = NULL;
    void *bytes = NULL;
    size_t written;

    if (facet__onnx_parse(data, size, NULL, &limits, &graph, NULL) != FACET_OK)
        return;
    if (facet__onnx_serialize(graph, &bytes, &written, NULL) == FACET_OK &&
        facet__onnx_parse(bytes, written, NULL, NULL, &again, NULL) != FACET_OK)
        abort();
    facet__graph_free(again);
    facet__graph_free(graph);
    facet__free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    facet_model *model = load(data, size, FACET_PRECISION_FP32);

    if (model)
        run(model);
    facet_model_free(model);
    write_and_read(data, size);
    return 0;
}
