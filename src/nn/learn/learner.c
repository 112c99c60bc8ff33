/* SPDX-License-Identifier: Apache-2.0 */
/* learner.c - layers in a row and their weights, and both passes. */
#include "nn/learn/learner_private.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

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

static facet_status refuse(const facet__node *node, facet_error *err)
{
    const char *attribute = facet__layer_refuses(node);

    if (!attribute)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "node '%.80s' cannot be trained", node->name);
    return facet__fail(err, FACET_EUNSUPPORTED,
        "node '%.80s' cannot be trained with this '%s': export the network "
        "without it",
        node->name, attribute);
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
        return refuse(node, err);
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

/* Rows of the filter of a dense layer or of a convolution without groups, 0 of
 * others. */
static size_t rows_of(
    const facet__node *node, int input, const facet__shape *shape)
{
    const bool dense =
        node->op == FACET__OP_GEMM ||
        (node->op == FACET__OP_CONV && facet__node_int(node, "group", 1) == 1);

    return dense && input == 1 ? (size_t)shape->d[0] : 0;
}

static facet_status add_weight(
    facet__learner *net, const facet__node *node, int input, int role)
{
    const int value = node->in[input];
    const facet__value *v = &net->graph->values[value];
    const size_t count = (size_t)facet__shape_count(&v->data->shape);
    facet__weight *w = &net->weights[net->n_weights];

    for (size_t i = 0; i < net->n_weights; i++)
        if (net->weights[i].value == v->data->data)
            return FACET_OK; /* shared between nodes */
    *w = (facet__weight){ .name = v->name,
        .value = v->data->data,
        .count = count,
        .decay = role == 2,
        .rows = rows_of(node, input, &v->data->shape) };
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
                st = add_weight(net, &g->nodes[i], k, role);
        }
    return st == FACET_OK ? st : facet__fail_memory(err);
}

static facet_status find_ends(facet__learner *net, facet_error *err)
{
    const facet__graph *g = net->graph;

    if (g->n_inputs != 1 || g->n_outputs < 1 ||
        g->values[g->inputs[0]].shape.n != 4)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "a network that learns has one picture in and vectors out");
    net->input = g->inputs[0];
    net->ends = facet__calloc((size_t)g->n_values, sizeof *net->ends);
    if (!net->ends)
        return facet__fail_memory(err);
    for (int i = 0; i < g->n_outputs; i++)
        net->ends[g->outputs[i]] = true;
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

void facet__learner_free(facet__learner *net)
{
    if (!net)
        return;
    facet__learner_unplan(net);
    for (size_t i = 0; net->weights && i < net->n_weights; i++)
        facet__free(net->weights[i].gradient);
    facet__free(net->weights);
    facet__free(net->gradients);
    facet__free(net->ends);
    facet__free(net->layers);
    facet__pool_free(net->pool);
    facet__graph_free(net->graph);
    facet__free(net);
}

/* passes */

size_t facet__learner_dim(const facet__learner *learner)
{
    const facet__shape *s =
        &learner->graph->values[learner->graph->outputs[0]].shape;
    facet__learner *open = (facet__learner *)(uintptr_t)learner;

    if (learner->dim == 0 && facet__learner_plan(open, 1, NULL) != FACET_OK)
        return s->n == 2 && s->d[1] > 0 ? (size_t)s->d[1] : 0;
    return learner->dim;
}

size_t facet__learner_weights(
    facet__learner *learner, const facet__weight **weights)
{
    *weights = learner->weights;
    return learner->n_weights;
}

/* Between the outputs [n][numbers] and [n][dim], where they stand one behind
 * the other. */
static void move_outputs(
    const facet__learner *net, const facet__view *views, float *all, bool join)
{
    size_t offset = 0;

    for (int i = 0; i < net->graph->n_outputs; i++) {
        const size_t numbers = facet__learner_output_numbers(net, i);
        float *one = views[net->graph->outputs[i]].data;

        for (size_t n = 0; n < net->batch; n++) {
            float *row = all + n * net->dim + offset;

            memcpy(join ? row : one + n * numbers,
                join ? one + n * numbers : row, numbers * sizeof *row);
        }
        offset += numbers;
    }
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
        st = facet__learner_plan(net, n, err);
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
    for (int i = 0; i < net->graph->n_outputs && st == FACET_OK; i++)
        if (net->maps[net->graph->outputs[i]].type != FACET__F32)
            st = facet__fail(err, FACET_EUNSUPPORTED,
                "the network ends in a map: flatten it");
    if (st != FACET_OK)
        return st;
    if (net->joined)
        move_outputs(net, net->maps, net->joined, true);
    *out = net->joined ? net->joined : net->maps[net->graph->outputs[0]].data;
    return FACET_OK;
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
    move_outputs(net, net->map_gradients, (float *)(uintptr_t)dout, false);
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
