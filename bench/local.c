/* SPDX-License-Identifier: Apache-2.0 */
/* local.c - a locally connected layer beside an equal convolution.
 *
 *   bench_local fp32|bf16 THREADS [L4|L5|L6]
 *
 * DeepFace's layer on its own, and a convolution of the same window, stride and
 * channels: as many multiply-adds, a thousandth of the weights. For a few
 * batches, thousand million multiply-adds a second of the engine and of the
 * learner's forward and backward pass, the best of some runs, and the ratios.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "nn/build.h"
#include "nn/cost.h"
#include "nn/learn/learner.h"
#include "nn/model.h"

enum { STEPS = 64 }; /* more than the graph has */

typedef struct layer {
    const char *name;
    int64_t size, kernel, stride;
} layer;

static const layer layers[] = { { "L4", 63, 9, 1 }, { "L5", 55, 7, 2 },
    { "L6", 25, 5, 1 } };

static void require(facet_status st, const facet_error *err)
{
    if (st == FACET_OK)
        return;
    fprintf(stderr, "%s\n", err->msg);
    exit(1);
}

/* The layer behind a small 1x1 convolution, so that it has an input to give a
 * gradient to, and a pool before the output, which wants a vector. */
static facet__graph *graph_of(const layer *l, bool local)
{
    const facet__conv_spec spec = {
        .out = 16, .kernel = l->kernel, .stride = l->stride, .bias = true
    };
    facet__builder b;
    facet__graph *g;
    facet_error err = { 0 };
    int x;

    facet__build_begin(&b, l->name, 1);
    x = facet__build_input(&b, "input", 3, l->size, l->size);
    x = facet__build_conv(
        &b, "first", x, (facet__conv_spec){ .out = 16, .kernel = 1 });
    x = local ? facet__build_local_conv(&b, "layer", x, spec)
              : facet__build_conv(&b, "layer", x, spec);
    x = facet__build_global_average_pool(&b, "pool", x);
    facet__build_output(&b, "out", facet__build_flatten(&b, "flat", x));
    require(facet__build_finish(&b, &g, &err), &err);
    return g;
}

/* Seconds of the engine: the best of `runs`. What stands around the layer is
 * counted with both. */
static double engine_seconds(
    const layer *l, bool local, bool bf16, int threads, int64_t batch, int runs)
{
    const int64_t dims[4] = { batch, 3, l->size, l->size };
    facet_model *model;
    facet_session *session;
    facet_session_opts opts;
    facet_error err = { 0 };
    double best = 1e9, seconds[STEPS];

    require(
        facet__model_create(graph_of(l, local),
            bf16 ? FACET_PRECISION_BF16 : FACET_PRECISION_FP32, &model, &err),
        &err);
    facet_session_opts_init(&opts);
    opts.threads = threads;
    require(facet_session_create(model, &opts, &session, &err), &err);
    require(facet_session_reshape(session, dims, &err), &err);
    memset(facet_session_input(session, 0), 0,
        (size_t)(batch * 3 * l->size * l->size) * sizeof(float));
    for (int i = 0; i < runs; i++) {
        double sum = 0.0;

        memset(seconds, 0, sizeof seconds);
        require(facet__session_profile(session, seconds, &err), &err);
        for (size_t s = 0; s < STEPS; s++)
            sum += seconds[s];
        best = sum < best ? sum : best;
    }
    facet_session_free(session);
    facet_model_free(model);
    return best;
}

/* Seconds of the learner's two passes. */
static void learner_seconds(const layer *l, bool local, bool bf16, int threads,
    size_t batch, int runs, double best[2])
{
    const facet__learner_opts opts = { .threads = threads, .bf16 = bf16 };
    float *x = calloc(batch * 3 * (size_t)(l->size * l->size), sizeof *x);
    float *d = calloc(batch * 16, sizeof *d);
    facet__graph *g = graph_of(l, local);
    facet__learner *net;
    facet_error err = { 0 };
    const float *out;

    best[0] = best[1] = 1e9;
    require(facet__learner_create(g, &opts, &net, &err), &err);
    for (int i = 0; i < runs; i++) {
        double start = facet__clock(), seconds[2];

        require(
            facet__learner_forward(net, x, batch, true, 1, &out, &err), &err);
        seconds[0] = facet__clock() - start;
        start = facet__clock();
        require(facet__learner_backward(net, d, &err), &err);
        seconds[1] = facet__clock() - start;
        for (int k = 0; k < 2; k++)
            best[k] = seconds[k] < best[k] ? seconds[k] : best[k];
    }
    facet__learner_free(net);
    facet__graph_free(g);
    free(x);
    free(d);
}

static void compare(const layer *l, bool bf16, int threads, int64_t batch)
{
    facet__graph *g = graph_of(l, true);
    facet__cost cost;
    facet_error err = { 0 };
    double s[2], two[2][2], macs;
    const int runs = 7;

    require(facet__graph_cost(g, NULL, &cost, &err), &err);
    macs = (double)batch *
           ((double)cost.macs - 48.0 * (double)(l->size * l->size));
    facet__graph_free(g);
    for (int local = 0; local < 2; local++) {
        s[local] = engine_seconds(l, local, bf16, threads, batch, runs);
        learner_seconds(l, local, bf16, threads, (size_t)batch, 3, two[local]);
    }
    printf("%s batch %3lld  engine %5.1f and %5.1f G/s, ratio %.2f;  learner "
           "forward %.2f, backward %.2f\n",
        l->name, (long long)batch, macs / s[1] / 1e9, macs / s[0] / 1e9,
        s[0] / s[1], two[0][0] / two[1][0], two[0][1] / two[1][1]);
}

int main(int argc, char **argv)
{
    static const int64_t batches[] = { 1, 4, 16, 32, 64, 128 };

    if (argc < 3)
        return 2;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        for (size_t k = 0; k < sizeof batches / sizeof *batches; k++)
            if (argc < 4 || strcmp(argv[3], layers[i].name) == 0)
                compare(&layers[i], strcmp(argv[1], "bf16") == 0,
                    (int)strtol(argv[2], NULL, 10), batches[k]);
    return 0;
}
