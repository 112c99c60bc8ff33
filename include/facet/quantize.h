/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_QUANTIZE_H
#define FACET_QUANTIZE_H

/**
 * @file
 * Networks in 8 bits: a copy of a network that the precision int8 can run.
 */

#include <stddef.h>

#include "facet/image.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct facet_quantize_opts {
    size_t size; /**< set by facet_quantize_opts_init */
    /** What the outputs may differ by on the pictures given: squared
     * differences to fp32 by the squares of fp32 (of embeddings about twice
     * 1 - cosine). Maps that do most harm are computed in bf16 until it is
     * reached; 0: none is. Default 0. */
    double loss;
    int threads; /**< cores that may be used; default 1 */
} facet_quantize_opts;

/** Fill in the defaults. */
FACET_API void facet_quantize_opts_init(facet_quantize_opts *opts);

/** What became of a network. */
typedef struct facet_quantize_report {
    int convolutions;      /**< of the network */
    int int8_convolutions; /**< of these, what int8 computes */
    int maps;              /**< between convolutions */
    int kept;              /**< of these, what was not put in bytes */
    double loss_at_first;  /**< with all maps in bytes */
    double loss;           /**< as written; see facet_quantize_opts */
} facet_quantize_report;

/**
 * Write a copy of an ONNX network that holds, in pairs of QuantizeLinear and
 * DequantizeLinear (opset 14), what int8 needs: filters of signed bytes with a
 * step for each channel, and a range for each map. Any ONNX runtime can run it;
 * FACET_PRECISION_AUTO runs it in int8 where the processor is made for that.
 * Its embeddings have a contract of their own.
 *
 * @param source  A network whose settings are known (facet_settings_read).
 * @param images  `count` pictures, at least 1, like those it is for, never
 *                those it is tested on; some dozens are enough. For an embedder
 *                crops of its size, for any other network what it is to see;
 *                what is smaller than its input stands at the upper left, what
 *                is larger is cut.
 * @param opts    NULL for the defaults.
 * @param path    Written whole or not at all.
 * @param report  NULL, or receives what became of it.
 *
 * Errors: FACET_EINVAL (NULL, no picture, source and copy the same, quantized
 *         already, a crop of another size), FACET_EUNSUPPORTED (nothing that
 *         int8 could compute), those of facet_model_load, FACET_EMODEL (no
 *         settings; a map that is not finite on the pictures), FACET_EIO,
 *         FACET_ENOMEM.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_model_quantize(const char *source,
    const facet_image *const *images, size_t count,
    const facet_quantize_opts *opts, const char *path,
    facet_quantize_report *report, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
