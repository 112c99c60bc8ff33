/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_PROJECTION_H
#define FACET_PROJECTION_H

/**
 * @file
 * Projections: a linear map W, learnt in seconds from embeddings that are there
 * already, after which people are told apart better or with fewer numbers. The
 * way to adapt a network to one's own people without training it: Triplet
 * Probabilistic Embedding (Sankaranarayanan et al. 2016, section 3)
 * and its relatives.
 */

#include <stddef.h>
#include <stdint.h>

#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct facet_projection_opts {
    size_t size; /**< set by facet_projection_opts_init */
    /** "tpe" (the default): -log of the triplet probability; "tse": the hinge
     * of similarities; "tde": the hinge of squared distances; "vgg-triplet":
     * the same over negatives that violate the margin, drawn at random
     * (Parkhi et al. 2015, section 4.4). */
    const char *loss;
    size_t dim; /**< of the new embeddings, 1 to the old ones'; default 128 */
    double margin; /**< of the hinges, 0 to 4; < 0, the default: the loss's */
    /** 1, the default: begin with the principal components of the embeddings;
     * 0: with random numbers. */
    int principal;
    uint32_t people, images; /**< of a batch, in which the hardest negative is
                                  looked for; default 32 and 4, at least 2 */
    uint64_t steps;          /**< default 1000 */
    double rate;             /**< of learning, falling to 0; default 0.1 */
    uint64_t seed;           /**< default 0 */
    int threads;             /**< default 1 */
} facet_projection_opts;

FACET_API void facet_projection_opts_init(facet_projection_opts *opts);

/**
 * Learn a projection.
 *
 * @param opts    NULL for the defaults.
 * @param x       [count, dim] embeddings of any length but 0; unit copies are
 *                taken. Without NaN.
 * @param labels  [count] who each is, from 0; rows of -1 and people of one row
 *                are left out.
 * @param w       Receives [opts->dim, dim], row by row.
 * @param loss    Receives the running mean of the loss at the end; may be NULL.
 *
 * New embedding: W x / |x|, then made unit length for cosine, as everywhere in
 * facet (the paper compares W x without that).
 * Deterministic for a seed; independent of the number of threads.
 * Errors: FACET_EINVAL (NULL, an option out of range, an unknown loss, fewer
 *         than two people of two rows, a row of NaN or zero, a rate at which
 *         it diverges), FACET_ENOMEM.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_projection_fit(
    const facet_projection_opts *opts, const float *x, const int32_t *labels,
    size_t count, size_t dim, float *w, double *loss, facet_error *err);

/**
 * Write a copy of an ONNX network with a projection behind its first output:
 * flattened, made unit length, multiplied by W. Its threshold, calibration and
 * golden answers (facet.* metadata) are left out, since it answers something
 * else now; everything else stays.
 *
 * @param model  The network that made the embeddings.
 * @param w      [rows, dim]
 * @param path   Written whole or not at all; may be `model`.
 *
 * Errors: FACET_EINVAL (NULL, 0 rows), FACET_EMODEL (the network's output has
 *         not `dim` numbers), those of facet_model_load, FACET_EIO.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_projection_append(const char *model,
    const float *w, size_t rows, size_t dim, const char *path,
    facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
