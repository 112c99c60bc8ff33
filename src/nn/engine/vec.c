/* SPDX-License-Identifier: Apache-2.0 */
#define FACET__VEC facet__vec_ref
#include "nn/engine/vec.inc"
