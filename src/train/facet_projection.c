/* SPDX-License-Identifier: Apache-2.0 */
/* facet_projection.c - the public calls: learn a projection, and put it behind
 * the network whose embeddings it was learnt on. */
#include "facet/projection.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "face/settings.h"
#include "nn/answers.h"
#include "nn/build.h"
#include "nn/infer.h"
#include "nn/onnx.h"
#include "train/normalize.h"
#include "train/projection.h"

void facet_projection_opts_init(facet_projection_opts *opts)
{
    facet__projection_setup setup;

    facet__projection_setup_init(&setup);
    *opts = (facet_projection_opts){ .size = sizeof *opts,
        .loss = "tpe",
        .dim = 128,
        .margin = -1,
        .principal = setup.principal,
        .people = setup.people,
        .images = setup.images,
        .steps = setup.steps,
        .rate = setup.rate,
        .seed = setup.seed,
        .threads = 1 };
}

/* learning */

/* Set an option of the loss by name; false when it has none such, or the value
 * is out of range. */
static bool set_option(
    facet__projection_setup *setup, const char *name, double value)
{
    const facet__loss_option *o = setup->type->options;

    for (size_t i = 0; o && o[i].name; i++)
        if (!strcmp(o[i].name, name)) {
            setup->options[i] = value;
            return value >= o[i].low && value <= o[i].high;
        }
    return false;
}

static bool has_projection(const facet__loss_type *type)
{
    facet__loss_option const *o = type->options;

    for (; o && o->name; o++)
        if (!strcmp(o->name, "dim"))
            return true;
    return false;
}

static facet_status translate(const facet_projection_opts *o,
    facet__projection_setup *setup, facet_error *err)
{
    facet__loss_setup defaults;

    facet__projection_setup_init(setup);
    setup->type = o->loss ? facet__loss_find(o->loss) : NULL;
    if (!setup->type || !has_projection(setup->type))
        return facet__fail(err, FACET_EINVAL,
            "loss '%.40s' learns no projection; tpe, tse, tde and vgg-triplet "
            "do",
            o->loss ? o->loss : "(null)");
    facet__loss_setup_init(&defaults, setup->type, 1);
    memcpy(setup->options, defaults.options, sizeof setup->options);
    if (o->dim < 1 || !set_option(setup, "dim", (double)o->dim))
        return facet__fail(
            err, FACET_EINVAL, "no projection to %zu dimensions", o->dim);
    if (o->margin >= 0 && !set_option(setup, "margin", o->margin))
        return facet__fail(err, FACET_EINVAL,
            "loss %s has no margin, or none of %g", o->loss, o->margin);
    if (!(o->rate > 0) || o->steps < 1 || o->threads < 1)
        return facet__fail(
            err, FACET_EINVAL, "rate, steps and threads are above 0");
    setup->principal = o->principal != 0;
    setup->people = o->people;
    setup->images = o->images;
    setup->steps = o->steps;
    setup->rate = o->rate;
    setup->seed = o->seed;
    return FACET_OK;
}

/* Unit copies; a row that has no direction is an error. */
static facet_status copy_units(
    const float *x, size_t n, size_t d, float **out, facet_error *err)
{
    float *norms = facet__calloc(n, sizeof *norms);
    facet_status st = FACET_OK;

    *out = facet__calloc(n, d * sizeof **out);
    if (!*out || !norms)
        st = facet__fail_memory(err);
    else
        facet__normalize_rows(x, n, d, *out, norms);
    for (size_t i = 0; i < n && st == FACET_OK; i++)
        if (!isfinite(norms[i]) || !(norms[i] > 1e-11F))
            st = facet__fail(
                err, FACET_EINVAL, "embedding %zu is zero or not finite", i);
    facet__free(norms);
    return st;
}

facet_status facet_projection_fit(const facet_projection_opts *opts,
    const float *x, const int32_t *labels, size_t count, size_t dim, float *w,
    double *loss, facet_error *err)
{
    facet_projection_opts o;
    facet__projection_setup setup;
    facet__pool *pool = NULL;
    float *unit = NULL;
    double value = 0;
    facet_status st;

    if (!x || !labels || !w || count < 1 || dim < 1)
        return facet__fail(err, FACET_EINVAL, "embeddings, labels and w");
    facet_projection_opts_init(&o);
    st = facet__options_take(
        &o, sizeof o, opts, "facet_projection_opts_init", err);
    if (st == FACET_OK)
        st = translate(&o, &setup, err);
    if (st == FACET_OK && facet__pool_create(o.threads, &pool) != FACET_OK)
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        st = copy_units(x, count, dim, &unit, err);
    if (st == FACET_OK)
        st = facet__projection_fit(
            &setup, unit, labels, count, dim, pool, w, &value, err);
    if (loss)
        *loss = value;
    facet__free(unit);
    facet__pool_free(pool);
    return st;
}

/* appending */

/* What is known of the shape of output 0 becomes its value's: the builder
 * wants to know. */
static facet_status know_shape(
    facet__graph *graph, int out, size_t dim, facet_error *err)
{
    facet__fact *facts;
    facet_status st = facet__infer(graph, NULL, 0, &facts, err);
    facet__shape shape;
    int64_t known = 1;
    bool open = false;

    if (st != FACET_OK)
        return st;
    shape = facts[out].shape;
    facet__facts_free(facts, graph->n_values);
    for (int i = 1; i < shape.n; i++) {
        open |= shape.d[i] < 0;
        known *= shape.d[i] < 0 ? 1 : shape.d[i];
    }
    if (shape.n == 1 || (shape.n > 1 && !open && known != (int64_t)dim))
        return facet__fail(err, FACET_EMODEL,
            "output '%.60s' has %lld numbers, the projection takes %zu",
            graph->values[out].name, (long long)(shape.n == 1 ? 1 : known),
            dim);
    if (shape.n < 1 || open)
        shape = (facet__shape){ 2, { -1, (int64_t)dim } };
    graph->values[out].shape = shape;
    graph->values[out].type = FACET__F32;
    return FACET_OK;
}

/* "projection", or with a number when the network has one already. */
static void free_name(const facet__graph *graph, char name[32])
{
    snprintf(name, 32, "projection");
    for (int i = 2; facet__graph_find_value(graph, name) != FACET__NONE; i++)
        snprintf(name, 32, "projection%d", i);
}

/* Flatten, unit length, W: in place of output 0, the only one that is kept. */
static facet_status append(facet__graph *graph, const float *w, size_t rows,
    size_t dim, facet_error *err)
{
    facet__builder b = { .graph = graph };
    const int out = graph->outputs[0];
    char name[32], part[48];
    facet_status st = know_shape(graph, out, dim, err);
    int x, weight;

    if (st != FACET_OK)
        return st;
    free_name(graph, name);
    graph->n_outputs = 0;
    snprintf(part, sizeof part, "%s.flat", name);
    x = facet__build_flatten(&b, part, out);
    snprintf(part, sizeof part, "%s.unit", name);
    x = facet__build_l2_normalize(&b, part, x);
    snprintf(part, sizeof part, "%s.map", name);
    x = facet__build_dense(&b, part, x, (int64_t)rows, false);
    facet__build_output(&b, name, x);
    if (b.status != FACET_OK) {
        if (err)
            *err = b.err;
        return b.status;
    }
    snprintf(part, sizeof part, "%s.map.weight", name);
    weight = facet__graph_find_value(graph, part);
    memcpy(graph->values[weight].data->data, w, rows * dim * sizeof *w);
    return FACET_OK;
}

/* A network that facet knows by its weights is not known any more with others
 * behind them: the copy says how it wants to be fed. */
static facet_status keep_settings(
    const char *path, facet__graph *graph, facet_error *err)
{
    facet_settings settings;
    facet_model *model = NULL;
    facet_status st = facet_model_load(path, NULL, &model, err);

    if (st == FACET_OK &&
        facet_settings_read(model, &settings, NULL) == FACET_OK)
        st = facet__settings_annotate(graph, &settings, err);
    facet_model_free(model);
    return st;
}

facet_status facet_projection_append(const char *model, const float *w,
    size_t rows, size_t dim, const char *path, facet_error *err)
{
    facet__graph *graph = NULL;
    facet_status st;

    if (!model || !w || !path || rows < 1 || dim < 1)
        return facet__fail(err, FACET_EINVAL, "a network, a map, a file");
    st = facet__onnx_read(model, NULL, &graph, err);
    if (st == FACET_OK)
        st = keep_settings(model, graph, err);
    if (st == FACET_OK)
        st = append(graph, w, rows, dim, err);
    if (st == FACET_OK &&
        (facet__graph_set_meta(graph, "facet.threshold", NULL) != FACET_OK ||
            facet__answers_forget(graph) != FACET_OK ||
            facet__graph_prune(graph) != FACET_OK))
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        st = facet__onnx_write(graph, path, err);
    facet__graph_free(graph);
    return st;
}
