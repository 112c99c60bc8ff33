/* SPDX-License-Identifier: Apache-2.0 */
/* mobilefacenet.c - MobileFaceNet (Chen, Liu, Gao, Han; CCBR 2018), table 1.
 *
 * Batch normalisation follows every convolution and PReLU every one that the
 * paper does not call linear. The global pooling of a MobileNet is a depthwise
 * convolution over the whole 7x7 map here, so that the middle of a face may
 * weigh more than its edge. */
#include <stdio.h>

#include "zoo/zoo.h"

typedef struct bottleneck {
    int64_t t, c, n, s; /* expansion, channels, repeats, first stride */
} bottleneck;

static const bottleneck bottlenecks[] = {
    /* t   c  n  s */
    { 2, 64, 5, 2 },
    { 4, 128, 1, 2 },
    { 2, 128, 6, 1 },
    { 4, 128, 1, 2 },
    { 2, 128, 2, 1 },
};

/* Convolution, batch normalisation and, unless it is linear, PReLU. */
static int layer(facet__builder *b, const char *name, int x, bool linear,
    facet__conv_spec spec)
{
    char part[64];

    x = facet__build_conv(b, name, x, spec);
    snprintf(part, sizeof part, "%s.bn", name);
    x = facet__build_batch_norm(b, part, x);
    if (linear)
        return x;
    snprintf(part, sizeof part, "%s.prelu", name);
    return facet__build_prelu(b, part, x);
}

/* Expand, filter each channel, project; a shortcut where the shape stays. */
static int residual(facet__builder *b, const char *name, int x, int64_t t,
    int64_t c, int64_t stride)
{
    const int64_t c_in = facet__build_shape(b, x).d[1], wide = t * c_in;
    char part[48];
    int y;

    snprintf(part, sizeof part, "%s.expand", name);
    y = layer(
        b, part, x, false, (facet__conv_spec){ .out = wide, .kernel = 1 });
    snprintf(part, sizeof part, "%s.depthwise", name);
    y = layer(b, part, y, false,
        (facet__conv_spec){ .out = wide,
            .kernel = 3,
            .stride = stride,
            .pad = 1,
            .group = wide });
    snprintf(part, sizeof part, "%s.project", name);
    y = layer(b, part, y, true, (facet__conv_spec){ .out = c, .kernel = 1 });
    if (stride != 1 || c != c_in)
        return y;
    snprintf(part, sizeof part, "%s.add", name);
    return facet__build_add(b, part, x, y);
}

void facet__mobilefacenet(facet__builder *b)
{
    int x = facet__build_input(b, "input", 3, 112, 112);

    x = layer(b, "conv1", x, false,
        (facet__conv_spec){ .out = 64, .kernel = 3, .stride = 2, .pad = 1 });
    x = layer(b, "conv2", x, false,
        (facet__conv_spec){ .out = 64, .kernel = 3, .pad = 1, .group = 64 });
    for (size_t i = 0; i < sizeof bottlenecks / sizeof bottlenecks[0]; i++)
        for (int64_t k = 0; k < bottlenecks[i].n; k++) {
            const bottleneck *row = &bottlenecks[i];
            char name[32];

            snprintf(name, sizeof name, "block%zu.%d", i + 1, (int)k + 1);
            x = residual(b, name, x, row->t, row->c, k ? 1 : row->s);
        }
    x = layer(
        b, "conv3", x, false, (facet__conv_spec){ .out = 512, .kernel = 1 });
    x = layer(b, "gdconv", x, true,
        (facet__conv_spec){ .out = 512, .kernel = 7, .group = 512 });
    x = layer(b, "conv4", x, true,
        (facet__conv_spec){ .out = b->dim ? b->dim : 128, .kernel = 1 });
    x = facet__build_flatten(b, "flatten", x);
    facet__build_output(b, "embedding", x);
}
