/* SPDX-License-Identifier: Apache-2.0 */
/* build.h - networks in code, so that a published network reads like its table:
 *
 *     int x = facet__build_input(&b, "input", 3, 112, 112);
 *     x = facet__build_conv(&b, "conv1", x,
 *         (facet__conv_spec){ .out = 64, .kernel = 3, .stride = 2, .pad = 1 });
 *     x = facet__build_batch_norm(&b, "conv1.bn", x);
 *     x = facet__build_prelu(&b, "conv1.prelu", x);
 *     facet__build_output(&b, "embedding", x);
 *
 * A layer takes the number of a value and answers the number of the value it
 * makes, which bears the layer's name; its weights are "conv1.weight",
 * "conv1.bias" and so on. Weights are drawn from the builder's seed and their
 * own name, so that a network's weights do not depend on what is built around
 * them. After the first failure every call does nothing and answers
 * FACET__NONE; facet__build_finish tells what it was. */
#ifndef FACET__BUILD_H
#define FACET__BUILD_H

#include "nn/graph.h"

/* How fresh filters are drawn. Biases begin at the builder's `bias`. */
typedef enum facet__init_kind {
    FACET__INIT_HE,       /* normal, variance 2 / fan in */
    FACET__INIT_XAVIER,   /* uniform, variance 2 / (fan in + fan out) */
    FACET__INIT_NORMAL,   /* normal, standard deviation `value` */
    FACET__INIT_CONSTANT, /* every weight is `value` */
} facet__init_kind;

typedef struct facet__init {
    facet__init_kind kind;
    float value;
} facet__init;

typedef struct facet__builder {
    facet__graph *graph;
    uint64_t seed;
    facet__init init; /* of the layers built from now on; He at first */
    float bias;       /* what their biases begin at; 0 at first */
    bool blank;       /* leave filters undefined: for counting alone */
    int64_t dim;      /* of the embedding to build; 0: as published */
    bool batch_norm;  /* networks published without it get it */
    facet_status status;
    facet_error err;
} facet__builder;

void facet__build_begin(facet__builder *b, const char *network, uint64_t seed);
/* The checked graph, the caller's; or the first failure. */
facet_status facet__build_finish(
    facet__builder *b, facet__graph **out, facet_error *err);

/* [batch, channels, height, width]; a negative height or width stays open. */
int facet__build_input(facet__builder *b, const char *name, int64_t channels,
    int64_t height, int64_t width);
/* `value` becomes an output of the network and takes this name. */
void facet__build_output(facet__builder *b, const char *name, int value);

/* 0 of stride, dilation and group means 1. Windows are square. `same` instead
 * of `pad`: just so much padding that size / stride, rounded up, comes out,
 * an odd pixel at the right and bottom; the input's size must be known. */
typedef struct facet__conv_spec {
    int64_t out; /* channels made */
    int64_t kernel, stride, pad, dilation, group;
    bool bias, same;
} facet__conv_spec;

int facet__build_conv(
    facet__builder *b, const char *name, int x, facet__conv_spec spec);
/* A filter of its own at every position; no dilation, no groups, no `same`. */
int facet__build_local_conv(
    facet__builder *b, const char *name, int x, facet__conv_spec spec);
/* Fully connected over [batch, features]. */
int facet__build_dense(
    facet__builder *b, const char *name, int x, int64_t out, bool bias);

/* Scale 1, shift 0, mean 0, variance 1 at first; epsilon 1e-5. */
int facet__build_batch_norm(facet__builder *b, const char *name, int x);
/* A slope a channel, 0.25 at first. */
int facet__build_prelu(facet__builder *b, const char *name, int x);
int facet__build_relu(facet__builder *b, const char *name, int x);
int facet__build_sigmoid(facet__builder *b, const char *name, int x);
int facet__build_hard_swish(facet__builder *b, const char *name, int x);
int facet__build_tanh(facet__builder *b, const char *name, int x);
int facet__build_softmax(facet__builder *b, const char *name, int x);

/* ceil: the last window may hang over the edge. same: as of convolutions. */
typedef struct facet__pool_spec {
    int64_t kernel, stride, pad;
    bool ceil, same;
} facet__pool_spec;

int facet__build_max_pool(
    facet__builder *b, const char *name, int x, facet__pool_spec spec);
/* Averages do not count the padding. */
int facet__build_average_pool(
    facet__builder *b, const char *name, int x, facet__pool_spec spec);
/* The root of the sum of squares of a window; `ceil` is not had in ONNX. */
int facet__build_l2_pool(
    facet__builder *b, const char *name, int x, facet__pool_spec spec);
int facet__build_global_average_pool(
    facet__builder *b, const char *name, int x);

/* y = x / (bias + alpha / size * sum of squares over `size` channels)^beta */
typedef struct facet__lrn_spec {
    int64_t size;
    float alpha, beta, bias;
} facet__lrn_spec;

int facet__build_lrn(
    facet__builder *b, const char *name, int x, facet__lrn_spec spec);
/* Does nothing but in training, where it drops with probability `p`. */
int facet__build_dropout(facet__builder *b, const char *name, int x, float p);
/* The largest of each `group` adjacent channels or features. */
int facet__build_maxout(
    facet__builder *b, const char *name, int x, int64_t group);
/* Unit length over the features of [batch, features]. */
int facet__build_l2_normalize(facet__builder *b, const char *name, int x);

int facet__build_flatten(facet__builder *b, const char *name, int x);
int facet__build_add(facet__builder *b, const char *name, int x, int y);
int facet__build_mul(facet__builder *b, const char *name, int x, int y);
/* Joined along the channels. */
int facet__build_concat(
    facet__builder *b, const char *name, const int *x, int count);

/* Each pixel of a map becomes factor x factor of the same. */
int facet__build_upsample(
    facet__builder *b, const char *name, int x, int64_t factor);
/* A map as a list of its pixels, row by row: [batch, height * width,
 * channels]. */
int facet__build_cells(facet__builder *b, const char *name, int x);

/* What is known of a value's shape; n = -1 for FACET__NONE. */
facet__shape facet__build_shape(const facet__builder *b, int value);

#endif
