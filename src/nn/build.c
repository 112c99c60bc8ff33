/* SPDX-License-Identifier: Apache-2.0 */
/* build.c - layers to nodes.
 *
 * Every layer is a node with its attributes and weights; its output's shape
 * comes from the same shape inference that reads foreign files, so that the
 * next layer knows how many channels it is given. */
#include "nn/build.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"
#include "nn/ops.h"

enum {
    OPSET = 14,
    MAX_JOINED = 16,
    MAX_NAME = 160,
    LEFT_OUT = -2, /* an optional input that a node does without */
};

/* errors */

static void fail(facet__builder *b, facet_status st)
{
    if (b->status == FACET_OK && st != FACET_OK) {
        b->status = st;
        if (st == FACET_ENOMEM)
            facet__fail_memory(&b->err);
    }
}

/* `number`, having noted that it is none for want of memory. */
static int have(facet__builder *b, int number)
{
    if (number == FACET__NONE)
        fail(b, FACET_ENOMEM);
    return number;
}

static void refuse(facet__builder *b, const char *layer, const char *why)
{
    if (b->status == FACET_OK)
        b->status = facet__fail(
            &b->err, FACET_EINVAL, "layer '%.100s': %s", layer, why);
}

/* begin and finish */

void facet__build_begin(facet__builder *b, const char *network, uint64_t seed)
{
    *b = (facet__builder){ .seed = seed };
    fail(b, facet__graph_create(OPSET, &b->graph));
    if (b->status != FACET_OK)
        return;
    facet__free(b->graph->name);
    b->graph->name = facet__strdup(network);
    if (!b->graph->name)
        fail(b, FACET_ENOMEM);
}

facet_status facet__build_finish(
    facet__builder *b, facet__graph **out, facet_error *err)
{
    *out = NULL;
    if (b->status == FACET_OK)
        b->status = facet__graph_check(b->graph, &b->err);
    if (b->status == FACET_OK) {
        *out = b->graph;
    } else {
        facet__graph_free(b->graph);
        if (err)
            *err = b->err;
    }
    b->graph = NULL;
    return b->status;
}

/* values */

static bool is_value(const facet__builder *b, int value)
{
    return value >= 0 && value < b->graph->n_values;
}

facet__shape facet__build_shape(const facet__builder *b, int value)
{
    if (b->status != FACET_OK || !is_value(b, value))
        return (facet__shape){ .n = -1 };
    return b->graph->values[value].shape;
}

/* A value of a fresh name. */
static int add_value(
    facet__builder *b, const char *name, const facet__shape *shape)
{
    if (facet__graph_find_value(b->graph, name) != FACET__NONE) {
        refuse(b, name, "there is a layer of that name already");
        return FACET__NONE;
    }
    return have(b, facet__graph_add_value(b->graph, name, FACET__F32, shape));
}

int facet__build_input(facet__builder *b, const char *name, int64_t channels,
    int64_t height, int64_t width)
{
    const facet__shape shape = { 4, { -1, channels, height, width } };
    int value;

    if (b->status != FACET_OK)
        return FACET__NONE;
    value = add_value(b, name, &shape);
    if (value != FACET__NONE)
        fail(b, facet__graph_add_input(b->graph, value));
    return value;
}

void facet__build_output(facet__builder *b, const char *name, int value)
{
    char *copy;

    if (b->status != FACET_OK)
        return;
    if (!is_value(b, value) ||
        facet__graph_find_value(b->graph, name) != FACET__NONE) {
        refuse(b, name, "an output needs a value and a name of its own");
        return;
    }
    copy = facet__strdup(name);
    if (!copy) {
        fail(b, FACET_ENOMEM);
        return;
    }
    facet__free(b->graph->values[value].name);
    b->graph->values[value].name = copy;
    fail(b, facet__graph_add_output(b->graph, value));
}

/* weights */

static uint64_t hash_name(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h;
}

static void draw(const facet__builder *b, const char *name, facet__init init,
    double fan_in, double fan_out, float *w, int64_t count)
{
    facet__random random = facet__random_stream(b->seed, hash_name(name), 0);
    const double he = sqrt(2.0 / fan_in);
    const double xavier = sqrt(6.0 / (fan_in + fan_out));

    for (int64_t i = 0; i < count; i++)
        switch (init.kind) {
        case FACET__INIT_HE:
            w[i] = (float)(he * facet__random_normal(&random));
            break;
        case FACET__INIT_XAVIER:
            w[i] = (float)facet__random_between(&random, -xavier, xavier);
            break;
        case FACET__INIT_NORMAL:
            w[i] = (float)((double)init.value * facet__random_normal(&random));
            break;
        case FACET__INIT_CONSTANT:
            w[i] = init.value;
            break;
        }
}

/* The constant "layer.part", uninitialised. */
static int add_weight(facet__builder *b, const char *layer, const char *part,
    const facet__shape *shape, float **data)
{
    char name[MAX_NAME];
    facet__tensor *t;

    *data = NULL;
    if (b->status != FACET_OK)
        return FACET__NONE;
    snprintf(name, sizeof name, "%s.%s", layer, part);
    if (facet__graph_find_value(b->graph, name) != FACET__NONE) {
        refuse(b, layer, "there is a layer of that name already");
        return FACET__NONE;
    }
    t = facet__tensor_create(FACET__F32, shape);
    if (!t) {
        fail(b, FACET_ENOMEM);
        return FACET__NONE;
    }
    *data = t->data;
    return have(b, facet__graph_add_constant(b->graph, name, t));
}

/* Filters of the builder's scheme. */
static int add_filters(facet__builder *b, const char *layer,
    const facet__shape *shape, double fan_in, double fan_out)
{
    float *data;
    const int value = add_weight(b, layer, "weight", shape, &data);

    if (value != FACET__NONE && !b->blank)
        draw(b, b->graph->values[value].name, b->init, fan_in, fan_out, data,
            facet__shape_count(shape));
    return value;
}

static int add_filled(facet__builder *b, const char *layer, const char *part,
    const facet__shape *shape, float with)
{
    float *data;
    const int value = add_weight(b, layer, part, shape, &data);

    for (int64_t i = 0; value != FACET__NONE && i < facet__shape_count(shape);
         i++)
        data[i] = with;
    return value;
}

static int add_bias(
    facet__builder *b, const char *layer, const facet__shape *shape)
{
    return add_filled(b, layer, "bias", shape, b->bias);
}

/* nodes */

/* A node without attributes yet, making the value `name`. */
static int begin_node(facet__builder *b, facet__op_kind op, const char *name,
    const int *in, int n_in)
{
    const facet__shape unknown = { .n = -1 };
    int reads[MAX_JOINED], out;

    if (b->status != FACET_OK)
        return FACET__NONE;
    if (strlen(name) + 16 > MAX_NAME || *name == '\0') {
        refuse(b, name, "a name needs 1 to 140 letters");
        return FACET__NONE;
    }
    for (int i = 0; i < n_in; i++)
        if (!is_value(b, in[i]) && in[i] != LEFT_OUT) {
            refuse(b, name, "it reads a layer that there is not");
            return FACET__NONE;
        }
    for (int i = 0; i < n_in; i++)
        reads[i] = in[i] == LEFT_OUT ? FACET__NONE : in[i];
    out = add_value(b, name, &unknown);
    if (out == FACET__NONE)
        return FACET__NONE;
    return have(
        b, facet__graph_add_node(b->graph, op, name, reads, n_in, &out, 1));
}

static void set_int(facet__builder *b, int node, const char *name, int64_t to)
{
    if (b->status == FACET_OK)
        fail(b, facet__node_set_int(&b->graph->nodes[node], name, to));
}

static void set_float(facet__builder *b, int node, const char *name, float to)
{
    if (b->status == FACET_OK)
        fail(b, facet__node_set_float(&b->graph->nodes[node], name, to));
}

/* `count` times the same number. */
static void set_ints(
    facet__builder *b, int node, const char *name, int64_t each, size_t count)
{
    const int64_t list[4] = { each, each, each, each };

    if (b->status == FACET_OK)
        fail(
            b, facet__node_set_ints(&b->graph->nodes[node], name, list, count));
}

/* The shape of what the node makes; the value's number. */
static int end_node(facet__builder *b, int number)
{
    facet__fact in[MAX_JOINED], out = { .shape = { .n = -1 } };
    facet__op_call call = { .graph = b->graph, .err = &b->err };
    const facet__node *node;
    facet__value *value;

    if (b->status != FACET_OK)
        return FACET__NONE;
    node = &b->graph->nodes[number];
    value = &b->graph->values[node->out[0]];
    for (int i = 0; i < node->n_in; i++) {
        const facet__value *v;

        if (node->in[i] == FACET__NONE)
            continue;
        v = &b->graph->values[node->in[i]];
        in[i] = (facet__fact){ v->type, v->shape, v->data, false };
        call.in[i] = &in[i];
    }
    call.node = node;
    call.out[0] = &out;
    b->status = facet__op_of(node->op)->infer(&call);
    if (b->status != FACET_OK) {
        char place[MAX_NAME];

        snprintf(place, sizeof place, "layer '%.100s'", node->name);
        facet__fail_in(&b->err, b->status, place);
        return FACET__NONE;
    }
    value->type = out.type;
    value->shape = out.shape;
    return node->out[0];
}

static int simple(facet__builder *b, facet__op_kind op, const char *name, int x)
{
    return end_node(b, begin_node(b, op, name, &x, 1));
}

/* The channels of x, which must be known; -1 with the failure noted. */
static int64_t channels_of(facet__builder *b, const char *name, int x)
{
    const facet__shape s = facet__build_shape(b, x);

    if (s.n >= 2 && s.d[1] > 0)
        return s.d[1];
    refuse(b, name, "its input has no known number of channels");
    return -1;
}

/* layers with filters */

static void set_window(
    facet__builder *b, int node, int64_t kernel, int64_t stride, int64_t pad)
{
    set_ints(b, node, "kernel_shape", kernel, 2);
    set_ints(b, node, "pads", pad, 4);
    set_ints(b, node, "strides", stride ? stride : 1, 2);
}

/* Padding that makes size / stride, rounded up, of x's height and width. */
static void set_same(
    facet__builder *b, int node, int x, int64_t kernel, int64_t stride)
{
    const facet__shape s = facet__build_shape(b, x);
    int64_t pads[4] = { 0 };

    if (b->status != FACET_OK)
        return;
    for (int i = 0; i < 2; i++) {
        const int64_t size = s.n == 4 ? s.d[2 + i] : -1;
        const int64_t step = stride ? stride : 1;
        const int64_t past = (size - 1) / step * step + kernel - size;

        if (size < 1) {
            refuse(b, b->graph->nodes[node].name,
                "its input has no known height and width");
            return;
        }
        pads[i] = past > 0 ? past / 2 : 0;
        pads[i + 2] = past > 0 ? past - past / 2 : 0;
    }
    fail(b, facet__node_set_ints(&b->graph->nodes[node], "pads", pads, 4));
}

int facet__build_conv(
    facet__builder *b, const char *name, int x, facet__conv_spec s)
{
    const int64_t group = s.group ? s.group : 1;
    const int64_t channels = channels_of(b, name, x);
    const double area = (double)(s.kernel * s.kernel);
    int in[3] = { x }, node;

    if (b->status != FACET_OK)
        return FACET__NONE;
    if (s.out < 1 || s.kernel < 1 || group < 1 || channels % group != 0 ||
        s.out % group != 0) {
        refuse(b, name, "its channels, kernel and groups do not fit");
        return FACET__NONE;
    }
    in[1] = add_filters(b, name,
        &(facet__shape){ 4, { s.out, channels / group, s.kernel, s.kernel } },
        area * (double)(channels / group), area * (double)(s.out / group));
    if (s.bias)
        in[2] = add_bias(b, name, &(facet__shape){ 1, { s.out } });
    node = begin_node(b, FACET__OP_CONV, name, in, s.bias ? 3 : 2);
    set_ints(b, node, "dilations", s.dilation ? s.dilation : 1, 2);
    set_int(b, node, "group", group);
    set_window(b, node, s.kernel, s.stride, s.pad);
    if (s.same)
        set_same(b, node, x, s.kernel, s.stride);
    return end_node(b, node);
}

int facet__build_local_conv(
    facet__builder *b, const char *name, int x, facet__conv_spec s)
{
    const int64_t stride = s.stride ? s.stride : 1;
    const int64_t channels = channels_of(b, name, x);
    const facet__shape in_shape = facet__build_shape(b, x);
    const double area = (double)(s.kernel * s.kernel);
    int64_t positions = 1;
    int in[3] = { x }, node;

    if (b->status != FACET_OK)
        return FACET__NONE;
    for (int i = 2; i < 4; i++) {
        const int64_t room = in_shape.n == 4 && in_shape.d[i] > 0
                                 ? in_shape.d[i] + 2 * s.pad - s.kernel
                                 : -1;

        if (room < 0 || s.out < 1 || s.kernel < 1 || stride < 1) {
            refuse(b, name, "its window does not fit the input");
            return FACET__NONE;
        }
        positions *= room / stride + 1;
    }
    in[1] = add_filters(b, name,
        &(facet__shape){
            5, { positions, s.kernel, s.kernel, channels, s.out } },
        area * (double)channels, area * (double)s.out);
    if (s.bias)
        in[2] = add_bias(b, name, &(facet__shape){ 2, { positions, s.out } });
    node = begin_node(b, FACET__OP_LOCAL_CONV, name, in, s.bias ? 3 : 2);
    set_window(b, node, s.kernel, stride, s.pad);
    return end_node(b, node);
}

int facet__build_dense(
    facet__builder *b, const char *name, int x, int64_t out, bool bias)
{
    const int64_t features = channels_of(b, name, x);
    int in[3] = { x }, node;

    if (b->status != FACET_OK)
        return FACET__NONE;
    if (facet__build_shape(b, x).n != 2 || out < 1) {
        refuse(b, name, "it needs a flat input and at least one output");
        return FACET__NONE;
    }
    in[1] = add_filters(b, name, &(facet__shape){ 2, { out, features } },
        (double)features, (double)out);
    if (bias)
        in[2] = add_bias(b, name, &(facet__shape){ 1, { out } });
    node = begin_node(b, FACET__OP_GEMM, name, in, bias ? 3 : 2);
    set_int(b, node, "transB", 1);
    return end_node(b, node);
}

/* layers with a few numbers a channel */

int facet__build_batch_norm(facet__builder *b, const char *name, int x)
{
    static const char *const part[] = { "scale", "bias", "mean", "var" };
    const facet__shape shape = { 1, { channels_of(b, name, x) } };
    int in[5] = { x }, node;

    for (int i = 0; i < 4; i++)
        in[1 + i] = add_filled(
            b, name, part[i], &shape, i == 0 || i == 3 ? 1.0f : 0.0f);
    node = begin_node(b, FACET__OP_BATCH_NORM, name, in, 5);
    set_float(b, node, "epsilon", 1e-5f);
    return end_node(b, node);
}

int facet__build_prelu(facet__builder *b, const char *name, int x)
{
    const int64_t channels = channels_of(b, name, x);
    facet__shape shape = { facet__build_shape(b, x).n - 1, { channels } };
    int in[2] = { x };

    for (int i = 1; i < shape.n; i++)
        shape.d[i] = 1;
    in[1] = add_filled(b, name, "slope", &shape, 0.25f);
    return end_node(b, begin_node(b, FACET__OP_PRELU, name, in, 2));
}

int facet__build_relu(facet__builder *b, const char *name, int x)
{
    return simple(b, FACET__OP_RELU, name, x);
}

int facet__build_sigmoid(facet__builder *b, const char *name, int x)
{
    return simple(b, FACET__OP_SIGMOID, name, x);
}

int facet__build_hard_swish(facet__builder *b, const char *name, int x)
{
    return simple(b, FACET__OP_HARD_SWISH, name, x);
}

int facet__build_tanh(facet__builder *b, const char *name, int x)
{
    return simple(b, FACET__OP_TANH, name, x);
}

int facet__build_softmax(facet__builder *b, const char *name, int x)
{
    const int node = begin_node(b, FACET__OP_SOFTMAX, name, &x, 1);

    set_int(b, node, "axis", -1);
    return end_node(b, node);
}

/* pools */

static int pool(facet__builder *b, facet__op_kind op, const char *name, int x,
    facet__pool_spec s)
{
    const int node = begin_node(b, op, name, &x, 1);

    set_window(b, node, s.kernel, s.stride, s.pad);
    if (s.same)
        set_same(b, node, x, s.kernel, s.stride);
    if (s.ceil)
        set_int(b, node, "ceil_mode", 1);
    if (op == FACET__OP_LP_POOL)
        set_int(b, node, "p", 2);
    return end_node(b, node);
}

int facet__build_max_pool(
    facet__builder *b, const char *name, int x, facet__pool_spec s)
{
    return pool(b, FACET__OP_MAX_POOL, name, x, s);
}

int facet__build_average_pool(
    facet__builder *b, const char *name, int x, facet__pool_spec s)
{
    return pool(b, FACET__OP_AVERAGE_POOL, name, x, s);
}

int facet__build_l2_pool(
    facet__builder *b, const char *name, int x, facet__pool_spec s)
{
    if (s.ceil)
        refuse(b, name, "an L2 pool has no ceil mode before opset 18");
    return pool(b, FACET__OP_LP_POOL, name, x, s);
}

int facet__build_global_average_pool(facet__builder *b, const char *name, int x)
{
    return simple(b, FACET__OP_GLOBAL_AVERAGE_POOL, name, x);
}

/* the rest */

int facet__build_lrn(
    facet__builder *b, const char *name, int x, facet__lrn_spec s)
{
    const int node = begin_node(b, FACET__OP_LRN, name, &x, 1);

    set_float(b, node, "alpha", s.alpha);
    set_float(b, node, "beta", s.beta);
    set_float(b, node, "bias", s.bias);
    set_int(b, node, "size", s.size);
    return end_node(b, node);
}

int facet__build_dropout(facet__builder *b, const char *name, int x, float p)
{
    const facet__shape scalar = { 0, { 0 } };
    int in[2] = { x };

    in[1] = add_filled(b, name, "ratio", &scalar, p);
    return end_node(b, begin_node(b, FACET__OP_DROPOUT, name, in, 2));
}

int facet__build_maxout(
    facet__builder *b, const char *name, int x, int64_t group)
{
    const int node = begin_node(b, FACET__OP_MAXOUT, name, &x, 1);

    set_int(b, node, "group", group);
    return end_node(b, node);
}

int facet__build_l2_normalize(facet__builder *b, const char *name, int x)
{
    const int node = begin_node(b, FACET__OP_LP_NORMALIZATION, name, &x, 1);

    set_int(b, node, "axis", 1);
    set_int(b, node, "p", 2);
    return end_node(b, node);
}

int facet__build_flatten(facet__builder *b, const char *name, int x)
{
    const int node = begin_node(b, FACET__OP_FLATTEN, name, &x, 1);

    set_int(b, node, "axis", 1);
    return end_node(b, node);
}

int facet__build_add(facet__builder *b, const char *name, int x, int y)
{
    const int in[2] = { x, y };

    return end_node(b, begin_node(b, FACET__OP_ADD, name, in, 2));
}

int facet__build_mul(facet__builder *b, const char *name, int x, int y)
{
    const int in[2] = { x, y };

    return end_node(b, begin_node(b, FACET__OP_MUL, name, in, 2));
}

int facet__build_concat(
    facet__builder *b, const char *name, const int *x, int count)
{
    int node;

    if (count < 1 || count > MAX_JOINED) {
        refuse(b, name, "1 to 16 values can be joined");
        return FACET__NONE;
    }
    node = begin_node(b, FACET__OP_CONCAT, name, x, count);
    set_int(b, node, "axis", 1);
    return end_node(b, node);
}

static void set_string(
    facet__builder *b, int node, const char *name, const char *to)
{
    if (b->status == FACET_OK)
        fail(b, facet__node_set_string(&b->graph->nodes[node], name, to));
}

int facet__build_upsample(
    facet__builder *b, const char *name, int x, int64_t factor)
{
    const facet__shape four = { 1, { 4 } };
    int in[3] = { x, LEFT_OUT, FACET__NONE }, node;
    float *scales;

    in[2] = add_weight(b, name, "scales", &four, &scales);
    if (in[2] == FACET__NONE)
        return FACET__NONE;
    for (int i = 0; i < 4; i++)
        scales[i] = i < 2 ? 1.0f : (float)factor;
    node = begin_node(b, FACET__OP_RESIZE, name, in, 3);
    set_string(b, node, "mode", "nearest");
    set_string(b, node, "coordinate_transformation_mode", "asymmetric");
    set_string(b, node, "nearest_mode", "floor");
    return end_node(b, node);
}

int facet__build_cells(facet__builder *b, const char *name, int x)
{
    static const int64_t order[4] = { 0, 2, 3, 1 };
    const facet__shape three = { 1, { 3 } };
    const int64_t channels = channels_of(b, name, x);
    char moved[MAX_NAME], list[MAX_NAME];
    facet__tensor *shape;
    int in[2] = { FACET__NONE, FACET__NONE }, node;

    if (b->status != FACET_OK)
        return FACET__NONE;
    snprintf(moved, sizeof moved, "%.120s.hwc", name);
    snprintf(list, sizeof list, "%.120s.shape", name);
    node = begin_node(b, FACET__OP_TRANSPOSE, moved, &x, 1);
    if (b->status == FACET_OK)
        fail(b, facet__node_set_ints(&b->graph->nodes[node], "perm", order, 4));
    in[0] = end_node(b, node);
    shape =
        b->status == FACET_OK ? facet__tensor_create(FACET__I64, &three) : NULL;
    if (!shape) {
        fail(b, FACET_ENOMEM);
        return FACET__NONE;
    }
    memcpy(shape->data, (int64_t[3]){ 0, -1, channels }, 3 * sizeof(int64_t));
    in[1] = have(b, facet__graph_add_constant(b->graph, list, shape));
    return end_node(b, begin_node(b, FACET__OP_RESHAPE, name, in, 2));
}
