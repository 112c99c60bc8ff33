/* SPDX-License-Identifier: Apache-2.0 */
/* landmarks.c - the lines of lids, lips and brows, which both the textures and
 * the landmarks follow, and the 68 points on the mean head. */
#include "synth/head_private.h"

const facet__features facet__mean_features = { 1, 1, 0.5F, 0.5F };

float facet__lid(const facet__features *f, float u, bool up)
{
    /* The outer corner lies higher, the upper arc culminates further in, the
     * lower one further out. */
    const float line = 1.0F * u;
    const float round = facet__clamp(1 - u * u, 0, 1);
    const float lower = line - 4.9F * powf(round, 0.85F) * (1 + 0.12F * u);
    const float upper = line + 5.1F * powf(round, 0.72F) * (1 - 0.14F * u);

    return up ? facet__mix1(lower, upper, f->lid_opening) : lower;
}

float facet__lip(const facet__features *f, float x, bool up)
{
    const float u = facet__clamp(fabsf(x) / FACET__MOUTH_HALF, 0, 1);
    const float round = 1 - u * u;
    const float bow = x / 3.2F;

    if (up)
        return f->lip_fullness * 8.0F * powf(round, 0.9F) *
               (1 - 0.16F * expf(-bow * bow));
    return -f->lip_fullness * 10.0F * powf(round, 0.75F);
}

float facet__brow(const facet__features *f, float v)
{
    const float arch = 2.0F + 6.0F * f->brow_arch;

    return 17.5F + 5.0F * (f->brow_height - 0.5F) - 0.5F * v +
           arch * sinf(3.14159265F * powf(facet__clamp(v, 0, 1), 1.25F));
}

/* Where on the loft the jaw's points lie: place of the row, degrees. */
static const struct {
    float place, degrees;
} jaw[9] = { { 7.0F, 74 }, { 8.1F, 74 }, { 9.3F, 73 }, { 10.6F, 71 },
    { 11.9F, 64 }, { 12.8F, 50 }, { 13.3F, 34 }, { 13.6F, 17 }, { 13.75F, 0 } };

/* Names of one side; what lies in the middle has its name twice. */
static const char *const names[FACET_HEAD_POINTS] = { "jaw left 1, at the ear",
    "jaw left 2", "jaw left 3", "jaw left 4", "jaw left 5", "jaw left 6",
    "jaw left 7", "jaw left 8", "chin", "jaw right 8", "jaw right 7",
    "jaw right 6", "jaw right 5", "jaw right 4", "jaw right 3", "jaw right 2",
    "jaw right 1, at the ear", "left brow outer end", "left brow 2",
    "left brow 3", "left brow 4", "left brow inner end", "right brow inner end",
    "right brow 4", "right brow 3", "right brow 2", "right brow outer end",
    "nose root", "nose bridge 1", "nose bridge 2", "nose tip",
    "left wing of the nose", "left nostril", "nose base", "right nostril",
    "right wing of the nose", "left eye outer corner",
    "left eye upper lid outer", "left eye upper lid inner",
    "left eye inner corner", "left eye lower lid inner",
    "left eye lower lid outer", "right eye inner corner",
    "right eye upper lid inner", "right eye upper lid outer",
    "right eye outer corner", "right eye lower lid outer",
    "right eye lower lid inner", "left mouth corner", "upper lip left 1",
    "upper lip left peak", "upper lip middle", "upper lip right peak",
    "upper lip right 1", "right mouth corner", "lower lip right 1",
    "lower lip right 2", "lower lip middle", "lower lip left 2",
    "lower lip left 1", "left mouth corner, inner", "upper lip inner left",
    "upper lip inner middle", "upper lip inner right",
    "right mouth corner, inner", "lower lip inner right",
    "lower lip inner middle", "lower lip inner left" };

const char *facet_head_point_name(size_t index)
{
    return index < FACET_HEAD_POINTS ? names[index] : NULL;
}

static void put_jaw(facet__vec3 points[FACET_HEAD_POINTS])
{
    for (int i = 0; i < 9; i++) {
        points[i] = facet__loft_point(jaw[i].place, -jaw[i].degrees);
        points[16 - i] = facet__loft_point(jaw[i].place, jaw[i].degrees);
    }
}

static void put_brows(const facet_head *head, const facet__features *f,
    facet__vec3 points[FACET_HEAD_POINTS])
{
    for (int i = 0; i < 5; i++) {
        const float v = 1 - (float)i / 4;
        const float x = facet__mix1(FACET__BROW_IN, FACET__BROW_OUT, v);
        const float y = facet__brow(f, v);

        points[17 + i] = facet__front_point(head, -x, y);
        points[26 - i] = facet__front_point(head, x, y);
    }
}

static void put_nose(
    const facet_head *head, facet__vec3 points[FACET_HEAD_POINTS])
{
    static const float bridge[4] = { 4, -9, -22, -34.5F };
    static const facet_point base[3] = { { 13, -43.5F }, { 6.5F, -46 },
        { 0, -47 } };

    for (int i = 0; i < 4; i++)
        points[27 + i] = facet__front_point(head, 0, bridge[i]);
    for (int i = 0; i < 3; i++) {
        points[31 + i] = facet__front_point(head, -base[i].x, base[i].y);
        points[35 - i] = facet__front_point(head, base[i].x, base[i].y);
    }
}

static void put_eyes(const facet_head *head, const facet__features *f,
    facet__vec3 points[FACET_HEAD_POINTS])
{
    static const struct {
        float u;
        bool up;
        unsigned char left, right; /* indices */
    } around[] = { { 1, true, 36, 45 }, { 0.36F, true, 37, 44 },
        { -0.36F, true, 38, 43 }, { -1, true, 39, 42 },
        { -0.36F, false, 40, 47 }, { 0.36F, false, 41, 46 } };

    for (size_t i = 0; i < 6; i++) {
        const float x = FACET__EYE_X + FACET__EYE_HALF * around[i].u;
        const float y = facet__lid(f, around[i].u, around[i].up);

        points[around[i].left] = facet__front_point(head, -x, y);
        points[around[i].right] = facet__front_point(head, x, y);
    }
}

static void put_mouth(const facet_head *head, const facet__features *f,
    facet__vec3 points[FACET_HEAD_POINTS])
{
    static const float outer[5] = { -14.5F, -5.5F, 0, 5.5F, 14.5F };
    static const float inner[3] = { -9, 0, 9 };
    static const float seam = FACET__SEAM_Y, gap = 0.9F;
    const float half = FACET__MOUTH_HALF;

    points[48] = facet__front_point(head, -half, seam);
    points[54] = facet__front_point(head, half, seam);
    points[60] = facet__front_point(head, -half + 3.5F, seam + 0.1F);
    points[64] = facet__front_point(head, half - 3.5F, seam + 0.1F);
    for (int i = 0; i < 5; i++) {
        points[49 + i] = facet__front_point(
            head, outer[i], seam + facet__lip(f, outer[i], true));
        points[59 - i] = facet__front_point(
            head, outer[i], seam + facet__lip(f, outer[i], false));
    }
    for (int i = 0; i < 3; i++) {
        points[61 + i] = facet__front_point(head, inner[i], seam + gap);
        points[67 - i] = facet__front_point(head, inner[i], seam - gap);
    }
}

void facet__landmarks(const facet_head *head, const facet__features *f,
    facet__vec3 points[FACET_HEAD_POINTS])
{
    put_jaw(points);
    put_brows(head, f, points);
    put_nose(head, points);
    put_eyes(head, f, points);
    put_mouth(head, f, points);
}
