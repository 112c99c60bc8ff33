/* SPDX-License-Identifier: Apache-2.0 */
/* network.c - how long a run of a network takes.
 *
 *   bench_network MODEL.onnx PRECISION THREADS ROUNDS BATCH [HEIGHT WIDTH]
 *
 * prints the median milliseconds of a run and its millions of multiply-adds;
 * with FACET_PROFILE set also, on stderr, what each step costs (steps that take
 * turns: the first has the time of all). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/cost.h"
#include "nn/model.h"
#include "timing.h"

static facet_precision precision_of(const char *name)
{
    return strcmp(name, "bf16") == 0   ? FACET_PRECISION_BF16
           : strcmp(name, "int8") == 0 ? FACET_PRECISION_INT8
                                       : FACET_PRECISION_FP32;
}

static int fail(const facet_error *err)
{
    fprintf(stderr, "%s\n", err->msg);
    return 1;
}

/* Multiply-adds of the node called `name` with inputs of `dims`; 0 for a
 * conversion. Those of the whole network for NULL. */
static double macs_of(
    const facet_model *model, const facet_tensor_info *in, const char *name)
{
    const facet__graph *graph = facet__model_graph(model);
    facet__shape shape = { .n = in->n_dims };
    facet__fact *facts;
    double macs = 0;

    memcpy(shape.d, in->dims, (size_t)in->n_dims * sizeof *shape.d);
    if (facet__infer(graph, &shape, 0, &facts, NULL) != FACET_OK)
        return 0;
    for (int i = 0; i < graph->n_nodes; i++)
        if (!name || strcmp(graph->nodes[i].name, name) == 0)
            macs +=
                (double)facet__node_cost(graph, facts, &graph->nodes[i]).macs;
    facet__facts_free(facts, graph->n_values);
    return macs;
}

static void profile(facet_session *session, const facet_model *model,
    const facet_tensor_info *in)
{
    enum { RUNS = 50, MAX_STEPS = 4096 };
    static double seconds[MAX_STEPS];
    const char *node, *class;
    facet_error err;

    for (int i = 0; i < RUNS; i++)
        if (facet__session_profile(session, seconds, &err) != FACET_OK)
            return;
    for (size_t i = 0; (class = facet__model_step(model, i, &node)); i++) {
        const double us = seconds[i] / RUNS * 1e6;
        const double flops = 2 * macs_of(model, in, *node ? node : "-");

        fprintf(stderr, "%8.1f us %7.1f GFLOP/s  %-12s %s\n", us,
            us > 0 ? flops / us * 1e-3 : 0, class, node);
    }
}

int main(int argc, char **argv)
{
    facet_model_opts opts;
    facet_session_opts session_opts;
    facet_model *model;
    facet_session *session;
    facet_tensor_info in;
    facet_error err;
    size_t count = 1;
    uint32_t noise = 1;
    int rounds;
    double *times;
    float *x;

    if (argc != 6 && argc != 8)
        return 2;
    facet_model_opts_init(&opts);
    facet_session_opts_init(&session_opts);
    opts.precision = precision_of(argv[2]);
    session_opts.threads = (int)strtol(argv[3], NULL, 10);
    rounds = (int)strtol(argv[4], NULL, 10);
    if (facet_model_load(argv[1], &opts, &model, &err) != FACET_OK ||
        facet_model_input_info(model, 0, &in) != FACET_OK ||
        facet_session_create(model, &session_opts, &session, &err) != FACET_OK)
        return fail(&err);
    in.dims[0] = strtol(argv[5], NULL, 10);
    for (int i = 2; i < in.n_dims && argc == 8; i++)
        in.dims[i] = strtol(argv[4 + i], NULL, 10);
    if (facet_session_reshape(session, in.dims, &err) != FACET_OK)
        return fail(&err);
    for (int i = 0; i < in.n_dims; i++)
        count *= (size_t)in.dims[i];
    x = facet_session_input(session, 0);
    for (size_t i = 0; i < count; i++) { /* noise, as bench/ort.js makes it */
        noise = noise * 1664525u + 1013904223u;
        x[i] = (float)(noise >> 24);
    }
    times = calloc((size_t)rounds, sizeof *times);
    for (int i = -rounds / 5 - 1; times && i < rounds; i++) {
        const double begin = facet__clock();

        if (facet_session_run(session, &err) != FACET_OK)
            return fail(&err);
        if (i >= 0)
            times[i] = 1e3 * (facet__clock() - begin);
    }
    printf("%.4f %.1f\n", timing_median(times, rounds),
        macs_of(model, &in, NULL) * 1e-6);
    if (getenv("FACET_PROFILE"))
        fprintf(stderr, "least %.4f ms\n", times[0]);
    if (getenv("FACET_PROFILE"))
        profile(session, model, &in);
    free(times);
    facet_session_free(session);
    facet_model_free(model);
    return 0;
}
