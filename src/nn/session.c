/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - running a model: a plan for the shapes last asked for. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "nn/model_private.h"

enum { MAX_THREADS = 256 };

struct facet_session {
    const facet_model *model;
    facet__pool *pool;
    facet__plan *plan;    /* NULL before the first reshape */
    facet__shape *shapes; /* [n_inputs] of the plan */
};

void facet_session_opts_init(facet_session_opts *opts)
{
    *opts = (facet_session_opts){ .size = sizeof *opts, .threads = 1 };
}

facet_status facet_session_create(const facet_model *model,
    const facet_session_opts *opts, facet_session **out, facet_error *err)
{
    facet_session_opts o;
    facet_session *s;
    facet_status st;

    if (!out)
        return facet__fail(err, FACET_EINVAL, "out is NULL");
    *out = NULL;
    if (!model)
        return facet__fail(err, FACET_EINVAL, "model is NULL");
    facet_session_opts_init(&o);
    st =
        facet__options_take(&o, sizeof o, opts, "facet_session_opts_init", err);
    if (st != FACET_OK)
        return st;
    if (o.threads < 1 || o.threads > MAX_THREADS)
        return facet__fail(err, FACET_EINVAL, "threads is %d: give 1 to %d",
            o.threads, MAX_THREADS);
    s = facet__calloc(1, sizeof *s);
    if (!s)
        return facet__fail_memory(err);
    s->model = model;
    s->shapes =
        facet__calloc((size_t)model->graph->n_inputs, sizeof *s->shapes);
    st = s->shapes ? facet__pool_create(o.threads, &s->pool) : FACET_ENOMEM;
    if (st != FACET_OK) {
        facet_session_free(s);
        return facet__fail(err, st,
            "a session's memory or threads "
            "could not be had");
    }
    *out = s;
    return FACET_OK;
}

void facet_session_free(facet_session *session)
{
    if (!session)
        return;
    facet__plan_free(session->plan);
    facet__pool_free(session->pool);
    facet__free(session->shapes);
    facet__free(session);
}

/* The shapes from the caller's flat list. */
static facet_status read_shapes(const facet__graph *graph, const int64_t *dims,
    facet__shape *shapes, facet_error *err)
{
    for (int i = 0; i < graph->n_inputs; i++) {
        const facet__value *v = &graph->values[graph->inputs[i]];

        shapes[i].n = v->shape.n;
        for (int k = 0; k < v->shape.n; k++) {
            shapes[i].d[k] = *dims++;
            if (shapes[i].d[k] < 1)
                return facet__fail(err, FACET_EINVAL,
                    "input '%.100s': size %d is %lld", v->name, k,
                    (long long)shapes[i].d[k]);
            if (shapes[i].d[k] > FACET__MOST_NUMBERS)
                return facet__fail(err, FACET_ELIMIT,
                    "input '%.100s': size %d is %lld, too large for any "
                    "machine",
                    v->name, k, (long long)shapes[i].d[k]);
        }
    }
    return facet__check_input_shapes(graph, shapes, err);
}

facet_status facet_session_reshape(
    facet_session *session, const int64_t *dims, facet_error *err)
{
    const facet__graph *graph;
    facet__shape *shapes;
    facet__plan *plan = NULL;
    facet_status st;
    bool same;

    if (!session || !dims)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    graph = session->model->graph;
    shapes = facet__calloc((size_t)graph->n_inputs, sizeof *shapes);
    if (!shapes)
        return facet__fail_memory(err);
    st = read_shapes(graph, dims, shapes, err);
    same = session->plan != NULL;
    for (int i = 0; i < graph->n_inputs && same; i++)
        same = facet__shape_equal(&shapes[i], &session->shapes[i]);
    if (st != FACET_OK || same) {
        facet__free(shapes);
        return st;
    }
    facet__plan_free(session->plan); /* first, so that memory does not double */
    session->plan = NULL;
    st = facet__plan_create(
        session->model->program, shapes, session->pool, &plan, err);
    session->plan = plan;
    facet__free(session->shapes);
    session->shapes = shapes;
    return st;
}

float *facet_session_input(facet_session *session, size_t index)
{
    if (!session || !session->plan ||
        index >= facet_model_input_count(session->model))
        return NULL;
    return facet__plan_input(session->plan, index)->data;
}

facet_status facet_session_run(facet_session *session, facet_error *err)
{
    if (!session || !session->plan)
        return facet__fail(err, FACET_EINVAL,
            "no shapes yet: call facet_session_reshape first");
    return facet__plan_run(session->plan, err);
}

facet_status facet__session_profile(
    facet_session *session, double *seconds, facet_error *err)
{
    if (!session || !session->plan)
        return facet__fail(err, FACET_EINVAL,
            "no shapes yet: call facet_session_reshape first");
    return facet__plan_profile(session->plan, seconds, err);
}

const float *facet_session_output(
    const facet_session *session, size_t index, facet_tensor_info *info)
{
    const facet__graph *graph;
    const facet__view *view;

    if (!session || !session->plan ||
        index >= facet_model_output_count(session->model))
        return NULL;
    graph = session->model->graph;
    view = facet__plan_output(session->plan, index);
    if (info)
        facet__tensor_info(
            graph->values[graph->outputs[index]].name, &view->shape, info);
    return view->data;
}

size_t facet_session_memory(const facet_session *session)
{
    return session && session->plan ? facet__plan_bytes(session->plan) : 0;
}
