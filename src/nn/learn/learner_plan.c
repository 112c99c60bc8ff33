/* SPDX-License-Identifier: Apache-2.0 */
/* learner_plan.c - one arena for both passes over a batch.
 *
 * Time runs from 0 to 2N: layer i goes forward at i and backward at 2N - 1 - i.
 * Every map, gradient, and thing kept is a block that lives from the moment it
 * is written to the last that reads it. */
#include "nn/learn/learner_private.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/engine/arena.h"
#include "nn/learn/fuse.h"

void facet__learner_unplan(facet__learner *net)
{
    if (net->facts)
        facet__facts_free(net->facts, net->graph->n_values);
    facet__free(net->maps);
    facet__free(net->map_gradients);
    facet__free(net->arena);
    facet__free(net->joined);
    net->facts = NULL;
    net->maps = net->map_gradients = NULL;
    net->arena = NULL;
    net->joined = NULL;
    net->batch = 0;
}

/* Blocks: maps, then their gradients, then what layers keep. */
typedef struct plan {
    facet__learner *net;
    facet__block *blocks;
    int n_values, n_layers;
    int *root; /* whose gradient's memory a value's gradient has */
} plan;

static facet__block *map_block(const plan *p, int value)
{
    return &p->blocks[value];
}

static facet__block *gradient_block(const plan *p, int value)
{
    return &p->blocks[p->n_values + p->root[value]];
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

/* What the layer reads of input k: the map, or a norm's. */
static facet__block *read_block(const plan *p, const facet__layer *layer, int k)
{
    const facet__layer *norm = layer->norm_in[k];

    return map_block(p, norm ? norm->in[0] : layer->in[k]);
}

static void touch_forward(const plan *p, int i)
{
    const facet__layer *layer = &p->net->layers[i];

    if (!layer->hidden)
        facet__block_touch(map_block(p, layer->out), i);
    for (int k = 0; k < layer->n_in; k++)
        facet__block_touch(read_block(p, layer, k), i);
    if (layer->kept_bytes > 0)
        facet__block_touch(kept_block(p, i), i);
    if (layer->norm_out)
        facet__block_touch(kept_block(p, layer->norm_out->number), i);
}

static void touch_backward(const plan *p, int i)
{
    const facet__layer *layer = &p->net->layers[i], *norm = layer->norm_out;
    const int back = 2 * p->net->n_layers - 1 - i;

    if (layer->class->keeps_output)
        facet__block_touch(map_block(p, layer->out), back);
    if (layer->kept_bytes > 0)
        facet__block_touch(kept_block(p, i), back);
    if (norm && norm->passes_back) {
        facet__block_touch(map_block(p, layer->out), back);
        facet__block_touch(gradient_block(p, norm->out), back);
        facet__block_touch(kept_block(p, norm->number), back);
    } else {
        facet__block_touch(gradient_block(p, layer->out), back);
    }
    for (int k = 0; k < layer->n_in; k++) {
        if (layer->class->keeps_input)
            facet__block_touch(read_block(p, layer, k), back);
        if (layer->wants[k] && !layer->passes_back)
            facet__block_touch(gradient_block(p, layer->in[k]), back);
        if (layer->reduces[k])
            facet__block_touch(map_block(p, layer->reduces[k]->in[0]), back);
    }
}

static void touch_blocks(const plan *p)
{
    const facet__learner *net = p->net;
    const int end = 2 * net->n_layers;

    facet__block_touch(map_block(p, net->input), -1);
    for (int i = 0; i < net->n_layers; i++) {
        touch_forward(p, i);
        touch_backward(p, i);
    }
    for (int i = 0; i < net->graph->n_outputs; i++) {
        const int output = net->graph->outputs[i];

        facet__block_touch(map_block(p, output), end);
        facet__block_touch(gradient_block(p, output), net->n_layers - 1);
    }
}

static facet_status make_views(facet__learner *net, facet_error *err)
{
    for (int v = 0; v < net->graph->n_values; v++) {
        const facet__shape *s = &net->facts[v].shape;
        const bool map = s->n == 4;

        if (net->facts[v].data || !facet__shape_known(s))
            continue;
        net->maps[v] = (facet__view){
            .type = map && net->opts.bf16 ? FACET__BF16 : FACET__F32,
            .layout = map ? FACET__NHWC : FACET__PLAIN,
            .shape = *s,
        };
        net->map_gradients[v] = net->maps[v];
    }
    for (int i = 0; i < net->n_layers; i++)
        if (net->layers[i].class == &facet__layer_cells) {
            facet__view *cells = &net->maps[net->layers[i].out];

            /* channels last in ONNX too: no map any more */
            cells->layout = FACET__PLAIN;
            cells->type = cells->type ? FACET__F32 : 0;
            net->map_gradients[net->layers[i].out] = *cells;
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
    const int64_t *kernel = facet__kernel_of(net->graph, node);

    layer->window = (facet__window){ .kernel = { 0, 0 } };
    if (!kernel)
        return FACET_OK;
    return facet__window_of(
        node, &net->maps[layer->in[0]].shape.d[2], kernel, &layer->window, err);
}

static void size_layers(facet__learner *net, const plan *p, size_t *scratch)
{
    *scratch = 0;
    net->pass.thread_stride = 0;
    for (int i = 0; i < net->n_layers; i++) {
        facet__layer *layer = &net->layers[i];

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
}

static facet_status fit_windows(facet__learner *net, facet_error *err)
{
    facet_status st = FACET_OK;

    for (int i = 0; i < net->n_layers && st == FACET_OK; i++)
        st = fit_window(net, &net->layers[i], err);
    return st;
}

static facet_status check_fits(const facet__learner *net, facet_error *err)
{
    for (int i = 0; i < net->n_layers; i++) {
        const facet__layer *layer = &net->layers[i];

        if (layer->class->fits && !layer->class->fits(layer, &net->pass))
            return facet__fail(err, FACET_EUNSUPPORTED,
                "node '%.80s' cannot be trained with inputs of these shapes",
                layer->node->name);
    }
    return FACET_OK;
}

/* Whose gradient is written first goes first backward; the others add. */
static void find_sums(facet__learner *net, bool *written)
{
    for (int i = 0; i < net->graph->n_outputs; i++)
        written[net->graph->outputs[i]] = true; /* by the loss */
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
        if (gradient_block(p, v)->used && (wanted[v] || net->ends[v]))
            net->map_gradients[v].data =
                net->arena + gradient_block(p, v)->offset;
    }
    for (int i = 0; i < net->n_layers; i++)
        net->layers[i].kept = net->arena + kept_block(p, i)->offset;
}

static facet_status lay_out(
    facet__learner *net, const plan *p, const bool *wanted, facet_error *err)
{
    const size_t threads = (size_t)facet__pool_size(net->pool);
    size_t scratch, total;

    for (int v = 0; v < p->n_values; v++) {
        const bool varies = net->maps[v].type != 0;
        const size_t bytes = varies ? facet__view_bytes(&net->maps[v]) : 0;

        *map_block(p, v) = facet__block_of(bytes);
        *gradient_block(p, v) = facet__block_of(bytes);
    }
    size_layers(net, p, &scratch);
    touch_blocks(p);
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

/* How long the outputs of a picture are, and where they are joined. */
static facet_status join_outputs(facet__learner *net, facet_error *err)
{
    net->dim = 0;
    for (int i = 0; i < net->graph->n_outputs; i++)
        net->dim += facet__learner_output_numbers(net, i);
    if (net->graph->n_outputs == 1)
        return FACET_OK;
    net->joined = facet__calloc(net->batch * net->dim, sizeof *net->joined);
    if (net->joined)
        return FACET_OK;
    facet__learner_unplan(net);
    return facet__fail_memory(err);
}

facet_status facet__learner_plan(
    facet__learner *net, size_t batch, facet_error *err)
{
    const size_t values = (size_t)net->graph->n_values;
    facet__shape shape = net->graph->values[net->input].shape;
    plan p = { net, NULL, net->graph->n_values, net->n_layers, NULL };
    bool *wanted = facet__calloc(values, sizeof *wanted);
    bool *written = facet__calloc(values, sizeof *written);
    facet_status st = FACET_OK;

    facet__learner_unplan(net);
    shape.d[0] = (int64_t)batch;
    if (shape.d[2] < 0)
        shape.d[2] = net->opts.height;
    if (shape.d[3] < 0)
        shape.d[3] = net->opts.width;
    p.blocks =
        facet__calloc(2 * values + (size_t)net->n_layers, sizeof *p.blocks);
    p.root = facet__calloc(values, sizeof *p.root);
    net->maps = facet__calloc(values, sizeof *net->maps);
    net->map_gradients = facet__calloc(values, sizeof *net->map_gradients);
    if (!p.blocks || !p.root || !wanted || !written || !net->maps ||
        !net->map_gradients)
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        st = facet__infer(net->graph, &shape, 0, &net->facts, err);
    if (st == FACET_OK)
        st = make_views(net, err);
    net->pass.maps = net->maps;
    net->pass.gradients = net->map_gradients;
    net->pass.pool = net->pool;
    if (st == FACET_OK)
        st = check_fits(net, err);
    if (st == FACET_OK)
        st = fit_windows(net, err);
    if (st == FACET_OK) {
        find_sums(net, written);
        mark_wanted(net, wanted);
        facet__fuse(&(facet__fusion){ net->layers, net->n_layers, p.n_values,
            &net->pass, wanted, net->ends, net->opts.apart, p.root });
        st = lay_out(net, &p, wanted, err);
    }
    facet__free(p.blocks);
    facet__free(p.root);
    facet__free(wanted);
    facet__free(written);
    if (st != FACET_OK) {
        facet__learner_unplan(net);
        return st;
    }
    net->batch = batch;
    return join_outputs(net, err);
}
