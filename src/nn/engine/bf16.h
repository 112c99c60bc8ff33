/* SPDX-License-Identifier: Apache-2.0 */
/* bf16.h - the upper half of a float, rounded to nearest even. */
#ifndef FACET__BF16_H
#define FACET__BF16_H

#include <stdint.h>
#include <string.h>

static inline float facet__bf16_widen(uint16_t half)
{
    const uint32_t bits = (uint32_t)half << 16;
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* NaN keeps its sign and stays a NaN. Written without a branch, so that loops
 * over it become vectors. */
static inline uint16_t facet__bf16_round(float value)
{
    uint32_t bits, rounded, quiet;

    memcpy(&bits, &value, sizeof bits);
    rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    quiet = (bits >> 16) | 0x40u;
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

#endif
