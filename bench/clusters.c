/* SPDX-License-Identifier: Apache-2.0 */
/* clusters.c - groups rows and scores the groups: one line a threshold.
 *
 * Usage: clusters ROWS.f32 DIM LABELS METHOD THRESHOLD...
 *        clusters ROWS.f32 DIM LABELS add THRESHOLD N
 * LABELS has a line a row; - is somebody of whom there is one picture. With
 * `add` the last N rows are added to groups of the others. A threshold nan is
 * the method's own. THREADS, PHOTOS,
 * NEIGHBORS and POINTS may stand in the environment; LABELS_OUT names a file
 * that receives the last labels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "facet/cluster.h"
#include "facet/eval.h"

enum { LINE = 256 };

typedef struct data {
    float *rows;
    uint32_t *truth;
    size_t count, dim;
} data;

static void fail(const char *what)
{
    fprintf(stderr, "clusters: %s\n", what);
    exit(1);
}

static void *need(void *block)
{
    if (!block)
        fail("memory");
    return block;
}

typedef struct name {
    char text[LINE];
    size_t row;
} name;

static int by_text(const void *a, const void *b)
{
    return strcmp(((const name *)a)->text, ((const name *)b)->text);
}

/* Numbers for the labels of a file; unlabeled rows have one of their own. */
static void read_labels(const char *path, data *d)
{
    FILE *file = fopen(path, "r");
    name *names = need(calloc(d->count, sizeof *names));
    uint32_t number = 0;

    d->truth = need(calloc(d->count, sizeof *d->truth));
    for (size_t i = 0; i < d->count; i++) {
        if (!file || !fgets(names[i].text, LINE, file))
            fail("fewer labels than rows");
        names[i].row = i;
    }
    fclose(file);
    qsort(names, d->count, sizeof *names, by_text);
    for (size_t i = 0; i < d->count; i++) {
        if (i && (names[i].text[0] == '-' ||
                     strcmp(names[i].text, names[i - 1].text) != 0))
            number++;
        d->truth[names[i].row] = number;
    }
    free(names);
}

static data read_data(char **argv)
{
    data d = { .dim = strtoull(argv[2], NULL, 10) };
    FILE *file = fopen(argv[1], "rb");

    if (!file || fseek(file, 0, SEEK_END))
        fail("no rows");
    d.count = (size_t)ftell(file) / d.dim / sizeof(float);
    rewind(file);
    d.rows = need(malloc(d.count * d.dim * sizeof(float)));
    if (fread(d.rows, d.dim * sizeof(float), d.count, file) != d.count)
        fail("rows");
    fclose(file);
    read_labels(argv[3], &d);
    return d;
}

static size_t setting(const char *variable, size_t usual)
{
    const char *text = getenv(variable);

    return text ? strtoull(text, NULL, 10) : usual;
}

static void score(const data *d, const uint32_t *labels, const char *method,
    double threshold, double seconds)
{
    facet_cluster_scores s;
    struct rusage used;

    if (facet_cluster_compare(labels, d->truth, d->count, &s) != FACET_OK)
        fail("scores");
    getrusage(RUSAGE_SELF, &used);
    printf("%-10s %6.3f  B-cubed P %.4f R %.4f F %.4f  pairwise F %.4f  %zu "
           "clusters of %zu people  %.2f s  %ld MiB\n",
        method, threshold, s.bcubed.precision, s.bcubed.recall, s.bcubed.f,
        s.pairwise.f, s.clusters, s.subjects, seconds, used.ru_maxrss / 1024);
    fflush(stdout);
}

static void must(facet_status st, const facet_error *err)
{
    if (st != FACET_OK)
        fail(err->msg);
}

/* Group all but the last n, then add those. */
static void add(
    const data *d, facet_cluster_opts *opts, size_t n, uint32_t *labels)
{
    facet_cluster_faces faces = {
        .embeddings = d->rows, .count = d->count - n, .dim = d->dim
    };
    facet_cluster_report report;
    facet_error err;
    double begin;

    must(facet_cluster(&faces, opts, labels, &report, &err), &err);
    for (size_t i = d->count - n; i < d->count; i++)
        labels[i] = FACET_CLUSTER_NEW;
    faces.count = d->count;
    begin = facet__clock();
    must(facet_cluster_add(&faces, opts, labels, &report, &err), &err);
    score(d, labels, "add", (double)opts->threshold, facet__clock() - begin);
    printf("%zu joined, %zu clusters founded\n", report.joined, report.founded);
}

static void group(const data *d, facet_cluster_opts *opts, uint32_t *labels)
{
    const facet_cluster_faces faces = {
        .embeddings = d->rows, .count = d->count, .dim = d->dim
    };
    facet_cluster_report report;
    facet_error err;
    const double begin = facet__clock();

    must(facet_cluster(&faces, opts, labels, &report, &err), &err);
    score(d, labels, facet_cluster_method_name(opts->method),
        (double)opts->threshold, facet__clock() - begin);
    if (report.truncated)
        printf("(%zu faces have more neighbors than %zu)\n", report.truncated,
            opts->neighbors);
}

static void write_labels(const uint32_t *labels, size_t count)
{
    const char *path = getenv("LABELS_OUT");
    FILE *file = path ? fopen(path, "w") : NULL;

    for (size_t i = 0; file && i < count; i++)
        fprintf(file, "%u\n", labels[i]);
    if (file)
        fclose(file);
}

int main(int argc, char **argv)
{
    facet_cluster_opts opts;
    uint32_t *labels;
    data d;

    if (argc < 6)
        return 2;
    d = read_data(argv);
    labels = need(calloc(d.count, sizeof *labels));
    facet_cluster_opts_init(&opts);
    opts.threads = (int)setting("THREADS", 2);
    opts.neighbors = setting("NEIGHBORS", opts.neighbors);
    opts.min_points = setting("POINTS", opts.min_points);
    if (!strcmp(argv[4], "add")) {
        opts.threshold = (float)atof(argv[5]);
        add(&d, &opts, argc > 6 ? strtoull(argv[6], NULL, 10) : 1000, labels);
    } else if (!facet_cluster_method_parse(argv[4], &opts.method)) {
        fail("no such method");
    }
    for (int i = 5; i < argc && strcmp(argv[4], "add") != 0; i++) {
        opts.threshold = (float)atof(argv[i]);
        group(&d, &opts, labels);
    }
    write_labels(labels, d.count);
    free(labels);
    free(d.truth);
    free(d.rows);
    return 0;
}
