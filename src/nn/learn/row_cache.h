/* SPDX-License-Identifier: Apache-2.0 */
/* row_cache.h - the last few image rows of a map, or of what a norm makes of
 * it, for a window that slides down an image. */
#ifndef FACET__ROW_CACHE_H
#define FACET__ROW_CACHE_H

#include "nn/learn/norm.h"

typedef struct facet__row_cache {
    const facet__view *map;
    facet__layer *norm; /* NULL: rows are read where they lie */
    const facet__pass *pass;
    bool back; /* rows of dL/dx of the norm, not of its z */
    size_t slots;
    char *buffer;                     /* [slots][row_bytes] */
    size_t row_bytes;                 /* a multiple of 64 */
    size_t row[FACET__DEPTHWISE_MAX]; /* + 1; 0: nothing yet */
} facet__row_cache;

static inline size_t facet__row_cache_bytes(const facet__view *map)
{
    return (facet__view_w(map) * facet__view_c(map) *
                   (map->type == FACET__BF16 ? 2 : 4) +
               63) &
           ~(size_t)63;
}

/* `map`: what the norm reads, or the rows themselves. */
static inline facet__row_cache facet__row_cache_of(const facet__view *map,
    facet__layer *norm, const facet__pass *pass, bool back, size_t slots,
    char *buffer)
{
    return (facet__row_cache){ .map = map,
        .norm = norm,
        .pass = pass,
        .back = back,
        .slots = slots,
        .buffer = buffer,
        .row_bytes = facet__row_cache_bytes(map) };
}

/* Row `row`, all images counted through. It stays until `slots` others have
 * been asked for in order. */
static inline const void *facet__row_cache_get(
    facet__row_cache *cache, size_t row)
{
    const size_t width = facet__view_w(cache->map), slot = row % cache->slots;
    char *to = cache->buffer + slot * cache->row_bytes;

    if (!cache->norm)
        return facet__view_at(
            cache->map, row * width * facet__view_c(cache->map));
    if (cache->row[slot] == row + 1)
        return to;
    cache->row[slot] = row + 1;
    if (cache->back)
        facet__norm_make_back(cache->norm, cache->pass, row * width, width, to);
    else
        facet__norm_make(
            cache->norm, cache->pass, row * width, width, NULL, to);
    return to;
}

#endif
