/* SPDX-License-Identifier: Apache-2.0 */
/* glasses.c - tubes along curves: two rims, a bridge, two temples. */
#include "synth/figure.h"

typedef struct builder {
    facet__vec3 *vertices;
    uint32_t (*triangles)[3];
    uint32_t first, n_vertices, n_triangles;
    float radius;
} builder;

/* Six points around a place of a curve that runs along `along`. */
static void put_ring(builder *b, facet__vec3 at, facet__vec3 along)
{
    const facet__vec3 any = fabsf(along.z) < 0.8F ? (facet__vec3){ 0, 0, 1 }
                                                  : (facet__vec3){ 0, 1, 0 };
    const facet__vec3 u = facet__unit(facet__cross(any, along));
    const facet__vec3 v = facet__unit(facet__cross(along, u));

    for (int i = 0; i < FACET__TUBE; i++) {
        const float angle = 6.2831853F * (float)i / FACET__TUBE;

        b->vertices[b->n_vertices++] =
            facet__add(at, facet__add(facet__scaled(u, b->radius * cosf(angle)),
                               facet__scaled(v, b->radius * sinf(angle))));
    }
}

static void join(builder *b, uint32_t ring, uint32_t next)
{
    for (uint32_t i = 0; i < FACET__TUBE; i++) {
        const uint32_t j = (i + 1) % FACET__TUBE;
        uint32_t(*t)[3] = b->triangles + b->n_triangles;

        t[0][0] = b->first + ring + i;
        t[0][1] = b->first + ring + j;
        t[0][2] = b->first + next + j;
        t[1][0] = b->first + ring + i;
        t[1][1] = b->first + next + j;
        t[1][2] = b->first + next + i;
        b->n_triangles += 2;
    }
}

/* A rim: a superellipse, rounder or squarer, bent back to the sides. */
static facet__vec3 rim_point(const facet_synth_person *p, float sign, float a)
{
    const float power = 4.5F - 2.5F * p->glasses_round;
    const float c = cosf(a), s = sinf(a);
    const float r =
        powf(powf(fabsf(c), power) + powf(fabsf(s), power), -1 / power);
    const float half_w = 24.5F, half_h = 15.5F + 6 * p->glasses_round;
    const float x = 34 + half_w * c * r;

    return (
        facet__vec3){ sign * x, -2.5F + half_h * s * r, 99 - 0.0042F * x * x };
}

static void put_rim(builder *b, const facet_synth_person *p, float sign)
{
    const uint32_t begin = b->n_vertices;

    for (int i = 0; i < FACET__RIM_STEPS; i++) {
        const float a = 6.2831853F * (float)i / FACET__RIM_STEPS;
        const facet__vec3 ahead = facet__sub(
            rim_point(p, sign, a + 0.05F), rim_point(p, sign, a - 0.05F));

        put_ring(b, rim_point(p, sign, a), facet__unit(ahead));
    }
    for (uint32_t i = 0; i < FACET__RIM_STEPS; i++)
        join(b, begin + i * FACET__TUBE,
            begin + (i + 1) % FACET__RIM_STEPS * FACET__TUBE);
}

static void put_line(builder *b, const facet__vec3 *at, uint32_t count)
{
    const uint32_t begin = b->n_vertices;

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t before = i ? i - 1 : 0;
        const uint32_t after = i + 1 < count ? i + 1 : i;

        put_ring(b, at[i], facet__unit(facet__sub(at[after], at[before])));
    }
    for (uint32_t i = 0; i + 1 < count; i++)
        join(b, begin + i * FACET__TUBE, begin + (i + 1) * FACET__TUBE);
}

void facet__glasses(const facet_synth_person *person, facet__vec3 *vertices,
    uint32_t (*triangles)[3], uint32_t first)
{
    builder b = { .vertices = vertices,
        .triangles = triangles,
        .first = first,
        .radius = 0.55F + 1.3F * person->glasses };
    const facet__vec3 bridge[3] = { { -9.8F, 0, 98.6F }, { 0, 2.5F, 100 },
        { 9.8F, 0, 98.6F } };

    put_rim(&b, person, -1);
    put_rim(&b, person, 1);
    put_line(&b, bridge, 3);
    for (int side = -1; side <= 1; side += 2) {
        const float s = (float)side;
        const facet__vec3 temple[FACET__TEMPLE_STEPS] = { { s * 58, 2, 84.5F },
            { s * 72, 4, 70 }, { s * 77, 6, 20 }, { s * 76, 6, -14 } };

        put_line(&b, temple, FACET__TEMPLE_STEPS);
    }
}
