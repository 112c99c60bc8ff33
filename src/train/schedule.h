/* SPDX-License-Identifier: Apache-2.0 */
/* schedule.h - the learning rate of each step. */
#ifndef FACET__SCHEDULE_H
#define FACET__SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum facet__schedule_kind {
    FACET__CONSTANT,
    FACET__STEPS,   /* times `factor` at each milestone */
    FACET__PLATEAU, /* times `factor` when validation has stopped improving */
    FACET__COSINE,  /* half a cosine from `rate` to `last` */
    FACET__POLYNOMIAL, /* (1 - t)^power from `rate` to `last` */
} facet__schedule_kind;

extern const char *const facet__schedule_names[]; /* ended by NULL */

enum { FACET__MILESTONES = 16 };

typedef struct facet__schedule {
    facet__schedule_kind kind;
    double rate;     /* after warm-up */
    double last;     /* lowest; for cosine and polynomial at the end */
    double factor;   /* steps, plateau */
    double power;    /* polynomial */
    double least;    /* plateau: an improvement is more than this */
    int patience;    /* plateau: validations without improvement to wait */
    uint64_t warmup; /* steps of linear rise from rate / warmup */
    uint64_t total;  /* steps of the run */
    uint64_t milestones[FACET__MILESTONES]; /* rising */
    int n_milestones;
} facet__schedule;

/* What plateaus and roll-backs have made of it so far; kept in checkpoints. */
typedef struct facet__schedule_state {
    double scale; /* of the rate; starts at 1 */
    double best;
    int waited;
    bool any; /* a validation has been seen */
} facet__schedule_state;

void facet__schedule_init(facet__schedule *schedule);
facet__schedule_state facet__schedule_start(void);

/* The rate of step `step`, the first being 0. */
double facet__schedule_rate(const facet__schedule *schedule,
    const facet__schedule_state *state, uint64_t step);

/* A validation came to `score`, larger is better. True when it is the best so
 * far. */
bool facet__schedule_validated(const facet__schedule *schedule,
    facet__schedule_state *state, double score);

#endif
