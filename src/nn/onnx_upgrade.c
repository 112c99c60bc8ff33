/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_upgrade.c - opsets 7 to 18 brought to one form, that of opset 14.
 *
 * What moved between attributes and inputs over the years stands, from here
 * on, where this table says:
 *   inputs:     Clip min max; Squeeze, Unsqueeze axes; Pad pads value;
 *               Slice starts ends axes steps; Split sizes;
 *               Resize, Upsample (x, roi, scales, sizes)
 *   attributes: axes of every Reduce; Softmax axis, always present, and flatten
 * An attribute that has moved is dropped, so that what is written is opset 14.
 * Dropout keeps its ratio, an input (for training), and its first output. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/onnx_private.h"

typedef struct upgrade {
    facet__graph *graph;
    int index, opset;
    facet_error *err;
} upgrade;

static facet__node *node_of(const upgrade *u)
{
    return &u->graph->nodes[u->index];
}

/* Make input `place` of the node the value v; absent ones before it. */
static facet_status set_input(const upgrade *u, int place, int v)
{
    facet__node *node = node_of(u);
    int *in;

    if (v == FACET__NONE)
        return facet__fail_memory(u->err);
    if (place >= node->n_in) {
        in = facet__grow(node->in, (size_t)node->n_in * sizeof *in,
            (size_t)(place + 1) * sizeof *in);
        if (!in)
            return facet__fail_memory(u->err);
        for (int i = node->n_in; i <= place; i++)
            in[i] = FACET__NONE;
        node->in = in;
        node->n_in = place + 1;
    }
    node->in[place] = v;
    return FACET_OK;
}

static facet_status input_from_ints(
    const upgrade *u, int place, const int64_t *ints, size_t count)
{
    const facet__shape shape = { 1, { (int64_t)count } };
    facet__tensor *t = facet__tensor_create(FACET__I64, &shape);

    if (!t)
        return facet__fail_memory(u->err);
    if (count > 0)
        memcpy(t->data, ints, count * sizeof *ints);
    return set_input(u, place, facet__graph_add_constant(u->graph, NULL, t));
}

static facet_status input_from_floats(
    const upgrade *u, int place, const float *floats, int64_t count)
{
    const facet__shape shape = { count ? 1 : 0, { count } };
    facet__tensor *t = facet__tensor_create(FACET__F32, &shape);

    if (!t)
        return facet__fail_memory(u->err);
    memcpy(t->data, floats, t->bytes);
    return set_input(u, place, facet__graph_add_constant(u->graph, NULL, t));
}

/* The attribute `name` becomes input `place` when it is there. */
static facet_status move_ints(const upgrade *u, const char *name, int place)
{
    const facet__attr *a = facet__node_attr(node_of(u), name);
    facet_status st;

    if (!a || a->type != FACET__ATTR_INTS)
        return FACET_OK;
    st = input_from_ints(u, place, a->ints, a->count);
    facet__node_drop_attr(node_of(u), name);
    return st;
}

/* An attribute of later opsets, or of earlier ones, that opset 14 has not: all
 * it may say is `usual`, which goes without saying. */
static facet_status drop_usual(
    const upgrade *u, const char *name, int64_t usual)
{
    const int64_t x = facet__node_int(node_of(u), name, usual);

    if (x != usual)
        return facet__fail(u->err, FACET_EUNSUPPORTED,
            "%s %lld is not supported", name, (long long)x);
    facet__node_drop_attr(node_of(u), name);
    return FACET_OK;
}

static facet_status upgrade_clip(const upgrade *u)
{
    const float lo = facet__node_float(node_of(u), "min", -INFINITY);
    const float hi = facet__node_float(node_of(u), "max", INFINITY);
    facet_status st;

    if (u->opset >= 11)
        return FACET_OK;
    facet__node_drop_attr(node_of(u), "min");
    facet__node_drop_attr(node_of(u), "max");
    st = input_from_floats(u, 1, &lo, 0);
    return st == FACET_OK ? input_from_floats(u, 2, &hi, 0) : st;
}

static facet_status upgrade_slice(const upgrade *u)
{
    facet_status st;

    if (u->opset >= 10)
        return FACET_OK;
    st = move_ints(u, "starts", 1);
    if (st == FACET_OK)
        st = move_ints(u, "ends", 2);
    return st == FACET_OK ? move_ints(u, "axes", 3) : st;
}

static facet_status upgrade_pad(const upgrade *u)
{
    const float value = facet__node_float(node_of(u), "value", 0.0f);
    facet_status st;

    if (u->opset >= 11)
        return FACET_OK;
    st = move_ints(u, "pads", 1);
    facet__node_drop_attr(node_of(u), "value");
    return st == FACET_OK ? input_from_floats(u, 2, &value, 0) : st;
}

/* Since opset 18, beside what 14 has. */
static facet_status upgrade_late_resize(const upgrade *u)
{
    const facet_status st = drop_usual(u, "antialias", 0);

    if (st != FACET_OK)
        return st;
    if (facet__node_attr(node_of(u), "axes"))
        return facet__fail(u->err, FACET_EUNSUPPORTED,
            "scales or sizes of some axes alone: give them for all");
    facet__node_drop_attr(node_of(u), "keep_aspect_ratio_policy");
    return FACET_OK;
}

/* Upsample and Resize-10: (x, scales); before 9 an attribute. */
static facet_status upgrade_resize(const upgrade *u)
{
    facet__node *node = node_of(u);
    const facet__attr *scales = facet__node_attr(node, "scales");
    facet_status st;

    if (node->op == FACET__OP_RESIZE && u->opset >= 11)
        return upgrade_late_resize(u);
    if (scales && scales->type == FACET__ATTR_FLOATS)
        st = input_from_floats(u, 2, scales->floats, (int64_t)scales->count);
    else
        st = set_input(u, 2, facet__node_input(node, 1));
    if (st != FACET_OK)
        return facet__fail(u->err, FACET_EDAMAGED, "the scales are missing");
    node = node_of(u);
    facet__node_drop_attr(node, "scales");
    node->in[1] = FACET__NONE;
    node->op = FACET__OP_RESIZE;
    st = facet__node_set_string(
        node, "coordinate_transformation_mode", "asymmetric");
    return st == FACET_OK
               ? facet__node_set_string(node, "nearest_mode", "floor")
               : st;
}

static facet_status upgrade_axes(const upgrade *u)
{
    return u->opset >= 13 ? FACET_OK : move_ints(u, "axes", 1);
}

static facet_status upgrade_split(const upgrade *u)
{
    if (u->opset < 13)
        return move_ints(u, "split", 1);
    return drop_usual(u, "num_outputs", node_of(u)->n_out);
}

static facet_status upgrade_softmax(const upgrade *u)
{
    const int64_t axis =
        facet__node_int(node_of(u), "axis", u->opset >= 13 ? -1 : 1);

    facet_status st = facet__node_set_int(node_of(u), "axis", axis);

    /* Before 13 it went over all axes from that one on: shapes.c looks whether
     * that makes a difference. */
    if (st == FACET_OK && u->opset < 13)
        st = facet__node_set_int(node_of(u), "flatten", 1);
    return st;
}

/* Whether it drops is not the file's to say, but how much. */
static facet_status upgrade_dropout(const upgrade *u)
{
    facet__node *node = node_of(u);
    const float ratio = facet__node_float(node, "ratio", 0.5f);

    if (node->n_in > 1)
        node->n_in = node->in[1] == FACET__NONE ? 1 : 2;
    node->n_out = node->n_out > 1 ? 1 : node->n_out;
    if (node->n_in != 1 || !facet__node_attr(node, "ratio"))
        return FACET_OK;
    return input_from_floats(u, 1, &ratio, 0);
}

static facet_status upgrade_batch_norm(const upgrade *u)
{
    facet__node *node = node_of(u);

    if (facet__node_int(node, "training_mode", 0) != 0)
        return facet__fail(u->err, FACET_EUNSUPPORTED,
            "exported in training mode: export it for inference");
    node->n_out = node->n_out > 1 ? 1 : node->n_out;
    return drop_usual(u, "spatial", 1);
}

static facet_status check_lrn(const upgrade *u)
{
    return facet__node_int(node_of(u), "size", 0) >= 1
               ? FACET_OK
               : facet__fail(
                     u->err, FACET_EDAMAGED, "size is missing, or less than 1");
}

static facet_status upgrade_max_pool(const upgrade *u)
{
    facet__node *node = node_of(u);

    if (node->n_out > 1 && node->out[1] != FACET__NONE)
        return facet__fail(u->err, FACET_EUNSUPPORTED,
            "Indices, the second output, are not computed");
    node->n_out = node->n_out > 1 ? 1 : node->n_out;
    return FACET_OK;
}

/* Since opset 18 an LpPool may be dilated and end late. */
static facet_status upgrade_lp_pool(const upgrade *u)
{
    const facet__attr *d = facet__node_attr(node_of(u), "dilations");
    bool plain = true;

    for (size_t i = 0; d && i < d->count; i++)
        plain = plain && d->ints[i] == 1;
    if (plain)
        facet__node_drop_attr(node_of(u), "dilations");
    if (!facet__node_int(node_of(u), "ceil_mode", 0))
        facet__node_drop_attr(node_of(u), "ceil_mode");
    return FACET_OK;
}

static facet_status upgrade_shape(const upgrade *u)
{
    if (facet__node_int(node_of(u), "start", 0) != 0 ||
        facet__node_attr(node_of(u), "end"))
        return facet__fail(
            u->err, FACET_EUNSUPPORTED, "a Shape of a part of the sizes");
    facet__node_drop_attr(node_of(u), "start");
    return FACET_OK;
}

/* A Constant's content becomes the data of its value; the node is retired by
 * facet__onnx_settle. */
static facet_status settle_constant(const upgrade *u)
{
    facet__node *node = node_of(u);
    facet__tensor *t = NULL;
    facet__shape scalar = { 0 };
    const int v = node->n_out == 1 ? node->out[0] : FACET__NONE;

    if (v == FACET__NONE || u->graph->values[v].data || node->n_attr != 1)
        return facet__fail(u->err, FACET_EDAMAGED, "not a constant");
    switch (node->attr[0].type) {
    case FACET__ATTR_TENSOR:
        t = facet__tensor_copy(node->attr[0].t);
        break;
    case FACET__ATTR_INT:
        t = facet__tensor_create(FACET__I64, &scalar);
        if (t)
            memcpy(t->data, &node->attr[0].i, t->bytes);
        break;
    case FACET__ATTR_FLOAT:
        t = facet__tensor_create(FACET__F32, &scalar);
        if (t)
            memcpy(t->data, &node->attr[0].f, t->bytes);
        break;
    case FACET__ATTR_INTS:
        scalar = (facet__shape){ 1, { (int64_t)node->attr[0].count } };
        t = facet__tensor_create(FACET__I64, &scalar);
        if (t && t->bytes)
            memcpy(t->data, node->attr[0].ints, t->bytes);
        break;
    case FACET__ATTR_FLOATS:
        scalar = (facet__shape){ 1, { (int64_t)node->attr[0].count } };
        t = facet__tensor_create(FACET__F32, &scalar);
        if (t && t->bytes)
            memcpy(t->data, node->attr[0].floats, t->bytes);
        break;
    default:
        return facet__fail(
            u->err, FACET_EUNSUPPORTED, "a constant that is not a number");
    }
    if (!t)
        return facet__fail_memory(u->err);
    u->graph->values[v].data = t;
    u->graph->values[v].type = t->type;
    u->graph->values[v].shape = t->shape;
    return FACET_OK;
}

facet_status facet__onnx_upgrade(
    facet__graph *graph, int index, int opset, facet_error *err)
{
    const upgrade u = { graph, index, opset, err };

    switch (graph->nodes[index].op) {
    case FACET__OP_BATCH_NORM:
        return upgrade_batch_norm(&u);
    case FACET__OP_CLIP:
        return upgrade_clip(&u);
    case FACET__OP_CONSTANT:
        return settle_constant(&u);
    case FACET__OP_DROPOUT:
        return upgrade_dropout(&u);
    case FACET__OP_LRN:
        return check_lrn(&u);
    case FACET__OP_LP_POOL:
        return upgrade_lp_pool(&u);
    case FACET__OP_MAX_POOL:
        return upgrade_max_pool(&u);
    case FACET__OP_PAD:
        return upgrade_pad(&u);
    case FACET__OP_RESIZE:
    case FACET__OP_UPSAMPLE:
        return upgrade_resize(&u);
    case FACET__OP_SHAPE:
        return upgrade_shape(&u);
    case FACET__OP_SLICE:
        return upgrade_slice(&u);
    case FACET__OP_SOFTMAX:
        return upgrade_softmax(&u);
    case FACET__OP_SPLIT:
        return upgrade_split(&u);
    case FACET__OP_SQUEEZE:
    case FACET__OP_UNSQUEEZE:
        return upgrade_axes(&u);
    default:
        return FACET_OK;
    }
}

/* The axes of a reduction, an input in newer files, become an attribute. */
static facet_status take_axes(
    facet__graph *graph, facet__node *node, facet_error *err)
{
    const facet__tensor *axes = facet__node_input(node, 1) != FACET__NONE
                                    ? graph->values[node->in[1]].data
                                    : NULL;

    if (facet__node_input(node, 1) == FACET__NONE) {
        node->n_in = node->n_in > 1 ? 1 : node->n_in;
        return FACET_OK;
    }
    if (!axes || axes->type != FACET__I64)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "node '%.80s': the axes of a reduction are computed", node->name);
    node->n_in = 1;
    return facet__node_set_ints(
        node, "axes", axes->data, (size_t)facet__shape_count(&axes->shape));
}

/* No axes are all of them, or none where the node says so: it does nothing
 * then, but that the length of one number is its magnitude. */
static facet_status settle_reduce(
    facet__graph *graph, facet__node *node, facet_error *err)
{
    const bool noop = facet__node_int(node, "noop_with_empty_axes", 0) != 0;
    const facet_status st = take_axes(graph, node, err);
    const facet__attr *axes = facet__node_attr(node, "axes");

    facet__node_drop_attr(node, "noop_with_empty_axes");
    if (st != FACET_OK || (axes && axes->count > 0))
        return st;
    facet__node_drop_attr(node, "axes");
    if (noop && node->op == FACET__OP_REDUCE_L2)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "node '%.80s' (ReduceL2): a reduction of no axes", node->name);
    if (noop) {
        facet__node_drop_attr(node, "keepdims");
        node->op = FACET__OP_IDENTITY;
    }
    return st;
}

static bool is_index(const facet__node *node, int input)
{
    return input > 0 && node->op == FACET__OP_SLICE &&
           node->in[input] != FACET__NONE;
}

/* Where a Slice begins and ends may be of 32 bits; facet has them of 64. */
static facet_status widen_indices(
    facet__graph *graph, int index, facet_error *err)
{
    for (int i = 0; i < graph->nodes[index].n_in; i++) {
        facet__node *node = &graph->nodes[index];
        const facet__tensor *t =
            is_index(node, i) ? graph->values[node->in[i]].data : NULL;
        facet__tensor *wide;

        if (!t || t->type != FACET__I32)
            continue;
        wide = facet__tensor_create(FACET__I64, &t->shape);
        for (int64_t k = 0; wide && k < facet__shape_count(&t->shape); k++)
            ((int64_t *)wide->data)[k] = ((const int32_t *)t->data)[k];
        node->in[i] =
            wide ? facet__graph_add_constant(graph, NULL, wide) : FACET__NONE;
        if (node->in[i] == FACET__NONE)
            return facet__fail_memory(err);
    }
    return FACET_OK;
}

facet_status facet__onnx_settle(facet__graph *graph, facet_error *err)
{
    int kept = 0;

    for (int i = 0; i < graph->n_nodes; i++) {
        facet__node node = graph->nodes[i];

        if (node.op == FACET__OP_CONSTANT)
            facet__node_release(&node);
        else
            graph->nodes[kept++] = node;
    }
    graph->n_nodes = kept;
    for (int i = 0; i < graph->n_nodes; i++) {
        facet__node *node = &graph->nodes[i];
        const bool reduces = node->op == FACET__OP_REDUCE_L2 ||
                             node->op == FACET__OP_REDUCE_MAX ||
                             node->op == FACET__OP_REDUCE_MEAN ||
                             node->op == FACET__OP_REDUCE_SUM;
        const facet_status st = reduces ? settle_reduce(graph, node, err)
                                        : widen_indices(graph, i, err);

        if (st != FACET_OK)
            return st;
    }
    return FACET_OK;
}
