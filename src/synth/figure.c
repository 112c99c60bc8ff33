/* SPDX-License-Identifier: Apache-2.0 */
/* figure.c - somebody's head out of the mean one: shape, expression, jaw, hair,
 * glasses, then the turn of the head and the step into the picture.
 *
 * The head turns about a point of the neck; the neck takes part in the turn
 * less and less from the throat down, and the shoulders a quarter of it. */
#include "synth/figure.h"

#include <string.h>

#include "base/alloc.h"
#include "synth/material.h"

static const facet__vec3 pivot = { 0, -45, -15 };
/* ---- Turning ---- */

typedef struct turn {
    facet__vec3 x, y, z; /* rows of the rotation */
} turn;

static turn turn_of(float yaw, float pitch, float roll)
{
    const float rad = 0.0174532925F;
    const float ca = cosf(yaw * rad), sa = sinf(yaw * rad);
    const float cb = cosf(pitch * rad), sb = sinf(pitch * rad);
    const float cc = cosf(roll * rad), sc = sinf(roll * rad);
    /* Yaw, then pitch, then roll. */
    const facet__vec3 x = { ca, 0, sa };
    const facet__vec3 y = { -sa * sb, cb, ca * sb };
    const facet__vec3 z = { -sa * cb, -sb, ca * cb };

    return (turn){ facet__add(facet__scaled(x, cc), facet__scaled(y, sc)),
        facet__add(facet__scaled(y, cc), facet__scaled(x, -sc)), z };
}

static facet__vec3 turned(const turn *t, facet__vec3 p)
{
    return (facet__vec3){ facet__dot3(t->x, p), facet__dot3(t->y, p),
        facet__dot3(t->z, p) };
}

/* How much of the turn a row takes part in. */
static float follows(float place)
{
    return 0.25F + 0.75F * facet__step(20, 15, place);
}

/* Where somebody stands. */
typedef struct stand {
    const facet_synth_pose *pose;
    facet__vec3 origin; /* of the head, in the camera's space */
    turn whole;
} stand;

static stand stand_of(const facet_synth_pose *pose, const facet__camera *camera)
{
    const float distance = camera->focal / pose->scale;

    return (stand){ pose,
        { (pose->at.x - camera->center_x) / pose->scale,
            (camera->center_y - pose->at.y) / pose->scale, -distance },
        turn_of(pose->yaw, pose->pitch, pose->roll) };
}

static facet__vec3 placed(const stand *s, const turn *t, facet__vec3 p)
{
    return facet__add(
        s->origin, facet__add(pivot, turned(t, facet__sub(p, pivot))));
}

static void note_placement(const stand *s, float placement[12])
{
    const facet__vec3 shift = placed(s, &s->whole, (facet__vec3){ 0, 0, 0 });
    const facet__vec3 *rows[3] = { &s->whole.x, &s->whole.y, &s->whole.z };
    const float last[3] = { shift.x, shift.y, shift.z };

    for (int r = 0; r < 3; r++) {
        placement[4 * r] = rows[r]->x;
        placement[4 * r + 1] = rows[r]->y;
        placement[4 * r + 2] = rows[r]->z;
        placement[4 * r + 3] = last[r];
    }
}

/* ---- Shape and expression ---- */

static void weights_of(const facet_synth_person *person,
    const facet_synth_pose *pose, float weights[FACET__VARIATIONS])
{
    const float smile = pose->smile;

    memcpy(weights, person->shape, sizeof person->shape);
    weights[FACET__SMILE_WIDTH] = smile;
    weights[FACET__SMILE_CHEEKS] = smile;
    weights[FACET__SMILE_LIDS] = smile;
    weights[FACET__BROWS_UP] = pose->brows_raised;
    weights[FACET__PUCKER] = 0;
}

/* A place on the mean head, on somebody's. */
static facet__vec3 varied(facet__vec3 p, const float *weights, float open)
{
    facet__vec3 sum = p;

    for (size_t k = 0; k < FACET__VARIATIONS; k++)
        if (weights[k] != 0)
            sum = facet__add(
                sum, facet__scaled(facet__variation_at(k, p), weights[k]));
    return facet__jaw_turned(sum, facet__jaw_weight(p), open);
}

/* All vertices of the head and the roots of the hair; head's space. */
static void vary_all(
    const facet_head *head, const float *weights, float open, facet__vec3 *out)
{
    const size_t n = head->n_all;

    memcpy(out, head->mean, n * sizeof *out);
    for (size_t k = 0; k < FACET__VARIATIONS; k++) {
        const facet__vec3 *field = head->fields + k * n;
        const float w = weights[k];

        for (size_t v = 0; w != 0 && v < n; v++) {
            out[v].x += w * field[v].x;
            out[v].y += w * field[v].y;
            out[v].z += w * field[v].z;
        }
    }
    for (size_t v = 0; open > 0 && v < n; v++)
        if (head->jaw[v] > 0)
            out[v] = facet__jaw_turned(out[v], head->jaw[v], open);
}

/* Even a smile shows teeth. */
static float opening(const facet_synth_pose *pose)
{
    return facet__clamp(
        pose->mouth_open + 0.22F * facet__step(0.35F, 1, pose->smile), 0, 1);
}

/* A beard has a body. */
static float beard_height(const facet_synth_person *person, facet__vec3 mean)
{
    const float chin = facet__step(-70, -92, mean.y) *
                       facet__step(20, 60, mean.z) *
                       facet__step(-150, -118, mean.y);

    return 9 * person->beard * chin;
}

/* ---- The figure ---- */

static void add_skin(
    const facet_head *head, facet__figure *f, const facet__vec3 *shaped)
{
    const size_t ears = facet__ear_first(head, -1);

    for (size_t v = 0; v < head->n_vertices; v++) {
        f->at[v] = shaped[v];
        f->texture[v] = head->mean[v];
        f->open[v] = head->open[v];
        f->tone[v] = facet__skin_tone(f->person, head->mean[v]);
        if (v >= ears && facet__hair_hangs(f->person)) /* hair lies on them */
            f->at[v].x *= 0.90F;
        if (f->person->beard > 0)
            f->at[v] = facet__add(
                f->at[v], facet__scaled(head->normals[v],
                              beard_height(f->person, head->mean[v])));
    }
    memcpy(f->triangles, head->triangles,
        head->n_triangles * sizeof *f->triangles);
}

static void add_hair(
    const facet_head *head, facet__figure *f, const facet__vec3 *shaped)
{
    const uint32_t first = (uint32_t)f->n_skin;
    uint32_t t = f->skin_end;

    for (size_t v = 0; v < f->n_hair; v++) {
        const size_t root = head->n_vertices + v;
        const float place = head->place[root];
        const float angle = facet__shell_angle(v % FACET__SHELL_COLUMNS);
        const float height = facet__hair_height(f->person, place, angle);
        const facet__vec3 offset =
            facet__sub(facet__hair_point(f->person, place, angle,
                           head->mean[root], head->normals[root], height),
                head->mean[root]);

        f->at[first + v] = facet__add(shaped[root], offset);
        f->texture[first + v] = (facet__vec3){ angle, place, height };
        f->open[first + v] = 1;
    }
    for (uint32_t r = 0; r + 1 < FACET__SHELL_ROWS; r++)
        for (uint32_t c = 0; c < FACET__SHELL_COLUMNS; c++) {
            const uint32_t right = (c + 1) % FACET__SHELL_COLUMNS;
            const uint32_t up = first + r * FACET__SHELL_COLUMNS;
            const uint32_t down = up + FACET__SHELL_COLUMNS;
            const uint32_t quad[2][3] = { { up + c, down + c, down + right },
                { up + c, down + right, up + right } };

            memcpy(f->triangles[t], quad, sizeof quad);
            t += 2;
        }
}

static void add_glasses(facet__figure *f, const float *weights)
{
    const size_t first = f->n_skin + f->n_hair;

    facet__glasses(
        f->person, f->at + first, f->triangles + f->hair_end, (uint32_t)first);
    for (size_t v = first; v < f->n_vertices; v++) {
        f->at[v] = varied(f->at[v], weights, 0);
        f->texture[v] = f->at[v];
        f->open[v] = 1;
    }
}

static void place_all(const facet_head *head, facet__figure *f, const stand *s)
{
    float last = -1;
    turn t = s->whole;

    for (size_t v = 0; v < f->n_vertices; v++) {
        const bool rows = v < f->n_skin + f->n_hair;
        const float place = rows ? head->place[v] : 0;

        if (place != last) {
            const float part = follows(place);

            t = turn_of(part * s->pose->yaw, part * s->pose->pitch,
                part * s->pose->roll);
            last = place;
        }
        f->at[v] = placed(s, &t, f->at[v]);
    }
}

static void place_points(const facet_head *head, facet__figure *f,
    const float *weights, const stand *s)
{
    const float open = opening(s->pose);

    facet__landmarks(head, &f->features, f->points);
    for (int i = 0; i < FACET_HEAD_POINTS; i++)
        f->points[i] =
            placed(s, &s->whole, varied(f->points[i], weights, open));
    for (int i = 0; i < 2; i++)
        f->pupils[i] = placed(s, &s->whole,
            varied(
                facet__front_point(head, i ? FACET__EYE_X : -FACET__EYE_X, 0),
                weights, open));
}

static facet_status take_memory(facet__figure *f)
{
    f->at = facet__calloc(f->n_vertices, sizeof *f->at);
    f->normals = facet__calloc(f->n_vertices, sizeof *f->normals);
    f->texture = facet__calloc(f->n_vertices, sizeof *f->texture);
    f->open = facet__calloc(f->n_vertices, sizeof *f->open);
    f->tone = facet__calloc(f->n_vertices, sizeof *f->tone);
    f->triangles = facet__calloc(f->n_triangles, sizeof *f->triangles);
    return f->at && f->normals && f->texture && f->open && f->tone &&
                   f->triangles
               ? FACET_OK
               : FACET_ENOMEM;
}

static void count_parts(const facet_head *head, facet__figure *f)
{
    const bool glasses = f->person->glasses > 0 && f->pose.glasses > 0;

    f->n_skin = head->n_vertices;
    f->n_hair = FACET__SHELL_ROWS * FACET__SHELL_COLUMNS;
    f->n_frame = glasses ? FACET__GLASSES_VERTICES : 0;
    f->n_vertices = f->n_skin + f->n_hair + f->n_frame;
    f->skin_end = (uint32_t)head->n_triangles;
    f->hair_end =
        f->skin_end + 2 * (FACET__SHELL_ROWS - 1) * FACET__SHELL_COLUMNS;
    f->n_triangles = f->hair_end + (glasses ? FACET__GLASSES_TRIANGLES : 0);
}

static void note_features(facet__figure *f)
{
    const facet_synth_person *p = f->person;

    f->features =
        (facet__features){ p->lid_opening * (1 - f->pose.eyes_closed) *
                               (1 - 0.25F * f->pose.smile),
            p->lip_fullness, p->brow_height, p->brow_arch };
}

facet_status facet__figure_create(const facet_head *head,
    const facet_synth_person *person, const facet_synth_pose *pose,
    const facet__camera *camera, facet__figure *out)
{
    const stand s = stand_of(pose, camera);
    float weights[FACET__VARIATIONS];
    facet__vec3 *shaped = facet__calloc(head->n_all, sizeof *shaped);
    facet_status st;

    *out = (facet__figure){ .person = person, .pose = *pose };
    note_features(out);
    count_parts(head, out);
    st = take_memory(out);
    if (!shaped || st != FACET_OK) {
        facet__free(shaped);
        facet__figure_free(out);
        return FACET_ENOMEM;
    }
    weights_of(person, pose, weights);
    vary_all(head, weights, opening(pose), shaped);
    add_skin(head, out, shaped);
    add_hair(head, out, shaped);
    if (out->n_frame)
        add_glasses(out, weights);
    place_all(head, out, &s);
    place_points(head, out, weights, &s);
    note_placement(&s, out->placement);
    facet__mesh_normals(out->at, out->n_vertices,
        (const uint32_t(*)[3])out->triangles, out->n_triangles, out->normals);
    facet__free(shaped);
    return FACET_OK;
}

void facet__figure_free(facet__figure *figure)
{
    facet__free(figure->at);
    facet__free(figure->normals);
    facet__free(figure->texture);
    facet__free(figure->open);
    facet__free(figure->tone);
    facet__free(figure->triangles);
    *figure = (facet__figure){ 0 };
}
