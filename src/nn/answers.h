/* SPDX-License-Identifier: Apache-2.0 */
/* answers.h - what was measured of a network and stands in its file: its golden
 * answers and its calibration. They hold for these weights, fed this way. */
#ifndef FACET__ANSWERS_H
#define FACET__ANSWERS_H

#include "nn/graph.h"

/* For a copy that answers something else. FACET_ENOMEM. */
facet_status facet__answers_forget(facet__graph *graph);

/* facet__graph_set_meta, which forgets the answers where the entry changes how
 * the network is fed. */
facet_status facet__answers_set_meta(
    facet__graph *graph, const char *key, const char *text);

#endif
