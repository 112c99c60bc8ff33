/* SPDX-License-Identifier: Apache-2.0 */
/* layer_norm.c - batch normalisation together with the activation behind it,
 * and activations by themselves.
 *
 * Both are z = act(x a + b). The backward pass computes the activation's input
 * again from x instead of keeping it. */
#include <math.h>
#include <string.h>

#include "nn/learn/layer.h"

enum {
    STRETCH = 256,          /* rows whose sums are floats */
    TILE_BYTES = 128 << 10, /* worked on at a time: they stay in the cache */
};

/* kept: arrays of one number a channel, padded */
enum { A, B, MEAN, INVERSE, ARRAYS };

typedef struct norm {
    facet__layer *layer;
    const facet__pass *pass;
    const facet__view *x, *z, *dx, *dz;
    size_t rows, channels, padded;
    double all_rows; /* of the whole batch, wherever its pictures are */
    bool bf16;
    float *kept[ARRAYS];
    float *slope, *k1, *k2; /* scratch: slope padded; k1, k2 */
    double *sums;           /* [2 * padded + 1], room for 8 more */
    float *parts;           /* [PARTS][3][padded] */
    double *part_sums;      /* [PARTS][2][padded] */
    bool has_norm, has_slope;
    float hi;
} norm;

static norm setup(facet__layer *layer, const facet__pass *pass)
{
    norm n = { .layer = layer, .pass = pass, .hi = INFINITY };
    char *at = pass->scratch;

    n.x = facet__map(pass, layer->in[0]);
    n.z = facet__map(pass, layer->out);
    n.dx = facet__in_gradient(layer, pass, 0);
    n.dz = &pass->gradients[layer->out];
    n.rows = facet__view_rows(n.x);
    n.channels = facet__view_features(n.x);
    n.padded = (n.channels + 31) & ~(size_t)31;
    n.bf16 = n.x->type == FACET__BF16;
    n.has_norm = layer->node->op == FACET__OP_BATCH_NORM;
    n.has_slope = layer->activation != NULL;
    for (int i = 0; i < ARRAYS; i++)
        n.kept[i] = (float *)(void *)layer->kept + (size_t)i * n.padded;
    n.sums = (double *)(void *)at;
    n.part_sums = n.sums + 2 * n.padded + 8;
    n.slope = (float *)(void *)(n.part_sums + FACET__PARTS * 2 * n.padded);
    n.k1 = n.slope + n.padded;
    n.k2 = n.k1 + n.padded;
    n.parts = n.k2 + n.padded;
    return n;
}

static void size(facet__layer *layer, const facet__pass *pass)
{
    const norm n = setup(layer, pass);

    layer->kept_bytes = ARRAYS * n.padded * sizeof(float);
    layer->scratch_bytes =
        (size_t)((char *)(n.parts + FACET__PARTS * 3 * n.padded) -
                 pass->scratch);
}

/* The activation as a slope a channel and a bound. */
static void read_activation(norm *n)
{
    const facet__node *act = n->layer->activation;
    const float *slope = n->layer->weight[5];
    const size_t count =
        slope ? (size_t)facet__shape_count(&n->layer->weight_shape[5]) : 0;
    float constant = 0.0f;

    if (!act)
        return;
    if (act->op == FACET__OP_LEAKY_RELU)
        constant = facet__node_float(act, "alpha", 0.01f);
    if (act->op == FACET__OP_CLIP && n->layer->weight[4 + 1])
        n->hi = n->layer->weight[5][0];
    for (size_t c = 0; c < n->channels; c++)
        n->slope[c] =
            act->op == FACET__OP_PRELU ? slope[count == 1 ? 0 : c] : constant;
}

static facet__norm_rows rows_of(const norm *n, size_t first, size_t count)
{
    const size_t at = first * n->channels;

    return (facet__norm_rows){ .x = { facet__view_at(n->x, at), count,
                                   n->channels, n->bf16 },
        .a = n->kept[A],
        .b = n->kept[B],
        .slope = n->has_slope ? n->slope : NULL,
        .hi = n->hi,
        .mean = n->kept[MEAN],
        .inverse = n->kept[INVERSE],
        .k1 = n->k1,
        .k2 = n->k2 };
}

/* Rows of a tile. Kernels walk down sixteen channels at a time, so that a tile
 * passes through the cache once for every sixteen. */
static size_t tile_rows(const norm *n)
{
    const size_t rows = TILE_BYTES / (n->channels * (n->bf16 ? 2 : 4));

    return rows < 8 ? 8 : rows > STRETCH ? STRETCH : rows;
}

static void part_of(const norm *n, size_t part, size_t *first, size_t *count)
{
    *first = n->rows * part / FACET__PARTS;
    *count = n->rows * (part + 1) / FACET__PARTS - *first;
}

static void moments_task(void *context, size_t part, int thread)
{
    const norm *n = context;
    double *sums = n->part_sums + part * 2 * n->padded;
    float *floats = n->parts + part * 3 * n->padded;
    size_t first, count;

    (void)thread;
    part_of(n, part, &first, &count);
    memset(sums, 0, 2 * n->padded * sizeof *sums);
    for (size_t i = 0; i < count; i += STRETCH) {
        const facet__rows rows = { facet__view_at(
                                       n->x, (first + i) * n->channels),
            count - i < STRETCH ? count - i : STRETCH, n->channels, n->bf16 };

        memset(floats, 0, 2 * n->padded * sizeof *floats);
        n->pass->rows->moments(&rows, floats, floats + n->padded);
        for (size_t c = 0; c < 2 * n->padded; c++)
            sums[c] += (double)floats[c];
    }
}

/* Sums and rows of this network's pictures to those of the whole batch. */
static facet_status sum_over_peers(norm *n)
{
    const facet__peers *peers = &n->pass->peers;
    const size_t count = 2 * n->padded;
    facet_status st = FACET_OK;

    n->sums[count] = (double)n->rows;
    if (peers->sum)
        st = peers->sum(peers->context, n->sums, count + 1);
    n->all_rows = n->sums[count];
    return st;
}

/* Mean and inverse deviation of the batch; the running ones follow. */
static facet_status take_statistics(norm *n)
{
    const double epsilon =
        (double)facet__node_float(n->layer->node, "epsilon", 1e-5f);
    const double follow = 0.1;
    double rows;
    facet_status st;

    facet__pool_run(n->pass->pool, FACET__PARTS, moments_task, n);
    memset(n->sums, 0, 2 * n->padded * sizeof *n->sums);
    for (size_t part = 0; part < FACET__PARTS; part++)
        for (size_t c = 0; c < 2 * n->padded; c++)
            n->sums[c] += n->part_sums[part * 2 * n->padded + c];
    st = sum_over_peers(n);
    rows = n->all_rows;
    for (size_t c = 0; c < n->channels; c++) {
        const double mean = n->sums[c] / rows;
        const double raw = n->sums[n->padded + c] / rows - mean * mean;
        const double variance = raw > 0.0 ? raw : 0.0;
        const double unbiased =
            rows > 1.0 ? variance * rows / (rows - 1.0) : variance;
        float *running_mean = n->layer->weight[3];
        float *running_variance = n->layer->weight[4];

        n->kept[MEAN][c] = (float)mean;
        n->kept[INVERSE][c] = (float)(1.0 / sqrt(variance + epsilon));
        running_mean[c] += (float)(follow * (mean - (double)running_mean[c]));
        running_variance[c] +=
            (float)(follow * (unbiased - (double)running_variance[c]));
    }
    return st;
}

static void running_statistics(norm *n)
{
    const double epsilon =
        (double)facet__node_float(n->layer->node, "epsilon", 1e-5f);

    for (size_t c = 0; c < n->channels; c++) {
        n->kept[MEAN][c] = n->layer->weight[3][c];
        n->kept[INVERSE][c] =
            (float)(1.0 / sqrt((double)n->layer->weight[4][c] + epsilon));
    }
}

/* a and b of z = act(x a + b). */
static facet_status make_affine(norm *n)
{
    facet_status st = FACET_OK;

    memset(n->kept[A], 0, ARRAYS * n->padded * sizeof(float));
    for (size_t c = 0; c < n->channels && !n->has_norm; c++)
        n->kept[A][c] = 1.0f;
    if (!n->has_norm)
        return FACET_OK;
    if (n->pass->training)
        st = take_statistics(n);
    else
        running_statistics(n);
    for (size_t c = 0; c < n->channels; c++) {
        n->kept[A][c] = n->layer->weight[1][c] * n->kept[INVERSE][c];
        n->kept[B][c] =
            n->layer->weight[2][c] - n->kept[MEAN][c] * n->kept[A][c];
    }
    return st;
}

static void forward_task(void *context, size_t part, int thread)
{
    const norm *n = context;
    const size_t tile = tile_rows(n);
    size_t first, count;
    facet__norm_rows r;

    (void)thread;
    part_of(n, part, &first, &count);
    for (size_t i = 0; i < count; i += tile) {
        r = rows_of(n, first + i, count - i < tile ? count - i : tile);
        r.out = facet__view_at(n->z, (first + i) * n->channels);
        n->pass->rows->norm_forward(&r);
    }
}

static facet_status forward(facet__layer *layer, const facet__pass *pass)
{
    norm n = setup(layer, pass);
    const facet_status st = make_affine(&n);

    if (st != FACET_OK)
        return st;
    memset(n.slope, 0, 3 * n.padded * sizeof(float));
    read_activation(&n);
    facet__pool_run(pass->pool, FACET__PARTS, forward_task, &n);
    return FACET_OK;
}

static void reduce_task(void *context, size_t part, int thread)
{
    const norm *n = context;
    float *sums = n->parts + part * 3 * n->padded;
    const size_t tile = tile_rows(n);
    size_t first, count;
    facet__norm_rows r;

    (void)thread;
    memset(sums, 0, 3 * n->padded * sizeof *sums);
    part_of(n, part, &first, &count);
    for (size_t i = 0; i < count; i += tile) {
        r = rows_of(n, first + i, count - i < tile ? count - i : tile);
        r.dz = facet__view_at(n->dz, (first + i) * n->channels);
        r.sum_du = sums;
        r.sum_du_xhat = sums + n->padded;
        r.sum_dslope = sums + 2 * n->padded;
        n->pass->rows->norm_reduce(&r);
    }
}

static double total(const norm *n, size_t which, size_t c)
{
    double sum = 0.0;

    for (size_t part = 0; part < FACET__PARTS; part++)
        sum += (double)n->parts[(part * 3 + which) * n->padded + c];
    return sum;
}

/* The weights' gradients, from this network's pictures, and what the batch's
 * statistics hand on, from all of them. */
static facet_status collect(norm *n)
{
    const size_t slopes =
        n->layer->gradient[5]
            ? (size_t)facet__shape_count(&n->layer->weight_shape[5])
            : 0;
    facet_status st;

    memset(n->sums, 0, 2 * n->padded * sizeof *n->sums);
    for (size_t c = 0; c < n->channels; c++) {
        const double du = total(n, 0, c), du_xhat = total(n, 1, c);

        if (slopes)
            n->layer->gradient[5][slopes == 1 ? 0 : c] += (float)total(n, 2, c);
        n->k1[c] = n->k2[c] = 0.0f;
        if (!n->has_norm)
            continue;
        n->layer->gradient[1][c] += (float)du_xhat;
        n->layer->gradient[2][c] += (float)du;
        n->sums[c] = du;
        n->sums[n->padded + c] = du_xhat;
    }
    if (!n->has_norm)
        return FACET_OK;
    st = sum_over_peers(n);
    for (size_t c = 0; c < n->channels; c++) {
        n->k1[c] = (float)(n->sums[c] / n->all_rows);
        n->k2[c] = (float)(n->sums[n->padded + c] / n->all_rows);
    }
    return st;
}

static void backward_task(void *context, size_t part, int thread)
{
    const norm *n = context;
    const size_t tile = tile_rows(n);
    size_t first, count;
    facet__norm_rows r;

    (void)thread;
    part_of(n, part, &first, &count);
    for (size_t i = 0; i < count; i += tile) {
        r = rows_of(n, first + i, count - i < tile ? count - i : tile);
        r.dz = facet__view_at(n->dz, (first + i) * n->channels);
        r.out = facet__view_at(n->dx, (first + i) * n->channels);
        r.add = n->layer->adds[0];
        n->pass->rows->norm_backward(&r);
    }
}

static facet_status backward(facet__layer *layer, const facet__pass *pass)
{
    norm n = setup(layer, pass);
    facet_status st;

    memset(n.slope, 0, 3 * n.padded * sizeof(float));
    read_activation(&n);
    facet__pool_run(pass->pool, FACET__PARTS, reduce_task, &n);
    st = collect(&n);
    if (n.dx->data && st == FACET_OK)
        facet__pool_run(pass->pool, FACET__PARTS, backward_task, &n);
    return st;
}

const facet__layer_class facet__layer_norm = { .name = "norm",
    .size = size,
    .forward = forward,
    .backward = backward,
    .keeps_input = true };
