/* SPDX-License-Identifier: Apache-2.0 */
/* scene.c - poses, light and backgrounds at random. */
#include <stdbool.h>

#include "base/random.h"
#include "facet/synth.h"
#include "synth/vec3.h"

void facet_synth_pose_init(
    facet_synth_pose *pose, int32_t width, int32_t height)
{
    const float side = (float)(width < height ? width : height);

    *pose = (facet_synth_pose){ .size = sizeof *pose,
        .glasses = 1,
        .at = { 0.5F * (float)(width - 1), 0.44F * (float)(height - 1) },
        /* From vertex to menton 227 mm: two thirds of the picture. */
        .scale = side / 340 };
}

void facet_synth_scene_init(
    facet_synth_scene *scene, int32_t width, int32_t height)
{
    *scene = (facet_synth_scene){ .size = sizeof *scene,
        .width = width,
        .height = height,
        .focal = 4,
        .light_yaw = -30,
        .light_pitch = 30,
        .light = { 0.95F, 0.93F, 0.90F },
        .ambient = { 0.50F, 0.51F, 0.53F },
        .shadows = 0.8F,
        .backdrop = { { 0.72F, 0.74F, 0.76F }, { 0.52F, 0.55F, 0.58F } },
        .exposure = 1,
        .supersampling = 2 };
}

void facet_synth_limits_init(facet_synth_limits *limits)
{
    *limits = (facet_synth_limits){ .size = sizeof *limits,
        .yaw = 45,
        .pitch = 15,
        .roll = 15,
        .expression = 1,
        .light = 1 };
}

static float between(facet__random *r, double low, double high)
{
    return (float)facet__random_between(r, low, high);
}

static bool chance(facet__random *r, double share)
{
    return facet__random_unit(r) < share;
}

/* ---- Poses ---- */

static void draw_expression(
    facet__random *r, facet_synth_pose *pose, float strength)
{
    const bool smiles = chance(r, 0.45), talks = chance(r, 0.2);
    const bool blinks = chance(r, 0.06), wonders = chance(r, 0.2);

    pose->smile = smiles ? strength * between(r, 0.2, 1) : 0;
    pose->mouth_open = talks ? strength * between(r, 0.1, 0.6) : 0;
    pose->eyes_closed =
        strength * (blinks ? between(r, 0.6, 1) : between(r, 0, 0.15));
    pose->brows_raised = wonders ? strength * between(r, 0.2, 1) : 0;
}

static void draw_turn(
    facet__random *r, facet_synth_pose *pose, const facet_synth_limits *limits)
{
    float back;

    pose->yaw = between(r, -1, 1) * limits->yaw;
    pose->pitch = between(r, -1, 1) * limits->pitch;
    pose->roll = between(r, -1, 1) * limits->roll;
    /* The eyes look back to the camera, more or less. */
    back = -pose->yaw * between(r, 0, 0.9);
    pose->gaze_x = facet__clamp(back + between(r, -6, 6), -28, 28);
    back = -pose->pitch * between(r, 0, 0.9);
    pose->gaze_y = facet__clamp(back + between(r, -4, 4), -18, 18);
    pose->glasses = chance(r, 0.85) ? 1 : 0;
}

/* ---- Light and background ---- */

static facet_tint tint(float warm, float strength)
{
    return (facet_tint){ strength * (1 + 0.14F * warm), strength,
        strength * (1 - 0.18F * warm) };
}

static void draw_light(
    facet__random *r, facet_synth_scene *scene, float variety)
{
    const float share = between(r, 0.3, 0.75);
    const float whole = 1.45F + variety * between(r, -0.3, 0.35);

    scene->light_yaw = between(r, -1, 1) * facet__mix1(35, 75, variety);
    scene->light_pitch = facet__mix1(30, between(r, -5, 65), variety);
    scene->light = tint(variety * between(r, -0.8, 1.2), whole * share * 1.25F);
    scene->ambient =
        tint(variety * between(r, -1, 1), whole * (1 - share) * 0.9F);
    scene->shadows = between(r, 0.3, 1);
    scene->exposure = 1 + variety * between(r, -0.25, 0.2);
}

static void draw_backdrop(facet__random *r, facet_synth_scene *scene)
{
    const float level = between(r, 0.15, 0.85);
    /* Most walls are nearly gray. */
    const float vivid = chance(r, 0.3) ? 0.2F : 0.07F;

    for (int i = 0; i < 2; i++) {
        const float gray = level + between(r, -0.15, 0.15);
        facet_tint *wall = &scene->backdrop[i];

        wall->r = facet__clamp(gray + vivid * between(r, -1, 1), 0, 1);
        wall->g = facet__clamp(gray + vivid * between(r, -1, 1), 0, 1);
        wall->b = facet__clamp(gray + vivid * between(r, -1, 1), 0, 1);
    }
    scene->clutter = chance(r, 0.25) ? 0 : between(r, 0.1, 1);
    scene->noise = between(r, 0.002, 0.018);
    scene->grain = facet__random_u64(r);
}

static facet_synth_scene draw_scene(facet__random *r, int32_t width,
    int32_t height, const facet_synth_limits *limits)
{
    facet_synth_scene scene;

    facet_synth_scene_init(&scene, width, height);
    scene.focal = between(r, 2.2, 6);
    draw_light(r, &scene, limits->light);
    draw_backdrop(r, &scene);
    return scene;
}

void facet_synth_portrait_random(facet_synth_pose *pose,
    facet_synth_scene *scene, const facet_synth_limits *limits, uint64_t seed,
    uint64_t person, uint64_t number)
{
    facet__random r = facet__random_stream(seed, 2 + (person << 8), number);
    const int32_t width = scene->width, height = scene->height;
    const float side = (float)(width < height ? width : height);

    *scene = draw_scene(&r, width, height, limits);
    facet_synth_pose_init(pose, width, height);
    draw_turn(&r, pose, limits);
    draw_expression(&r, pose, limits->expression);
    pose->scale = side / between(&r, 290, 430);
    pose->at.x += side * between(&r, -0.06, 0.06);
    pose->at.y += side * between(&r, -0.05, 0.05);
}

/* ---- Groups ---- */

/* People stand in rows, each half a place against the one before it. The first
 * row is the nearest and the lowest; nobody behind is so tall as to come before
 * it, as size is nearness. */
static void place_group(facet__random *r, facet_synth_pose *poses, size_t count,
    const facet_synth_scene *scene)
{
    const size_t rows = count > 4 ? (count > 12 ? 3 : 2) : 1;
    const float w = (float)scene->width, h = (float)scene->height;
    const float apart = 235; /* rows, mm */
    const float scale_of_height = h / (330 + apart * (float)(rows - 1));
    const size_t longest = (count + rows - 1) / rows;
    /* A head is 150 wide, and gets room for one and a half. */
    const float room = w / ((float)longest + (rows > 1 ? 0.5F : 0));
    const float scale = fminf(room / 240, scale_of_height) * between(r, 0.9, 1);
    size_t placed = 0;

    for (size_t row = 0; row < rows; row++) {
        const size_t in_row = (count - placed) / (rows - row);
        const float up = apart * ((float)row - 0.5F * (float)(rows - 1));
        const float nearness = powf(0.88F, (float)row);

        for (size_t i = 0; i < in_row; i++, placed++) {
            facet_synth_pose *p = &poses[placed];

            p->scale = scale * nearness * between(r, 0.97, 1.03);
            p->at.x = room * ((float)i + 0.5F + 0.5F * (float)(row % 2) +
                                 between(r, -0.06, 0.06));
            p->at.y = h * 0.47F - scale * (up + between(r, -15, 15));
        }
    }
}

void facet_synth_group_random(facet_synth_pose *poses, size_t count,
    facet_synth_scene *scene, const facet_synth_limits *limits, uint64_t seed,
    uint64_t number)
{
    facet__random r = facet__random_stream(seed, 3, number);
    const int32_t width = scene->width, height = scene->height;

    *scene = draw_scene(&r, width, height, limits);
    for (size_t i = 0; i < count; i++) {
        facet_synth_pose_init(&poses[i], width, height);
        draw_turn(&r, &poses[i], limits);
        draw_expression(&r, &poses[i], limits->expression);
    }
    place_group(&r, poses, count, scene);
}
