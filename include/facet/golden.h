/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_GOLDEN_H
#define FACET_GOLDEN_H

/**
 * @file
 * Golden answers: what a network says of pictures made by a formula, written
 * into its file when it is made, so that any machine can find out whether it
 * says the same (docs/formats/golden.md). A damaged weight, or a kernel that
 * computes wrongly, shows before anybody's face is compared.
 *
 * facet_pipeline_open asks one of them of each network that has some; `facet
 * selftest` asks all.
 *
 * Thread safety: all functions may be called at any time.
 */

#include <stddef.h>

#include "facet/model.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FACET_GOLDEN_CASES = 8 /**< at most, in a file */ };

#define FACET_GOLDEN_KEY "facet.golden"

/** How many golden answers a network's file has; 0 for none, and for NULL. */
FACET_API size_t facet_golden_count(const facet_model *model);

/**
 * Ask a network for one of its golden answers.
 *
 * @param index  0 to facet_golden_count - 1.
 * @param off    NULL, or receives 1 - cosine of the angle between the answer
 *               and the golden one; allowed are 1e-5 in fp32, 2e-3 in bf16
 *               and int8, 2e-2 for a network in 8 bits in other numbers.
 *
 * Errors: FACET_EINVAL (NULL, no such case), FACET_EMODEL (the answer is
 *         another; the entry cannot be read; the network has no settings),
 *         FACET_ENOMEM, those of facet_session_run.
 */
FACET_API FACET_MUST_USE facet_status facet_golden_check(
    const facet_model *model, size_t index, double *off, facet_error *err);

/**
 * Write a copy of an ONNX file that carries golden answers, computed in fp32,
 * or in int8 where the network was quantized. What stood under FACET_GOLDEN_KEY
 * is replaced.
 *
 * @param source_path  A network whose settings are known.
 * @param count        1 to FACET_GOLDEN_CASES.
 * @param path         As for facet_model_import.
 *
 * Errors: those of facet_model_load and facet_settings_read; FACET_EINVAL
 *         (NULL, count), FACET_EIO, FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_golden_write(
    const char *source_path, size_t count, const char *path, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
