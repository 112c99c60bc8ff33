/* SPDX-License-Identifier: Apache-2.0 */
/* deepface.c - the network of DeepFace (Taigman, Yang, Ranzato, Wolf; CVPR
 * 2014; papers.md C.2), for frontalised pictures of 152x152.
 *
 * Behind two convolutions come three locally connected layers: in an aligned
 * face each place has statistics of its own, so each has filters of its own. M2
 * makes 71 of 142, which takes a last window that hangs over the edge. C3 has
 * 9x9x32 filters, as the paper's figure says (its text says 9x9x16).
 *
 * As published there is no classifier: 4096 numbers, F7 behind its ReLU, on
 * which the paper's normalisation and its metrics work. `dim` of another number
 * adds F8 of so many; 4030 is the paper's. */
#include "zoo/blocks.h"

typedef enum kind { CONV, POOL, LOCAL } kind;

typedef struct row {
    const char *name;
    kind kind;
    int64_t out, kernel, stride;
} row;

static const row rows[] = {
    { "C1", CONV, 32, 11, 1 }, /* 142x142 */
    { "M2", POOL, 0, 3, 2 },   /* 71x71 */
    { "C3", CONV, 16, 9, 1 },  /* 63x63 */
    { "L4", LOCAL, 16, 9, 1 }, /* 55x55 */
    { "L5", LOCAL, 16, 7, 2 }, /* 25x25 */
    { "L6", LOCAL, 16, 5, 1 }, /* 21x21 */
};

enum { REPRESENTATION = 4096 };

static int layer(facet__builder *b, const row *r, int x)
{
    const facet__conv_spec spec = {
        .out = r->out, .kernel = r->kernel, .stride = r->stride
    };

    if (r->kind == POOL)
        return facet__build_max_pool(b, r->name, x,
            (facet__pool_spec){
                .kernel = r->kernel, .stride = r->stride, .ceil = true });
    return r->kind == CONV ? facet__block_conv(b, r->name, x, spec)
                           : facet__block_local(b, r->name, x, spec);
}

void facet__deepface(facet__builder *b)
{
    int x = facet__build_input(b, "input", 3, 152, 152);

    b->init = (facet__init){ FACET__INIT_NORMAL, 0.01f };
    b->bias = 0.5f;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        x = layer(b, &rows[i], x);
    x = facet__build_flatten(b, "flatten", x);
    x = facet__block_dense(b, "F7", x, REPRESENTATION);
    x = facet__build_dropout(b, "F7.drop", x, 0.5f);
    if (b->dim != 0 && b->dim != REPRESENTATION)
        x = facet__build_dense(b, "F8", x, b->dim, true);
    facet__build_output(b, "embedding", x);
}
