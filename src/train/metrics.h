/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h - metrics.jsonl: one line of JSON after the other, each with a
 * "step". */
#ifndef FACET__METRICS_H
#define FACET__METRICS_H

#include <jansson.h>
#include <stdint.h>

#include "facet/status.h"

/* Append a line and give it to the system. Errors: FACET_EIO, FACET_ENOMEM. */
facet_status facet__metrics_append(
    const char *path, const json_t *line, facet_error *err);

/* Drop the lines of steps after `step`, which a resumed run makes again, and a
 * half line that a crash left. No file is fine. */
facet_status facet__metrics_rewind(
    const char *path, uint64_t step, facet_error *err);

/* All whole lines, as a JSON array; json_decref it. No file gives an empty
 * one. */
facet_status facet__metrics_read(
    const char *path, json_t **lines, facet_error *err);

#endif
