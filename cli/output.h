/* SPDX-License-Identifier: Apache-2.0 */
/* output.h - results as JSON Lines, JSON, CSV or NumPy arrays.
 *
 * A photo's result is formatted by whoever computed it, and printed in order by
 * the one thread that owns the output. */
#ifndef FACET_CLI_OUTPUT_H
#define FACET_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "facet/pipeline.h"
#include "frontal.h"

typedef enum output_format {
    OUTPUT_JSONL,
    OUTPUT_JSON,
    OUTPUT_CSV,
    OUTPUT_NPY,
} output_format;

/* What is known of a photo. */
typedef struct result {
    const char *path;
    facet_status status; /* of what failed, if something did */
    const char *message; /* of that */
    int width, height;
    const facet_faces *faces; /* NULL when it failed before they were found */
    char *const *crops; /* [faces] where crops were written; NULL for none, also
                           in place of a single one */
    const frontal_told *frontals; /* [faces] of crops turned to the front */
} result;

typedef struct output {
    output_format format;
    FILE *spool;          /* NPY: rows, until their number is known */
    size_t photos;        /* printed so far */
    size_t rows, columns; /* NPY */
    int failed;           /* the errno of the first write that failed */
} output;

/* -1 for a name that is not a format. */
int output_format_parse(const char *name);

/* False, having complained, when there is no room for a temporary file. */
bool output_begin(output *out, output_format format);
/* As it will be printed, from malloc; NULL without memory. */
char *output_text(output_format format, const result *r, size_t *size);
/* False when stdout does not take it. */
bool output_put(output *out, const char *bytes, size_t size, size_t faces);
/* False when stdout did not take it all. Complains, unless the reader of a pipe
 * has just had enough. */
bool output_end(output *out);

/* JSON text for bytes that may not be UTF-8: what is not becomes U+FFFD. */
json_t *json_path(const char *path);
/* {"code":..., "message":...} */
json_t *json_failure(facet_status status, const char *message);
/* A number with `digits` after the point. */
json_t *json_rounded(double value, int digits);
/* [[x, y], ...] in pixels. */
json_t *json_points(const facet_point *points, size_t count);
/* Print `object` on a line of stdout and let it go; false without memory. */
bool json_line(json_t *object);

#endif
