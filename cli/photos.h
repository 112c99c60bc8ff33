/* SPDX-License-Identifier: Apache-2.0 */
/* photos.h - what detect, align and embed have in common: options, photos in
 * parallel, output in order. */
#ifndef FACET_CLI_PHOTOS_H
#define FACET_CLI_PHOTOS_H

#include <stdbool.h>

#include "facet/pipeline.h"

/* What a verb does beyond finding faces. */
typedef struct photo_verb {
    const char *name; /* "facet embed", for usage texts */
    const char *doc;
    bool embeds; /* a vector for each face */
    bool aligns; /* a crop for each face, in a folder */
} photo_verb;

/* Run the verb on what `argv` says; the exit status. */
int photos_run(const photo_verb *verb, int argc, char **argv);

#endif
