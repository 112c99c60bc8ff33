/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_VERSION_H
#define FACET_VERSION_H

/**
 * @file
 * Which facet this is, and what it runs on.
 */

#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the headers. Programs that were built with one version run
 * with every later one of the same major number. */
#define FACET_VERSION_MAJOR 0
#define FACET_VERSION_MINOR 1
#define FACET_VERSION_PATCH 0

/** The version of the library that runs, such as "0.1.0"; static memory. */
FACET_API const char *facet_version(void);

/**
 * The most capable kernels that this processor can run: "baseline", "avx2",
 * "avx512" or "avx512bf16"; static memory. FACET_CPU in the environment lowers
 * it.
 */
FACET_API const char *facet_processor(void);

#ifdef __cplusplus
}
#endif

#endif
