/* SPDX-License-Identifier: Apache-2.0 */
/* network.c - between the run loop and nn/learn. */
#include "train/network.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/error.h"
#include "face/yunet.h"
#include "nn/answers.h"
#include "nn/learn/learner.h"
#include "nn/onnx.h"
#include "train/chunked.h"
#include "zoo/zoo.h"

typedef struct bound {
    facet__learner *learner;
    facet__param *params;
    const facet__recipe *recipe;
} bound;

static facet_status forward(void *self, const float *x, size_t n,
    uint64_t stream, const float **out, facet_error *err)
{
    const bound *b = self;

    return facet__learner_forward(b->learner, x, n, true, stream, out, err);
}

static facet_status backward(void *self, const float *dout, facet_error *err)
{
    const bound *b = self;

    return facet__learner_backward(b->learner, dout, err);
}

static facet_status embed(
    void *self, const float *x, size_t n, const float **out, facet_error *err)
{
    const bound *b = self;

    return facet__learner_forward(b->learner, x, n, false, 0, out, err);
}

static void share(void *self, const facet__peers *peers)
{
    const bound *b = self;

    facet__learner_share(b->learner, peers);
}

/* Params are the learner's weights, in its order. */
static void on_final(
    void *self, void (*final)(void *context, size_t param), void *context)
{
    const bound *b = self;

    facet__learner_on_final(b->learner, final, context);
}

/* What ONNX does not say, said in the file. */
static facet_status describe(const facet__recipe *r, facet__graph *graph)
{
    const bool embeds = !r->faces && !r->landmarks;
    char text[128];
    const struct {
        const char *key, *text;
    } fixed[] = { { "facet.task", embeds     ? "embedder"
                                  : r->faces ? "detector"
                                             : "landmarks" },
        { "facet.color", r->bgr ? "bgr" : "rgb" },
        { "facet.template", embeds ? "arcface-112" : NULL },
        { "facet.normalize", embeds ? "l2" : NULL },
        { "facet.metric", embeds ? "cosine" : NULL },
        { "facet.input", r->faces ? NULL : text }, { "facet.recipe", r->name },
        { "facet.recipe_sha256", r->hash } };
    facet_status st = FACET_OK;

    snprintf(text, sizeof text, "%dx%d", r->width, r->height);
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (st == FACET_OK && fixed[i].text)
            st = facet__graph_set_meta(graph, fixed[i].key, fixed[i].text);
    snprintf(text, sizeof text, "%.9g %.9g %.9g", r->mean[0], r->mean[1],
        r->mean[2]);
    if (st == FACET_OK)
        st = facet__graph_set_meta(graph, "facet.mean", text);
    snprintf(text, sizeof text, "%.9g %.9g %.9g", r->scale[0], r->scale[1],
        r->scale[2]);
    if (st == FACET_OK)
        st = facet__graph_set_meta(graph, "facet.scale", text);
    return st;
}

/* What the file says of the weights that training began with. */
static facet_status forget(facet__graph *graph)
{
    static const char *const keys[] = { "facet.threshold", "facet.source",
        "facet.data" };
    facet_status st = facet__answers_forget(graph);

    for (size_t i = 0; i < sizeof keys / sizeof *keys && st == FACET_OK; i++)
        st = facet__graph_set_meta(graph, keys[i], NULL);
    return st;
}

static facet_status save(void *self, const char *path, facet_error *err)
{
    const bound *b = self;
    facet__graph *graph = NULL;
    facet_status st =
        facet__graph_copy(facet__learner_export(b->learner), &graph);

    if (st == FACET_OK)
        st = forget(graph);
    if (st == FACET_OK)
        st = describe(b->recipe, graph);
    st = st == FACET_OK ? facet__onnx_write(graph, path, err)
                        : facet__fail_memory(err);
    facet__graph_free(graph);
    return st;
}

/* Constants of `from` into those of the same name and shape; their number. */
static size_t take_weights(facet__graph *to, const facet__graph *from)
{
    size_t taken = 0;

    for (int v = 0; v < to->n_values; v++) {
        facet__tensor *t = to->values[v].data;
        const int w = facet__graph_find_value(from, to->values[v].name);
        const facet__tensor *f = w == FACET__NONE ? NULL : from->values[w].data;

        if (!t || !f || t->type != f->type ||
            !facet__shape_equal(&t->shape, &f->shape))
            continue;
        memcpy(t->data, f->data, t->bytes);
        taken++;
    }
    return taken;
}

static facet_status make_graph(
    const facet__recipe *r, facet__graph **graph, facet_error *err)
{
    facet__graph *init = NULL;
    facet_status st = FACET_OK;

    *graph = NULL;
    if (r->init)
        st = facet__onnx_read(r->init, NULL, &init, err);
    if (st == FACET_OK && r->network)
        st = facet__zoo_build_as(r->network,
            &(facet__zoo_opts){ .seed = r->run.data.seed,
                .dim = r->dim,
                .batch_norm = r->batch_norm },
            graph, err);
    if (st == FACET_OK && !r->network) {
        *graph = init;
        init = NULL;
    }
    if (st == FACET_OK && init && take_weights(*graph, init) == 0)
        st = facet__fail(err, FACET_ENOTFOUND,
            "%s shares no weight with the network '%s'", r->init, r->network);
    facet__graph_free(init);
    return st;
}

/* Of weights that could learn, all but the last so many are kept. */
static void keep_first(facet__param *params, size_t n, size_t last)
{
    for (size_t i = n; i-- > 0;)
        if (!params[i].state && last > 0)
            last--;
        else
            params[i].state = true;
}

static facet_status bind(bound *b, facet__trainable *net, facet_error *err)
{
    const facet__weight *weights;
    const size_t n = facet__learner_weights(b->learner, &weights);

    b->params = facet__calloc(n, sizeof *b->params);
    if (!b->params)
        return facet__fail_memory(err);
    for (size_t i = 0; i < n; i++)
        b->params[i] = (facet__param){ .name = weights[i].name,
            .count = weights[i].count,
            .value = weights[i].value,
            .grad = weights[i].gradient,
            .decay = weights[i].decay,
            .state = weights[i].gradient == NULL,
            .rows = weights[i].rows };
    if (b->recipe->train_last > 0)
        keep_first(b->params, n, (size_t)b->recipe->train_last);
    *net = (facet__trainable){ .self = b,
        .dim = facet__learner_dim(b->learner),
        .params = b->params,
        .n_params = n,
        .forward = forward,
        .backward = backward,
        .embed = embed,
        .save = save,
        .share = share,
        .on_final = on_final };
    return FACET_OK;
}

static facet_status check_size(
    const facet__recipe *r, const facet__graph *graph, facet_error *err)
{
    const facet__shape *s =
        graph->n_inputs == 1 ? &graph->values[graph->inputs[0]].shape : NULL;

    if (!s || s->n != 4 || s->d[1] != 3 ||
        (s->d[2] > 0 && s->d[2] != r->height) ||
        (s->d[3] > 0 && s->d[3] != r->width))
        return facet__fail(err, FACET_EMODEL,
            "the network does not take pictures of %d x %d", r->width,
            r->height);
    return FACET_OK;
}

/* A detector's answers are told apart by where they stand (assign.h). */
static facet_status check_outputs(const facet__graph *graph, facet_error *err)
{
    for (int i = 0; i < FACET__YUNET_OUTPUTS; i++)
        if (graph->n_outputs != FACET__YUNET_OUTPUTS ||
            strcmp(graph->values[graph->outputs[i]].name,
                facet__yunet_output[i]) != 0)
            return facet__fail(err, FACET_EMODEL,
                "the network is no detector that can be trained: it lacks "
                "output %d of a YuNet, %s",
                i + 1, facet__yunet_output[i]);
    return FACET_OK;
}

/* Pictures that go through at a time, 0 for all of a batch. */
static size_t chunk_of(const facet__recipe *r)
{
    enum { PARTS = 8 }; /* of a batch whose activations are computed anew */

    if (r->chunk > 0)
        return (size_t)r->chunk;
    return r->recompute ? (r->run.data.order.batch + PARTS - 1) / PARTS : 0;
}

static facet_status chunk_it(
    const facet__recipe *r, facet__trainable *net, facet_error *err)
{
    const facet__trainable inner = *net;
    const size_t numbers = 3 * (size_t)r->width * (size_t)r->height;

    return facet__chunked_wrap(&inner, chunk_of(r), numbers, net) == FACET_OK
               ? FACET_OK
               : facet__fail_memory(err);
}

facet_status facet__trainable_open(
    const facet__recipe *recipe, facet__trainable *net, facet_error *err)
{
    const facet__learner_opts opts = {
        .threads = recipe->threads > 0 ? recipe->threads : facet__cpu_count(),
        .bf16 = recipe->bf16 && facet__cpu_level_get() >= FACET__CPU_AVX512BF16,
        .height = recipe->height,
        .width = recipe->width
    };
    facet__graph *graph = NULL;
    bound *b = facet__calloc(1, sizeof *b);
    facet_status st = b ? FACET_OK : facet__fail_memory(err);

    *net = (facet__trainable){ .self = NULL };
    if (st == FACET_OK)
        st = make_graph(recipe, &graph, err);
    if (st == FACET_OK)
        st = check_size(recipe, graph, err);
    if (st == FACET_OK && recipe->faces)
        st = check_outputs(graph, err);
    if (st == FACET_OK) {
        b->recipe = recipe;
        st = facet__learner_create(graph, &opts, &b->learner, err);
    }
    if (st == FACET_OK)
        st = bind(b, net, err);
    if (st == FACET_OK && recipe->dim > 0 && net->dim != (size_t)recipe->dim)
        st = facet__fail(err, FACET_EMODEL,
            "the network gives %zu numbers, the recipe says dim %d", net->dim,
            recipe->dim);
    facet__graph_free(graph);
    if (st == FACET_OK && chunk_of(recipe) > 0)
        st = chunk_it(recipe, net, err);
    if (st != FACET_OK) {
        net->self = b;
        facet__trainable_close(net);
    }
    return st;
}

void facet__trainable_close(facet__trainable *net)
{
    const facet__trainable inner =
        facet__is_chunked(net) ? facet__chunked_unwrap(net) : *net;
    bound *b = inner.self;

    if (b) {
        facet__learner_free(b->learner);
        facet__free(b->params);
        facet__free(b);
    }
    *net = (facet__trainable){ .self = NULL };
}
