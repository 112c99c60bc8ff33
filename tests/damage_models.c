/* SPDX-License-Identifier: Apache-2.0 */
/* damage_models.c - see damage.h. Four small networks that between them use
 * most operators of a face network are cut at many points and have bits
 * flipped; then come lies told in place, so that the file around them stays
 * whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "damage.h"
#include "damage_bytes.h"
#include "nn/build.h"
#include "nn/onnx.h"

typedef struct network_kind {
    const char *name;
    void (*build)(facet__builder *b);
} network_kind;

/* An embedder: convolutions, a residual, a fully connected end. */
static void build_embedder(facet__builder *b)
{
    const facet__conv_spec grouped = { 4, .kernel = 3, .pad = 1, .group = 4 };
    const facet__pool_spec half = { .kernel = 2, .stride = 2 };
    int x = facet__build_input(b, "xin", 3, 12, 12), y;

    x = facet__build_conv(b, "one", x,
        (facet__conv_spec){ 4, .kernel = 3, .stride = 2, .pad = 1 });
    x = facet__build_batch_norm(b, "two", x);
    x = facet__build_prelu(b, "tri", x);
    y = facet__build_conv(b, "dwc", x, grouped);
    x = facet__build_add(b, "sum", x, facet__build_relu(b, "act", y));
    x = facet__build_max_pool(b, "max", x, half);
    x = facet__build_lrn(b, "lrn", x, (facet__lrn_spec){ 5, 1e-4f, .75f, 1 });
    x = facet__build_flatten(b, "flt", x);
    x = facet__build_dense(b, "fcn", x, 8, true);
    facet__build_output(b, "emb", facet__build_l2_normalize(b, "nrm", x));
}

/* A detector's head: open height and width, squeeze and excite, branches. */
static void build_head(facet__builder *b)
{
    const facet__conv_spec point = { 4, .kernel = 1, .bias = true };
    const facet__pool_spec mean = { .kernel = 3, .stride = 1, .pad = 1 };
    int x = facet__build_input(b, "xin", 3, -1, -1), parts[2], gate;

    x = facet__build_hard_swish(
        b, "hsw", facet__build_conv(b, "one", x, point));
    gate = facet__build_global_average_pool(b, "gap", x);
    gate = facet__build_sigmoid(
        b, "sig", facet__build_conv(b, "gte", gate, point));
    parts[0] = facet__build_mul(b, "mul", x, gate);
    parts[1] = facet__build_average_pool(b, "avg", x, mean);
    facet__build_output(b, "out", facet__build_concat(b, "cat", parts, 2));
}

/* What the older papers use: a filter of its own everywhere, maxout, L2 pools.
 */
static void build_classifier(facet__builder *b)
{
    const facet__pool_spec pool = { .kernel = 3, .stride = 2, .pad = 1 };
    int x = facet__build_input(b, "xin", 3, 12, 12);

    x = facet__build_l2_pool(b, "l2p", x, pool);
    x = facet__build_local_conv(
        b, "loc", x, (facet__conv_spec){ 4, .kernel = 3 });
    x = facet__build_maxout(b, "mxo", x, 2);
    x = facet__build_dropout(b, "drp", facet__build_flatten(b, "flt", x), .5f);
    x = facet__build_tanh(b, "tan", facet__build_dense(b, "fcn", x, 5, true));
    facet__build_output(b, "out", facet__build_softmax(b, "sfm", x));
}

/* A network of bytes: filters with steps, maps on grids, as int8 has them. */
static void build_quantized(facet__builder *b)
{
    const facet__conv_spec four = { 4, .kernel = 3, .pad = 1 };
    const facet__shape shape = { 1, { 4 } };
    int x = facet__build_input(b, "xin", 3, 8, 8), w;

    x = facet__build_relu(b, "act", facet__build_conv(b, "one", x, four));
    facet__build_output(b, "out", facet__build_conv(b, "two", x, four));
    w = facet__graph_find_value(b->graph, "two.weight");
    if (x < 0 || w < 0)
        return; /* facet__build_finish says why */
    b->graph->values[x].grid = (facet__grid){ 0.01f, 3 };
    b->graph->values[w].steps = facet__tensor_create(FACET__F32, &shape);
    for (int i = 0; b->graph->values[w].steps && i < 4; i++)
        ((float *)b->graph->values[w].steps->data)[i] = 0.01f;
}

static const network_kind kinds[] = { { "embedder", build_embedder },
    { "head", build_head }, { "classifier", build_classifier },
    { "quantized", build_quantized } };
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The ONNX bytes, to be freed with facet__free. */
static picture make(const network_kind *kind)
{
    facet__builder b;
    facet__graph *graph = NULL;
    void *bytes = NULL;
    size_t size = 0;
    facet_error err = { 0 };

    facet__build_begin(&b, kind->name, 1);
    kind->build(&b);
    if (facet__build_finish(&b, &graph, &err) != FACET_OK ||
        facet__onnx_serialize(graph, &bytes, &size, &err) != FACET_OK) {
        fprintf(stderr, "%s: %s\n", kind->name, err.msg);
        exit(EXIT_FAILURE);
    }
    facet__graph_free(graph);
    return (picture){ bytes, size };
}

/* Found in the embedder's bytes and overwritten by as many. In ONNX a node's
 * input is the tag 0a, its operator 22; a tensor's name is 42, after its last
 * dimension (08 ..) and its type (10 ..). */
static const struct {
    const char *name, *what, *by;
    size_t skip; /* bytes of `what` before those overwritten */
} lies[] = {
    { "lie-unknown-operator", "\x22\x05PRelu", "QRelu", 2 },
    { "lie-cycle", "\x0a\x03xin", "sum", 2 },
    { "lie-reads-itself", "\x0a\x03xin", "one", 2 },
    { "lie-no-such-value", "\x0a\x03xin", "nil", 2 },
    { "lie-no-such-weight", "\x0a\x0aone.weight", "two", 2 },
    { "lie-weight-of-another", "\x0a\x0aone.weight", "dwc", 2 },
    { "lie-made-twice", "\x12\x03sum", "tri", 2 },
    { "lie-smaller-weight", "\x08\x03\x10\x01\x42\x0aone.weight", "\x02", 1 },
    { "lie-bigger-weight", "\x08\x03\x10\x01\x42\x0aone.weight", "\x7f", 1 },
    { "lie-weight-type", "\x08\x03\x10\x01\x42\x0aone.weight", "\x63", 3 },
    { "lie-int-weight", "\x08\x03\x10\x01\x42\x0aone.weight", "\x07", 3 },
    { "lie-attribute", "kernel_shape", "kermel", 0 },
};

int damage_models_each(damage_use *use, void *context)
{
    damage_giver g = { use, context, 0 };

    for (size_t i = 0; i < KINDS; i++) {
        picture whole = make(&kinds[i]);

        damage_give_truncated(&g, kinds[i].name, whole);
        damage_give_flipped(&g, kinds[i].name, whole);
        for (size_t k = 0; i == 0 && k < sizeof lies / sizeof *lies; k++) {
            const size_t at =
                damage_find(whole, lies[k].what, strlen(lies[k].what));

            if (at == 0) {
                fprintf(stderr, "%s: nothing to lie about\n", lies[k].name);
                exit(EXIT_FAILURE);
            }
            damage_give_patched(&g, lies[k].name, whole, at + lies[k].skip,
                lies[k].by, strlen(lies[k].by));
        }
        facet__free(whole.bytes);
    }
    return g.count;
}

int damage_models_none(damage_use *use, void *context)
{
    for (size_t i = 0; i < KINDS; i++) {
        picture whole = make(&kinds[i]);

        use(kinds[i].name, whole.bytes, whole.size, context);
        facet__free(whole.bytes);
    }
    return KINDS;
}
