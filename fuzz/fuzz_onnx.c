/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_onnx.c - hunts counts and shapes that are believed before they are
 * checked, reads past a weight's end, folding that moves memory by a wrong
 * size, and plans whose steps overlap. What loads is written and read again,
 * and what is small enough is run. */
#include <stdlib.h>

#include "base/alloc.h"
#include "facet/model.h"
#include "fuzz.h"
#include "nn/onnx.h"

enum { MAX_BYTES = 1 << 22, MAX_SCRATCH = 1 << 22, OPEN_DIM = 16 };

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

/* The inputs' sizes with the open ones closed; false when they are many. */
static int close_dims(const facet_model *model, int64_t *dims, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < facet_model_input_count(model); i++) {
        facet_tensor_info info;

        if (facet_model_input_info(model, i, &info) != FACET_OK)
            abort();
        for (int d = 0; d < info.n_dims; d++, n++) {
            if (n == cap)
                return 0;
            dims[n] = info.dims[d] >= 0 ? info.dims[d] : d ? OPEN_DIM : 1;
        }
    }
    return 1;
}

static void run(const facet_model *model)
{
    facet_session *session;
    int64_t dims[24] = { 0 };
    facet_status st;

    if (!close_dims(model, dims, 24) ||
        facet_session_create(model, NULL, &session, NULL) != FACET_OK)
        return;
    st = facet_session_reshape(session, dims, NULL);
    if (st == FACET_OK && facet_session_memory(session) < MAX_SCRATCH)
        st = facet_session_run(session, NULL);
    facet_session_free(session);
    (void)st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    facet_model_opts opts;
    facet_model *model;
    facet_error err = { 0 };
    facet_status st;

    facet_model_opts_init(&opts);
    opts.max_bytes = MAX_BYTES;
    opts.precision = FACET_PRECISION_FP32;
    st = facet_model_load_memory(data, size, &opts, &model, &err);
    if ((st == FACET_OK) != (model != NULL) ||
        (st != FACET_OK && (err.code != st || !err.msg[0])))
        abort();
    if (model)
        run(model);
    facet_model_free(model);
    write_and_read(data, size);
    return 0;
}
