/* SPDX-License-Identifier: Apache-2.0 */
/* toy.h - for tests: the smallest network, one linear layer, and a folder of
 * eight small pictures of four people. */
#ifndef FACET__TOY_H
#define FACET__TOY_H

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "train/matmul.h"
#include "train/run.h"

enum { TOY_SIDE = 8, TOY_IN = TOY_SIDE * TOY_SIDE * 3, TOY_DIM = 8, TOY_N = 8 };

typedef struct toy {
    float weight[TOY_DIM * TOY_IN], grad[TOY_DIM * TOY_IN];
    float x[TOY_N * TOY_IN], out[TOY_N * TOY_DIM];
    facet__param param;
    int64_t poison_at; /* this call of forward gives `poison`; -1: none */
    float poison;
    int64_t calls;
    size_t n; /* pictures of the last call */
} toy;

static inline facet_status toy_forward(void *self, const float *x, size_t n,
    uint64_t stream, const float **out, facet_error *err)
{
    toy *t = self;

    (void)stream;
    (void)err;
    t->n = n;
    memcpy(t->x, x, n * TOY_IN * sizeof *x);
    *out = t->out;
    if (facet__matmul(NULL, n, TOY_DIM, TOY_IN, facet__plain(x, TOY_IN),
            facet__transposed(t->weight, TOY_IN), false, t->out))
        return FACET_ENOMEM;
    if (t->calls++ == t->poison_at)
        t->out[3] = t->poison;
    return FACET_OK;
}

static inline facet_status toy_backward(
    void *self, const float *dout, facet_error *err)
{
    toy *t = self;

    (void)err;
    return facet__matmul(NULL, TOY_DIM, TOY_IN, t->n,
        facet__transposed(dout, TOY_DIM), facet__plain(t->x, TOY_IN), false,
        t->grad);
}

static inline facet_status toy_embed(
    void *self, const float *x, size_t n, const float **out, facet_error *err)
{
    toy *t = self;
    const int64_t calls = t->calls;
    facet_status st;

    t->calls = -2;
    st = toy_forward(self, x, n, 0, out, err);
    t->calls = calls;
    return st;
}

static inline facet__trainable toy_start(toy *t)
{
    facet__random random = facet__random_stream(1, 0, 0);

    for (int i = 0; i < TOY_DIM * TOY_IN; i++)
        t->weight[i] = (float)(.1 * facet__random_normal(&random));
    t->param = (facet__param){ "linear.weight", TOY_DIM * TOY_IN, t->weight,
        t->grad, true, false, TOY_DIM };
    t->poison_at = -1;
    t->poison = NAN;
    t->calls = 0;
    return (facet__trainable){ .self = t,
        .dim = TOY_DIM,
        .params = &t->param,
        .n_params = 1,
        .forward = toy_forward,
        .backward = toy_backward,
        .embed = toy_embed };
}

/* Eight random pictures, two of each of four people, as large as the net sees
 * them, in `where`/pictures. */
static inline void toy_pictures(const char *where)
{
    char path[256];

    snprintf(path, sizeof path, "%s/pictures", where);
    mkdir(path, 0755);
    for (int i = 0; i < 8; i++) {
        facet__random random = facet__random_stream(2, (uint64_t)i, 0);
        facet_image *image;

        snprintf(path, sizeof path, "%s/pictures/%c", where, 'a' + i / 2);
        mkdir(path, 0755);
        snprintf(
            path, sizeof path, "%s/pictures/%c/%d.png", where, 'a' + i / 2, i);
        if (facet_image_create(TOY_SIDE, TOY_SIDE, &image) != FACET_OK)
            abort();
        for (int y = 0; y < TOY_SIDE; y++)
            for (int b = 0; b < TOY_SIDE * 3; b++)
                facet_image_data_mutable(
                    image)[(size_t)y * facet_image_stride(image) + (size_t)b] =
                    (uint8_t)facet__random_below(&random, 256);
        if (facet_image_write(image, path, 90, NULL) != FACET_OK)
            abort();
        facet_image_free(image);
    }
}

static inline facet__dataset *toy_dataset(const char *where)
{
    facet__dataset_setup setup;
    facet__dataset *dataset;
    char path[256];

    snprintf(path, sizeof path, "%s/pictures", where);
    facet__dataset_setup_init(&setup);
    setup.paths[0] = path;
    setup.n_paths = 1;
    if (facet__dataset_open(&setup, &dataset, NULL) != FACET_OK)
        abort();
    return dataset;
}

/* The setup of a short run on it; losses are left to the caller. */
static inline void toy_setup(facet__run_setup *s, const char *where, toy *t,
    const facet__dataset *dataset)
{
    facet__run_setup_init(s);
    s->folder = where;
    s->net = toy_start(t);
    s->data.dataset = dataset;
    s->data.order = (facet__order_setup){ FACET__ORDER_SHUFFLE, 8, 0, 0, 0 };
    s->data.frame = TOY_SIDE;
    facet__crop_init(&s->data.crops[0], TOY_SIDE, TOY_SIDE, TOY_SIDE);
    s->data.seed = 3;
    s->weights[0] = 1;
    s->n_losses = 1;
    s->schedule.rate = .05;
    s->schedule.total = 60;
    s->log_every = 5;
    s->checkpoint_every = 10;
}

#endif
