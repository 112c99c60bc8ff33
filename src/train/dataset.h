/* SPDX-License-Identifier: Apache-2.0 */
/* dataset.h - labelled pictures somewhere on disk, as one numbered list.
 *
 * Pictures stay encoded where they are; the list knows where each begins. The
 * list and its labels depend on the names alone, not on the order in which the
 * file system hands them out. */
#ifndef FACET__DATASET_H
#define FACET__DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "facet/status.h"

enum { FACET__SOURCES = 64 };

/* Where the pictures are and which of them to take. Each path is
 *   a folder      pictures in one folder a person; the folder's name is the
 *                 label
 *   *.tar         shards of pictures; without a table the label is the last
 *                 folder in a member's name
 *   *.tsv, *.txt  lines "path<TAB>label", paths relative to the list's folder
 * A name may hold * and ? as in a shell. Pictures end in .webp, .jpg, .jpeg or
 * .png; other names are passed over. */
typedef struct facet__dataset_setup {
    const char *paths[FACET__SOURCES];
    size_t n_paths;
    /* A TSV file with a header line that gives labels to keys (a picture's name
     * without folder and ending); NULL for none. Pictures not in it are left
     * out. */
    const char *table;
    const char *key_column, *label_column;
    const char *split_column, *split; /* only rows of this split; or NULL */
    bool unlabelled; /* keep pictures without a label ("-" or empty) */
    uint32_t least;  /* drop people of fewer pictures than this */
} facet__dataset_setup;

/* Columns key, person, split; labelled pictures only. */
void facet__dataset_setup_init(facet__dataset_setup *setup);

typedef struct facet__example {
    const char *key; /* picture's name without folder and ending */
    int32_t label;   /* -1: none */
    uint32_t source; /* which archive; or UINT32_MAX: a file of its own */
    uint64_t offset; /* in the archive; or of the path in the names */
    uint64_t size;   /* bytes; 0 for a file of its own */
} facet__example;

typedef struct facet__dataset facet__dataset;

/* Errors: FACET_ENOTFOUND, FACET_EIO, FACET_EDAMAGED (a table without the
 * column, a damaged archive), FACET_EEMPTY (nothing is left, or a path matches
 * no file), FACET_ENOMEM; the message names file and line. */
facet_status facet__dataset_open(
    const facet__dataset_setup *setup, facet__dataset **out, facet_error *err);
void facet__dataset_close(facet__dataset *dataset);

size_t facet__dataset_count(const facet__dataset *dataset);
size_t facet__dataset_classes(const facet__dataset *dataset);
const facet__example *facet__dataset_example(
    const facet__dataset *dataset, size_t index);
/* What to call a picture before a person: its path, or in an archive its key.
 */
const char *facet__dataset_name(const facet__dataset *dataset, size_t index);
const char *facet__dataset_class_name(
    const facet__dataset *dataset, size_t label);

/* The encoded bytes of a picture in *bytes, a buffer of *room bytes that grows
 * as needed (start with NULL and 0; free with facet__free). Any number of
 * threads may read at once. */
facet_status facet__dataset_read(const facet__dataset *dataset, size_t index,
    uint8_t **bytes, size_t *room, size_t *size, facet_error *err);

#endif
