/* SPDX-License-Identifier: Apache-2.0 */
/* eye.c - eyes are drawn on the face: inside the lids' lines the surface is a
 * ball with an iris, outside it is lid. */
#include "synth/material.h"
#include "synth/noise.h"

static const float ball = 12.2F; /* radius, mm */
static const float iris_radius = 5.9F;

/* A place near an eye: mm from the pupil, x outwards. */
typedef struct spot {
    float x, y, u;      /* u: -1 inner corner, 1 outer */
    float upper, lower; /* the lids there */
    float side;         /* sign of x on the head */
} spot;

/* Turn a direction of the head into the camera's space. */
static facet__vec3 to_camera(const float m[12], facet__vec3 v)
{
    return (facet__vec3){ m[0] * v.x + m[1] * v.y + m[2] * v.z,
        m[4] * v.x + m[5] * v.y + m[6] * v.z,
        m[8] * v.x + m[9] * v.y + m[10] * v.z };
}

static facet__vec3 iris_color(const facet__figure *f,
    const facet__palette *palette, float dx, float dy, float r)
{
    const float angle = atan2f(dy, dx);
    const float fibers =
        facet__noise2(angle * 7, r * 0.5F, (uint32_t)f->person->grain ^ 77);
    const float light = 0.75F + 0.35F * (r / iris_radius) + 0.25F * fibers;
    const float rim = facet__step(iris_radius - 0.3F, iris_radius - 1.5F, r);
    const facet__vec3 color =
        facet__scaled(palette->iris, light * (0.35F + 0.65F * rim));
    const float pupil = facet__step(2.0F, 2.5F, r);

    return facet__mix3((facet__vec3){ 0.004F, 0.004F, 0.005F }, color, pupil);
}

static void paint_ball(const facet__figure *f, const facet__palette *palette,
    const spot *s, facet__surface *out)
{
    const float gaze_x = ball * sinf(f->pose.gaze_x * 0.0174533F) * s->side;
    const float gaze_y = ball * sinf(f->pose.gaze_y * 0.0174533F);
    const float dx = s->x - gaze_x, dy = s->y - gaze_y;
    const float r = sqrtf(dx * dx + dy * dy);
    const float corner = facet__step(0.55F, 1.0F, fabsf(s->u));
    const float pink = facet__step(-0.78F, -0.98F, s->u);
    const float nx = s->x / ball, ny = s->y / ball;
    const float flat = fminf(nx * nx + ny * ny, 0.95F);
    const float cornea = facet__step(iris_radius + 0.4F, iris_radius - 0.6F, r);
    const float below_lid = s->upper - s->y;
    facet__vec3 white = { 0.66F, 0.63F, 0.61F };
    facet__vec3 n = { nx * s->side, ny, sqrtf(1 - flat) };

    white = facet__mix3(
        white, (facet__vec3){ 0.55F, 0.33F, 0.29F }, 0.55F * corner);
    white = facet__mix3(white, palette->lips, 0.8F * pink);
    out->color = facet__mix3(white, iris_color(f, palette, dx, dy, r), cornea);
    /* The cornea bulges: its normals lean further out. */
    n.x += 0.35F * cornea * dx / iris_radius * s->side;
    n.y += 0.35F * cornea * dy / iris_radius;
    out->normal = facet__unit(to_camera(f->placement, n));
    /* The lid throws a soft shadow on what is below it. */
    out->open *= 0.45F + 0.55F * facet__step(-0.5F, 4.0F, below_lid);
    out->lit = 0.35F + 0.65F * facet__step(0, 3.0F, below_lid);
    out->shine = 1.2F;
    out->gloss = 220;
    out->wrap = 0.3F;
}

static void paint_lid(
    const facet__figure *f, const spot *s, facet__surface *out)
{
    const facet_synth_person *p = f->person;
    const float over = s->y - s->upper;
    const float in = facet__step(1.15F, 0.7F, fabsf(s->u));
    const float fold =
        facet__lid(&(facet__features){ 1, 1, 0.5F, 0.5F }, s->u, true) + 2.8F;
    const float crease = (s->y - fold) / 0.85F;
    const float lid = facet__step(-0.2F, 0.4F, over) *
                      facet__step(fold + 1, fold - 0.5F, s->y) * in;
    const float under = s->lower - s->y;
    const float bag = (under - 5.5F) / 2.0F;
    float dark = 0;

    dark += p->lid_crease * 0.55F * expf(-crease * crease) *
            facet__step(1.2F, 0.6F, fabsf(s->u));
    dark += (0.10F + 0.45F * p->eye_shadow) * lid;
    dark += 0.35F * p->eye_bags * expf(-bag * bag) * in;
    dark +=
        0.16F * in * facet__step(7, 1, under) * facet__step(-0.5F, 0.5F, under);
    out->color = facet__times(out->color,
        (facet__vec3){ 1 - 0.8F * dark, 1 - dark, 1 - 0.95F * dark });
}

static void paint_lashes(
    const facet__figure *f, const spot *s, facet__surface *out)
{
    const float strength = 0.6F + 0.4F * f->person->lashes;
    const float width = 0.55F + 0.75F * f->person->lashes;
    const float edge = facet__step(1.12F, 0.95F, fabsf(s->u));
    /* Thicker outwards. */
    const float up =
        (s->y - s->upper - 0.25F) / (width * (0.75F + 0.35F * s->u));
    const float low = (s->y - s->lower + 0.3F) / (0.35F + 0.3F * width);
    const float dark =
        strength * edge *
        fmaxf(expf(-up * up),
            0.42F * expf(-low * low) * facet__step(-0.9F, 0.2F, s->u));

    out->color =
        facet__mix3(out->color, (facet__vec3){ 0.012F, 0.009F, 0.008F }, dark);
    out->shine *= 1 - dark;
}

bool facet__eye(const facet__figure *figure, const facet__palette *palette,
    facet__vec3 mean, facet__surface *out)
{
    spot s = { .x = fabsf(mean.x) - FACET__EYE_X,
        .y = mean.y,
        .side = mean.x < 0 ? -1 : 1 };

    if (fabsf(s.x) > 19 || s.y > 13 || s.y < -15)
        return false;
    s.u = s.x / FACET__EYE_HALF;
    s.upper = facet__lid(&figure->features, facet__clamp(s.u, -1, 1), true);
    s.lower = facet__lid(&figure->features, facet__clamp(s.u, -1, 1), false);
    if (fabsf(s.u) < 1 && s.y < s.upper && s.y > s.lower)
        paint_ball(figure, palette, &s, out);
    else
        paint_lid(figure, &s, out);
    paint_lashes(figure, &s, out);
    return true;
}
