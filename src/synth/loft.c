/* SPDX-License-Identifier: Apache-2.0 */
/* loft.c - the mean head as a surface: rows from crown to chest, each a closed
 * curve through a front, a side and a back point, and the features of the face
 * laid on its front.
 *
 * Rows are tilted where anatomy is: the row of the jaw's edge begins at the
 * chin and ends below the ear. Along a row the curve is a superellipse, whose
 * front half is squarer than its back.
 *
 * Measures are in millimeters. They are rounded, and lie near the published
 * means of adults of both sexes (ANSUR II 2012 for the head: breadth 152,
 * length 191, bizygomatic 138, bigonial 108, sellion to menton 118, pupils 63;
 * Farkas 1994 for the face: nose 52 high and 35 wide, mouth 50, eye fissure 31,
 * subnasale to stomion 22, stomion to menton 46) as we remember them; they were
 * not read off the tables, and the depths between them are our choice. */
#include "synth/head_private.h"

#include <stddef.h>

/* Height and depth of the front point, height, depth and half width of the side
 * point, height and depth of the back point, exponent of the front half. */
typedef struct key_row {
    float front_y, front_z, side_y, side_z, half_width, back_y, back_z, power;
} key_row;

static const key_row keys[] = {
    { 113, -8, 113, -8, 0, 113, -8, 2 },             /*  0 vertex */
    { 110, 24, 109.5F, -8, 27, 109, -42, 2 },        /*  1 */
    { 101, 52, 99, -8, 49, 98, -68, 2 },             /*  2 */
    { 86, 73, 83, -8, 64, 80, -85, 2.1F },           /*  3 */
    { 67, 87, 63, -9, 73, 58, -94, 2.2F },           /*  4 trichion */
    { 45, 94.5F, 42, -10, 76, 36, -97, 2.25F },      /*  5 forehead */
    { 22, 96, 20, -11, 75.5F, 14, -96, 2.3F },       /*  6 glabella */
    { 0, 91, 0, -12, 73, -8, -92, 2.3F },            /*  7 pupils */
    { -22, 91, -19, -12, 70, -28, -84, 2.3F },       /*  8 */
    { -45, 94.5F, -37, -11, 66, -45, -76, 2.2F },    /*  9 subnasale */
    { -66, 96.5F, -53, -10, 61.5F, -59, -71, 2.1F }, /* 10 stomion */
    { -84, 93.5F, -65, -10, 57, -70, -68, 2.0F },    /* 11 sublabiale */
    { -98, 94, -73, -10, 54, -79, -66, 1.95F },      /* 12 pogonion */
    { -109, 89, -79, -10, 52.5F, -87, -65, 1.9F },   /* 13 */
    { -113.5F, 78, -84, -10, 52, -94, -64, 1.9F },   /* 14 menton */
    { -113, 62, -89, -10, 52.5F, -101, -63, 1.9F },  /* 15 under the chin */
    { -116, 48, -97, -10, 54, -109, -63, 1.95F },    /* 16 throat */
    { -126, 42, -112, -11, 54.5F, -121, -63, 2 },    /* 17 */
    { -142, 40, -130, -13, 56, -138, -66, 2 },       /* 18 */
    { -160, 41, -148, -17, 72, -154, -74, 2 },       /* 19 base of the neck */
    { -180, 56, -161, -20, 125, -170, -88, 2.2F },   /* 20 */
    { -205, 78, -187, -22, 180, -200, -100, 2.4F },  /* 21 shoulder */
    { -260, 100, -255, -20, 205, -255, -108, 2.6F }, /* 22 */
    { -400, 112, -400, -20, 212, -400, -108, 2.6F }, /* 23 chest */
    { -1000, 112, -1000, -20, 212, -1000, -108, 2.6F }, /* 24 below */
};
enum { N_KEYS = sizeof keys / sizeof *keys };

/* How many rows lie between a key row and the next. */
static const unsigned char between[N_KEYS - 1] = { 3, 3, 3, 3, 4, 7, 10, 10, 12,
    12, 10, 6, 5, 4, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2 };

/* Half of the width of the band of rows at the line between the lips, as a
 * fraction of the way between key rows; it becomes the open mouth. */
static const float seam_half = 0.025F;
enum { SEAM_KEY = 10 };

size_t facet__loft_rows(float places[FACET__LOFT_MAX_ROWS])
{
    size_t n = 0;

    for (size_t k = 0; k < N_KEYS - 1; k++)
        for (unsigned i = 0; i < between[k]; i++) {
            const float t = (float)k + (float)i / (float)between[k];

            if (k == SEAM_KEY && i == 0) {
                places[n++] = t - 2.2F * seam_half;
                places[n++] = t - seam_half;
                places[n++] = t + seam_half;
                places[n++] = t + 2.2F * seam_half;
            } else {
                places[n++] = t;
            }
        }
    places[n++] = N_KEYS - 1;
    return n;
}

size_t facet__loft_columns(float angles[FACET__LOFT_MAX_COLUMNS])
{
    size_t half = 0;
    float positive[FACET__LOFT_MAX_COLUMNS];
    float a = 0;

    while (a < 179) {
        a += a < 36 ? 1.8F : a < 80 ? 4.0F : 10.0F;
        if (a < 179)
            positive[half++] = a;
    }
    for (size_t i = 0; i < half; i++)
        angles[i] = -positive[half - 1 - i];
    angles[half] = 0;
    for (size_t i = 0; i < half; i++)
        angles[half + 1 + i] = positive[i];
    angles[2 * half + 1] = 180;
    return 2 * half + 2;
}

/* Through b at t = 0 and c at t = 1 (Catmull and Rom). */
static float curve(float a, float b, float c, float d, float t)
{
    return b +
           0.5F * t *
               (c - a +
                   t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

static key_row row_at(float place)
{
    const int last = N_KEYS - 1;
    int k = (int)place;
    key_row a, b, c, d, row;
    float t;

    k = k > last - 1 ? last - 1 : k < 0 ? 0 : k;
    t = place - (float)k;
    b = keys[k];
    c = keys[k + 1];
    d = keys[k + 2 > last ? last : k + 2];
    a = keys[k > 0 ? k - 1 : 1];
    if (k == 0) { /* over the vertex and down the other side */
        a.half_width = -a.half_width;
        a.front_z = keys[1].back_z;
        a.back_z = keys[1].front_z;
    }
#define FIELD(name) row.name = curve(a.name, b.name, c.name, d.name, t)
    FIELD(front_y);
    FIELD(front_z);
    FIELD(side_y);
    FIELD(side_z);
    FIELD(half_width);
    FIELD(back_y);
    FIELD(back_z);
    FIELD(power);
#undef FIELD
    return row;
}

/* ---- The face ---- */

/* A soft bump or hollow, on both sides when x is not 0. */
typedef struct bump {
    float x, y, radius_x, radius_y, height;
} bump;

static const bump bumps[] = {
    { 15, 1, 8, 9, -9.5F },        /* inner corner of the eye */
    { 31, -1, 16, 12, -6.5F },     /* socket */
    { 47, -1, 10, 11, -3.5F },     /* outer corner */
    { 31, 0, 10, 6.5F, 3.8F },     /* eyeball */
    { 31, 9.5F, 14, 3.2F, -2.2F }, /* fold over the lid */
    { 31, -10, 13, 3.2F, -0.8F },  /* under the lower lid */
    { 26, 19, 20, 7, 3.0F },       /* ridge of the brow */
    { 44, 15, 10, 7, 2.2F },
    { 0, 24, 12, 8, 0.8F },    /* glabella */
    { 28, 48, 22, 18, 1.2F },  /* frontal eminence */
    { 48, -14, 15, 12, 4.5F }, /* cheekbone */
    { 34, -24, 14, 13, 2.2F },
    { 22, -38, 6, 12, -2.0F }, /* beside the nose */
    { 36, -52, 14, 14, 0.8F },
    { 13.0F, -39.5F, 4.6F, 5.4F, 7.2F }, /* wing of the nose */
    { 19, -40, 3.6F, 7, -1.6F },         /* its groove */
    { 0, -54, 2.6F, 6, -1.3F },          /* philtrum */
    { 4.2F, -54, 2.2F, 6, 0.5F },        /* its edges */
    { 27, -66, 6, 7, -3.2F },            /* corner of the mouth */
    { 0, -84, 16, 4.5F, -2.2F },         /* below the lower lip */
    { 0, -99, 15, 9, 3.4F },             /* chin */
    { 9, -101, 9, 8, 0.8F },
};

/* Height of the nose over the face and its half width, from root to lip. */
static const struct {
    float y, height, half_width;
} nose[] = { { 18, 0, 9 }, { 8, 0.6F, 8 }, { 0, 2.5F, 7.2F }, { -8, 8, 7.5F },
    { -16, 13.8F, 8.6F }, { -24, 19.0F, 9.4F }, { -30, 23.2F, 10.4F },
    { -35, 25.2F, 11.0F }, { -39, 23.0F, 11.4F }, { -42.5F, 16.5F, 11.4F },
    { -45.5F, 8, 11 }, { -48, 2, 10.5F }, { -51, 0, 10 }, { -55, 0, 10 } };
enum { NOSE_ROWS = sizeof nose / sizeof *nose };

static float nose_height(float x, float y)
{
    size_t i = 0;
    float t, height, half;

    if (y >= nose[0].y || y <= nose[NOSE_ROWS - 1].y)
        return 0;
    while (y < nose[i + 1].y)
        i++;
    t = (nose[i].y - y) / (nose[i].y - nose[i + 1].y);
    height = curve(nose[i ? i - 1 : 0].height, nose[i].height,
        nose[i + 1].height, nose[i + 2 < NOSE_ROWS ? i + 2 : i + 1].height, t);
    half = facet__mix1(nose[i].half_width, nose[i + 1].half_width, t);
    x = fabsf(x) / half;
    return height * expf(-powf(x, 2.15F));
}

static float lip_height(float x, float y)
{
    const float u = facet__clamp(fabsf(x) / FACET__MOUTH_HALF, 0, 1);
    const float across = powf(1 - u * u, 0.75F);
    const float upper = (y + 61) / 3.8F, lower = (y + 72.5F) / 4.8F;
    const float seam = (y - FACET__SEAM_Y) / 1.7F;

    return across * (3.0F * expf(-upper * upper) + 4.4F * expf(-lower * lower) -
                        2.4F * expf(-seam * seam));
}

static float face_height(float x, float y)
{
    float sum = nose_height(x, y) + lip_height(x, y);

    for (size_t i = 0; i < sizeof bumps / sizeof *bumps; i++) {
        const bump *b = &bumps[i];
        const float dx = (fabsf(x) - b->x) / b->radius_x;
        const float dy = (y - b->y) / b->radius_y;

        sum += b->height * expf(-(dx * dx + dy * dy));
    }
    return sum;
}

facet__vec3 facet__loft_point(float place, float degrees)
{
    const key_row row = row_at(place);
    const float angle = degrees * 0.0174532925F;
    const float s = sinf(angle), c = cosf(angle);
    const float power = c > 0 ? row.power : 2.0F;
    const float radius =
        powf(powf(fabsf(s), power) + powf(fabsf(c), power), -1 / power);
    const float end_z = c > 0 ? row.front_z : row.back_z;
    const float end_y = c > 0 ? row.front_y : row.back_y;
    /* Level at the front, so that the mouth is. */
    const float tilt = 1 - powf(1 - fabsf(c), 1.5F);
    facet__vec3 p;

    p.x = row.half_width * s * radius;
    p.y = row.side_y + (end_y - row.side_y) * tilt;
    p.z = row.side_z + (end_z - row.side_z) * fabsf(c) * radius;
    if (c > 0)
        p.z += face_height(p.x, p.y) * facet__step(0, 0.35F, c);
    return p;
}
