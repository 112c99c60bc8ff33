/* SPDX-License-Identifier: Apache-2.0 */
/* render.c - a picture of a scene: figures onto samples, each visible sample
 * shaded once, samples averaged to pixels in linear light, then the film's
 * curve and the sensor's noise.
 *
 * Samples lie on a grid of n x n a pixel. Only a row of pixels is held in
 * floats at a time. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"
#include "image/image.h"
#include "synth/backdrop.h"
#include "synth/light.h"
#include "synth/noise.h"
#include "synth/render_private.h"

enum { FILM = 512 };
#define FILM_END (1.6F) /* root of the brightest light there is on film */

typedef struct picture {
    const facet_synth_scene *scene;
    facet__camera camera;
    int n; /* samples a pixel, each way */
    size_t count;
    facet__figure *figures;    /* [count] */
    facet__palette *palettes;  /* [count] */
    uint32_t *first_triangles; /* [count + 1] */
    facet__vec3 **flat;        /* [count]: vertices on the grid of samples */
    facet__raster raster;
    facet__light light;
    facet__backdrop backdrop;
    float film[FILM + 1];
} picture;

static void close_picture(picture *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->figures)
            facet__figure_free(&p->figures[i]);
        if (p->flat)
            facet__free(p->flat[i]);
    }
    facet__free(p->figures);
    facet__free(p->palettes);
    facet__free(p->first_triangles);
    facet__free(p->flat);
    facet__raster_free(&p->raster);
    facet__light_free(&p->light);
}

/* ---- The film ---- */

/* Highlights fade to white instead of being cut off. */
static float film_curve(float x)
{
    if (x > 0.7F)
        x = 0.7F + 0.3F * (1 - expf(-(x - 0.7F) / 0.3F));
    return x <= 0.0031308F ? 12.92F * x : 1.055F * powf(x, 1 / 2.4F) - 0.055F;
}

/* The curve at squares of even steps, as it is steep at 0. */
static void fill_film(float film[FILM + 1])
{
    for (int i = 0; i <= FILM; i++) {
        const float root = FILM_END * (float)i / FILM;

        film[i] = film_curve(root * root);
    }
}

static float on_film(const float film[FILM + 1], float x)
{
    const float at =
        fminf(sqrtf(fmaxf(x, 0)) * (FILM / FILM_END), FILM - 0.001F);
    const int i = (int)at;

    return facet__mix1(film[i], film[i + 1], at - (float)i);
}

/* ---- Onto the samples ---- */

/* Depth is 1 / distance, which is linear on the picture. What is behind the
 * camera becomes NaN, and its triangles are left out. */
static facet__vec3 to_samples(const picture *p, facet__vec3 at)
{
    const float n = (float)p->n, near = 50;
    const float inverse = at.z < -near ? -1 / at.z : NAN;
    const float x = p->camera.center_x + p->camera.focal * at.x * inverse;
    const float y = p->camera.center_y - p->camera.focal * at.y * inverse;

    return (
        facet__vec3){ (x + 0.5F) * n - 0.5F, (y + 0.5F) * n - 0.5F, inverse };
}

static facet_status draw_figures(picture *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const facet__figure *f = &p->figures[i];

        p->flat[i] = facet__calloc(f->n_vertices, sizeof **p->flat);
        if (!p->flat[i])
            return FACET_ENOMEM;
        for (size_t v = 0; v < f->n_vertices; v++)
            p->flat[i][v] = to_samples(p, f->at[v]);
        p->first_triangles[i + 1] = p->first_triangles[i] + f->n_triangles;
        facet__raster_draw(&p->raster, p->flat[i],
            (const uint32_t(*)[3])f->triangles, f->n_triangles,
            p->first_triangles[i]);
    }
    return FACET_OK;
}

static facet_status open_picture(const facet_head *head,
    const facet_synth_person *people, const facet_synth_pose *poses,
    size_t count, const facet_synth_scene *scene, picture *p)
{
    facet_status st = FACET_OK;

    *p = (picture){ .scene = scene, .n = scene->supersampling, .count = count };
    p->camera = facet__scene_camera(scene);
    p->figures = facet__calloc(count + 1, sizeof *p->figures);
    p->palettes = facet__calloc(count + 1, sizeof *p->palettes);
    p->first_triangles = facet__calloc(count + 1, sizeof *p->first_triangles);
    p->flat = facet__calloc(count + 1, sizeof *p->flat);
    if (!p->figures || !p->palettes || !p->first_triangles || !p->flat)
        return FACET_ENOMEM;
    for (size_t i = 0; i < count && st == FACET_OK; i++) {
        p->palettes[i] = facet__palette_of(&people[i]);
        st = facet__figure_create(
            head, &people[i], &poses[i], &p->camera, &p->figures[i]);
    }
    if (st == FACET_OK)
        st = facet__raster_create(
            scene->width * p->n, scene->height * p->n, 1, &p->raster);
    if (st == FACET_OK)
        st = draw_figures(p);
    if (st == FACET_OK)
        st = facet__light_create(scene, p->figures, count, &p->light);
    p->backdrop = facet__backdrop_of(scene);
    fill_film(p->film);
    return st;
}

/* ---- Shading ---- */

static facet__vec3 blend(
    const facet__vec3 *of, const uint32_t *corners, facet__vec3 w)
{
    return facet__add(facet__scaled(of[corners[0]], w.x),
        facet__add(facet__scaled(of[corners[1]], w.y),
            facet__scaled(of[corners[2]], w.z)));
}

/* Weights on the picture to weights in space. */
static facet__vec3 in_space(
    facet__vec3 w, facet__vec3 a, facet__vec3 b, facet__vec3 c)
{
    const facet__vec3 s = { w.x * a.z, w.y * b.z, w.z * c.z };

    return facet__scaled(s, 1 / (s.x + s.y + s.z));
}

static void paint(const facet__figure *f, const facet__palette *palette,
    uint32_t triangle, facet__vec3 texture, facet__surface *s)
{
    if (triangle < f->skin_end) {
        facet__skin(f, palette, texture, s);
    } else if (triangle < f->hair_end) {
        facet__hair(f, palette, texture, s);
    } else {
        s->color = palette->frame;
        s->shine = 0.8F;
        s->gloss = 50;
        s->wrap = 0.05F;
        s->lit = 1;
    }
}

static facet__vec3 shade_backdrop(const picture *p, float x, float y)
{
    return facet__scaled(
        facet__backdrop_at(&p->backdrop, x, y), p->scene->exposure);
}

/* Does nobody touch the pixel? The background is smooth, so that one look at it
 * is enough then. */
static bool is_backdrop(const picture *p, int32_t x, int32_t y)
{
    for (int32_t j = y * p->n; j < (y + 1) * p->n; j++)
        for (int32_t i = x * p->n; i < (x + 1) * p->n; i++)
            if (p->raster.shown[(size_t)j * (size_t)p->raster.width +
                                (size_t)i] != FACET__NO_TRIANGLE)
                return false;
    return true;
}

static facet__vec3 shade_sample(const picture *p, int32_t x, int32_t y)
{
    const uint32_t shown =
        p->raster.shown[(size_t)y * (size_t)p->raster.width + (size_t)x];
    const float n = (float)p->n;
    facet__surface s = { 0 };
    const facet__figure *f;
    const facet__vec3 *flat;
    const uint32_t *t;
    facet__vec3 w, at;
    size_t who = 0;

    if (shown == FACET__NO_TRIANGLE)
        return shade_backdrop(p, ((float)x + 0.5F) / n, ((float)y + 0.5F) / n);
    while (shown >= p->first_triangles[who + 1])
        who++;
    f = &p->figures[who];
    flat = p->flat[who];
    t = f->triangles[shown - p->first_triangles[who]];
    w = facet__weights(flat[t[0]], flat[t[1]], flat[t[2]], (float)x, (float)y);
    w = in_space(w, flat[t[0]], flat[t[1]], flat[t[2]]);
    at = blend(f->at, t, w);
    s.normal = facet__unit(blend(f->normals, t, w));
    if (facet__dot3(s.normal, at) > 0) /* seen from behind */
        s.normal = facet__scaled(s.normal, -1);
    s.tone = w.x * f->tone[t[0]] + w.y * f->tone[t[1]] + w.z * f->tone[t[2]];
    s.open = w.x * f->open[t[0]] + w.y * f->open[t[1]] + w.z * f->open[t[2]];
    paint(f, &p->palettes[who], shown - p->first_triangles[who],
        blend(f->texture, t, w), &s);
    return facet__shade(&p->light, &s, at);
}

/* ---- Pixels ---- */

static uint8_t to_byte(float x)
{
    return (uint8_t)(facet__clamp(x, 0, 1) * 255 + 0.5F);
}

static void expose(
    const picture *p, int32_t x, int32_t y, facet__vec3 color, uint8_t rgb[3])
{
    const uint32_t seed = (uint32_t)p->scene->grain;
    const float noise = p->scene->noise * 1.7F;
    const float channels[3] = { color.x, color.y, color.z };
    const float gray = facet__cell(x, y, 0, seed) + facet__cell(x, y, 4, seed);

    for (int c = 0; c < 3; c++)
        rgb[c] =
            to_byte(on_film(p->film, channels[c]) +
                    noise * 0.5F *
                        (0.7F * gray + 0.7F * facet__cell(x, y, c + 1, seed)));
}

static void develop(const picture *p, facet_image *image)
{
    const int n = p->n;
    const float share = 1 / (float)(n * n);

    for (int32_t y = 0; y < image->height; y++) {
        uint8_t *row = image->data + (size_t)y * image->stride;

        for (int32_t x = 0; x < image->width; x++) {
            facet__vec3 sum = { 0, 0, 0 };

            if (is_backdrop(p, x, y)) {
                sum = shade_backdrop(p, (float)x + 0.5F, (float)y + 0.5F);
            } else {
                for (int i = 0; i < n * n; i++)
                    sum = facet__add(
                        sum, shade_sample(p, x * n + i % n, y * n + i / n));
                sum = facet__scaled(sum, share);
            }
            expose(p, x, y, sum, row + 3 * x);
        }
    }
}

/* ---- The whole ---- */

static void tell_truths(const picture *p, facet_synth_truth *truths)
{
    for (size_t i = 0; truths && i < p->count; i++)
        facet__truth_of(&p->figures[i], &p->camera, &p->raster, p->n,
            p->first_triangles[i], &truths[i]);
}

facet_status facet_synth_render(const facet_head *head,
    const facet_synth_person *people, const facet_synth_pose *poses,
    size_t count, const facet_synth_scene *scene, facet_image **image,
    facet_synth_truth *truths, facet_error *err)
{
    picture p;
    facet_status st;

    if (image)
        *image = NULL;
    if (!head || !scene || !image || (count && (!people || !poses)))
        return facet__fail(err, FACET_EINVAL, "synth: an argument is NULL");
    st = facet__scene_check(people, poses, count, scene, err);
    if (st != FACET_OK)
        return st;
    st = open_picture(head, people, poses, count, scene, &p);
    if (st == FACET_OK)
        st = facet_image_create(scene->width, scene->height, image);
    if (st == FACET_OK) {
        develop(&p, *image);
        tell_truths(&p, truths);
    }
    close_picture(&p);
    return st == FACET_OK ? st : facet__fail_memory(err);
}
