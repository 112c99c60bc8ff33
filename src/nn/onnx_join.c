/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_join.c - what onnx_write.c had to say in many nodes becomes one again.
 *
 * A locally connected layer is written as a gathering of patches and a batch of
 * products, maxout as strided slices and Max (docs/design/local-layers.md).
 * Read as they stand they would compute the same, slowly, and could not be
 * trained on. They are told by their form alone, whoever wrote them, and every
 * number that the form rests on is compared: a graph that only resembles it
 * stays as it is. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/infer.h"
#include "nn/onnx_private.h"

typedef struct join {
    facet__graph *graph;
    int *maker;   /* [n_values] node or FACET__NONE */
    int *readers; /* [n_values] how many nodes and outputs read it */
    facet__fact *facts;
    bool changed;
} join;

static void note_ends(join *j)
{
    const facet__graph *g = j->graph;

    for (int v = 0; v < g->n_values; v++)
        j->maker[v] = FACET__NONE;
    for (int i = 0; i < g->n_nodes; i++) {
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] != FACET__NONE)
                j->readers[g->nodes[i].in[k]]++;
        for (int k = 0; k < g->nodes[i].n_out; k++)
            if (g->nodes[i].out[k] != FACET__NONE)
                j->maker[g->nodes[i].out[k]] = i;
    }
    for (int i = 0; i < g->n_outputs; i++)
        j->readers[g->outputs[i]]++;
}

/* The node that makes `value`, if it is an `op` whose result has one reader. */
static facet__node *made_by(const join *j, int value, facet__op_kind op)
{
    const int node = value == FACET__NONE ? FACET__NONE : j->maker[value];

    if (node == FACET__NONE || j->readers[value] != 1 ||
        j->graph->nodes[node].op != op || j->graph->nodes[node].n_in < 1)
        return NULL;
    return &j->graph->nodes[node];
}

static const facet__tensor *constant(
    const join *j, const facet__node *node, int input, facet__dtype type)
{
    const facet__tensor *t = input < node->n_in && node->in[input] >= 0
                                 ? j->graph->values[node->in[input]].data
                                 : NULL;

    return t && t->type == type ? t : NULL;
}

/* Is the node's input a vector of just these integers? A negative one in
 * `expected` means any. */
static bool has_ints(const join *j, const facet__node *node, int input,
    const int64_t *expected, int64_t count)
{
    const facet__tensor *t = constant(j, node, input, FACET__I64);

    if (!t || facet__shape_count(&t->shape) != count)
        return false;
    for (int64_t i = 0; i < count; i++)
        if (expected[i] >= 0 && ((const int64_t *)t->data)[i] != expected[i])
            return false;
    return true;
}

static bool has_perm(const facet__node *node, const int64_t *perm, size_t count)
{
    const facet__attr *a = facet__node_attr(node, "perm");

    return a && a->type == FACET__ATTR_INTS && a->count == count &&
           memcmp(a->ints, perm, count * sizeof *perm) == 0;
}

/* maxout */

/* Slice number `i` of `group` along the channels; its source in *from. */
static bool is_slice(
    const join *j, int value, int64_t i, int64_t group, int *from)
{
    const facet__node *slice = made_by(j, value, FACET__OP_SLICE);

    if (!slice || slice->n_in != 5 || !has_ints(j, slice, 1, &i, 1) ||
        !has_ints(j, slice, 2, &(int64_t){ INT64_MAX }, 1) ||
        !has_ints(j, slice, 3, &(int64_t){ 1 }, 1) ||
        !has_ints(j, slice, 4, &group, 1) || (i > 0 && slice->in[0] != *from))
        return false;
    *from = slice->in[0];
    return true;
}

/* Is it free for `node`? */
static bool is_free_name(
    const facet__graph *g, const facet__node *node, const char *name)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (&g->nodes[i] != node && strcmp(g->nodes[i].name, name) == 0)
            return false;
    return true;
}

/* A node's new operator, inputs and no attributes; it takes the name of what it
 * makes, as builders name layers. */
static facet_status become(
    join *j, facet__node *node, facet__op_kind op, const int *in, int n_in)
{
    facet__node fresh;
    int *inputs = facet__alloc((size_t)n_in * sizeof *inputs);
    int *out = facet__alloc((size_t)node->n_out * sizeof *out);
    const char *made = j->graph->values[node->out[0]].name;
    char *name =
        facet__strdup(is_free_name(j->graph, node, made) ? made : node->name);

    if (!inputs || !out || !name) {
        facet__free(inputs);
        facet__free(out);
        facet__free(name);
        return FACET_ENOMEM;
    }
    memcpy(inputs, in, (size_t)n_in * sizeof *in);
    memcpy(out, node->out, (size_t)node->n_out * sizeof *out);
    fresh = (facet__node){ .name = name,
        .op = op,
        .in = inputs,
        .n_in = n_in,
        .out = out,
        .n_out = node->n_out };
    facet__node_release(node);
    *node = fresh;
    j->changed = true;
    return FACET_OK;
}

static facet_status join_maxout(join *j, facet__node *node)
{
    int from = FACET__NONE;

    if (node->n_in < 2 || node->n_out != 1)
        return FACET_OK;
    for (int i = 0; i < node->n_in; i++)
        if (!is_slice(j, node->in[i], i, node->n_in, &from))
            return FACET_OK;
    const int64_t group = node->n_in;
    const facet_status st = become(j, node, FACET__OP_MAXOUT, &from, 1);

    return st == FACET_OK ? facet__node_set_int(node, "group", group) : st;
}

/* locally connected layers */

/* What the chain of nodes behind and before a product says. */
typedef struct local {
    int input, weight, bias; /* values; bias may be FACET__NONE */
    const facet__tensor *places;
    int64_t positions, out, channels, taps;
    facet__window window;
} local;

/* The sum with a bias [positions, 1, out], or the product itself: its value in
 * *product. */
static bool find_bias(const join *j, int value, local *l, int *product)
{
    const facet__node *add = made_by(j, value, FACET__OP_ADD);

    l->bias = FACET__NONE;
    *product = value;
    if (!add)
        return true;
    for (int k = 0; k < 2; k++) {
        const facet__tensor *t = constant(j, add, k, FACET__F32);

        if (!t)
            continue;
        l->bias = add->in[k];
        *product = add->in[1 - k];
        return t->shape.n == 3 && t->shape.d[1] == 1 &&
               j->readers[l->bias] == 1;
    }
    return false;
}

/* Back from the product's rows to the map that they are seen of. */
static bool find_input(const join *j, int rows, local *l)
{
    static const int64_t perm[4] = { 3, 0, 2, 1 };
    const facet__node *reshape = made_by(j, rows, FACET__OP_RESHAPE), *flip,
                      *gather, *planes;

    flip = reshape ? made_by(j, reshape->in[0], FACET__OP_TRANSPOSE) : NULL;
    gather = flip ? made_by(j, flip->in[0], FACET__OP_GATHER) : NULL;
    planes = gather ? made_by(j, gather->in[0], FACET__OP_RESHAPE) : NULL;
    if (!planes || !has_perm(flip, perm, 4) ||
        facet__node_int(gather, "axis", 0) != 2)
        return false;
    l->places = constant(j, gather, 1, FACET__I64);
    if (!l->places || l->places->shape.n != 2)
        return false;
    l->taps = l->places->shape.d[0];
    l->positions = l->places->shape.d[1];
    l->input = planes->in[0];
    const facet__shape *in = &j->facts[l->input].shape;

    if (in->n != 4 || in->d[1] < 1 || in->d[2] < 1 || in->d[3] < 1)
        return false;
    l->channels = in->d[1];
    return has_ints(j, reshape, 1,
               (const int64_t[]){ 0, 0, l->taps * l->channels }, 3) &&
           has_ints(j, planes, 1,
               (const int64_t[]){ 0, l->channels, in->d[2] * in->d[3] }, 3);
}

/* One axis of the window: `size` of the map, `out` positions whose first two
 * begin `step` apart, `kernel` taps. */
static bool fit_axis(
    facet__window *w, int axis, int64_t size, int64_t step, int64_t kernel)
{
    w->kernel[axis] = kernel;
    w->dilation[axis] = 1;
    w->stride[axis] = w->out[axis] > 1 ? step : size - kernel + 1;
    return kernel > 0 && w->stride[axis] > 0 && kernel <= size &&
           (size - kernel) / w->stride[axis] + 1 == w->out[axis];
}

/* Do the places say a window that slides over the map? */
static bool find_window(const join *j, local *l)
{
    const facet__shape *in = &j->facts[l->input].shape;
    const int64_t *at = l->places->data, width = in->d[3];
    facet__window *w = &l->window;
    int64_t kernel = 1;

    if (l->positions != w->out[0] * w->out[1] || l->positions < 1 ||
        l->taps < 1 || facet__shape_count(&l->places->shape) < 1)
        return false;
    while (kernel < l->taps && kernel < width &&
           at[kernel * l->positions] == kernel)
        kernel++;
    if (l->taps % kernel != 0 ||
        !fit_axis(w, 1, width, w->out[1] > 1 ? at[1] : 0, kernel) ||
        !fit_axis(w, 0, in->d[2], w->out[0] > 1 ? at[w->out[1]] / width : 0,
            l->taps / kernel))
        return false;
    for (int64_t i = 0; i < l->taps * l->positions; i++) {
        const int64_t tap = i / l->positions, o = i % l->positions;
        const int64_t y = o / w->out[1] * w->stride[0] + tap / kernel;
        const int64_t x = o % w->out[1] * w->stride[1] + tap % kernel;

        if (at[i] != y * width + x)
            return false;
    }
    return true;
}

/* Is the node the last of a locally connected layer's? */
static bool find_local(const join *j, const facet__node *last, local *l)
{
    static const int64_t perm[3] = { 1, 2, 0 };
    const int64_t map[4] = { 0, -1, -1, -1 };
    const facet__node *flip = made_by(j, last->in[0], FACET__OP_TRANSPOSE);
    const facet__node *matmul;
    const facet__tensor *weight;
    int product;

    if (!flip || !has_perm(flip, perm, 3) || !has_ints(j, last, 1, map, 4) ||
        !find_bias(j, flip->in[0], l, &product))
        return false;
    matmul = made_by(j, product, FACET__OP_MATMUL);
    weight = matmul ? constant(j, matmul, 1, FACET__F32) : NULL;
    if (!weight || weight->shape.n != 3 || j->readers[matmul->in[1]] != 1 ||
        !find_input(j, matmul->in[0], l))
        return false;
    const int64_t *shape = constant(j, last, 1, FACET__I64)->data;

    l->weight = matmul->in[1];
    l->out = weight->shape.d[2];
    l->window.out[0] = shape[2];
    l->window.out[1] = shape[3];
    return shape[1] == l->out && shape[2] > 0 && shape[3] > 0 &&
           shape[2] <= l->positions && shape[3] <= l->positions &&
           weight->shape.d[0] == l->positions &&
           weight->shape.d[1] == l->taps * l->channels &&
           (l->bias == FACET__NONE ||
               facet__shape_count(&j->graph->values[l->bias].data->shape) ==
                   l->positions * l->out) &&
           find_window(j, l);
}

static void reshape_constant(facet__graph *g, int value, facet__shape shape)
{
    g->values[value].shape = shape;
    g->values[value].data->shape = shape;
}

static facet_status join_local(join *j, facet__node *node)
{
    local l = { .input = FACET__NONE };
    const facet__window *w = &l.window;
    facet_status st;

    if (node->n_in != 2 || node->n_out != 1 || !find_local(j, node, &l))
        return FACET_OK;
    st = become(j, node, FACET__OP_LOCAL_CONV,
        (const int[]){ l.input, l.weight, l.bias },
        l.bias == FACET__NONE ? 2 : 3);
    if (st != FACET_OK)
        return st;
    reshape_constant(j->graph, l.weight,
        (facet__shape){ 5,
            { l.positions, w->kernel[0], w->kernel[1], l.channels, l.out } });
    if (l.bias != FACET__NONE)
        reshape_constant(
            j->graph, l.bias, (facet__shape){ 2, { l.positions, l.out } });
    st = facet__node_set_ints(node, "kernel_shape", w->kernel, 2);
    if (st == FACET_OK)
        st = facet__node_set_ints(
            node, "pads", (const int64_t[]){ 0, 0, 0, 0 }, 4);
    if (st == FACET_OK)
        st = facet__node_set_ints(node, "strides", w->stride, 2);
    return st;
}

static bool is_candidate(const facet__graph *g, const facet__node *node)
{
    const int filters = facet__node_input(node, 1);

    return (node->op == FACET__OP_MATMUL && filters != FACET__NONE &&
               g->values[filters].data && g->values[filters].shape.n == 3) ||
           (node->op == FACET__OP_MAX && node->n_in > 1);
}

static bool has_candidate(const facet__graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (is_candidate(g, &g->nodes[i]))
            return true;
    return false;
}

facet_status facet__onnx_join(facet__graph *graph, facet_error *err)
{
    join j = { .graph = graph };
    facet_status st = FACET_ENOMEM;

    /* A graph that does not fit itself is refused later, by name. */
    if (!has_candidate(graph) ||
        facet__infer(graph, NULL, 0, &j.facts, NULL) != FACET_OK)
        return FACET_OK;
    j.maker = facet__calloc((size_t)graph->n_values, sizeof *j.maker);
    j.readers = facet__calloc((size_t)graph->n_values, sizeof *j.readers);
    if (j.maker && j.readers) {
        st = FACET_OK;
        note_ends(&j);
    }
    for (int i = 0; i < graph->n_nodes && st == FACET_OK; i++) {
        facet__node *node = &graph->nodes[i];

        if (node->op == FACET__OP_MAX)
            st = join_maxout(&j, node);
        else if (node->op == FACET__OP_RESHAPE)
            st = join_local(&j, node);
    }
    facet__facts_free(j.facts, graph->n_values);
    facet__free(j.maker);
    facet__free(j.readers);
    if (st == FACET_OK && j.changed)
        st = facet__graph_prune(graph);
    return st == FACET_OK ? st : facet__fail_memory(err);
}
