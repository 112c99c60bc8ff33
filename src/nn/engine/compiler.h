/* SPDX-License-Identifier: Apache-2.0 */
/* compiler.h - what the parts of the compiler (compile.c, chain.c, lower_*.c)
 * share while a program is made. */
#ifndef FACET__COMPILER_H
#define FACET__COMPILER_H

#include "nn/engine/program.h"

enum { FACET__AFFINE_MAX = 4 };

/* Nodes that are run as one step. It starts with filters (a convolution, a
 * dense layer) or with an affine node, and takes in what is behind. */
typedef struct facet__chain {
    /* y = x * factor + shift, channel by channel: BatchNormalization, and sums
     * and products with constants. */
    int affine[FACET__AFFINE_MAX], n_affine;
    int activation, sum; /* nodes, or FACET__NONE */
    bool residual_first; /* the sum comes before the activation */
    int residual;        /* value added by `sum` */
    int last;            /* the node behind which it is run */
    int result;          /* the value it makes */
} facet__chain;

typedef struct facet__compiler {
    const facet__graph *graph;
    const facet__fact *facts; /* with the graph's own, open shapes */
    facet__program *program;
    facet_error *err;
    int *producer;    /* [n_values] node or FACET__NONE */
    int *uses;        /* [n_values] readers, a graph output counts as one */
    int *reader;      /* [n_values] some node that reads it, or FACET__NONE */
    bool *plain_only; /* [n_values] nobody reads it as NHWC */
    int *owner;       /* [n_nodes] the chain's first node it belongs to; NONE */
    facet__chain *chains; /* [n_nodes] of first nodes */
    int *first_slot;      /* [n_values] head of a list: */
    int *next_slot;       /* [cap] by slot */
    int cap_next;
} facet__compiler;

/* chain.c: find what each convolution takes in. */
void facet__chains_find(facet__compiler *c);
/* Is it a convolution or dense layer with constant filters? */
bool facet__has_filters(const facet__compiler *c, const facet__node *node);
/* Is it a factor and a shift of each channel? */
bool facet__is_affine(const facet__compiler *c, const facet__node *node);
/* The product of the chain's affine nodes; [channels], zeroed past the end to
 * whole vectors, the caller's. NULL, NULL when there are none. */
facet_status facet__affine_of(const facet__compiler *c,
    const facet__chain *chain, size_t channels, float **factor, float **shift);
/* The chain's activation: a slope a channel (the caller's) or NULL, and
 * bounds. */
facet_status facet__activation_of(const facet__compiler *c,
    const facet__chain *chain, size_t channels, float **slope, float *lo,
    float *hi);

/* compile.c: slots and steps. A slot number, or FACET__NONE with c->err set. */
int facet__slot_new(
    facet__compiler *c, int value, facet__layout layout, facet__dtype type);
/* The value as `layout` and `type`, converted by a step where needed; any type
 * when `type` is 0. */
int facet__slot_of(
    facet__compiler *c, int value, facet__layout layout, facet__dtype type);
/* The value in whatever form it was made first. */
int facet__slot_any(facet__compiler *c, int value);
/* The type in which steps hand maps on that are not kept in bytes. */
facet__dtype facet__map_type(const facet__compiler *c, int value);
/* Is the map on a grid and the program one of int8? Steps that can write bytes
 * do; what others write is converted where bytes are wanted. */
bool facet__in_bytes(const facet__compiler *c, int value);
/* What a step writes that can write bytes: U8, or as facet__map_type says. */
facet__dtype facet__step_type(const facet__compiler *c, int value);
/* Append a step; takes over `params`. */
facet_status facet__emit(facet__compiler *c, const facet__step_class *class,
    void *params, int node, const int *in, int n_in, const int *out, int n_out);

/* Does the operator read its maps as NHWC? */
bool facet__reads_maps(const facet__compiler *c, const facet__node *node);
/* A constant's floats, or NULL when the value is not one. */
const float *facet__constant(const facet__compiler *c, int value, int64_t *n);
/* Channels of a 4-D value or features of a 2-D one; -1 when not known. */
int64_t facet__channels(const facet__compiler *c, int value);
/* Are the value's numbers integers? Then it is shape arithmetic: the plan knows
 * what it holds, and no step makes it. */
bool facet__is_integer(const facet__compiler *c, int value);
int facet__rank(const facet__compiler *c, int value);

/* lower_*.c: one node to steps. */
typedef facet_status facet__lowering(facet__compiler *c, int node);
facet__lowering facet__lower_conv, facet__lower_gemm, facet__lower_affine,
    facet__lower_unary, facet__lower_prelu, facet__lower_binary,
    facet__lower_pool, facet__lower_global_pool, facet__lower_reduce,
    facet__lower_concat, facet__lower_split, facet__lower_resize,
    facet__lower_lrn, facet__lower_local, facet__lower_reshape,
    facet__lower_transpose, facet__lower_evaluate;

/* A per-channel vector from a constant of one or `channels` numbers, with room
 * for a panel (facet__panel_room); NULL without memory. */
float *facet__spread(const float *from, int64_t n, size_t channels);
/* The parameters of an activation that a unary step or a chain can do. */
bool facet__clip_bounds(
    const facet__compiler *c, const facet__node *node, float *lo, float *hi);

#endif
