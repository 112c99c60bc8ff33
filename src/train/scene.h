/* SPDX-License-Identifier: Apache-2.0 */
/* scene.h - pictures with marked faces, put together anew each time: what a
 * detector learns from.
 *
 * A scene shows one picture, or four side by side (a mosaic), each turned,
 * mirrored and scaled so that one of its faces gets some size between `least`
 * pixels and the whole of its place. Boxes and landmarks follow the pixels. */
#ifndef FACET__SCENE_H
#define FACET__SCENE_H

#include "facet/detection.h"
#include "train/loader.h"

typedef struct facet__scene_setup {
    const facet__dataset *dataset; /* borrowed, as are the labels */
    const facet_labels *labels;
    double mosaic;  /* chance of four pictures */
    double natural; /* chance of a scale near 1 */
    double least;   /* pixels: smallest face aimed at */
    double small;   /* pixels: faces below this are neither wanted nor
                     * forbidden */
    size_t cache;   /* bytes of decoded pictures to keep */
} facet__scene_setup;

/* Half mosaics, half natural, 10 pixels, 6 pixels, 256 MiB. */
void facet__scene_setup_init(facet__scene_setup *setup);

typedef struct facet__scenes facet__scenes;

/* Errors: FACET_ENOTFOUND (a picture without a line in the labels),
 * FACET_ENOMEM. */
facet_status facet__scenes_create(
    const facet__scene_setup *setup, facet__scenes **out, facet_error *err);
void facet__scenes_free(facet__scenes *scenes);

/* A loader's way to fill places with scenes: `self` is the facet__scenes. */
facet_status facet__scene_make(void *self, const facet__loader_setup *setup,
    facet__hand *hand, const facet__place *place, facet_error *err);

/* Where a box and a point of a picture go under a map (augment.h's six numbers,
 * picture -> scene, a similarity, mirrored perhaps). A box becomes the box
 * around its turned ellipse: a head is no rectangle. */
facet__target facet__target_move(const facet_label *label, const double map[6]);

/* Cut a target down to a place of the scene; false when too little is left to
 * tell. Less than `half` of its area left, or less than `small` pixels high:
 * it is ignored. */
bool facet__target_clip(
    facet__target *target, const double place[4], double half, double small);

#endif
