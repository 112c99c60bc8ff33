/* SPDX-License-Identifier: Apache-2.0 */
#include "synth/noise.h"

#include <math.h>

static uint32_t mix(uint32_t h)
{
    h ^= h >> 16;
    h *= UINT32_C(0x7feb352d);
    h ^= h >> 15;
    h *= UINT32_C(0x846ca68b);
    return h ^ (h >> 16);
}

float facet__cell(int32_t x, int32_t y, int32_t z, uint32_t seed)
{
    const uint32_t h = mix((uint32_t)x * UINT32_C(0x9e3779b1) ^
                           (uint32_t)y * UINT32_C(0x85ebca77) ^
                           (uint32_t)z * UINT32_C(0xc2b2ae3d) ^ seed);

    return (float)(h >> 8) * (2.0F / 16777216.0F) - 1;
}

static int32_t whole(float x)
{
    const int32_t i = (int32_t)x;

    return i - ((float)i > x);
}

static float ease(float t)
{
    return t * t * (3 - 2 * t);
}

static float plane(
    int32_t ix, int32_t iy, int32_t iz, float tx, float ty, uint32_t seed)
{
    const float a = facet__cell(ix, iy, iz, seed);
    const float b = facet__cell(ix + 1, iy, iz, seed);
    const float c = facet__cell(ix, iy + 1, iz, seed);
    const float d = facet__cell(ix + 1, iy + 1, iz, seed);
    const float top = a + (b - a) * tx, low = c + (d - c) * tx;

    return top + (low - top) * ty;
}

float facet__noise2(float x, float y, uint32_t seed)
{
    const int32_t ix = whole(x), iy = whole(y);

    return plane(ix, iy, 0, ease(x - (float)ix), ease(y - (float)iy), seed);
}

float facet__noise3(float x, float y, float z, uint32_t seed)
{
    const int32_t ix = whole(x), iy = whole(y), iz = whole(z);
    const float tx = ease(x - (float)ix), ty = ease(y - (float)iy);
    const float near = plane(ix, iy, iz, tx, ty, seed);
    const float far = plane(ix, iy, iz + 1, tx, ty, seed);

    return near + (far - near) * ease(z - (float)iz);
}
