/* SPDX-License-Identifier: Apache-2.0 */
/* mobilefacenet.c - MobileFaceNet (Chen, Liu, Gao, Han; CCBR 2018), table 1,
 * and two smaller networks of our own in its manner.
 *
 * Batch normalisation follows every convolution and PReLU every one that the
 * paper does not call linear. The global pooling of a MobileNet is a depthwise
 * convolution over the whole map here, so that the middle of a face may weigh
 * more than its edge. */
#include <stdio.h>

#include "facet/synth.h"
#include "zoo/zoo.h"

enum { ROWS = 6 };

typedef struct bottleneck {
    int64_t t, c, n, s; /* expansion, channels, repeats, first stride */
} bottleneck;

typedef struct shape {
    int64_t side; /* of the input, a multiple of 16 */
    int64_t stem; /* channels of the first two convolutions */
    bottleneck rows[ROWS];
    int64_t wide; /* channels under the global convolution */
    int64_t dim;  /* numbers of the answer, unless another is asked for */
    const char *answer;
} shape;

static const shape mobilefacenet = { 112, 64,
    {
        /* t   c  n  s */
        { 2, 64, 5, 2 },
        { 4, 128, 1, 2 },
        { 2, 128, 6, 1 },
        { 4, 128, 1, 2 },
        { 2, 128, 2, 1 },
    },
    512, 128, "embedding" };

/* Under 0.3 million parameters, also with 256 numbers. */
static const shape tiny = { 112, 32,
    {
        { 2, 32, 3, 2 },
        { 4, 64, 1, 2 },
        { 2, 64, 4, 1 },
        { 4, 64, 1, 2 },
        { 2, 64, 1, 1 },
    },
    256, 128, "embedding" };

/* Under a megabyte; x and y of each point, pixels of the input. */
static const shape landmarks68 = { 96, 32,
    {
        { 2, 32, 2, 2 },
        { 4, 64, 1, 2 },
        { 2, 64, 3, 1 },
        { 4, 96, 1, 2 },
        { 2, 96, 1, 1 },
    },
    160, 2 * FACET_HEAD_POINTS, "points" };

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

/* From the picture to the maps under the global convolution. */
static int body(facet__builder *b, const shape *s)
{
    int x = facet__build_input(b, "input", 3, s->side, s->side);

    x = layer(b, "conv1", x, false,
        (facet__conv_spec){
            .out = s->stem, .kernel = 3, .stride = 2, .pad = 1 });
    x = layer(b, "conv2", x, false,
        (facet__conv_spec){
            .out = s->stem, .kernel = 3, .pad = 1, .group = s->stem });
    for (size_t i = 0; i < ROWS; i++)
        for (int64_t k = 0; k < s->rows[i].n; k++) {
            const bottleneck *row = &s->rows[i];
            char name[32];

            snprintf(name, sizeof name, "block%zu.%d", i + 1, (int)k + 1);
            x = residual(b, name, x, row->t, row->c, k ? 1 : row->s);
        }
    return layer(b, "conv3", x, false,
        (facet__conv_spec){ .out = s->wide, .kernel = 1 });
}

static int global(facet__builder *b, const shape *s, int x)
{
    return layer(b, "gdconv", x, true,
        (facet__conv_spec){
            .out = s->wide, .kernel = s->side / 16, .group = s->wide });
}

static void embedder(facet__builder *b, const shape *s)
{
    int x = global(b, s, body(b, s));

    x = layer(b, "conv4", x, true,
        (facet__conv_spec){ .out = b->dim ? b->dim : s->dim, .kernel = 1 });
    x = facet__build_flatten(b, "flatten", x);
    facet__build_output(b, s->answer, x);
}

void facet__mobilefacenet(facet__builder *b)
{
    embedder(b, &mobilefacenet);
}

void facet__mobilefacenet_tiny(facet__builder *b)
{
    embedder(b, &tiny);
}

/* An untrained one says that all points lie in the middle. */
void facet__landmarks68(facet__builder *b)
{
    const shape *s = &landmarks68;
    int x = facet__build_flatten(b, "flatten", global(b, s, body(b, s)));

    b->bias = (float)(s->side - 1) / 2;
    x = facet__build_dense(b, "fc", x, s->dim, true);
    b->bias = 0;
    facet__build_output(b, s->answer, x);
}
