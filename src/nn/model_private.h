/* SPDX-License-Identifier: Apache-2.0 */
/* model_private.h - what model.c and session.c share. */
#ifndef FACET__MODEL_PRIVATE_H
#define FACET__MODEL_PRIVATE_H

#include "nn/engine/program.h"
#include "nn/model.h"

struct facet_model {
    facet__graph *graph; /* folded */
    facet__program *program;
    facet_precision precision;
    uint8_t digest[32];
};

/* digest.c: of a graph as it was read. FACET_ENOMEM. */
facet_status facet__graph_digest(const facet__graph *graph, uint8_t digest[32]);

void facet__tensor_info(
    const char *name, const facet__shape *shape, facet_tensor_info *out);

#endif
