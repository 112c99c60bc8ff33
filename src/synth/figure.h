/* SPDX-License-Identifier: Apache-2.0 */
/* figure.h - somebody in a picture: all triangles of one person, in the space
 * of the camera, and what the textures need to know. */
#ifndef FACET__FIGURE_H
#define FACET__FIGURE_H

#include "synth/head_private.h"

/* The camera is at 0 0 0 and looks along -z; a point lands on the picture at
 * center + focal * (x, -y) / -z. */
typedef struct facet__camera {
    float focal;              /* pixels */
    float center_x, center_y; /* pixels */
} facet__camera;

typedef struct facet__figure {
    const facet_synth_person *person; /* borrowed */
    facet_synth_pose pose;
    facet__features features;
    /* Vertices: skin (as the head's mesh), then hair, then glasses. */
    size_t n_skin, n_hair, n_frame, n_vertices;
    facet__vec3 *at;      /* in the camera's space, mm */
    facet__vec3 *normals; /* the same */
    /* Where textures are drawn: for skin the place on the mean head; for hair
     * degrees around the head, place along it, thickness in mm. */
    facet__vec3 *texture;
    float *open; /* share of the sky that is seen */
    float *tone; /* of the skin: lighter or darker than the mean */
    uint32_t (*triangles)[3];
    /* Triangles below the first number are skin, below the second hair, then
     * glasses. */
    uint32_t skin_end, hair_end, n_triangles;
    float placement[12]; /* [3][4]: from the head's space to the camera's */
    facet__vec3 points[FACET_HEAD_POINTS]; /* landmarks, camera's space */
    facet__vec3 pupils[2];                 /* left, right in the picture */
} facet__figure;

facet_status facet__figure_create(const facet_head *head,
    const facet_synth_person *person, const facet_synth_pose *pose,
    const facet__camera *camera, facet__figure *out);
void facet__figure_free(facet__figure *figure);

/* ---- hair.c ---- */

/* Does the hair hang over the ears? */
bool facet__hair_hangs(const facet_synth_person *person);
/* How high the hair stands over its root in millimeters; below 0 there is
 * none. */
float facet__hair_height(
    const facet_synth_person *person, float place, float degrees);
/* The point over a root, on the mean head. */
facet__vec3 facet__hair_point(const facet_synth_person *person, float place,
    float degrees, facet__vec3 root, facet__vec3 normal, float height);

/* ---- glasses.c ---- */

enum {
    FACET__RIM_STEPS = 28,
    FACET__TUBE = 6,
    FACET__TEMPLE_STEPS = 4,
    FACET__GLASSES_VERTICES =
        FACET__TUBE * (2 * FACET__RIM_STEPS + 3 + 2 * FACET__TEMPLE_STEPS),
    FACET__GLASSES_TRIANGLES =
        2 * FACET__TUBE *
        (2 * FACET__RIM_STEPS + 2 + 2 * (FACET__TEMPLE_STEPS - 1)),
};

/* A frame on the mean head; corners of triangles count from `first`. */
void facet__glasses(const facet_synth_person *person, facet__vec3 *vertices,
    uint32_t (*triangles)[3], uint32_t first);

#endif
