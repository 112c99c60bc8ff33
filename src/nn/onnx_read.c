/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_read.c - ModelProto to a graph.
 *
 * protobuf-c unpacks the file with an allocator that counts: a hostile file
 * whose messages unpack to more than a few times its size is refused. Names
 * become numbers through a hash table. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "nn/onnx_private.h"
#include "nn/ops.h"

enum {
    MIN_OPSET = 7,
    MAX_OPSET = 18,
    WRITTEN_OPSET = 14,
    UNPACK_FACTOR = 24,
    MAX_DEPTH = 32,
    MOST_PARTS = 16384,
    MOST_ENDS = 4 * MOST_PARTS
};

/* the counting allocator */

typedef struct budget {
    size_t left;
    bool exceeded, empty; /* refused by us, or by the system */
} budget;

static void *budget_alloc(void *context, size_t size)
{
    budget *b = context;
    void *block;

    if (size > b->left) {
        b->exceeded = true;
        return NULL;
    }
    b->left -= size;
    block = facet__alloc(size);
    b->empty |= !block;
    return block;
}

static void budget_free(void *context, void *block)
{
    (void)context;
    facet__free(block);
}

/* nesting */

static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; *at < end && shift < 64; shift += 7) {
        const uint8_t byte = *(*at)++;

        *out |= (uint64_t)(byte & 127u) << shift;
        if (!(byte & 128u))
            return true;
    }
    return false;
}

/* protobuf-c unpacks messages inside messages by recursion without a limit:
 * no more than `depth` of them may stand in each other. False also for bytes
 * that are not fields. */
static bool is_shallow(const ProtobufCMessageDescriptor *type,
    const uint8_t *at, const uint8_t *end, int depth)
{
    while (at < end) {
        const ProtobufCFieldDescriptor *field;
        uint64_t key, value, length = 0;
        bool good = read_varint(&at, end, &key);

        if (!good)
            return false;
        if ((key & 7) == 0)
            good = read_varint(&at, end, &value);
        else if ((key & 7) == 2)
            good = read_varint(&at, end, &length);
        else
            length = (key & 7) == 1 ? 8 : 4;
        if (!good || length > (uint64_t)(end - at))
            return false;
        field =
            protobuf_c_message_descriptor_get_field(type, (unsigned)(key >> 3));
        if ((key & 7) == 2 && field && field->type == PROTOBUF_C_TYPE_MESSAGE &&
            (depth == 0 ||
                !is_shallow(field->descriptor, at, at + length, depth - 1)))
            return false;
        at += length;
    }
    return true;
}

/* names to numbers */

typedef struct names {
    int *slot; /* value numbers or FACET__NONE */
    size_t mask;
} names;

typedef struct reader {
    const Onnx__GraphProto *in;
    facet__graph *graph;
    facet__onnx_source source;
    names names;
    int opset;
    facet_error *err;
} reader;

static size_t hash(const char *text)
{
    uint64_t h = 1469598103934665603u;

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return (size_t)(h ^ h >> 29);
}

/* The slot where `name` is, or where it would go. */
static int *slot_of(const reader *r, const char *name)
{
    size_t i = hash(name) & r->names.mask;

    while (r->names.slot[i] != FACET__NONE &&
           strcmp(r->graph->values[r->names.slot[i]].name, name) != 0)
        i = (i + 1) & r->names.mask;
    return &r->names.slot[i];
}

static facet_status create_names(reader *r)
{
    size_t count = r->in->n_initializer + r->in->n_input, size = 64;

    for (size_t i = 0; i < r->in->n_node; i++)
        count += r->in->node[i]->n_output + r->in->node[i]->n_input;
    count += r->in->n_output;
    while (size < 2 * count)
        size *= 2;
    r->names.slot = facet__alloc(size * sizeof *r->names.slot);
    if (!r->names.slot)
        return facet__fail_memory(r->err);
    for (size_t i = 0; i < size; i++)
        r->names.slot[i] = FACET__NONE;
    r->names.mask = size - 1;
    return FACET_OK;
}

/* The value of that name, made when it is new. */
static int value_of(reader *r, const char *name)
{
    int *slot = slot_of(r, name);

    if (*slot == FACET__NONE)
        *slot = facet__graph_add_value(r->graph, name, 0, NULL);
    if (*slot == FACET__NONE)
        facet__fail_memory(r->err);
    return *slot;
}

/* constants */

static facet_status add_constant(
    reader *r, const char *name, const Onnx__TensorProto *p)
{
    facet__tensor *t = NULL;
    int *slot;
    facet_status st;

    if (!name || !*name)
        return facet__fail(r->err, FACET_EDAMAGED, "a tensor without a name");
    slot = slot_of(r, name);
    if (*slot != FACET__NONE)
        return facet__fail(
            r->err, FACET_EDAMAGED, "two values are called '%.80s'", name);
    st = facet__onnx_tensor(&r->source, p, &t, r->err);
    if (st != FACET_OK) {
        char place[100];

        snprintf(place, sizeof place, "tensor '%.80s'", name);
        return facet__fail_in(r->err, st, place);
    }
    *slot = facet__graph_add_constant(r->graph, name, t);
    return *slot == FACET__NONE ? facet__fail_memory(r->err) : FACET_OK;
}

static facet_status read_initializers(reader *r)
{
    facet_status st = FACET_OK;

    if (r->in->n_sparse_initializer > 0)
        return facet__fail(r->err, FACET_EUNSUPPORTED, "sparse initializers");
    for (size_t i = 0; i < r->in->n_initializer && st == FACET_OK; i++)
        st =
            add_constant(r, r->in->initializer[i]->name, r->in->initializer[i]);
    return st;
}

/* inputs and outputs */

static facet__dtype type_of(int32_t onnx)
{
    switch (onnx) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
        return FACET__F32;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        return FACET__I64;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
        return FACET__I32;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
        return FACET__U8;
    default:
        return 0;
    }
}

/* A declared shape; sizes by name, and sizes below 1, are open. */
static facet_status declared_shape(const reader *r,
    const Onnx__ValueInfoProto *info, facet__dtype *type, facet__shape *shape)
{
    const Onnx__TypeProto__Tensor *t =
        info->type &&
                info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
            ? info->type->tensor_type
            : NULL;

    *type = t ? type_of(t->elem_type) : 0;
    shape->n = -1;
    if (!t || !t->shape)
        return FACET_OK;
    if (t->shape->n_dim > FACET__MAX_DIMS)
        return facet__fail(r->err, FACET_EUNSUPPORTED,
            "'%.80s' has %zu dimensions", info->name, t->shape->n_dim);
    shape->n = (int)t->shape->n_dim;
    for (int i = 0; i < shape->n; i++) {
        const Onnx__TensorShapeProto__Dimension *d = t->shape->dim[i];

        shape->d[i] =
            d->value_case ==
                        ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
                    d->dim_value > 0
                ? d->dim_value
                : -1;
        if (shape->d[i] > FACET__MOST_NUMBERS)
            return facet__fail(r->err, FACET_ELIMIT,
                "input '%.80s': a size of %lld, too large for any machine",
                info->name, (long long)shape->d[i]);
    }
    return FACET_OK;
}

static facet_status read_inputs(reader *r)
{
    for (size_t i = 0; i < r->in->n_input; i++) {
        const Onnx__ValueInfoProto *info = r->in->input[i];
        facet__shape shape;
        facet__dtype type;
        facet_status st;
        int *slot;

        if (!info->name || !*info->name)
            return facet__fail(
                r->err, FACET_EDAMAGED, "an input without a name");
        slot = slot_of(r, info->name);
        if (*slot != FACET__NONE && r->graph->values[*slot].data)
            continue; /* before IR 4 weights stood among the inputs */
        if (*slot != FACET__NONE)
            return facet__fail(r->err, FACET_EDAMAGED,
                "two inputs are called '%.80s'", info->name);
        st = declared_shape(r, info, &type, &shape);
        if (st != FACET_OK)
            return st;
        if (shape.n > 1 && shape.d[0] == 1) {
            r->graph->open_batch = true;
            shape.d[0] = -1;
        }
        *slot = facet__graph_add_value(r->graph, info->name, type, &shape);
        if (*slot == FACET__NONE ||
            facet__graph_add_input(r->graph, *slot) != FACET_OK)
            return facet__fail_memory(r->err);
    }
    return FACET_OK;
}

static facet_status read_outputs(reader *r)
{
    for (size_t i = 0; i < r->in->n_output; i++) {
        const char *name = r->in->output[i]->name;
        const int v = name && *name ? *slot_of(r, name) : FACET__NONE;

        if (v == FACET__NONE)
            return facet__fail(r->err, FACET_EDAMAGED,
                "output '%.80s' is made by no node", name ? name : "");
        if (facet__graph_add_output(r->graph, v) != FACET_OK)
            return facet__fail_memory(r->err);
    }
    return FACET_OK;
}

/* nodes */

static facet_status copy_text(
    facet__node *node, const char *name, ProtobufCBinaryData bytes)
{
    char text[256];

    if (bytes.len >= sizeof text)
        return FACET_EUNSUPPORTED;
    if (bytes.len > 0) /* else there may be no data at all */
        memcpy(text, bytes.data, bytes.len);
    text[bytes.len] = '\0';
    return facet__node_set_string(node, name, text);
}

static facet_status read_attr_content(
    reader *r, facet__node *node, const Onnx__AttributeProto *a)
{
    facet__tensor *t = NULL;
    facet_status st;

    switch (a->type) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
        return facet__node_set_int(node, a->name, a->i);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
        return facet__node_set_float(node, a->name, a->f);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
        return copy_text(node, a->name, a->s);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
        return facet__node_set_ints(node, a->name, a->ints, a->n_ints);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
        return facet__node_set_floats(node, a->name, a->floats, a->n_floats);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
        if (!a->t)
            return facet__fail(
                r->err, FACET_EDAMAGED, "'%.80s' has no tensor", a->name);
        st = facet__onnx_tensor(&r->source, a->t, &t, r->err);
        return st == FACET_OK ? facet__node_set_tensor(node, a->name, t) : st;
    default:
        return facet__fail(r->err, FACET_EUNSUPPORTED,
            "attribute '%.80s' is of a type that is not read", a->name);
    }
}

static facet_status read_attr(
    reader *r, facet__node *node, const Onnx__AttributeProto *a)
{
    const facet__attr *got;
    facet_status st;

    if (!a->name || !*a->name)
        return facet__fail(r->err, FACET_EDAMAGED, "an attribute has no name");
    st = read_attr_content(r, node, a);
    if (st != FACET_OK)
        return st;
    got = facet__node_attr(node, a->name);
    if (!facet__op_attr_fits(node->op, a->name, got->type))
        return facet__fail(r->err, FACET_EDAMAGED,
            "attribute '%.80s' is of another type than it should be", a->name);
    if (got->type == FACET__ATTR_STRING &&
        !facet__op_attr_says(node->op, a->name, got->s))
        return facet__fail(r->err, FACET_EUNSUPPORTED,
            "%.40s '%.40s' is not supported", a->name, got->s);
    return FACET_OK;
}

static facet_status add_node(
    reader *r, const Onnx__NodeProto *p, const facet__op *op, int *index)
{
    const size_t ends = p->n_input + p->n_output;
    int *numbers = facet__alloc((ends + 1) * sizeof *numbers);
    facet_status st = FACET_OK;

    if (!numbers)
        return facet__fail_memory(r->err);
    for (size_t i = 0; i < ends && st == FACET_OK; i++) {
        const char *name =
            i < p->n_input ? p->input[i] : p->output[i - p->n_input];

        numbers[i] = name && *name ? value_of(r, name) : FACET__NONE;
        if (name && *name && numbers[i] == FACET__NONE)
            st = FACET_ENOMEM;
    }
    if (st == FACET_OK) {
        *index = facet__graph_add_node(r->graph, op->kind, p->name, numbers,
            (int)p->n_input, numbers + p->n_input, (int)p->n_output);
        if (*index == FACET__NONE)
            st = facet__fail_memory(r->err);
    }
    facet__free(numbers);
    return st;
}

static facet_status read_known_node(
    reader *r, const Onnx__NodeProto *p, const facet__op *op)
{
    facet_status st;
    int index = 0;

    if (p->n_input > 64 || p->n_output > 64 || p->n_attribute > 64)
        return facet__fail(r->err, FACET_EUNSUPPORTED,
            "more than 64 inputs, outputs or attributes");
    st = add_node(r, p, op, &index);
    for (size_t i = 0; i < p->n_attribute && st == FACET_OK; i++)
        st = read_attr(r, &r->graph->nodes[index], p->attribute[i]);
    if (st == FACET_OK)
        st = facet__onnx_upgrade(r->graph, index, r->opset, r->err);
    return st;
}

static facet_status read_node(reader *r, const Onnx__NodeProto *p)
{
    const char *type = p->op_type ? p->op_type : "";
    const bool own_domain =
        !p->domain || !*p->domain || strcmp(p->domain, "ai.onnx") == 0;
    const facet__op *op = own_domain ? facet__op_find(type) : NULL;
    facet_status st;
    char place[160];

    if (r->err)
        r->err->msg[0] = '\0';
    st = op ? read_known_node(r, p, op)
            : facet__fail(r->err, FACET_EUNSUPPORTED,
                  "an operator that facet does not have");
    if (st == FACET_OK)
        return FACET_OK;
    if (r->err && !r->err->msg[0])
        facet__fail(r->err, st, "%s", facet_status_str(st));
    snprintf(place, sizeof place, "node '%.60s' (%.40s)",
        p->name && *p->name ? p->name
        : p->n_output       ? p->output[0]
                            : "",
        type);
    return facet__fail_in(r->err, st, place);
}

/* the whole */

static facet_status read_graph(reader *r)
{
    facet_status st = create_names(r);

    if (st == FACET_OK)
        st = read_initializers(r);
    if (st == FACET_OK)
        st = read_inputs(r);
    for (size_t i = 0; i < r->in->n_node && st == FACET_OK; i++)
        st = read_node(r, r->in->node[i]);
    if (st == FACET_OK)
        st = facet__onnx_settle(r->graph, r->err);
    if (st == FACET_OK)
        st = read_outputs(r);
    if (st == FACET_OK)
        st = facet__graph_sort(r->graph, r->err);
    if (st == FACET_OK)
        st = facet__graph_check(r->graph, r->err);
    if (st == FACET_OK)
        st = facet__onnx_take_grids(r->graph, r->err);
    if (st == FACET_OK)
        st = facet__onnx_join(r->graph, r->err);
    if (st == FACET_OK && facet__graph_prune(r->graph) != FACET_OK)
        st = facet__fail_memory(r->err);
    facet__free(r->names.slot);
    return st;
}

static facet_status find_opset(
    const Onnx__ModelProto *model, int *opset, facet_error *err)
{
    int64_t version = 0;

    for (size_t i = 0; i < model->n_opset_import; i++) {
        const char *domain = model->opset_import[i]->domain;

        if (!domain || !*domain || strcmp(domain, "ai.onnx") == 0)
            version = model->opset_import[i]->version;
    }
    if (version < MIN_OPSET || version > MAX_OPSET)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "opset %lld: facet reads %d to %d; convert the model",
            (long long)version, MIN_OPSET, MAX_OPSET);
    *opset = (int)version;
    return FACET_OK;
}

static facet_status read_metadata(
    const Onnx__ModelProto *model, facet__graph *graph, facet_error *err)
{
    for (size_t i = 0; i < model->n_metadata_props; i++) {
        const Onnx__StringStringEntryProto *p = model->metadata_props[i];

        if (!p->key || !p->value)
            return facet__fail(
                err, FACET_EDAMAGED, "a metadata entry is incomplete");
        if (facet__graph_set_meta(graph, p->key, p->value) != FACET_OK)
            return facet__fail_memory(err);
    }
    return FACET_OK;
}

/* What follows looks some names and edges up one by one, in time that grows
 * with the square of these; networks have some thousands at most. */
static facet_status check_counts(
    const Onnx__ModelProto *model, facet_error *err)
{
    const Onnx__GraphProto *g = model->graph;
    struct {
        const char *what;
        size_t count, most;
    } parts[] = {
        { "nodes", g->n_node, MOST_PARTS },
        { "weights", g->n_initializer, MOST_PARTS },
        { "inputs", g->n_input, MOST_PARTS },
        { "outputs", g->n_output, MOST_PARTS },
        { "metadata entries", model->n_metadata_props, MOST_PARTS },
        { "inputs and outputs of nodes", 0, MOST_ENDS },
    };
    const size_t n = sizeof parts / sizeof *parts;

    for (size_t i = 0; i < g->n_node; i++)
        parts[n - 1].count += g->node[i]->n_input + g->node[i]->n_output;
    for (size_t i = 0; i < n; i++)
        if (parts[i].count > parts[i].most)
            return facet__fail(err, FACET_ELIMIT,
                "the model has %zu %s: the limit is %zu", parts[i].count,
                parts[i].what, parts[i].most);
    return FACET_OK;
}

static facet_status build(const Onnx__ModelProto *model, const char *folder,
    size_t max_bytes, facet__graph **out, facet_error *err)
{
    reader r = {
        .in = model->graph, .err = err, .source = { folder, max_bytes }
    };
    facet_status st = find_opset(model, &r.opset, err);

    if (st != FACET_OK)
        return st;
    if (!r.in)
        return facet__fail(err, FACET_EDAMAGED, "the model has no graph");
    st = check_counts(model, err);
    if (st != FACET_OK)
        return st;
    if (facet__graph_create(WRITTEN_OPSET, &r.graph) != FACET_OK)
        return facet__fail_memory(err);
    st = read_graph(&r);
    if (st == FACET_OK)
        st = read_metadata(model, r.graph, err);
    if (st != FACET_OK) {
        facet__graph_free(r.graph);
        return st;
    }
    *out = r.graph;
    return FACET_OK;
}

facet_status facet__onnx_parse(const void *bytes, size_t size,
    const char *folder, const facet__onnx_limits *limits, facet__graph **out,
    facet_error *err)
{
    const size_t max_bytes = limits ? limits->max_bytes : 0x7fffffff;
    budget b = { .left = size < SIZE_MAX / UNPACK_FACTOR
                             ? size * UNPACK_FACTOR + 65536
                             : SIZE_MAX };
    ProtobufCAllocator allocator = { budget_alloc, budget_free, &b };
    Onnx__ModelProto *model;
    facet_status st;

    *out = NULL;
    if (size == 0)
        return facet__fail(err, FACET_EEMPTY, "the model has no bytes");
    if (size > max_bytes)
        return facet__fail(err, FACET_ELIMIT,
            "the model has %zu bytes: the limit is %zu", size, max_bytes);
    if (!is_shallow(&onnx__model_proto__descriptor, bytes,
            (const uint8_t *)bytes + size, MAX_DEPTH))
        return facet__fail(err, FACET_EDAMAGED,
            "not an ONNX model, a truncated one, or nested too deeply");
    model = onnx__model_proto__unpack(&allocator, size, bytes);
    if (b.empty)
        st = facet__fail_memory(err);
    else if (b.exceeded)
        st = facet__fail(err, FACET_EDAMAGED,
            "the model's messages unpack to more than %d times its size",
            UNPACK_FACTOR);
    else if (!model)
        st = facet__fail(
            err, FACET_EDAMAGED, "not an ONNX model, or a truncated one");
    else
        st = build(model, folder, max_bytes, out, err);
    onnx__model_proto__free_unpacked(model, &allocator);
    return st;
}

facet_status facet__onnx_read(const char *path,
    const facet__onnx_limits *limits, facet__graph **out, facet_error *err)
{
    const size_t max_bytes = limits ? limits->max_bytes : 0x7fffffff;
    char *folder = NULL;
    void *bytes = NULL;
    size_t size;
    facet_status st = facet__file_read(path, max_bytes, &bytes, &size, err);

    *out = NULL;
    if (st != FACET_OK)
        return st;
    folder = facet__file_folder(path);
    st = folder ? facet__onnx_parse(bytes, size, folder, limits, out, err)
                : facet__fail_memory(err);
    if (st != FACET_OK && st != FACET_ENOMEM)
        facet__fail_in(err, st, path);
    facet__free(folder);
    facet__free(bytes);
    return st;
}
