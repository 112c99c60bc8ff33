/* SPDX-License-Identifier: Apache-2.0 */
/* zoo_dump.c - all numbers of a network of the zoo, for others to compare.
 *
 *   bench_zoo_dump NETWORK DIM BATCH plain|bn THREADS SEED FOLDER [onnx]
 *
 * Into FOLDER/index.tsv one line an array (kind, name, sizes, bytes from the
 * start of FOLDER/data.bin; floats): "weight", filters of one variance, biases
 * and slopes shaken; "input", NCHW, drawn from SEED; "engine", what the engine
 * makes of it; "forward", what the learner does in training (dropout off);
 * "direction", the gradient of the output; "gradient" of every weight.
 * tools/check_zoo_torch.py reads it. With "onnx" the
 * network goes to FOLDER/network.onnx, for bench/zoo_ort.js. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "nn/learn/learner.h"
#include "nn/model.h"
#include "nn/onnx.h"
#include "zoo/zoo.h"

typedef struct dump {
    FILE *index, *data;
    long long at;
} dump;

static void fail(const char *what, const facet_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->msg);
    exit(1);
}

static void put(dump *d, const char *kind, const char *name,
    const facet__shape *shape, const float *numbers)
{
    const size_t n = (size_t)facet__shape_count(shape);

    fprintf(d->index, "%s\t%s\t", kind, name);
    for (int i = 0; i < shape->n; i++)
        fprintf(d->index, "%s%lld", i ? "," : "", (long long)shape->d[i]);
    fprintf(d->index, "\t%lld\n", d->at);
    if (fwrite(numbers, sizeof *numbers, n, d->data) != n) {
        perror("data.bin");
        exit(1);
    }
    d->at += (long long)(n * sizeof *numbers);
}

static float *draw(size_t n, uint64_t seed, double width)
{
    facet__random random = facet__random_stream(seed, 1, 0);
    float *x = malloc(n * sizeof *x);

    for (size_t i = 0; x && i < n; i++)
        x[i] = (float)facet__random_between(&random, -width, width);
    return x;
}

/* Filters of the variance 2 / fan in, whatever the paper began with: N(0, 0.01)
 * all but loses the picture on the way through VGG-Face, so that its pools
 * choose among numbers which differ by rounding alone. */
static void widen(const facet__value *filters, facet__op_kind op)
{
    const facet__shape *s = &filters->shape;
    const int64_t out =
        op == FACET__OP_LOCAL_CONV ? s->d[0] * s->d[4] : s->d[0];
    const size_t n = filters->data->bytes / sizeof(float);
    const double fan_in = (double)n / (double)out;
    float *x = filters->data->data;
    double squares = 0.0, factor;

    for (size_t i = 0; i < n; i++)
        squares += (double)x[i] * (double)x[i];
    factor = sqrt(2.0 / fan_in / (squares / (double)n));
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((double)x[i] * factor);
}

static bool has_filters(const facet__node *node)
{
    return node->op == FACET__OP_CONV || node->op == FACET__OP_GEMM ||
           node->op == FACET__OP_LOCAL_CONV;
}

/* Dropout drops nothing; biases, slopes and what a norm holds are shaken, so
 * that a mix-up shows. */
static void prepare(facet__graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op == FACET__OP_DROPOUT)
            *(float *)g->values[g->nodes[i].in[1]].data->data = 0.0f;
        else if (has_filters(&g->nodes[i]))
            widen(&g->values[g->nodes[i].in[1]], g->nodes[i].op);
    for (int v = 0; v < g->n_values; v++) {
        const facet__tensor *t = g->values[v].data;
        const size_t n = t ? t->bytes / sizeof(float) : 0;
        float *x = t ? t->data : NULL, *noise;

        if (!t || t->type != FACET__F32 || n < 2 ||
            strstr(g->values[v].name, ".weight"))
            continue;
        noise = draw(n, (uint64_t)v, 0.1);
        for (size_t i = 0; i < n; i++)
            x[i] += noise[i];
        free(noise);
    }
}

static void put_weights(dump *d, const facet__graph *g)
{
    for (int v = 0; v < g->n_values; v++)
        if (g->values[v].data && g->values[v].type == FACET__F32)
            put(d, "weight", g->values[v].name, &g->values[v].shape,
                g->values[v].data->data);
}

/* What the engine computes. */
static void put_engine(
    dump *d, const facet__graph *g, const float *x, const facet__shape *in)
{
    facet__graph *copy;
    facet_model *model;
    facet_session *session;
    facet_tensor_info info;
    facet_error err = { 0 };
    facet__shape out = { 2, { in->d[0], 0 } };

    if (facet__graph_copy(g, &copy) != FACET_OK ||
        facet__model_create(copy, FACET_PRECISION_FP32, &model, &err) !=
            FACET_OK ||
        facet_session_create(model, NULL, &session, &err) != FACET_OK ||
        facet_session_reshape(session, in->d, &err) != FACET_OK)
        fail("engine", &err);
    memcpy(facet_session_input(session, 0), x,
        (size_t)facet__shape_count(in) * sizeof *x);
    if (facet_session_run(session, &err) != FACET_OK ||
        facet_model_output_info(model, 0, &info) != FACET_OK)
        fail("engine", &err);
    out.d[1] = info.dims[1];
    put(d, "engine", "embedding", &out, facet_session_output(session, 0, NULL));
    facet_session_free(session);
    facet_model_free(model);
}

static float *to_nhwc(const float *x, const facet__shape *s)
{
    const size_t c = (size_t)s->d[1], pixels = (size_t)(s->d[2] * s->d[3]);
    float *y = malloc((size_t)facet__shape_count(s) * sizeof *y);

    for (size_t i = 0; y && i < (size_t)s->d[0]; i++)
        for (size_t p = 0; p < pixels; p++)
            for (size_t k = 0; k < c; k++)
                y[(i * pixels + p) * c + k] = x[(i * c + k) * pixels + p];
    return y;
}

/* What the learner computes, and every weight's gradient. */
static void put_learner(dump *d, const facet__graph *g, int threads,
    const float *x, const facet__shape *in)
{
    const facet__learner_opts opts = { .threads = threads };
    const size_t n = (size_t)in->d[0];
    float *pixels = to_nhwc(x, in), *direction;
    facet__shape out = { 2, { in->d[0], 0 } };
    const facet__weight *w;
    facet__learner *net;
    facet_error err = { 0 };
    const float *y;
    size_t count;

    if (facet__learner_create(g, &opts, &net, &err) != FACET_OK ||
        facet__learner_forward(net, pixels, n, true, 1, &y, &err) != FACET_OK)
        fail("learner", &err);
    out.d[1] = (int64_t)facet__learner_dim(net);
    put(d, "forward", "embedding", &out, y);
    direction = draw((size_t)facet__shape_count(&out), 77, 1.0);
    put(d, "direction", "embedding", &out, direction);
    if (facet__learner_backward(net, direction, &err) != FACET_OK)
        fail("learner", &err);
    count = facet__learner_weights(net, &w);
    for (size_t i = 0; i < count; i++)
        if (w[i].gradient)
            put(d, "gradient", w[i].name,
                &(facet__shape){ 1, { (int64_t)w[i].count } }, w[i].gradient);
    facet__learner_free(net);
    free(direction);
    free(pixels);
}

static FILE *create(const char *folder, const char *name)
{
    char path[1024];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    if (!f) {
        perror(path);
        exit(1);
    }
    return f;
}

static void write_onnx(const facet__graph *g, const char *folder)
{
    char path[1024];
    facet_error err = { 0 };

    snprintf(path, sizeof path, "%s/network.onnx", folder);
    if (facet__onnx_write(g, path, &err) != FACET_OK)
        fail(path, &err);
}

int main(int argc, char **argv)
{
    facet__zoo_opts opts = { .seed = 1 };
    facet__graph *g;
    facet__shape in;
    facet_error err;
    dump d = { 0 };
    float *x;

    if (argc < 8)
        return 2;
    opts.dim = strtoll(argv[2], NULL, 10);
    opts.batch_norm = strcmp(argv[4], "bn") == 0;
    if (facet__zoo_build_as(argv[1], &opts, &g, &err) != FACET_OK)
        fail(argv[1], &err);
    prepare(g);
    in = g->values[g->inputs[0]].shape;
    in.d[0] = strtoll(argv[3], NULL, 10);
    x = draw((size_t)facet__shape_count(&in), strtoull(argv[6], NULL, 10), 1.0);
    d.index = create(argv[7], "index.tsv");
    d.data = create(argv[7], "data.bin");
    put_weights(&d, g);
    put(&d, "input", "input", &in, x);
    put_engine(&d, g, x, &in);
    if (argc > 8)
        write_onnx(g, argv[7]);
    put_learner(&d, g, (int)strtol(argv[5], NULL, 10), x, &in);
    facet__graph_free(g);
    free(x);
    return fclose(d.index) || fclose(d.data) ? 1 : 0;
}
