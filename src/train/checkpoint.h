/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.h - named float arrays and a few numbers in one file, whole or not
 * at all. docs/formats/checkpoint.md has the bytes. */
#ifndef FACET__CHECKPOINT_H
#define FACET__CHECKPOINT_H

#include <jansson.h>

#include "facet/status.h"

typedef struct facet__array {
    char name[120];
    size_t count;
    float *value; /* borrowed */
} facet__array;

/* Write arrays and `numbers` (a JSON object). The old file is replaced only by
 * a complete new one. Errors: FACET_EIO (disk full, no rights; told),
 * FACET_ENOMEM. */
facet_status facet__checkpoint_write(const char *path, const json_t *numbers,
    const facet__array *arrays, size_t n_arrays, facet_error *err);

/* Read a checkpoint into arrays that must be the same ones: same names, same
 * sizes, same order. Either all arrays are filled or, after an error, none.
 * *numbers receives the JSON object; json_decref it. Errors: FACET_ENOTFOUND,
 * FACET_EIO, FACET_EDAMAGED (not a checkpoint, wrong checksum),
 * FACET_ETRUNCATED, FACET_EUNSUPPORTED (a later version), FACET_EMODEL (arrays
 * of another network; the message names the first), FACET_ENOMEM. */
facet_status facet__checkpoint_read(const char *path, json_t **numbers,
    const facet__array *arrays, size_t n_arrays, facet_error *err);

#endif
