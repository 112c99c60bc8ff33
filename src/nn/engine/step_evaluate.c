/* SPDX-License-Identifier: Apache-2.0 */
/* step_evaluate.c - the operators without a step of their own, in plain C. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/engine/compiler.h"
#include "nn/ops.h"

typedef struct evaluate_params {
    const facet__graph *graph;
    const facet__node *node;
    int slot_of_in[FACET__STEP_MAX]; /* index into step->in, or FACET__NONE */
} evaluate_params;

static facet__tensor wrap(const facet__view *view)
{
    return (facet__tensor){ view->type, view->shape, facet__view_bytes(view),
        view->data };
}

/* Some of what an operator cannot do only its numbers tell: an index, say. */
static void note_failure(
    facet_status st, const facet__node *node, facet_error *failed)
{
    char place[120];

    if (st == FACET_OK)
        return;
    if (!failed->msg[0])
        facet__fail(failed, st, "not computed for operands like these");
    snprintf(place, sizeof place, "node '%.60s' (%s)", node->name,
        facet__op_of(node->op)->name ? facet__op_of(node->op)->name
                                     : "internal");
    facet__fail_in(failed, st, place);
}

static void run_evaluate(const facet__step *step, const facet__run *run)
{
    const evaluate_params *p = step->params;
    facet__op_call call = {
        .graph = p->graph, .node = p->node, .err = run->failed
    };
    facet__tensor in[FACET__STEP_MAX], out[FACET__STEP_MAX];
    facet__tensor *outs[FACET__STEP_MAX] = { NULL };
    facet__fact facts[FACET__STEP_MAX];

    for (int i = 0; i < p->node->n_in; i++) {
        const facet__view *view;

        if (p->slot_of_in[i] == FACET__NONE)
            continue;
        view = facet__in(step, run, p->slot_of_in[i]);
        in[i] = wrap(view);
        facts[i] = (facet__fact){ view->type, view->shape, &in[i], false };
        call.in[i] = &facts[i];
    }
    for (int i = 0; i < step->n_out; i++) {
        out[i] = wrap(facet__out(step, run, i));
        outs[i] = &out[i];
    }
    note_failure(facet__op_evaluate(&call, outs), p->node, run->failed);
}

const facet__step_class facet__step_evaluate = { .name = "evaluate",
    .run = run_evaluate };

facet_status facet__lower_evaluate(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    evaluate_params *p;
    int in[FACET__STEP_MAX], out[FACET__STEP_MAX], n_in = 0;

    if (!facet__op_can_evaluate(node->op) || node->n_in > FACET__STEP_MAX ||
        node->n_out > FACET__STEP_MAX)
        return facet__fail(c->err, FACET_EUNSUPPORTED,
            "operator %s is not supported in this form",
            facet__op_of(node->op)->name ? facet__op_of(node->op)->name
                                         : "(internal)");
    p = facet__calloc(1, sizeof *p);
    if (!p)
        return facet__fail_memory(c->err);
    p->graph = c->graph;
    p->node = node;
    for (int k = 0; k < node->n_in; k++) {
        p->slot_of_in[k] = FACET__NONE;
        if (node->in[k] == FACET__NONE)
            continue;
        p->slot_of_in[k] = n_in;
        in[n_in++] =
            facet__is_integer(c, node->in[k])
                ? facet__slot_any(c, node->in[k])
                : facet__slot_of(c, node->in[k], FACET__PLAIN, FACET__F32);
    }
    for (int k = 0; k < node->n_out; k++)
        out[k] = facet__slot_new(c, node->out[k], FACET__PLAIN, FACET__F32);
    return facet__emit(
        c, &facet__step_evaluate, p, i, in, n_in, out, node->n_out);
}
