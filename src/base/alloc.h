/* SPDX-License-Identifier: Apache-2.0 */
/* alloc.h - the one place where facet's memory comes from.
 *
 * Every block is aligned to 64 bytes (a cache line, a zmm register). Tests make
 * allocation fail by wrapping facet__alloc at link time; nothing else in the
 * library calls malloc. */
#ifndef FACET__ALLOC_H
#define FACET__ALLOC_H

#include <stdbool.h>
#include <stddef.h>

enum { FACET__ALIGN = 64 };

/* `size` bytes, uninitialised; NULL when there are none. Size 0 gives a block
 * that may be freed. Free with facet__free. */
void *facet__alloc(size_t size);

/* `count` x `size` zeroed bytes; NULL also when the product overflows. */
void *facet__calloc(size_t count, size_t size);

/* Grow `block` from `old_size` bytes to `size`, keeping its content; NULL
 * leaves `block` as it was. */
void *facet__grow(void *block, size_t old_size, size_t size);

/* Room for one item of `size` bytes behind `count` of them, of which there is
 * room for `*room`: the items, perhaps elsewhere, and twice the room. NULL
 * without memory; then they are as they were. */
void *facet__make_room(void *items, size_t count, size_t *room, size_t size);

/* Say that `block` will be used over and over as a whole: the system may back
 * it with large pages, which saves most of the page faults and of the address
 * translation. Its content stays. */
void facet__use_large_pages(void *block, size_t size);

/* A copy of a string; NULL for NULL or without memory. */
char *facet__strdup(const char *text);

/* NULL is a no-op. */
void facet__free(void *block);

/* *out = a * b; false when it overflows (then *out is untouched). */
bool facet__mul_size(size_t a, size_t b, size_t *out);

#endif
