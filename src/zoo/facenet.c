/* SPDX-License-Identifier: Apache-2.0 */
/* facenet.c - the networks of FaceNet (Schroff, Kalenichenko, Philbin; CVPR
 * 2015; papers.md A.1 to A.3).
 *
 * NN1 is table 1, NN2 table 2; NN3 and NN4 are NN2 on smaller pictures, NN4
 * without the 5x5 branches of its last three modules (the only reading that
 * gives the paper's 285M multiply-adds). Not in the paper, and chosen here: the
 * padding (symmetric), the numbers of the normalisation (blocks.h), that maxout
 * takes neighbours. The mini and tiny networks NNS1 and NNS2 were never
 * published but for their input and size: ours have those, and NN2's style. */
#include "zoo/blocks.h"

/* The window of every pool: 3x3, stride 2. */
static const facet__pool_spec halve = { .kernel = 3, .stride = 2, .pad = 1 };

static const facet__conv_spec conv7 = {
    .out = 64, .kernel = 7, .stride = 2, .pad = 3
};

/* The last layer and the length of 1. */
static void embed(facet__builder *b, const char *name, int x)
{
    x = facet__build_dense(b, name, x, b->dim ? b->dim : 128, true);
    x = facet__build_l2_normalize(b, "l2", x);
    facet__build_output(b, "embedding", x);
}

/* NN1 */

/* 1x1 to its input's channels, then 3x3: conv2a and conv2 of the table. */
typedef struct zeiler {
    const char *reduce, *conv;
    int64_t out;
    const char *norm, *pool; /* behind; NULL: there is none */
} zeiler;

static const zeiler nn1_rows[] = {
    { "conv2a", "conv2", 192, "rnorm2", "pool2" },
    { "conv3a", "conv3", 384, NULL, "pool3" },
    { "conv4a", "conv4", 256, NULL, NULL },
    { "conv5a", "conv5", 256, NULL, NULL },
    { "conv6a", "conv6", 256, NULL, "pool4" },
};

static int zeiler_row(facet__builder *b, const zeiler *row, int x)
{
    const int64_t in = facet__build_shape(b, x).d[1];

    x = facet__block_conv(
        b, row->reduce, x, (facet__conv_spec){ .out = in, .kernel = 1 });
    x = facet__block_conv(b, row->conv, x,
        (facet__conv_spec){ .out = row->out, .kernel = 3, .pad = 1 });
    if (row->norm)
        x = facet__block_norm(b, row->norm, x);
    return row->pool ? facet__build_max_pool(b, row->pool, x, halve) : x;
}

void facet__facenet_nn1(facet__builder *b)
{
    int x = facet__build_input(b, "input", 3, 220, 220);

    x = facet__block_conv(b, "conv1", x, conv7);
    x = facet__build_max_pool(b, "pool1", x, halve);
    x = facet__block_norm(b, "rnorm1", x);
    for (size_t i = 0; i < sizeof nn1_rows / sizeof nn1_rows[0]; i++)
        x = zeiler_row(b, &nn1_rows[i], x);
    x = facet__build_flatten(b, "concat", x);
    x = facet__build_dense(b, "fc1", x, 2 * 32 * 128, true);
    x = facet__build_maxout(b, "fc1.maxout", x, 2);
    x = facet__build_dense(b, "fc2", x, 2 * 32 * 128, true);
    x = facet__build_maxout(b, "fc2.maxout", x, 2);
    embed(b, "fc7128", x);
}

/* NN2, NN3, NN4 */

/* As the table's column writes them. */
#define NONE FACET__INCEPTION_NONE
#define MAX FACET__INCEPTION_MAX
#define L2 FACET__INCEPTION_L2

enum {
    ROWS = 10,
    ROW_4E = 7, /* from which on NN4 has no 5x5 */
};

static const facet__inception second = { "2", 0, 64, 192, 0, 0, NONE, 0, 1 };

/* name  #1x1  #3x3 reduce, #3x3  #5x5 reduce, #5x5  pool, p  stride */
static const facet__inception nn2_rows[ROWS] = {
    { "3a", 64, 96, 128, 16, 32, MAX, 32, 1 },
    { "3b", 64, 96, 128, 32, 64, L2, 64, 1 },
    { "3c", 0, 128, 256, 32, 64, MAX, 0, 2 },
    { "4a", 256, 96, 192, 32, 64, L2, 128, 1 },
    { "4b", 224, 112, 224, 32, 64, L2, 128, 1 },
    { "4c", 192, 128, 256, 32, 64, L2, 128, 1 },
    { "4d", 160, 144, 288, 32, 64, L2, 128, 1 },
    { "4e", 0, 160, 256, 64, 128, MAX, 0, 2 },
    { "5a", 384, 192, 384, 48, 128, L2, 128, 1 },
    { "5b", 384, 192, 384, 48, 128, MAX, 128, 1 },
};

/* Pictures of size x size; `no_5x5` leaves those branches out from 4e on. */
static void inception(facet__builder *b, int64_t size, bool no_5x5)
{
    int x = facet__build_input(b, "input", 3, size, size);

    x = facet__block_conv(b, "conv1", x, conv7);
    x = facet__build_max_pool(b, "pool1", x, halve);
    x = facet__block_norm(b, "norm1", x);
    x = facet__block_inception(b, &second, x);
    x = facet__block_norm(b, "norm2", x);
    x = facet__build_max_pool(b, "pool2", x, halve);
    for (size_t i = 0; i < ROWS; i++) {
        facet__inception row = nn2_rows[i];

        if (no_5x5 && i >= ROW_4E)
            row.c5 = row.c5_reduce = 0;
        x = facet__block_inception(b, &row, x);
    }
    x = facet__build_global_average_pool(b, "pool", x);
    x = facet__build_flatten(b, "flatten", x);
    embed(b, "fc", x);
}

void facet__facenet_nn2(facet__builder *b)
{
    inception(b, 224, false);
}

void facet__facenet_nn3(facet__builder *b)
{
    inception(b, 160, false);
}

void facet__facenet_nn4(facet__builder *b)
{
    inception(b, 96, true);
}

/* NNS1, NNS2: ours, to the published input, parameters and multiply-adds. Their
 * many parameters for few multiply-adds can only lie in a fully connected layer
 * behind the last map, so there is one. */

typedef struct small {
    int64_t height, width;
    int64_t kernel, first; /* of conv1 */
    facet__inception second;
    facet__inception rows[5]; /* up to one without a name */
    int64_t hidden;
} small;

static const small nns1 = { 165, 165, 7, 32,
    { "2", 0, 48, 112, 0, 0, NONE, 0, 1 },
    {
        { "3a", 32, 48, 72, 8, 16, MAX, 16, 1 },
        { "3b", 0, 64, 96, 16, 32, MAX, 0, 2 },
        { "4a", 96, 64, 128, 16, 32, L2, 64, 1 },
        { "4b", 0, 64, 128, 16, 48, MAX, 0, 2 },
        { "5a", 128, 96, 256, 24, 64, L2, 96, 1 },
    },
    1280 };

static const small nns2 = { 140, 116, 5, 16,
    { "2", 0, 24, 24, 0, 0, NONE, 0, 1 },
    {
        { "3a", 16, 16, 24, 4, 8, MAX, 8, 1 },
        { "3b", 0, 16, 80, 4, 8, MAX, 0, 2 },
        { "4a", 24, 24, 80, 4, 16, L2, 16, 1 },
        { "4b", 0, 24, 48, 8, 16, MAX, 0, 2 },
    },
    1024 };

static void build_small(facet__builder *b, const small *s)
{
    int x = facet__build_input(b, "input", 3, s->height, s->width);

    x = facet__block_conv(b, "conv1", x,
        (facet__conv_spec){ .out = s->first,
            .kernel = s->kernel,
            .stride = 2,
            .pad = s->kernel / 2 });
    x = facet__build_max_pool(b, "pool1", x, halve);
    x = facet__block_norm(b, "norm1", x);
    x = facet__block_inception(b, &s->second, x);
    x = facet__block_norm(b, "norm2", x);
    x = facet__build_max_pool(b, "pool2", x, halve);
    for (size_t i = 0; i < 5 && s->rows[i].name; i++)
        x = facet__block_inception(b, &s->rows[i], x);
    x = facet__build_flatten(b, "flatten", x);
    x = facet__block_dense(b, "fc1", x, s->hidden);
    embed(b, "fc", x);
}

void facet__facenet_nns1(facet__builder *b)
{
    build_small(b, &nns1);
}

void facet__facenet_nns2(facet__builder *b)
{
    build_small(b, &nns2);
}
