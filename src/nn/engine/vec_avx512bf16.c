/* SPDX-License-Identifier: Apache-2.0 */
#define FACET__VEC facet__vec_avx512bf16
#include "nn/engine/vec.inc"
