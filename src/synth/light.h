/* SPDX-License-Identifier: Apache-2.0 */
/* light.h - one lamp with soft shadows, and light from all around. */
#ifndef FACET__LIGHT_H
#define FACET__LIGHT_H

#include "synth/figure.h"
#include "synth/material.h"
#include "synth/raster.h"

typedef struct facet__light {
    facet__vec3 to;                /* unit vector towards the lamp */
    facet__vec3 lamp, sky, ground; /* linear */
    float shadows;
    /* The figures as the lamp sees them. */
    facet__raster map;
    facet__vec3 across, up;
    float origin_across, origin_up, size; /* mm a sample */
} facet__light;

/* `figures` are looked at for their shadows. Free with facet__light_free. */
facet_status facet__light_create(const facet_synth_scene *scene,
    const facet__figure *figures, size_t count, facet__light *out);
void facet__light_free(facet__light *light);

/* The light that leaves a surface at `at` towards the camera; linear. */
facet__vec3 facet__shade(
    const facet__light *light, const facet__surface *surface, facet__vec3 at);

#endif
