/* SPDX-License-Identifier: Apache-2.0 */
/* folder.h - a folder of a test program's own, below where it runs. */
#ifndef FACET_TESTS_FOLDER_H
#define FACET_TESTS_FOLDER_H

#include <stdlib.h>

#include "check.h"

static char folder[64];

/* Make it: facet-NAME-XXXXXX. */
static inline void make_folder(const char *name)
{
    snprintf(folder, sizeof folder, "facet-%s-XXXXXX", name);
    assert_non_null(mkdtemp(folder));
}

/* Remove it and what is in it: the end of a group of tests. */
static inline int remove_folder(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -r -- %s", folder);
    return system(command);
}

#endif
