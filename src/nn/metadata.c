/* SPDX-License-Identifier: Apache-2.0 */
/* metadata.c - notes in an ONNX file. What a network computes stays as it is,
 * and so does the digest that embeddings are known by. */
#include "base/error.h"
#include "nn/answers.h"
#include "nn/model.h"
#include "nn/onnx.h"

facet_status facet_model_set_metadata(const char *source_path, const char *key,
    const char *text, const char *path, facet_error *err)
{
    facet__graph *graph = NULL;
    facet_status st;

    if (!source_path || !key || !*key || !path)
        return facet__fail(err, FACET_EINVAL, "a file, a key, a file");
    st = facet__onnx_read(source_path, NULL, &graph, err);
    if (st == FACET_OK && facet__answers_set_meta(graph, key, text) != FACET_OK)
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        st = facet__onnx_write(graph, path, err);
    facet__graph_free(graph);
    return st;
}
