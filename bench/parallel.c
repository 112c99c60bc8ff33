/* SPDX-License-Identifier: Apache-2.0 */
/* parallel.c - what a training step of one process takes and what it would send
 * to others, as a line of JSON. bench/scaling.py makes a forecast of it.
 *
 *   bench_parallel NETWORK THREADS BATCH STEPS
 *
 * Forward and backward pass, medians; the sums of batch statistics; and the
 * buckets of gradients with the seconds that each is ready before the backward
 * pass ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "nn/learn/learner.h"
#include "train/reduce.h"
#include "zoo/zoo.h"

enum { MOST = 4096, SIDE_MOST = 224 };

/* One step as the others would see it. */
typedef struct step {
    double forward, backward;
    size_t sums, sum_numbers; /* of batch statistics */
    double told[MOST];        /* when each gradient was complete */
    size_t weight[MOST];      /* whose */
    size_t n_told;
} step;

static facet_status count_sum(void *context, double *numbers, size_t n)
{
    step *s = context;

    (void)numbers;
    s->sums++;
    s->sum_numbers += n;
    return FACET_OK;
}

static void on_final(void *context, size_t weight)
{
    step *s = context;

    if (s->n_told == MOST)
        abort();
    s->told[s->n_told] = facet__clock();
    s->weight[s->n_told++] = weight;
}

static int run_step(
    facet__learner *net, const float *x, size_t batch, float *gradient, step *s)
{
    const size_t numbers = batch * facet__learner_dim(net);
    const facet__peers peers = { count_sum, s, 0 };
    const float *out;
    double begin = facet__clock();

    *s = (step){ .sums = 0 };
    facet__learner_share(net, &peers);
    facet__learner_on_final(net, on_final, s);
    if (facet__learner_forward(net, x, batch, true, 1, &out, NULL) != FACET_OK)
        return 1;
    s->forward = facet__clock() - begin;
    for (size_t i = 0; i < numbers; i++)
        gradient[i] = (out[i] - 0.1f) / (float)numbers;
    begin = facet__clock();
    if (facet__learner_backward(net, gradient, NULL) != FACET_OK)
        return 1;
    s->backward = facet__clock() - begin;
    for (size_t i = 0; i < s->n_told; i++) /* to seconds before the end */
        s->told[i] = begin + s->backward - s->told[i];
    return 0;
}

static int by_total(const void *a, const void *b)
{
    const step *x = a, *y = b;
    const double s = x->forward + x->backward, t = y->forward + y->backward;

    return (s > t) - (s < t);
}

static void print(const char *network, const char *threads, size_t batch,
    const step *s, const facet__weight *w, size_t n)
{
    size_t parameters = 0, filled = 0, printed = 0;

    for (size_t i = 0; i < n; i++)
        parameters += w[i].gradient ? w[i].count : 0;
    printf("{\"network\":\"%s\",\"threads\":%s,\"batch\":%zu,"
           "\"parameters\":%zu,\"forward\":%.6f,\"backward\":%.6f,"
           "\"sums\":%zu,\"sum_bytes\":%zu,\"buckets\":[",
        network, threads, batch, parameters, s->forward, s->backward, s->sums,
        s->sum_numbers * sizeof(double));
    for (size_t i = 0; i < s->n_told; i++) {
        filled += w[s->weight[i]].count * sizeof(float);
        if (filled < FACET__BUCKET && i + 1 < s->n_told)
            continue;
        printf("%s[%.6f,%zu]", printed++ ? "," : "", s->told[i], filled);
        filled = 0;
    }
    puts("]}");
}

int main(int argc, char **argv)
{
    facet__graph *graph;
    facet__learner *net;
    facet_error err;
    facet__learner_opts opts = { .threads = 1 };
    const facet__weight *w;
    float *x, *gradient;
    step *steps;
    size_t batch, n;
    int count;

    if (argc != 5)
        return 2;
    opts.threads = (int)strtol(argv[2], NULL, 10);
    batch = strtoul(argv[3], NULL, 10);
    count = (int)strtol(argv[4], NULL, 10);
    if (facet__zoo_build(argv[1], 1, 0, &graph, &err) != FACET_OK ||
        facet__learner_create(graph, &opts, &net, &err) != FACET_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    n = facet__learner_weights(net, &w);
    x = calloc(batch * 3 * SIDE_MOST * SIDE_MOST, sizeof *x);
    gradient = calloc(batch * facet__learner_dim(net), sizeof *gradient);
    steps = calloc((size_t)count, sizeof *steps);
    if (!x || !gradient || !steps)
        return 1;
    for (size_t i = 0; i < batch * 3 * 112 * 112; i++)
        x[i] = (float)(i * 2654435761u % 256) / 128.0f - 1.0f;
    for (int i = -2; i < count; i++)
        if (run_step(net, x, batch, gradient, &steps[i < 0 ? 0 : i]))
            return 1;
    qsort(steps, (size_t)count, sizeof *steps, by_total);
    print(argv[1], argv[2], batch, &steps[count / 2], w, n);
    return 0;
}
