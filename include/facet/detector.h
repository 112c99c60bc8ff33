/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_DETECTOR_H
#define FACET_DETECTOR_H

/**
 * @file
 * Where the faces of a photo are: box, score and five points each.
 *
 * Photos of any size take the same bounded memory: the network runs on tiles of
 * a few shrunken copies of the photo, and one non-maximum suppression joins
 * what they found.
 */

#include <stddef.h>

#include "facet/geometry.h"
#include "facet/image.h"
#include "facet/model.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FACET_LANDMARKS = 5 };

/**
 * A face. Coordinates are pixels of the upright image; integer values are pixel
 * centers, so (0, 0) is the center of the top left pixel. A box may reach past
 * the border of the image.
 */
typedef struct facet_face {
    facet_box box;
    float score; /**< 0 to 1: how sure the detector is that this is a face */
    /** Left eye, right eye, nose tip, left mouth corner, right mouth corner;
     * left and right as seen in the image. */
    facet_point landmarks[FACET_LANDMARKS];
} facet_face;

/** Finds faces. Holds scratch memory: one a thread. */
typedef struct facet_detector facet_detector;

typedef struct facet_detector_opts {
    size_t size; /**< set by facet_detector_opts_init */
    /** Report faces of at least this score, over 0 to 1; default 0.6. This is
     * no similarity: it says "a face", not "the same face". */
    float score_threshold;
    /** Of two boxes whose intersection over union reaches this, one goes; over
     * 0 to 1; default 0.3. */
    float nms_iou;
    /** Side (the larger of width and height) of the smallest face to report,
     * in pixels of the image. 0, the default, is automatic: about 10 pixels
     * in photos up to 1.6 megapixels, rising to 32 in photos of 12 megapixels
     * and more. A smaller value finds smaller faces and costs time with the
     * square of its inverse; a larger value saves it. */
    float min_face;
    size_t max_faces; /**< the best so many; 0, the default, is no limit */
    int threads;      /**< cores that one call may use; default 1 */
} facet_detector_opts;

/** Fill in the defaults. */
FACET_API void facet_detector_opts_init(facet_detector_opts *opts);

/**
 * A detector from a network with the twelve outputs of YuNet.
 *
 * @param model  Borrowed; must outlive the detector. Networks of fixed input
 *               size work too: every tile then has that size.
 * @param opts   NULL for the defaults.
 * @param out    Receives the detector; free it with facet_detector_free. NULL
 *               on failure.
 * @param err    NULL, or receives what was wrong.
 *
 * Errors: FACET_EINVAL (NULL; an option out of range), FACET_EMODEL (inputs or
 *         outputs are not those of a YuNet; the metadata says another task or
 *         cannot be read), FACET_ENOMEM.
 * Thread safety: may be called at any time; detectors of one model may run at
 * once.
 */
FACET_API FACET_MUST_USE facet_status facet_detector_create(
    const facet_model *model, const facet_detector_opts *opts,
    facet_detector **out, facet_error *err);

/** NULL is a no-op. */
FACET_API void facet_detector_free(facet_detector *detector);

/**
 * Find the faces of an image.
 *
 * @param image  Upright, 8-bit; every size from 1x1 on.
 * @param faces  Receives at most `cap` faces, best score first; owned by the
 *               caller; may be NULL when cap is 0.
 * @param count  Receives how many were found (max_faces at most), which may be
 *               more than `cap`; 0 on error.
 *
 * Cost: about one run of the network on every pixel of the finest copy
 * (at most 1280x1280 pixels for photos up to 12 megapixels), and a tenth more
 * for the others. No allocation from the second image of the same size on.
 * Errors: FACET_EINVAL, FACET_ENOMEM, and those of facet_session_run.
 * Thread safety: one detector belongs to one thread at a time.
 */
FACET_API FACET_MUST_USE facet_status facet_detector_find(
    facet_detector *detector, const facet_image *image, facet_face *faces,
    size_t cap, size_t *count, facet_error *err);

/** Bytes of scratch that the detector holds now. */
FACET_API size_t facet_detector_memory(const facet_detector *detector);

#ifdef __cplusplus
}
#endif

#endif
