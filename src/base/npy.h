/* SPDX-License-Identifier: Apache-2.0 */
/* npy.h - matrices of float32 as NumPy files (format 1 to 3, C order, little
 * endian), the shape in which others keep embeddings. */
#ifndef FACET__NPY_H
#define FACET__NPY_H

#include <stddef.h>

#include "facet/status.h"

/* *values: [*rows][*columns], to be freed with facet__free. Errors name the
 * file: those of facet__file_read; FACET_EDAMAGED (another kind of array),
 * FACET_ETRUNCATED (fewer bytes than its shape needs, or more). */
facet_status facet__npy_read(const char *path, float **values, size_t *rows,
    size_t *columns, facet_error *err);

/* Written whole or not at all. Errors: those of facet__file_write,
 * FACET_ENOMEM. */
facet_status facet__npy_write(const char *path, const float *values,
    size_t rows, size_t columns, facet_error *err);

#endif
