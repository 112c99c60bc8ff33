/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_onnx.c - hunts counts and shapes that are believed before they are
 * checked, reads past a weight's end, folding that moves memory by a wrong
 * size, plans whose steps overlap, and steps that compute something else than
 * plain C. What loads is written and read again, and what is small enough is
 * run, twice. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "fuzz_network.h"
#include "nn/cost.h"
#include "nn/onnx.h"
#include "nn/reference.h"

enum { MOST_ENDS = 24, MOST_WORK = 1 << 22, MOST_WEIGHT = 100 };

/* What was read can be written, and what was written can be read. */
static void write_and_read(const uint8_t *data, size_t size)
{
    const facet__onnx_limits limits = { MAX_BYTES };
    facet__graph *graph, *again = NULL;
    void *bytes = NULL;
    size_t written;

    if (facet__onnx_parse(data, size, NULL, &limits, &graph, NULL) != FACET_OK)
        return;
    if (facet__onnx_serialize(graph, &bytes, &written, NULL) == FACET_OK &&
        facet__onnx_parse(bytes, written, NULL, NULL, &again, NULL) != FACET_OK)
        abort();
    facet__graph_free(again);
    facet__graph_free(graph);
    facet__free(bytes);
}

/* Multiply-adds, or what pools look at instead; few enough for plain C? */
static bool is_small(const facet__graph *g, const facet__fact *facts)
{
    double work = 0.0;

    for (int i = 0; i < g->n_nodes; i++) {
        const facet__node *node = &g->nodes[i];
        const int64_t *kernel = facet__kernel_of(g, node);

        for (int k = 0; k < node->n_out; k++) {
            const facet__shape *s = &facts[node->out[k]].shape;

            if (!facet__shape_known(s))
                return false;
            work += (double)facet__shape_count(s) *
                    (kernel ? (double)(kernel[0] * kernel[1]) : 1.0);
        }
        for (int k = 0; k < node->n_in; k++)
            if (node->in[k] != FACET__NONE)
                work += (double)facet__shape_count(&facts[node->in[k]].shape);
        work += (double)facet__node_cost(g, facts, node).macs;
    }
    return work < MOST_WORK;
}

/* Numbers like those of networks: others overflow, or drown one another. */
static bool has_moderate_weights(const facet__graph *g)
{
    for (int v = 0; v < g->n_values; v++) {
        const facet__tensor *t = g->values[v].data;

        if (g->values[v].grid.step > 0)
            return false; /* what rounds apart ends far apart */
        if (!t || t->type != FACET__F32)
            continue;
        for (int64_t i = 0; i < facet__shape_count(&t->shape); i++)
            if (!(fabsf(((const float *)t->data)[i]) <= MOST_WEIGHT))
                return false;
    }
    return true;
}

/* Quotients of what is almost nothing: the last bit decides of all others. */
static bool has_quotients(const facet__graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const facet__node *node = &g->nodes[i];

        if (node->op == FACET__OP_LP_NORMALIZATION ||
            node->op == FACET__OP_POW ||
            (node->op == FACET__OP_DIV && !g->values[node->in[1]].data))
            return true;
    }
    return false;
}

static void fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(i * 7 % 19) * 0.25f - 2.0f;
}

/* The sizes of the inputs, and whether plain C can compute them soon. */
static bool can_compare(
    const facet__graph *g, const int64_t *dims, facet__shape *shapes)
{
    facet__fact *facts;
    bool can;

    if (g->n_inputs < 1 || g->n_inputs > MOST_ENDS ||
        !has_moderate_weights(g) || has_quotients(g))
        return false;
    for (int i = 0; i < g->n_inputs; i++) {
        shapes[i] = g->values[g->inputs[i]].shape;
        for (int k = 0; k < shapes[i].n; k++)
            shapes[i].d[k] = *dims++;
    }
    if (facet__infer(g, shapes, 0, &facts, NULL) != FACET_OK)
        return false;
    can = is_small(g, facts);
    facet__facts_free(facts, g->n_values);
    return can;
}

/* Every number that is computed on the way becomes an output behind those that
 * are: they tell how exact one can be. */
static bool show_all(facet__graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_out; k++)
            if (facet__graph_add_output(g, g->nodes[i].out[k]) != FACET_OK)
                return false;
    return true;
}

/* The largest magnitude; INFINITY when one is not finite. */
static float largest(facet__tensor *const *all, int n)
{
    float most = 0.0f;

    for (int i = 0; i < n; i++)
        for (int64_t k = 0; k < facet__shape_count(&all[i]->shape) &&
                            all[i]->type == FACET__F32;
             k++) {
            const float x = fabsf(((const float *)all[i]->data)[k]);

            if (!(x <= FLT_MAX))
                return INFINITY;
            most = x > most ? x : most;
        }
    return most;
}

static void compare(
    facet_session *session, facet__tensor *const *want, int n, float tolerance)
{
    for (int i = 0; i < n; i++) {
        const float *got = facet_session_output(session, (size_t)i, NULL);

        for (int64_t k = 0; k < facet__shape_count(&want[i]->shape); k++)
            if (!(fabsf(got[k] - ((const float *)want[i]->data)[k]) <=
                    tolerance)) {
                fprintf(stderr, "output %d: number %lld is %g, not %g\n", i,
                    (long long)k, (double)got[k],
                    (double)((const float *)want[i]->data)[k]);
                abort();
            }
    }
}

static facet_status run_both(const facet_model *model, const facet__graph *g,
    const int64_t *dims, const facet__shape *shapes, facet__tensor **all)
{
    const facet__tensor *in[MOST_ENDS] = { NULL };
    facet__tensor *made[MOST_ENDS] = { NULL };
    facet_session *session;
    facet_status st = facet_session_create(model, NULL, &session, NULL);

    if (st != FACET_OK)
        return st;
    st = facet_session_reshape(session, dims, NULL);
    for (int i = 0; i < g->n_inputs && st == FACET_OK; i++) {
        made[i] = facet__tensor_create(FACET__F32, &shapes[i]);
        if (!made[i]) {
            st = FACET_ENOMEM;
            break;
        }
        in[i] = made[i];
        fill(made[i]->data, made[i]->bytes / sizeof(float));
        memcpy(facet_session_input(session, (size_t)i), made[i]->data,
            made[i]->bytes);
    }
    if (st == FACET_OK)
        st = facet_session_run(session, NULL);
    if (st == FACET_OK)
        st = facet__reference_run(g, in, all, NULL);
    if (st == FACET_OK && largest(all, g->n_outputs) < 1e6f)
        compare(session, all, (int)facet_model_output_count(model),
            1e-4f * (1.0f + largest(all, g->n_outputs)));
    for (int i = 0; i < g->n_inputs; i++)
        facet__tensor_free(made[i]);
    facet_session_free(session);
    return st;
}

/* The engine computes what plain C computes. */
static void run_and_compare(
    const facet_model *model, const uint8_t *data, size_t size)
{
    const facet__onnx_limits limits = { MAX_BYTES };
    facet__shape shapes[MOST_ENDS];
    int64_t dims[MOST_ENDS] = { 0 };
    facet__tensor **all = NULL;
    facet__graph *g;

    if (!close_dims(model, dims, MOST_ENDS) ||
        facet__onnx_parse(data, size, NULL, &limits, &g, NULL) != FACET_OK)
        return;
    if (can_compare(g, dims, shapes) && show_all(g))
        all = facet__calloc((size_t)g->n_outputs, sizeof(facet__tensor *));
    if (all)
        (void)run_both(model, g, dims, shapes, all);
    for (int i = 0; all && i < g->n_outputs; i++)
        facet__tensor_free(all[i]);
    facet__free(all);
    facet__graph_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    facet_model *model = load(data, size, FACET_PRECISION_FP32);

    if (model) {
        run(model);
        run_and_compare(model, data, size);
    }
    facet_model_free(model);
    write_and_read(data, size);
    return 0;
}
