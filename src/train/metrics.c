/* SPDX-License-Identifier: Apache-2.0 */
#include "train/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

enum { METRICS_MAX = 1 << 30 };

facet_status facet__metrics_append(
    const char *path, const json_t *line, facet_error *err)
{
    char *text = json_dumps(
        line, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
    const size_t size = text ? strlen(text) : 0;
    int file;
    bool good;

    if (!text)
        return facet__fail_memory(err);
    text[size] = '\n'; /* in the place of its end */
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    good = file >= 0 && write(file, text, size + 1) == (ssize_t)(size + 1);
    if (file >= 0 && close(file))
        good = false;
    free(text); /* jansson's */
    return good ? FACET_OK
                : facet__fail(err, FACET_EIO, "%s: %s", path, strerror(errno));
}

/* The file, or nothing when there is none. */
static facet_status read_text(
    const char *path, void **text, size_t *size, facet_error *err)
{
    const facet_status st =
        facet__file_read(path, METRICS_MAX, text, size, err);

    return st == FACET_ENOTFOUND || st == FACET_EEMPTY ? FACET_OK : st;
}

/* Each whole line that is JSON with a step; *from moves behind it. */
static json_t *next_line(const char **from, const char *end)
{
    while (*from < end) {
        const char *line = *from;
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        json_t *json;

        *from = feed ? feed + 1 : end;
        json = feed ? json_loadb(line, (size_t)(feed - line), 0, NULL) : NULL;
        if (json_is_integer(json_object_get(json, "step")))
            return json;
        json_decref(json);
    }
    return NULL;
}

facet_status facet__metrics_rewind(
    const char *path, uint64_t step, facet_error *err)
{
    void *text;
    size_t size, kept = 0;
    facet_status st = read_text(path, &text, &size, err);
    const char *at = text;
    json_t *line;

    if (st != FACET_OK || !text)
        return st;
    /* Kept lines are moved together at the start of the buffer. */
    for (const char *line_start = at; at < (const char *)text + size;
         line_start = at) {
        const char *end = (const char *)text + size;
        const char *feed = memchr(at, '\n', (size_t)(end - at));

        line = NULL;
        if (feed) {
            const char *from = at;

            line = next_line(&from, feed + 1);
        }
        at = feed ? feed + 1 : end;
        if (line && (uint64_t)json_integer_value(
                        json_object_get(line, "step")) <= step) {
            memmove((char *)text + kept, line_start, (size_t)(at - line_start));
            kept += (size_t)(at - line_start);
        }
        json_decref(line);
    }
    if (kept != size)
        st = facet__file_write(path, text, kept, err);
    facet__free(text);
    return st;
}

facet_status facet__metrics_read(
    const char *path, json_t **lines, facet_error *err)
{
    void *text;
    size_t size;
    facet_status st = read_text(path, &text, &size, err);
    const char *at = text;
    json_t *line;

    *lines = NULL;
    if (st != FACET_OK)
        return st;
    *lines = json_array();
    while (text && (line = next_line(&at, (const char *)text + size)))
        json_array_append_new(*lines, line);
    facet__free(text);
    return *lines ? FACET_OK : facet__fail_memory(err);
}
