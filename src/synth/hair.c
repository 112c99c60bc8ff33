/* SPDX-License-Identifier: Apache-2.0 */
/* hair.c - hair as a shell over the head, whose height is a function of place
 * and angle; where it is negative the shell hides under the skin. The edges of
 * the hairline thus come from the depth of the samples, noise and all.
 *
 * Places along the head: 4 is the hairline over the forehead, 7 the eyes, 10
 * the mouth at the front and the nape at the back, 19 the base of the neck. */
#include "synth/figure.h"
#include "synth/noise.h"

/* The edge of the hair by degrees from the front: short hair, around the ear.
 */
static const facet_point short_edge[] = { { 0, 4.05F }, { 22, 3.95F },
    { 38, 4.5F }, { 50, 5.3F }, { 60, 6.3F }, { 68, 7.7F }, { 77, 7.9F },
    { 84, 6.4F }, { 104, 6.2F }, { 114, 7.6F }, { 124, 9.1F }, { 180, 9.9F } };
/* Hair that hangs: open in front of the face. */
static const facet_point hanging_edge[] = { { 0, 4.0F }, { 24, 3.95F },
    { 38, 4.4F }, { 50, 5.4F }, { 58, 7.0F }, { 66, 12.0F }, { 74, 20.0F },
    { 180, 20.0F } };

static float edge_at(const facet_point *edge, size_t count, float degrees)
{
    size_t i = 0;

    while (i + 2 < count && degrees > edge[i + 1].x)
        i++;
    return facet__mix1(edge[i].y, edge[i + 1].y,
        facet__clamp(
            (degrees - edge[i].x) / (edge[i + 1].x - edge[i].x), 0, 1));
}

bool facet__hair_hangs(const facet_synth_person *person)
{
    return person->hair_style == FACET_HAIR_BOB ||
           person->hair_style == FACET_HAIR_LONG;
}

/* Where hair ends at these degrees (signed: partings are on one side). */
static float edge(const facet_synth_person *p, float degrees)
{
    const float around = fabsf(degrees);
    const float front = facet__step(62, 18, around);
    const float temple =
        facet__step(12, 28, around) * facet__step(60, 40, around);
    float line;

    if (facet__hair_hangs(p)) {
        const float end = p->hair_style == FACET_HAIR_BOB ? 12.5F : 19.4F;

        line = edge_at(
            hanging_edge, sizeof hanging_edge / sizeof *hanging_edge, around);
        line = fminf(line,
            end + 0.5F * facet__noise2(degrees * 0.12F, 0, (uint32_t)p->grain));
    } else {
        line =
            edge_at(short_edge, sizeof short_edge / sizeof *short_edge, around);
    }
    line -= p->hairline * (0.45F * front + 0.75F * temple);
    if (p->hair_style == FACET_HAIR_FRINGE)
        line = fmaxf(line, facet__step(58, 40, around) *
                               (5.75F + 0.22F * facet__noise2(degrees * 0.22F,
                                                    3, (uint32_t)p->grain)));
    return line;
}

/* Millimeters in the middle of the hair: at the top, at the sides. */
static void heights(const facet_synth_person *p, float *top, float *side)
{
    static const float table[FACET_HAIR_STYLES][2] = { { -8, -8 }, { 3, 3 },
        { 15, 5 }, { 19, 7 }, { 15, 10 }, { 14, 13 }, { 13, 13 }, { 32, 28 },
        { 8, 6 }, { 4, 7 } };
    const facet_hair_style style = p->hair_style;

    *top = table[style][0] * (style ? p->hair_volume : 1);
    *side = table[style][1] * (style ? p->hair_volume : 1);
}

float facet__hair_height(
    const facet_synth_person *p, float place, float degrees)
{
    const uint32_t seed = (uint32_t)p->grain;
    const float ragged =
        0.13F * facet__noise2(degrees * 0.16F, place * 0.5F, seed ^ 1) +
        0.10F * facet__noise2(degrees * 0.6F, place * 0.7F, seed ^ 4);
    const float inside = edge(p, degrees) + ragged - place;
    const float at_side = facet__step(2.5F, 6, place);
    float top, side, height;

    heights(p, &top, &side);
    if (inside <= -0.6F || p->hair_style == FACET_HAIR_NONE)
        return -8;
    height = facet__mix1(top, side, at_side);
    if (p->hair_style == FACET_HAIR_PARTED)
        height *= 1 - 0.55F * expf(-powf((degrees - 32) / 9, 2)) *
                          facet__step(6.5F, 3, place);
    if (p->hair_style == FACET_HAIR_FRIAR)
        height *= facet__step(4.0F, 5.2F, place + 0.012F * fabsf(degrees));
    height *= 1 + (0.10F + 0.25F * p->curl) *
                      facet__noise2(degrees * (0.05F + 0.06F * p->curl),
                          place * (0.6F + 1.6F * p->curl), seed ^ 2);
    /* It rises from the edge, and sinks below the skin beyond it. */
    return facet__mix1(-4, height, facet__step(-0.35F, 0.55F, inside)) -
           (p->hair_style == FACET_HAIR_FRIAR && place < 4.2F ? 5 : 0);
}

facet__vec3 facet__hair_point(const facet_synth_person *person, float place,
    float degrees, facet__vec3 root, facet__vec3 normal, float height)
{
    const float widest = 6.2F;
    facet__vec3 p = root;

    if (place > widest && facet__hair_hangs(person) && height > 0) {
        /* Straight down from the widest row, a little inwards. */
        const facet__vec3 from = facet__loft_point(widest, degrees);
        const float inwards = 1 - 0.008F * (place - widest);

        p.x = copysignf(fmaxf(fabsf(from.x) * inwards, fabsf(root.x)), root.x);
        p.z = root.z < from.z ? root.z : from.z;
        normal = facet__unit((facet__vec3){ normal.x, 0, normal.z });
    }
    return facet__add(p, facet__scaled(normal, height));
}
