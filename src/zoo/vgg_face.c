/* SPDX-License-Identifier: Apache-2.0 */
/* vgg_face.c - networks A, B and D of Deep Face Recognition (Parkhi, Vedaldi,
 * Zisserman; BMVC 2015; papers.md B.2): 3x3 convolutions in five blocks, each
 * ended by a 2x2 pool, and fully connected layers.
 *
 * As published there is no classifier: 4096 numbers, fc7 behind its ReLU, from
 * which the softmax loss makes its classes. `dim` of another number adds fc8 of
 * so many: 2622 is the paper's classifier, 1024 its metric head. Layers have
 * the same names in A, B and D, so that `init` grows B and D from a trained A.
 */
#include <stdio.h>

#include "zoo/blocks.h"

enum { BLOCKS = 5, DESCRIPTOR = 4096 };

/* 3x3 convolutions of each block; the released network is D. */
static const int net_a[BLOCKS] = { 1, 1, 2, 2, 2 };
static const int net_b[BLOCKS] = { 2, 2, 2, 2, 2 };
static const int net_d[BLOCKS] = { 2, 2, 3, 3, 3 };

static const int64_t channels[BLOCKS] = { 64, 128, 256, 512, 512 };

static int block(facet__builder *b, int number, int convs, int x)
{
    const facet__conv_spec spec = {
        .out = channels[number - 1], .kernel = 3, .pad = 1
    };
    char name[FACET__BLOCK_NAME];

    for (int k = 1; k <= convs; k++) {
        snprintf(name, sizeof name, "conv%d_%d", number, k);
        x = facet__block_conv(b, name, x, spec);
    }
    snprintf(name, sizeof name, "pool%d", number);
    return facet__build_max_pool(
        b, name, x, (facet__pool_spec){ .kernel = 2, .stride = 2 });
}

static void vgg_face(facet__builder *b, const int convs[BLOCKS])
{
    int x = facet__build_input(b, "input", 3, 224, 224);

    b->init = (facet__init){ FACET__INIT_NORMAL, 0.01f };
    for (int i = 0; i < BLOCKS; i++)
        x = block(b, i + 1, convs[i], x);
    x = facet__build_flatten(b, "flatten", x);
    x = facet__block_dense(b, "fc6", x, 4096);
    x = facet__build_dropout(b, "drop6", x, 0.5f);
    x = facet__block_dense(b, "fc7", x, DESCRIPTOR);
    x = facet__build_dropout(b, "drop7", x, 0.5f);
    if (b->dim != 0 && b->dim != DESCRIPTOR)
        x = facet__build_dense(b, "fc8", x, b->dim, true);
    facet__build_output(b, "embedding", x);
}

void facet__vgg_face_a(facet__builder *b)
{
    vgg_face(b, net_a);
}

void facet__vgg_face_b(facet__builder *b)
{
    vgg_face(b, net_b);
}

void facet__vgg_face_d(facet__builder *b)
{
    vgg_face(b, net_d);
}
