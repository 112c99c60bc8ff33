/* SPDX-License-Identifier: Apache-2.0 */
#define FACET__WINOGRAD facet__winograd_avx512
#include "nn/engine/winograd_avx512.h"
