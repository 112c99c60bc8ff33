/* SPDX-License-Identifier: Apache-2.0 */
#include "small_network.h"

#include "nn/build.h"
#include "nn/onnx.h"

static facet_status write(facet__builder *b, const char *path, facet_error *err)
{
    facet__graph *graph;
    facet_status st = facet__build_finish(b, &graph, err);

    if (st == FACET_OK)
        st = facet__onnx_write(graph, path, err);
    facet__graph_free(graph);
    return st;
}

facet_status small_network_write(const char *path, int side, facet_error *err)
{
    facet__builder b;
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
    return write(&b, path, err);
}

facet_status small_network_write_pair(
    const char *path, int side, facet_error *err)
{
    facet__builder b;
    int x, y;

    facet__build_begin(&b, "pair", 5);
    x = facet__build_input(&b, "left", 3, side, side);
    y = facet__build_input(&b, "right", 3, side, side);
    x = facet__build_flatten(&b, "flat", facet__build_add(&b, "sum", x, y));
    x = facet__build_dense(&b, "dense", x, SMALL_NETWORK_DIM, false);
    facet__build_output(&b, "embedding", x);
    return write(&b, path, err);
}
