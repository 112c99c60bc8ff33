/* SPDX-License-Identifier: Apache-2.0 */
/* tensor.h - element types, shapes, and dense arrays in row-major order. */
#ifndef FACET__TENSOR_H
#define FACET__TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facet/status.h"

enum { FACET__MAX_DIMS = 6 };

typedef enum facet__dtype {
    FACET__F32 = 1,
    FACET__U8,
    FACET__I8,
    FACET__I32,
    FACET__I64,
    FACET__BOOL, /* one byte */
    FACET__F16,  /* read from files and widened to F32 at once */
    FACET__BF16,
    FACET__F64, /* likewise */
} facet__dtype;

size_t facet__dtype_size(facet__dtype type);
const char *facet__dtype_name(facet__dtype type);

/* d[0..n-1]; a negative size is one not known yet. n = 0 is a scalar. */
typedef struct facet__shape {
    int n;
    int64_t d[FACET__MAX_DIMS];
} facet__shape;

/* The number of elements; -1 while a size is unknown or when it overflows. */
int64_t facet__shape_count(const facet__shape *shape);
bool facet__shape_known(const facet__shape *shape);
bool facet__shape_equal(const facet__shape *a, const facet__shape *b);
/* "[1, 3, ?, 112]" into buf; returns buf. */
const char *facet__shape_text(const facet__shape *shape, char *buf, size_t cap);

/* Numbers a value may be kept in for the precision int8: byte q, 0 to 255,
 * stands for (q - zero) step. */
typedef struct facet__grid {
    float step; /* 0: it has no grid */
    int zero;   /* 0 to 255 */
} facet__grid;

/* A dense array that owns its data. */
typedef struct facet__tensor {
    facet__dtype type;
    facet__shape shape; /* all sizes known */
    size_t bytes;
    void *data; /* aligned to 64 */
} facet__tensor;

/* Uninitialised data. NULL without memory or for a shape that is not known or
 * overflows. */
facet__tensor *facet__tensor_create(
    facet__dtype type, const facet__shape *shape);
facet__tensor *facet__tensor_copy(const facet__tensor *tensor);
void facet__tensor_free(facet__tensor *tensor);

#endif
