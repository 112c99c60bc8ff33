/* SPDX-License-Identifier: Apache-2.0 */
/* layer_norm.c - batch normalisation together with the activation behind it,
 * and activations by themselves.
 *
 * Both are z = act(x a + b). The backward pass computes the activation's input
 * again from x instead of keeping it. What the layers beside a norm have not
 * done for it (norm.h) it does here, in tiles that stay in the cache. */
#include "nn/learn/norm.h"

#include <math.h>
#include <string.h>

#include "nn/affine.h"

enum {
    STRETCH = 256,          /* rows of a picture whose sums are floats */
    TILE_BYTES = 128 << 10, /* of rows worked on at a time */
    SUMS = 3, /* of a part: du, du (x - mean), dslope; or moments */
};

/* kept: arrays of one number a channel, padded */
enum { A, B, MEAN, INVERSE, SLOPE, K0, K1, ARRAYS };

typedef struct norm {
    facet__layer *layer;
    const facet__pass *pass;
    const facet__view *x, *z, *dx, *dz;
    size_t rows, channels, padded;
    size_t picture;  /* rows of one */
    double all_rows; /* of the whole batch, wherever its pictures are */
    bool bf16;
    float *kept[ARRAYS];
    double *sums; /* [2 * padded + 1], room for 8 more */
    char *parts;  /* [PARTS][part_bytes] */
    size_t part_bytes, kept_bytes;
    bool has_norm;
    float hi;
} norm;

/* Sums of a part: floats until they hold a stretch of rows, then doubles. A
 * stretch is of one picture, so that it is the same however a batch is cut
 * among parts and processes: statistics then do not depend on the cut. */
typedef struct part_sums {
    double *whole;  /* [SUMS][padded] */
    float *stretch; /* [SUMS][padded] */
} part_sums;

static norm setup(facet__layer *layer, const facet__pass *pass)
{
    const facet__node *act = layer->activation;
    norm n = { .layer = layer, .pass = pass, .hi = INFINITY };
    facet__room room = { layer->kept, 0 };

    n.x = facet__map(pass, layer->in[0]);
    n.z = facet__map(pass, layer->out);
    n.dx = facet__in_gradient(layer, pass, 0);
    n.dz = &pass->gradients[layer->out];
    n.rows = facet__view_rows(n.x);
    n.channels = facet__view_features(n.x);
    n.picture = n.rows / facet__view_n(n.x);
    n.padded = (n.channels + 31) & ~(size_t)31;
    n.bf16 = n.x->type == FACET__BF16;
    n.has_norm = layer->node->op == FACET__OP_BATCH_NORM;
    if (act && act->op == FACET__OP_CLIP && layer->weight[5])
        n.hi = layer->weight[5][0];
    n.part_bytes = SUMS * n.padded * (sizeof(double) + sizeof(float));
    n.sums = facet__room_take(&room, (2 * n.padded + 8) * sizeof *n.sums);
    for (int i = 0; i < ARRAYS; i++)
        n.kept[i] = facet__room_take(&room, n.padded * sizeof *n.kept[i]);
    n.parts = facet__room_take(&room, FACET__PARTS * n.part_bytes);
    n.kept_bytes = room.used;
    return n;
}

static void size(facet__layer *layer, const facet__pass *pass)
{
    const norm n = setup(layer, pass);

    layer->kept_bytes = n.kept_bytes;
}

static part_sums part_at(const norm *n, size_t part)
{
    char *at = n->parts + part * n->part_bytes;
    double *whole = (double *)(void *)at;

    return (part_sums){ whole, (float *)(void *)(whole + SUMS * n->padded) };
}

void facet__norm_begin(facet__layer *layer, size_t parts)
{
    layer->parts = parts;
}

void facet__norm_open(facet__layer *layer, const facet__pass *pass, size_t part)
{
    const norm n = setup(layer, pass);

    memset(n.parts + part * n.part_bytes, 0, n.part_bytes);
}

/* Rows from `first` to the end of its stretch. */
static size_t stretch_left(const norm *n, size_t first)
{
    const size_t in = first % n->picture, left = n->picture - in;

    return left < STRETCH - in % STRETCH ? left : STRETCH - in % STRETCH;
}

/* Its floats to the doubles. */
static void close_stretch(const norm *n, const part_sums *p)
{
    for (size_t c = 0; c < SUMS * n->padded; c++)
        p->whole[c] += (double)p->stretch[c];
    memset(p->stretch, 0, SUMS * n->padded * sizeof *p->stretch);
}

/* A channel's sum over all parts. */
static double total(const norm *n, size_t which, size_t c)
{
    const size_t at = which * n->padded + c;
    double sum = 0.0;

    for (size_t i = 0; i < n->layer->parts; i++) {
        const part_sums p = part_at(n, i);

        sum += p.whole[at] + (double)p.stretch[at];
    }
    return sum;
}

/* The activation as a slope a channel. */
static void read_slope(norm *n)
{
    const facet__node *act = n->layer->activation;
    const float *slope = n->layer->weight[5];
    const size_t count =
        slope ? (size_t)facet__shape_count(&n->layer->weight_shape[5]) : 0;
    float constant = 0.0f;

    if (act && act->op == FACET__OP_LEAKY_RELU)
        constant = facet__node_float(act, "alpha", 0.01f);
    for (size_t c = 0; act && c < n->channels; c++)
        n->kept[SLOPE][c] =
            act->op == FACET__OP_PRELU ? slope[count == 1 ? 0 : c] : constant;
}

static facet__norm_rows rows_of(const norm *n, size_t first, size_t count)
{
    const size_t at = first * n->channels;

    return (facet__norm_rows){ .x = { facet__view_at(n->x, at), count,
                                   n->channels, n->bf16 },
        .a = n->kept[A],
        .b = n->kept[B],
        .slope = n->layer->activation ? n->kept[SLOPE] : NULL,
        .hi = n->hi,
        .bounded = n->hi < INFINITY,
        .mean = n->kept[MEAN],
        .k0 = n->kept[K0],
        .k1 = n->kept[K1] };
}

/* what neighbours call */

static void add_moments(
    const norm *n, const part_sums *p, size_t first, size_t count)
{
    const facet__rows rows = { facet__view_at(n->x, first * n->channels), count,
        n->channels, n->bf16 };

    n->pass->rows->moments(&rows, p->stretch, p->stretch + n->padded);
}

static void add_reduced(
    const norm *n, const part_sums *p, size_t first, size_t count)
{
    facet__norm_rows r = rows_of(n, first, count);

    r.dz = facet__view_at(n->dz, first * n->channels);
    r.sum_du = p->stretch;
    r.sum_du_x = p->stretch + n->padded;
    r.sum_dslope = p->stretch + 2 * n->padded;
    n->pass->rows->norm_reduce(&r);
}

/* Rows [first, first + count) to the part's sums, a stretch at a time. */
static void add_rows(const norm *n, size_t part, size_t first, size_t count,
    void (*add)(const norm *, const part_sums *, size_t, size_t))
{
    const part_sums p = part_at(n, part);

    while (count) {
        const size_t left = stretch_left(n, first);
        const size_t m = count < left ? count : left;

        add(n, &p, first, m);
        if (m == left)
            close_stretch(n, &p);
        first += m;
        count -= m;
    }
}

void facet__norm_moments(facet__layer *layer, const facet__pass *pass,
    size_t part, size_t first, size_t count)
{
    const norm n = setup(layer, pass);

    add_rows(&n, part, first, count, add_moments);
}

void facet__norm_reduce(facet__layer *layer, const facet__pass *pass,
    size_t part, size_t first, size_t count)
{
    const norm n = setup(layer, pass);

    add_rows(&n, part, first, count, add_reduced);
}

void facet__norm_make(facet__layer *layer, const facet__pass *pass,
    size_t first, size_t count, const void *plus, void *to)
{
    const norm n = setup(layer, pass);
    facet__norm_rows r = rows_of(&n, first, count);

    r.plus = plus;
    r.out = to;
    pass->rows->norm_forward(&r);
}

void facet__norm_make_back(facet__layer *layer, const facet__pass *pass,
    size_t first, size_t count, void *to)
{
    const norm n = setup(layer, pass);
    facet__norm_rows r = rows_of(&n, first, count);

    r.dz = facet__view_at(n.dz, first * n.channels);
    r.out = to;
    pass->rows->norm_backward(&r);
}

/* what is left to the norm itself: loops over tiles of a part */

/* Rows of a tile. Kernels walk down sixteen channels at a time, so that a tile
 * passes through the cache once for every sixteen. */
static size_t tile_rows(const norm *n)
{
    const size_t rows = TILE_BYTES / (n->channels * (n->bf16 ? 2 : 4));

    return rows < 8 ? 8 : rows > STRETCH ? STRETCH : rows;
}

/* The next tile of a part: *first, *count; false behind the last. */
static bool next_tile(const norm *n, size_t part, size_t *first, size_t *count)
{
    const size_t tile = tile_rows(n);
    const size_t end = n->rows * (part + 1) / FACET__PARTS;

    *first = *count ? *first + *count : n->rows * part / FACET__PARTS;
    *count = end - *first < tile ? end - *first : tile;
    return *count > 0;
}

static void moments_task(void *context, size_t part, int thread)
{
    const norm *n = context;
    size_t first, count = 0;

    (void)thread;
    facet__norm_open(n->layer, n->pass, part);
    while (next_tile(n, part, &first, &count))
        facet__norm_moments(n->layer, n->pass, part, first, count);
}

static void forward_task(void *context, size_t part, int thread)
{
    const norm *n = context;
    size_t first, count = 0;

    (void)thread;
    while (next_tile(n, part, &first, &count))
        facet__norm_make(n->layer, n->pass, first, count, NULL,
            facet__view_at(n->z, first * n->channels));
}

static void reduce_task(void *context, size_t part, int thread)
{
    const norm *n = context;
    size_t first, count = 0;

    (void)thread;
    facet__norm_open(n->layer, n->pass, part);
    while (next_tile(n, part, &first, &count))
        facet__norm_reduce(n->layer, n->pass, part, first, count);
}

static void backward_task(void *context, size_t part, int thread)
{
    const norm *n = context;
    size_t first, count = 0;

    (void)thread;
    while (next_tile(n, part, &first, &count)) {
        facet__norm_rows r = rows_of(n, first, count);

        r.dz = facet__view_at(n->dz, first * n->channels);
        r.out = facet__view_at(n->dx, first * n->channels);
        r.add = n->layer->adds[0];
        n->pass->rows->norm_backward(&r);
    }
}

static void run_parts(norm *n, facet__task *task)
{
    facet__pool_run(n->pass->pool, FACET__PARTS, task, n);
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

    if (!n->layer->moments_taken) {
        facet__norm_begin(n->layer, FACET__PARTS);
        run_parts(n, moments_task);
    }
    memset(n->sums, 0, 2 * n->padded * sizeof *n->sums);
    for (size_t c = 0; c < n->channels; c++) {
        n->sums[c] = total(n, 0, c);
        n->sums[n->padded + c] = total(n, 1, c);
    }
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

    memset(n->kept[0], 0, ARRAYS * n->padded * sizeof(float));
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

static facet_status forward(facet__layer *layer, const facet__pass *pass)
{
    norm n = setup(layer, pass);
    const facet_status st = make_affine(&n);

    if (st != FACET_OK)
        return st;
    read_slope(&n);
    if (!layer->hidden)
        run_parts(&n, forward_task);
    return FACET_OK;
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
        const double du = total(n, 0, c),
                     du_xhat = total(n, 1, c) * (double)n->kept[INVERSE][c];

        if (slopes)
            n->layer->gradient[5][slopes == 1 ? 0 : c] += (float)total(n, 2, c);
        n->kept[K0][c] = n->kept[K1][c] = 0.0f;
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
        /* dx = a (du - mean of du - xhat times mean of du xhat) */
        const double a = (double)n->kept[A][c];
        const double by_x = -a * (double)n->kept[INVERSE][c] *
                            n->sums[n->padded + c] / n->all_rows;

        n->kept[K0][c] = (float)(-a * n->sums[c] / n->all_rows -
                                 by_x * (double)n->kept[MEAN][c]);
        n->kept[K1][c] = (float)by_x;
    }
    return st;
}

static facet_status backward(facet__layer *layer, const facet__pass *pass)
{
    norm n = setup(layer, pass);
    facet_status st;

    if (!n.dz->data) /* an activation in front of the first weight */
        return FACET_OK;
    if (!layer->sums_taken) {
        facet__norm_begin(layer, FACET__PARTS);
        run_parts(&n, reduce_task);
    }
    st = collect(&n);
    if (n.dx->data && !layer->passes_back && st == FACET_OK)
        run_parts(&n, backward_task);
    return st;
}

/* One number a channel of each weight of a normalisation; a slope may be one
 * for all. */
static bool fits(const facet__layer *layer, const facet__pass *pass)
{
    const facet__view *x = facet__map(pass, layer->in[0]);
    const size_t channels = facet__view_features(x);
    const facet__node *act = layer->activation;

    for (int k = 1; k < 5 && layer->node->op == FACET__OP_BATCH_NORM; k++)
        if (!facet__weight_fits(layer, k, channels))
            return false;
    return !act || act->op != FACET__OP_PRELU ||
           facet__is_per_channel(
               &layer->weight_shape[5], x->shape.n, (int64_t)channels);
}

const facet__layer_class facet__layer_norm = { .name = "norm",
    .fits = fits,
    .size = size,
    .forward = forward,
    .backward = backward,
    .keeps_input = true };
