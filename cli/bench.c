/* SPDX-License-Identifier: Apache-2.0 */
/* bench.c - how long the networks take on this machine: medians, on one thread
 * and on all cores. */
#include <argp.h>
#include <stdlib.h>
#include <unistd.h>

#include "exits.h"
#include "networks.h"
#include "numbers.h"
#include "output.h"
#include "progress.h"
#include "trial.h"
#include "verbs.h"

enum { MAX_RUNS = 10000, WARM_UP = 3 };

typedef struct bench {
    networks nets;
    int runs, width, height;
    bool json;
} bench;

static const struct argp_option options[] = {
    { "runs", 'n', "N", 0, "time N runs, print the median; default 30", 0 },
    { "json", 'j', NULL, 0, "answer in JSON Lines", 0 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    bench *b = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &b->nets;
        break;
    case 'n':
        b->runs = (int)whole_option(state, "--runs", text, 1, MAX_RUNS);
        break;
    case 'j':
        b->json = true;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Median milliseconds of a run. */
static facet_status median(
    trial *t, int runs, double *milliseconds, facet_error *err)
{
    double *times = calloc((size_t)runs, sizeof *times);
    facet_status st = times ? FACET_OK : FACET_ENOMEM;

    trial_fill(t, 1);
    for (int i = -WARM_UP; i < runs && st == FACET_OK; i++) {
        const double start = seconds_now();

        st = trial_run(t, err);
        if (i >= 0 && times)
            times[i] = 1e3 * (seconds_now() - start);
    }
    if (st == FACET_OK) {
        qsort(times, (size_t)runs, sizeof *times, by_size);
        *milliseconds = times[runs / 2];
    }
    free(times);
    return st;
}

static bool print(const bench *b, const char *what, const char *path,
    const trial *t, int threads, double milliseconds)
{
    const char *precision = precision_name(facet_model_precision(t->model));
    json_t *o;

    if (!b->json) {
        char size[32];

        snprintf(size, sizeof size, "%lldx%lld", (long long)t->width,
            (long long)t->height);
        printf("%-9s %9s %7s %7d %9.2f %9.1f  %s\n", what, size, precision,
            threads, milliseconds, 1e3 / milliseconds, path);
        return true;
    }
    o = json_object();
    json_object_set_new(o, "network", json_string(what));
    json_object_set_new(o, "model", json_path(path));
    json_object_set_new(o, "width", json_integer(t->width));
    json_object_set_new(o, "height", json_integer(t->height));
    json_object_set_new(o, "precision", json_string(precision));
    json_object_set_new(o, "threads", json_integer(threads));
    json_object_set_new(o, "ms", json_rounded(milliseconds, 4));
    return json_line(o);
}

static int time_network(const bench *b, network_kind kind, const char *what,
    const char *given, int cores)
{
    char *path = network_find(kind, given);
    facet_status st = path ? FACET_OK : FACET_ENOTFOUND;
    facet_error err = { FACET_OK, "" };

    for (int threads = 1; st == FACET_OK; threads = cores) {
        double milliseconds = 0;
        trial t;

        st = trial_open(
            &t, path, b->nets.opts.precision, threads, 640, 480, &err);
        if (st == FACET_OK)
            st = median(&t, b->runs, &milliseconds, &err);
        if (st == FACET_OK)
            print(b, what, path, &t, threads, milliseconds);
        trial_close(&t);
        if (threads == cores)
            break;
    }
    if (*err.msg)
        complain("%s", err.msg);
    free(path);
    return (int)exit_for_model(st);
}

int verb_bench(int argc, char **argv)
{
    const struct argp_child children[] = { { &networks_argp, 0, NULL, 0 },
        { NULL, 0, NULL, 0 } };
    const struct argp argp = {
        .options = options,
        .parser = parse,
        .doc = "Time the networks on this machine: the median of a run with "
               "one image, on one thread and on all cores. A detector that "
               "takes any size is given 640x480.",
        .children = children,
    };
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const int cores = online > 0 ? (int)online : 1;
    bench b = { .runs = 30 };
    char name[] = "facet bench";
    int status;

    argv[0] = name;
    networks_init(&b.nets);
    argp_parse(&argp, argc, argv, 0, NULL, &b);
    if (!b.json)
        puts("network        size numbers threads  ms/image  images/s  file");
    status =
        time_network(&b, NETWORK_DETECTOR, "detector", b.nets.detector, cores);
    if (status == EXIT_YES)
        status = time_network(
            &b, NETWORK_EMBEDDER, "embedder", b.nets.embedder, cores);
    return status;
}
