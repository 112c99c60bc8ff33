/* SPDX-License-Identifier: Apache-2.0 */
/* loss.h - what a training minimises: functions from a batch of embeddings and
 * labels to a number, and its gradient.
 *
 * Each loss is one file, loss_NAME.c, that ends in a facet__loss_type; loss.c
 * has the table. A loss may own parameters (class weights, a projection), which
 * the optimiser changes like those of the network.
 *
 * The value and the gradient are a function of the batch, the parameters, the
 * seed and the step alone: not of the number of threads. */
#ifndef FACET__LOSS_H
#define FACET__LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "base/threads.h"
#include "train/param.h"
#include "train/targets.h"

typedef struct facet__loss facet__loss;

/* One number or choice that a recipe may set. */
typedef struct facet__loss_option {
    const char *name; /* NULL ends the list */
    double value, low, high;
    const char *const *choices; /* NULL: a number; else `value` is an index and
                                 * the list ends with NULL */
    bool whole;                 /* of a number: without fractions */
} facet__loss_option;

enum {
    FACET__LOSS_OPTIONS = 8,
    FACET__LOSS_PARAMS = 3,
    FACET__LOSS_SCRATCH = 8,
};

typedef struct facet__batch {
    size_t n;
    const float *x;        /* [n][d] the network's output */
    const int32_t *labels; /* [n] in [0, classes), or -1: not known */
    const float *teacher;  /* [n][d], or NULL */
    uint64_t step;
    const facet__targets *targets; /* [n], or NULL */
} facet__batch;

typedef struct facet__loss_result {
    double value;  /* a mean over samples, pairs or triplets */
    size_t terms;  /* of so many of them */
    size_t active; /* that were not zero or that mining found */
} facet__loss_result;

typedef struct facet__loss_type {
    const char *name;
    const char *what;    /* half a line for people */
    bool on_unit_sphere; /* sees x / |x| */
    /* needs_labels: sees only the samples that have one */
    bool needs_labels, needs_teacher, needs_classes, needs_targets;
    bool needs_cells; /* the answers of a detector */
    /* A term looks at several samples: the loss of a batch is not the mean of
     * its parts' losses. */
    bool looks_at_pairs;
    const facet__loss_option *options;
    /* Make the parameters; may be NULL. */
    facet_status (*create)(facet__loss *loss);
    /* Fill `result` and, unless dx is NULL, dx [n][d] and the gradients of the
     * parameters. */
    facet_status (*run)(facet__loss *loss, const facet__batch *batch, float *dx,
        facet__loss_result *result);
    /* Change what the loss itself keeps (`state` parameters) after a batch of
     * which gradients were wanted; may be NULL. */
    facet_status (*settle)(facet__loss *loss, const facet__batch *batch);
} facet__loss_type;

typedef struct facet__loss_setup {
    size_t dim, classes;
    size_t width, height; /* of the pictures */
    uint64_t seed;
    double options[FACET__LOSS_OPTIONS]; /* in the order of the type's list */
} facet__loss_setup;

/* What the functions of a type work with. */
struct facet__loss {
    const facet__loss_type *type;
    size_t dim, classes, width, height;
    uint64_t seed;
    facet__pool *pool; /* borrowed, may be NULL */
    double options[FACET__LOSS_OPTIONS];
    facet__param params[FACET__LOSS_PARAMS];
    size_t n_params;
    void *scratch[FACET__LOSS_SCRATCH];
    size_t scratch_bytes[FACET__LOSS_SCRATCH];
};

/* All types, ended by NULL. */
extern const facet__loss_type *const facet__loss_types[];
/* NULL when there is none of that name. */
const facet__loss_type *facet__loss_find(const char *name);

/* Zero classes and the default of each option. */
void facet__loss_setup_init(
    facet__loss_setup *setup, const facet__loss_type *type, size_t dim);

/* Errors: FACET_EINVAL (an option out of range, no class where classes are
 * needed), FACET_ENOMEM. `pool` is borrowed until the loss is freed. */
facet_status facet__loss_create(const facet__loss_type *type,
    const facet__loss_setup *setup, facet__pool *pool, facet__loss **out,
    facet_error *err);
void facet__loss_free(facet__loss *loss);

/* Run a loss. With dx == NULL only the value is computed and nothing of the
 * loss changes. Errors: FACET_EINVAL (a label out of range, a missing teacher;
 * the message names it), FACET_ENOMEM. */
facet_status facet__loss_run(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result, facet_error *err);

/* The two halves of a run with gradients, for a batch that is spread over
 * processes: the value and the gradients of a part of it, and then what the
 * loss keeps, from the whole. Errors as above. */
facet_status facet__loss_run_part(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result, facet_error *err);
facet_status facet__loss_settle(
    facet__loss *loss, const facet__batch *whole, facet_error *err);

/* For the types: memory that lasts until the same slot is asked for again.
 * Slots 4 and 5 belong to loss.c and to the frames (pairs.c, margin.c). */
void *facet__loss_scratch(
    facet__loss *loss, int slot, size_t count, size_t size);
/* For the types: a parameter of `count` normal numbers times `deviation`. */
facet_status facet__loss_param(facet__loss *loss, const char *name,
    size_t count, double deviation, bool decay);

#endif
