/* SPDX-License-Identifier: Apache-2.0 */
/* learner.c - layers in a row, their weights, and one arena for both passes.
 *
 * Time runs from 0 to 2N: layer i goes forward at i and backward at 2N - 1 - i.
 * Every map, gradient, and thing kept is a block that lives from the moment it
 * is written to the last that reads it. */
#include "nn/learn/learner.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/engine/arena.h"
#include "nn/learn/layer.h"

struct facet__learner {
    facet__graph *graph; /* its constants are the weights */
    facet__learner_opts opts;
    facet__pool *pool;
    facet__layer *layers;
    int n_layers;
    facet__weight *weights;
    size_t n_weights;
    float **gradients; /* [n_values], of constants that learn */
    int input, output; /* values */
    size_t dim;
    /* For the batch at hand. */
    size_t batch;
    facet__fact *facts;
    facet__view *maps, *map_gradients; /* [n_values] */
    char *arena;
    size_t arena_bytes;
    facet__pass pass;
    facet__gradient_final *final; /* or NULL */
    void *final_context;
};

/* making layers */

static int count_readers(const facet__graph *g, int value, int *reader)
{
    int count = 0;

    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == value) {
                *reader = i;
                count++;
            }
    for (int i = 0; i < g->n_outputs; i++)
        count += g->outputs[i] == value;
    return count;
}

/* The activation that runs with norm `node`, or FACET__NONE. */
static int activation_behind(const facet__graph *g, const facet__node *node)
{
    int reader = FACET__NONE;

    if (node->op != FACET__OP_BATCH_NORM ||
        count_readers(g, node->out[0], &reader) != 1 || reader == FACET__NONE ||
        !facet__is_activation(g, &g->nodes[reader]))
        return FACET__NONE;
    return reader;
}

static void bind_weight(
    facet__learner *net, facet__layer *layer, int place, int value, bool learns)
{
    const facet__value *v = &net->graph->values[value];

    if (!v->data || v->data->type != FACET__F32)
        return;
    layer->weight[place] = v->data->data;
    layer->weight_shape[place] = v->data->shape;
    layer->gradient[place] = learns ? net->gradients[value] : NULL;
}

/* Where an activation's number stands among its node's inputs. */
static void bind_activation(
    facet__learner *net, facet__layer *layer, const facet__node *act)
{
    const int place = act->op == FACET__OP_PRELU  ? 1
                      : act->op == FACET__OP_CLIP ? 2
                                                  : 0;

    layer->activation = act;
    if (place > 0 && place < act->n_in && act->in[place] != FACET__NONE)
        bind_weight(net, layer, 5, act->in[place], act->op == FACET__OP_PRELU);
}

static facet_status make_layer(
    facet__learner *net, int node_number, int *taken, facet_error *err)
{
    const facet__graph *g = net->graph;
    const facet__node *node = &g->nodes[node_number];
    facet__layer *layer = &net->layers[net->n_layers];

    *layer = (facet__layer){ .class = facet__layer_class_of(g, node),
        .node = node,
        .out = node->out[0],
        .number = net->n_layers };
    if (!layer->class)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "node '%.80s' cannot be trained", node->name);
    for (int i = 0; i < node->n_in && i < 8; i++) {
        const int v = node->in[i];

        if (v != FACET__NONE && g->values[v].data && i < 5)
            bind_weight(net, layer, i, v, net->gradients[v] != NULL);
        else if (v != FACET__NONE && !g->values[v].data)
            layer->in[layer->n_in++] = v;
    }
    if (layer->n_in < 1)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "node '%.80s' has no input that varies", node->name);
    *taken = activation_behind(g, node);
    if (facet__is_activation(g, node))
        bind_activation(net, layer, node);
    if (*taken != FACET__NONE) {
        bind_activation(net, layer, &g->nodes[*taken]);
        layer->out = g->nodes[*taken].out[0];
    }
    net->n_layers++;
    return FACET_OK;
}

static facet_status make_layers(facet__learner *net, facet_error *err)
{
    const size_t nodes = (size_t)net->graph->n_nodes;
    bool *done = facet__calloc(nodes, sizeof *done);
    facet_status st = FACET_OK;

    net->layers = facet__calloc(nodes, sizeof *net->layers);
    if (!done || !net->layers)
        st = facet__fail_memory(err);
    for (int i = 0; i < net->graph->n_nodes && st == FACET_OK; i++) {
        int taken = FACET__NONE;

        if (!done[i])
            st = make_layer(net, i, &taken, err);
        if (taken != FACET__NONE)
            done[taken] = true;
    }
    facet__free(done);
    return st;
}

/* Where each weight's gradient is complete: behind the layer nearest the input
 * that adds to it, which goes backward last. */
static void find_finals(facet__learner *net)
{
    for (int i = 0; i < net->n_layers; i++)
        for (int k = 0; k < FACET__LAYER_WEIGHTS; k++)
            net->layers[i].final[k] = FACET__NONE;
    for (size_t w = 0; w < net->n_weights; w++)
        for (int i = 0, found = 0; i < net->n_layers && !found; i++)
            for (int k = 0; k < FACET__LAYER_WEIGHTS && !found; k++)
                if (net->weights[w].gradient &&
                    net->layers[i].gradient[k] == net->weights[w].gradient) {
                    net->layers[i].final[k] = (int)w;
                    found = 1;
                }
}

/* weights */

/* How the constant that node's input i is takes part: 0 not at all, 1 it
 * learns, 2 it also decays, 3 it is a running statistic. */
static int role_of(const facet__node *node, int i)
{
    switch (node->op) {
    case FACET__OP_CONV:
    case FACET__OP_GEMM:
    case FACET__OP_LOCAL_CONV:
        return i == 1 ? 2 : 1;
    case FACET__OP_BATCH_NORM:
        return i < 3 ? 1 : 3;
    case FACET__OP_PRELU:
        return 1;
    default:
        return 0;
    }
}

static facet_status add_weight(facet__learner *net, int value, int role)
{
    const facet__value *v = &net->graph->values[value];
    const size_t count = (size_t)facet__shape_count(&v->data->shape);
    facet__weight *w = &net->weights[net->n_weights];

    for (size_t i = 0; i < net->n_weights; i++)
        if (net->weights[i].value == v->data->data)
            return FACET_OK; /* shared between nodes */
    *w = (facet__weight){ .name = v->name,
        .value = v->data->data,
        .count = count,
        .decay = role == 2 };
    if (role != 3) {
        w->gradient = facet__calloc(count, sizeof *w->gradient);
        net->gradients[value] = w->gradient;
        if (!w->gradient)
            return FACET_ENOMEM;
    }
    net->n_weights++;
    return FACET_OK;
}

static facet_status find_weights(facet__learner *net, facet_error *err)
{
    const facet__graph *g = net->graph;
    facet_status st = FACET_OK;

    net->weights = facet__calloc((size_t)g->n_values, sizeof *net->weights);
    net->gradients = facet__calloc((size_t)g->n_values, sizeof *net->gradients);
    if (!net->weights || !net->gradients)
        return facet__fail_memory(err);
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 1; k < g->nodes[i].n_in && st == FACET_OK; k++) {
            const int v = g->nodes[i].in[k];
            const int role = role_of(&g->nodes[i], k);

            if (role && v != FACET__NONE && g->values[v].data &&
                g->values[v].data->type == FACET__F32)
                st = add_weight(net, v, role);
        }
    return st == FACET_OK ? st : facet__fail_memory(err);
}

static facet_status find_ends(facet__learner *net, facet_error *err)
{
    const facet__graph *g = net->graph;

    if (g->n_inputs != 1 || g->n_outputs != 1 ||
        g->values[g->inputs[0]].shape.n != 4)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "a network that learns has one picture in and one vector out");
    net->input = g->inputs[0];
    net->output = g->outputs[0];
    return FACET_OK;
}

facet_status facet__learner_create(const facet__graph *graph,
    const facet__learner_opts *opts, facet__learner **out, facet_error *err)
{
    facet__learner *net = facet__calloc(1, sizeof *net);
    const facet__cpu_level level = facet__cpu_level_get();
    facet_status st = net ? FACET_OK : facet__fail_memory(err);

    *out = NULL;
    if (st == FACET_OK) {
        net->opts = *opts;
        st = facet__graph_copy(graph, &net->graph);
        if (st != FACET_OK)
            facet__fail_memory(err);
    }
    if (st == FACET_OK)
        st = find_ends(net, err);
    if (st == FACET_OK)
        st = find_weights(net, err);
    if (st == FACET_OK)
        st = make_layers(net, err);
    if (st == FACET_OK)
        find_finals(net);
    if (st == FACET_OK &&
        facet__pool_create(opts->threads, &net->pool) != FACET_OK)
        st = facet__fail_memory(err);
    if (st == FACET_OK) {
        net->pass.kernels = facet__kernels_of(level);
        net->pass.rows = facet__row_kernels_of(level);
        if (opts->bf16 && !net->pass.kernels->gemm_bf16)
            st = facet__fail(err, FACET_EUNSUPPORTED,
                "this processor does not compute bf16: train in fp32");
    }
    if (st != FACET_OK) {
        facet__learner_free(net);
        return st;
    }
    *out = net;
    return FACET_OK;
}

static void free_batch(facet__learner *net)
{
    if (net->facts)
        facet__facts_free(net->facts, net->graph->n_values);
    facet__free(net->maps);
    facet__free(net->map_gradients);
    facet__free(net->arena);
    net->facts = NULL;
    net->maps = net->map_gradients = NULL;
    net->arena = NULL;
    net->batch = 0;
}

void facet__learner_free(facet__learner *net)
{
    if (!net)
        return;
    free_batch(net);
    for (size_t i = 0; net->weights && i < net->n_weights; i++)
        facet__free(net->weights[i].gradient);
    facet__free(net->weights);
    facet__free(net->gradients);
    facet__free(net->layers);
    facet__pool_free(net->pool);
    facet__graph_free(net->graph);
    facet__free(net);
}

/* the plan of a batch */

/* Blocks: maps, then their gradients, then what layers keep. */
typedef struct plan {
    facet__learner *net;
    facet__block *blocks;
    int n_values, n_layers;
} plan;

static facet__block *map_block(const plan *p, int value)
{
    return &p->blocks[value];
}

static facet__block *gradient_block(const plan *p, int value)
{
    return &p->blocks[p->n_values + value];
}

static facet__block *kept_block(const plan *p, int layer)
{
    return &p->blocks[2 * p->n_values + layer];
}

/* Is the value made from weights that learn? Its gradient is wanted then. */
static void mark_wanted(const facet__learner *net, bool *wanted)
{
    for (int i = 0; i < net->n_layers; i++) {
        const facet__layer *layer = &net->layers[i];

        for (int k = 0; k < FACET__LAYER_WEIGHTS; k++)
            wanted[layer->out] |= layer->gradient[k] != NULL;
        for (int k = 0; k < layer->n_in; k++)
            wanted[layer->out] |= wanted[layer->in[k]];
    }
}

static void touch_blocks(const plan *p, const bool *wanted)
{
    const facet__learner *net = p->net;
    const int end = 2 * net->n_layers;

    facet__block_touch(map_block(p, net->input), -1);
    for (int i = 0; i < net->n_layers; i++) {
        const facet__layer *layer = &net->layers[i];
        const int back = end - 1 - i;

        facet__block_touch(map_block(p, layer->out), i);
        if (layer->class->keeps_output)
            facet__block_touch(map_block(p, layer->out), back);
        facet__block_touch(gradient_block(p, layer->out), back);
        for (int k = 0; k < layer->n_in; k++) {
            facet__block_touch(map_block(p, layer->in[k]), i);
            if (layer->class->keeps_input)
                facet__block_touch(map_block(p, layer->in[k]), back);
            if (wanted[layer->in[k]])
                facet__block_touch(gradient_block(p, layer->in[k]), back);
        }
        if (layer->kept_bytes > 0) {
            facet__block_touch(kept_block(p, i), i);
            facet__block_touch(kept_block(p, i), back);
        }
    }
    facet__block_touch(map_block(p, net->output), end);
    facet__block_touch(gradient_block(p, net->output), net->n_layers - 1);
}

static facet_status make_views(facet__learner *net, facet_error *err)
{
    for (int v = 0; v < net->graph->n_values; v++) {
        const facet__shape *s = &net->facts[v].shape;
        const bool map = s->n == 4;

        if (net->facts[v].data || !facet__shape_known(s))
            continue;
        net->maps[v] = (facet__view){ NULL,
            map && net->opts.bf16 ? FACET__BF16 : FACET__F32,
            map ? FACET__NHWC : FACET__PLAIN, *s };
        net->map_gradients[v] = net->maps[v];
    }
    for (int i = 0; i < net->n_layers; i++)
        if (!net->maps[net->layers[i].out].type)
            return facet__fail(err, FACET_EMODEL,
                "the shape behind '%.80s' cannot be told",
                net->layers[i].node->name);
    return FACET_OK;
}

static facet_status fit_window(
    facet__learner *net, facet__layer *layer, facet_error *err)
{
    const facet__node *node = layer->node;
    const facet__attr *kernel = facet__node_attr(node, "kernel_shape");
    const facet__shape *w = &layer->weight_shape[1];
    const bool windowed = kernel || (node->op == FACET__OP_CONV && w->n == 4);
    int64_t size[2];

    layer->window = (facet__window){ .kernel = { 0, 0 } };
    if (!windowed)
        return FACET_OK;
    for (int k = 0; k < 2; k++)
        size[k] = kernel ? kernel->ints[k] : w->d[k + 2];
    return facet__window_of(
        node, &net->maps[layer->in[0]].shape.d[2], size, &layer->window, err);
}

static facet_status size_layers(
    facet__learner *net, plan *p, size_t *scratch, facet_error *err)
{
    *scratch = 0;
    net->pass.thread_stride = 0;
    for (int i = 0; i < net->n_layers; i++) {
        facet__layer *layer = &net->layers[i];
        const facet_status st = fit_window(net, layer, err);

        if (st != FACET_OK)
            return st;
        layer->kept_bytes = layer->scratch_bytes = layer->thread_bytes = 0;
        if (layer->class->size)
            layer->class->size(layer, &net->pass);
        *kept_block(p, i) = facet__block_of(layer->kept_bytes);
        if (layer->scratch_bytes > *scratch)
            *scratch = layer->scratch_bytes;
        if (layer->thread_bytes > net->pass.thread_stride)
            net->pass.thread_stride = layer->thread_bytes;
    }
    *scratch = (*scratch + 127) & ~(size_t)63;
    net->pass.thread_stride = (net->pass.thread_stride + 127) & ~(size_t)63;
    return FACET_OK;
}

/* Whose gradient is written first goes first backward; the others add. */
static void find_sums(facet__learner *net, bool *written)
{
    for (int i = net->n_layers - 1; i >= 0; i--) {
        facet__layer *layer = &net->layers[i];

        for (int k = 0; k < layer->n_in; k++) {
            layer->adds[k] = written[layer->in[k]];
            written[layer->in[k]] = true;
        }
    }
}

static void hand_out(facet__learner *net, const plan *p, const bool *wanted)
{
    for (int v = 0; v < p->n_values; v++) {
        if (map_block(p, v)->used)
            net->maps[v].data = net->arena + map_block(p, v)->offset;
        if (gradient_block(p, v)->used && (wanted[v] || v == net->output))
            net->map_gradients[v].data =
                net->arena + gradient_block(p, v)->offset;
    }
    for (int i = 0; i < net->n_layers; i++)
        net->layers[i].kept = net->arena + kept_block(p, i)->offset;
}

static facet_status lay_out(
    facet__learner *net, plan *p, bool *wanted, facet_error *err)
{
    const size_t threads = (size_t)facet__pool_size(net->pool);
    size_t scratch, total;
    facet_status st;

    for (int v = 0; v < p->n_values; v++) {
        const bool varies = net->maps[v].type != 0;
        const size_t bytes = varies ? facet__view_bytes(&net->maps[v]) : 0;

        *map_block(p, v) = facet__block_of(bytes);
        *gradient_block(p, v) = facet__block_of(bytes);
    }
    net->pass.maps = net->maps;
    net->pass.gradients = net->map_gradients;
    net->pass.pool = net->pool;
    st = size_layers(net, p, &scratch, err);
    if (st != FACET_OK)
        return st;
    mark_wanted(net, wanted);
    touch_blocks(p, wanted);
    if (facet__arena_place(p->blocks, (size_t)(2 * p->n_values + p->n_layers),
            &net->arena_bytes) != FACET_OK)
        return facet__fail_memory(err);
    total = net->arena_bytes + scratch + threads * net->pass.thread_stride + 64;
    net->arena = facet__alloc(total);
    if (!net->arena)
        return facet__fail_memory(err);
    facet__use_large_pages(net->arena, total);
    net->pass.scratch = net->arena + net->arena_bytes;
    net->pass.thread_scratch = net->pass.scratch + scratch;
    hand_out(net, p, wanted);
    return FACET_OK;
}

static facet_status plan_batch(
    facet__learner *net, size_t batch, facet_error *err)
{
    const size_t values = (size_t)net->graph->n_values;
    facet__shape shape = net->graph->values[net->input].shape;
    plan p = { net, NULL, net->graph->n_values, net->n_layers };
    bool *wanted = facet__calloc(values, sizeof *wanted);
    bool *written = facet__calloc(values, sizeof *written);
    facet_status st = FACET_OK;

    free_batch(net);
    shape.d[0] = (int64_t)batch;
    p.blocks =
        facet__calloc(2 * values + (size_t)net->n_layers, sizeof *p.blocks);
    net->maps = facet__calloc(values, sizeof *net->maps);
    net->map_gradients = facet__calloc(values, sizeof *net->map_gradients);
    if (!p.blocks || !wanted || !written || !net->maps || !net->map_gradients)
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        st = facet__infer(net->graph, &shape, false, &net->facts, err);
    if (st == FACET_OK)
        st = make_views(net, err);
    if (st == FACET_OK) {
        find_sums(net, written);
        st = lay_out(net, &p, wanted, err);
    }
    facet__free(p.blocks);
    facet__free(wanted);
    facet__free(written);
    if (st != FACET_OK) {
        free_batch(net);
        return st;
    }
    net->batch = batch;
    net->dim = facet__view_count(&net->maps[net->output]) / batch;
    return FACET_OK;
}

/* passes */

size_t facet__learner_dim(const facet__learner *learner)
{
    const facet__shape *s = &learner->graph->values[learner->output].shape;
    facet__learner *open = (facet__learner *)(uintptr_t)learner;

    if (learner->dim == 0 && plan_batch(open, 1, NULL) != FACET_OK)
        return s->n == 2 && s->d[1] > 0 ? (size_t)s->d[1] : 0;
    return learner->dim;
}

size_t facet__learner_weights(
    facet__learner *learner, const facet__weight **weights)
{
    *weights = learner->weights;
    return learner->n_weights;
}

facet_status facet__learner_forward(facet__learner *net, const float *x,
    size_t n, bool training, uint64_t stream, const float **out,
    facet_error *err)
{
    facet_status st = FACET_OK;
    const facet__view *input;

    if (n == 0 || !x)
        return facet__fail(err, FACET_EINVAL, "no pictures");
    if (n != net->batch)
        st = plan_batch(net, n, err);
    if (st != FACET_OK)
        return st;
    input = &net->maps[net->input];
    if (input->type == FACET__BF16)
        net->pass.kernels->vec->narrow(
            x, input->data, facet__view_count(input));
    else
        memcpy(input->data, x, facet__view_bytes(input));
    net->pass.training = training;
    net->pass.stream = stream;
    for (int i = 0; i < net->n_layers && st == FACET_OK; i++)
        st = net->layers[i].class->forward(&net->layers[i], &net->pass);
    *out = net->maps[net->output].data;
    if (st == FACET_OK && net->maps[net->output].type != FACET__F32)
        st = facet__fail(
            err, FACET_EUNSUPPORTED, "the network ends in a map: flatten it");
    return st;
}

void facet__learner_share(facet__learner *learner, const facet__peers *peers)
{
    learner->pass.peers = peers ? *peers : (facet__peers){ .sum = NULL };
}

void facet__learner_on_final(
    facet__learner *learner, facet__gradient_final *final, void *context)
{
    learner->final = final;
    learner->final_context = context;
}

static void tell_finals(const facet__learner *net, const facet__layer *layer)
{
    for (int k = 0; net->final && k < FACET__LAYER_WEIGHTS; k++)
        if (layer->final[k] != FACET__NONE)
            net->final(net->final_context, (size_t)layer->final[k]);
}

facet_status facet__learner_backward(
    facet__learner *net, const float *dout, facet_error *err)
{
    facet_status st = FACET_OK;

    if (net->batch == 0 || !net->pass.training)
        return facet__fail(
            err, FACET_EINVAL, "no training forward pass came before");
    for (size_t i = 0; i < net->n_weights; i++)
        if (net->weights[i].gradient)
            memset(net->weights[i].gradient, 0,
                net->weights[i].count * sizeof(float));
    memcpy(net->map_gradients[net->output].data, dout,
        net->batch * net->dim * sizeof *dout);
    for (int i = net->n_layers - 1; i >= 0 && st == FACET_OK; i--) {
        st = net->layers[i].class->backward(&net->layers[i], &net->pass);
        if (st == FACET_OK)
            tell_finals(net, &net->layers[i]);
    }
    return st;
}

const facet__graph *facet__learner_export(facet__learner *learner)
{
    return learner->graph;
}

size_t facet__learner_memory(const facet__learner *learner)
{
    return learner->arena_bytes;
}
