/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - a network loaded: read, folded, compiled. */
#include "nn/model.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/options.h"
#include "nn/affine.h"
#include "nn/infer.h"
#include "nn/model_private.h"
#include "nn/onnx.h"

enum { MAX_DEFAULT_BYTES = 0x7fffffff };

void facet_model_opts_init(facet_model_opts *opts)
{
    *opts = (facet_model_opts){ .size = sizeof *opts,
        .precision = FACET_PRECISION_AUTO,
        .max_bytes = MAX_DEFAULT_BYTES };
}

/* Every input must be an array of floats that facet can take. */
static facet_status check_inputs(const facet__graph *graph, facet_error *err)
{
    for (int i = 0; i < graph->n_inputs; i++) {
        const facet__value *v = &graph->values[graph->inputs[i]];

        if (v->type != FACET__F32 || v->shape.n < 0)
            return facet__fail(err, FACET_EUNSUPPORTED,
                "input '%.100s' is not an array of floats of known rank",
                v->name);
    }
    if (graph->n_inputs < 1 || graph->n_outputs < 1)
        return facet__fail(
            err, FACET_EMODEL, "the network has no input or no output");
    return FACET_OK;
}

/* Every output must be one of floats too. When the graph is folded, types are
 * known that the file did not say. */
static facet_status check_outputs(const facet__graph *graph, facet_error *err)
{
    for (int i = 0; i < graph->n_outputs; i++) {
        const facet__value *v = &graph->values[graph->outputs[i]];

        if (v->type != 0 && v->type != FACET__F32)
            return facet__fail(err, FACET_EUNSUPPORTED,
                "output '%.100s' is an array of %s, not of floats", v->name,
                facet__dtype_name(v->type));
    }
    return FACET_OK;
}

static bool has_weights(facet__op_kind op)
{
    return op == FACET__OP_CONV || op == FACET__OP_GEMM ||
           op == FACET__OP_MATMUL || op == FACET__OP_LOCAL_CONV ||
           op == FACET__OP_BATCH_NORM || op == FACET__OP_PRELU;
}

static bool is_finite(const facet__tensor *t)
{
    const int64_t count = facet__shape_count(&t->shape);
    const float *x = t->data;
    bool finite = true;

    for (int64_t i = 0; i < count; i++) /* to the end: in vectors */
        finite &= fabsf(x[i]) <= FLT_MAX;
    return finite;
}

/* A weight that is no number makes every face the same, or nothing. Constants
 * of other operators may be infinite: a mask is. */
static facet_status check_weights(const facet__graph *graph, facet_error *err)
{
    for (int i = 0; i < graph->n_nodes; i++) {
        const facet__node *node = &graph->nodes[i];

        for (int k = 0; has_weights(node->op) && k < node->n_in; k++) {
            const facet__tensor *t = facet__graph_floats(graph, node->in[k]);

            if (t && !is_finite(t))
                return facet__fail(err, FACET_EMODEL,
                    "weights '%.60s' of node '%.60s' are not all finite "
                    "numbers: export the network again, or an earlier state "
                    "of its training",
                    graph->values[node->in[k]].name, node->name);
        }
    }
    return FACET_OK;
}

static bool has_grids(const facet__graph *graph)
{
    for (int v = 0; v < graph->n_values; v++)
        if (graph->values[v].grid.step > 0)
            return true;
    return false;
}

/* The fastest precision that keeps what the network's makers meant. */
static facet_precision fastest(
    const facet__graph *graph, const facet__kernels *kernels)
{
    if (has_grids(graph) && facet__kernels_favor_int8(kernels))
        return FACET_PRECISION_INT8;
    return kernels->gemm_bf16 ? FACET_PRECISION_BF16 : FACET_PRECISION_FP32;
}

facet_status facet__model_create(facet__graph *graph, facet_precision precision,
    facet_model **out, facet_error *err)
{
    const facet__kernels *kernels = facet__kernels_of(facet__cpu_level_get());
    facet_model *model = facet__calloc(1, sizeof *model);
    facet_status st = model ? FACET_OK : facet__fail_memory(err);

    *out = NULL;
    if (precision == FACET_PRECISION_AUTO)
        precision = fastest(graph, kernels);
    if (st == FACET_OK && precision == FACET_PRECISION_INT8 &&
        !has_grids(graph))
        st = facet__fail(err, FACET_EUNSUPPORTED,
            "the network is not quantized: facet model quantize makes a copy "
            "for int8; or use fp32 or bf16");
    if (st == FACET_OK)
        st = check_inputs(graph, err);
    if (st == FACET_OK && facet__graph_digest(graph, model->digest) != FACET_OK)
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        st = facet__graph_fold(graph, err);
    if (st == FACET_OK)
        st = check_outputs(graph, err);
    if (st == FACET_OK)
        st = check_weights(graph, err);
    if (st == FACET_OK)
        st = facet__graph_merge(graph, err);
    if (st == FACET_OK)
        st = facet__program_create(
            graph, kernels, precision, &model->program, err);
    if (st != FACET_OK) {
        facet__graph_free(graph);
        facet__free(model);
        return st;
    }
    model->graph = graph;
    model->precision = precision;
    *out = model;
    return FACET_OK;
}

static facet_status settle(
    const facet_model_opts *opts, facet_model_opts *o, facet_error *err)
{
    facet_model_opts_init(o);
    return facet__options_take(
        o, sizeof *o, opts, "facet_model_opts_init", err);
}

facet_status facet_model_load(const char *path, const facet_model_opts *opts,
    facet_model **out, facet_error *err)
{
    facet_model_opts o;
    facet__onnx_limits limits = { 0 };
    facet__graph *graph = NULL;
    facet_status st;

    if (!out)
        return facet__fail(err, FACET_EINVAL, "out is NULL");
    *out = NULL;
    if (!path)
        return facet__fail(err, FACET_EINVAL, "path is NULL");
    st = settle(opts, &o, err);
    limits.max_bytes = o.max_bytes;
    if (st == FACET_OK)
        st = facet__onnx_read(path, &limits, &graph, err);
    if (st != FACET_OK)
        return st;
    st = facet__model_create(graph, o.precision, out, err);
    return st == FACET_OK ? st : facet__fail_in(err, st, path);
}

facet_status facet_model_load_memory(const void *bytes, size_t size,
    const facet_model_opts *opts, facet_model **out, facet_error *err)
{
    facet_model_opts o;
    facet__onnx_limits limits = { 0 };
    facet__graph *graph = NULL;
    facet_status st;

    if (!out)
        return facet__fail(err, FACET_EINVAL, "out is NULL");
    *out = NULL;
    if (!bytes && size)
        return facet__fail(err, FACET_EINVAL, "bytes is NULL");
    st = settle(opts, &o, err);
    limits.max_bytes = o.max_bytes;
    if (st == FACET_OK)
        st = facet__onnx_parse(bytes, size, NULL, &limits, &graph, err);
    return st == FACET_OK ? facet__model_create(graph, o.precision, out, err)
                          : st;
}

void facet_model_free(facet_model *model)
{
    if (!model)
        return;
    facet__program_free(model->program);
    facet__graph_free(model->graph);
    facet__free(model);
}

const facet__graph *facet__model_graph(const facet_model *model)
{
    return model->graph;
}

const uint8_t *facet__model_digest(const facet_model *model)
{
    return model->digest;
}

const char *facet__model_step(
    const facet_model *model, size_t i, const char **node)
{
    const facet__step *step;

    if (i >= (size_t)model->program->n_steps)
        return NULL;
    step = &model->program->steps[i];
    *node =
        step->node == FACET__NONE ? "" : model->graph->nodes[step->node].name;
    return step->class->name;
}

size_t facet_model_input_count(const facet_model *model)
{
    return model ? (size_t)model->graph->n_inputs : 0;
}

size_t facet_model_output_count(const facet_model *model)
{
    return model ? (size_t)model->graph->n_outputs : 0;
}

void facet__tensor_info(
    const char *name, const facet__shape *shape, facet_tensor_info *out)
{
    const size_t length = strlen(name);
    const size_t kept =
        length < sizeof out->name ? length : sizeof out->name - 1;

    memset(out, 0, sizeof *out);
    memcpy(out->name, name, kept);
    out->n_dims = shape->n;
    for (int i = 0; i < shape->n; i++)
        out->dims[i] = shape->d[i] < 0 ? -1 : shape->d[i];
}

static facet_status edge_info(const facet_model *model, const int *values,
    int count, size_t index, facet_tensor_info *out)
{
    const facet__value *value;

    if (!out || index >= (size_t)count)
        return FACET_EINVAL;
    value = &model->graph->values[values[index]];
    facet__tensor_info(value->name, &value->shape, out);
    return FACET_OK;
}

facet_status facet_model_input_info(
    const facet_model *model, size_t index, facet_tensor_info *out)
{
    if (!model)
        return FACET_EINVAL;
    return edge_info(
        model, model->graph->inputs, model->graph->n_inputs, index, out);
}

facet_status facet_model_output_info(
    const facet_model *model, size_t index, facet_tensor_info *out)
{
    if (!model)
        return FACET_EINVAL;
    return edge_info(
        model, model->graph->outputs, model->graph->n_outputs, index, out);
}

facet_precision facet_model_precision(const facet_model *model)
{
    return model->precision;
}

uint64_t facet_model_parameter_count(const facet_model *model)
{
    uint64_t count = 0;

    for (int v = 0; v < model->graph->n_values; v++) {
        const facet__tensor *t = model->graph->values[v].data;

        if (t && t->type == FACET__F32)
            count += (uint64_t)facet__shape_count(&t->shape);
    }
    return count;
}

ptrdiff_t facet_model_metadata(
    const facet_model *model, const char *key, char *buf, size_t cap)
{
    const char *text =
        model && key ? facet__graph_meta(model->graph, key) : NULL;
    size_t length, kept;

    if (!text)
        return -1;
    length = strlen(text);
    if (buf && cap > 0) {
        kept = length < cap ? length : cap - 1;
        memcpy(buf, text, kept);
        buf[kept] = '\0';
    }
    return (ptrdiff_t)length;
}

size_t facet_model_metadata_count(const facet_model *model)
{
    return model ? (size_t)model->graph->n_meta : 0;
}

const char *facet_model_metadata_key(const facet_model *model, size_t index)
{
    return index < facet_model_metadata_count(model)
               ? model->graph->meta[index].key
               : NULL;
}
