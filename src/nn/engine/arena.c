/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/engine/arena.h"

#include <limits.h>
#include <stdlib.h>

#include "base/alloc.h"

facet__block facet__block_of(size_t bytes)
{
    return (facet__block){ .bytes = bytes, .born = INT_MAX, .dies = INT_MIN };
}

void facet__block_touch(facet__block *block, int step)
{
    block->born = step < block->born ? step : block->born;
    block->dies = step > block->dies ? step : block->dies;
    block->used = true;
}

/* Larger first; the earlier of equals, so that the order is no accident. */
static int by_size(const void *a, const void *b)
{
    const facet__block *x = *(facet__block *const *)a;
    const facet__block *y = *(facet__block *const *)b;

    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y;
}

static bool collide(
    const facet__block *placed, const facet__block *b, size_t offset)
{
    return placed->born <= b->dies && b->born <= placed->dies &&
           offset < placed->offset + placed->bytes &&
           placed->offset < offset + b->bytes;
}

/* The lowest offset at which b collides with none of the n placed. */
static size_t free_offset(
    facet__block *const *placed, size_t n, const facet__block *b)
{
    size_t offset = 0;
    bool moved = true;

    while (moved) {
        moved = false;
        for (size_t i = 0; i < n; i++)
            if (collide(placed[i], b, offset)) {
                offset = placed[i]->offset + placed[i]->bytes;
                moved = true;
            }
    }
    return offset;
}

facet_status facet__arena_place(
    facet__block *blocks, size_t count, size_t *bytes)
{
    facet__block **order = facet__alloc(count * sizeof(facet__block *));
    size_t n = 0;

    *bytes = 0;
    if (!order)
        return FACET_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        blocks[i].bytes = (blocks[i].bytes + 127) & ~(size_t)63;
        if (blocks[i].used)
            order[n++] = &blocks[i];
    }
    qsort(order, n, sizeof(facet__block *), by_size);
    for (size_t i = 0; i < n; i++) {
        order[i]->offset = free_offset(order, i, order[i]);
        if (order[i]->offset + order[i]->bytes > *bytes)
            *bytes = order[i]->offset + order[i]->bytes;
    }
    facet__free(order);
    return FACET_OK;
}
