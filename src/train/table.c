/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - the file is read whole and cut up in place: every tab and line feed
 * becomes the end of a string. */
#include "train/table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

struct facet__table {
    char *text;
    const char **fields; /* [rows][columns] */
    size_t rows, columns;
    char *path;
};

enum { TABLE_MAX = 1 << 30 };

/* Count of `c` in the text up to `end`. */
static size_t count(const char *text, const char *end, char c)
{
    size_t n = 0;

    for (; text < end; text++)
        n += *text == c;
    return n;
}

/* Cut one line into fields; false when their number is wrong. */
static bool cut_line(facet__table *table, char *line)
{
    const char **fields = table->fields + table->rows * table->columns;
    size_t n = 0;

    for (char *tab; (tab = strchr(line, '\t')); line = tab + 1) {
        *tab = 0;
        if (n == table->columns)
            return false;
        fields[n++] = line;
    }
    if (n + 1 != table->columns)
        return false;
    fields[n] = line;
    table->rows++;
    return true;
}

static facet_status cut(facet__table *table, size_t size, facet_error *err)
{
    char *line = table->text, *end = table->text + size;
    const char *first = memchr(line, '\n', size);
    const size_t lines = count(line, end, '\n') + 1;

    table->columns = count(line, first ? first : end, '\t') + 1;
    table->fields = facet__calloc(lines, table->columns * sizeof(char *));
    if (!table->fields)
        return facet__fail_memory(err);
    for (size_t number = 1; line < end; number++) {
        char *next = memchr(line, '\n', (size_t)(end - line));

        if (!next)
            next = end;
        *next = 0;
        if (next > line && next[-1] == '\r')
            next[-1] = 0;
        if (memchr(line, 0, (size_t)(next - line)) &&
            strlen(line) + 1 < (size_t)(next - line))
            return facet__fail(err, FACET_EDAMAGED,
                "%s: line %zu holds a zero byte", table->path, number);
        if (*line && !cut_line(table, line))
            return facet__fail(err, FACET_EDAMAGED,
                "%s: line %zu does not have %zu columns", table->path, number,
                table->columns);
        line = next + 1;
    }
    return FACET_OK;
}

facet_status facet__table_read(
    const char *path, facet__table **out, facet_error *err)
{
    facet__table *table = facet__calloc(1, sizeof *table);
    facet_status st;
    size_t size = 0;

    *out = NULL;
    if (!table)
        return facet__fail_memory(err);
    table->path = facet__strdup(path);
    st = table->path
             ? facet__file_read_text(path, TABLE_MAX, &table->text, &size, err)
             : facet__fail_memory(err);
    if (st == FACET_OK)
        st = cut(table, size, err);
    if (st != FACET_OK) {
        facet__table_free(table);
        return st;
    }
    *out = table;
    return FACET_OK;
}

void facet__table_free(facet__table *table)
{
    if (!table)
        return;
    facet__free(table->fields);
    facet__free(table->text);
    facet__free(table->path);
    facet__free(table);
}

size_t facet__table_rows(const facet__table *table)
{
    return table->rows;
}

size_t facet__table_columns(const facet__table *table)
{
    return table->columns;
}

const char *facet__table_field(
    const facet__table *table, size_t row, size_t column)
{
    return table->fields[row * table->columns + column];
}

facet_status facet__table_column(const facet__table *table, const char *name,
    size_t *column, facet_error *err)
{
    char there[128] = "";

    for (size_t i = 0; i < table->columns && table->rows > 0; i++) {
        const size_t used = strlen(there);

        *column = i;
        if (strcmp(facet__table_field(table, 0, i), name) == 0)
            return FACET_OK;
        if (used + strlen(facet__table_field(table, 0, i)) + 3 < sizeof there)
            snprintf(there + used, sizeof there - used, "%s%s",
                used ? ", " : "", facet__table_field(table, 0, i));
    }
    return facet__fail(err, FACET_EDAMAGED,
        "%s: line 1 has no column '%s'; there are %s", table->path, name,
        there);
}
