/* SPDX-License-Identifier: Apache-2.0 */
/* training.c - pictures a second of whole training steps.
 *
 *   bench_training NETWORK fp32|bf16 THREADS BATCH STEPS [SIDE]
 *
 * Forward pass, a mean square loss, backward pass and momentum SGD; prints the
 * median. bench/training_torch.py does the same in PyTorch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/learn/learner.h"
#include "timing.h"
#include "zoo/zoo.h"

static void sgd(facet__learner *net, float **velocity)
{
    const facet__weight *w;
    const size_t n = facet__learner_weights(net, &w);

    for (size_t i = 0; i < n; i++) {
        float *v = velocity[i];

        if (!w[i].gradient)
            continue;
        for (size_t k = 0; k < w[i].count; k++) {
            v[k] = 0.9f * v[k] + w[i].gradient[k];
            w[i].value[k] -= 1e-3f * v[k];
        }
    }
}

static int step(facet__learner *net, const float *x, size_t batch,
    float *gradient, float **velocity)
{
    const size_t numbers = batch * facet__learner_dim(net);
    const float *out;

    if (facet__learner_forward(net, x, batch, true, 1, &out, NULL) != FACET_OK)
        return 1;
    for (size_t i = 0; i < numbers; i++)
        gradient[i] = (out[i] - 0.1f) / (float)numbers;
    if (facet__learner_backward(net, gradient, NULL) != FACET_OK)
        return 1;
    sgd(net, velocity);
    return 0;
}

int main(int argc, char **argv)
{
    facet__graph *graph;
    facet__learner *net;
    facet_error err;
    facet__learner_opts opts = { .height = 0 };
    const facet__weight *w;
    float **velocity, *x, *gradient;
    double *times;
    size_t batch, n, side;
    int steps;

    if (argc != 6 && argc != 7)
        return 2;
    side = argc == 7 ? strtoul(argv[6], NULL, 10) : 224;
    opts.height = opts.width = (int64_t)side;
    opts.bf16 = strcmp(argv[2], "bf16") == 0;
    opts.threads = (int)strtol(argv[3], NULL, 10);
    batch = strtoul(argv[4], NULL, 10);
    steps = (int)strtol(argv[5], NULL, 10);
    if (facet__zoo_build(argv[1], 1, 0, &graph, &err) != FACET_OK ||
        facet__learner_create(graph, &opts, &net, &err) != FACET_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    n = facet__learner_weights(net, &w);
    velocity = calloc(n, sizeof *velocity);
    for (size_t i = 0; velocity && i < n; i++)
        velocity[i] = calloc(w[i].count, sizeof **velocity);
    x = calloc(batch * 3 * side * side, sizeof *x);
    gradient = calloc(batch * facet__learner_dim(net), sizeof *gradient);
    times = calloc((size_t)steps, sizeof *times);
    for (size_t i = 0; i < batch * 3 * side * side; i++)
        x[i] = (float)(i * 2654435761u % 256) / 128.0f - 1.0f;
    for (int i = -2; i < steps; i++) {
        const double begin = facet__clock();

        if (step(net, x, batch, gradient, velocity))
            return 1;
        if (i >= 0)
            times[i] = facet__clock() - begin;
    }
    printf("%.1f\n", (double)batch / timing_median(times, steps));
    facet__learner_free(net);
    return 0;
}
