/* SPDX-License-Identifier: Apache-2.0 */
/* projection.c - what a projection learnt on frozen embeddings gains.
 *
 *   bench_projection MODEL.onnx FACES-FOLDER RECIPE.yaml LOSS,DIM,RATE,STEPS
 * ...
 *
 * embeds the labelled training crops of the folder (faces-train-*.tar,
 * faces.tsv) and the validation crops with the network, whose input the
 * recipe's `teacher` section describes, fits the projection on the first and
 * prints accuracy and TAR@FAR 1e-2 on val_pairs.txt before and after. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "train/matmul.h"
#include "train/normalize.h"
#include "train/projection.h"
#include "train/recipe.h"
#include "train/teacher.h"
#include "train/validate.h"

static facet_error err;

static void must(facet_status st)
{
    if (st == FACET_OK)
        return;
    fprintf(stderr, "%s\n", err.msg);
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static facet__dataset *open_split(
    const char *folder, const char *shards, const char *split)
{
    static char path[2][512];
    static int next;
    char *shard = path[next++ % 2], table[512];
    facet__dataset_setup setup;
    facet__dataset *d;

    snprintf(shard, sizeof path[0], "%s/%s", folder, shards);
    snprintf(table, sizeof table, "%s/faces.tsv", folder);
    facet__dataset_setup_init(&setup);
    setup.paths[0] = shard;
    setup.n_paths = 1;
    setup.table = table;
    setup.split = split;
    must(facet__dataset_open(&setup, &d, &err));
    return d;
}

/* The network, and a projection behind it once there is one. */
typedef struct chain {
    const facet__teacher *teacher;
    const float *w; /* [k][d], or NULL */
    size_t k;
    float *unit, *norms, *out; /* of up to ROOM pictures */
} chain;

enum { ROOM = 64 };

static facet_status embed(
    void *self, const float *x, size_t n, const float **out, facet_error *e)
{
    chain *c = self;
    const size_t d = c->teacher->dim;
    const float *y;
    facet_status st = c->teacher->embed(c->teacher->self, x, n, &y, e);

    if (st != FACET_OK)
        return st;
    facet__normalize_rows(y, n, d, c->unit, c->norms);
    *out = c->unit;
    if (!c->w)
        return FACET_OK;
    *out = c->out;
    return facet__matmul(NULL, n, c->k, d, facet__plain(c->unit, d),
        facet__transposed(c->w, d), false, c->out);
}

static float *embed_training(
    chain *c, const facet__dataset *d, const facet__crop *crop)
{
    const size_t dim = c->teacher->dim, n = facet__dataset_count(d);
    const size_t floats = (size_t)crop->width * (size_t)crop->height * 3;
    static const facet__jitter still = { { 1, 0, 0, 0, 1, 0 } };
    float *all = facet__calloc(n, dim * sizeof *all);
    float *x = facet__calloc(ROOM, floats * sizeof *x);
    uint8_t *rgb = facet__alloc(floats), *bytes = NULL;
    size_t room = 0, size;

    for (size_t i = 0; i < n; i += ROOM) {
        const size_t here = n - i < ROOM ? n - i : ROOM;
        const float *out;

        for (size_t k = 0; k < here; k++) {
            facet_image *image;

            must(facet__dataset_read(d, i + k, &bytes, &room, &size, &err));
            must(facet_image_read_memory(bytes, size, NULL, &image, &err));
            must(facet__crop_cut(crop, &still, 128, image, rgb));
            facet__crop_floats(crop, rgb, x + k * floats);
            facet_image_free(image);
        }
        must(embed(c, x, here, &out, &err));
        memcpy(all + i * dim, out, here * dim * sizeof *all);
    }
    facet__free(bytes);
    facet__free(rgb);
    facet__free(x);
    return all;
}

static void report(const char *when, chain *c, facet__validation *v)
{
    const facet__trainable net = {
        .self = c, .dim = c->w ? c->k : c->teacher->dim, .embed = embed
    };
    facet__verdict verdict;

    must(facet__validation_run(v, &net, &verdict, &err));
    printf("%-8s accuracy %.2f %%, TAR@FAR 1e-2 %.4f\n", when,
        100 * verdict.accuracy, verdict.tar);
}

/* Fit what "tpe,128,0.1,1000" says, and report. */
static void fit(const char *what, const facet__dataset *train, const float *x,
    chain *c, facet__validation *v)
{
    const size_t n = facet__dataset_count(train), d = c->teacher->dim;
    int32_t *labels = facet__calloc(n, sizeof *labels);
    facet__projection_setup setup;
    facet__loss_setup defaults;
    char name[32];
    unsigned k, steps;
    double begin = now(), value;
    float *w;

    facet__projection_setup_init(&setup);
    if (sscanf(what, "%31[^,],%u,%lf,%u", name, &k, &setup.rate, &steps) != 4 ||
        !facet__loss_find(name)) {
        fprintf(stderr, "%s: not LOSS,DIM,RATE,STEPS\n", what);
        exit(2);
    }
    setup.type = facet__loss_find(name);
    facet__loss_setup_init(&defaults, setup.type, d);
    memcpy(setup.options, defaults.options, sizeof setup.options);
    setup.options[strcmp(name, "vgg-triplet") == 0] = k;
    setup.steps = steps;
    for (size_t i = 0; i < n; i++)
        labels[i] = facet__dataset_example(train, i)->label;
    w = facet__calloc(k, d * sizeof *w);
    must(facet__projection_fit(&setup, x, labels, n, d, NULL, w, &value, &err));
    printf("%s: %.1f s, loss %.4f\n", what, now() - begin, value);
    c->w = w;
    c->k = k;
    c->out = facet__calloc(ROOM, k * sizeof *c->out);
    report("after", c, v);
    facet__free(c->out);
    facet__free(w);
    facet__free(labels);
    c->w = NULL;
}

int main(int argc, char **argv)
{
    facet__recipe *recipe;
    facet__teacher teacher;
    facet__validation_setup vs = { .frame = 128 };
    facet__validation *v;
    facet__dataset *train, *val;
    char pairs[512];
    chain c = { .teacher = &teacher };
    double begin;
    float *x;

    if (argc < 5) {
        fprintf(stderr, "bench_projection MODEL FACES-FOLDER RECIPE "
                        "LOSS,DIM,RATE,STEPS ...\n");
        return 2;
    }
    must(facet__recipe_read(argv[3], &recipe, &err));
    vs.crop = recipe->run.data.crops[1];
    must(facet__teacher_open(
        argv[1], vs.crop.width, vs.crop.height, 1, &teacher, &err));
    train = open_split(argv[2], "faces-train-*.tar", "train");
    val = open_split(argv[2], "faces-val.tar", "val");
    snprintf(pairs, sizeof pairs, "%s/val_pairs.txt", argv[2]);
    vs.pairs = pairs;
    vs.dataset = val;
    must(facet__validation_open(&vs, &v, &err));
    c.unit = facet__calloc(ROOM, teacher.dim * sizeof *c.unit);
    c.norms = facet__calloc(ROOM, sizeof *c.norms);
    report("before", &c, v);
    begin = now();
    x = embed_training(&c, train, &vs.crop);
    printf("%zu pictures embedded in %.0f s\n", facet__dataset_count(train),
        now() - begin);
    for (int i = 4; i < argc; i++)
        fit(argv[i], train, x, &c, v);
    return 0;
}
