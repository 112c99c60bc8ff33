/* SPDX-License-Identifier: Apache-2.0 */
/* candidates.c - see candidates.h. Greedy suppression compares every item with
 * the kept ones only: quadratic in the number of faces, not of cells. */
#include "face/candidates.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Boxes up to this side, in pixels of the network's input, are what a YuNet
 * was trained for (640-pixel crops of WIDER FACE). */
static const float trained_side = 640.0F;
/* From this side on it begins to err: one face that fills a large photo is then
 * two halves with scores of 0.6 to 0.7, while the coarser level, where the face
 * is small, is sure of it. */
static const float clear_side = 300.0F;
static const float much_surer = 0.2F;

facet_status facet__candidates_add(
    facet__candidates *list, const facet__candidate *item)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity ? 2 * list->capacity : 256;
        size_t bytes;
        facet__candidate *items = NULL;

        if (facet__mul_size(capacity, sizeof *items, &bytes))
            items =
                facet__grow(list->items, list->count * sizeof *items, bytes);
        if (!items)
            return FACET_ENOMEM;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = *item;
    return FACET_OK;
}

void facet__candidates_clear(facet__candidates *list)
{
    facet__free(list->items);
    *list = (facet__candidates){ 0 };
}

float facet__box_overlap(facet_box a, facet_box b)
{
    const float width = fminf(a.x + a.width, b.x + b.width) - fmaxf(a.x, b.x);
    const float height =
        fminf(a.y + a.height, b.y + b.height) - fmaxf(a.y, b.y);
    float common;

    if (!(width > 0.0F && height > 0.0F))
        return 0.0F;
    common = width * height;
    return common / (a.width * a.height + b.width * b.height - common);
}

static int order(float a, float b)
{
    return (a > b) - (a < b);
}

static int compare(const void *left, const void *right)
{
    const facet_face *a = &((const facet__candidate *)left)->face;
    const facet_face *b = &((const facet__candidate *)right)->face;
    int by = order(b->score, a->score);

    if (by == 0)
        by = order(a->box.y, b->box.y);
    if (by == 0)
        by = order(a->box.x, b->box.x);
    return by != 0 ? by : order(a->box.width, b->box.width);
}

static void sort_from(facet__candidates *list, size_t first)
{
    if (list->count > first + 1)
        qsort(list->items + first, list->count - first, sizeof *list->items,
            compare);
}

void facet__candidates_sort(facet__candidates *list)
{
    sort_from(list, 0);
}

/* Does any of items first..end-1 overlap `box`? */
static bool covered(const facet__candidates *list, size_t first, size_t end,
    facet_box box, float iou)
{
    for (size_t i = first; i < end; i++)
        if (facet__box_overlap(list->items[i].face.box, box) >= iou)
            return true;
    return false;
}

void facet__candidates_suppress(
    facet__candidates *list, size_t first, float iou)
{
    size_t kept = first;

    sort_from(list, first);
    for (size_t i = first; i < list->count; i++)
        if (!covered(list, first, kept, list->items[i].face.box, iou))
            list->items[kept++] = list->items[i];
    list->count = kept;
}

/* Of two overlapping finds, must the finer level's one give way? */
static bool gives_way(
    const facet__candidate *fine, const facet__candidate *coarse)
{
    const float surer = coarse->face.score - fine->face.score;

    return fine->side > trained_side
               ? surer > 0.0F
               : fine->side > clear_side && surer > much_surer;
}

/* Does `coarse` stand against the finer levels' first `split` items? Those that
 * give way to it are marked as gone by a negative side. */
static bool prevails(facet__candidates *list, size_t split,
    const facet__candidate *coarse, float iou)
{
    for (int gone = 0; gone <= 1; gone++)
        for (size_t i = 0; i < split; i++) {
            facet__candidate *fine = &list->items[i];

            if (fine->side < 0.0F ||
                facet__box_overlap(fine->face.box, coarse->face.box) < iou)
                continue;
            if (!gives_way(fine, coarse))
                return false;
            if (gone)
                fine->side = -1.0F;
        }
    return true;
}

void facet__candidates_merge(facet__candidates *list, size_t split, float iou)
{
    size_t kept = 0;

    for (size_t i = split; i < list->count; i++)
        if (!prevails(list, split, &list->items[i], iou))
            list->items[i].side = -1.0F;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].side >= 0.0F)
            list->items[kept++] = list->items[i];
    list->count = kept;
}
