/* SPDX-License-Identifier: Apache-2.0 */
/* eval_look.h - a picture's bytes to the embedding of its face, as a run's
 * options say: cut out of a crop or a photo, upright or not, changed by a
 * study, looked at once or thirty times. */
#ifndef FACET_CLI_EVAL_LOOK_H
#define FACET_CLI_EVAL_LOOK_H

#include "eval.h"

/* Does the run's fusion ask for the quality of faces? */
bool wants_quality(const eval_run *run);

/* What a worker looks with. */
typedef struct looker {
    facet_pipeline *pipeline;
    facet_embedder *embedder; /* NULL: the pipeline's embedding is it */
} looker;

/* `count` of them, and what the run wants to know of the networks: dim,
 * contract, precision. Complains on failure; the exit status. */
int lookers_open(eval_run *run, looker *lookers, int count);
void lookers_close(looker *lookers, int count);

/* `row` [dim] and, unless it is NULL, the face's quality; no face leaves both
 * as they are. */
facet_status look(const eval_run *run, const looker *l, const uint8_t *bytes,
    size_t size, float *row, float *quality, facet_error *err);

#endif
