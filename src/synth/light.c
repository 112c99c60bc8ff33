/* SPDX-License-Identifier: Apache-2.0 */
/* light.c - see light.h. Diffuse light creeps a little around edges, the red
 * part of it further than the blue, as it does under skin; highlights are Blinn
 * and Phong's. */
#include "synth/light.h"

#include "base/alloc.h"

/* What the lamp sees of the figures, chests and below left out. */
static void bounds(const facet__light *l, const facet__figure *figures,
    size_t count, float low[2], float high[2])
{
    low[0] = low[1] = INFINITY;
    high[0] = high[1] = -INFINITY;
    for (size_t i = 0; i < count; i++)
        for (size_t v = 0; v < figures[i].n_vertices; v++) {
            const facet__vec3 p = figures[i].at[v];
            const float a = facet__dot3(p, l->across);
            const float u = facet__dot3(p, l->up);

            if (v < figures[i].n_skin && figures[i].texture[v].y < -230)
                continue;
            low[0] = fminf(low[0], a);
            low[1] = fminf(low[1], u);
            high[0] = fmaxf(high[0], a);
            high[1] = fmaxf(high[1], u);
        }
}

static facet__vec3 seen_by(const facet__light *l, facet__vec3 p)
{
    return (facet__vec3){
        (facet__dot3(p, l->across) - l->origin_across) / l->size,
        (facet__dot3(p, l->up) - l->origin_up) / l->size, facet__dot3(p, l->to)
    };
}

static facet_status draw_map(
    facet__light *l, const facet__figure *figures, size_t count)
{
    enum { LARGEST = 1024 };
    float low[2], high[2], side;
    facet_status st;

    bounds(l, figures, count, low, high);
    side = fmaxf(high[0] - low[0], high[1] - low[1]) + 8;
    l->size = fmaxf(1.8F, side / LARGEST);
    l->origin_across = low[0] - 4;
    l->origin_up = low[1] - 4;
    st = facet__raster_create((int32_t)(side / l->size) + 1,
        (int32_t)(side / l->size) + 1, 0, &l->map);
    for (size_t i = 0; st == FACET_OK && i < count; i++) {
        const facet__figure *f = &figures[i];
        facet__vec3 *seen = facet__calloc(f->n_vertices, sizeof *seen);

        if (!seen) {
            facet__raster_free(&l->map);
            return FACET_ENOMEM;
        }
        for (size_t v = 0; v < f->n_vertices; v++)
            seen[v] = seen_by(l, f->at[v]);
        facet__raster_draw(&l->map, seen, (const uint32_t(*)[3])f->triangles,
            f->n_triangles, 0);
        facet__free(seen);
    }
    return st;
}

facet_status facet__light_create(const facet_synth_scene *scene,
    const facet__figure *figures, size_t count, facet__light *out)
{
    const float rad = 0.0174532925F;
    const float yaw = scene->light_yaw * rad, pitch = scene->light_pitch * rad;
    const facet__vec3 any = { 0, 1, 0 };

    *out = (facet__light){ .shadows = scene->shadows };
    out->to = (facet__vec3){ sinf(yaw) * cosf(pitch), sinf(pitch),
        cosf(yaw) * cosf(pitch) };
    out->lamp = (facet__vec3){ scene->light.r, scene->light.g, scene->light.b };
    out->sky =
        (facet__vec3){ scene->ambient.r, scene->ambient.g, scene->ambient.b };
    out->lamp = facet__scaled(out->lamp, scene->exposure);
    out->sky = facet__scaled(out->sky, scene->exposure);
    out->ground = facet__times(out->sky, (facet__vec3){ 0.62F, 0.54F, 0.50F });
    out->across = facet__unit(facet__cross(any, out->to));
    out->up = facet__cross(out->to, out->across);
    if (!count || scene->shadows <= 0)
        return FACET_OK;
    return draw_map(out, figures, count);
}

void facet__light_free(facet__light *light)
{
    facet__raster_free(&light->map);
}

/* The share of the lamp that is seen from a place, 3 x 3 looks around it. */
static float lit(const facet__light *l, facet__vec3 at, facet__vec3 normal)
{
    facet__vec3 p;
    float sum = 0, bias;
    int x, y;

    if (!l->map.depth)
        return 1;
    p = seen_by(l, facet__add(at, facet__scaled(normal, 2.0F)));
    x = (int)floorf(p.x);
    y = (int)floorf(p.y);
    if (x < 2 || y < 2 || x + 3 >= l->map.width || y + 3 >= l->map.height)
        return 1;
    bias = 2.0F;
    for (int dy = -1; dy <= 2; dy++) {
        const float *row = l->map.depth + (y + dy) * l->map.width + x;
        const float fy = p.y - (float)y;
        const float wy = dy == -1 ? 1 - fy : dy == 2 ? fy : 1;

        for (int dx = -1; dx <= 2; dx++) {
            const float fx = p.x - (float)x;
            const float wx = dx == -1 ? 1 - fx : dx == 2 ? fx : 1;

            if (row[dx] <= p.z + bias)
                sum += wx * wy;
        }
    }
    return sum / 9;
}

/* Light of a lamp at cosine c that creeps around by `wrap`. */
static float creep(float c, float wrap)
{
    const float x = (c + wrap) / (1 + wrap);

    return x > 0 ? x * x * (2 - x) : 0;
}

static float highlight(const facet__light *l, const facet__surface *s,
    facet__vec3 view, facet__vec3 normal)
{
    const facet__vec3 half = facet__unit(facet__add(l->to, view));
    const float c = facet__dot3(half, normal);

    return c > 0 ? s->shine * (s->gloss + 8) / 16 * powf(c, s->gloss) : 0;
}

facet__vec3 facet__shade(
    const facet__light *light, const facet__surface *s, facet__vec3 at)
{
    const facet__vec3 view = facet__unit(facet__scaled(at, -1));
    const float c = facet__dot3(s->normal, light->to);
    const float seen = c > -s->wrap ? lit(light, at, s->normal) : 1;
    const float shadow = s->lit * (1 - light->shadows * (1 - seen));
    const float up = 0.5F + 0.5F * s->normal.y;
    const facet__vec3 around =
        facet__scaled(facet__mix3(light->ground, light->sky, up), s->open);
    const facet__vec3 direct = { creep(c, s->wrap * 1.35F),
        creep(c, s->wrap * 0.85F), creep(c, s->wrap * 0.7F) };
    const float shine = 0.25F * shadow * highlight(light, s, view, s->normal);
    /* At grazing angles skin mirrors what is around. */
    const float graze = 1 - facet__clamp(facet__dot3(view, s->normal), 0, 1);
    const float fresnel = 0.12F * s->shine * graze * graze * graze * s->open;
    facet__vec3 out = facet__times(s->color,
        facet__add(
            around, facet__times(light->lamp, facet__scaled(direct, shadow))));

    out = facet__add(out, facet__scaled(light->lamp, shine));
    return facet__add(out, facet__scaled(light->sky, fresnel));
}
