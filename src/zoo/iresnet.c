/* SPDX-License-Identifier: Apache-2.0 */
/* iresnet.c - the improved residual networks of ArcFace (Deng et al., CVPR
 * 2019; blocks of Duta et al., ICPR 2020), as InsightFace exports them.
 *
 * A block is BN-conv-BN-PReLU-conv-BN with its stride in the second
 * convolution; the picture of 112x112 is not shrunk before the first stage; the
 * head is BN-dropout-flatten-dense-BN and gives 512 numbers. */
#include <stdio.h>

#include "zoo/zoo.h"

/* A part of the block `name`. */
#define PART(part) (snprintf(buf, sizeof buf, "%s.%s", name, part), buf)

static int block(
    facet__builder *b, const char *name, int x, int64_t c, int64_t stride)
{
    const bool same = stride == 1 && facet__build_shape(b, x).d[1] == c;
    const facet__conv_spec conv = { .out = c, .kernel = 3, .pad = 1 };
    facet__conv_spec strided = conv;
    char buf[64];
    int y;

    strided.stride = stride;
    y = facet__build_batch_norm(b, PART("bn1"), x);
    y = facet__build_conv(b, PART("conv1"), y, conv);
    y = facet__build_batch_norm(b, PART("bn2"), y);
    y = facet__build_prelu(b, PART("prelu"), y);
    y = facet__build_conv(b, PART("conv2"), y, strided);
    y = facet__build_batch_norm(b, PART("bn3"), y);
    if (!same) {
        x = facet__build_conv(b, PART("shortcut"), x,
            (facet__conv_spec){ .out = c, .kernel = 1, .stride = stride });
        x = facet__build_batch_norm(b, PART("shortcut.bn"), x);
    }
    return facet__build_add(b, PART("add"), y, x);
}

static void iresnet(facet__builder *b, const int blocks[4], float dropout)
{
    int x = facet__build_input(b, "input", 3, 112, 112);

    x = facet__build_conv(
        b, "conv1", x, (facet__conv_spec){ .out = 64, .kernel = 3, .pad = 1 });
    x = facet__build_batch_norm(b, "bn1", x);
    x = facet__build_prelu(b, "prelu", x);
    for (int stage = 0; stage < 4; stage++)
        for (int k = 0; k < blocks[stage]; k++) {
            char name[32];

            snprintf(name, sizeof name, "layer%d.%d", stage + 1, k);
            x = block(b, name, x, (int64_t)64 << stage, k ? 1 : 2);
        }
    x = facet__build_batch_norm(b, "bn2", x);
    x = facet__build_dropout(b, "dropout", x, dropout);
    x = facet__build_flatten(b, "flatten", x);
    x = facet__build_dense(b, "fc", x, b->dim ? b->dim : 512, true);
    x = facet__build_batch_norm(b, "features", x);
    facet__build_output(b, "embedding", x);
}

void facet__iresnet18(facet__builder *b)
{
    iresnet(b, (const int[4]){ 2, 2, 2, 2 }, 0.0f);
}

void facet__iresnet34(facet__builder *b)
{
    iresnet(b, (const int[4]){ 3, 4, 6, 3 }, 0.0f);
}

void facet__iresnet50(facet__builder *b)
{
    iresnet(b, (const int[4]){ 3, 4, 14, 3 }, 0.0f);
}
