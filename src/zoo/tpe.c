/* SPDX-License-Identifier: Apache-2.0 */
/* tpe.c - the network under Triplet Probabilistic Embedding (Sankaranarayanan,
 * Alavi, Castillo, Chellappa; BTAS 2016; papers.md D.1): seven convolutions and
 * two fully connected layers with PReLU, 227x227 to 512.
 *
 * The paper's table was not at hand; this is the one reading of what is
 * recalled of it that fits itself (papers.md D.1): conv2 is padded by 2 rather
 * than strided, pool7 is 3x3 and leaves 6x6. Chosen here: a padding of 1 for
 * 3x3, no activation behind fc7, whose 512 numbers are the feature, and no
 * dropout. `dim` of another number adds fc8 of so many; 10548 is the paper's.
 */
#include <stdio.h>

#include "zoo/blocks.h"

enum { FEATURE = 512 };

typedef struct row {
    const char *name;
    int64_t out, kernel, stride, pad;
    const char *pool; /* 3x3, stride 2, behind it; NULL: none */
} row;

static const row rows[] = {
    { "conv1", 96, 11, 4, 0, "pool1" }, /* 55x55, 27x27 */
    { "conv2", 256, 5, 1, 2, "pool2" }, /* 27x27, 13x13 */
    { "conv3", 384, 3, 1, 1, NULL }, { "conv4", 384, 3, 1, 1, NULL },
    { "conv5", 512, 3, 1, 1, NULL }, { "conv6", 512, 3, 1, 1, NULL },
    { "conv7", 512, 3, 1, 1, "pool7" }, /* 13x13, 6x6 */
};

static int with_prelu(facet__builder *b, const char *layer, int x)
{
    char name[FACET__BLOCK_NAME];

    snprintf(name, sizeof name, "%s.prelu", layer);
    return facet__build_prelu(b, name, x);
}

void facet__tpe_base(facet__builder *b)
{
    int x = facet__build_input(b, "input", 3, 227, 227);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const row *r = &rows[i];

        x = facet__build_conv(b, r->name, x,
            (facet__conv_spec){ .out = r->out,
                .kernel = r->kernel,
                .stride = r->stride,
                .pad = r->pad,
                .bias = true });
        x = with_prelu(b, r->name, x);
        if (r->pool)
            x = facet__build_max_pool(
                b, r->pool, x, (facet__pool_spec){ .kernel = 3, .stride = 2 });
    }
    x = facet__build_flatten(b, "flatten", x);
    x = facet__build_dense(b, "fc6", x, 1024, true);
    x = with_prelu(b, "fc6", x);
    x = facet__build_dense(b, "fc7", x, FEATURE, true);
    if (b->dim != 0 && b->dim != FEATURE)
        x = facet__build_dense(b, "fc8", x, b->dim, true);
    facet__build_output(b, "embedding", x);
}
