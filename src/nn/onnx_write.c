/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_write.c - a graph to the bytes of an ONNX file.
 *
 * The messages are built as protobuf-c structures that point into the graph, so
 * that weights are copied once, into the file's bytes. Whatever is made for
 * them lives in a pool that goes at the end. Nothing but the graph decides what
 * is written: no clock, no path, no order of a hash. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "nn/infer.h"
#include "nn/onnx_private.h"
#include "nn/ops.h"
#include "nn/shapes.h"

enum { IR_VERSION = 8, MAX_MODEL_BYTES = 0x7fffffff };

/* the pool */

typedef struct block {
    struct block *next;
    size_t pad[7]; /* what follows is aligned like the block */
} block;

typedef struct array {
    void **at;
    size_t n, cap;
} array;

typedef struct writer {
    const facet__graph *graph;
    facet__fact *facts;
    block *blocks;
    array nodes, initializers;
    bool failed; /* memory ran out */
    facet_error *err;
} writer;

static void *take(writer *w, size_t count, size_t size)
{
    size_t bytes;
    block *b = NULL;

    if (facet__mul_size(count, size, &bytes) && bytes < PTRDIFF_MAX)
        b = facet__calloc(1, sizeof *b + bytes);
    if (!b) {
        w->failed = true;
        return NULL;
    }
    b->next = w->blocks;
    w->blocks = b;
    return b + 1;
}

static void free_pool(writer *w)
{
    while (w->blocks) {
        block *next = w->blocks->next;

        facet__free(w->blocks);
        w->blocks = next;
    }
    facet__free(w->nodes.at);
    facet__free(w->initializers.at);
}

static void append(writer *w, array *l, void *item)
{
    if (l->n == l->cap) {
        const size_t cap = l->cap ? 2 * l->cap : 64;
        void **bigger =
            facet__grow(l->at, l->n * sizeof *bigger, cap * sizeof *bigger);

        if (!bigger) {
            w->failed = true;
            return;
        }
        l->at = bigger;
        l->cap = cap;
    }
    l->at[l->n++] = item;
}

/* "node.part", a name for what a node is expanded to. */
static char *part_name(writer *w, const char *node, const char *part)
{
    const size_t size = strlen(node) + strlen(part) + 2;
    char *name = take(w, 1, size);

    if (name)
        snprintf(name, size, "%s.%s", node, part);
    return name;
}

/* tensors */

static int onnx_type(facet__dtype type)
{
    switch (type) {
    case FACET__F32:
        return ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    case FACET__U8:
        return ONNX__TENSOR_PROTO__DATA_TYPE__UINT8;
    case FACET__I8:
        return ONNX__TENSOR_PROTO__DATA_TYPE__INT8;
    case FACET__I32:
        return ONNX__TENSOR_PROTO__DATA_TYPE__INT32;
    case FACET__I64:
        return ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    case FACET__BOOL:
        return ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
    default:
        return ONNX__TENSOR_PROTO__DATA_TYPE__UNDEFINED;
    }
}

/* `data` of `shape`, which stays where it is. */
static Onnx__TensorProto *make_tensor(writer *w, char *name, facet__dtype type,
    const facet__shape *shape, const void *data, size_t bytes)
{
    Onnx__TensorProto *p = take(w, 1, sizeof *p);
    int64_t *dims = take(w, (size_t)shape->n, sizeof *dims);

    if (!p || !dims)
        return NULL;
    onnx__tensor_proto__init(p);
    memcpy(dims, shape->d, (size_t)shape->n * sizeof *dims);
    p->n_dims = (size_t)shape->n;
    p->dims = dims;
    p->has_data_type = 1;
    p->data_type = onnx_type(type);
    p->name = name;
    p->has_raw_data = 1;
    p->raw_data.len = bytes;
    p->raw_data.data = (uint8_t *)(uintptr_t)data; /* only read by packing */
    return p;
}

static void add_initializer(writer *w, char *name, facet__dtype type,
    const facet__shape *shape, const void *data)
{
    const size_t bytes =
        (size_t)facet__shape_count(shape) * facet__dtype_size(type);
    Onnx__TensorProto *p =
        name ? make_tensor(w, name, type, shape, data, bytes) : NULL;

    if (p)
        append(w, &w->initializers, p);
}

/* A vector of integers as a constant; its name. */
static char *add_ints(writer *w, const char *node, const char *part,
    const int64_t *from, size_t count)
{
    char *name = part_name(w, node, part);
    int64_t *copy = take(w, count, sizeof *copy);

    if (!copy)
        return NULL;
    memcpy(copy, from, count * sizeof *copy);
    add_initializer(
        w, name, FACET__I64, &(facet__shape){ 1, { (int64_t)count } }, copy);
    return name;
}

/* nodes */

static Onnx__AttributeProto *make_attr(writer *w, const facet__attr *a)
{
    Onnx__AttributeProto *p = take(w, 1, sizeof *p);

    if (!p)
        return NULL;
    onnx__attribute_proto__init(p);
    p->name = a->name;
    p->has_type = 1;
    switch (a->type) {
    case FACET__ATTR_INT:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        p->has_i = 1;
        p->i = a->i;
        break;
    case FACET__ATTR_FLOAT:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        p->has_f = 1;
        p->f = a->f;
        break;
    case FACET__ATTR_STRING:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        p->has_s = 1;
        p->s.len = strlen(a->s);
        p->s.data = (uint8_t *)a->s;
        break;
    case FACET__ATTR_TENSOR:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
        p->t = make_tensor(
            w, NULL, a->t->type, &a->t->shape, a->t->data, a->t->bytes);
        break;
    case FACET__ATTR_INTS:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        p->n_ints = a->count;
        p->ints = a->ints;
        break;
    case FACET__ATTR_FLOATS:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
        p->n_floats = a->count;
        p->floats = a->floats;
        break;
    }
    return p;
}

/* A node of the file with room for `n_in` inputs and one more. */
static Onnx__NodeProto *make_node(
    writer *w, const char *type, char *name, size_t n_in, size_t n_out)
{
    Onnx__NodeProto *p = take(w, 1, sizeof *p);
    char **ends = take(w, n_in + 1 + n_out, sizeof *ends);

    if (!p || !ends)
        return NULL;
    onnx__node_proto__init(p);
    p->op_type = (char *)(uintptr_t)type; /* only read by packing */
    p->name = name;
    p->n_input = n_in;
    p->input = ends;
    p->n_output = n_out;
    p->output = ends + n_in + 1;
    append(w, &w->nodes, p);
    return p;
}

/* One input, one output, or with a second input where `second` is given. */
static Onnx__NodeProto *make_simple(writer *w, const char *type, char *name,
    char *first, char *second, char *out)
{
    Onnx__NodeProto *p = make_node(w, type, name, second ? 2 : 1, 1);

    if (p) {
        p->input[0] = first;
        if (second)
            p->input[1] = second;
        p->output[0] = out;
    }
    return p;
}

static void keep_attrs(
    writer *w, Onnx__NodeProto *p, const facet__node *node, const char *except)
{
    p->attribute = take(w, (size_t)node->n_attr, sizeof *p->attribute);
    for (int i = 0; p->attribute && i < node->n_attr; i++)
        if (!except || strcmp(node->attr[i].name, except) != 0)
            p->attribute[p->n_attribute++] = make_attr(w, &node->attr[i]);
}

/* One attribute made here; `ints` stay where they are. */
static void put_attr(writer *w, Onnx__NodeProto *p, facet__attr attr)
{
    if (!p)
        return;
    p->attribute = take(w, 1, sizeof *p->attribute);
    if (p->attribute) {
        p->attribute[0] = make_attr(w, &attr);
        p->n_attribute = 1;
    }
}

/* Names are only read by packing. */
static char *literal(const char *text)
{
    return (char *)(uintptr_t)text;
}

static char *value_name(const writer *w, int value)
{
    return value == FACET__NONE ? literal("") : w->graph->values[value].name;
}

/* What a node that reads `value` has to read: of a value on a grid what comes
 * out of the pair. */
static char *read_name(writer *w, int value)
{
    if (value == FACET__NONE || w->graph->values[value].grid.step <= 0)
        return value_name(w, value);
    return part_name(w, w->graph->values[value].name, "on_grid");
}

static Onnx__NodeProto *write_plain(
    writer *w, const facet__node *node, const char *type, const char *except)
{
    Onnx__NodeProto *p =
        make_node(w, type, node->name, (size_t)node->n_in, (size_t)node->n_out);

    if (!p)
        return NULL;
    for (int i = 0; i < node->n_in; i++)
        p->input[i] = read_name(w, node->in[i]);
    for (int i = 0; i < node->n_out; i++)
        p->output[i] = value_name(w, node->out[i]);
    keep_attrs(w, p, node, except);
    return p;
}

/* One number or a vector as a constant of floats, bytes or signed bytes. */
static char *add_numbers(writer *w, const char *name, const char *part,
    facet__dtype type, const facet__shape *shape, const void *from)
{
    const size_t bytes =
        (size_t)facet__shape_count(shape) * facet__dtype_size(type);
    void *copy = take(w, 1, bytes);
    char *full = part_name(w, name, part);

    if (!copy)
        return NULL;
    memcpy(copy, from, bytes);
    add_initializer(w, full, type, shape, copy);
    return full;
}

/* QuantizeLinear or DequantizeLinear. */
static Onnx__NodeProto *write_linear(
    writer *w, const char *type, char *in, char *step, char *zero, char *out)
{
    Onnx__NodeProto *p = make_node(w, type, out, 3, 1);

    if (p) {
        p->input[0] = in;
        p->input[1] = step;
        p->input[2] = zero;
        p->output[0] = out;
    }
    return p;
}

/* The pair behind a value on a grid. */
static void write_pair(writer *w, int value)
{
    const facet__value *v = &w->graph->values[value];
    const facet__shape scalar = { .n = 0 };
    const uint8_t zero = (uint8_t)v->grid.zero;
    char *step, *middle, *bytes;

    if (v->grid.step <= 0)
        return;
    step = add_numbers(w, v->name, "step", FACET__F32, &scalar, &v->grid.step);
    middle = add_numbers(w, v->name, "zero", FACET__U8, &scalar, &zero);
    bytes = part_name(w, v->name, "bytes");
    write_linear(w, "QuantizeLinear", v->name, step, middle, bytes);
    write_linear(
        w, "DequantizeLinear", bytes, step, middle, read_name(w, value));
}

/* Filters as signed bytes and their steps. */
static void write_filters(writer *w, const facet__value *v)
{
    const facet__shape *out = &v->steps->shape;
    const size_t n = (size_t)facet__shape_count(&v->data->shape);
    const size_t channels = (size_t)out->d[0];
    const float *x = v->data->data, *step = v->steps->data;
    int8_t *bytes = take(w, n, 1), *zeros = take(w, channels, 1);
    char *name = part_name(w, v->name, "bytes");

    if (!bytes || !zeros)
        return;
    for (size_t i = 0; i < n; i++)
        bytes[i] = facet__filter_byte(x[i], step[i / (n / channels)]);
    add_initializer(w, name, FACET__I8, &v->data->shape, bytes);
    put_attr(w,
        write_linear(w, "DequantizeLinear", name,
            add_numbers(w, v->name, "step", FACET__F32, out, step),
            add_numbers(w, v->name, "zero", FACET__I8, out, zeros), v->name),
        (facet__attr){
            .name = literal("axis"), .type = FACET__ATTR_INT, .i = 0 });
}

/* Since opset 13 the axes of ReduceSum are an input. */
static void write_reduce_sum(writer *w, const facet__node *node)
{
    const facet__attr *axes = facet__node_attr(node, "axes");
    Onnx__NodeProto *p = write_plain(w, node, "ReduceSum", "axes");

    if (p && axes)
        p->input[p->n_input++] =
            add_ints(w, node->name, "axes", axes->ints, axes->count);
}

/* The largest of adjacent channels: a strided slice for each, then Max. */
static void write_maxout(writer *w, const facet__node *node)
{
    const int64_t group = facet__node_int(node, "group", 2);
    char *in = read_name(w, node->in[0]);
    char *end = add_ints(w, node->name, "end", &(int64_t){ INT64_MAX }, 1);
    char *axis = add_ints(w, node->name, "axis", &(int64_t){ 1 }, 1);
    char *step = add_ints(w, node->name, "step", &group, 1);
    char **slices = take(w, (size_t)group, sizeof *slices);
    Onnx__NodeProto *p;

    for (int64_t i = 0; slices && i < group; i++) {
        char part[32];

        snprintf(part, sizeof part, "start%d", (int)i);
        char *start = add_ints(w, node->name, part, &i, 1);

        snprintf(part, sizeof part, "slice%d", (int)i);
        slices[i] = part_name(w, node->name, part);
        p = make_node(w, "Slice", slices[i], 5, 1);
        if (!p || !slices[i])
            return;
        p->input[0] = in;
        p->input[1] = start;
        p->input[2] = end;
        p->input[3] = axis;
        p->input[4] = step;
        p->output[0] = slices[i];
    }
    p = make_node(w, "Max", node->name, (size_t)group, 1);
    if (!p || !slices)
        return;
    memcpy(p->input, slices, (size_t)group * sizeof *slices);
    p->output[0] = value_name(w, node->out[0]);
}

static char *write_reshape(writer *w, const char *node, const char *part,
    char *in, const int64_t *shape, size_t count, char *out)
{
    char buf[32], *name = out ? out : part_name(w, node, part);

    snprintf(buf, sizeof buf, "%s.shape", part);
    make_simple(w, "Reshape", part_name(w, node, part), in,
        add_ints(w, node, buf, shape, count), name);
    return name;
}

static char *write_transpose(writer *w, const char *node, const char *part,
    char *in, int64_t *perm, size_t rank)
{
    char *name = part_name(w, node, part);

    put_attr(w, make_simple(w, "Transpose", name, in, NULL, name),
        (facet__attr){ .name = literal("perm"),
            .type = FACET__ATTR_INTS,
            .count = rank,
            .ints = perm });
    return name;
}

/* Zeros around the input, as far as the node pads it. */
static char *write_padding(
    writer *w, const facet__node *node, const facet__window *window, char *in)
{
    const int64_t pads[8] = { 0, 0, window->pad_begin[0], window->pad_begin[1],
        0, 0, window->pad_end[0], window->pad_end[1] };
    char *name = part_name(w, node->name, "padded");

    if (pads[2] == 0 && pads[3] == 0 && pads[6] == 0 && pads[7] == 0)
        return in;
    make_simple(
        w, "Pad", name, in, add_ints(w, node->name, "pads", pads, 8), name);
    return name;
}

/* Which pixels each output position sees: [kh * kw, oh * ow] places in a plane
 * of `width`. */
static char *add_places(writer *w, const facet__node *node,
    const facet__window *window, int64_t width)
{
    const int64_t positions = window->out[0] * window->out[1];
    const int64_t taps = window->kernel[0] * window->kernel[1];
    char *name = part_name(w, node->name, "places");
    int64_t *at = take(w, (size_t)(taps * positions), sizeof *at);

    for (int64_t i = 0; at && i < taps * positions; i++) {
        const int64_t tap = i / positions, o = i % positions;
        const int64_t y =
            o / window->out[1] * window->stride[0] + tap / window->kernel[1];
        const int64_t x =
            o % window->out[1] * window->stride[1] + tap % window->kernel[1];

        at[i] = y * width + x;
    }
    if (at)
        add_initializer(
            w, name, FACET__I64, &(facet__shape){ 2, { taps, positions } }, at);
    return name;
}

/* What each position sees of each image, [positions, n, kh * kw * channels]. */
static char *write_patches(writer *w, const facet__node *node,
    const facet__shape *filters, const facet__window *window,
    const int64_t size[2])
{
    static int64_t perm[4] = { 3, 0, 2, 1 };
    const int64_t height = size[0] + window->pad_begin[0] + window->pad_end[0];
    const int64_t width = size[1] + window->pad_begin[1] + window->pad_end[1];
    const int64_t channels = filters->d[3];
    const char *name = node->name;
    char *patches = part_name(w, name, "patches"), *x;
    const facet__attr axis = {
        .name = literal("axis"), .type = FACET__ATTR_INT, .i = 2
    };

    x = write_padding(w, node, window, read_name(w, node->in[0]));
    x = write_reshape(w, name, "planes", x,
        (const int64_t[]){ 0, channels, height * width }, 3, NULL);
    put_attr(w,
        make_simple(w, "Gather", patches, x, add_places(w, node, window, width),
            patches),
        axis); /* [n, channels, taps, positions] */
    x = write_transpose(w, name, "seen", patches, perm, 4);
    return write_reshape(w, name, "rows", x,
        (const int64_t[]){ 0, 0, filters->d[1] * filters->d[2] * channels }, 3,
        NULL);
}

/* Input `i` of the node as an initializer of the product's shape; its bytes
 * are the graph's own. */
static char *write_weight(
    writer *w, const facet__node *node, int i, facet__shape shape)
{
    const facet__value *v = &w->graph->values[node->in[i]];

    add_initializer(w, v->name, FACET__F32, &shape, v->data->data);
    return v->name;
}

static bool has_bias(const facet__node *node)
{
    return facet__node_input(node, 2) != FACET__NONE;
}

/* Are filters and bias constants that belong to one another, and the size of
 * the input known? */
static bool can_write_local(const writer *w, const facet__node *node)
{
    const facet__value *f = &w->graph->values[node->in[1]];
    const facet__value *b =
        has_bias(node) ? &w->graph->values[node->in[2]] : NULL;
    const facet__shape *in = &w->facts[node->in[0]].shape;

    return f->data && f->shape.n == 5 && in->n == 4 && in->d[2] >= 0 &&
           in->d[3] >= 0 &&
           (!b || (b->data && facet__shape_count(&b->shape) ==
                                  f->shape.d[0] * f->shape.d[4]));
}

/* Locally connected: a batch of products, one a position
 * (docs/design/local-layers.md; onnx_join.c reads it back):
 *   [positions, n, k] times [positions, k, out] to [n, out, h, w] */
static facet_status write_local_conv(writer *w, const facet__node *node)
{
    static int64_t perm[3] = { 1, 2, 0 };
    const facet__shape *f = &w->graph->values[node->in[1]].shape;
    const facet__shape *in = &w->facts[node->in[0]].shape;
    const facet__shape *out = &w->facts[node->out[0]].shape;
    const char *name = node->name;
    facet__window window;
    char *x, *y;

    if (!can_write_local(w, node))
        return facet__fail(w->err, FACET_EMODEL,
            "node '%.80s' (LocalConv) needs constant filters and an input of "
            "known size",
            name);
    if (facet__window_of(node, &in->d[2], &f->d[1], &window, w->err) !=
        FACET_OK)
        return FACET_EMODEL;
    x = write_patches(w, node, f, &window, &in->d[2]);
    y = part_name(w, name, "product");
    make_simple(w, "MatMul", y, x,
        write_weight(w, node, 1,
            (facet__shape){
                3, { f->d[0], f->d[1] * f->d[2] * f->d[3], f->d[4] } }),
        y);
    if (has_bias(node)) {
        x = part_name(w, name, "sum");
        make_simple(w, "Add", x, y,
            write_weight(
                w, node, 2, (facet__shape){ 3, { f->d[0], 1, f->d[4] } }),
            x);
        y = x;
    }
    y = write_transpose(w, name, "maps", y, perm, 3);
    write_reshape(w, name, "map", y,
        (const int64_t[]){ 0, out->d[1], out->d[2], out->d[3] }, 4,
        value_name(w, node->out[0]));
    return FACET_OK;
}

/* A Softmax that a file before opset 13 meant over all axes from one on can be
 * written where the others have one place only: shapes.c. */
static facet_status write_softmax(writer *w, const facet__node *node)
{
    const facet__shape *in = &w->facts[node->in[0]].shape;
    int axis = 0;
    bool alike = in->n >= 0 &&
                 facet__axis(facet__node_int(node, "axis", -1), in->n, &axis);

    for (int i = axis + 1; i < in->n; i++)
        alike &= in->d[i] == 1;
    if (facet__node_int(node, "flatten", 0) && !alike)
        return facet__fail(w->err, FACET_EUNSUPPORTED,
            "node '%.80s' (Softmax): of an opset before 13, over sizes that "
            "are open: export the network for opset 13 or later",
            node->name);
    write_plain(w, node, "Softmax", "flatten");
    return FACET_OK;
}

static facet_status not_sayable(
    const writer *w, const facet__node *node, const char *what)
{
    return facet__fail(w->err, FACET_EUNSUPPORTED,
        "node '%.80s' (%s): %s is not in opset 14, which is written",
        node->name, facet__op_of(node->op)->name, what);
}

/* Parts of no given sizes are equal, until opset 18. */
static facet_status write_split(writer *w, const facet__node *node)
{
    const facet__shape *in = &w->facts[node->in[0]].shape;
    int axis;

    if (facet__node_input(node, 1) == FACET__NONE && in->n >= 0 &&
        facet__axis(facet__node_int(node, "axis", 0), in->n, &axis) &&
        in->d[axis] >= 0 && in->d[axis] % node->n_out != 0)
        return not_sayable(w, node, "a last part that is smaller");
    write_plain(w, node, "Split", NULL);
    return FACET_OK;
}

static facet_status write_lp_pool(writer *w, const facet__node *node)
{
    if (facet__node_attr(node, "dilations") ||
        facet__node_int(node, "ceil_mode", 0) != 0)
        return not_sayable(w, node, "ceil_mode or a dilation");
    write_plain(w, node, "LpPool", NULL);
    return FACET_OK;
}

static facet_status write_node(writer *w, const facet__node *node)
{
    switch (node->op) {
    case FACET__OP_REDUCE_SUM:
        write_reduce_sum(w, node);
        return FACET_OK;
    case FACET__OP_MAXOUT:
        write_maxout(w, node);
        return FACET_OK;
    case FACET__OP_LOCAL_CONV:
        return write_local_conv(w, node);
    case FACET__OP_LP_POOL:
        return write_lp_pool(w, node);
    case FACET__OP_SOFTMAX:
        return write_softmax(w, node);
    case FACET__OP_DROPOUT: /* what was the attribute may be an input now */
        write_plain(w, node, "Dropout", node->n_in > 1 ? "ratio" : NULL);
        return FACET_OK;
    case FACET__OP_SPLIT:
        return write_split(w, node);
    default:
        write_plain(w, node, facet__op_of(node->op)->name, NULL);
        return FACET_OK;
    }
}

/* inputs and outputs */

static Onnx__TensorShapeProto__Dimension *make_dim(
    writer *w, const char *value, int axis, int64_t size)
{
    Onnx__TensorShapeProto__Dimension *d = take(w, 1, sizeof *d);
    char part[24];

    if (!d)
        return NULL;
    onnx__tensor_shape_proto__dimension__init(d);
    if (axis == 0 && size < 0 && w->graph->open_batch)
        size = 1; /* as the file said that it was read from */
    if (size >= 0) {
        d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        d->dim_value = size;
        return d;
    }
    snprintf(part, sizeof part, "dim%d", axis);
    d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    d->dim_param = axis == 0 ? literal("batch") : part_name(w, value, part);
    return d;
}

static Onnx__TensorShapeProto *make_shape(
    writer *w, const char *value, const facet__shape *shape)
{
    Onnx__TensorShapeProto *p = take(w, 1, sizeof *p);

    if (!p)
        return NULL;
    onnx__tensor_shape_proto__init(p);
    p->dim = take(w, (size_t)shape->n, sizeof *p->dim);
    for (int i = 0; p->dim && i < shape->n; i++)
        p->dim[p->n_dim++] = make_dim(w, value, i, shape->d[i]);
    return p;
}

static Onnx__ValueInfoProto *make_info(writer *w, int value)
{
    const facet__fact *fact = &w->facts[value];
    Onnx__ValueInfoProto *p = take(w, 1, sizeof *p);
    Onnx__TypeProto *type = take(w, 1, sizeof *type);
    Onnx__TypeProto__Tensor *t = take(w, 1, sizeof *t);

    if (!p || !type || !t)
        return NULL;
    onnx__value_info_proto__init(p);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(t);
    p->name = w->graph->values[value].name;
    p->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = t;
    t->has_elem_type = 1;
    t->elem_type = onnx_type(fact->type ? fact->type : FACET__F32);
    if (fact->shape.n >= 0)
        t->shape = make_shape(w, p->name, &fact->shape);
    return p;
}

static Onnx__ValueInfoProto **make_infos(
    writer *w, const int *values, int count, size_t *n)
{
    Onnx__ValueInfoProto **p = take(w, (size_t)count, sizeof(void *));

    *n = (size_t)count;
    for (int i = 0; p && i < count; i++)
        p[i] = make_info(w, values[i]);
    return p;
}

/* the whole */

/* LocalConv writes its filters in another shape, so not here. */
static bool is_expanded_weight(const facet__graph *g, int value)
{
    bool expanded = false;

    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == value) {
                if (g->nodes[i].op != FACET__OP_LOCAL_CONV)
                    return false;
                expanded = true;
            }
    return expanded;
}

static bool has_local_conv(const facet__graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op == FACET__OP_LOCAL_CONV)
            return true;
    return false;
}

static facet_status write_graph(writer *w, Onnx__GraphProto *p)
{
    const facet__graph *g = w->graph;
    const bool local = has_local_conv(g);
    facet_status st = FACET_OK;

    for (int v = 0; v < g->n_values; v++)
        if (g->values[v].steps)
            write_filters(w, &g->values[v]);
        else if (g->values[v].data && !(local && is_expanded_weight(g, v)))
            add_initializer(w, g->values[v].name, g->values[v].data->type,
                &g->values[v].data->shape, g->values[v].data->data);
    for (int i = 0; i < g->n_inputs; i++)
        write_pair(w, g->inputs[i]);
    for (int i = 0; i < g->n_nodes && st == FACET_OK; i++) {
        st = write_node(w, &g->nodes[i]);
        for (int k = 0; k < g->nodes[i].n_out; k++)
            if (g->nodes[i].out[k] != FACET__NONE)
                write_pair(w, g->nodes[i].out[k]);
    }
    onnx__graph_proto__init(p);
    p->name = g->name;
    p->n_node = w->nodes.n;
    p->node = (Onnx__NodeProto **)w->nodes.at;
    p->n_initializer = w->initializers.n;
    p->initializer = (Onnx__TensorProto **)w->initializers.at;
    p->input = make_infos(w, g->inputs, g->n_inputs, &p->n_input);
    p->output = make_infos(w, g->outputs, g->n_outputs, &p->n_output);
    return st;
}

static Onnx__StringStringEntryProto **make_meta(writer *w, size_t *n)
{
    const facet__graph *g = w->graph;
    Onnx__StringStringEntryProto **list =
        take(w, (size_t)g->n_meta, sizeof(void *));

    *n = (size_t)g->n_meta;
    for (int i = 0; list && i < g->n_meta; i++) {
        list[i] = take(w, 1, sizeof *list[i]);
        if (!list[i])
            return NULL;
        onnx__string_string_entry_proto__init(list[i]);
        list[i]->key = g->meta[i].key;
        list[i]->value = g->meta[i].text;
    }
    return list;
}

static facet_status pack(
    writer *w, const Onnx__ModelProto *model, void **bytes, size_t *size)
{
    const size_t need = onnx__model_proto__get_packed_size(model);

    if (need > MAX_MODEL_BYTES)
        return facet__fail(w->err, FACET_ELIMIT,
            "the model takes %zu bytes: ONNX files end at 2 GiB", need);
    *bytes = facet__alloc(need);
    if (!*bytes)
        return FACET_ENOMEM;
    *size = onnx__model_proto__pack(model, *bytes);
    return FACET_OK;
}

static facet_status write_model(writer *w, void **bytes, size_t *size)
{
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    Onnx__OperatorSetIdProto *opsets[1] = { &opset };
    Onnx__GraphProto graph;
    const facet_status st = write_graph(w, &graph);

    if (st != FACET_OK)
        return st;
    opset.domain = literal("");
    opset.has_version = 1;
    opset.version = w->graph->opset;
    model.has_ir_version = 1;
    model.ir_version = IR_VERSION;
    model.producer_name = literal("facet");
    model.n_opset_import = 1;
    model.opset_import = opsets;
    model.graph = &graph;
    model.metadata_props = make_meta(w, &model.n_metadata_props);
    return w->failed ? FACET_ENOMEM : pack(w, &model, bytes, size);
}

facet_status facet__onnx_serialize(
    const facet__graph *graph, void **bytes, size_t *size, facet_error *err)
{
    writer w = { .graph = graph, .err = err };
    facet_status st = facet__infer(graph, NULL, 0, &w.facts, err);

    *bytes = NULL;
    *size = 0;
    if (st == FACET_OK)
        st = write_model(&w, bytes, size);
    facet__facts_free(w.facts, graph->n_values);
    free_pool(&w);
    return st == FACET_ENOMEM ? facet__fail_memory(err) : st;
}

facet_status facet__onnx_write(
    const facet__graph *graph, const char *path, facet_error *err)
{
    void *bytes;
    size_t size;
    facet_status st = facet__onnx_serialize(graph, &bytes, &size, err);

    if (st == FACET_OK)
        st = facet__file_write(path, bytes, size, err);
    facet__free(bytes);
    return st;
}
