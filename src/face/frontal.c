/* SPDX-License-Identifier: Apache-2.0 */
/* frontal.c - a face turned to the front (papers.md C.1, steps 4 to 6).
 *
 * The generic head's landmarks and a few points of its forehead, seen from the
 * front, are triangulated once. For a face: the camera is fitted to its
 * landmarks; what the fit leaves over moves the head's points sideways, so that
 * what is particular about the face is kept; each triangle is filled from the
 * photo by the affine map of its corners.
 *
 * Triangles that the camera does not see are filled from the mirrored ones. How
 * well a triangle is seen is found on the whole head's depth as the camera sees
 * it, so that a cheek behind the nose counts as hidden; the shares are spread
 * to corners and blended between them, which leaves no seams. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "face/cholesky.h"
#include "face/covariance.h"
#include "face/frontal_private.h"
#include "face/landmarks.h"
#include "image/warp.h"
#include "synth/head_private.h"
#include "synth/raster.h"

enum {
    RIM = FACET__FRONTAL_RIM,
    POINTS = FACET__FRONTAL_POINTS,
    ROWS = 2 * FACET_HEAD_POINTS,
};
typedef facet__frontal_face face;

/* On the mean head from the front, left to right, mm. */
static const facet_point rim[RIM] = { { -67, 24 }, { -57, 46 }, { -37, 59 },
    { -13, 64 }, { 13, 64 }, { 37, 59 }, { 57, 46 }, { 67, 24 } };

int facet__frontal_mirrored(int i)
{
    if (i >= FACET_HEAD_POINTS)
        return POINTS - 1 - (i - FACET_HEAD_POINTS);
    return facet__landmark_mirrored(i);
}

static facet_status make_factor(facet_frontal *f, facet_error *err)
{
    f->factor = facet__calloc(ROWS, ROWS * sizeof *f->factor);
    if (!f->factor)
        return facet__fail_memory(err);
    if (f->opts.covariance)
        memcpy(f->factor, f->opts.covariance,
            (size_t)ROWS * ROWS * sizeof *f->factor);
    else
        facet__landmark_covariance(f->head, f->factor);
    f->opts.covariance = NULL;
    if (facet__cholesky(f->factor, ROWS))
        return FACET_OK;
    return facet__fail(
        err, FACET_EINVAL, "frontal: the covariance is not positive definite");
}

/* ---- Making one ---- */

void facet_frontal_opts_init(facet_frontal_opts *opts)
{
    if (opts)
        *opts = (facet_frontal_opts){ .size = sizeof *opts,
            .width = 152,
            .height = 152,
            .scale = 0.84F,
            .center_y = -29,
            .residual = FACET_RESIDUAL_EXACT,
            .mirror = 1 };
}

static facet_status check_opts(const facet_frontal_opts *o, facet_error *err)
{
    if (o->width < 8 || o->width > 4096 || o->height < 8 || o->height > 4096 ||
        !(o->scale > 0 && o->scale < 1000) || !isfinite(o->center_y) ||
        (int)o->residual < 0 || o->residual > FACET_RESIDUAL_SCALED)
        return facet__fail(err, FACET_EINVAL,
            "frontal: size %d x %d, scale %g or an option out of range",
            o->width, o->height, (double)o->scale);
    return FACET_OK;
}

static facet_status triangulate(facet_frontal *f, facet_error *err)
{
    facet_point flat[POINTS];
    facet_status st;

    facet_head_mean_points(f->head, f->space);
    for (int i = 0; i < RIM; i++)
        f->space[FACET_HEAD_POINTS + i] =
            facet__front_point(f->head, rim[i].x, rim[i].y);
    for (int i = 0; i < POINTS; i++)
        flat[i] = (facet_point){ f->space[i].x, f->space[i].y };
    st = facet__delaunay(flat, POINTS, &f->triangles, &f->n_triangles);
    return st == FACET_OK ? st : facet__fail_memory(err);
}

facet_status facet_frontal_create(const facet_head *head,
    const facet_frontal_opts *opts, facet_frontal **out, facet_error *err)
{
    facet_frontal *f;
    facet_status st;

    if (!head || !out)
        return facet__fail(err, FACET_EINVAL, "frontal: an argument is NULL");
    *out = NULL;
    f = facet__calloc(1, sizeof *f);
    if (!f)
        return facet__fail_memory(err);
    f->head = head;
    facet_frontal_opts_init(&f->opts);
    st = facet__options_take(
        &f->opts, sizeof f->opts, opts, "facet_frontal_opts_init", err);
    if (st == FACET_OK)
        st = check_opts(&f->opts, err);
    if (st == FACET_OK)
        st = make_factor(f, err);
    if (st == FACET_OK)
        st = triangulate(f, err);
    if (st != FACET_OK) {
        facet_frontal_free(f);
        return st;
    }
    *out = f;
    return FACET_OK;
}

void facet_frontal_free(facet_frontal *frontal)
{
    if (!frontal)
        return;
    facet__free(frontal->factor);
    facet__free(frontal->triangles);
    facet__free(frontal);
}

/* ---- What the camera sees ---- */

/* Depth of the mean head as the camera sees it: x, y are the camera's pixels
 * over `unit`, z millimeters towards it. */
typedef struct depth_map {
    facet__raster raster;
    const facet_camera *camera;
    double toward[3]; /* unit vector of space */
    float unit, left, top;
} depth_map;

static facet__vec3 seen(const depth_map *d, facet__vec3 p)
{
    const facet_point at = facet_camera_project(d->camera, p);

    return (facet__vec3){ (at.x - d->left) / d->unit, (at.y - d->top) / d->unit,
        (float)(d->toward[0] * (double)p.x + d->toward[1] * (double)p.y +
                d->toward[2] * (double)p.z) };
}

/* The direction of space that the camera looks along, towards it. */
static void view_direction(const facet_camera *camera, double toward[3])
{
    const double *a = camera->p, *b = camera->p + 4;
    double length = 0;

    /* y of pictures grows downwards, hence b x a. */
    toward[0] = b[1] * a[2] - b[2] * a[1];
    toward[1] = b[2] * a[0] - b[0] * a[2];
    toward[2] = b[0] * a[1] - b[1] * a[0];
    for (int k = 0; k < 3; k++)
        length += toward[k] * toward[k];
    length = sqrt(length);
    for (int k = 0; k < 3; k++)
        toward[k] /= length;
}

static facet_status draw_depth(const facet_frontal *f,
    const facet_camera *camera, float scale, depth_map *d)
{
    enum { SIDE = 220 };
    const facet_head *head = f->head;
    facet__vec3 *at = facet__calloc(head->n_vertices, sizeof *at);
    const facet_point middle =
        facet_camera_project(camera, (facet_point3){ 0, -30, 40 });
    facet_status st;

    /* 1.5 mm a sample; the head is 330 wide at most. */
    *d = (depth_map){ .camera = camera, .unit = 1.5F * scale };
    d->left = middle.x - 0.5F * SIDE * d->unit;
    d->top = middle.y - 0.5F * SIDE * d->unit;
    view_direction(camera, d->toward);
    st = facet__raster_create(SIDE, SIDE, 0, &d->raster);
    if (st == FACET_OK && at) {
        for (size_t v = 0; v < head->n_vertices; v++)
            at[v] = seen(d, head->mean[v]);
        facet__raster_draw(&d->raster, at,
            (const uint32_t(*)[3])head->triangles, (uint32_t)head->n_triangles,
            0);
    }
    if (!at)
        st = FACET_ENOMEM;
    facet__free(at);
    return st;
}

static bool point_is_seen(const depth_map *d, facet__vec3 p)
{
    const float bias = 5; /* mm */
    const facet__vec3 at = seen(d, p);
    const int32_t x = (int32_t)floorf(at.x + 0.5F);
    const int32_t y = (int32_t)floorf(at.y + 0.5F);

    if (x < 0 || y < 0 || x >= d->raster.width || y >= d->raster.height)
        return true;
    return at.z + bias >= d->raster.depth[y * d->raster.width + x];
}

/* How well a triangle is seen, 0 to 1: the share of places that nothing hides,
 * less when it is seen at a flat angle. */
static float triangle_seen(
    const facet_frontal *f, const depth_map *d, const facet__triangle *t)
{
    enum { STEPS = 4 };
    facet__vec3 c[3], n;
    float facing;
    int all = 0, open = 0;

    for (int k = 0; k < 3; k++)
        c[k] = f->space[t->corners[k]];
    /* Triangles are turned like the axes: their normals point to the front. */
    n = facet__unit(
        facet__cross(facet__sub(c[1], c[0]), facet__sub(c[2], c[0])));
    facing = n.x * (float)d->toward[0] + n.y * (float)d->toward[1] +
             n.z * (float)d->toward[2];
    for (int i = 0; i < STEPS; i++)
        for (int j = 0; i + j < STEPS; j++) {
            const float u = ((float)i + 1 / 3.0F) / STEPS;
            const float v = ((float)j + 1 / 3.0F) / STEPS;
            const float x =
                c[0].x + u * (c[1].x - c[0].x) + v * (c[2].x - c[0].x);
            const float y =
                c[0].y + u * (c[1].y - c[0].y) + v * (c[2].y - c[0].y);

            all++;
            open += point_is_seen(d, facet__front_point(f->head, x, y));
        }
    return (float)open / (float)all * facet__step(0.12F, 0.42F, facing);
}

/* For each point, how well its triangles are seen. */
static facet_status points_seen(const facet_frontal *f,
    const facet_camera *camera, float scale, float shares[POINTS])
{
    int counts[POINTS] = { 0 };
    depth_map d;
    facet_status st = draw_depth(f, camera, scale, &d);

    for (int i = 0; i < POINTS; i++)
        shares[i] = 0;
    for (size_t t = 0; st == FACET_OK && t < f->n_triangles; t++) {
        const float share = triangle_seen(f, &d, &f->triangles[t]);

        for (int k = 0; k < 3; k++) {
            shares[f->triangles[t].corners[k]] += share;
            counts[f->triangles[t].corners[k]]++;
        }
    }
    for (int i = 0; i < POINTS; i++)
        shares[i] = counts[i] ? shares[i] / (float)counts[i] : 1;
    facet__raster_free(&d.raster);
    return st;
}

/* ---- The corrected head ---- */

/* What of a residual in pixels is added to x, y of the head. */
static facet_point correction(
    const facet_frontal *f, const facet_frontal_result *r, double dx, double dy)
{
    const double *p = r->camera.p;
    const double det = p[0] * p[5] - p[1] * p[4];
    const double scale = (double)r->pose.scale;

    if (f->opts.residual == FACET_RESIDUAL_NONE)
        return (facet_point){ 0, 0 };
    /* In profile x of the head is not seen, and cannot be corrected. */
    if (f->opts.residual == FACET_RESIDUAL_EXACT &&
        fabs(det) > 0.1 * scale * scale)
        return (facet_point){ (float)((p[5] * dx - p[1] * dy) / det),
            (float)((p[0] * dy - p[4] * dx) / det) };
    return (facet_point){ (float)(dx / scale), (float)(-dy / scale) };
}

static void correct(const facet_frontal *f, face *to)
{
    const facet_frontal_opts *o = &f->opts;
    double square = 0;

    for (int i = 0; i < POINTS; i++) {
        const facet_point seen_at =
            facet_camera_project(&to->result.camera, f->space[i]);
        facet_point move = { 0, 0 };

        if (i >= FACET_HEAD_POINTS) {
            to->source[i] = seen_at; /* where the head has its forehead */
        } else {
            const double dx = (double)(to->source[i].x - seen_at.x);
            const double dy = (double)(to->source[i].y - seen_at.y);

            square += dx * dx + dy * dy;
            move = correction(f, &to->result, dx, dy);
        }
        to->corrected[i] =
            (facet_point){ f->space[i].x + move.x, f->space[i].y + move.y };
        to->target[i].x =
            0.5F * (float)(o->width - 1) + o->scale * to->corrected[i].x;
        to->target[i].y = 0.5F * (float)(o->height - 1) -
                          o->scale * (to->corrected[i].y - o->center_y);
    }
    to->result.residual =
        (float)sqrt(square / FACET_HEAD_POINTS) / to->result.pose.scale;
}

/* ---- The warp ---- */

/* Counts of the pixels of the face: all, and those from the other side. */
typedef struct tally {
    size_t all, other;
} tally;

static facet_point at_weights(const facet_point *points,
    const unsigned short *corners, facet__vec3 w, bool other)
{
    const facet_point a =
        points[other ? facet__frontal_mirrored(corners[0]) : corners[0]];
    const facet_point b =
        points[other ? facet__frontal_mirrored(corners[1]) : corners[1]];
    const facet_point c =
        points[other ? facet__frontal_mirrored(corners[2]) : corners[2]];

    return (facet_point){ w.x * a.x + w.y * b.x + w.z * c.x,
        w.x * a.y + w.y * b.y + w.z * c.y };
}

static float seen_at(
    const face *from, const unsigned short *corners, facet__vec3 w, bool other)
{
    const float a =
        from->seen[other ? facet__frontal_mirrored(corners[0]) : corners[0]];
    const float b =
        from->seen[other ? facet__frontal_mirrored(corners[1]) : corners[1]];
    const float c =
        from->seen[other ? facet__frontal_mirrored(corners[2]) : corners[2]];

    return w.x * a + w.y * b + w.z * c;
}

static void fill_pixel(const facet_frontal *f, const face *from,
    const unsigned short *corners, facet__vec3 w, const facet__sampler *sampler,
    uint8_t *pixel, tally *count)
{
    const facet_point own = at_weights(from->source, corners, w, false);
    const float here = seen_at(from, corners, w, false);
    const float there = seen_at(from, corners, w, true);
    /* Only what the other side shows better is taken from there. */
    const float share = f->opts.mirror
                            ? facet__step(0.62F, 0.30F, here) *
                                  facet__step(0.05F, 0.25F, there - here)
                            : 0;
    float rgb[3], mirror[3];

    facet__sample(sampler, (double)own.x, (double)own.y, rgb);
    if (share > 0) {
        const facet_point other = at_weights(from->source, corners, w, true);

        facet__sample(sampler, (double)other.x, (double)other.y, mirror);
        for (int c = 0; c < 3; c++)
            rgb[c] = facet__mix1(rgb[c], mirror[c], share);
    }
    for (int c = 0; c < 3; c++)
        pixel[c] = (uint8_t)(facet__clamp(rgb[c], 0, 255) + 0.5F);
    count->all++;
    count->other += share > 0.5F;
}

static void fill_triangle(const facet_frontal *f, const face *from,
    const unsigned short *corners, const facet__sampler *sampler,
    facet_image *crop, tally *count)
{
    facet__vec3 c[3];
    float left, right, top, bottom, area;

    for (int k = 0; k < 3; k++)
        c[k] = (facet__vec3){ from->target[corners[k]].x,
            from->target[corners[k]].y, 0 };
    area = (c[1].x - c[0].x) * (c[2].y - c[0].y) -
           (c[1].y - c[0].y) * (c[2].x - c[0].x);
    if (!(area < -1e-6F)) /* folded over by its residuals */
        return;
    left = ceilf(fminf(c[0].x, fminf(c[1].x, c[2].x)));
    right = floorf(fmaxf(c[0].x, fmaxf(c[1].x, c[2].x)));
    top = ceilf(fminf(c[0].y, fminf(c[1].y, c[2].y)));
    bottom = floorf(fmaxf(c[0].y, fmaxf(c[1].y, c[2].y)));
    left = fmaxf(left, 0);
    top = fmaxf(top, 0);
    right = fminf(right, (float)(crop->width - 1));
    bottom = fminf(bottom, (float)(crop->height - 1));
    for (float y = top; y <= bottom; y++)
        for (float x = left; x <= right; x++) {
            const facet__vec3 w = facet__weights(c[0], c[1], c[2], x, y);

            if (w.x >= -1e-4F && w.y >= -1e-4F && w.z >= -1e-4F)
                fill_pixel(f, from, corners, w, sampler,
                    crop->data + (size_t)y * crop->stride + 3 * (size_t)x,
                    count);
        }
}

static facet_box around(const facet_point points[POINTS])
{
    float left = INFINITY, top = INFINITY, right = -INFINITY,
          bottom = -INFINITY;

    for (int i = 0; i < POINTS; i++) {
        left = fminf(left, points[i].x);
        top = fminf(top, points[i].y);
        right = fmaxf(right, points[i].x);
        bottom = fmaxf(bottom, points[i].y);
    }
    return (facet_box){ left, top, right - left, bottom - top };
}

static facet_status fill_crop(const facet_frontal *f, face *from,
    const facet_image *image, facet_image *crop)
{
    const double step = (double)(from->result.pose.scale / f->opts.scale);
    facet__sampler sampler;
    tally count = { 0, 0 };
    facet_status st = facet__sampler_open(
        facet__image_view(image), around(from->source), step, step, &sampler);

    if (st != FACET_OK)
        return st;
    for (size_t t = 0; t < f->n_triangles; t++)
        fill_triangle(f, from, f->triangles[t].corners, &sampler, crop, &count);
    facet__sampler_close(&sampler);
    from->result.mirrored =
        count.all ? (float)count.other / (float)count.all : 0;
    return FACET_OK;
}

facet_status facet__frontal_look(const facet_frontal *f,
    const facet_point points[FACET_HEAD_POINTS], face *to, facet_error *err)
{
    facet_status st;

    for (int i = 0; i < FACET_HEAD_POINTS; i++) {
        if (!isfinite(points[i].x) || !isfinite(points[i].y))
            return facet__fail(err, FACET_EINVAL,
                "frontal: a landmark is not a finite number");
        to->source[i] = points[i];
    }
    st = facet__camera_fit(f->space, points, FACET_HEAD_POINTS, f->factor,
        &to->result.camera, err);
    if (st != FACET_OK)
        return st;
    if (facet_camera_pose(&to->result.camera, &to->result.pose) != FACET_OK)
        return facet__fail(err, FACET_EINVAL,
            "frontal: the landmarks lie on a line, no camera fits them");
    correct(f, to);
    st = points_seen(f, &to->result.camera, to->result.pose.scale, to->seen);
    return st == FACET_OK ? st : facet__fail_memory(err);
}

facet_status facet_frontal_warp(const facet_frontal *frontal,
    const facet_image *image, const facet_point points[FACET_HEAD_POINTS],
    facet_image **crop, facet_frontal_result *result, facet_error *err)
{
    face from;
    facet_status st;

    if (crop)
        *crop = NULL;
    if (!frontal || !image || !points || !crop)
        return facet__fail(err, FACET_EINVAL, "frontal: an argument is NULL");
    st = facet__frontal_look(frontal, points, &from, err);
    if (st != FACET_OK)
        return st;
    if (facet_image_create(frontal->opts.width, frontal->opts.height, crop) !=
        FACET_OK)
        return facet__fail_memory(err);
    st = fill_crop(frontal, &from, image, *crop);
    if (st != FACET_OK) {
        facet_image_free(*crop);
        *crop = NULL;
        return st == FACET_ENOMEM
                   ? facet__fail_memory(err)
                   : facet__fail(err, st,
                         "frontal: the landmarks lie too far outside the "
                         "picture");
    }
    if (result)
        *result = from.result;
    return FACET_OK;
}
