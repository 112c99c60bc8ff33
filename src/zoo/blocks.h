/* SPDX-License-Identifier: Apache-2.0 */
/* blocks.h - what the networks of the four papers have in common. */
#ifndef FACET__ZOO_BLOCKS_H
#define FACET__ZOO_BLOCKS_H

#include "zoo/zoo.h"

enum { FACET__BLOCK_NAME = 64 }; /* letters of a layer's name */

/* A convolution with its bias, batch normalisation where the builder asks for
 * it, and ReLU ("name.relu"). */
int facet__block_conv(
    facet__builder *b, const char *name, int x, facet__conv_spec spec);
/* A locally connected layer with its biases and ReLU. */
int facet__block_local(
    facet__builder *b, const char *name, int x, facet__conv_spec spec);
/* A fully connected layer with its bias and ReLU. */
int facet__block_dense(facet__builder *b, const char *name, int x, int64_t out);

/* FaceNet's local response normalisation. The paper gives no numbers; these
 * are those of GoogLeNet and OpenFace (papers.md A.2): 5 channels, alpha 1e-4
 * divided by them, beta 0.75, 1 added. */
int facet__block_norm(facet__builder *b, const char *name, int x);

/* How the branches of an inception module pool. */
typedef enum facet__inception_pool {
    FACET__INCEPTION_NONE, /* no such branch */
    FACET__INCEPTION_MAX,
    FACET__INCEPTION_L2,
} facet__inception_pool;

/* A module, in the columns of FaceNet's table 2. 0: the branch or the
 * projection is left out. The stride is that of the last convolution of the
 * 3x3 and 5x5 branches and of the pool; their 1x1 reductions see all pixels
 * (papers.md A.2: only so do the printed multiply-adds come out). */
typedef struct facet__inception {
    const char *name;
    int64_t c1;            /* #1x1 */
    int64_t c3_reduce, c3; /* #3x3 reduce, #3x3 */
    int64_t c5_reduce, c5; /* #5x5 reduce, #5x5 */
    facet__inception_pool pool;
    int64_t project; /* p: channels after the pool */
    int64_t stride;
} facet__inception;

/* The branches, joined in the order 1x1, 3x3, 5x5, pool. */
int facet__block_inception(
    facet__builder *b, const facet__inception *row, int x);

#endif
