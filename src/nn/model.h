/* SPDX-License-Identifier: Apache-2.0 */
/* model.h - what other rooms may know of a loaded network beyond the public
 * header. */
#ifndef FACET__MODEL_H
#define FACET__MODEL_H

#include "facet/model.h"
#include "nn/graph.h"

/* Make a model of a graph; the graph becomes the model's, even on failure. */
facet_status facet__model_create(facet__graph *graph, facet_precision precision,
    facet_model **out, facet_error *err);

/* The folded graph that the model runs; its metadata are the file's. */
const facet__graph *facet__model_graph(const facet_model *model);

/* SHA-256 over what the network computes as it was read (digest.c): the same
 * for a file and for its copy with other metadata. */
const uint8_t *facet__model_digest(const facet_model *model); /* [32] */

/* Steps of the compiled network, for profiles and tests: the class and the
 * node of step i, NULL past the end. `node` may be "". */
const char *facet__model_step(
    const facet_model *model, size_t i, const char **node);

/* Run once, adding each step's seconds. */
facet_status facet__session_profile(
    facet_session *session, double *seconds, facet_error *err);

#endif
