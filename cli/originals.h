/* SPDX-License-Identifier: Apache-2.0 */
/* originals.h - the photos that a run reads: nothing that is made of them may
 * be written over one, by whatever name or link it is reached. */
#ifndef FACET_CLI_ORIGINALS_H
#define FACET_CLI_ORIGINALS_H

#include <pthread.h>
#include <stdbool.h>

#include "claims.h"

/* Begin with originals_init; any number of threads may use it. */
typedef struct originals {
    claims files;    /* by device and number */
    bool incomplete; /* memory was short */
    pthread_mutex_t lock;
} originals;

void originals_init(originals *all);
void originals_free(originals *all);

void originals_add(originals *all, const char *photo);
/* The photo, as it was named, that lies where `file` would be written; NULL if
 * none does. Where memory was short, whatever lies there is taken for one. */
const char *originals_find(originals *all, const char *file);

#endif
