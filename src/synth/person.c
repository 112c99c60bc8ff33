/* SPDX-License-Identifier: Apache-2.0 */
/* person.c - people at random. Every number is drawn in a fixed order from a
 * stream named by (seed, number), so the same person comes out anywhere. */
#include <stdbool.h>

#include "base/random.h"
#include "facet/synth.h"
#include "synth/vec3.h"

void facet_synth_person_init(facet_synth_person *p)
{
    *p = (facet_synth_person){
        .size = sizeof *p,
        .skin = { 0.80F, 0.62F, 0.52F },
        .lips = { 0.68F, 0.42F, 0.38F },
        .hair = { 0.20F, 0.14F, 0.10F },
        .brows = { 0.20F, 0.14F, 0.10F },
        .iris = { 0.36F, 0.25F, 0.16F },
        .clothes = { 0.30F, 0.35F, 0.45F },
        .frame = { 0.1F, 0.1F, 0.1F },
        .hair_style = FACET_HAIR_SHORT,
        .hair_volume = 1,
        .brow_thickness = 0.5F,
        .brow_arch = 0.5F,
        .brow_height = 0.5F,
        .lid_opening = 1,
        .lid_crease = 0.7F,
        .lashes = 0.4F,
        .lip_fullness = 1,
    };
}

static float between(facet__random *r, double low, double high)
{
    return (float)facet__random_between(r, low, high);
}

/* Normal, cut off at `limit` standard deviations. */
static float normal(facet__random *r, float sd, float limit)
{
    return sd * facet__clamp((float)facet__random_normal(r), -limit, limit);
}

static bool chance(facet__random *r, double share)
{
    return facet__random_unit(r) < share;
}

/* A place on a row of colors, 0 to 1. */
static facet_tint along(const facet_tint *row, int count, float t)
{
    const float at = facet__clamp(t, 0, 1) * (float)(count - 1);
    const int i = (int)at < count - 2 ? (int)at : count - 2;
    const float f = at - (float)i;

    return (facet_tint){ facet__mix1(row[i].r, row[i + 1].r, f),
        facet__mix1(row[i].g, row[i + 1].g, f),
        facet__mix1(row[i].b, row[i + 1].b, f) };
}

static facet_tint jitter(facet__random *r, facet_tint c, float by)
{
    const float all = normal(r, by, 2);

    c.r = facet__clamp(c.r + all + normal(r, by * 0.4F, 2), 0, 1);
    c.g = facet__clamp(c.g + all + normal(r, by * 0.4F, 2), 0, 1);
    c.b = facet__clamp(c.b + all + normal(r, by * 0.4F, 2), 0, 1);
    return c;
}

static const facet_tint skins[] = { { 0.95F, 0.80F, 0.73F },
    { 0.88F, 0.71F, 0.61F }, { 0.79F, 0.60F, 0.47F }, { 0.66F, 0.47F, 0.35F },
    { 0.49F, 0.33F, 0.24F }, { 0.33F, 0.215F, 0.165F } };
static const facet_tint hairs[] = { { 0.05F, 0.045F, 0.045F },
    { 0.13F, 0.09F, 0.07F }, { 0.27F, 0.18F, 0.12F }, { 0.42F, 0.28F, 0.17F },
    { 0.60F, 0.45F, 0.27F }, { 0.80F, 0.68F, 0.47F } };
static const facet_tint irises[] = { { 0.20F, 0.12F, 0.07F },
    { 0.36F, 0.23F, 0.13F }, { 0.45F, 0.38F, 0.20F }, { 0.36F, 0.45F, 0.33F },
    { 0.38F, 0.50F, 0.62F }, { 0.52F, 0.58F, 0.62F } };
enum {
    SKINS = sizeof skins / sizeof *skins,
    HAIRS = sizeof hairs / sizeof *hairs,
    IRISES = sizeof irises / sizeof *irises,
};

static void draw_colors(facet__random *r, facet_synth_person *p, float age)
{
    const float dark = between(r, 0, 1);
    const float fair =
        facet__clamp(between(r, -0.15, 1) * (1.15F - 1.3F * dark), 0, 1);
    const float red = chance(r, 0.06) && dark < 0.4F;
    const float gray = chance(r, 0.75) ? facet__step(0.55F, 1.0F, age) : 0;

    p->skin = jitter(r, along(skins, SKINS, dark), 0.02F);
    p->hair = jitter(r, along(hairs, HAIRS, fair), 0.02F);
    if (red > 0)
        p->hair = jitter(r, (facet_tint){ 0.52F, 0.24F, 0.11F }, 0.03F);
    p->brows =
        (facet_tint){ p->hair.r * 0.72F, p->hair.g * 0.68F, p->hair.b * 0.66F };
    p->hair.r = facet__mix1(p->hair.r, 0.66F, gray);
    p->hair.g = facet__mix1(p->hair.g, 0.65F, gray);
    p->hair.b = facet__mix1(p->hair.b, 0.65F, gray);
    p->iris = jitter(r,
        along(irises, IRISES,
            facet__clamp(fair * 1.2F + normal(r, 0.18F, 2), 0, 1)),
        0.03F);
    p->lips.r = facet__clamp(p->skin.r * 0.87F + normal(r, 0.03F, 2), 0, 1);
    p->lips.g = p->skin.g * between(r, 0.60, 0.78);
    p->lips.b = p->skin.b * between(r, 0.62, 0.8);
    p->clothes.r = between(r, 0.06, 0.8);
    p->clothes.g = facet__mix1(p->clothes.r, between(r, 0.06, 0.8), 0.6F);
    p->clothes.b = facet__mix1(p->clothes.r, between(r, 0.06, 0.8), 0.7F);
}

static void draw_shape(facet__random *r, facet_synth_person *p, float woman)
{
    for (int i = 0; i < FACET_HEAD_SHAPES; i++)
        p->shape[i] = normal(r, 1.05F, 1.9F);
    /* Jaw, angle of the jaw, brow ridge, neck and lips differ by sex. */
    p->shape[5] -= 0.8F * woman;
    p->shape[6] -= 0.6F * woman;
    p->shape[12] -= 0.7F * woman;
    p->shape[35] -= 1.0F * woman;
    p->shape[16] += 0.4F * woman;
    p->lip_fullness = 1 + 0.08F * woman + normal(r, 0.17F, 2);
    p->lid_opening = 1.03F + normal(r, 0.12F, 2);
    p->lid_crease = facet__clamp(0.65F + normal(r, 0.3F, 2.5F), 0, 1);
}

static void draw_hair(
    facet__random *r, facet_synth_person *p, float woman, float age)
{
    static const unsigned char his[] = { FACET_HAIR_NONE, FACET_HAIR_BUZZ,
        FACET_HAIR_SHORT, FACET_HAIR_SHORT, FACET_HAIR_PARTED,
        FACET_HAIR_PARTED, FACET_HAIR_FRINGE, FACET_HAIR_CURLY,
        FACET_HAIR_FRIAR, FACET_HAIR_SHORT };
    static const unsigned char hers[] = { FACET_HAIR_BOB, FACET_HAIR_BOB,
        FACET_HAIR_LONG, FACET_HAIR_LONG, FACET_HAIR_LONG, FACET_HAIR_BACK,
        FACET_HAIR_BACK, FACET_HAIR_CURLY, FACET_HAIR_SHORT,
        FACET_HAIR_FRINGE };
    const size_t which = (size_t)facet__random_below(r, 10);

    p->hair_style = woman > 0 ? (facet_hair_style)hers[which]
                              : (facet_hair_style)his[which];
    if (p->hair_style == FACET_HAIR_FRIAR && age < 0.4F)
        p->hair_style = FACET_HAIR_SHORT;
    p->hair_volume = facet__clamp(1 + normal(r, 0.28F, 2), 0.5F, 2);
    p->hairline = normal(r, 0.35F, 2) + (woman > 0 ? -0.1F : 0.5F * age);
    p->curl = chance(r, 0.35) ? between(r, 0.3, 1) : between(r, 0, 0.2);
    if (p->hair_style == FACET_HAIR_CURLY)
        p->curl = fmaxf(p->curl, 0.7F);
}

static void draw_marks(
    facet__random *r, facet_synth_person *p, float woman, float age)
{
    const bool fair_skin = p->skin.r > 0.75F;

    p->brow_thickness =
        facet__clamp(0.55F - 0.2F * woman + normal(r, 0.28F, 2), 0.05F, 1);
    p->brow_arch =
        facet__clamp(0.4F + 0.2F * woman + normal(r, 0.28F, 2), 0, 1);
    p->brow_height = facet__clamp(0.5F + normal(r, 0.28F, 2), 0, 1);
    p->lashes = facet__clamp(0.25F + 0.4F * woman + normal(r, 0.15F, 2), 0, 1);
    p->eye_shadow = woman > 0 && chance(r, 0.35) ? between(r, 0.2, 0.8) : 0.0F;
    p->blush = between(r, 0, fair_skin ? 0.7 : 0.3);
    p->freckles = fair_skin && chance(r, 0.22) ? between(r, 0.2, 0.7) : 0.0F;
    p->wrinkles = facet__clamp(age * age + normal(r, 0.05F, 2), 0, 1);
    p->eye_bags = facet__clamp(0.6F * age + normal(r, 0.15F, 2), 0, 1);
    p->moles = chance(r, 0.45) ? 1 + (int)facet__random_below(r, 4) : 0;
    if (woman > 0 && chance(r, 0.35)) /* painted lips */
        p->lips = jitter(r, (facet_tint){ 0.62F, 0.20F, 0.22F }, 0.08F);
    if (woman <= 0) {
        p->stubble = chance(r, 0.6) ? between(r, 0.1, 0.8) : 0.05F;
        p->beard = chance(r, 0.28) ? between(r, 0.5, 1) : 0.0F;
        p->moustache = chance(r, 0.14) ? between(r, 0.6, 1) : 0.0F;
    }
    p->glasses = chance(r, 0.25) ? between(r, 0.1, 1) : 0.0F;
    p->glasses_round = between(r, 0, 1);
    p->frame = (facet_tint){ 0.06F, 0.05F, 0.05F };
    if (!chance(r, 0.5)) {
        p->frame.r = between(r, 0.1, 0.6);
        p->frame.g = between(r, 0.08, 0.5);
        p->frame.b = between(r, 0.05, 0.5);
    }
}

void facet_synth_person_random(
    facet_synth_person *person, uint64_t seed, uint64_t number)
{
    facet__random r = facet__random_stream(seed, 1, number);
    float woman, age;

    facet_synth_person_init(person);
    woman = chance(&r, 0.5) ? 1 : 0;
    age = between(&r, 0, 1);
    draw_colors(&r, person, age);
    draw_shape(&r, person, woman);
    draw_hair(&r, person, woman, age);
    draw_marks(&r, person, woman, age);
    person->grain = facet__random_u64(&r);
}
