/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_EMBEDDER_H
#define FACET_EMBEDDER_H

/**
 * @file
 * Aligned crops to embeddings, and embeddings to a similarity.
 */

#include <stddef.h>
#include <stdint.h>

#include "facet/align.h"
#include "facet/image.h"
#include "facet/model.h"
#include "facet/settings.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * How an embedding was made, in one number: SHA-256 over the detector, the
 * template and the way of alignment, the preprocessing, the weights and the
 * normalization. Embeddings compare only within one contract. The precision
 * (fp32, bf16) is not part of it: both give the same embedding to a cosine of
 * 0.999, which no decision hangs on. A quantized copy of a network is another
 * network, with a contract of its own.
 */
typedef struct facet_contract {
    uint8_t id[32];
} facet_contract;

enum { FACET_CONTRACT_TEXT = 65 };

/** The 64 hexadecimal digits and a final zero. Returns `text`. */
FACET_API char *facet_contract_text(
    const facet_contract *contract, char text[FACET_CONTRACT_TEXT]);

/** A face as a point on the unit sphere. */
typedef struct facet_embedding {
    facet_contract contract;
    size_t dim;
    const float *values; /**< dim floats of length 1; whose they are is said by
                              the call that gave them */
} facet_embedding;

/**
 * Cosine similarity of two embeddings.
 *
 * @param similarity  Receives a value of -1 to 1, larger is more alike; 0 on
 *                    error.
 *
 * Errors: FACET_EINVAL (NULL, dim 0, values that are not of unit length or not
 *         finite), FACET_ECONTRACT (made by different contracts, or of
 *         different dim: make both with one pipeline).
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_embedding_compare(
    const facet_embedding *a, const facet_embedding *b, float *similarity,
    facet_error *err);

/** Turns aligned crops into embeddings. Holds scratch memory: one a thread. */
typedef struct facet_embedder facet_embedder;

typedef struct facet_embedder_opts {
    size_t size; /**< set by facet_embedder_opts_init */
    /** How to feed the network; copied. NULL, the default: as the network's
     * metadata says, see facet_settings_read. */
    const facet_settings *settings;
    /** The network whose points the crops were or will be aligned by, asked
     * for its digest only. NULL, the default: crops that were aligned
     * elsewhere; their embeddings have a contract of their own. */
    const facet_model *detector;
    size_t batch; /**< crops that one run takes at most, 1 to 256; default 8 */
    int threads;  /**< cores that one call may use; default 1 */
} facet_embedder_opts;

/** Fill in the defaults. */
FACET_API void facet_embedder_opts_init(facet_embedder_opts *opts);

/**
 * An embedder from a network with one image input and one vector output (the
 * last output, if there are several).
 *
 * @param model  Borrowed; must outlive the embedder.
 * @param opts   NULL for the defaults.
 * @param out    Receives the embedder; free it with facet_embedder_free. NULL
 *               on failure.
 *
 * Errors: FACET_EINVAL (NULL, an option out of range), FACET_EMODEL (see
 *         facet_settings_read; not an embedder; input or output of another
 *         shape), FACET_ENOMEM.
 * Thread safety: may be called at any time; embedders of one model may run at
 * once.
 */
FACET_API FACET_MUST_USE facet_status facet_embedder_create(
    const facet_model *model, const facet_embedder_opts *opts,
    facet_embedder **out, facet_error *err);

/** NULL is a no-op. */
FACET_API void facet_embedder_free(facet_embedder *embedder);

/** Length of the embeddings. */
FACET_API size_t facet_embedder_dim(const facet_embedder *embedder);

/** The settings in force, borrowed until the embedder is freed. `align` is the
 * template that its crops must have been aligned to. */
FACET_API const facet_settings *facet_embedder_settings(
    const facet_embedder *embedder);

/** The contract of everything that it makes. */
FACET_API facet_contract facet_embedder_contract(
    const facet_embedder *embedder);

/**
 * Embed aligned crops.
 *
 * @param crops   `count` images, each exactly of the template's size, as
 *                facet_align makes them.
 * @param values  Receives [count, dim] floats, each row of unit length; owned
 *                by the caller, contents undefined on error.
 *
 * A crop's embedding does not depend on the others of the call. No allocation
 * from the second call on.
 * Errors: FACET_EINVAL (NULL, a crop of another size), FACET_EMODEL (the
 *         network answered zeros or NaN), FACET_ENOMEM, and those of
 *         facet_session_run.
 * Thread safety: one embedder belongs to one thread at a time.
 */
FACET_API FACET_MUST_USE facet_status facet_embedder_run(
    facet_embedder *embedder, const facet_image *const *crops, size_t count,
    float *values, facet_error *err);

/** Views of a face at one scale, and how many scales there are at most. */
enum { FACET_VIEWS = 10, FACET_VIEW_SCALES = 3 };

/**
 * The four corners and the middle of a face, then the mirror images of these.
 *
 * @param face    At least `width` x `height`.
 * @param views   Receives the crops, of that size; let them go with
 *                facet_views_free. NULL each on failure.
 *
 * Errors: FACET_EINVAL (NULL, a face that is too small), FACET_ENOMEM.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_views_cut(const facet_image *face,
    int32_t width, int32_t height, facet_image *views[FACET_VIEWS]);

/** NULL is a no-op, and so are views that are NULL. */
FACET_API void facet_views_free(facet_image *views[FACET_VIEWS]);

/**
 * The mean of many looks at a face, as Parkhi et al. 2015 test: scaled to
 * 256/224, 384/224 and 512/224 of the network's input, ten views each.
 *
 * @param face    An aligned crop of any size; of the template's size nothing
 *                of it is lost.
 * @param scales  The first so many of the three.
 * @param values  Receives facet_embedder_dim floats of unit length; contents
 *                undefined on error.
 *
 * Costs `scales` x 10 runs of the network. Errors and thread safety: as
 * facet_embedder_run's; FACET_EINVAL also for `scales`.
 */
FACET_API FACET_MUST_USE facet_status facet_embedder_run_views(
    facet_embedder *embedder, const facet_image *face, size_t scales,
    float *values, facet_error *err);

/** Bytes of scratch that the embedder holds now. */
FACET_API size_t facet_embedder_memory(const facet_embedder *embedder);

#ifdef __cplusplus
}
#endif

#endif
