/* SPDX-License-Identifier: Apache-2.0 */
#define FACET__WINOGRAD facet__winograd_avx2
#include "nn/engine/winograd.inc"
