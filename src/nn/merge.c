/* SPDX-License-Identifier: Apache-2.0 */
/* merge.c - narrow convolutions of the same map become one.
 *
 * A detector's heads read one map with filters for a score, a box and points: 1
 * to 10 channels each, where kernels make 16 at a time. Side by side they are
 * one convolution, whose channels a Split hands out again. Where the parts go
 * on into depthwise convolutions that are alike, these are merged too and the
 * Split moves behind them. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/infer.h"

enum {
    NARROW = 16,
    MOST = 8,           /* of a family: what a step may make */
    MAX_NODES = 1 << 12 /* looking for families takes nodes times nodes */
};

/* Convolutions to be merged, in the order of their channels. */
typedef struct family {
    int node[MOST], n;
    int64_t channels; /* together */
} family;

static const facet__shape *filters_of(
    const facet__graph *g, const facet__node *node)
{
    return &g->values[node->in[1]].data->shape;
}

static bool is_constant(const facet__graph *g, int value)
{
    return value != FACET__NONE && g->values[value].data &&
           g->values[value].type == FACET__F32;
}

/* A convolution of pictures whose filters and biases are constants. */
static bool is_conv(const facet__graph *g, const facet__node *node)
{
    const int bias =
        node->op == FACET__OP_CONV ? facet__node_input(node, 2) : FACET__NONE;

    if (node->op != FACET__OP_CONV || !is_constant(g, node->in[1]) ||
        filters_of(g, node)->n != 4)
        return false;
    return bias == FACET__NONE ||
           (is_constant(g, bias) &&
               facet__shape_count(&g->values[bias].data->shape) ==
                   filters_of(g, node)->d[0]);
}

static bool same_ints(const facet__attr *a, const facet__attr *b)
{
    if (!a || !b)
        return a == b;
    return a->type == FACET__ATTR_INTS && b->type == FACET__ATTR_INTS &&
           a->count == b->count &&
           memcmp(a->ints, b->ints, a->count * sizeof *a->ints) == 0;
}

/* Do both slide alike filters of one size over their maps? */
static bool alike(
    const facet__graph *g, const facet__node *a, const facet__node *b)
{
    static const char *const names[] = { "strides", "pads", "dilations",
        "kernel_shape" };
    const facet__shape *x = filters_of(g, a), *y = filters_of(g, b);

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!same_ints(
                facet__node_attr(a, names[i]), facet__node_attr(b, names[i])))
            return false;
    return x->d[1] == y->d[1] && x->d[2] == y->d[2] && x->d[3] == y->d[3] &&
           strcmp(facet__node_string(a, "auto_pad", "NOTSET"),
               facet__node_string(b, "auto_pad", "NOTSET")) == 0;
}

static bool is_narrow(const facet__graph *g, const facet__node *node)
{
    return is_conv(g, node) && facet__node_int(node, "group", 1) == 1 &&
           filters_of(g, node)->d[0] < NARROW;
}

/* The narrow convolutions from node i on that read what it reads, alike. */
static family siblings(const facet__graph *g, int i)
{
    const facet__node *first = &g->nodes[i];
    family f = { .n = 0 };

    if (!is_narrow(g, first))
        return f;
    for (int k = i; k < g->n_nodes && f.n < MOST; k++) {
        const facet__node *node = &g->nodes[k];

        if (is_narrow(g, node) && node->in[0] == first->in[0] &&
            alike(g, first, node)) {
            f.node[f.n++] = k;
            f.channels += filters_of(g, node)->d[0];
        }
    }
    return f;
}

/* The depthwise convolutions that alone read the parts, if all are alike. */
static family readers(const facet__graph *g, const family *parts)
{
    const family none = { .n = 0 };
    family f = { .channels = parts->channels };

    for (int i = 0; i < parts->n; i++) {
        const facet__node *part = &g->nodes[parts->node[i]];
        const int reader = facet__graph_only_reader(g, part->out[0]);
        const facet__node *node =
            reader == FACET__NONE ? NULL : &g->nodes[reader];
        const int64_t channels = filters_of(g, part)->d[0];

        if (!node || !is_conv(g, node) ||
            facet__node_int(node, "group", 1) != channels ||
            filters_of(g, node)->d[0] != channels ||
            filters_of(g, node)->d[1] != 1 ||
            !alike(g, &g->nodes[f.n > 0 ? f.node[0] : reader], node))
            return none;
        f.node[f.n++] = reader;
    }
    return f;
}

/* Are the parts only read by what no convolution takes in on its way to
 * memory? An activation behind a part would cost a step of its own. */
static bool handed_on(const facet__graph *g, const family *f)
{
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            for (int m = 0; m < f->n; m++)
                if (g->nodes[i].in[k] == g->nodes[f->node[m]].out[0] &&
                    g->nodes[i].op != FACET__OP_TRANSPOSE &&
                    g->nodes[i].op != FACET__OP_RESHAPE &&
                    g->nodes[i].op != FACET__OP_FLATTEN &&
                    g->nodes[i].op != FACET__OP_SIGMOID)
                    return false;
    return true;
}

/* What each member holds as input `in` (filters; biases: those that have none
 * have zeros), one behind the other, as a new constant. */
static int join_constants(facet__graph *g, const family *f, int in)
{
    facet__shape shape = *filters_of(g, &g->nodes[f->node[0]]);
    facet__tensor *joined;
    float *to;

    shape.d[0] = f->channels;
    shape.n = in == 1 ? 4 : 1;
    joined = facet__tensor_create(FACET__F32, &shape);
    if (!joined)
        return FACET__NONE;
    memset(joined->data, 0, joined->bytes);
    to = joined->data;
    for (int i = 0; i < f->n; i++) {
        const facet__node *node = &g->nodes[f->node[i]];
        const facet__shape *filters = filters_of(g, node);
        const int64_t count =
            in == 1 ? facet__shape_count(filters) : filters->d[0];

        if (in == 1 || facet__node_input(node, 2) != FACET__NONE)
            memcpy(to, g->values[node->in[in]].data->data,
                (size_t)count * sizeof *to);
        to += count;
    }
    return facet__graph_add_constant(g, NULL, joined);
}

/* The steps of joined filters, where all have some; else NULL, and `*st` says
 * whether memory was short. */
static facet__tensor *join_steps(
    const facet__graph *g, const family *f, facet_status *st)
{
    const facet__shape shape = { 1, { f->channels } };
    facet__tensor *joined;
    float *to;

    *st = FACET_OK;
    for (int i = 0; i < f->n; i++)
        if (!g->values[g->nodes[f->node[i]].in[1]].steps)
            return NULL;
    joined = facet__tensor_create(FACET__F32, &shape);
    *st = joined ? FACET_OK : FACET_ENOMEM;
    to = joined ? joined->data : NULL;
    for (int i = 0; joined && i < f->n; i++) {
        const facet__tensor *steps =
            g->values[g->nodes[f->node[i]].in[1]].steps;

        memcpy(to, steps->data, steps->bytes);
        to += steps->shape.d[0];
    }
    return joined;
}

/* The filters of all, as a new constant. */
static int join_filters(facet__graph *g, const family *f)
{
    facet_status st;
    facet__tensor *steps = join_steps(g, f, &st);
    const int value = st == FACET_OK ? join_constants(g, f, 1) : FACET__NONE;

    if (value == FACET__NONE)
        facet__tensor_free(steps);
    else
        g->values[value].steps = steps;
    return value;
}

static facet_status copy_attributes(
    facet__node *to, const facet__node *from, int64_t groups)
{
    facet_status st = facet__node_set_int(to, "group", groups);

    for (int i = 0; st == FACET_OK && i < from->n_attr; i++) {
        const facet__attr *a = &from->attr[i];

        if (a->type == FACET__ATTR_INTS)
            st = facet__node_set_ints(to, a->name, a->ints, a->count);
        else if (a->type == FACET__ATTR_STRING)
            st = facet__node_set_string(to, a->name, a->s);
    }
    return st;
}

/* One convolution of `in` in place of the family; the value it makes, or
 * FACET__NONE without memory. */
static int add_joint(facet__graph *g, const family *f, int in, bool depthwise)
{
    const facet__shape unknown = { .n = -1 };
    const int inputs[3] = { in, join_filters(g, f), join_constants(g, f, 2) };
    const int out = facet__graph_add_value(g, NULL, FACET__F32, &unknown);
    int node = FACET__NONE;

    if (inputs[1] != FACET__NONE && inputs[2] != FACET__NONE &&
        out != FACET__NONE)
        node =
            facet__graph_add_node(g, FACET__OP_CONV, NULL, inputs, 3, &out, 1);
    if (node == FACET__NONE ||
        copy_attributes(&g->nodes[node], &g->nodes[f->node[0]],
            depthwise ? f->channels : 1) != FACET_OK)
        return FACET__NONE;
    return out;
}

/* Hand `joint` out into what the family made. */
static facet_status add_split(facet__graph *g, const family *f, int joint)
{
    const facet__shape shape = { .n = 1, .d = { f->n } };
    facet__tensor *sizes = facet__tensor_create(FACET__I64, &shape);
    int inputs[2] = { joint, FACET__NONE }, out[MOST], node;

    if (!sizes)
        return FACET_ENOMEM;
    for (int i = 0; i < f->n; i++) {
        const facet__node *part = &g->nodes[f->node[i]];

        ((int64_t *)sizes->data)[i] = filters_of(g, part)->d[0];
        out[i] = part->out[0];
    }
    inputs[1] = facet__graph_add_constant(g, NULL, sizes);
    if (inputs[1] == FACET__NONE)
        return FACET_ENOMEM;
    node =
        facet__graph_add_node(g, FACET__OP_SPLIT, NULL, inputs, 2, out, f->n);
    return node == FACET__NONE
               ? FACET_ENOMEM
               : facet__node_set_int(&g->nodes[node], "axis", 1);
}

static void retire(facet__graph *g, const family *f)
{
    for (int i = 0; i < f->n; i++) {
        facet__node *node = &g->nodes[f->node[i]];

        facet__node_release(node);
        *node = (facet__node){ .op = FACET__OP_IDENTITY };
    }
}

/* `behind` may be empty. */
static facet_status merge(
    facet__graph *g, const family *f, const family *behind)
{
    const family *last = behind->n > 0 ? behind : f;
    int joint = add_joint(g, f, g->nodes[f->node[0]].in[0], false);

    if (joint != FACET__NONE && behind->n > 0)
        joint = add_joint(g, behind, joint, true);
    if (joint == FACET__NONE || add_split(g, last, joint) != FACET_OK)
        return FACET_ENOMEM;
    retire(g, f);
    retire(g, behind);
    return FACET_OK;
}

/* Nodes that make nothing are gone; the new ones stand where they may. */
static facet_status settle(facet__graph *g, facet_error *err)
{
    facet_status st;
    int kept = 0;

    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].n_out > 0)
            g->nodes[kept++] = g->nodes[i];
    g->n_nodes = kept;
    st = facet__graph_sort(g, err);
    if (st != FACET_OK)
        return st;
    st = facet__graph_prune(g);
    return st == FACET_OK ? st : facet__fail_memory(err);
}

facet_status facet__graph_merge(facet__graph *g, facet_error *err)
{
    const int nodes = g->n_nodes;
    bool merged = false;

    for (int i = 0; i < nodes && nodes <= MAX_NODES; i++) {
        const family f = siblings(g, i);
        const family behind = readers(g, &f);

        if (f.n < 2 || !handed_on(g, behind.n > 0 ? &behind : &f))
            continue;
        merged = true;
        if (merge(g, &f, &behind) != FACET_OK)
            return facet__fail_memory(err);
    }
    return merged ? settle(g, err) : FACET_OK;
}
