/* SPDX-License-Identifier: Apache-2.0 */
/* material.h - what a place of somebody's surface is made of. Textures are
 * functions of the place on the mean head, so they follow every shape and
 * expression and are sharp at every size. */
#ifndef FACET__MATERIAL_H
#define FACET__MATERIAL_H

#include "synth/figure.h"

/* What light meets. Colors are linear, not sRGB. */
typedef struct facet__surface {
    facet__vec3 color;
    facet__vec3 normal; /* camera's space */
    float tone;         /* of skin, see facet__skin_tone */
    float open;         /* share of ambient light that arrives, 0 to 1 */
    float shine, gloss; /* strength and exponent of the highlight */
    float wrap;         /* how far light creeps around, 0 to 1 */
    float lit;          /* share of direct light that arrives, 0 to 1 */
    facet__vec3 along;  /* strands: their direction; else 0 0 0 */
} facet__surface;

/* Somebody's colors, linear. */
typedef struct facet__palette {
    facet__vec3 skin, blood, lips, hair, brows, iris, clothes, frame;
} facet__palette;

float facet__linear(float srgb);
facet__palette facet__palette_of(const facet_synth_person *person);

/* How much lighter or darker than the mean of their skin somebody is at a place
 * of the mean head. It varies slowly: once a vertex is enough. */
float facet__skin_tone(const facet_synth_person *person, facet__vec3 mean);

/* `mean` is the place on the mean head; normal, tone and open are set on entry
 * as the mesh has them, and refined. */
void facet__skin(const facet__figure *figure, const facet__palette *palette,
    facet__vec3 mean, facet__surface *out);

/* The eye and its lids, where `mean` is near one; false elsewhere. */
bool facet__eye(const facet__figure *figure, const facet__palette *palette,
    facet__vec3 mean, facet__surface *out);

/* The lips and what is between them; false elsewhere. */
bool facet__mouth(const facet__figure *figure, const facet__palette *palette,
    facet__vec3 mean, facet__surface *out);

void facet__hair(const facet__figure *figure, const facet__palette *palette,
    facet__vec3 texture, facet__surface *out);

#endif
