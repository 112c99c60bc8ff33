/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/engine/depthwise_avx512.h"

void facet__depthwise_f32_avx512(const facet__depthwise_row *r)
{
    depthwise(r, false);
}
