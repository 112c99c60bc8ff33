/* SPDX-License-Identifier: Apache-2.0 */
#define FACET__ROWS facet__rows_avx512bf16
#include "nn/learn/rows.inc"
