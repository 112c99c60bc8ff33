/* SPDX-License-Identifier: Apache-2.0 */
#define FACET__ROWS facet__rows_avx512
#include "nn/learn/rows.inc"
