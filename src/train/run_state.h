/* SPDX-License-Identifier: Apache-2.0 */
/* run_state.h - what changes while a run goes, and its way to disk and back. */
#ifndef FACET__RUN_STATE_H
#define FACET__RUN_STATE_H

#include "train/checkpoint.h"
#include "train/comm.h"
#include "train/run.h"

typedef struct facet__run_state {
    const facet__run_setup *setup;
    facet__param *params; /* [n_params] the network's, then each loss's */
    size_t n_params;
    facet__optimizer *optimizer;
    facet__array *arrays; /* [n_arrays] all that a checkpoint holds */
    size_t n_arrays;
    char *path; /* of the checkpoint */
    /* The numbers of a checkpoint. */
    uint64_t step;  /* optimizer steps made */
    uint64_t batch; /* the next one of the data */
    facet__schedule_state schedule;
    double smooth; /* running mean of the loss; < 0: none yet */
    int rollbacks;
} facet__run_state;

facet_status facet__run_state_open(
    const facet__run_setup *setup, facet__run_state *state, facet_error *err);
void facet__run_state_close(facet__run_state *state);

/* Every weight is finite? A checkpoint of a broken network would be no way
 * back. */
bool facet__run_state_sound(const facet__run_state *state);

facet_status facet__run_state_save(
    const facet__run_state *state, facet_error *err);
/* Collective: process 0's state to all. Weights, running means, numbers. */
facet_status facet__run_state_share(
    facet__run_state *state, const facet_comm *comm, facet_error *err);
/* Collective: FACET_EMODEL unless all processes hold the same weights. */
facet_status facet__run_state_compare(
    const facet__run_state *state, const facet_comm *comm, facet_error *err);
/* Errors as facet__checkpoint_read, and FACET_EMODEL for another recipe. */
facet_status facet__run_state_load(facet__run_state *state, facet_error *err);

#endif
