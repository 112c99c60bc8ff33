/* SPDX-License-Identifier: Apache-2.0 */
/* run_folder.h - where a run writes. */
#ifndef FACET__RUN_FOLDER_H
#define FACET__RUN_FOLDER_H

#include "facet/status.h"

/* Make the folder, with those above it (recipes and pages say runs/NAME), and
 * take away what a killed write left beside its file. Errors: FACET_EIO,
 * FACET_ENOMEM. */
facet_status facet__run_folder_open(const char *folder, facet_error *err);

#endif
