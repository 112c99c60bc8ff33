/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_grids.c - what ONNX says of int8 in pairs of nodes, said of values.
 *
 * A quantized network holds a pair QuantizeLinear, DequantizeLinear behind each
 * value that may be kept in bytes, and a DequantizeLinear behind filters of
 * bytes. The pairs go: the value gets a grid, its readers read it. Filters
 * become floats again and remember their steps.
 *
 * A pair also bounds its value, and writers leave out an activation that the
 * bounds make superfluous: behind a linear node a grid that begins at 0 leaves
 * the bounds as a Clip, which int8 does not see and the other precisions need.
 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/onnx_private.h"

/* The number of a constant, or of all its equal parts; false when it is none
 * or they differ. `i` counts through a vector. */
static bool number_at(
    const facet__graph *g, int value, int64_t i, float *number)
{
    const facet__tensor *t =
        value == FACET__NONE ? NULL : g->values[value].data;
    const int64_t n = t ? facet__shape_count(&t->shape) : 0;

    if (n < 1 || (n > 1 && i >= n))
        return false;
    i = n == 1 ? 0 : i;
    switch (t->type) {
    case FACET__F32:
        *number = ((const float *)t->data)[i];
        return true;
    case FACET__U8:
        *number = ((const uint8_t *)t->data)[i];
        return true;
    case FACET__I8:
        *number = ((const int8_t *)t->data)[i];
        return true;
    case FACET__I32:
        *number = (float)((const int32_t *)t->data)[i];
        return true;
    default:
        return false;
    }
}

static int zero_of(const facet__node *node)
{
    return facet__node_input(node, 2);
}

static bool is_one_number(const facet__graph *g, int value)
{
    return value != FACET__NONE && g->values[value].data &&
           facet__shape_count(&g->values[value].data->shape) == 1;
}

/* The grid that a QuantizeLinear or DequantizeLinear speaks of; signed bytes
 * are counted from -128. */
static bool grid_of(
    const facet__graph *g, const facet__node *node, facet__grid *grid)
{
    const int zero = zero_of(node);
    float at = 0.0f;

    if (!is_one_number(g, node->in[1]) ||
        !number_at(g, node->in[1], 0, &grid->step) ||
        !(grid->step > 0.0f && grid->step < INFINITY))
        return false;
    if (zero == FACET__NONE) {
        grid->zero = 0;
        return true;
    }
    if (!is_one_number(g, zero) || !number_at(g, zero, 0, &at) ||
        g->values[zero].data->type == FACET__F32 ||
        g->values[zero].data->type == FACET__I32)
        return false;
    grid->zero = (int)at + (g->values[zero].data->type == FACET__I8 ? 128 : 0);
    return true;
}

static facet_status refuse(const facet__node *node, facet_error *err)
{
    return facet__fail(err, FACET_EUNSUPPORTED,
        "node '%.80s': facet reads pairs of QuantizeLinear and "
        "DequantizeLinear of 8 bits, one step a tensor, and filters with one "
        "step a channel of axis 0; export the network that way (QDQ)",
        node->name);
}

/* constants */

enum { ONE_STEP = -1, NO_AXIS = -2 };

/* Along which axis the steps of a DequantizeLinear go. */
static int axis_of(const facet__graph *g, const facet__node *node)
{
    const int rank = g->values[node->in[0]].data->shape.n;
    const int64_t axis = facet__node_int(node, "axis", 1);

    if (is_one_number(g, node->in[1]))
        return ONE_STEP;
    if (axis < -rank || axis >= rank)
        return NO_AXIS;
    return (int)(axis < 0 ? axis + rank : axis);
}

/* Steps of filters by output channel. */
static facet__tensor *steps_of(const facet__graph *g, const facet__node *node)
{
    const facet__shape shape = { 1,
        { g->values[node->in[0]].data->shape.d[0] } };
    facet__tensor *t = facet__tensor_create(FACET__F32, &shape);

    for (int64_t i = 0; t && i < shape.d[0]; i++)
        number_at(g, node->in[1], i, (float *)t->data + i);
    return t;
}

/* Do the steps belong to filters that int8 can use: symmetric, one a channel
 * out, or one for all? */
static bool is_filter(const facet__graph *g, const facet__node *node, int axis)
{
    const facet__tensor *t = g->values[node->in[0]].data;
    float zero = 0.0f, step = 0.0f;

    if (t->type != FACET__I8 || t->shape.n != 4 || axis > 0)
        return false;
    for (int64_t i = 0; i < t->shape.d[0]; i++)
        if (!number_at(g, node->in[1], i, &step) ||
            !(step > 0.0f && step < INFINITY))
            return false;
    for (int64_t i = 0; zero_of(node) != FACET__NONE && i < t->shape.d[0]; i++)
        if (!number_at(g, zero_of(node), i, &zero) || zero != 0.0f)
            return false;
    return true;
}

/* The floats that bytes stand for. NULL without memory or sense; `*st` says
 * which. */
static facet__tensor *floats_of(
    const facet__graph *g, const facet__node *node, int axis, facet_status *st)
{
    const facet__tensor *from = g->values[node->in[0]].data;
    const int64_t n = facet__shape_count(&from->shape);
    const int64_t channels = axis < 0 ? 1 : from->shape.d[axis];
    facet__tensor *to = facet__tensor_create(FACET__F32, &from->shape);
    int64_t inner = 1;

    *st = to ? FACET_OK : FACET_ENOMEM;
    for (int k = axis + 1; axis >= 0 && k < from->shape.n; k++)
        inner *= from->shape.d[k];
    for (int64_t i = 0; *st == FACET_OK && i < n; i++) {
        const int64_t c = axis < 0 ? 0 : i / inner % channels;
        float q, step, zero = 0.0f;

        if (!number_at(g, node->in[0], n == 1 ? 0 : i, &q) ||
            !number_at(g, node->in[1], c, &step) ||
            (zero_of(node) != FACET__NONE &&
                !number_at(g, zero_of(node), c, &zero)))
            *st = FACET_EUNSUPPORTED;
        else
            ((float *)to->data)[i] = (q - zero) * step;
    }
    if (*st != FACET_OK) {
        facet__tensor_free(to);
        to = NULL;
    }
    return to;
}

static facet_status take_constant(
    facet__graph *g, const facet__node *node, facet_error *err)
{
    const int axis = axis_of(g, node);
    facet__value *out = &g->values[node->out[0]];
    facet_status st = FACET_OK;

    if (axis == NO_AXIS)
        return refuse(node, err);
    out->data = floats_of(g, node, axis, &st);
    if (st == FACET_EUNSUPPORTED)
        return refuse(node, err);
    if (st == FACET_OK && is_filter(g, node, axis)) {
        out->steps = steps_of(g, node);
        st = out->steps ? FACET_OK : FACET_ENOMEM;
    }
    if (st != FACET_OK)
        return facet__fail_memory(err);
    out->type = FACET__F32;
    out->shape = out->data->shape;
    return FACET_OK;
}

/* pairs */

/* The output keeps its name: what made the value makes it now. */
static void replace_output(facet__graph *g, int from, int to)
{
    char *name = g->values[from].name;

    for (int i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == from)
            g->outputs[i] = to;
    g->values[from].name = g->values[to].name;
    g->values[to].name = name;
}

static void retire(facet__node *node)
{
    facet__node_release(node);
    *node = (facet__node){ .op = FACET__OP_IDENTITY };
}

/* A DequantizeLinear behind a QuantizeLinear: the value before both gets the
 * grid. */
static facet_status take_pair(facet__graph *g, facet__node *node,
    const facet__node *before, facet_error *err)
{
    const int out = node->out[0], value = before->in[0];
    facet__grid a, b;

    if (value == FACET__NONE || !grid_of(g, before, &a) ||
        !grid_of(g, node, &b) || a.step != b.step || a.zero != b.zero)
        return refuse(node, err);
    if (facet__graph_is_output(g, out) &&
        (facet__graph_is_output(g, value) ||
            facet__graph_maker(g, value) == FACET__NONE))
        return refuse(node, err);
    facet__graph_replace_reads(g, out, value);
    if (facet__graph_is_output(g, out))
        replace_output(g, out, value);
    else if (g->values[value].grid.step <= 0 && !g->values[value].data)
        g->values[value].grid = a;
    retire(node);
    return FACET_OK;
}

static bool is_linear(facet__op_kind op)
{
    return op == FACET__OP_CONV || op == FACET__OP_ADD ||
           op == FACET__OP_BATCH_NORM || op == FACET__OP_GEMM ||
           op == FACET__OP_MUL;
}

static int scalar(facet__graph *g, float x)
{
    const facet__shape shape = { .n = 0 };
    facet__tensor *t = facet__tensor_create(FACET__F32, &shape);

    if (!t)
        return FACET__NONE;
    *(float *)t->data = x;
    return facet__graph_add_constant(g, NULL, t);
}

/* Behind linear node i, whose result is on a grid from 0 on, stands a Clip. */
static facet_status add_bounds(facet__graph *g, int i)
{
    const int value = g->nodes[i].out[0];
    const facet__grid grid = g->values[value].grid;
    const int before =
        facet__graph_add_value(g, NULL, FACET__F32, &g->values[value].shape);
    const int lo = scalar(g, 0.0f), hi = scalar(g, 255.0f * grid.step);
    const int in[3] = { before, lo, hi };

    if (before == FACET__NONE || lo == FACET__NONE || hi == FACET__NONE ||
        facet__graph_add_node(g, FACET__OP_CLIP, NULL, in, 3, &value, 1) ==
            FACET__NONE)
        return FACET_ENOMEM;
    g->nodes[i].out[0] = before;
    return FACET_OK;
}

/* A file may name no output of a node. */
static bool wants_bounds(const facet__graph *g, const facet__node *node)
{
    const int out = node->n_out > 0 ? node->out[0] : FACET__NONE;

    return is_linear(node->op) && out != FACET__NONE &&
           g->values[out].grid.step > 0 && g->values[out].grid.zero == 0;
}

static facet_status bound_all(facet__graph *g)
{
    const int nodes = g->n_nodes;
    facet_status st = FACET_OK;

    for (int i = 0; i < nodes && st == FACET_OK; i++)
        if (wants_bounds(g, &g->nodes[i]))
            st = add_bounds(g, i);
    return st;
}

/* Nodes that make nothing go: those retired, and what a file has of them. */
static void sweep(facet__graph *g)
{
    int kept = 0;

    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].n_out > 0)
            g->nodes[kept++] = g->nodes[i];
        else
            facet__node_release(&g->nodes[i]);
    g->n_nodes = kept;
}

/* A value, a step and perhaps a zero go in, one value comes out: nobody has
 * looked at that yet. */
static bool is_whole(const facet__node *node)
{
    return (node->n_in == 2 || node->n_in == 3) && node->n_out == 1 &&
           node->in[0] != FACET__NONE && node->out[0] != FACET__NONE;
}

static facet_status take_node(facet__graph *g, int i, facet_error *err)
{
    facet__node *node = &g->nodes[i];
    facet_status st;
    int in, before;

    if (!is_whole(node))
        return refuse(node, err);
    in = node->in[0];
    before = facet__graph_maker(g, in);
    if (g->values[in].data) {
        st = take_constant(g, node, err);
        if (st == FACET_OK)
            retire(node);
        return st;
    }
    if (before == FACET__NONE || g->nodes[before].op != FACET__OP_QUANTIZE ||
        !is_whole(&g->nodes[before]))
        return refuse(node, err);
    return take_pair(g, node, &g->nodes[before], err);
}

static bool is_read(const facet__graph *g, int value)
{
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == value)
                return true;
    return facet__graph_is_output(g, value);
}

/* All nodes of int8 go, or one is refused. */
static facet_status take_nodes(facet__graph *g, facet_error *err)
{
    facet_status st = FACET_OK;

    for (int i = 0; i < g->n_nodes && st == FACET_OK; i++)
        if (g->nodes[i].op == FACET__OP_DEQUANTIZE)
            st = take_node(g, i, err);
    for (int i = 0; i < g->n_nodes && st == FACET_OK; i++)
        if (g->nodes[i].op == FACET__OP_QUANTIZE) {
            if (!is_whole(&g->nodes[i]) || is_read(g, g->nodes[i].out[0]))
                st = refuse(&g->nodes[i], err);
            else
                retire(&g->nodes[i]);
        }
    return st;
}

static bool has_any(const facet__graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op == FACET__OP_DEQUANTIZE ||
            g->nodes[i].op == FACET__OP_QUANTIZE)
            return true;
    return false;
}

facet_status facet__onnx_take_grids(facet__graph *g, facet_error *err)
{
    facet_status st;

    if (!has_any(g))
        return FACET_OK;
    st = take_nodes(g, err);
    if (st != FACET_OK)
        return st;
    sweep(g);
    if (bound_all(g) != FACET_OK)
        return facet__fail_memory(err);
    st = facet__graph_sort(g, err);
    if (st == FACET_OK && facet__graph_prune(g) != FACET_OK)
        st = facet__fail_memory(err);
    return st;
}
