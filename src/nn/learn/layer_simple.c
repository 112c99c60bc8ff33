/* SPDX-License-Identifier: Apache-2.0 */
/* layer_simple.c - layers without weights that work number by number: sums,
 * products, joins, flattening, dropout, functions of one number. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "nn/learn/elements.h"
#include "nn/learn/norm.h"

enum { PIECE = 16384 /* numbers of a task */ };

static const facet__view *grad_out(
    const facet__layer *layer, const facet__pass *pass)
{
    return &pass->gradients[layer->out];
}

/* A loop over the numbers of the output, in pieces. */
typedef struct piece_task {
    facet__layer *layer;
    const facet__pass *pass;
    void (*work)(const struct piece_task *t, size_t from, size_t to);
    size_t count;
    int input; /* the input at hand */
} piece_task;

static void run_piece(void *context, size_t index, int thread)
{
    const piece_task *t = context;
    const size_t from = index * PIECE;
    const size_t left = t->count - from;

    (void)thread;
    t->work(t, from, from + (left < PIECE ? left : PIECE));
}

static void each(facet__layer *layer, const facet__pass *pass, int input,
    void (*work)(const piece_task *t, size_t from, size_t to))
{
    piece_task t = { layer, pass, work,
        facet__view_count(facet__map(pass, layer->out)), input };

    facet__pool_run(pass->pool, (t.count + PIECE - 1) / PIECE, run_piece, &t);
}

/* add */

static void add_forward(const piece_task *t, size_t from, size_t to)
{
    const facet__view *a = facet__map(t->pass, t->layer->in[0]);
    const facet__view *b = facet__map(t->pass, t->layer->in[1]);
    const facet__view *y = facet__map(t->pass, t->layer->out);

    for (size_t i = from; i < to; i++)
        facet__put(y, i, facet__get(a, i) + facet__get(b, i));
}

static void copy_gradient(const piece_task *t, size_t from, size_t to)
{
    const facet__view *dx = facet__in_gradient(t->layer, t->pass, t->input);
    const facet__view *dy = grad_out(t->layer, t->pass);

    for (size_t i = from; i < to; i++)
        facet__give(dx, i, t->layer->adds[t->input], facet__get(dy, i));
}

/* A term that a norm makes is made and added at once. */
static void add_made(void *context, size_t index, int thread)
{
    enum { ROWS = 64 };
    const piece_task *t = context;
    facet__layer *const *norm = t->layer->norm_in;
    const facet__view *y = facet__map(t->pass, t->layer->out);
    const size_t first = index * ROWS, all = facet__view_rows(y);
    const size_t count = all - first < ROWS ? all - first : ROWS;
    const size_t at = first * facet__view_features(y);
    const int made = norm[1] ? 1 : 0;
    const void *other = facet__view_at(y, at);

    (void)thread;
    if (norm[1 - made])
        facet__norm_make(
            norm[1 - made], t->pass, first, count, NULL, facet__view_at(y, at));
    else
        other = facet__view_at(facet__map(t->pass, t->layer->in[1 - made]), at);
    facet__norm_make(
        norm[made], t->pass, first, count, other, facet__view_at(y, at));
}

static facet_status forward_add(facet__layer *layer, const facet__pass *pass)
{
    piece_task t = { layer, pass, NULL, 0, 0 };

    if (layer->norm_in[0] || layer->norm_in[1])
        facet__pool_run(pass->pool,
            (facet__view_rows(facet__map(pass, layer->out)) + 63) / 64,
            add_made, &t);
    else
        each(layer, pass, 0, add_forward);
    return FACET_OK;
}

static bool equal_operands(const facet__layer *layer, const facet__pass *pass)
{
    const facet__view *a = facet__map(pass, layer->in[0]);
    const facet__view *b = facet__map(pass, layer->in[1]);

    return a->layout == b->layout && facet__shape_equal(&a->shape, &b->shape);
}

static unsigned can_add(
    const facet__layer *layer, const facet__pass *pass, int input)
{
    (void)input;
    return equal_operands(layer, pass) ? FACET__READS_NORM : 0;
}

static facet_status backward_add(facet__layer *layer, const facet__pass *pass)
{
    for (int i = 0; i < 2; i++)
        if (facet__in_gradient(layer, pass, i)->data && !layer->same[i])
            each(layer, pass, i, copy_gradient);
    return FACET_OK;
}

const facet__layer_class facet__layer_add = { .name = "add",
    .can = can_add,
    .fits = equal_operands,
    .forward = forward_add,
    .backward = backward_add };

/* mul: equal shapes, or the second is one number a channel of each image */

static size_t partner(
    const facet__view *big, const facet__view *small, size_t i)
{
    const size_t features = facet__view_features(big);
    const size_t image = facet__view_count(big) / (size_t)big->shape.d[0];

    return facet__view_count(small) == facet__view_count(big)
               ? i
               : i / image * features + i % features;
}

static void mul_forward(const piece_task *t, size_t from, size_t to)
{
    const facet__view *a = facet__map(t->pass, t->layer->in[0]);
    const facet__view *b = facet__map(t->pass, t->layer->in[1]);
    const facet__view *y = facet__map(t->pass, t->layer->out);

    for (size_t i = from; i < to; i++)
        facet__put(y, i, facet__get(a, i) * facet__get(b, partner(a, b, i)));
}

static void mul_back_first(const piece_task *t, size_t from, size_t to)
{
    const facet__view *a = facet__map(t->pass, t->layer->in[0]);
    const facet__view *b = facet__map(t->pass, t->layer->in[1]);
    const facet__view *da = facet__in_gradient(t->layer, t->pass, 0);
    const facet__view *dy = grad_out(t->layer, t->pass);

    for (size_t i = from; i < to; i++)
        facet__give(da, i, t->layer->adds[0],
            facet__get(dy, i) * facet__get(b, partner(a, b, i)));
}

/* The second operand's gradient, an image at a time, sums in double. */
static void mul_back_second(facet__layer *layer, const facet__pass *pass)
{
    const facet__view *a = facet__map(pass, layer->in[0]);
    const facet__view *db = facet__in_gradient(layer, pass, 1);
    const facet__view *dy = grad_out(layer, pass);
    const size_t count = facet__view_count(db);
    const bool equal = count == facet__view_count(a);
    const size_t features = facet__view_features(a);
    const size_t pixels =
        equal ? 1 : facet__view_count(a) / (size_t)a->shape.d[0] / features;

    for (size_t k = 0; k < count; k++) {
        const size_t image = k / features, c = k % features;
        double sum = 0.0;

        for (size_t p = 0; p < pixels; p++) {
            const size_t i = equal ? k : (image * pixels + p) * features + c;

            sum += (double)facet__get(a, i) * (double)facet__get(dy, i);
        }
        facet__give(db, k, layer->adds[1], (float)sum);
    }
}

static bool mul_fits(const facet__layer *layer, const facet__pass *pass)
{
    const facet__view *a = facet__map(pass, layer->in[0]);
    const facet__view *b = facet__map(pass, layer->in[1]);

    return equal_operands(layer, pass) ||
           (a->shape.n == 4 && b->shape.n == 4 && a->layout == b->layout &&
               facet__view_n(a) == facet__view_n(b) &&
               facet__view_c(a) == facet__view_c(b) && facet__view_h(b) == 1 &&
               facet__view_w(b) == 1);
}

static facet_status forward_mul(facet__layer *layer, const facet__pass *pass)
{
    each(layer, pass, 0, mul_forward);
    return FACET_OK;
}

static facet_status backward_mul(facet__layer *layer, const facet__pass *pass)
{
    if (facet__in_gradient(layer, pass, 0)->data)
        each(layer, pass, 0, mul_back_first);
    if (facet__in_gradient(layer, pass, 1)->data)
        mul_back_second(layer, pass);
    return FACET_OK;
}

const facet__layer_class facet__layer_mul = { .name = "mul",
    .fits = mul_fits,
    .forward = forward_mul,
    .backward = backward_mul,
    .keeps_input = true };

/* concat of channels */

static facet_status forward_concat(facet__layer *layer, const facet__pass *pass)
{
    const facet__view *y = facet__map(pass, layer->out);
    const size_t rows = facet__view_rows(y), all = facet__view_features(y);
    size_t offset = 0;

    for (int k = 0; k < layer->n_in; k++) {
        const facet__view *x = facet__map(pass, layer->in[k]);
        const size_t c = facet__view_features(x);

        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < c; i++)
                facet__put(y, r * all + offset + i, facet__get(x, r * c + i));
        offset += c;
    }
    return FACET_OK;
}

static facet_status backward_concat(
    facet__layer *layer, const facet__pass *pass)
{
    const facet__view *dy = grad_out(layer, pass);
    const size_t rows = facet__view_rows(dy), all = facet__view_features(dy);
    size_t offset = 0;

    for (int k = 0; k < layer->n_in; k++) {
        const facet__view *dx = facet__in_gradient(layer, pass, k);
        const size_t c = facet__view_features(facet__map(pass, layer->in[k]));

        for (size_t r = 0; dx->data && r < rows; r++)
            for (size_t i = 0; i < c; i++)
                facet__give(dx, r * c + i, layer->adds[k],
                    facet__get(dy, r * all + offset + i));
        offset += c;
    }
    return FACET_OK;
}

const facet__layer_class facet__layer_concat = {
    .name = "concat", .forward = forward_concat, .backward = backward_concat
};

/* flatten: the pixels of a map in ONNX's order, channels outermost */

/* The position in NHWC of number i of the flat order. */
static size_t unflat(const facet__view *map, size_t i)
{
    size_t channels, pixels, image;

    if (map->layout != FACET__NHWC)
        return i;
    channels = facet__view_c(map);
    pixels = facet__view_h(map) * facet__view_w(map);
    image = i / (channels * pixels);
    i %= channels * pixels;
    return (image * pixels + i % pixels) * channels + i / pixels;
}

static void flat_forward(const piece_task *t, size_t from, size_t to)
{
    const facet__view *x = facet__map(t->pass, t->layer->in[0]);
    const facet__view *y = facet__map(t->pass, t->layer->out);

    for (size_t i = from; i < to; i++)
        facet__put(y, unflat(y, i), facet__get(x, unflat(x, i)));
}

static void flat_backward(const piece_task *t, size_t from, size_t to)
{
    const facet__view *x = facet__map(t->pass, t->layer->in[0]);
    const facet__view *dx = facet__in_gradient(t->layer, t->pass, 0);
    const facet__view *dy = grad_out(t->layer, t->pass);

    for (size_t i = from; i < to; i++)
        facet__give(
            dx, unflat(x, i), t->layer->adds[0], facet__get(dy, unflat(dy, i)));
}

static facet_status forward_flatten(
    facet__layer *layer, const facet__pass *pass)
{
    each(layer, pass, 0, flat_forward);
    return FACET_OK;
}

static facet_status backward_flatten(
    facet__layer *layer, const facet__pass *pass)
{
    if (facet__in_gradient(layer, pass, 0)->data)
        each(layer, pass, 0, flat_backward);
    return FACET_OK;
}

const facet__layer_class facet__layer_flatten = {
    .name = "flatten", .forward = forward_flatten, .backward = backward_flatten
};

/* cells: channels last, which is where they are */

static void cells_forward(const piece_task *t, size_t from, size_t to)
{
    const facet__view *x = facet__map(t->pass, t->layer->in[0]);
    const facet__view *y = facet__map(t->pass, t->layer->out);

    for (size_t i = from; i < to; i++)
        facet__put(y, i, facet__get(x, i));
}

static facet_status forward_cells(facet__layer *layer, const facet__pass *pass)
{
    each(layer, pass, 0, cells_forward);
    return FACET_OK;
}

static facet_status backward_cells(facet__layer *layer, const facet__pass *pass)
{
    if (facet__in_gradient(layer, pass, 0)->data)
        each(layer, pass, 0, copy_gradient);
    return FACET_OK;
}

const facet__layer_class facet__layer_cells = {
    .name = "cells", .forward = forward_cells, .backward = backward_cells
};

/* dropout: kept numbers are scaled by 1 / (1 - ratio); which ones are kept
 * hangs on the stream and the position in the whole batch alone */

/* The position of the first number of this network's first picture. */
static size_t drop_origin(const piece_task *t)
{
    const facet__view *x = facet__map(t->pass, t->layer->in[0]);

    return t->pass->peers.first *
           (facet__view_count(x) / (size_t)x->shape.d[0]);
}

/* The node's second input, a constant, or the attribute of older files. */
static float drop_ratio(const facet__layer *layer)
{
    return layer->weight[1] ? layer->weight[1][0]
                            : facet__node_float(layer->node, "ratio", 0.5f);
}

static bool keeps(const facet__layer *layer, uint64_t stream, size_t i)
{
    const float ratio = drop_ratio(layer);
    uint64_t x = stream ^ ((uint64_t)layer->number << 40) ^ (uint64_t)i;

    x += 0x9e3779b97f4a7c15u; /* splitmix64 */
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return (float)(x >> 40) / 16777216.0f >= ratio;
}

static float drop_scale(const facet__layer *layer)
{
    return 1.0f / (1.0f - drop_ratio(layer));
}

static void drop_forward(const piece_task *t, size_t from, size_t to)
{
    const facet__view *x = facet__map(t->pass, t->layer->in[0]);
    const facet__view *y = facet__map(t->pass, t->layer->out);
    const float scale = t->pass->training ? drop_scale(t->layer) : 1.0f;
    const size_t origin = drop_origin(t);

    for (size_t i = from; i < to; i++)
        facet__put(y, i,
            !t->pass->training || keeps(t->layer, t->pass->stream, origin + i)
                ? facet__get(x, i) * scale
                : 0.0f);
}

static void drop_backward(const piece_task *t, size_t from, size_t to)
{
    const facet__view *dx = facet__in_gradient(t->layer, t->pass, 0);
    const facet__view *dy = grad_out(t->layer, t->pass);
    const float scale = drop_scale(t->layer);
    const size_t origin = drop_origin(t);

    for (size_t i = from; i < to; i++)
        facet__give(dx, i, t->layer->adds[0],
            keeps(t->layer, t->pass->stream, origin + i)
                ? facet__get(dy, i) * scale
                : 0.0f);
}

static facet_status forward_dropout(
    facet__layer *layer, const facet__pass *pass)
{
    each(layer, pass, 0, drop_forward);
    return FACET_OK;
}

static facet_status backward_dropout(
    facet__layer *layer, const facet__pass *pass)
{
    if (facet__in_gradient(layer, pass, 0)->data)
        each(layer, pass, 0, drop_backward);
    return FACET_OK;
}

const facet__layer_class facet__layer_dropout = {
    .name = "dropout", .forward = forward_dropout, .backward = backward_dropout
};

/* functions of one number, and their derivatives */

static float function(facet__op_kind op, float x)
{
    switch (op) {
    case FACET__OP_SIGMOID:
        return 1.0f / (1.0f + expf(-x));
    case FACET__OP_TANH:
        return tanhf(x);
    default: /* hard swish */
        return x * fminf(fmaxf(x / 6.0f + 0.5f, 0.0f), 1.0f);
    }
}

static float derivative(facet__op_kind op, float x)
{
    float y;

    switch (op) {
    case FACET__OP_SIGMOID:
        y = function(op, x);
        return y * (1.0f - y);
    case FACET__OP_TANH:
        y = tanhf(x);
        return 1.0f - y * y;
    default:
        return x <= -3.0f ? 0.0f : x >= 3.0f ? 1.0f : x / 3.0f + 0.5f;
    }
}

static void unary_forward(const piece_task *t, size_t from, size_t to)
{
    const facet__view *x = facet__map(t->pass, t->layer->in[0]);
    const facet__view *y = facet__map(t->pass, t->layer->out);

    for (size_t i = from; i < to; i++)
        facet__put(y, i, function(t->layer->node->op, facet__get(x, i)));
}

static void unary_backward(const piece_task *t, size_t from, size_t to)
{
    const facet__view *x = facet__map(t->pass, t->layer->in[0]);
    const facet__view *dx = facet__in_gradient(t->layer, t->pass, 0);
    const facet__view *dy = grad_out(t->layer, t->pass);

    for (size_t i = from; i < to; i++)
        facet__give(dx, i, t->layer->adds[0],
            derivative(t->layer->node->op, facet__get(x, i)) *
                facet__get(dy, i));
}

static facet_status forward_unary(facet__layer *layer, const facet__pass *pass)
{
    each(layer, pass, 0, unary_forward);
    return FACET_OK;
}

static facet_status backward_unary(facet__layer *layer, const facet__pass *pass)
{
    if (facet__in_gradient(layer, pass, 0)->data)
        each(layer, pass, 0, unary_backward);
    return FACET_OK;
}

const facet__layer_class facet__layer_unary = { .name = "unary",
    .forward = forward_unary,
    .backward = backward_unary,
    .keeps_input = true };
