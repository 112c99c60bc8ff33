/* SPDX-License-Identifier: Apache-2.0 */
/* train_projection.h - the part of `facet train` that learns from embeddings.
 */
#ifndef FACET_CLI_TRAIN_PROJECTION_H
#define FACET_CLI_TRAIN_PROJECTION_H

#include <stdbool.h>

/* Does this word name a loss that learns a projection? */
bool is_projection_loss(const char *word);

/* `facet train tpe ...`: argv[0] is the loss. Returns the exit status. */
int train_projection(int argc, char **argv);

#endif
