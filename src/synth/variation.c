/* SPDX-License-Identifier: Apache-2.0 */
/* variation.c - how heads differ, and what expressions do: a table of soft
 * handles that push and stretch the mean head's space.
 *
 * A handle moves what is near its center by `move`, and stretches it away from
 * the center by `stretch`; both fade with a Gaussian of the given radii. A
 * handle off the middle has a twin on the other side. Sizes are our choice:
 * somewhat more than one standard deviation of the published spreads (see
 * loft.c), as skin, eyes and hair that are drawn differ less than those of
 * people, and 2.5 of any of them is still a face. */
#include "synth/head_private.h"

typedef struct handle {
    unsigned char index; /* of the variation; several handles may share one */
    facet__vec3 center, radius, move, stretch;
} handle;

/* The factor of all shapes, see above. */
static const float spread = 1.45F;

#define WIDE (1e4F) /* a radius: everywhere */

static const char *const names[FACET_HEAD_SHAPES] = { "skull width",
    "skull height", "skull depth", "face length", "face width", "jaw width",
    "jaw angle", "chin width", "chin protrusion", "chin length",
    "forehead slope", "forehead width", "brow ridge", "brow height",
    "brow tilt", "eye distance", "eye size", "eye tilt", "eye depth",
    "nose length", "nose width", "bridge width", "bridge height", "nose hump",
    "nose tip protrusion", "nose tip height", "cheekbones", "cheek fullness",
    "mouth width", "mouth height", "mouth protrusion", "upper lip", "lower lip",
    "ear size", "ear protrusion", "neck width", "temples", "upper lip length",
    "inner eye corner", "upper lid", "wing of the nose", "corner of the mouth",
    "cheek hollow", "eye bulge", "inner brow", "nose base", "mouth asymmetry",
    "nose asymmetry" };

static const handle handles[] = {
    { 0, { 0, 50, -15 }, { WIDE, 60, WIDE }, { 0, 0, 0 }, { 0.05F, 0, 0 } },
    { 1, { 0, 118, -10 }, { 90, 55, 120 }, { 0, 6, 0 }, { 0, 0, 0 } },
    { 2, { 0, 40, -100 }, { 90, 80, 70 }, { 0, 0, -6 }, { 0, 0, 0 } },
    { 3, { 0, -114, 60 }, { 90, 62, 90 }, { 0, -5.5F, 0 }, { 0, 0, 0 } },
    { 4, { 0, -12, 10 }, { WIDE, 45, 90 }, { 0, 0, 0 }, { 0.05F, 0, 0 } },
    { 5, { 52, -78, 15 }, { 34, 32, 55 }, { 4.2F, 0, 0 }, { 0, 0, 0 } },
    { 6, { 52, -84, 15 }, { 30, 26, 40 }, { 0, -5, 0 }, { 0, 0, 0 } },
    { 7, { 19, -104, 80 }, { 15, 16, 34 }, { 3, 0, 0 }, { 0, 0, 0 } },
    { 8, { 0, -101, 92 }, { 26, 18, 36 }, { 0, 0, 4.2F }, { 0, 0, 0 } },
    { 9, { 0, -114, 80 }, { 30, 22, 45 }, { 0, -4, 0 }, { 0, 0, 0 } },
    { 10, { 0, 66, 88 }, { 60, 30, 45 }, { 0, 0, -4.5F }, { 0, 0, 0 } },
    { 11, { 46, 50, 60 }, { 26, 34, 45 }, { 3, 0, 0.8F }, { 0, 0, 0 } },
    { 12, { 26, 21, 90 }, { 24, 8, 22 }, { 0, 0, 2.3F }, { 0, 0, 0 } },
    { 13, { 31, 20, 85 }, { 26, 8.5F, 28 }, { 0, 2.3F, 0 }, { 0, 0, 0 } },
    { 14, { 46, 19, 75 }, { 14, 9, 22 }, { 0, 2.6F, 0 }, { 0, 0, 0 } },
    { 15, { 31, 0, 78 }, { 20, 17, 28 }, { 2.1F, 0, 0 }, { 0, 0, 0 } },
    { 16, { 31.5F, 0, 78 }, { 20, 12, 26 }, { 0, 0, 0 }, { 0.08F, 0.10F, 0 } },
    { 17, { 47, 0, 70 }, { 10, 10, 18 }, { 0, 1.7F, 0 }, { 0, 0, 0 } },
    { 18, { 31, 1, 80 }, { 19, 13, 26 }, { 0, 0, 1.9F }, { 0, 0, 0 } },
    { 19, { 0, -40, 105 }, { 24, 16, 45 }, { 0, -3.2F, 0 }, { 0, 0, 0 } },
    { 20, { 14, -39, 99 }, { 10, 12, 22 }, { 2.1F, 0, 0 }, { 0, 0, 0 } },
    { 21, { 8, -9, 97 }, { 8, 20, 22 }, { 1.4F, 0, 0 }, { 0, 0, 0 } },
    { 22, { 0, -1, 96 }, { 9, 15, 22 }, { 0, 0, 2.2F }, { 0, 0, 0 } },
    { 23, { 0, -14, 105 }, { 8, 9, 16 }, { 0, 0, 1.8F }, { 0, 0, 0 } },
    { 24, { 0, -35, 118 }, { 12, 11, 24 }, { 0, 0, 3.2F }, { 0, 0, 0 } },
    { 25, { 0, -35, 118 }, { 12, 10, 20 }, { 0, 2.2F, 0 }, { 0, 0, 0 } },
    { 26, { 51, -13, 58 }, { 20, 15, 30 }, { 2.2F, 0, 2.0F }, { 0, 0, 0 } },
    { 27, { 44, -50, 62 }, { 22, 24, 36 }, { 3.6F, 0, 3.0F }, { 0, 0, 0 } },
    { 28, { 25, -66, 92 }, { 12, 11, 22 }, { 2.4F, 0, 0 }, { 0, 0, 0 } },
    { 29, { 0, -67, 98 }, { 36, 16, 34 }, { 0, 2.0F, 0 }, { 0, 0, 0 } },
    { 30, { 0, -67, 98 }, { 26, 17, 30 }, { 0, 0, 2.2F }, { 0, 0, 0 } },
    { 31, { 0, -59, 101 }, { 22, 4.5F, 20 }, { 0, 1.2F, 1.2F }, { 0, 0, 0 } },
    { 32, { 0, -75, 100 }, { 22, 5, 20 }, { 0, -1.4F, 1.4F }, { 0, 0, 0 } },
    { 33, { 76, -12, -12 }, { 14, 40, 30 }, { 0, 0, 0 }, { 0, 0.10F, 0.09F } },
    { 34, { 84, -8, -24 }, { 9, 40, 22 }, { 3.0F, 0, 0 }, { 0, 0, 0 } },
    { 35, { 0, -150, -10 }, { WIDE, 36, WIDE }, { 0, 0, 0 },
        { 0.09F, 0, 0.06F } },
    { 36, { 66, 22, 40 }, { 16, 22, 30 }, { 2.4F, 0, 0 }, { 0, 0, 0 } },
    { 37, { 0, -62, 99 }, { 30, 10, 30 }, { 0, -1.8F, 0 }, { 0, 0, 0 } },
    { 38, { 17, -1, 78 }, { 7, 8, 16 }, { 0, 1.4F, -0.8F }, { 0, 0, 0 } },
    { 39, { 34, 6, 82 }, { 14, 5, 18 }, { 0, 1.2F, 0.8F }, { 0, 0, 0 } },
    { 40, { 13, -39, 99 }, { 8, 8, 20 }, { 0, 1.8F, 0.6F }, { 0, 0, 0 } },
    { 41, { 26, -66, 90 }, { 9, 9, 18 }, { 0, 1.5F, 0 }, { 0, 0, 0 } },
    { 42, { 46, -38, 62 }, { 16, 18, 28 }, { -1.4F, 0, -2.2F }, { 0, 0, 0 } },
    { 43, { 31, 0, 80 }, { 11, 7, 18 }, { 0, 0, 1.2F }, { 0, 0, 0 } },
    { 44, { 15, 18, 90 }, { 9, 8, 20 }, { 1.6F, 1.4F, 0 }, { 0, 0, 0 } },
    { 45, { 0, -47, 98 }, { 16, 7, 24 }, { 0, -1.6F, 1.0F }, { 0, 0, 0 } },
    { FACET__SMILE_WIDTH, { 27, -66, 90 }, { 13, 14, 26 }, { 6.5F, 4.5F, -5 },
        { 0, 0, 0 } },
    { FACET__SMILE_WIDTH, { 0, -60, 101 }, { 16, 7, 24 }, { 0, 1.8F, -1.2F },
        { 0, 0, 0 } },
    { FACET__SMILE_CHEEKS, { 40, -26, 75 }, { 15, 14, 26 }, { 1.5F, 4.5F, 4 },
        { 0, 0, 0 } },
    { FACET__SMILE_CHEEKS, { 48, -52, 62 }, { 14, 16, 26 }, { 2.5F, 2, -1.0F },
        { 0, 0, 0 } },
    { FACET__SMILE_LIDS, { 31, -9, 80 }, { 14, 5, 22 }, { 0, 2.4F, 0.8F },
        { 0, 0, 0 } },
    { FACET__BROWS_UP, { 30, 20, 88 }, { 28, 11, 30 }, { 0, 7, -0.5F },
        { 0, 0, 0 } },
    { FACET__PUCKER, { 25, -66, 92 }, { 14, 14, 26 }, { -5, 0, 3 },
        { 0, 0, 0 } },
    { FACET__PUCKER, { 0, -66, 100 }, { 13, 11, 26 }, { 0, 0, 3.5F },
        { 0, 0, 0 } },
};

const char *facet_head_shape_name(size_t index)
{
    return index < FACET_HEAD_SHAPES ? names[index] : NULL;
}

static float near(float distance, float radius)
{
    const float d = distance / radius;

    return expf(-d * d);
}

/* What the handle does at p, its center and move mirrored by `sign`. */
static facet__vec3 pull(const handle *h, float sign, facet__vec3 p)
{
    const facet__vec3 d = { p.x - sign * h->center.x, p.y - h->center.y,
        p.z - h->center.z };
    const float w = near(d.x, h->radius.x) * near(d.y, h->radius.y) *
                    near(d.z, h->radius.z);

    return (facet__vec3){ w * (sign * h->move.x + h->stretch.x * d.x),
        w * (h->move.y + h->stretch.y * d.y),
        w * (h->move.z + h->stretch.z * d.z) };
}

/* The last two are of one side, which no face is free of. */
static facet__vec3 asymmetry(size_t index, facet__vec3 p)
{
    const bool mouth = index == FACET_HEAD_SHAPES - 2;
    const handle h = mouth ? (handle){ 0, { 20, -66, 95 }, { 16, 14, 30 },
        { 0, 1.1F, 0 }, { 0, 0, 0 } }
                           : (handle){ 0, { 0, -30, 110 }, { 16, 18, 35 },
                                 { 1.2F, 0, 0 }, { 0, 0, 0 } };

    return pull(&h, 1, p);
}

facet__vec3 facet__variation_at(size_t index, facet__vec3 p)
{
    facet__vec3 sum = { 0, 0, 0 };

    if (index == FACET_HEAD_SHAPES - 1 || index == FACET_HEAD_SHAPES - 2)
        return asymmetry(index, p);
    for (size_t i = 0; i < sizeof handles / sizeof *handles; i++) {
        const handle *h = &handles[i];

        if (h->index != index)
            continue;
        sum = facet__add(sum, pull(h, 1, p));
        if (h->center.x > 0)
            sum = facet__add(sum, pull(h, -1, p));
    }
    return index < FACET_HEAD_SHAPES ? facet__scaled(sum, spread) : sum;
}

/* The lower lip parts from the upper one at the seam; beyond the corners of the
 * mouth the cheek stretches over an ever wider band. */
float facet__jaw_weight(facet__vec3 p)
{
    const float beyond = fmaxf(fabsf(p.x) - FACET__MOUTH_HALF, 0);
    const float u = fminf(fabsf(p.x) / FACET__MOUTH_HALF, 1);
    /* Wider towards the corners as well, so that the opening is round. */
    const float band = 0.25F + 6.0F * u * u * u * u * u * u + 0.9F * beyond;
    const float seam = FACET__SEAM_Y + 0.2F + 0.12F * beyond;
    const float below = facet__step(seam + band, seam - band, p.y);
    const float front = facet__step(5, 55, p.z);
    const float throat = facet__step(-150, -112, p.y);

    return below * front * throat;
}

facet__vec3 facet__jaw_turned(facet__vec3 p, float weight, float open)
{
    const facet__vec3 hinge = { 0, -12, 5 };
    const float widest = 17; /* degrees */
    const float angle = weight * open * widest * 0.0174532925F;
    const float c = cosf(angle), s = sinf(angle);
    const float y = p.y - hinge.y, z = p.z - hinge.z;

    p.y = hinge.y + c * y - s * z;
    p.z = hinge.z + s * y + c * z;
    return p;
}
