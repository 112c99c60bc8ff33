/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_PIPELINE_H
#define FACET_PIPELINE_H

/**
 * @file
 * A photo to its embeddings, in one call.
 *
 * The pipeline is detector, alignment and embedder under one contract. A photo
 * to two people compared takes one screen: examples/compare.c.
 */

#include <stdbool.h>
#include <stddef.h>

#include "facet/detector.h"
#include "facet/embedder.h"
#include "facet/image.h"
#include "facet/model.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Which faces of a photo count. */
typedef enum facet_policy {
    FACET_POLICY_ALL = 0,     /**< every face; none is no error */
    FACET_POLICY_LARGEST = 1, /**< the one with the largest box */
    FACET_POLICY_CENTRAL = 2, /**< the one whose center is nearest to the
                                   photo's */
    FACET_POLICY_SINGLE = 3,  /**< there must be exactly one */
} facet_policy;

/** Runs the whole way. Holds scratch memory: one a thread, see
 * facet_pipeline_clone. */
typedef struct facet_pipeline facet_pipeline;

typedef struct facet_pipeline_opts {
    size_t size; /**< set by facet_pipeline_opts_init */
    /** ONNX file of the detector. May be NULL only with `aligned`: then the
     * embeddings have a contract of their own, that of crops aligned
     * elsewhere. */
    const char *detector;
    /** ONNX file of the embedder; NULL, the default: find faces, embed
     * nothing. */
    const char *embedder;
    /** How to feed the embedder; NULL, the default: as its metadata says. */
    const facet_settings *settings;
    /** Of both networks, default AUTO. INT8 is that of the embedder: the
     * detector is then run as AUTO says. */
    facet_precision precision;
    facet_policy policy; /**< default FACET_POLICY_ALL */
    /** The images are aligned crops already, such as facet_align made them:
     * nothing is looked for, and each is one face. With the same `detector`
     * the contract is the one of the photos that the crops were cut from.
     * Default false. */
    bool aligned;
    bool crops; /**< keep the aligned crops in the result; default false */
    float score_threshold; /**< these four: see facet_detector_opts */
    float nms_iou;
    float min_face;
    size_t max_faces;
    int threads; /**< cores that one call may use; default 1 */
} facet_pipeline_opts;

/** Fill in the defaults. */
FACET_API void facet_pipeline_opts_init(facet_pipeline_opts *opts);

/**
 * Load the networks and make everything ready.
 *
 * @param opts  Copied; the strings may go afterwards.
 * @param out   Receives the pipeline; free it with facet_pipeline_close. NULL
 *              on failure.
 * @param err   NULL, or receives what was wrong and with which file.
 *
 * Errors: FACET_EINVAL (NULL, an option out of range, neither network), those
 *         of facet_model_load, facet_detector_create and
 *         facet_embedder_create.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_pipeline_open(
    const facet_pipeline_opts *opts, facet_pipeline **out, facet_error *err);

/**
 * A second pipeline for another thread. It shares the networks, which live
 * until the last of the family is closed, and has scratch of its own.
 *
 * Errors: FACET_EINVAL, FACET_ENOMEM.
 * Thread safety: may be called while `pipeline` works in another thread.
 */
FACET_API FACET_MUST_USE facet_status facet_pipeline_clone(
    const facet_pipeline *pipeline, facet_pipeline **out, facet_error *err);

/** NULL is a no-op. */
FACET_API void facet_pipeline_close(facet_pipeline *pipeline);

/** The faces of one photo. */
typedef struct facet_faces facet_faces;

/**
 * Find, align and embed the faces of a photo, as the options say.
 *
 * @param image  Upright, as facet_image_read gives it.
 * @param out    Receives the faces, best score first; free it with
 *               facet_faces_free. NULL on failure.
 * @param err    NULL, or receives what was wrong.
 *
 * Errors: FACET_EINVAL, FACET_ENOFACE (policy LARGEST, CENTRAL or SINGLE and
 *         no face), FACET_EMANYFACES (policy SINGLE and several),
 *         FACET_ENOMEM, and those of facet_detector_find and
 *         facet_embedder_run.
 * Thread safety: one pipeline belongs to one thread at a time.
 */
FACET_API FACET_MUST_USE facet_status facet_pipeline_faces(
    facet_pipeline *pipeline, const facet_image *image, facet_faces **out,
    facet_error *err);

/** NULL is a no-op. */
FACET_API void facet_faces_free(facet_faces *faces);

/** How many there are; 0 for NULL. */
FACET_API size_t facet_faces_count(const facet_faces *faces);

/** The index-th face, borrowed until the list is freed, those after it behind
 * it in memory; NULL out of range. For an aligned crop: the whole crop, score 1
 * and the template's points. */
FACET_API const facet_face *facet_faces_face(
    const facet_faces *faces, size_t index);

/** Its embedding, borrowed until the list is freed; NULL out of range or when
 * the pipeline has no embedder. */
FACET_API const facet_embedding *facet_faces_embedding(
    const facet_faces *faces, size_t index);

/** Its aligned crop, borrowed until the list is freed; NULL out of range or
 * when crops were not asked for. */
FACET_API const facet_image *facet_faces_crop(
    const facet_faces *faces, size_t index);

/** The networks, borrowed until the pipeline is closed; NULL when the pipeline
 * has none of the kind. */
FACET_API const facet_model *facet_pipeline_detector_model(
    const facet_pipeline *pipeline);
FACET_API const facet_model *facet_pipeline_embedder_model(
    const facet_pipeline *pipeline);

/** The settings of the embedder in force, borrowed until the pipeline is
 * closed; NULL without one. */
FACET_API const facet_settings *facet_pipeline_settings(
    const facet_pipeline *pipeline);

/** The contract of the embeddings; all zero without an embedder. */
FACET_API facet_contract facet_pipeline_contract(
    const facet_pipeline *pipeline);

/** Bytes of scratch that the pipeline holds now, its networks not counted. */
FACET_API size_t facet_pipeline_memory(const facet_pipeline *pipeline);

#ifdef __cplusplus
}
#endif

#endif
