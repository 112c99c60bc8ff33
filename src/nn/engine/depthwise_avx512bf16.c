/* SPDX-License-Identifier: Apache-2.0 */
/* depthwise_avx512bf16.c - bf16 pixels become floats in the load and bf16 again
 * in the store; weights and sums are floats. */
#include "nn/engine/depthwise_avx512.h"

void facet__depthwise_bf16_avx512bf16(const facet__depthwise_row *r)
{
    depthwise(r, true);
}
