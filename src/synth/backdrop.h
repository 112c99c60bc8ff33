/* SPDX-License-Identifier: Apache-2.0 */
/* backdrop.h - what is behind the people. */
#ifndef FACET__BACKDROP_H
#define FACET__BACKDROP_H

#include "facet/synth.h"
#include "synth/vec3.h"

enum { FACET__THINGS = 24 };

/* Something in the background: a disc or a slanted box. */
typedef struct facet__thing {
    float x, y, radius, aspect, turn_cos, turn_sin, blur;
    int round;
    facet__vec3 color;
} facet__thing;

typedef struct facet__backdrop {
    facet__vec3 tints[2];
    float turn_cos, turn_sin, texture, unit;
    uint32_t seed;
    int n_things;
    facet__thing things[FACET__THINGS];
} facet__backdrop;

facet__backdrop facet__backdrop_of(const facet_synth_scene *scene);
/* Linear color at a place of the picture, in pixels. */
facet__vec3 facet__backdrop_at(const facet__backdrop *b, float x, float y);

#endif
