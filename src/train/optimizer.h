/* SPDX-License-Identifier: Apache-2.0 */
/* optimizer.h - from gradients to changed weights.
 *
 * One call a batch. The gradients may be gathered over several batches, are
 * clipped by their common length, and then move the weights by one of five
 * rules. Muon moves matrices (muon.h), and AdamW beside it what is none. A
 * running mean of the weights can be kept beside. All of its memory is an array
 * of named float arrays, so that a checkpoint can hold it and a resumed run
 * goes on with the same bits. */
#ifndef FACET__OPTIMIZER_H
#define FACET__OPTIMIZER_H

#include <stdint.h>

#include "base/threads.h"
#include "train/param.h"

typedef enum facet__rule {
    FACET__SGD,
    FACET__ADAGRAD,
    FACET__ADAM,
    FACET__ADAMW,
    FACET__MUON,
} facet__rule;

extern const char *const facet__rule_names[]; /* ended by NULL */

typedef struct facet__optimizer_setup {
    facet__rule rule;
    double momentum;     /* SGD, Muon: [0, 1) */
    bool nesterov;       /* SGD, Muon */
    double beta1, beta2; /* Adam, AdamW */
    double epsilon;      /* AdaGrad, Adam, AdamW */
    double accumulator;  /* AdaGrad: where the sum of squares starts */
    double decay;   /* of weights whose param says so; AdamW and Muon take it
                     * off the weights, the others add it to the gradient */
    double clip;    /* longest gradient, over all arrays; 0: any */
    int accumulate; /* batches a step, at least 1 */
    double ema;     /* w' <- e w' + (1 - e) w, with e the smaller of this
                     * and (1 + step) / (10 + step); 0: none kept */
} facet__optimizer_setup;

/* SGD, momentum .9, no decay, no clipping. */
void facet__optimizer_setup_init(facet__optimizer_setup *setup);

typedef struct facet__optimizer facet__optimizer;

/* `params` [n_params] and what they point to are borrowed until the optimizer
 * is freed. Errors: FACET_ENOMEM. */
facet_status facet__optimizer_create(const facet__optimizer_setup *setup,
    const facet__param *params, size_t n_params, facet__pool *pool,
    facet__optimizer **out);
void facet__optimizer_free(facet__optimizer *optimizer);

typedef struct facet__step {
    bool applied; /* the weights have moved */
    double norm;  /* length of the gradient before clipping, once gathered;
                   * when it is not finite nothing has moved */
} facet__step;

/* Take in the gradients of one batch and, at the last of `accumulate`, move the
 * weights at the given rate. */
facet__step facet__optimizer_step(facet__optimizer *optimizer, double rate);

/* Exchange the weights and their running means; a second call changes back.
 * Does nothing where none are kept. */
void facet__optimizer_swap_ema(facet__optimizer *optimizer);

/* What a checkpoint must hold besides the weights. */
typedef struct facet__optimizer_state {
    const char *kind;          /* "momentum", "square", "mean", "sum", "ema" */
    const facet__param *param; /* whose */
    float *value;              /* [param->count] */
} facet__optimizer_state;

size_t facet__optimizer_states(
    const facet__optimizer *optimizer, const facet__optimizer_state **states);

/* The counters that belong to them. */
typedef struct facet__optimizer_count {
    uint64_t steps; /* applied */
    uint64_t held;  /* batches gathered since */
} facet__optimizer_count;

facet__optimizer_count *facet__optimizer_counter(facet__optimizer *optimizer);

#endif
