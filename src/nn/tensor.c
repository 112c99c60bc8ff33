/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/tensor.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [FACET__F32] = { "float", 4 },
    [FACET__U8] = { "uint8", 1 },
    [FACET__I8] = { "int8", 1 },
    [FACET__I32] = { "int32", 4 },
    [FACET__I64] = { "int64", 8 },
    [FACET__BOOL] = { "bool", 1 },
    [FACET__F16] = { "float16", 2 },
    [FACET__BF16] = { "bfloat16", 2 },
    [FACET__F64] = { "double", 8 },
};

static bool is_type(facet__dtype type)
{
    return type >= FACET__F32 && type <= FACET__F64;
}

size_t facet__dtype_size(facet__dtype type)
{
    return is_type(type) ? types[type].size : 0;
}

const char *facet__dtype_name(facet__dtype type)
{
    return is_type(type) ? types[type].name : "unknown";
}

int64_t facet__shape_count(const facet__shape *shape)
{
    int64_t count = 1;

    if (shape->n < 0)
        return -1;
    for (int i = 0; i < shape->n; i++)
        if (shape->d[i] < 0 ||
            __builtin_mul_overflow(count, shape->d[i], &count))
            return -1;
    return count;
}

bool facet__shape_known(const facet__shape *shape)
{
    return facet__shape_count(shape) >= 0;
}

bool facet__shape_equal(const facet__shape *a, const facet__shape *b)
{
    if (a->n != b->n)
        return false;
    for (int i = 0; i < a->n; i++)
        if (a->d[i] != b->d[i])
            return false;
    return true;
}

const char *facet__shape_text(const facet__shape *shape, char *buf, size_t cap)
{
    size_t at = 0;

    if (shape->n < 0) {
        snprintf(buf, cap, "[unknown rank]");
        return buf;
    }
    at += (size_t)snprintf(buf, cap, "[");
    for (int i = 0; i < shape->n && at < cap; i++) {
        const char *comma = i ? ", " : "";

        at += (size_t)(shape->d[i] < 0
                           ? snprintf(buf + at, cap - at, "%s?", comma)
                           : snprintf(buf + at, cap - at, "%s%lld", comma,
                                 (long long)shape->d[i]));
    }
    if (at < cap)
        snprintf(buf + at, cap - at, "]");
    return buf;
}

facet__tensor *facet__tensor_create(
    facet__dtype type, const facet__shape *shape)
{
    const int64_t count = facet__shape_count(shape);
    facet__tensor *t = NULL;
    size_t bytes;

    if (count < 0 ||
        !facet__mul_size((size_t)count, facet__dtype_size(type), &bytes))
        return NULL;
    t = facet__calloc(1, sizeof *t);
    if (!t)
        return NULL;
    *t = (facet__tensor){ .type = type, .shape = *shape, .bytes = bytes };
    t->data = facet__alloc(bytes);
    if (!t->data) {
        facet__free(t);
        return NULL;
    }
    return t;
}

facet__tensor *facet__tensor_copy(const facet__tensor *tensor)
{
    facet__tensor *t = facet__tensor_create(tensor->type, &tensor->shape);

    if (t)
        memcpy(t->data, tensor->data, tensor->bytes);
    return t;
}

void facet__tensor_free(facet__tensor *tensor)
{
    if (tensor)
        facet__free(tensor->data);
    facet__free(tensor);
}
