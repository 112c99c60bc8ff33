/* SPDX-License-Identifier: Apache-2.0 */
#include "synth/backdrop.h"

#include "base/random.h"
#include "synth/material.h"
#include "synth/noise.h"

static facet__vec3 linear(facet_tint c)
{
    return (facet__vec3){ facet__linear(c.r), facet__linear(c.g),
        facet__linear(c.b) };
}

static float between(facet__random *r, double low, double high)
{
    return (float)facet__random_between(r, low, high);
}

static facet__thing random_thing(
    facet__random *r, const facet_synth_scene *scene, const facet__vec3 *tints)
{
    const float side =
        (float)(scene->width < scene->height ? scene->width : scene->height);
    const float turn = between(r, 0, 3.14);
    facet__thing t;
    facet__vec3 own;
    float share;

    t.x = between(r, -0.1, 1.1) * (float)scene->width;
    t.y = between(r, -0.1, 1.1) * (float)scene->height;
    t.radius = side * between(r, 0.03, 0.32);
    t.aspect = between(r, 0.25, 1);
    t.turn_cos = cosf(turn);
    t.turn_sin = sinf(turn);
    t.blur = between(r, 0.02, 0.5);
    t.round = facet__random_below(r, 2) == 0;
    t.color = facet__mix3(tints[0], tints[1], between(r, -0.3, 1.3));
    share = between(r, 0, 0.4);
    own.x = between(r, 0, 0.6);
    own.y = between(r, 0, 0.6);
    own.z = between(r, 0, 0.6);
    t.color = facet__mix3(t.color, own, share);
    return t;
}

facet__backdrop facet__backdrop_of(const facet_synth_scene *scene)
{
    facet__random r = facet__random_stream(scene->grain, 7, 0);
    const float turn = between(&r, 0, 6.28);
    facet__backdrop b = { .turn_cos = cosf(turn), .turn_sin = sinf(turn) };

    for (int i = 0; i < 2; i++)
        b.tints[i] = linear(scene->backdrop[i]);
    b.unit = 1 / (float)scene->height;
    b.texture = 0.03F + 0.25F * scene->clutter * between(&r, 0, 1);
    b.seed = (uint32_t)facet__random_u64(&r);
    b.n_things = (int)((float)FACET__THINGS * scene->clutter + 0.5F);
    for (int i = 0; i < b.n_things; i++)
        b.things[i] = random_thing(&r, scene, b.tints);
    return b;
}

/* How much of the thing covers the place. */
static float cover(const facet__thing *t, float x, float y)
{
    const float dx = x - t->x, dy = y - t->y;
    const float u = (dx * t->turn_cos + dy * t->turn_sin) / t->radius;
    const float v =
        (dy * t->turn_cos - dx * t->turn_sin) / (t->radius * t->aspect);
    float far;

    if (fabsf(u) > 1 || fabsf(v) > 1)
        return 0;
    far = t->round ? sqrtf(u * u + v * v) : fmaxf(fabsf(u), fabsf(v));
    return facet__step(1, 1 - t->blur, far);
}

facet__vec3 facet__backdrop_at(const facet__backdrop *b, float x, float y)
{
    const float u = x * b->unit - 0.5F, v = y * b->unit - 0.5F;
    const float along =
        facet__clamp(0.5F + u * b->turn_cos + v * b->turn_sin, 0, 1);
    const float n = 0.65F * facet__noise2(u * 5, v * 5, b->seed) +
                    0.35F * facet__noise2(u * 23, v * 23, b->seed ^ 1);
    facet__vec3 color = facet__mix3(b->tints[0], b->tints[1], along);

    for (int i = 0; i < b->n_things; i++) {
        const float c = cover(&b->things[i], x, y);

        if (c > 0)
            color = facet__mix3(color, b->things[i].color, c);
    }
    return facet__scaled(color, fmaxf(1 + b->texture * n, 0));
}
