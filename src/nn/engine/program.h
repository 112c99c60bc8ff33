/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - a network compiled: graph -> steps -> plan -> run.
 *
 * A program is made once from a folded graph: every node becomes a step, or
 * part of one (a convolution takes in the BatchNorm, the activation and the
 * residual sum behind it), and weights are packed. It knows no sizes of
 * pictures and is shared by threads. A plan fits a program to input shapes: it
 * knows every tensor's place in one arena and runs without allocating. */
#ifndef FACET__PROGRAM_H
#define FACET__PROGRAM_H

#include "facet/model.h"
#include "nn/engine/step.h"

/* A place for a value in one layout and type. */
typedef struct facet__slot {
    int value; /* of the graph: gives shape */
    facet__layout layout;
    facet__dtype type;
    int alias_of; /* the slot whose memory it shares, or FACET__NONE */
    bool given;   /* its content is a fact of the graph's for the sizes at hand:
                     a constant, or shape arithmetic; no step writes it */
} facet__slot;

typedef struct facet__program {
    const facet__graph *graph; /* borrowed: outlives the program */
    const facet__kernels *kernels;
    facet__dtype wide; /* of maps that are not kept in bytes: F32 or BF16 */
    bool int8;         /* values on a grid are */
    facet__slot *slots;
    int n_slots, cap_slots;
    facet__step *steps; /* in order */
    int n_steps, cap_steps;
    int *inputs, *outputs; /* slots, in the graph's order; PLAIN F32 */
} facet__program;

/* Compile `graph` (folded, see facet__graph_fold). What int8 leaves to others
 * is computed in bf16 where there is bf16. FACET_EUNSUPPORTED when bf16 is
 * asked of a processor without it; errors name the node. */
facet_status facet__program_create(const facet__graph *graph,
    const facet__kernels *kernels, facet_precision precision,
    facet__program **out, facet_error *err);
void facet__program_free(facet__program *program);

typedef struct facet__plan facet__plan;

/* `shapes`: one for each input, all known. `pool` is borrowed. */
facet_status facet__plan_create(const facet__program *program,
    const facet__shape *shapes, facet__pool *pool, facet__plan **out,
    facet_error *err);
void facet__plan_free(facet__plan *plan);
const facet__view *facet__plan_input(const facet__plan *plan, size_t index);
const facet__view *facet__plan_output(const facet__plan *plan, size_t index);
size_t facet__plan_bytes(const facet__plan *plan);
/* A step may find that numbers ask of it what it cannot do: the first that does
 * ends the run, and the message names its node. */
facet_status facet__plan_run(facet__plan *plan, facet_error *err);

/* Run once and add each step's seconds to seconds[n_steps] (a band's to its
 * first step's): for profiles. */
facet_status facet__plan_profile(
    facet__plan *plan, double *seconds, facet_error *err);

#endif
