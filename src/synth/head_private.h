/* SPDX-License-Identifier: Apache-2.0 */
/* head_private.h - what the files that make the head share.
 *
 * The mean head is a mesh. Every way to vary it is a field of displacements
 * over the mean head's space, computed once for all vertices; somebody's head
 * is the mean plus a weighted sum. Textures and landmarks are defined on the
 * mean head and move with the mesh. */
#ifndef FACET__HEAD_PRIVATE_H
#define FACET__HEAD_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facet/synth.h"
#include "synth/vec3.h"

enum {
    FACET__LOFT_MAX_ROWS = 160,
    FACET__LOFT_MAX_COLUMNS = 128,
    FACET__EAR_RINGS = 9,
    FACET__EAR_SPOKES = 24,
    FACET__SHELL_ROWS = 52,
    FACET__SHELL_COLUMNS = 60,
};

/* Places on the mean head, millimeters. */
#define FACET__SEAM_Y (-66.0F)    /* the line between the lips */
#define FACET__MOUTH_HALF (25.0F) /* half of the mouth's width */
#define FACET__EYE_X (31.5F)      /* a pupil from the middle */
#define FACET__EYE_HALF (15.0F)   /* half of the eye fissure */

/* ---- loft.c ---- */

/* Places of the rows along the head, 0 at the crown; returns how many. */
size_t facet__loft_rows(float places[FACET__LOFT_MAX_ROWS]);
/* Degrees around the head, 0 at the front, from left to right. */
size_t facet__loft_columns(float angles[FACET__LOFT_MAX_COLUMNS]);
/* The mean head's surface. */
facet__vec3 facet__loft_point(float place, float degrees);

/* ---- variation.c ---- */

/* Expressions come after the shapes. */
enum {
    FACET__SMILE_WIDTH = FACET_HEAD_SHAPES, /* corners of the mouth */
    FACET__SMILE_CHEEKS,
    FACET__SMILE_LIDS,
    FACET__BROWS_UP,
    FACET__PUCKER,
    FACET__VARIATIONS,
};

/* The displacement of one standard deviation (or of the whole expression) at a
 * point of the mean head. */
facet__vec3 facet__variation_at(size_t index, facet__vec3 p);

/* How much of the turn of the jaw a point of the mean head takes part in. */
float facet__jaw_weight(facet__vec3 p);

/* A point of somebody's head under the turn of the jaw, `open` 0 to 1. */
facet__vec3 facet__jaw_turned(facet__vec3 p, float weight, float open);

/* ---- head.c ---- */

enum { FACET__MAP_W = 181, FACET__MAP_H = 201, FACET__MAP_TOP = 80 };

struct facet_head {
    size_t n_rows, n_columns;       /* of the loft, which begins the vertices */
    size_t n_vertices, n_triangles; /* of the mesh */
    /* Behind the mesh come the roots of the hair: SHELL_ROWS x SHELL_COLUMNS
     * points on it, which are in no triangle. */
    size_t n_all;
    facet__vec3 *mean;    /* [n_all] */
    facet__vec3 *normals; /* [n_all], of the mean */
    float *jaw;           /* [n_all] */
    float *place;         /* [n_all]: of the vertex's row */
    float *open;          /* [n_all]: share of the sky that is seen */
    float *row_place;     /* [n_rows] */
    float *column_angle;  /* [n_columns] */
    facet__vec3 *fields;  /* [FACET__VARIATIONS, n_all] */
    uint32_t (*triangles)[3];
    float *front; /* [MAP_H, MAP_W]: depth of the face over a grid of
                   * millimeters, x from -MAP_W / 2, y down from
                   * MAP_TOP */
    facet__vec3 points[FACET_HEAD_POINTS];
};

/* Of the roots of the hair. */
float facet__shell_place(size_t row);
float facet__shell_angle(size_t column); /* degrees */

/* First vertex of the ear on the side of `sign` x. */
size_t facet__ear_first(const facet_head *head, int sign);

/* The point of the mean face at x, y: its depth from the front. */
facet__vec3 facet__front_point(const facet_head *head, float x, float y);

/* Area-weighted normals of a mesh; `normals` are overwritten. */
void facet__mesh_normals(const facet__vec3 *vertices, size_t n_vertices,
    const uint32_t (*triangles)[3], size_t n_triangles, facet__vec3 *normals);

/* ---- landmarks.c ---- */

/* What of somebody moves landmarks besides the mesh: textures of lids and lips
 * are drawn, not built. */
typedef struct facet__features {
    float lid_opening;            /* 1 is usual; 0 closed */
    float lip_fullness;           /* 1 is usual */
    float brow_height, brow_arch; /* 0.5 is the mean */
} facet__features;

extern const facet__features facet__mean_features;

/* Height of the upper (up) or lower lid over the middle of the eye at u from
 * -1, the inner, to 1, the outer corner. */
float facet__lid(const facet__features *f, float u, bool up);
/* Height of the upper or lower border of the lips over the seam at x. */
float facet__lip(const facet__features *f, float x, bool up);
/* Height of the brow's middle line at v from 0, inner, to 1, outer end. */
float facet__brow(const facet__features *f, float v);
/* From the middle of the face to the brow's ends. */
#define FACET__BROW_IN (12.5F)
#define FACET__BROW_OUT (53.0F)

/* The 68 points of the mean mesh under these features. Inner points of the lips
 * lie on either side of the seam, so that they part with it. */
void facet__landmarks(const facet_head *head, const facet__features *f,
    facet__vec3 points[FACET_HEAD_POINTS]);

#endif
