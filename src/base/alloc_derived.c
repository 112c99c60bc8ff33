/* SPDX-License-Identifier: Apache-2.0 */
/* alloc_derived.c - blocks that are zeroed, grown or copied. */
#include <string.h>

#include "base/alloc.h"

void *facet__calloc(size_t count, size_t size)
{
    size_t bytes;
    void *block;

    if (!facet__mul_size(count, size, &bytes))
        return NULL;
    block = facet__alloc(bytes);
    if (block)
        memset(block, 0, bytes);
    return block;
}

void *facet__grow(void *block, size_t old_size, size_t size)
{
    void *bigger = facet__alloc(size);

    if (!bigger)
        return NULL;
    if (block)
        memcpy(bigger, block, old_size < size ? old_size : size);
    facet__free(block);
    return bigger;
}

void *facet__make_room(void *items, size_t count, size_t *room, size_t size)
{
    const size_t more = *room ? 2 * *room : 64;
    size_t bytes;
    void *larger;

    if (count < *room)
        return items;
    if (!facet__mul_size(more, size, &bytes))
        return NULL;
    larger = facet__grow(items, *room * size, bytes);
    if (larger)
        *room = more;
    return larger;
}

char *facet__strdup(const char *text)
{
    const size_t bytes = text ? strlen(text) + 1 : 0;
    char *copy = text ? facet__alloc(bytes) : NULL;

    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

bool facet__mul_size(size_t a, size_t b, size_t *out)
{
    size_t product;

    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}
