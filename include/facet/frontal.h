/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_FRONTAL_H
#define FACET_FRONTAL_H

/**
 * @file
 * Alignment in three dimensions, as DeepFace does it (Taigman, Yang, Ranzato,
 * Wolf; CVPR 2014): landmarks, a generic head, the affine camera that sees the
 * head where the landmarks are, and a warp that turns the face to the front.
 *
 *     photo, face -> 68 points         facet_landmarker_find
 *     68 points -> camera              facet_camera_fit
 *     photo, 68 points -> frontal crop facet_frontal_warp
 *
 * The paper's landmark layout (67 points), its head (the mean of USF scans),
 * its covariance of landmark errors and its crop were never published. Ours
 * are the common 68 points, the mean head of synth.h, and what the option
 * structs below say.
 */

#include <stddef.h>

#include "facet/align.h"
#include "facet/detector.h"
#include "facet/geometry.h"
#include "facet/image.h"
#include "facet/model.h"
#include "facet/settings.h"
#include "facet/status.h"
#include "facet/synth.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Landmarks ---- */

/** Finds the 68 points of a face. Holds scratch memory: one a thread. */
typedef struct facet_landmarker facet_landmarker;

typedef struct facet_landmarker_opts {
    size_t size; /**< set by facet_landmarker_opts_init */
    /** How the network is fed; NULL, the default: as its metadata says, and
     * where it has none RGB, 0 to 1. Width and height are the network's. */
    const facet_settings *settings;
    /** Which points of the network are the 68, and where they stand in its
     * output; NULL, the default: the 68 themselves, or where the output has 468
     * points those of a face mesh. */
    const int *points;
    /** Numbers a point in the output: 2 for x y, 3 for x y z. 0, the default:
     * 3 for a face mesh, else 2. */
    int numbers;
    /** Coordinates are 0 to 1 of the input, not its pixels; default false. */
    int unit;
    /** Side of the square that the network sees, in sides of the face's box;
     * default 1.25. */
    float margin;
    /** The square is turned, scaled and moved after the points found in it,
     * and the network asked again, at most so many times; 0 to 16, default 3.
     * This is the paper's iterated similarity. */
    int iterations;
    /** It ends earlier when the corners of the square move by less than this
     * share of it; default 0.02. */
    float settled;
} facet_landmarker_opts;

/** Fill in the defaults. */
FACET_API void facet_landmarker_opts_init(facet_landmarker_opts *opts);

/**
 * A landmarker from a network of one square image input whose first output
 * holds points.
 *
 * @param model  Borrowed; must outlive the landmarker.
 * @param opts   NULL for the defaults.
 * @param out    Receives the landmarker; free it with facet_landmarker_free.
 *               NULL on failure.
 *
 * Errors: FACET_EINVAL (NULL, an option out of range), FACET_EMODEL (another
 *         input or output), FACET_ENOMEM.
 * Thread safety: may be called at any time; landmarkers of one model may run
 * at once.
 */
FACET_API FACET_MUST_USE facet_status facet_landmarker_create(
    const facet_model *model, const facet_landmarker_opts *opts,
    facet_landmarker **out, facet_error *err);

/** NULL is a no-op. */
FACET_API void facet_landmarker_free(facet_landmarker *landmarker);

/**
 * The 68 points of a face.
 *
 * @param face    As facet_detector_find gives it, in pixels of `image`.
 * @param points  Receives 68 points, pixels of `image`; order of synth.h.
 *
 * Errors: FACET_EINVAL (NULL, a face without extent), FACET_EMODEL (the network
 *         answered what is no number), FACET_ENOMEM, those of
 *         facet_session_run.
 * Thread safety: one landmarker belongs to one thread at a time.
 */
FACET_API FACET_MUST_USE facet_status facet_landmarker_find(
    facet_landmarker *landmarker, const facet_image *image,
    const facet_face *face, facet_point points[FACET_HEAD_POINTS],
    facet_error *err);

/* ---- The camera ---- */

/** An affine camera: x = p[0] X + p[1] Y + p[2] Z + p[3] and
 * y = p[4] X + p[5] Y + p[6] Z + p[7], from millimeters to pixels. */
typedef struct facet_camera {
    double p[8];
} facet_camera;

/** Where the camera sees a point. */
FACET_API facet_point facet_camera_project(
    const facet_camera *camera, facet_point3 point);

/**
 * The affine camera that sees points of space where they are in a picture:
 * generalized least squares, min (x - X p)' S^-1 (x - X p), by whitening with
 * the Cholesky factor of S.
 *
 * @param space       `count` points, at least 4, not in one plane.
 * @param picture     As many.
 * @param covariance  [2 count, 2 count], symmetric and positive definite, of
 *                    the errors of x0, y0, x1, y1 ... in pixels (up to a
 *                    factor); only the lower triangle is looked at. NULL: all
 *                    the same and independent.
 * @param out         Untouched on error.
 *
 * Errors: FACET_EINVAL (NULL, count, points in one plane, numbers that are not
 *         finite, a covariance that is not positive definite), FACET_ENOMEM.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_camera_fit(
    const facet_point3 *space, const facet_point *picture, size_t count,
    const double *covariance, facet_camera *out, facet_error *err);

/** How a head is turned, degrees; as in facet_synth_pose, but against the line
 * of sight to it: an affine camera knows no other. In a portrait taken from
 * 1.4 m that is up to 3 degrees of yaw. */
typedef struct facet_head_pose {
    float yaw, pitch, roll;
    float scale; /**< pixels a millimeter */
} facet_head_pose;

/** The turn of a camera: of the scaled rotation nearest to it. Errors:
 * FACET_EINVAL (NULL, a camera that sees a line or a point). */
FACET_API FACET_MUST_USE facet_status facet_camera_pose(
    const facet_camera *camera, facet_head_pose *out);

/* ---- To the front ---- */

/** How residuals in pixels are added to a head in millimeters; the paper does
 * not say. */
typedef enum facet_residual {
    /** Not at all: every face gets the generic shape. */
    FACET_RESIDUAL_NONE = 0,
    /** x, y of the head are moved so that the camera sees the corrected points
     * exactly at the landmarks: the inverse of the camera's 2 x 2 part for x, y
     * times the residual. The default. */
    FACET_RESIDUAL_EXACT = 1,
    /** The residual over the camera's scale, whichever way the head is turned.
     */
    FACET_RESIDUAL_SCALED = 2,
} facet_residual;

typedef struct facet_frontal_opts {
    size_t size;       /**< set by facet_frontal_opts_init */
    int width, height; /**< of the crop; default 152 x 152, at most 4096 */
    /** Pixels a millimeter in the crop; default 0.84 (at 152). */
    float scale;
    float center_y;          /**< height on the head, mm, of the crop's middle;
                                  default -29 */
    facet_residual residual; /**< default FACET_RESIDUAL_EXACT */
    /** Hidden triangles take their texture from the mirrored ones; default 1.
     */
    int mirror;
    /** [136, 136], see facet_camera_fit, copied; NULL, the default: ours, see
     * docs/methods/deepface-alignment.md. */
    const double *covariance;
} facet_frontal_opts;

/** Fill in the defaults. */
FACET_API void facet_frontal_opts_init(facet_frontal_opts *opts);

/** Head, triangles and covariance made ready. Immutable, shared by threads. */
typedef struct facet_frontal facet_frontal;

/**
 * Make ready to turn faces to the front.
 *
 * @param head  Borrowed; must outlive the result.
 * @param opts  NULL for the defaults.
 *
 * Errors: FACET_EINVAL (NULL, an option out of range, a covariance that is not
 *         positive definite), FACET_ENOMEM.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_frontal_create(
    const facet_head *head, const facet_frontal_opts *opts, facet_frontal **out,
    facet_error *err);

/** NULL is a no-op. */
FACET_API void facet_frontal_free(facet_frontal *frontal);

/** What came of a face besides its crop. */
typedef struct facet_frontal_result {
    facet_camera camera;
    facet_head_pose pose;
    float residual; /**< root mean square of the landmarks, mm */
    float mirrored; /**< share of the face's pixels that come from the other
                         side, 0 to 1 */
} facet_frontal_result;

/**
 * Turn a face to the front.
 *
 * @param image   Upright.
 * @param points  Its 68 points, pixels of `image`.
 * @param crop    Receives a new image; free it with facet_image_free. What is
 *                no face is black. NULL on failure.
 * @param result  NULL, or receives camera and pose.
 *
 * Errors: FACET_EINVAL (NULL, points that no camera fits), FACET_ENOMEM.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_frontal_warp(
    const facet_frontal *frontal, const facet_image *image,
    const facet_point points[FACET_HEAD_POINTS], facet_image **crop,
    facet_frontal_result *result, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
