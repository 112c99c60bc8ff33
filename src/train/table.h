/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - a text file of tab-separated columns, in memory. */
#ifndef FACET__TABLE_H
#define FACET__TABLE_H

#include <stddef.h>

#include "facet/status.h"

typedef struct facet__table facet__table;

/* Lines end with LF or CR LF; empty lines are passed over. Every line must have
 * as many fields as the first. Errors: those of facet__file_read,
 * FACET_EDAMAGED (naming the line), FACET_EEMPTY. */
facet_status facet__table_read(
    const char *path, facet__table **out, facet_error *err);
void facet__table_free(facet__table *table);

size_t facet__table_rows(const facet__table *table);
size_t facet__table_columns(const facet__table *table);
/* Never NULL; owned by the table. The header, if there is one, is row 0. */
const char *facet__table_field(
    const facet__table *table, size_t row, size_t column);
/* The column of that name in row 0. FACET_EDAMAGED, listing those there are. */
facet_status facet__table_column(const facet__table *table, const char *name,
    size_t *column, facet_error *err);

#endif
