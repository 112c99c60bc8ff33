/* SPDX-License-Identifier: Apache-2.0 */
/* compile.c - from a graph to steps.
 *
 * Nodes are lowered in their order, a chain where its last node stands. A value
 * may exist in several slots (NHWC for convolutions, PLAIN for everything that
 * is not a map); a step that wants another form than there is gets a
 * conversion step in front. */
#include "nn/engine/compiler.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/affine.h"

/* Operators without a row are computed by the plain evaluator. */
static facet__lowering *const lowerings[FACET__OP_COUNT] = {
    [FACET__OP_ADD] = facet__lower_binary,
    [FACET__OP_AVERAGE_POOL] = facet__lower_pool,
    [FACET__OP_BATCH_NORM] = facet__lower_evaluate,
    [FACET__OP_CLIP] = facet__lower_unary,
    [FACET__OP_CONCAT] = facet__lower_concat,
    [FACET__OP_CONV] = facet__lower_conv,
    [FACET__OP_DIV] = facet__lower_binary,
    [FACET__OP_ELU] = facet__lower_unary,
    [FACET__OP_EXP] = facet__lower_unary,
    [FACET__OP_FLATTEN] = facet__lower_reshape,
    [FACET__OP_GEMM] = facet__lower_gemm,
    [FACET__OP_GLOBAL_AVERAGE_POOL] = facet__lower_global_pool,
    [FACET__OP_GLOBAL_MAX_POOL] = facet__lower_global_pool,
    [FACET__OP_HARD_SIGMOID] = facet__lower_unary,
    [FACET__OP_HARD_SWISH] = facet__lower_unary,
    [FACET__OP_LEAKY_RELU] = facet__lower_unary,
    [FACET__OP_LOCAL_CONV] = facet__lower_local,
    [FACET__OP_LP_POOL] = facet__lower_pool,
    [FACET__OP_LRN] = facet__lower_lrn,
    [FACET__OP_MATMUL] = facet__lower_gemm,
    [FACET__OP_MAX] = facet__lower_binary,
    [FACET__OP_MAX_POOL] = facet__lower_pool,
    [FACET__OP_MIN] = facet__lower_binary,
    [FACET__OP_MUL] = facet__lower_binary,
    [FACET__OP_PRELU] = facet__lower_prelu,
    [FACET__OP_REDUCE_MEAN] = facet__lower_reduce,
    [FACET__OP_RELU] = facet__lower_unary,
    [FACET__OP_RESHAPE] = facet__lower_reshape,
    [FACET__OP_RESIZE] = facet__lower_resize,
    [FACET__OP_SIGMOID] = facet__lower_unary,
    [FACET__OP_SPLIT] = facet__lower_split,
    [FACET__OP_SQRT] = facet__lower_unary,
    [FACET__OP_SQUEEZE] = facet__lower_reshape,
    [FACET__OP_SUB] = facet__lower_binary,
    [FACET__OP_TANH] = facet__lower_unary,
    [FACET__OP_TRANSPOSE] = facet__lower_transpose,
    [FACET__OP_UNSQUEEZE] = facet__lower_reshape,
    [FACET__OP_UPSAMPLE] = facet__lower_resize,
};

static bool is_along_channels(const facet__compiler *c, const facet__node *node)
{
    const int64_t axis = facet__node_int(node, "axis", 0);

    return facet__rank(c, node->out[0]) == 4 && (axis == 1 || axis == -3);
}

bool facet__reads_maps(const facet__compiler *c, const facet__node *node)
{
    facet__lowering *l = lowerings[node->op];

    if (facet__is_affine(c, node))
        return facet__rank(c, node->out[0]) == 4;
    if (!l || l == facet__lower_gemm || l == facet__lower_reshape ||
        l == facet__lower_transpose)
        return false;
    if (node->op == FACET__OP_CONCAT || node->op == FACET__OP_SPLIT)
        return is_along_channels(c, node);
    return facet__rank(c, node->in[0]) == 4;
}

const float *facet__constant(const facet__compiler *c, int value, int64_t *n)
{
    const facet__tensor *t = facet__graph_floats(c->graph, value);

    if (!t)
        return NULL;
    *n = facet__shape_count(&t->shape);
    return t->data;
}

int facet__rank(const facet__compiler *c, int value)
{
    return c->facts[value].shape.n;
}

int64_t facet__channels(const facet__compiler *c, int value)
{
    const facet__shape *s = &c->facts[value].shape;

    return s->n == 4 || s->n == 2 ? s->d[1] : -1;
}

bool facet__is_integer(const facet__compiler *c, int value)
{
    const facet__dtype type = c->facts[value].type;

    return type != 0 && type != FACET__F32;
}

/* slots */

static facet_status grow(void **array, int *cap, int need, size_t size)
{
    const int more = *cap ? 2 * *cap : 64;
    void *bigger;

    if (need <= *cap)
        return FACET_OK;
    bigger = facet__grow(*array, (size_t)*cap * size, (size_t)more * size);
    if (!bigger)
        return FACET_ENOMEM;
    *array = bigger;
    *cap = more;
    return FACET_OK;
}

int facet__slot_new(
    facet__compiler *c, int value, facet__layout layout, facet__dtype type)
{
    facet__program *p = c->program;
    void *slots = p->slots, *next = c->next_slot;
    const facet_status a =
        grow(&slots, &p->cap_slots, p->n_slots + 1, sizeof *p->slots);
    const facet_status b =
        grow(&next, &c->cap_next, p->n_slots + 1, sizeof *c->next_slot);

    p->slots = slots;
    c->next_slot = next;
    if (a != FACET_OK || b != FACET_OK) {
        facet__fail_memory(c->err);
        return FACET__NONE;
    }
    p->slots[p->n_slots] =
        (facet__slot){ value, layout, type, FACET__NONE, false };
    c->next_slot[p->n_slots] = c->first_slot[value];
    c->first_slot[value] = p->n_slots;
    return p->n_slots++;
}

facet_status facet__emit(facet__compiler *c, const facet__step_class *class,
    void *params, int node, const int *in, int n_in, const int *out, int n_out)
{
    facet__program *p = c->program;
    void *steps = p->steps;
    facet_status st =
        grow(&steps, &p->cap_steps, p->n_steps + 1, sizeof *p->steps);
    facet__step step = { .class = class,
        .params = params,
        .node = node,
        .n_in = n_in,
        .n_out = n_out };

    p->steps = steps;
    for (int i = 0; i < n_in; i++)
        if (in[i] == FACET__NONE)
            st = FACET_ENOMEM;
    for (int i = 0; i < n_out; i++)
        if (out[i] == FACET__NONE)
            st = FACET_ENOMEM;
    if (st != FACET_OK) {
        (class->free ? class->free : facet__free)(params);
        return facet__fail_memory(c->err);
    }
    memcpy(step.in, in, (size_t)n_in * sizeof *in);
    memcpy(step.out, out, (size_t)n_out * sizeof *out);
    step.windowed =
        class == &facet__step_pool || class == &facet__step_depthwise ||
        class == &facet__step_local || class == &facet__step_conv_rows ||
        class == &facet__step_winograd ||
        (class == &facet__step_conv && node != FACET__NONE &&
            c->graph->nodes[node].op == FACET__OP_CONV);
    if (class->alias)
        p->slots[out[0]].alias_of = in[0];
    p->steps[p->n_steps++] = step;
    return FACET_OK;
}

/* The step that turns slot `from` into `layout` and `type`. */
static int convert(
    facet__compiler *c, int from, facet__layout layout, facet__dtype type)
{
    const facet__slot s = c->program->slots[from];
    const facet__step_class *class = &facet__step_convert;
    int to;

    if (s.layout == FACET__PLAIN && layout == FACET__NHWC)
        class = &facet__step_to_nhwc;
    else if (s.layout == FACET__NHWC && layout == FACET__PLAIN)
        class = &facet__step_to_plain;
    to = facet__slot_new(c, s.value, layout, type);
    if (to == FACET__NONE ||
        facet__emit(c, class, NULL, FACET__NONE, &from, 1, &to, 1) != FACET_OK)
        return FACET__NONE;
    return to;
}

/* What no step makes, a constant or shape arithmetic, becomes a slot of its own
 * when it is read as a tensor. */
static int given_slot(facet__compiler *c, int value)
{
    const int slot =
        facet__slot_new(c, value, FACET__PLAIN, c->facts[value].type);

    if (slot != FACET__NONE)
        c->program->slots[slot].given = true;
    return slot;
}

int facet__slot_any(facet__compiler *c, int value)
{
    int slot = c->first_slot[value];

    if (slot == FACET__NONE)
        return given_slot(c, value);
    while (c->next_slot[slot] != FACET__NONE)
        slot = c->next_slot[slot];
    return slot;
}

int facet__slot_of(
    facet__compiler *c, int value, facet__layout layout, facet__dtype type)
{
    for (int s = c->first_slot[value]; s != FACET__NONE; s = c->next_slot[s]) {
        const facet__slot *slot = &c->program->slots[s];

        if (slot->layout == layout && (type == 0 || slot->type == type))
            return s;
    }
    return convert(c, facet__slot_any(c, value), layout,
        type ? type : facet__map_type(c, value));
}

facet__dtype facet__map_type(const facet__compiler *c, int value)
{
    return c->plain_only[value] ? FACET__F32 : c->program->wide;
}

bool facet__in_bytes(const facet__compiler *c, int value)
{
    return c->program->int8 && c->graph->values[value].grid.step > 0 &&
           facet__rank(c, value) == 4;
}

facet__dtype facet__step_type(const facet__compiler *c, int value)
{
    return facet__in_bytes(c, value) ? FACET__U8 : facet__map_type(c, value);
}

/* the compiler itself */

static void note_reader(facet__compiler *c, int node, int value)
{
    c->uses[value]++;
    c->reader[value] = node;
    if (facet__reads_maps(c, &c->graph->nodes[node]))
        c->plain_only[value] = false;
}

static void note_uses(facet__compiler *c)
{
    for (int v = 0; v < c->graph->n_values; v++) {
        c->producer[v] = c->reader[v] = c->first_slot[v] = FACET__NONE;
        c->plain_only[v] = true;
    }
    for (int i = 0; i < c->graph->n_nodes; i++) {
        const facet__node *node = &c->graph->nodes[i];

        c->owner[i] = FACET__NONE;
        for (int k = 0; k < node->n_in; k++)
            if (node->in[k] != FACET__NONE)
                note_reader(c, i, node->in[k]);
        for (int k = 0; k < node->n_out; k++)
            if (node->out[k] != FACET__NONE)
                c->producer[node->out[k]] = i;
    }
    for (int k = 0; k < c->graph->n_outputs; k++)
        c->uses[c->graph->outputs[k]]++;
}

static facet_status lower(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    facet__lowering *l = lowerings[node->op];

    if (facet__is_integer(c, node->out[0]))
        return FACET_OK;
    return (l ? l : facet__lower_evaluate)(c, i);
}

/* Lower what is run at the place of node i: a chain that ends there, or the
 * node when it belongs to none. */
static facet_status lower_at(facet__compiler *c, int i)
{
    const int chain = c->owner[i];

    if (chain == FACET__NONE)
        return lower(c, i);
    if (c->chains[chain].last != i)
        return FACET_OK;
    return facet__has_filters(c, &c->graph->nodes[chain])
               ? lower(c, chain)
               : facet__lower_affine(c, chain);
}

static facet_status connect_inputs(facet__compiler *c)
{
    for (int i = 0; i < c->graph->n_inputs; i++) {
        const int slot =
            facet__slot_new(c, c->graph->inputs[i], FACET__PLAIN, FACET__F32);

        if (slot == FACET__NONE)
            return FACET_ENOMEM;
        c->program->inputs[i] = slot;
    }
    return FACET_OK;
}

static facet_status connect_outputs(facet__compiler *c)
{
    for (int i = 0; i < c->graph->n_outputs; i++) {
        const int slot =
            facet__slot_of(c, c->graph->outputs[i], FACET__PLAIN, FACET__F32);

        if (slot == FACET__NONE)
            return FACET_ENOMEM;
        c->program->outputs[i] = slot;
    }
    return FACET_OK;
}

static facet_status compile(facet__compiler *c)
{
    facet_status st;

    note_uses(c);
    facet__chains_find(c);
    st = connect_inputs(c);
    for (int i = 0; i < c->graph->n_nodes && st == FACET_OK; i++) {
        st = lower_at(c, i);
        if (st != FACET_OK)
            facet__fail_in(c->err, st, c->graph->nodes[i].name);
    }
    return st == FACET_OK ? connect_outputs(c) : st;
}

static bool allocate(facet__compiler *c)
{
    const size_t values = (size_t)c->graph->n_values;
    const size_t nodes = (size_t)c->graph->n_nodes;
    facet__program *p = c->program;

    c->producer = facet__calloc(values, sizeof *c->producer);
    c->uses = facet__calloc(values, sizeof *c->uses);
    c->reader = facet__calloc(values, sizeof *c->reader);
    c->plain_only = facet__calloc(values, sizeof *c->plain_only);
    c->first_slot = facet__calloc(values, sizeof *c->first_slot);
    c->owner = facet__calloc(nodes, sizeof *c->owner);
    c->chains = facet__calloc(nodes, sizeof *c->chains);
    p->inputs = facet__calloc((size_t)c->graph->n_inputs, sizeof *p->inputs);
    p->outputs = facet__calloc((size_t)c->graph->n_outputs, sizeof *p->outputs);
    return c->producer && c->uses && c->reader && c->plain_only &&
           c->first_slot && c->owner && c->chains && p->inputs && p->outputs;
}

static void release(facet__compiler *c)
{
    facet__free(c->producer);
    facet__free(c->uses);
    facet__free(c->reader);
    facet__free(c->plain_only);
    facet__free(c->first_slot);
    facet__free(c->next_slot);
    facet__free(c->owner);
    facet__free(c->chains);
}

facet_status facet__program_create(const facet__graph *graph,
    const facet__kernels *kernels, facet_precision precision,
    facet__program **out, facet_error *err)
{
    facet__program *p = NULL;
    facet__fact *facts = NULL;
    facet__compiler c = { .graph = graph, .err = err };
    facet_status st;

    *out = NULL;
    if (precision == FACET_PRECISION_BF16 && !kernels->gemm_bf16)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "this processor does not compute bf16 (avx512_bf16): use fp32");
    st = facet__infer(graph, NULL, 0, &facts, err);
    if (st != FACET_OK)
        return st;
    c.facts = facts;
    c.program = p = facet__calloc(1, sizeof *p);
    if (p) {
        *p = (facet__program){ .graph = graph,
            .kernels = kernels,
            .wide = precision != FACET_PRECISION_FP32 && kernels->gemm_bf16
                        ? FACET__BF16
                        : FACET__F32,
            .int8 = precision == FACET_PRECISION_INT8 };
        st = allocate(&c) ? compile(&c) : facet__fail_memory(err);
    } else {
        st = facet__fail_memory(err);
    }
    release(&c);
    facet__facts_free(facts, graph->n_values);
    if (st != FACET_OK) {
        facet__program_free(p);
        return st;
    }
    *out = p;
    return FACET_OK;
}

void facet__program_free(facet__program *program)
{
    if (!program)
        return;
    for (int i = 0; i < program->n_steps; i++) {
        const facet__step *s = &program->steps[i];

        (s->class->free ? s->class->free : facet__free)(s->params);
    }
    facet__free(program->steps);
    facet__free(program->slots);
    facet__free(program->inputs);
    facet__free(program->outputs);
    facet__free(program);
}
