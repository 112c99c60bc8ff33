/* SPDX-License-Identifier: Apache-2.0 */
/* zoo_step.c - real training steps of a whole network: what they take.
 *
 *   bench_zoo_step NETWORK BATCH fp32|bf16 STEPS [CHUNK]
 *
 * The paper's own loss and optimiser on random pictures: triplets and AdaGrad
 * for FaceNet; softmax over the paper's people and momentum for the others.
 * Prints the loss of each step, then seconds of the parts of the last one and
 * the most memory that the process ever held. With CHUNK so many pictures are
 * in the network at a time and their activations are computed twice. Two
 * threads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/random.h"
#include "train/loss.h"
#include "train/network.h"
#include "train/optimizer.h"
#include "zoo/zoo.h"

enum { LOSS_PARAMS = 4, IMAGES_OF_ONE = 4 };

typedef struct system {
    const char *prefix; /* of the networks' names */
    const char *loss;
    size_t classes;
    facet__rule rule;
    double rate;
} system_kind;

static const system_kind systems[] = {
    { "facenet", "triplet", 0, FACET__ADAGRAD, 0.05 },
    { "vgg-face", "softmax", 2622, FACET__SGD, 0.01 },
    { "deepface", "softmax", 4030, FACET__SGD, 0.01 },
    { "tpe-base", "softmax", 10548, FACET__SGD, 0.01 },
    { "", "softmax", 1000, FACET__SGD, 0.01 },
};

typedef struct training {
    facet__recipe recipe;
    facet__trainable net;
    facet__pool *pool;
    facet__loss *loss;
    facet__optimizer *optimizer;
    facet__param *params;
    size_t dim, batch, numbers; /* numbers: of a picture */
    float *x, *gradient;
    int32_t *labels;
    double rate, forward, loss_time, backward, update; /* seconds */
} training;

static void require(facet_status st, const char *what, const facet_error *err)
{
    if (st == FACET_OK)
        return;
    fprintf(stderr, "%s: %s\n", what,
        err && err->msg[0] ? err->msg : facet_status_str(st));
    exit(1);
}

static const system_kind *system_of(const char *network)
{
    const system_kind *s = systems;

    while (strncmp(network, s->prefix, strlen(s->prefix)) != 0)
        s++;
    return s;
}

static void make_data(training *t, size_t classes)
{
    facet__random random = facet__random_stream(3, 0, 0);

    t->x = malloc(t->batch * t->numbers * sizeof *t->x);
    t->gradient = malloc(t->batch * t->dim * sizeof *t->gradient);
    t->labels = malloc(t->batch * sizeof *t->labels);
    if (!t->x || !t->gradient || !t->labels)
        require(FACET_ENOMEM, "pictures", NULL);
    for (size_t i = 0; i < t->batch * t->numbers; i++)
        t->x[i] = (float)facet__random_between(&random, -1.0, 1.0);
    for (size_t i = 0; i < t->batch; i++)
        t->labels[i] = (int32_t)(classes ? i / IMAGES_OF_ONE % classes
                                         : i / IMAGES_OF_ONE);
}

static void make_optimizer(training *t, facet__rule rule)
{
    facet__optimizer_setup setup;
    const size_t n = t->net.n_params;

    facet__optimizer_setup_init(&setup);
    setup.rule = rule;
    t->params = calloc(n + LOSS_PARAMS, sizeof *t->params);
    for (size_t i = 0; t->params && i < n; i++)
        t->params[i] = t->net.params[i];
    for (size_t i = 0; t->params && i < t->loss->n_params; i++)
        t->params[n + i] = t->loss->params[i];
    require(t->params ? facet__optimizer_create(&setup, t->params,
                            n + t->loss->n_params, t->pool, &t->optimizer)
                      : FACET_ENOMEM,
        "optimizer", NULL);
}

/* The size of its pictures. */
static void find_size(const char *network, facet__recipe *r)
{
    const facet__zoo_opts blank = { .blank = true };
    facet__graph *g;
    facet_error err = { 0 };
    const facet__shape *s;

    require(facet__zoo_build_as(network, &blank, &g, &err), network, &err);
    s = &g->values[g->inputs[0]].shape;
    r->height = (int)s->d[2];
    r->width = (int)s->d[3];
    facet__graph_free(g);
}

static void open_training(training *t, const char *name, size_t batch)
{
    const system_kind *s = system_of(name);
    const facet__loss_type *type = facet__loss_find(s->loss);
    facet__loss_setup setup;
    facet_error err = { 0 };

    t->batch = batch;
    t->rate = s->rate;
    find_size(name, &t->recipe);
    t->recipe.network = name;
    t->numbers = 3 * (size_t)t->recipe.height * (size_t)t->recipe.width;
    require(facet__trainable_open(&t->recipe, &t->net, &err), name, &err);
    t->dim = t->net.dim;
    facet__loss_setup_init(&setup, type, t->dim);
    setup.classes = s->classes;
    require(facet__pool_create(t->recipe.threads, &t->pool), "threads", NULL);
    require(facet__loss_create(type, &setup, t->pool, &t->loss, &err), s->loss,
        &err);
    make_optimizer(t, s->rule);
    make_data(t, s->classes);
}

static void step(training *t, uint64_t number)
{
    const facet__batch batch = {
        .n = t->batch, .labels = t->labels, .step = number
    };
    facet__batch seen = batch;
    facet__loss_result result;
    facet_error err = { 0 };
    const double start = facet__clock();
    double at;

    require(t->net.forward(t->net.self, t->x, t->batch, number, &seen.x, &err),
        "forward", &err);
    at = facet__clock();
    t->forward = at - start;
    require(facet__loss_run(t->loss, &seen, t->gradient, &result, &err), "loss",
        &err);
    t->loss_time = facet__clock() - at;
    at = facet__clock();
    require(t->net.backward(t->net.self, t->gradient, &err), "backward", &err);
    t->backward = facet__clock() - at;
    at = facet__clock();
    facet__optimizer_step(t->optimizer, t->rate);
    t->update = facet__clock() - at;
    printf("step %llu: loss %.6f (%zu of %zu terms), %.2f s\n",
        (unsigned long long)number, result.value, result.active, result.terms,
        facet__clock() - start);
    fflush(stdout);
}

static double peak_gib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1048576.0; /* Linux counts KiB */
}

static void close_training(training *t)
{
    facet__optimizer_free(t->optimizer);
    facet__loss_free(t->loss);
    facet__trainable_close(&t->net);
    facet__pool_free(t->pool);
    free(t->params);
    free(t->x);
    free(t->gradient);
    free(t->labels);
}

int main(int argc, char **argv)
{
    training t = { .recipe = { .threads = 2 } };
    int steps;

    if (argc < 5) {
        fprintf(
            stderr, "bench_zoo_step NETWORK BATCH fp32|bf16 STEPS [CHUNK]\n");
        return 2;
    }
    t.recipe.bf16 = strcmp(argv[3], "bf16") == 0;
    steps = (int)strtol(argv[4], NULL, 10);
    if (argc > 5)
        t.recipe.chunk = (int)strtol(argv[5], NULL, 10);
    open_training(&t, argv[1], strtoul(argv[2], NULL, 10));
    for (int i = 1; i <= steps; i++)
        step(&t, (uint64_t)i);
    printf("%-13s batch %3zu %s chunk %d: forward %.2f, loss %.2f, backward "
           "%.2f, update %.2f s; peak %.2f GiB\n",
        argv[1], t.batch, argv[3], t.recipe.chunk, t.forward, t.loss_time,
        t.backward, t.update, peak_gib());
    close_training(&t);
    return 0;
}
