/* SPDX-License-Identifier: Apache-2.0 */
#include "small_network.h"

#include "nn/build.h"
#include "nn/onnx.h"

facet_status small_network_write(const char *path, int side, facet_error *err)
{
    facet__builder b;
    facet__graph *graph;
    facet_status st;
    int x;

    facet__build_begin(&b, "small", 5);
    x = facet__build_input(&b, "input", 3, side, side);
    x = facet__build_conv(&b, "one", x,
        (facet__conv_spec){ .out = 12, .kernel = 3, .stride = 2, .pad = 1 });
    x = facet__build_batch_norm(&b, "one.bn", x);
    x = facet__build_prelu(&b, "one.act", x);
    x = facet__build_conv(&b, "two", x,
        (facet__conv_spec){ .out = 12, .kernel = 3, .pad = 1, .group = 12 });
    x = facet__build_batch_norm(&b, "two.bn", x);
    x = facet__build_dropout(&b, "drop", x, .2f);
    x = facet__build_flatten(&b, "flat", x);
    x = facet__build_dense(&b, "dense", x, SMALL_NETWORK_DIM, false);
    x = facet__build_batch_norm(&b, "dense.bn", x);
    facet__build_output(&b, "embedding", x);
    st = facet__build_finish(&b, &graph, err);
    if (st == FACET_OK)
        st = facet__onnx_write(graph, path, err);
    facet__graph_free(graph);
    return st;
}
