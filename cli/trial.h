/* SPDX-License-Identifier: Apache-2.0 */
/* trial.h - a network under trial: loaded, fed with the same random numbers
 * each time, and run. */
#ifndef FACET_CLI_TRIAL_H
#define FACET_CLI_TRIAL_H

#include "facet/model.h"

typedef struct trial {
    facet_model *model;
    facet_session *session;
    int64_t width, height; /* of the input; 0 when it is no image */
} trial;

/* Load a network and lay it out: one input, unknown sizes taken as one image of
 * `width` x `height`. */
facet_status trial_open(trial *t, const char *path, facet_precision precision,
    int threads, int64_t width, int64_t height, facet_error *err);
void trial_close(trial *t);

/* Fill the input with what `seed` says, 0 to 255. */
void trial_fill(trial *t, unsigned seed);
facet_status trial_run(trial *t, facet_error *err);

/* All outputs one after the other: how many floats; copied up to `cap`. */
size_t trial_output(const trial *t, float *out, size_t cap);

#endif
