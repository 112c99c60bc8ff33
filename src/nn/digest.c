/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c - one number for what a network computes.
 *
 * Operators in their order, each with its attributes and what it reads; a
 * constant is its numbers, where it is first read. What a writer may choose
 * does not count: metadata, names, the order of weights and attributes, the way
 * a weight is stored, what nobody reads. A default that is written out does. */
#include <string.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "nn/model_private.h"
#include "nn/ops.h"

static void add_text(facet__sha256 *s, const char *text)
{
    facet__sha256_add(s, text, strlen(text) + 1);
}

static void add_int(facet__sha256 *s, int64_t x)
{
    facet__sha256_add(s, &x, sizeof x);
}

static void add_tensor(facet__sha256 *s, const facet__tensor *t)
{
    add_int(s, t->type);
    add_int(s, t->shape.n);
    for (int i = 0; i < t->shape.n; i++)
        add_int(s, t->shape.d[i]);
    facet__sha256_add(s, t->data, t->bytes);
}

static void add_attribute(facet__sha256 *s, const facet__attr *a)
{
    add_text(s, a->name);
    add_int(s, a->type);
    switch (a->type) {
    case FACET__ATTR_INT:
        add_int(s, a->i);
        break;
    case FACET__ATTR_FLOAT:
        facet__sha256_add(s, &a->f, sizeof a->f);
        break;
    case FACET__ATTR_STRING:
        add_text(s, a->s);
        break;
    case FACET__ATTR_TENSOR:
        add_tensor(s, a->t);
        break;
    case FACET__ATTR_INTS:
        add_int(s, (int64_t)a->count);
        facet__sha256_add(s, a->ints, a->count * sizeof *a->ints);
        break;
    case FACET__ATTR_FLOATS:
        add_int(s, (int64_t)a->count);
        facet__sha256_add(s, a->floats, a->count * sizeof *a->floats);
        break;
    }
}

/* `flatten` is the reader's note on an old Softmax, and no file has it. How
 * much a Dropout drops matters to training alone. */
static bool is_silent(const facet__node *node, const facet__attr *a)
{
    return strcmp(a->name, "flatten") == 0 ||
           (node->op == FACET__OP_DROPOUT && strcmp(a->name, "ratio") == 0);
}

/* In the order of their names; few, so the next one is looked for each time. */
static void add_attributes(facet__sha256 *s, const facet__node *node)
{
    const facet__attr *last = NULL, *next = NULL;

    do {
        next = NULL;
        for (int i = 0; i < node->n_attr; i++) {
            const facet__attr *a = &node->attr[i];

            if (!is_silent(node, a) &&
                (!last || strcmp(a->name, last->name) > 0) &&
                (!next || strcmp(a->name, next->name) < 0))
                next = a;
        }
        add_int(s, next != NULL);
        if (next)
            add_attribute(s, next);
        last = next;
    } while (next);
}

/* What int8 computes depends on the grids. */
static void add_grid(facet__sha256 *s, const facet__value *v)
{
    facet__sha256_add(s, &v->grid.step, sizeof v->grid.step);
    add_int(s, v->grid.zero);
}

/* A value is the number of its first mention: inputs, what nodes make, and
 * constants, which tell their numbers then. */
typedef struct mentions {
    int64_t *number; /* [n_values], 0: not yet */
    int64_t last;
} mentions;

static void mention(
    facet__sha256 *s, const facet__graph *g, mentions *m, int value)
{
    const facet__value *v = value == FACET__NONE ? NULL : &g->values[value];

    if (!v) {
        add_int(s, 0);
        return;
    }
    if (m->number[value] != 0) {
        add_int(s, m->number[value]);
        return;
    }
    m->number[value] = ++m->last;
    add_int(s, m->last);
    add_int(s, v->data != NULL);
    if (v->data)
        add_tensor(s, v->data);
    add_grid(s, v);
}

static void add_node(facet__sha256 *s, const facet__graph *g, mentions *m,
    const facet__node *node)
{
    const char *name = facet__op_of(node->op)->name;
    const int n_in =
        node->op == FACET__OP_DROPOUT && node->n_in > 1 ? 1 : node->n_in;

    add_text(s, name ? name : "internal");
    add_attributes(s, node);
    add_int(s, n_in);
    for (int i = 0; i < n_in; i++)
        mention(s, g, m, node->in[i]);
    add_int(s, node->n_out);
    for (int i = 0; i < node->n_out; i++)
        mention(s, g, m, node->out[i]);
}

static void add_ends(facet__sha256 *s, const facet__graph *g, mentions *m,
    const int *values, int count)
{
    add_int(s, count);
    for (int i = 0; i < count; i++)
        mention(s, g, m, values[i]);
}

facet_status facet__graph_digest(const facet__graph *graph, uint8_t digest[32])
{
    mentions m = { facet__calloc((size_t)graph->n_values, sizeof *m.number),
        0 };
    facet__sha256 s;

    if (!m.number)
        return FACET_ENOMEM;
    facet__sha256_begin(&s);
    add_ends(&s, graph, &m, graph->inputs, graph->n_inputs);
    add_int(&s, graph->n_nodes);
    for (int i = 0; i < graph->n_nodes; i++)
        add_node(&s, graph, &m, &graph->nodes[i]);
    add_ends(&s, graph, &m, graph->outputs, graph->n_outputs);
    facet__sha256_end(&s, digest);
    facet__free(m.number);
    return FACET_OK;
}
