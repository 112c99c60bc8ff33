/* SPDX-License-Identifier: Apache-2.0 */
/* byte.h - numbers kept in bytes: q stands for (q - zero) step. */
#ifndef FACET__BYTE_H
#define FACET__BYTE_H

#include <math.h>
#include <stdint.h>

/* To the nearest byte, ties to even. */
static inline uint8_t facet__byte_round(float x)
{
    const float r = rintf(x);

    return (uint8_t)(r > 0.0f ? r < 255.0f ? r : 255.0f : 0.0f);
}

#endif
