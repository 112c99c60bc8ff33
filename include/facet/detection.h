/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_DETECTION_H
#define FACET_DETECTION_H

/**
 * @file
 * Faces that people have marked in pictures, and how well a detector finds
 * them: average precision as WIDER FACE counts it (Yang, Luo, Loy, Tang: "WIDER
 * FACE: a face detection benchmark", CVPR 2016), and how far its landmarks are
 * off.
 */

#include <stddef.h>
#include <stdint.h>

#include "facet/detector.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A marked face, pixels of the upright picture. */
typedef struct facet_label {
    facet_box box;
    uint8_t blur;         /**< 0 clear, 1 normal, 2 heavy */
    uint8_t expression;   /**< 0 typical, 1 exaggerated */
    uint8_t illumination; /**< 0 normal, 1 extreme */
    uint8_t invalid;      /**< 1: neither a miss nor a find */
    uint8_t occlusion;    /**< 0 none, 1 partial, 2 heavy */
    uint8_t pose;         /**< 0 typical, 1 atypical */
    uint8_t has_landmarks;
    facet_point landmarks[FACET_LANDMARKS]; /**< in a facet_face's order */
} facet_label;

/** A list of pictures and their faces. Immutable. */
typedef struct facet_labels facet_labels;

/**
 * Read a list as WIDER FACE has it: a line with a picture's name, one with the
 * number of its faces, then a line a face:
 *
 *     x y width height blur expression illumination invalid occlusion pose
 *
 * where ten more numbers, x and y of five landmarks, may follow. After a 0 for
 * the number a face of zeros may stand, as in the original lists. Faces of no
 * width or height are taken as invalid.
 *
 * @param out  Free it with facet_labels_free. NULL on failure.
 *
 * Errors: FACET_EINVAL (NULL), FACET_EDAMAGED (told with the line; a picture
 *         twice), FACET_EEMPTY, FACET_ENOTFOUND, FACET_EIO, FACET_ELIMIT (over
 *         1 GiB), FACET_ENOMEM.
 * Thread safety: may be called at any time; a list may be read by any number
 * of threads.
 */
FACET_API FACET_MUST_USE facet_status facet_labels_read(
    const char *path, facet_labels **out, facet_error *err);

/** NULL is a no-op. */
FACET_API void facet_labels_free(facet_labels *labels);

/** Pictures in the list. */
FACET_API size_t facet_labels_count(const facet_labels *labels);

/** The name of picture `index` (less than the count), as in the list. */
FACET_API const char *facet_labels_name(
    const facet_labels *labels, size_t index);

/** The faces of picture `index`, the list's; *count of them, perhaps none. */
FACET_API const facet_label *facet_labels_faces(
    const facet_labels *labels, size_t index, size_t *count);

/** The picture of this name, with or without folder and ending; SIZE_MAX when
 * the list has none. Of several with the same name the first. */
FACET_API size_t facet_labels_find(
    const facet_labels *labels, const char *name);

/** Which faces count. A face that does not is passed over: who finds it is
 * neither right nor wrong. */
typedef struct facet_detection_opts {
    size_t size; /**< set by facet_detection_opts_init */
    /** Least height of a face, pixels: 50, 30 and 10 by default, which stand
     * in for the official lists of easy, medium and hard faces. */
    float easy, medium, hard;
    float iou; /**< overlap of a find with its face, over 0 to 1; 0.5 */
} facet_detection_opts;

/** Fill in the defaults. */
FACET_API void facet_detection_opts_init(facet_detection_opts *opts);

/** What came out. */
typedef struct facet_detection_result {
    size_t pictures, finds;
    /** Faces that count. */
    size_t easy, medium, hard;
    /** Average precision, 0 to 1; NaN where no face counts. */
    double ap_easy, ap_medium, ap_hard;
    /** Faces of `hard` size whose best find has any score, 0 to 1. */
    double recall;
    /** Mean distance of landmarks to the marked ones, over faces found, as a
     * share of the side of the marked box (root of its area); NaN where none
     * has landmarks. */
    double landmark_error;
    size_t landmark_faces; /**< faces that it is a mean of */
} facet_detection_result;

/** Gathers finds, picture by picture. */
typedef struct facet_detection facet_detection;

/**
 * @param opts  NULL for the defaults.
 * @param out   Free it with facet_detection_free. NULL on failure.
 *
 * Errors: FACET_EINVAL (NULL, an option out of range), FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_detection_create(
    const facet_detection_opts *opts, facet_detection **out, facet_error *err);

/** NULL is a no-op. */
FACET_API void facet_detection_free(facet_detection *detection);

/**
 * Take in what was found in one picture.
 *
 * @param labels  `n_labels` marked faces.
 * @param faces   `n_faces` finds, in any order, with the scores of a low
 *                threshold: average precision looks at all of them.
 *
 * Each find belongs to the marked face that it overlaps most. The first find
 * of a face, best score first, is right; others of it are wrong, as in the
 * benchmark's own program. Unlike there, scores are not cut into a thousand
 * steps.
 * Errors: FACET_EINVAL (NULL), FACET_ENOMEM.
 * Thread safety: one thread at a time.
 */
FACET_API FACET_MUST_USE facet_status facet_detection_add(
    facet_detection *detection, const facet_label *labels, size_t n_labels,
    const facet_face *faces, size_t n_faces);

/** The result over all pictures so far. Errors: FACET_EINVAL. */
FACET_API FACET_MUST_USE facet_status facet_detection_finish(
    facet_detection *detection, facet_detection_result *out);

#ifdef __cplusplus
}
#endif

#endif
