/* SPDX-License-Identifier: Apache-2.0 */
#include "zoo/blocks.h"

#include <stdio.h>

/* A part of the layer `name`. */
#define PART(part)                                                             \
    (snprintf(buf, sizeof buf, "%.40s.%s", name, part), (const char *)buf)

int facet__block_conv(
    facet__builder *b, const char *name, int x, facet__conv_spec spec)
{
    char buf[FACET__BLOCK_NAME];

    spec.bias = true;
    x = facet__build_conv(b, name, x, spec);
    if (b->batch_norm)
        x = facet__build_batch_norm(b, PART("bn"), x);
    return facet__build_relu(b, PART("relu"), x);
}

int facet__block_local(
    facet__builder *b, const char *name, int x, facet__conv_spec spec)
{
    char buf[FACET__BLOCK_NAME];

    spec.bias = true;
    x = facet__build_local_conv(b, name, x, spec);
    return facet__build_relu(b, PART("relu"), x);
}

int facet__block_dense(facet__builder *b, const char *name, int x, int64_t out)
{
    char buf[FACET__BLOCK_NAME];

    x = facet__build_dense(b, name, x, out, true);
    return facet__build_relu(b, PART("relu"), x);
}

int facet__block_norm(facet__builder *b, const char *name, int x)
{
    return facet__build_lrn(
        b, name, x, (facet__lrn_spec){ 5, 1e-4f, 0.75f, 1.0f });
}

/* Reduce by 1x1, then kernel x kernel. */
static int reduced(facet__builder *b, const char *name, int x, int64_t reduce,
    int64_t out, int64_t kernel, int64_t stride)
{
    char buf[FACET__BLOCK_NAME];

    x = facet__block_conv(
        b, PART("reduce"), x, (facet__conv_spec){ .out = reduce, .kernel = 1 });
    return facet__block_conv(b, name, x,
        (facet__conv_spec){ .out = out,
            .kernel = kernel,
            .stride = stride,
            .pad = kernel / 2 });
}

static int pooled(
    facet__builder *b, const char *name, int x, const facet__inception *row)
{
    const facet__pool_spec window = {
        .kernel = 3, .stride = row->stride, .pad = 1
    };
    char buf[FACET__BLOCK_NAME];

    x = row->pool == FACET__INCEPTION_L2
            ? facet__build_l2_pool(b, name, x, window)
            : facet__build_max_pool(b, name, x, window);
    if (row->project == 0)
        return x;
    return facet__block_conv(b, PART("project"), x,
        (facet__conv_spec){ .out = row->project, .kernel = 1 });
}

int facet__block_inception(
    facet__builder *b, const facet__inception *row, int x)
{
    const char *name = row->name;
    char buf[FACET__BLOCK_NAME];
    int branch[4], n = 0;

    if (row->c1)
        branch[n++] = facet__block_conv(b, PART("1x1"), x,
            (facet__conv_spec){ .out = row->c1, .kernel = 1 });
    if (row->c3)
        branch[n++] =
            reduced(b, PART("3x3"), x, row->c3_reduce, row->c3, 3, row->stride);
    if (row->c5)
        branch[n++] =
            reduced(b, PART("5x5"), x, row->c5_reduce, row->c5, 5, row->stride);
    if (row->pool != FACET__INCEPTION_NONE)
        branch[n++] = pooled(b, PART("pool"), x, row);
    return n == 1 ? branch[0] : facet__build_concat(b, name, branch, n);
}
