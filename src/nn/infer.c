/* SPDX-License-Identifier: Apache-2.0 */
/* infer.c - the walk that tells shapes and contents, and constant folding. */
#include "nn/infer.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/ops.h"

enum {
    MAX_SHAPE_NUMBERS = 4096, /* of integers that are shape arithmetic */
    MAX_ENDS = 16,
};

typedef struct walk {
    const facet__graph *graph;
    facet__fact *facts;
    size_t left; /* bytes of floats that may yet be computed */
    facet_error *err;
} walk;

/* what is known before the first node */

static void start_facts(const walk *w)
{
    for (int v = 0; v < w->graph->n_values; v++) {
        const facet__value *value = &w->graph->values[v];

        w->facts[v] = (facet__fact){
            .type = value->type, .shape = { .n = -1 }, .data = value->data
        };
        if (value->data)
            w->facts[v].shape = value->data->shape;
    }
}

static facet_status check_input_shape(
    const facet__value *v, const facet__shape *shape, facet_error *err)
{
    const facet__shape *own = &v->shape;
    char want[96], got[96];
    bool fits = own->n < 0 || own->n == shape->n;

    for (int k = 1; k < own->n && fits; k++)
        fits = own->d[k] < 0 || own->d[k] == shape->d[k];
    return fits ? FACET_OK
                : facet__fail(err, FACET_EINVAL, "input '%.60s' is %s, not %s",
                      v->name, facet__shape_text(own, want, sizeof want),
                      facet__shape_text(shape, got, sizeof got));
}

facet_status facet__check_input_shapes(
    const facet__graph *graph, const facet__shape *shapes, facet_error *err)
{
    facet_status st = FACET_OK;

    for (int i = 0; i < graph->n_inputs && st == FACET_OK; i++)
        st = check_input_shape(
            &graph->values[graph->inputs[i]], &shapes[i], err);
    return st;
}

static facet_status start_inputs(const walk *w, const facet__shape *shapes)
{
    for (int i = 0; i < w->graph->n_inputs; i++) {
        const int v = w->graph->inputs[i];

        w->facts[v].shape = shapes ? shapes[i] : w->graph->values[v].shape;
    }
    return shapes ? facet__check_input_shapes(w->graph, shapes, w->err)
                  : FACET_OK;
}

/* one node */

static facet_status bind(
    const walk *w, const facet__node *node, facet__op_call *call)
{
    const facet__op *op = facet__op_of(node->op);

    *call = (facet__op_call){ .graph = w->graph, .node = node, .err = w->err };
    if (node->n_in < op->min_in || node->n_in > op->max_in || node->n_out < 1 ||
        node->n_out > op->max_out || op->max_in > MAX_ENDS)
        return facet__fail(w->err, FACET_EDAMAGED, "%d inputs and %d outputs",
            node->n_in, node->n_out);
    for (int i = 0; i < node->n_in; i++)
        if (node->in[i] != FACET__NONE)
            call->in[i] = &w->facts[node->in[i]];
        else if (i < op->min_in || op->max_in == FACET__OP_ANY)
            return facet__fail(
                w->err, FACET_EDAMAGED, "input %d is missing", i);
    for (int i = 0; i < node->n_out; i++) { /* what is not had is not named */
        if (node->out[i] == FACET__NONE)
            return facet__fail(
                w->err, FACET_EDAMAGED, "output %d is missing", i);
        call->out[i] = &w->facts[node->out[i]];
    }
    return FACET_OK;
}

/* Should and can the outputs' contents be computed here? */
static bool is_computable(const walk *w, const facet__op_call *call)
{
    const facet__fact *out = call->out[0];
    const int64_t count = out ? facet__shape_count(&out->shape) : -1;
    const bool integers = out && out->type != FACET__F32;

    if (count < 0 || !facet__op_can_evaluate(call->node->op))
        return false;
    if (call->node->op == FACET__OP_SHAPE)
        return call->in[0]->shape.n >= 0 &&
               facet__shape_known(&call->in[0]->shape);
    if (integers ? count > MAX_SHAPE_NUMBERS : w->left == 0)
        return false;
    for (int i = 0; i < call->node->n_in; i++)
        if (call->in[i] && !call->in[i]->data)
            return false;
    return true;
}

/* A value on a grid is only ever read as one of its bytes. */
static void round_to_grid(const facet__value *value, facet__tensor *t)
{
    const facet__grid grid = value->grid;
    float *x = t->data;

    if (grid.step <= 0 || t->type != FACET__F32)
        return;
    for (int64_t i = 0; i < facet__shape_count(&t->shape); i++) {
        const float q = rintf(x[i] / grid.step) + (float)grid.zero;

        x[i] = (fminf(fmaxf(q, 0.0f), 255.0f) - (float)grid.zero) * grid.step;
    }
}

static bool is_too_large(const facet__shape *s)
{
    double count = 1.0; /* in doubles nothing overflows */

    for (int k = 0; k < s->n; k++) {
        if (s->d[k] > FACET__MOST_NUMBERS)
            return true;
        count *= s->d[k] < 0 ? 1.0 : (double)s->d[k];
    }
    return count > (double)FACET__MOST_NUMBERS;
}

static facet_status check_sizes(const walk *w, const facet__op_call *call)
{
    char text[96];

    for (int i = 0; i < call->node->n_out; i++)
        if (is_too_large(&call->out[i]->shape))
            return facet__fail(w->err, FACET_ELIMIT,
                "%s numbers are too many for any machine",
                facet__shape_text(&call->out[i]->shape, text, sizeof text));
    return FACET_OK;
}

/* Take the floats' bytes from what is left; false when they are more. */
static bool spend(walk *w, const facet__op_call *call)
{
    size_t left = w->left;

    for (int i = 0; i < call->node->n_out; i++) {
        const facet__fact *out = call->out[i];
        const size_t count = (size_t)facet__shape_count(&out->shape);

        if (out->type != FACET__F32)
            continue;
        if (count > left / sizeof(float))
            return false;
        left -= count * sizeof(float);
    }
    w->left = left;
    return true;
}

static facet_status compute(walk *w, const facet__op_call *call)
{
    facet__tensor *out[MAX_ENDS] = { NULL };
    facet_status st = FACET_OK;

    if (!spend(w, call))
        return FACET_OK;
    for (int i = 0; i < call->node->n_out && st == FACET_OK; i++) {
        out[i] = facet__tensor_create(call->out[i]->type, &call->out[i]->shape);
        if (!out[i])
            st = facet__fail_memory(w->err);
    }
    if (st == FACET_OK)
        st = facet__op_evaluate(call, out);
    for (int i = 0; i < call->node->n_out; i++) {
        if (st != FACET_OK) {
            facet__tensor_free(out[i]);
        } else {
            round_to_grid(&w->graph->values[call->node->out[i]], out[i]);
            call->out[i]->data = out[i];
            call->out[i]->owned = true;
        }
    }
    return st == FACET_EUNSUPPORTED ? FACET_OK : st;
}

static facet_status visit(walk *w, const facet__node *node)
{
    facet__op_call call;
    facet_status st = bind(w, node, &call);

    if (st == FACET_OK)
        st = facet__op_of(node->op)->infer(&call);
    if (st == FACET_OK)
        st = check_sizes(w, &call);
    if (st == FACET_OK && is_computable(w, &call))
        st = compute(w, &call);
    if (st != FACET_OK && w->err) {
        char place[120];
        const char *name = facet__op_of(node->op)->name;

        snprintf(place, sizeof place, "node '%.60s' (%s)", node->name,
            name ? name : "internal");
        facet__fail_in(w->err, st, place);
    }
    return st;
}

facet_status facet__infer(const facet__graph *graph,
    const facet__shape *input_shapes, size_t float_bytes, facet__fact **out,
    facet_error *err)
{
    walk w = { graph, NULL, float_bytes, err };
    facet_status st;

    *out = NULL;
    w.facts = facet__calloc((size_t)graph->n_values + 1, sizeof *w.facts);
    if (!w.facts)
        return facet__fail_memory(err);
    start_facts(&w);
    st = start_inputs(&w, input_shapes);
    for (int i = 0; i < graph->n_nodes && st == FACET_OK; i++)
        st = visit(&w, &graph->nodes[i]);
    if (st != FACET_OK) {
        facet__facts_free(w.facts, graph->n_values);
        return st;
    }
    *out = w.facts;
    return FACET_OK;
}

void facet__facts_free(facet__fact *facts, int n_values)
{
    for (int v = 0; facts && v < n_values; v++)
        if (facts[v].owned) /* made by tensor_create, const only in name */
            facet__tensor_free((facet__tensor *)(uintptr_t)facts[v].data);
    facet__free(facts);
}
