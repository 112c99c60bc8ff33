/* SPDX-License-Identifier: Apache-2.0 */
/* vectors.c - embeddings that were made before: NumPy with a list of names,
 * JSON Lines as `facet embed` writes them. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/npy.h"
#include "eval/builder.h"

void facet_vectors_free(facet_vectors *vectors)
{
    if (!vectors)
        return;
    for (size_t i = 0; vectors->names && i < vectors->count; i++)
        facet__free(vectors->names[i]);
    facet__free(vectors->names);
    facet__free(vectors->values);
    memset(vectors, 0, sizeof *vectors);
}

/* ---- NumPy ---- */

/* Rows are of unit length from here on; false for what cannot be made so. What
 * is so already keeps its bytes. */
static bool normalize(float *row, size_t dim)
{
    double square = 0;

    for (size_t k = 0; k < dim; k++)
        square += (double)row[k] * (double)row[k];
    if (!(square > 0) || !isfinite(square))
        return false;
    for (size_t k = 0; fabs(square - 1) > 1e-6 && k < dim; k++)
        row[k] = (float)((double)row[k] / sqrt(square));
    return true;
}

static facet_status read_names(
    const char *path, facet_vectors *out, facet_error *err)
{
    facet__lines lines;
    facet__names names = { 0 };
    facet_status status = facet__lines_open(path, &lines, err);
    uint32_t row = 0;

    while (status == FACET_OK && facet__lines_next(&lines, '\t')) {
        const size_t known = names.count;

        status = facet__names_add(&names, lines.fields[0], &row);
        if (status != FACET_OK)
            facet__fail_memory(err);
        else if (names.count == known)
            status = facet__lines_fail(
                &lines, err, "'%.80s' a second time", lines.fields[0]);
        else if (row >= out->count)
            status = facet__lines_fail(
                &lines, err, "more names than the %zu rows", out->count);
        else if (!normalize(out->values + row * out->dim, out->dim))
            status = facet__lines_fail(&lines, err,
                "the embedding of '%.60s' holds NaN or is zero",
                lines.fields[0]);
    }
    if (status == FACET_OK && names.count < out->count)
        status = facet__lines_fail(&lines, err,
            "%zu names for %zu rows of embeddings", names.count, out->count);
    facet__lines_close(&lines);
    if (status == FACET_OK) {
        out->names = names.names;
        names.names = NULL;
        names.count = 0;
    }
    facet__names_free(&names);
    return status;
}

facet_status facet_vectors_read_npy(
    const char *npy, const char *names, facet_vectors *out, facet_error *err)
{
    facet_status status;

    if (!npy || !names || !out)
        return facet__fail(err, FACET_EINVAL, "want a NumPy file and names");
    memset(out, 0, sizeof *out);
    status = facet__npy_read(npy, &out->values, &out->count, &out->dim, err);
    if (status == FACET_OK)
        status = read_names(names, out, err);
    if (status != FACET_OK)
        facet_vectors_free(out);
    return status;
}

/* ---- JSON Lines ---- */

typedef struct reader {
    facet_vectors *out;
    facet__lines lines;
    facet__names names;
    size_t room;
} reader;

/* A row more; its values are NaN. */
static float *add_row(reader *r)
{
    facet_vectors *v = r->out;
    const size_t bytes = v->dim * sizeof *v->values;
    float *row;

    if (v->count == r->room) {
        const size_t room = r->room ? 2 * r->room : 64;
        float *grown = facet__grow(v->values, r->room * bytes, room * bytes);

        if (!grown)
            return NULL;
        v->values = grown;
        r->room = room;
    }
    row = v->values + v->count++ * v->dim;
    for (size_t k = 0; k < v->dim; k++)
        row[k] = NAN;
    return row;
}

/* The embedding in a line, NULL for a failure to enrol. */
static json_t *embedding_of(json_t *line)
{
    json_t *own = json_object_get(line, "embedding");

    return own ? own
               : json_object_get(
                     json_array_get(json_object_get(line, "faces"), 0),
                     "embedding");
}

static facet_status fill_row(
    reader *r, float *row, json_t *values, facet_error *err)
{
    for (size_t k = 0; k < r->out->dim; k++) {
        json_t *value = json_array_get(values, k);

        if (!json_is_number(value))
            return facet__lines_fail(
                &r->lines, err, "element %zu is not a number", k);
        row[k] = (float)json_number_value(value);
    }
    if (!normalize(row, r->out->dim))
        return facet__lines_fail(
            &r->lines, err, "the embedding is zero or not finite");
    return FACET_OK;
}

/* Embeddings of two networks do not compare. */
static facet_status take_contract(reader *r, json_t *line, facet_error *err)
{
    const char *text = json_string_value(json_object_get(line, "contract"));
    facet_vectors *v = r->out;

    if (!text || !*text || strcmp(text, v->contract) == 0)
        return FACET_OK;
    if (*v->contract || strlen(text) >= sizeof v->contract)
        return facet__fail(err, FACET_ECONTRACT,
            "line %zu: an embedding of contract %.64s among those of %.64s",
            r->lines.line, text, *v->contract ? v->contract : "none");
    snprintf(v->contract, sizeof v->contract, "%s", text);
    return FACET_OK;
}

/* Failures that come before the first embedding, when the dim is not known,
 * are named only; their rows are added with it. */
static facet_status read_line(reader *r, json_t *line, facet_error *err)
{
    const char *name = json_string_value(json_object_get(line, "image"));
    json_t *values = embedding_of(line);
    const size_t known = r->names.count, dim = json_array_size(values);
    uint32_t number;
    float *row = NULL;

    if (!name || (!values && !json_object_get(line, "faces") &&
                     !json_object_get(line, "error")))
        return facet__lines_fail(
            &r->lines, err, "want an object with `image` and `faces`");
    if (values && take_contract(r, line, err) != FACET_OK)
        return FACET_ECONTRACT;
    if (facet__names_add(&r->names, name, &number) != FACET_OK)
        return facet__fail_memory(err);
    if (r->names.count == known)
        return facet__lines_fail(&r->lines, err, "'%.80s' a second time", name);
    if (!values && r->out->dim == 0)
        return FACET_OK;
    if (r->out->dim == 0)
        r->out->dim = dim;
    if (values && (dim == 0 || dim != r->out->dim))
        return facet__lines_fail(&r->lines, err,
            "an embedding of %zu dims after ones of %zu", dim, r->out->dim);
    while (r->out->count < r->names.count)
        if (!(row = add_row(r)))
            return facet__fail_memory(err);
    return values ? fill_row(r, row, values, err) : FACET_OK;
}

/* The next line with anything on it, as one piece. */
static char *next_json(facet__lines *lines)
{
    while (lines->next && *lines->next) {
        char *line = lines->next;
        char *end = strchr(line, '\n');

        lines->next = end ? end + 1 : NULL;
        if (end)
            *end = '\0';
        lines->line++;
        if (line[strspn(line, " \t\r")] != '\0')
            return line;
    }
    return NULL;
}

facet_status facet_vectors_read_jsonl(
    const char *path, facet_vectors *out, facet_error *err)
{
    reader r = { .out = out };
    facet_status status;
    char *text;

    if (!path || !out)
        return facet__fail(err, FACET_EINVAL, "no file given");
    memset(out, 0, sizeof *out);
    status = facet__lines_open(path, &r.lines, err);
    while (status == FACET_OK && (text = next_json(&r.lines))) {
        json_error_t wrong;
        json_t *line = json_loads(text, 0, &wrong);

        status = line ? read_line(&r, line, err)
                      : facet__lines_fail(
                            &r.lines, err, "not JSON: %.90s", wrong.text);
        json_decref(line);
    }
    if (status == FACET_OK && out->count == 0)
        status = facet__lines_fail(
            &r.lines, err, "up to here there is no embedding");
    if (status == FACET_OK) {
        out->names = r.names.names;
        r.names.names = NULL;
        r.names.count = 0;
    } else
        facet_vectors_free(out);
    facet__names_free(&r.names);
    facet__lines_close(&r.lines);
    return status;
}

/* ---- looking up ---- */

facet_status facet_protocol_look_up(const facet_protocol *protocol,
    const facet_vectors *vectors, float *values, facet_error *err)
{
    facet__names names = { 0 };
    facet_status status = FACET_OK;
    uint32_t row;

    if (!protocol || !vectors || !values)
        return facet__fail(err, FACET_EINVAL, "a NULL argument");
    for (size_t i = 0; i < vectors->count && status == FACET_OK; i++)
        status = facet__names_add(&names, vectors->names[i], &row);
    if (status != FACET_OK)
        facet__fail_memory(err);
    for (size_t i = 0; i < protocol->n_files && status == FACET_OK; i++) {
        row = facet__names_find(&names, protocol->files[i]);
        if (row == UINT32_MAX && protocol->file_lines[i] == 0) /* of a folder */
            status = facet__fail(err, FACET_ENOTFOUND,
                "there is no embedding of '%.120s'", protocol->files[i]);
        else if (row == UINT32_MAX)
            status = facet__fail(err, FACET_ENOTFOUND,
                "line %u of the list: there is no embedding of '%.120s'",
                protocol->file_lines[i], protocol->files[i]);
        else
            memcpy(values + i * vectors->dim,
                vectors->values + row * vectors->dim,
                vectors->dim * sizeof *values);
    }
    facet__names_free(&names);
    return status;
}
