/* SPDX-License-Identifier: Apache-2.0 */
/* covariance.c - Sigma of the camera fit (papers.md C.1, step 4).
 *
 * The paper estimates it from data that were not published. Landmarks are off
 * the generic head's for two reasons, and the covariance is the sum of theirs:
 * the face is not the mean one, which our head tells (its modes of variation,
 * seen from the directions that faces are seen from), and landmarks are found
 * with errors, which is a guess. Leaving out the first overrates noses: they
 * stand out furthest, but also differ most, and would turn the head. */
#include "face/covariance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "synth/head_private.h"

enum { POINTS = FACET_HEAD_POINTS, ROWS = 2 * POINTS };

/* ---- Errors of finding ---- */

/* The parts of the layout: first point, end, standard deviation in mm. */
typedef struct part {
    unsigned char first, end;
    float deviation;
} part;

/* Networks are sure of corners, less of where along a contour a point lies,
 * least along the jaw, whose points slide with the pose; errors of neighbors on
 * a contour go together. */
static const part parts[] = { { 0, 17, 4 }, { 17, 22, 2 }, { 22, 27, 2 },
    { 27, 31, 1.2F }, { 31, 36, 1.2F }, { 36, 42, 1 }, { 42, 48, 1 },
    { 48, 60, 1.5F }, { 60, 68, 1.5F } };

static void add_errors(double *s)
{
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
        for (int i = parts[p].first; i < parts[p].end; i++)
            for (int j = parts[p].first; j < parts[p].end; j++) {
                const double square =
                    (double)parts[p].deviation * (double)parts[p].deviation;
                const double value = square * pow(0.5, abs(i - j));

                s[(size_t)(2 * i) * ROWS + (size_t)(2 * j)] += value;
                s[(size_t)(2 * i + 1) * ROWS + (size_t)(2 * j + 1)] += value;
            }
}

/* ---- Shapes and expressions ---- */

/* How often and how much expressions are met: the mean of their squares. */
static double variance_of(size_t variation)
{
    switch (variation) {
    case FACET__SMILE_WIDTH:
    case FACET__SMILE_CHEEKS:
    case FACET__SMILE_LIDS:
        return 0.2;
    case FACET__BROWS_UP:
        return 0.08;
    case FACET__PUCKER:
        return 0;
    default:
        return 1; /* shapes are in standard deviations */
    }
}

/* The displacement of the mode at a point; the mode after the last variation is
 * the half open mouth. */
static facet__vec3 mode_at(size_t mode, facet__vec3 p)
{
    if (mode < FACET__VARIATIONS)
        return facet__variation_at(mode, p);
    return facet__sub(facet__jaw_turned(p, facet__jaw_weight(p), 0.5F), p);
}

/* Add what a mode of `variance` does under a turn of the head. */
static void add_mode(const facet__vec3 move[POINTS], double variance,
    double yaw, double pitch, double *s)
{
    const double rad = 0.017453292519943295;
    const double ca = cos(yaw * rad), sa = sin(yaw * rad);
    const double cb = cos(pitch * rad), sb = sin(pitch * rad);
    double seen[ROWS];

    for (int i = 0; i < POINTS; i++) {
        const double x = (double)move[i].x, y = (double)move[i].y;
        const double z = (double)move[i].z;

        seen[2 * i] = ca * x + sa * z;
        seen[2 * i + 1] = -(cb * y + sb * (ca * z - sa * x));
    }
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++)
            s[i * ROWS + j] += variance * seen[i] * seen[j];
}

static void add_shapes(const facet_head *head, double *s)
{
    /* Directions that faces are seen from, all the same often. */
    static const double yaws[] = { -40, -20, 0, 20, 40 };
    static const double pitches[] = { -12, 0, 12 };
    const double directions = 15;

    for (size_t mode = 0; mode <= FACET__VARIATIONS; mode++) {
        const double variance =
            mode < FACET__VARIATIONS ? variance_of(mode) : 0.15;
        facet__vec3 move[POINTS];

        for (int i = 0; i < POINTS; i++)
            move[i] = mode_at(mode, head->points[i]);
        for (int a = 0; variance > 0 && a < 5; a++)
            for (int b = 0; b < 3; b++)
                add_mode(move, variance / directions, yaws[a], pitches[b], s);
    }
}

void facet__landmark_covariance(const facet_head *head, double *out)
{
    memset(out, 0, (size_t)ROWS * ROWS * sizeof *out);
    add_errors(out);
    add_shapes(head, out);
}
