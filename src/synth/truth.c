/* SPDX-License-Identifier: Apache-2.0 */
/* truth.c - what is known of the faces of a picture, and what a scene must be
 * to be taken. */
#include "base/error.h"
#include "synth/render_private.h"

facet__camera facet__scene_camera(const facet_synth_scene *scene)
{
    return (facet__camera){ scene->focal * (float)scene->height,
        0.5F * (float)(scene->width - 1), 0.5F * (float)(scene->height - 1) };
}

static facet_point on_picture(const facet__camera *c, facet__vec3 p)
{
    return (facet_point){ c->center_x - c->focal * p.x / p.z,
        c->center_y + c->focal * p.y / p.z };
}

/* Does the place on the mean head belong to the face: from hairline to
 * chin, from cheek to cheek? */
static bool on_face(facet__vec3 mean)
{
    return mean.y < 64 && mean.y > -114 && mean.z > 22;
}

typedef struct extent {
    float left, top, right, bottom;
} extent;

/* Of no size, at the tip of the nose, when all of the face is turned away. */
static facet_box face_box(
    const facet__figure *f, const facet__camera *camera, facet_point tip)
{
    extent e = { INFINITY, INFINITY, -INFINITY, -INFINITY };

    for (size_t v = 0; v < f->n_skin; v++) {
        facet_point p;

        /* What faces away does not count: a profile ends at the cheek that is
         * seen. */
        if (!on_face(f->texture[v]) || facet__dot3(f->normals[v], f->at[v]) > 0)
            continue;
        p = on_picture(camera, f->at[v]);
        e.left = fminf(e.left, p.x);
        e.top = fminf(e.top, p.y);
        e.right = fmaxf(e.right, p.x);
        e.bottom = fmaxf(e.bottom, p.y);
    }
    if (e.left > e.right)
        return (facet_box){ tip.x, tip.y, 0, 0 };
    return (facet_box){ e.left, e.top, e.right - e.left, e.bottom - e.top };
}

/* Of the skin that would show, how much does? Counted at vertices: a vertex is
 * hidden when somebody else's sample is there. */
static float visible_share(const facet__figure *f, const facet__camera *camera,
    const facet__raster *raster, int n, uint32_t first)
{
    size_t all = 0, seen = 0;

    for (size_t v = 0; v < f->n_skin; v++) {
        facet_point p;
        int32_t x, y;
        uint32_t shown;

        if (!on_face(f->texture[v]) || facet__dot3(f->normals[v], f->at[v]) > 0)
            continue;
        p = on_picture(camera, f->at[v]);
        all++;
        x = (int32_t)((p.x + 0.5F) * (float)n);
        y = (int32_t)((p.y + 0.5F) * (float)n);
        if (p.x < 0 || p.y < 0 || x >= raster->width || y >= raster->height)
            continue;
        shown = raster->shown[(size_t)y * (size_t)raster->width + (size_t)x];
        seen += shown == FACET__NO_TRIANGLE ||
                (shown >= first && shown - first < f->n_triangles);
    }
    return all ? (float)seen / (float)all : 0;
}

void facet__truth_of(const facet__figure *figure, const facet__camera *camera,
    const facet__raster *raster, int n, uint32_t first, facet_synth_truth *out)
{
    for (int i = 0; i < FACET_HEAD_POINTS; i++) {
        out->points[i] = on_picture(camera, figure->points[i]);
        out->space[i] = figure->points[i];
    }
    out->five[0] = on_picture(camera, figure->pupils[0]);
    out->five[1] = on_picture(camera, figure->pupils[1]);
    out->five[2] = out->points[30];
    out->five[3] = out->points[48];
    out->five[4] = out->points[54];
    out->box = face_box(figure, camera, out->points[30]);
    out->visible = visible_share(figure, camera, raster, n, first);
    for (int i = 0; i < 12; i++)
        out->placement[i] = figure->placement[i];
}

/* ---- Checks ---- */

static bool all_within(const float *values, size_t count, float low, float high)
{
    for (size_t i = 0; i < count; i++)
        if (!(values[i] >= low && values[i] <= high))
            return false;
    return true;
}

static bool good_person(const facet_synth_person *p)
{
    const float shares[] = { p->brow_thickness, p->brow_arch, p->brow_height,
        p->lid_crease, p->lashes, p->eye_shadow, p->blush, p->freckles,
        p->wrinkles, p->eye_bags, p->stubble, p->beard, p->moustache,
        p->glasses, p->glasses_round, p->curl };
    const facet_tint *colors[] = { &p->skin, &p->lips, &p->hair, &p->brows,
        &p->iris, &p->clothes, &p->frame };

    for (size_t i = 0; i < sizeof colors / sizeof *colors; i++)
        if (!all_within(&colors[i]->r, 1, 0, 1) ||
            !all_within(&colors[i]->g, 1, 0, 1) ||
            !all_within(&colors[i]->b, 1, 0, 1))
            return false;
    return p->size == sizeof *p &&
           all_within(p->shape, FACET_HEAD_SHAPES, -4, 4) &&
           all_within(shares, sizeof shares / sizeof *shares, 0, 1) &&
           all_within(&p->hair_volume, 1, 0, 4) &&
           all_within(&p->hairline, 1, -2, 2) &&
           all_within(&p->lid_opening, 1, 0, 2) &&
           all_within(&p->lip_fullness, 1, 0, 2) && (int)p->hair_style >= 0 &&
           (int)p->hair_style < FACET_HAIR_STYLES && p->moles >= 0 &&
           p->moles <= 100;
}

static bool good_pose(const facet_synth_pose *p, float focal)
{
    const float shares[] = { p->smile, p->mouth_open, p->eyes_closed,
        p->brows_raised, p->glasses };
    const float degrees[] = { p->yaw, p->pitch, p->roll, p->gaze_x, p->gaze_y };
    const float place[] = { p->at.x, p->at.y };

    return p->size == sizeof *p &&
           all_within(shares, sizeof shares / sizeof *shares, 0, 1) &&
           all_within(degrees, sizeof degrees / sizeof *degrees, -180, 180) &&
           all_within(place, 2, -1e5F, 1e5F) && p->scale > 0 &&
           /* The head stays before the camera. */
           focal / p->scale >= 250 && focal / p->scale <= 1e7F;
}

static bool good_scene(const facet_synth_scene *s)
{
    const float lights[] = { s->light.r, s->light.g, s->light.b, s->ambient.r,
        s->ambient.g, s->ambient.b, s->exposure };
    const float shares[] = { s->shadows, s->clutter, s->backdrop[0].r,
        s->backdrop[0].g, s->backdrop[0].b, s->backdrop[1].r, s->backdrop[1].g,
        s->backdrop[1].b };

    return s->size == sizeof *s && s->width >= 16 && s->width <= 4096 &&
           s->height >= 16 && s->height <= 4096 && s->supersampling >= 1 &&
           s->supersampling <= 4 && all_within(&s->focal, 1, 0.2F, 100) &&
           all_within(&s->light_yaw, 1, -180, 180) &&
           all_within(&s->light_pitch, 1, -89, 89) &&
           all_within(lights, sizeof lights / sizeof *lights, 0, 20) &&
           all_within(shares, sizeof shares / sizeof *shares, 0, 1) &&
           all_within(&s->noise, 1, 0, 0.1F);
}

facet_status facet__scene_check(const facet_synth_person *people,
    const facet_synth_pose *poses, size_t count, const facet_synth_scene *scene,
    facet_error *err)
{
    if (!good_scene(scene))
        return facet__fail(err, FACET_EINVAL,
            "synth: the scene is not initialized or a number of it is out of "
            "range (see synth.h)");
    for (size_t i = 0; i < count; i++) {
        if (!good_person(&people[i]))
            return facet__fail(err, FACET_EINVAL,
                "synth: person %zu is not initialized or out of range", i);
        if (!good_pose(&poses[i], scene->focal * (float)scene->height))
            return facet__fail(err, FACET_EINVAL,
                "synth: pose %zu is not initialized or out of range (a head "
                "nearer than 250 mm is refused)",
                i);
    }
    return FACET_OK;
}
