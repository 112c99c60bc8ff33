/* SPDX-License-Identifier: Apache-2.0 */
/* graph.c - the network as values and nodes; see graph.h for the invariants. */
#include "nn/graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

/* Room for one more element; doubles. */
static bool make_room(void *array, int count, int *cap, size_t size)
{
    void **block = array;
    const int more = *cap ? 2 * *cap : 16;
    void *bigger;

    if (count < *cap)
        return true;
    bigger = facet__grow(*block, (size_t)*cap * size, (size_t)more * size);
    if (!bigger)
        return false;
    *block = bigger;
    *cap = more;
    return true;
}

/* Lists without a spare: grown by one. */
static bool append_int(int **list, int *n, int value)
{
    int *bigger = facet__grow(
        *list, (size_t)*n * sizeof **list, (size_t)(*n + 1) * sizeof **list);

    if (!bigger)
        return false;
    bigger[(*n)++] = value;
    *list = bigger;
    return true;
}

static void free_attr(facet__attr *a)
{
    facet__free(a->name);
    if (a->type == FACET__ATTR_STRING)
        facet__free(a->s);
    else if (a->type == FACET__ATTR_TENSOR)
        facet__tensor_free(a->t);
    else if (a->type == FACET__ATTR_INTS)
        facet__free(a->ints);
    else if (a->type == FACET__ATTR_FLOATS)
        facet__free(a->floats);
}

void facet__node_release(facet__node *node)
{
    for (int i = 0; i < node->n_attr; i++)
        free_attr(&node->attr[i]);
    facet__free(node->attr);
    facet__free(node->in);
    facet__free(node->out);
    facet__free(node->name);
}

static void free_value(facet__value *value)
{
    facet__tensor_free(value->data);
    facet__tensor_free(value->steps);
    facet__free(value->name);
}

int8_t facet__filter_byte(float x, float step)
{
    const float q = rintf(x / step);

    return (int8_t)(q < -128.0f ? -128.0f : q < 127.0f ? q : 127.0f);
}

facet_status facet__graph_create(int opset, facet__graph **out)
{
    facet__graph *g = facet__calloc(1, sizeof *g);

    *out = g;
    if (!g)
        return FACET_ENOMEM;
    g->opset = opset;
    g->name = facet__strdup("facet");
    if (!g->name) {
        facet__graph_free(g);
        *out = NULL;
        return FACET_ENOMEM;
    }
    return FACET_OK;
}

void facet__graph_free(facet__graph *g)
{
    if (!g)
        return;
    for (int i = 0; i < g->n_values; i++)
        free_value(&g->values[i]);
    for (int i = 0; i < g->n_nodes; i++)
        facet__node_release(&g->nodes[i]);
    for (int i = 0; i < g->n_meta; i++) {
        facet__free(g->meta[i].key);
        facet__free(g->meta[i].text);
    }
    facet__free(g->values);
    facet__free(g->nodes);
    facet__free(g->meta);
    facet__free(g->inputs);
    facet__free(g->outputs);
    facet__free(g->name);
    facet__free(g);
}

/* building */

static char *fresh_name(const char *stem, int number)
{
    char name[32];

    snprintf(name, sizeof name, "%s.%d", stem, number);
    return facet__strdup(name);
}

/* Pruning changes numbers, not names: a number may be taken. */
static char *fresh_value_name(const facet__graph *g)
{
    for (int number = g->n_values;; number++) {
        char *name = fresh_name("value", number);

        if (!name || facet__graph_find_value(g, name) == FACET__NONE)
            return name;
        facet__free(name);
    }
}

int facet__graph_add_value(facet__graph *g, const char *name, facet__dtype type,
    const facet__shape *shape)
{
    facet__value v = { .type = type, .shape = { .n = -1 } };

    if (shape)
        v.shape = *shape;
    if (!make_room(&g->values, g->n_values, &g->cap_values, sizeof v))
        return FACET__NONE;
    v.name = name ? facet__strdup(name) : fresh_value_name(g);
    if (!v.name)
        return FACET__NONE;
    g->values[g->n_values] = v;
    return g->n_values++;
}

int facet__graph_add_constant(
    facet__graph *g, const char *name, facet__tensor *data)
{
    const int v = facet__graph_add_value(g, name, data->type, &data->shape);

    if (v == FACET__NONE)
        facet__tensor_free(data);
    else
        g->values[v].data = data;
    return v;
}

static int *copy_ints(const int *from, int n)
{
    int *to = facet__alloc((size_t)n * sizeof *to);

    if (to && n > 0)
        memcpy(to, from, (size_t)n * sizeof *to);
    return to;
}

int facet__graph_add_node(facet__graph *g, facet__op_kind op, const char *name,
    const int *in, int n_in, const int *out, int n_out)
{
    facet__node node = { .op = op, .n_in = n_in, .n_out = n_out };

    if (!make_room(&g->nodes, g->n_nodes, &g->cap_nodes, sizeof node))
        return FACET__NONE;
    node.name =
        name && *name ? facet__strdup(name) : fresh_name("node", g->n_nodes);
    node.in = copy_ints(in, n_in);
    node.out = copy_ints(out, n_out);
    if (!node.name || !node.in || !node.out) {
        facet__node_release(&node);
        return FACET__NONE;
    }
    g->nodes[g->n_nodes] = node;
    return g->n_nodes++;
}

facet_status facet__graph_add_input(facet__graph *g, int value)
{
    return append_int(&g->inputs, &g->n_inputs, value) ? FACET_OK
                                                       : FACET_ENOMEM;
}

facet_status facet__graph_add_output(facet__graph *g, int value)
{
    return append_int(&g->outputs, &g->n_outputs, value) ? FACET_OK
                                                         : FACET_ENOMEM;
}

int facet__graph_find_value(const facet__graph *g, const char *name)
{
    for (int i = 0; i < g->n_values; i++)
        if (strcmp(g->values[i].name, name) == 0)
            return i;
    return FACET__NONE;
}

/* attributes */

const facet__attr *facet__node_attr(const facet__node *node, const char *name)
{
    for (int i = 0; i < node->n_attr; i++)
        if (strcmp(node->attr[i].name, name) == 0)
            return &node->attr[i];
    return NULL;
}

int64_t facet__node_int(
    const facet__node *node, const char *name, int64_t otherwise)
{
    const facet__attr *a = facet__node_attr(node, name);

    return a && a->type == FACET__ATTR_INT ? a->i : otherwise;
}

float facet__node_float(
    const facet__node *node, const char *name, float otherwise)
{
    const facet__attr *a = facet__node_attr(node, name);

    return a && a->type == FACET__ATTR_FLOAT ? a->f : otherwise;
}

const char *facet__node_string(
    const facet__node *node, const char *name, const char *otherwise)
{
    const facet__attr *a = facet__node_attr(node, name);

    return a && a->type == FACET__ATTR_STRING ? a->s : otherwise;
}

/* Put `attr` (whose content is the node's from here on) under `name`. */
static facet_status set_attr(
    facet__node *node, const char *name, facet__attr attr)
{
    facet__attr *bigger;

    attr.name = facet__strdup(name);
    if (!attr.name) {
        free_attr(&attr);
        return FACET_ENOMEM;
    }
    for (int i = 0; i < node->n_attr; i++)
        if (strcmp(node->attr[i].name, name) == 0) {
            free_attr(&node->attr[i]);
            node->attr[i] = attr;
            return FACET_OK;
        }
    bigger = facet__grow(node->attr, (size_t)node->n_attr * sizeof attr,
        (size_t)(node->n_attr + 1) * sizeof attr);
    if (!bigger) {
        free_attr(&attr);
        return FACET_ENOMEM;
    }
    bigger[node->n_attr++] = attr;
    node->attr = bigger;
    return FACET_OK;
}

facet_status facet__node_set_int(
    facet__node *node, const char *name, int64_t value)
{
    return set_attr(
        node, name, (facet__attr){ .type = FACET__ATTR_INT, .i = value });
}

facet_status facet__node_set_float(
    facet__node *node, const char *name, float value)
{
    return set_attr(
        node, name, (facet__attr){ .type = FACET__ATTR_FLOAT, .f = value });
}

facet_status facet__node_set_string(
    facet__node *node, const char *name, const char *value)
{
    char *copy = facet__strdup(value);

    if (!copy)
        return FACET_ENOMEM;
    return set_attr(
        node, name, (facet__attr){ .type = FACET__ATTR_STRING, .s = copy });
}

facet_status facet__node_set_ints(
    facet__node *node, const char *name, const int64_t *values, size_t count)
{
    int64_t *copy = facet__alloc(count * sizeof *copy);

    if (!copy)
        return FACET_ENOMEM;
    if (count > 0)
        memcpy(copy, values, count * sizeof *copy);
    return set_attr(node, name,
        (facet__attr){
            .type = FACET__ATTR_INTS, .count = count, .ints = copy });
}

facet_status facet__node_set_floats(
    facet__node *node, const char *name, const float *values, size_t count)
{
    float *copy = facet__alloc(count * sizeof *copy);

    if (!copy)
        return FACET_ENOMEM;
    if (count > 0)
        memcpy(copy, values, count * sizeof *copy);
    return set_attr(node, name,
        (facet__attr){
            .type = FACET__ATTR_FLOATS, .count = count, .floats = copy });
}

facet_status facet__node_set_tensor(
    facet__node *node, const char *name, facet__tensor *tensor)
{
    return set_attr(
        node, name, (facet__attr){ .type = FACET__ATTR_TENSOR, .t = tensor });
}

void facet__node_drop_attr(facet__node *node, const char *name)
{
    int kept = 0;

    for (int i = 0; i < node->n_attr; i++)
        if (strcmp(node->attr[i].name, name) == 0)
            free_attr(&node->attr[i]);
        else
            node->attr[kept++] = node->attr[i];
    node->n_attr = kept;
}

/* makers and readers */

int facet__node_input(const facet__node *node, int i)
{
    return i < node->n_in ? node->in[i] : FACET__NONE;
}

bool facet__graph_is_output(const facet__graph *g, int value)
{
    for (int i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == value)
            return true;
    return false;
}

int facet__graph_maker(const facet__graph *g, int value)
{
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_out; k++)
            if (g->nodes[i].out[k] == value)
                return i;
    return FACET__NONE;
}

int facet__graph_only_reader(const facet__graph *g, int value)
{
    int reader = FACET__NONE;

    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == value) {
                if (reader != FACET__NONE)
                    return FACET__NONE;
                reader = i;
            }
    return facet__graph_is_output(g, value) ? FACET__NONE : reader;
}

void facet__graph_replace_reads(facet__graph *g, int from, int to)
{
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == from)
                g->nodes[i].in[k] = to;
}

/* metadata */

static int find_meta(const facet__graph *g, const char *key)
{
    for (int i = 0; i < g->n_meta; i++)
        if (strcmp(g->meta[i].key, key) == 0)
            return i;
    return FACET__NONE;
}

const char *facet__graph_meta(const facet__graph *g, const char *key)
{
    const int i = find_meta(g, key);

    return i == FACET__NONE ? NULL : g->meta[i].text;
}

static facet_status add_meta(facet__graph *g, const char *key, char *text)
{
    facet__meta *bigger =
        facet__grow(g->meta, (size_t)g->n_meta * sizeof *bigger,
            (size_t)(g->n_meta + 1) * sizeof *bigger);
    char *name = facet__strdup(key);

    if (bigger)
        g->meta = bigger;
    if (!bigger || !name) {
        facet__free(name);
        facet__free(text);
        return FACET_ENOMEM;
    }
    bigger[g->n_meta++] = (facet__meta){ name, text };
    return FACET_OK;
}

facet_status facet__graph_set_meta(
    facet__graph *g, const char *key, const char *text)
{
    const int i = find_meta(g, key);
    char *copy = facet__strdup(text);

    if (text && !copy)
        return FACET_ENOMEM;
    if (i == FACET__NONE)
        return text ? add_meta(g, key, copy) : FACET_OK;
    facet__free(g->meta[i].text);
    g->meta[i].text = copy;
    if (!text) {
        facet__free(g->meta[i].key);
        memmove(&g->meta[i], &g->meta[i + 1],
            (size_t)(g->n_meta - i - 1) * sizeof *g->meta);
        g->n_meta--;
    }
    return FACET_OK;
}

/* copying */

static facet_status copy_attr(facet__node *node, const facet__attr *a)
{
    facet__tensor *tensor;

    switch (a->type) {
    case FACET__ATTR_INT:
        return facet__node_set_int(node, a->name, a->i);
    case FACET__ATTR_FLOAT:
        return facet__node_set_float(node, a->name, a->f);
    case FACET__ATTR_STRING:
        return facet__node_set_string(node, a->name, a->s);
    case FACET__ATTR_INTS:
        return facet__node_set_ints(node, a->name, a->ints, a->count);
    case FACET__ATTR_FLOATS:
        return facet__node_set_floats(node, a->name, a->floats, a->count);
    default:
        tensor = facet__tensor_copy(a->t);
        return tensor ? facet__node_set_tensor(node, a->name, tensor)
                      : FACET_ENOMEM;
    }
}

static facet_status copy_value(facet__graph *to, const facet__value *v)
{
    const int i = facet__graph_add_value(to, v->name, v->type, &v->shape);

    if (i == FACET__NONE)
        return FACET_ENOMEM;
    to->values[i].grid = v->grid;
    if (v->data)
        to->values[i].data = facet__tensor_copy(v->data);
    if (v->steps)
        to->values[i].steps = facet__tensor_copy(v->steps);
    return (v->data && !to->values[i].data) ||
                   (v->steps && !to->values[i].steps)
               ? FACET_ENOMEM
               : FACET_OK;
}

static facet_status copy_node(facet__graph *to, const facet__node *node)
{
    const int i = facet__graph_add_node(
        to, node->op, node->name, node->in, node->n_in, node->out, node->n_out);
    facet_status st = i == FACET__NONE ? FACET_ENOMEM : FACET_OK;

    for (int k = 0; k < node->n_attr && st == FACET_OK; k++)
        st = copy_attr(&to->nodes[i], &node->attr[k]);
    return st;
}

static facet_status copy_all(facet__graph *to, const facet__graph *from)
{
    facet_status st = FACET_OK;

    facet__free(to->name);
    to->name = facet__strdup(from->name);
    to->open_batch = from->open_batch;
    if (!to->name)
        st = FACET_ENOMEM;
    for (int i = 0; i < from->n_values && st == FACET_OK; i++)
        st = copy_value(to, &from->values[i]);
    for (int i = 0; i < from->n_nodes && st == FACET_OK; i++)
        st = copy_node(to, &from->nodes[i]);
    for (int i = 0; i < from->n_inputs && st == FACET_OK; i++)
        st = facet__graph_add_input(to, from->inputs[i]);
    for (int i = 0; i < from->n_outputs && st == FACET_OK; i++)
        st = facet__graph_add_output(to, from->outputs[i]);
    for (int i = 0; i < from->n_meta && st == FACET_OK; i++)
        st = facet__graph_set_meta(to, from->meta[i].key, from->meta[i].text);
    return st;
}

facet_status facet__graph_copy(const facet__graph *graph, facet__graph **out)
{
    facet_status st = facet__graph_create(graph->opset, out);

    if (st == FACET_OK)
        st = copy_all(*out, graph);
    if (st != FACET_OK) {
        facet__graph_free(*out);
        *out = NULL;
    }
    return st;
}
