/* SPDX-License-Identifier: Apache-2.0 */
/* vec3.h - points and directions in space, as values. */
#ifndef FACET__VEC3_H
#define FACET__VEC3_H

#include <math.h>

#include "facet/synth.h"

typedef facet_point3 facet__vec3;

static inline facet__vec3 facet__add(facet__vec3 a, facet__vec3 b)
{
    return (facet__vec3){ a.x + b.x, a.y + b.y, a.z + b.z };
}

static inline facet__vec3 facet__sub(facet__vec3 a, facet__vec3 b)
{
    return (facet__vec3){ a.x - b.x, a.y - b.y, a.z - b.z };
}

static inline facet__vec3 facet__scaled(facet__vec3 a, float by)
{
    return (facet__vec3){ a.x * by, a.y * by, a.z * by };
}

/* Component by component: colors under light. */
static inline facet__vec3 facet__times(facet__vec3 a, facet__vec3 b)
{
    return (facet__vec3){ a.x * b.x, a.y * b.y, a.z * b.z };
}

static inline float facet__dot3(facet__vec3 a, facet__vec3 b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline facet__vec3 facet__cross(facet__vec3 a, facet__vec3 b)
{
    return (facet__vec3){ a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z,
        a.x * b.y - a.y * b.x };
}

/* Of length 1; (0, 0, 1) for nothing. */
static inline facet__vec3 facet__unit(facet__vec3 a)
{
    const float length = sqrtf(facet__dot3(a, a));

    return length > 0 ? facet__scaled(a, 1 / length) : (facet__vec3){ 0, 0, 1 };
}

/* From a (t = 0) to b (t = 1). */
static inline facet__vec3 facet__mix3(facet__vec3 a, facet__vec3 b, float t)
{
    return facet__add(a, facet__scaled(facet__sub(b, a), t));
}

static inline float facet__mix1(float a, float b, float t)
{
    return a + (b - a) * t;
}

static inline float facet__clamp(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

/* 0 up to `low`, 1 from `high` on, smooth between; low > high falls. */
static inline float facet__step(float low, float high, float x)
{
    const float t = facet__clamp((x - low) / (high - low), 0, 1);

    return t * t * (3 - 2 * t);
}

#endif
