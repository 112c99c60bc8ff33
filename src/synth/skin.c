/* SPDX-License-Identifier: Apache-2.0 */
/* skin.c - skin and what grows in it, lips and teeth, clothes. */
#include <string.h>

#include "synth/material.h"
#include "synth/noise.h"

float facet__linear(float srgb)
{
    const float x = facet__clamp(srgb, 0, 1);

    return x <= 0.04045F ? x / 12.92F : powf((x + 0.055F) / 1.055F, 2.4F);
}

static facet__vec3 linear(facet_tint c)
{
    return (facet__vec3){ facet__linear(c.r), facet__linear(c.g),
        facet__linear(c.b) };
}

facet__palette facet__palette_of(const facet_synth_person *person)
{
    facet__palette p = { .skin = linear(person->skin),
        .lips = linear(person->lips),
        .hair = linear(person->hair),
        .brows = linear(person->brows),
        .iris = linear(person->iris),
        .clothes = linear(person->clothes),
        .frame = linear(person->frame) };

    p.blood = facet__times(p.skin, (facet__vec3){ 1.02F, 0.70F, 0.66F });
    return p;
}

/* 1 at the center, 0 at a distance of 1. */
static float spot(float dx, float dy)
{
    const float d = 1 - dx * dx - dy * dy;

    return d > 0 ? d * d : 0;
}

/* ---- The mouth ---- */

static void paint_teeth(const facet__palette *palette, facet__vec3 mean,
    float across, facet__surface *out)
{
    /* `across` is 1 at the upper, -1 at the lower lip. */
    const float tooth = fabsf(fmodf(fabsf(mean.x) + 0.01F, 8.0F) - 4) / 4;
    const float gap = facet__step(0.97F, 0.9F, tooth);
    const float row =
        facet__step(-0.12F, 0.02F, across) * facet__step(21, 16, fabsf(mean.x));
    const float deep = 0.45F + 0.55F * facet__step(21, 5, fabsf(mean.x));
    const facet__vec3 dark = { 0.035F, 0.008F, 0.008F };
    const facet__vec3 white = facet__scaled(
        (facet__vec3){ 0.80F, 0.75F, 0.66F }, (0.78F + 0.22F * gap) * deep);
    const float tongue =
        facet__step(-0.25F, -0.8F, across) * spot(mean.x / 18, 0);

    out->color = facet__mix3(dark, white, row);
    out->color = facet__mix3(
        out->color, facet__scaled(palette->lips, 0.5F), tongue * (1 - row));
    out->open *= 0.30F + 0.55F * row;
    out->lit = 0.25F + 0.6F * row;
    out->shine = 0.5F * row;
    out->gloss = 40;
}

static void paint_lips(const facet__figure *f, const facet__palette *palette,
    facet__vec3 mean, float inside, facet__surface *out)
{
    const float y = mean.y - FACET__SEAM_Y;
    const float crack = facet__noise2(
        mean.x * 0.9F, mean.y * 0.12F, (uint32_t)f->person->grain ^ 9);
    const float seam = y / 0.9F;
    const float line = 0.75F * expf(-seam * seam) *
                       facet__step(FACET__MOUTH_HALF + 1, FACET__MOUTH_HALF - 3,
                           fabsf(mean.x));
    /* The upper one faces the ground. */
    const float light = (y > 0 ? 0.86F : 1.0F) + 0.06F * crack;

    out->color =
        facet__mix3(out->color, facet__scaled(palette->lips, light), inside);
    out->color = facet__scaled(out->color, 1 - line);
    out->shine = facet__mix1(out->shine, 0.30F, inside);
    out->gloss = facet__mix1(out->gloss, 26, inside);
}

bool facet__mouth(const facet__figure *figure, const facet__palette *palette,
    facet__vec3 mean, facet__surface *out)
{
    const float y = mean.y - FACET__SEAM_Y;
    const float x = fabsf(mean.x);
    /* As the rows that part: see seam_half in loft.c. */
    const float half_seam = 0.42F;
    float border, inside;

    if (x > FACET__MOUTH_HALF + 2 || y > 15 || y < -17 || mean.z < 40)
        return false;
    if (figure->pose.mouth_open + figure->pose.smile > 0.3F &&
        x < FACET__MOUTH_HALF - 2 && fabsf(y - 0.1F) < half_seam) {
        paint_teeth(palette, mean, (y - 0.1F) / half_seam, out);
        return true;
    }
    border = facet__lip(&figure->features, mean.x, y > 0);
    inside = y > 0 ? facet__step(border + 0.7F, border - 0.9F, y)
                   : facet__step(border - 1.0F, border + 1.2F, y);
    if (x > FACET__MOUTH_HALF)
        inside = 0;
    paint_lips(figure, palette, mean, inside, out);
    return inside > 0;
}

/* ---- Skin ---- */

static void paint_brows(const facet__figure *f, const facet__palette *palette,
    facet__vec3 mean, facet__surface *out)
{
    const float v =
        (fabsf(mean.x) - FACET__BROW_IN) / (FACET__BROW_OUT - FACET__BROW_IN);
    const float thick = 1.6F + 3.6F * f->person->brow_thickness;
    float middle, half, off, strand, mask;

    if (v < -0.08F || v > 1.06F || mean.y < 5 || mean.y > 40)
        return;
    middle = facet__brow(&f->features, v);
    half = thick * (0.45F + 0.55F * facet__step(-0.08F, 0.2F, v)) *
           (1 - 0.72F * facet__step(0.45F, 1.06F, v));
    off = fabsf(mean.y - middle) / half;
    if (off > 1.4F)
        return;
    strand = facet__noise2(fabsf(mean.x) * 1.1F + mean.y * 0.5F,
        (mean.y - middle) * 0.55F - fabsf(mean.x) * 0.15F,
        (uint32_t)f->person->grain ^ (mean.x < 0 ? 5 : 6));
    mask = facet__step(1.25F, 0.35F, off + 0.35F * strand) *
           (0.82F + 0.18F * strand) *
           facet__step(-0.08F, 0.06F, v + 0.03F * strand);
    out->color = facet__mix3(out->color, palette->brows,
        facet__clamp(
            mask * (0.55F + 0.5F * f->person->brow_thickness), 0, 0.95F));
    out->shine *= 1 - 0.7F * mask;
}

static void paint_nostrils(facet__vec3 mean, facet__surface *out)
{
    const float x = fabsf(mean.x);
    const float hole =
        spot((x - 7.0F) / 4.8F, (mean.y + 45.0F + 0.12F * (x - 7)) / 2.5F);
    const float dark = facet__clamp(1.7F * hole, 0, 0.9F);

    out->color = facet__mix3(out->color,
        facet__scaled(
            facet__times(out->color, (facet__vec3){ 1, 0.6F, 0.55F }), 0.14F),
        dark);
    out->open *= 1 - 0.7F * dark;
    out->shine *= 1 - dark;
}

/* The share of beard hair at a place: moustache, chin and jaw. */
static void paint_beard(const facet__figure *f, const facet__palette *palette,
    facet__vec3 mean, facet__surface *out)
{
    const facet_synth_person *p = f->person;
    const float x = fabsf(mean.x);
    const uint32_t seed = (uint32_t)p->grain;
    /* The cheek's edge runs from the corner of the mouth to the ear. */
    const float edge = facet__mix1(-72, -18, facet__clamp((x - 22) / 46, 0, 1));
    const float jaw = facet__step(edge + 4, edge - 7, mean.y) *
                      facet__step(-150, -122, mean.y) *
                      facet__step(-8, 8, mean.z);
    const float goatee = facet__step(30, 20, x) *
                         facet__step(-74, -82, mean.y) *
                         facet__step(-140, -120, mean.y);
    const float lip = facet__step(31, 22, x) *
                      facet__step(-48.5F, -51, mean.y) *
                      facet__step(-72, -62, mean.y + 0.10F * x);
    const float below = spot(x / 7, (mean.y + 82) / 5);
    const float chin = fmaxf(jaw, goatee);
    float speck, strand, fine, full;

    if (fmaxf(fmaxf(chin, lip), below) <= 0 ||
        p->stubble + p->beard + p->moustache <= 0)
        return;
    speck =
        facet__noise3(mean.x * 1.5F, mean.y * 1.5F, mean.z * 1.5F, seed ^ 21);
    strand =
        facet__noise3(mean.x * 0.9F, mean.y * 0.25F, mean.z * 0.9F, seed ^ 22);
    fine = fmaxf(chin, lip) * p->stubble * 0.5F * (0.75F + 0.35F * speck);
    full = fmaxf(p->beard * fmaxf(chin, below),
               fmaxf(p->moustache, p->beard) * lip) *
           (1 + 0.25F * strand);
    out->color = facet__mix3(out->color, facet__scaled(palette->hair, 0.8F),
        facet__clamp(fine, 0, 1));
    out->color = facet__mix3(out->color,
        facet__scaled(palette->hair, 0.85F + 0.5F * strand),
        facet__clamp(full * 1.1F, 0, 0.97F));
    out->shine *= 1 - facet__clamp(full, 0, 1);
}

static float freckles(const facet_synth_person *p, facet__vec3 mean)
{
    const float where = spot(fabsf(mean.x) / 62 - 0.25F, (mean.y + 15) / 38);

    if (p->freckles * where <= 0)
        return 0;
    return p->freckles * where *
           facet__step(0.15F, 0.6F,
               facet__noise3(mean.x * 0.42F, mean.y * 0.42F, mean.z * 0.42F,
                   (uint32_t)p->grain ^ 31));
}

static float moles(const facet_synth_person *p, facet__vec3 mean)
{
    float dark = 0;

    for (int i = 0; i < p->moles; i++) {
        const uint32_t seed = (uint32_t)(p->grain >> 8);
        const float x = 52 * facet__cell(i, 1, 0, seed);
        const float y = -22 + 62 * facet__cell(i, 2, 0, seed);
        const float r = 1.9F + 1.0F * facet__cell(i, 3, 0, seed);

        dark = fmaxf(dark,
            facet__clamp(2 * spot((mean.x - x) / r, (mean.y - y) / r), 0, 1));
    }
    return dark;
}

/* Lines that age draws: beside the nose, on the forehead, at the corners of the
 * eyes. */
static float fold_lines(const facet__figure *f, facet__vec3 mean)
{
    const float at = 19 + 0.30F * (-43 - mean.y);
    const float d = (fabsf(mean.x) - at) / 1.7F;

    return expf(-d * d) * facet__step(-36, -43, mean.y) *
           facet__step(-76, -62, mean.y) *
           (0.16F + 0.55F * f->person->wrinkles + 0.35F * f->pose.smile);
}

static float forehead_lines(const facet__figure *f, facet__vec3 mean)
{
    const float depth =
        fmaxf(f->person->wrinkles - 0.15F, 0.5F * f->pose.brows_raised);
    const float wave = mean.y + 2.5F * facet__noise2(mean.x * 0.05F, 1,
                                           (uint32_t)f->person->grain);

    return depth <= 0
               ? 0
               : 0.45F * depth * facet__step(0.55F, 1, sinf(wave * 0.75F)) *
                     facet__step(28, 36, mean.y) * facet__step(66, 56, mean.y) *
                     facet__step(48, 25, fabsf(mean.x));
}

static float eye_lines(const facet__figure *f, facet__vec3 mean)
{
    const float x = fabsf(mean.x);
    const float fan = mean.y * (1 + 0.025F * (x - 48)) * 1.5F;

    return 0.5F * f->person->wrinkles * facet__step(0.4F, 1, sinf(fan)) *
           spot((x - 53) / 7, mean.y / 9);
}

static float wrinkles(const facet__figure *f, facet__vec3 mean)
{
    return mean.y > 26    ? forehead_lines(f, mean)
           : mean.y > -10 ? eye_lines(f, mean)
                          : fold_lines(f, mean);
}

/* Nobody's skin is of one tone: broad patches that are somebody's own, and how
 * dark the sockets, the upper lip and the hollows of the cheeks are. */
float facet__skin_tone(const facet_synth_person *p, facet__vec3 mean)
{
    const uint32_t seed = (uint32_t)(p->grain >> 16);
    const float x = fabsf(mean.x);
    const float broad =
        facet__noise3(x * 0.035F, mean.y * 0.035F, mean.z * 0.035F, seed);
    const float own = facet__noise3(
        mean.x * 0.075F, mean.y * 0.075F, mean.z * 0.075F, seed ^ 1);
    const float socket = 0.5F + 0.5F * facet__cell(1, 0, 0, seed);
    const float lip = 0.5F + 0.5F * facet__cell(2, 0, 0, seed);
    const float hollow = 0.5F + 0.5F * facet__cell(3, 0, 0, seed);

    return 0.14F * broad + 0.10F * own -
           0.34F * socket * spot((x - 30) / 19, (mean.y + 1) / 17) -
           0.18F * lip * spot(mean.x / 22, (mean.y + 54) / 9) -
           0.28F * hollow * spot((x - 48) / 20, (mean.y + 48) / 26);
}

static void paint_tone(const facet__figure *f, const facet__palette *palette,
    facet__vec3 mean, facet__surface *out)
{
    const facet_synth_person *p = f->person;
    const uint32_t seed = (uint32_t)p->grain;
    const float x = fabsf(mean.x);
    const float fine =
        facet__noise3(mean.x * 0.6F, mean.y * 0.6F, mean.z * 0.6F, seed ^ 3);
    float red = 0.25F - 1.5F * out->tone;

    red += (0.20F + 0.55F * p->blush) * spot((x - 38) / 30, (mean.y + 28) / 27);
    red += 0.6F * spot(mean.x / 15, (mean.y + 35) / 13) *
           facet__step(90, 105, mean.z);
    red += 0.25F * spot(mean.x / 22, (mean.y + 100) / 14);
    red += 0.5F * facet__step(70, 78, x) * facet__step(-60, -40, mean.z);
    out->color =
        facet__mix3(palette->skin, palette->blood, facet__clamp(red, 0, 1));
    out->color = facet__scaled(out->color, 1 + 0.035F * fine + out->tone);
    out->color = facet__mix3(out->color,
        facet__times(palette->skin, (facet__vec3){ 0.52F, 0.36F, 0.26F }),
        freckles(p, mean));
    out->shine = 0.16F + 0.07F * fine +
                 0.10F * spot(mean.x / 14, (mean.y + 28) / 16) +
                 0.08F * spot(mean.x / 40, (mean.y - 42) / 24);
}

/* The folds of an ear, which the mesh only hints at. */
static void paint_ear(facet__vec3 mean, facet__surface *out)
{
    const float u = (mean.z + 18) / 16, v = (mean.y + 11) / 30;
    const float r = sqrtf(u * u + v * v);
    const float groove = (r - 0.73F) / 0.09F;
    const float upper = facet__step(-0.5F, 0.1F, v);
    const float dark = 0.45F * expf(-groove * groove) * upper +
                       0.75F * spot((u - 0.30F) / 0.42F, (v + 0.10F) / 0.36F);

    out->color = facet__times(
        out->color, (facet__vec3){ 1 - 0.75F * dark, 1 - dark, 1 - dark });
    out->open *= 1 - 0.5F * dark;
}

static void paint_clothes(const facet__figure *f, const facet__palette *palette,
    facet__vec3 mean, facet__surface *out)
{
    const float weave = facet__noise2(
        mean.x * 0.5F, mean.y * 0.5F, (uint32_t)f->person->grain ^ 41);
    const float fold = facet__noise2(
        mean.x * 0.02F, mean.y * 0.012F, (uint32_t)f->person->grain ^ 42);

    out->color =
        facet__scaled(palette->clothes, 1 + 0.08F * weave + 0.25F * fold);
    out->shine = 0.02F;
    out->gloss = 8;
    out->wrap = 0.1F;
}

void facet__skin(const facet__figure *figure, const facet__palette *palette,
    facet__vec3 mean, facet__surface *out)
{
    float lines;

    out->gloss = 14;
    out->wrap = 0.32F;
    out->lit = 1;
    /* The neckline hangs lower at the front. */
    if (mean.y < -150 - 0.10F * mean.z) {
        paint_clothes(figure, palette, mean, out);
        return;
    }
    paint_tone(figure, palette, mean, out);
    if (fabsf(mean.x) > 74 && mean.y > -48 && mean.y < 26)
        paint_ear(mean, out);
    if (mean.z < 0)
        return;
    if (mean.z > 40) {
        lines = facet__clamp(wrinkles(figure, mean), 0, 1);
        out->color =
            facet__times(out->color, (facet__vec3){ 1 - 0.38F * lines,
                                         1 - 0.5F * lines, 1 - 0.5F * lines });
        out->color = facet__mix3(out->color,
            facet__scaled(palette->skin, 0.16F), moles(figure->person, mean));
    }
    if (facet__eye(figure, palette, mean, out))
        return;
    paint_brows(figure, palette, mean, out);
    if (mean.y < -40 && mean.y > -48 && fabsf(mean.x) < 14)
        paint_nostrils(mean, out);
    if (mean.y < -15 && !facet__mouth(figure, palette, mean, out))
        paint_beard(figure, palette, mean, out);
}

void facet__hair(const facet__figure *figure, const facet__palette *palette,
    facet__vec3 texture, facet__surface *out)
{
    const uint32_t seed = (uint32_t)figure->person->grain;
    const float curl = figure->person->curl;
    const float wave =
        curl * 6 * facet__noise2(texture.x * 0.1F, texture.y * 1.2F, seed ^ 51);
    const float strand = facet__noise2(
        (texture.x + wave) * 1.1F, texture.y * (0.5F + 2 * curl), seed ^ 52);
    const float lock =
        facet__noise2((texture.x + wave) * 0.22F, texture.y * 0.6F, seed ^ 53);
    /* Deep between the strands less light arrives. */
    const float depth = facet__step(0, 9, texture.z);

    out->color =
        facet__scaled(palette->hair, 1 + 0.38F * strand + 0.28F * lock);
    if (figure->person->hair_style == FACET_HAIR_BUZZ)
        out->color = facet__mix3(palette->skin, out->color, 0.8F);
    /* Thin at the hairline; what hangs is not. */
    if (texture.y < 7)
        out->color = facet__mix3(palette->skin, out->color,
            facet__step(-0.4F, 2.2F, texture.z + 1.2F * strand));
    out->open *= 0.55F + 0.45F * depth * (0.8F + 0.2F * lock);
    out->lit = 0.75F + 0.25F * strand;
    out->shine = 0.10F + 0.06F * strand;
    out->gloss = 18;
    out->wrap = 0.25F;
    out->normal = facet__unit(facet__add(
        out->normal, (facet__vec3){ 0.18F * strand, 0.12F * lock, 0 }));
}
