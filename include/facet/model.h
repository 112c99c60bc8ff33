/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_MODEL_H
#define FACET_MODEL_H

/**
 * @file
 * Networks. A `facet_model` is a network read from ONNX and made ready for
 * this processor: immutable, and shared by any number of threads. A
 * `facet_session` runs it and holds the scratch memory: one a thread.
 */

#include <stddef.h>
#include <stdint.h>

#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct facet_model facet_model;
typedef struct facet_session facet_session;

/** In which numbers a network computes. Inputs and outputs are float always. */
typedef enum facet_precision {
    FACET_PRECISION_AUTO = 0, /**< the fastest that keeps embeddings: int8 if
                                 the network is quantized, bf16, fp32; the first
                                   that the processor is made for */
    FACET_PRECISION_FP32 = 1,
    FACET_PRECISION_BF16 = 2, /**< FACET_EUNSUPPORTED without avx512_bf16 */
    FACET_PRECISION_INT8 = 3, /**< of a network quantized for it: see
                                   facet_model_quantize; what it has no grid
                                   for is computed in bf16 or fp32 */
} facet_precision;

typedef struct facet_model_opts {
    size_t size;               /**< set by facet_model_opts_init */
    facet_precision precision; /**< default FACET_PRECISION_AUTO */
    size_t max_bytes; /**< of the file with its weights; default 2 GiB */
} facet_model_opts;

/** Fill in the defaults. */
FACET_API void facet_model_opts_init(facet_model_opts *opts);

/**
 * Read a network from an ONNX file (opset 7 to 18).
 *
 * @param path  External data is accepted only inside the file's own folder.
 * @param opts  NULL for the defaults.
 * @param out   Receives the model; free it with facet_model_free. NULL on
 *              failure.
 * @param err   NULL, or receives what was wrong: it names the node and the
 *              operator.
 *
 * Errors: FACET_EINVAL, FACET_ENOTFOUND, FACET_EIO, FACET_EEMPTY,
 *         FACET_ETRUNCATED, FACET_EDAMAGED, FACET_ELIMIT, FACET_EUNSUPPORTED
 *         (operator, opset, precision), FACET_EMODEL (shapes; weights that are
 *         not finite), FACET_ENOMEM.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_model_load(const char *path,
    const facet_model_opts *opts, facet_model **out, facet_error *err);

/** The same from memory; external data is refused. `bytes` may go afterwards.
 */
FACET_API FACET_MUST_USE facet_status facet_model_load_memory(const void *bytes,
    size_t size, const facet_model_opts *opts, facet_model **out,
    facet_error *err);

/** NULL is a no-op. No session of the model may be left. */
FACET_API void facet_model_free(facet_model *model);

/** One input or output of a network. */
typedef struct facet_tensor_info {
    char name[128];  /**< cut to fit */
    int n_dims;      /**< 0 to 6 */
    int64_t dims[6]; /**< -1 for a size that may vary */
} facet_tensor_info;

/** How many inputs and outputs there are, in the file's order. */
FACET_API size_t facet_model_input_count(const facet_model *model);
FACET_API size_t facet_model_output_count(const facet_model *model);
/** One input or output as the file has it: FACET_EINVAL for an index out of
 * range. */
FACET_API FACET_MUST_USE facet_status facet_model_input_info(
    const facet_model *model, size_t index, facet_tensor_info *out);
FACET_API FACET_MUST_USE facet_status facet_model_output_info(
    const facet_model *model, size_t index, facet_tensor_info *out);

/** The precision it was made ready for, never AUTO. */
FACET_API facet_precision facet_model_precision(const facet_model *model);

/** Number of weights (elements of constants that take part). */
FACET_API uint64_t facet_model_parameter_count(const facet_model *model);

/** The entry that holds a calibration (calibration.h). */
#define FACET_CALIBRATION_KEY "facet.calibration"

/**
 * An entry of the file's metadata_props.
 *
 * @return The length of the text without its end, or -1 when there is no such
 *         entry. At most `cap` bytes are written to `buf`, terminated whenever
 *         cap > 0; `buf` may be NULL when cap is 0.
 */
FACET_API ptrdiff_t facet_model_metadata(
    const facet_model *model, const char *key, char *buf, size_t cap);
/** How many entries there are. */
FACET_API size_t facet_model_metadata_count(const facet_model *model);
/** The key of the index-th entry, borrowed until the model is freed; NULL out
 * of range. */
FACET_API const char *facet_model_metadata_key(
    const facet_model *model, size_t index);

/**
 * Write a copy of an ONNX file with one entry of its metadata_props changed.
 * The network computes the same, and its digest stays. Golden answers and
 * calibration go where the entry changes how the network is fed (facet.mean and
 * the like): they were measured with the old one.
 *
 * @param text  NULL to remove the entry.
 * @param path  Written whole or not at all; may be the source.
 *
 * Errors: FACET_EINVAL, those of facet_model_load, FACET_EIO.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_model_set_metadata(
    const char *source_path, const char *key, const char *text,
    const char *path, facet_error *err);

typedef struct facet_session_opts {
    size_t size; /**< set by facet_session_opts_init */
    int threads; /**< cores that one run may use; default 1 */
} facet_session_opts;

/** The defaults. */
FACET_API void facet_session_opts_init(facet_session_opts *opts);

/**
 * A runner for a model, with its own scratch memory.
 *
 * @param model  Borrowed: it must outlive the session.
 * @param opts   NULL for the defaults.
 * @param out    Receives the session, to be freed with facet_session_free; NULL
 *               on failure.
 *
 * Errors: FACET_EINVAL (a NULL, threads below 1 or above what is allowed, which
 *         the message names), FACET_ENOMEM.
 * Thread safety: different sessions of one model may run at once; one session
 * belongs to one thread at a time.
 */
FACET_API FACET_MUST_USE facet_status facet_session_create(
    const facet_model *model, const facet_session_opts *opts,
    facet_session **out, facet_error *err);
/** NULL is a no-op. Its inputs and outputs go with it. */
FACET_API void facet_session_free(facet_session *session);

/**
 * Give the input's shapes: the network is planned for them and the session's
 * memory is laid out. Runs of the same shapes need no further call and allocate
 * nothing.
 *
 * @param dims  For each input in order its dims, one array after the other, as
 *              many as the input has.
 *
 * Errors: FACET_EINVAL (a NULL, a size below 1 or other than the network's) and
 *         FACET_ELIMIT for a size that no machine has: the session is as it
 *         was. Else it has no shapes then: FACET_EMODEL (shapes that do not fit
 *         each other in the network; the message names the node), FACET_ELIMIT,
 *         FACET_EUNSUPPORTED, FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_session_reshape(
    facet_session *session, const int64_t *dims, facet_error *err);

/**
 * Where to write an input, row-major float, valid until the next reshape. NULL
 * before the first reshape or out of range.
 */
FACET_API float *facet_session_input(facet_session *session, size_t index);

/**
 * Run. Deterministic: the same input gives the same bytes. What a node cannot
 * do for the numbers it finds, such as an index beyond its array
 * (FACET_EMODEL) or a form of an operator that facet does not compute
 * (FACET_EUNSUPPORTED), ends the run; the message names the node.
 */
FACET_API FACET_MUST_USE facet_status facet_session_run(
    facet_session *session, facet_error *err);

/**
 * An output after a run, row-major float, valid until the next run or reshape.
 * NULL before the first reshape or out of range.
 *
 * @param info  NULL, or receives name and dims (all known).
 */
FACET_API const float *facet_session_output(
    const facet_session *session, size_t index, facet_tensor_info *info);

/** Bytes of scratch that the session holds now. */
FACET_API size_t facet_session_memory(const facet_session *session);

#ifdef __cplusplus
}
#endif

#endif
