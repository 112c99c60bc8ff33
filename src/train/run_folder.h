/* SPDX-License-Identifier: Apache-2.0 */
/* run_folder.h - where a run writes. */
#ifndef FACET__RUN_FOLDER_H
#define FACET__RUN_FOLDER_H

#include "facet/status.h"

typedef struct facet__run_folder {
    int held; /* descriptor of the open folder, plus 1; 0: not held */
} facet__run_folder;

/* Make the folder, with those above it (recipes and pages say runs/NAME), keep
 * other runs out of it until facet__run_folder_close, and take away what a
 * killed write left beside its file. Where a file system has no locks, none is
 * held. Errors, after which `out` is to be closed too: FACET_EBUSY (a run is
 * there), FACET_EIO, FACET_ENOMEM. */
facet_status facet__run_folder_open(
    const char *path, facet__run_folder *out, facet_error *err);
/* A zeroed one is fine. */
void facet__run_folder_close(facet__run_folder *folder);

#endif
