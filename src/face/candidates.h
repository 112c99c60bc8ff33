/* SPDX-License-Identifier: Apache-2.0 */
/* candidates.h - what a detector network found, before it is the answer.
 *
 * A growing list, and the two ways in which a list gets shorter: suppression
 * inside one level, and the merging of levels. */
#ifndef FACET__CANDIDATES_H
#define FACET__CANDIDATES_H

#include "facet/detector.h"

typedef struct facet__candidate {
    facet_face face; /* pixels of the image */
    float side;      /* of the box, in pixels of the level that found it */
} facet__candidate;

/* A list that keeps its memory when it is emptied (count = 0). */
typedef struct facet__candidates {
    facet__candidate *items;
    size_t count, capacity;
} facet__candidates;

facet_status facet__candidates_add(
    facet__candidates *list, const facet__candidate *item);
void facet__candidates_clear(facet__candidates *list); /* frees */

/* Intersection over union, 0 to 1. Boxes of no area overlap nothing. */
float facet__box_overlap(facet_box a, facet_box b);

/* Best score first; ties by place, so that the order in which tiles were run
 * is moot. */
void facet__candidates_sort(facet__candidates *list);

/* Sort items first..count-1, then keep of those which overlap by `iou` or more
 * only the best. */
void facet__candidates_suppress(
    facet__candidates *list, size_t first, float iou);

/* Items 0..split-1 come from finer levels, the rest from a coarser one, each
 * part suppressed in itself. Where they overlap, the finer level's find stands
 * as long as its box is no larger than what the network was trained for;
 * beyond that the better score stands, and from 300 pixels on a much better
 * one. */
void facet__candidates_merge(facet__candidates *list, size_t split, float iou);

#endif
