/* SPDX-License-Identifier: Apache-2.0 */
/* layer.h - one node, or a norm with its activation, that can go backward. */
#ifndef FACET__LAYER_H
#define FACET__LAYER_H

#include "base/threads.h"
#include "nn/engine/kernels.h"
#include "nn/engine/view.h"
#include "nn/infer.h"
#include "nn/learn/peers.h"
#include "nn/learn/rows.h"

enum {
    FACET__LAYER_WEIGHTS = 6,
    FACET__PARTS = 16, /* a reduction is cut into so many sums */
};

typedef struct facet__layer facet__layer;

/* What a pass sees. Maps are [n, c, h, w] views, NHWC, of floats or bf16;
 * vectors [n, features] are PLAIN floats. */
typedef struct facet__pass {
    const facet__kernels *kernels;
    const facet__row_kernels *rows;
    facet__pool *pool;
    const facet__view *maps;      /* by value */
    const facet__view *gradients; /* by value; data NULL: not wanted */
    char *scratch;                /* of the layer at hand, shared by threads */
    char *thread_scratch;         /* of thread t: + t * thread_stride */
    size_t thread_stride;
    bool training;
    uint64_t stream;
    facet__peers peers;
} facet__pass;

/* What a layer can do for the norms beside it (norm.h). */
enum {
    FACET__READS_NORM = 1,    /* make what it reads from x */
    FACET__TAKES_MOMENTS = 2, /* sum the moments of what it writes */
    FACET__GOES_BACK = 4,     /* make the gradient of what it wrote */
    FACET__REDUCES = 8,       /* sum over the gradient that it hands on */
};

typedef struct facet__layer_class {
    const char *name;
    /* NULL: nothing. `input` is the one to be read or handed on to. */
    unsigned (*can)(
        const facet__layer *layer, const facet__pass *pass, int input);
    /* Are shapes and weights, known now, what the layer works on? NULL: they
     * are. */
    bool (*fits)(const facet__layer *layer, const facet__pass *pass);
    /* Sizes of what it keeps between the passes, of scratch that the layer's
     * pass has to itself, and of scratch of each thread. */
    void (*size)(facet__layer *layer, const facet__pass *pass);
    facet_status (*forward)(facet__layer *layer, const facet__pass *pass);
    /* Write, or add where `layer->adds[i]`, the inputs' gradients; add the
     * weights'. */
    facet_status (*backward)(facet__layer *layer, const facet__pass *pass);
    bool keeps_input, keeps_output; /* the backward pass reads them */
} facet__layer_class;

struct facet__layer {
    const facet__layer_class *class;
    const facet__node *node, *activation; /* activation: NULL or taken in */
    int in[8], n_in, out;                 /* values */
    /* By the node's inputs; 5 is the activation's slope or upper bound. */
    float *weight[FACET__LAYER_WEIGHTS];
    float *gradient[FACET__LAYER_WEIGHTS];
    facet__shape weight_shape[FACET__LAYER_WEIGHTS];
    /* The weight whose gradient is complete once this layer has gone backward,
     * or FACET__NONE: another layer, nearer the input, adds to it. */
    int final[FACET__LAYER_WEIGHTS];
    bool adds[8];  /* another layer has written this input's gradient */
    bool wants[8]; /* this input's gradient is wanted */
    bool same[8];  /* this input's gradient is the output's, in place */
    /* Norms beside: the one that input i is read through, the one behind, and
     * the one whose gradient it writes the last of. NULL: none. */
    facet__layer *norm_in[8], *norm_out, *reduces[8];
    /* Of a norm: the neighbours have done it, or do it instead. */
    bool moments_taken, sums_taken, hidden, passes_back;
    size_t parts; /* that its sums come in */
    facet__window window;
    size_t kept_bytes, scratch_bytes, thread_bytes;
    char *kept; /* what the forward pass leaves to the backward pass */
    int number;
};

/* NULL: the node cannot be differentiated. */
const facet__layer_class *facet__layer_class_of(
    const facet__graph *graph, const facet__node *node);
/* The attribute because of which it cannot, or NULL: none, or another reason.
 */
const char *facet__layer_refuses(const facet__node *node);
/* Can it be run together with a norm in front of it? */
bool facet__is_activation(const facet__graph *graph, const facet__node *node);
/* By which whole number a Resize enlarges, repeating pixels; 0: it does
 * something else. */
int facet__upsample_factor(const facet__graph *graph, const facet__node *node);

extern const facet__layer_class facet__layer_conv, facet__layer_depthwise,
    facet__layer_norm, facet__layer_add, facet__layer_mul, facet__layer_concat,
    facet__layer_flatten, facet__layer_dropout, facet__layer_pool,
    facet__layer_unary, facet__layer_lrn, facet__layer_l2, facet__layer_maxout,
    facet__layer_local, facet__layer_cells, facet__layer_upsample;

/* Memory dealt out in order, in steps of a cache line. Without a base it only
 * counts, so that one function lays out and measures. */
typedef struct facet__room {
    char *base;
    size_t used;
} facet__room;

static inline void *facet__room_take(facet__room *room, size_t bytes)
{
    void *at = room->base ? room->base + room->used : NULL;

    room->used += (bytes + 63) & ~(size_t)63;
    return at;
}

/* A thread's own scratch. */
static inline facet__room facet__thread_room(
    const facet__pass *pass, int thread)
{
    return (facet__room){ pass->thread_scratch
                              ? pass->thread_scratch +
                                    (size_t)thread * pass->thread_stride
                              : NULL,
        0 };
}

static inline const facet__view *facet__map(const facet__pass *pass, int value)
{
    return &pass->maps[value];
}

/* The gradient of input i; data NULL when nobody wants it. */
static inline const facet__view *facet__in_gradient(
    const facet__layer *layer, const facet__pass *pass, int i)
{
    return &pass->gradients[layer->in[i]];
}

/* Is weight k absent, or of `count` numbers? */
static inline bool facet__weight_fits(
    const facet__layer *layer, int k, size_t count)
{
    return !layer->weight[k] ||
           facet__shape_count(&layer->weight_shape[k]) == (int64_t)count;
}

/* Rows (pixels or vectors) and channels of a view. */
static inline size_t facet__view_rows(const facet__view *v)
{
    return v->shape.n == 4 ? facet__view_pixels(v) : (size_t)v->shape.d[0];
}

static inline size_t facet__view_features(const facet__view *v)
{
    return facet__view_count(v) / facet__view_rows(v);
}

#endif
