/* SPDX-License-Identifier: Apache-2.0 */
/* Faces turned to the front: papers.md C.7 (7) and (8), and heads of our own,
 * of which everything is known. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "face/frontal_private.h"
#include "image/image.h"

enum { POINTS = FACET_HEAD_POINTS, SIDE = 152 };

static facet_head *head;
static facet_frontal *frontal;

static facet_frontal *frontal_with(facet_residual residual, int mirror)
{
    facet_frontal_opts opts;
    facet_frontal *made = NULL;

    facet_frontal_opts_init(&opts);
    opts.residual = residual;
    opts.mirror = mirror;
    CHECK_OK(facet_frontal_create(head, &opts, &made, NULL));
    return made;
}

static int open_all(void **state)
{
    (void)state;
    return facet_head_create(&head, NULL) == FACET_OK &&
                   facet_frontal_create(head, NULL, &frontal, NULL) == FACET_OK
               ? 0
               : -1;
}

static int close_all(void **state)
{
    (void)state;
    facet_frontal_free(frontal);
    facet_head_free(head);
    return 0;
}

/* The mean head's landmarks under a camera; yaw and roll only. */
static facet_camera camera_of(double yaw, double roll, double scale)
{
    const double rad = acos(-1) / 180;
    const double ca = cos(yaw * rad), sa = sin(yaw * rad);
    const double cc = cos(roll * rad), sc = sin(roll * rad);

    return (facet_camera){ { scale * cc * ca, scale * sc, scale * cc * sa, 100,
        scale * sc * ca, -scale * cc, scale * sc * sa, 90 } };
}

static void landmarks_under(
    const facet_camera *camera, double noise, facet_point points[POINTS])
{
    facet__random r = facet__random_stream(1, 2, 3);
    facet_point3 mean[POINTS];

    facet_head_mean_points(head, mean);
    for (int i = 0; i < POINTS; i++) {
        points[i] = facet_camera_project(camera, mean[i]);
        points[i].x += (float)(noise * facet__random_normal(&r));
        points[i].y += (float)(noise * facet__random_normal(&r));
    }
}

/* ---- The corrected head ---- */

static void test_without_residual_the_target_is_the_reference(void **state)
{
    (void)state;
    for (int yaw = -60; yaw <= 60; yaw += 30) {
        const facet_camera camera = camera_of(yaw, 10, 0.8);
        facet_point points[POINTS];
        facet__frontal_face face;

        landmarks_under(&camera, 0, points);
        CHECK_OK(facet__frontal_look(frontal, points, &face, NULL));
        for (int k = 0; k < 8; k++)
            CHECK_NEAR(face.result.camera.p[k], camera.p[k], 1e-3);
        CHECK_NEAR(face.result.pose.yaw, yaw, 0.01);
        CHECK_NEAR(face.result.pose.roll, 10, 0.01);
        CHECK_NEAR(face.result.residual, 0, 1e-3);
        for (int i = 0; i < POINTS; i++) {
            CHECK_NEAR(face.corrected[i].x, frontal->space[i].x, 1e-2);
            CHECK_NEAR(face.corrected[i].y, frontal->space[i].y, 1e-2);
        }
    }
}

static void test_camera_sees_the_corrected_head_at_the_landmarks(void **state)
{
    (void)state;
    for (int yaw = -60; yaw <= 60; yaw += 20) {
        const facet_camera camera = camera_of(yaw, -15, 0.8);
        facet_point points[POINTS];
        facet__frontal_face face;

        landmarks_under(&camera, 2, points);
        CHECK_OK(facet__frontal_look(frontal, points, &face, NULL));
        assert_true(face.result.residual > 1);
        for (int i = 0; i < POINTS; i++) {
            const facet_point seen = facet_camera_project(&face.result.camera,
                (facet_point3){ face.corrected[i].x, face.corrected[i].y,
                    frontal->space[i].z });

            CHECK_NEAR(seen.x, points[i].x, 1e-3);
            CHECK_NEAR(seen.y, points[i].y, 1e-3);
        }
    }
}

static void test_residuals_can_be_left_out_or_scaled(void **state)
{
    facet_frontal *none = frontal_with(FACET_RESIDUAL_NONE, 1);
    facet_frontal *scaled = frontal_with(FACET_RESIDUAL_SCALED, 1);
    const facet_camera camera = camera_of(0, 0, 0.8);
    facet_point points[POINTS];
    facet__frontal_face a, b, exact;

    (void)state;
    landmarks_under(&camera, 1, points);
    CHECK_OK(facet__frontal_look(none, points, &a, NULL));
    CHECK_OK(facet__frontal_look(scaled, points, &b, NULL));
    CHECK_OK(facet__frontal_look(frontal, points, &exact, NULL));
    for (int i = 0; i < POINTS; i++) {
        CHECK_NEAR(a.corrected[i].x, none->space[i].x, 1e-6);
        CHECK_NEAR(a.corrected[i].y, none->space[i].y, 1e-6);
        /* From the front the two conventions nearly agree. */
        CHECK_NEAR(b.corrected[i].x, exact.corrected[i].x, 1.5);
        CHECK_NEAR(b.corrected[i].y, exact.corrected[i].y, 1.5);
    }
    facet_frontal_free(none);
    facet_frontal_free(scaled);
}

static void test_points_have_their_mirror(void **state)
{
    (void)state;
    for (int i = 0; i < FACET__FRONTAL_POINTS; i++) {
        const int j = facet__frontal_mirrored(i);

        assert_int_equal(facet__frontal_mirrored(j), i);
        CHECK_NEAR(frontal->space[i].x, -frontal->space[j].x, 1e-2);
        CHECK_NEAR(frontal->space[i].y, frontal->space[j].y, 1e-2);
    }
}

/* ---- The warp ---- */

/* Red is x, green is y. */
static facet_image *coordinates(int32_t side)
{
    facet_image *image;

    CHECK_OK(facet_image_create(side, side, &image));
    for (int32_t y = 0; y < side; y++)
        for (int32_t x = 0; x < side; x++) {
            uint8_t *rgb =
                image->data + (size_t)y * image->stride + 3 * (size_t)x;

            rgb[0] = (uint8_t)x;
            rgb[1] = (uint8_t)y;
            rgb[2] = 255;
        }
    return image;
}

static const uint8_t *pixel(const facet_image *image, int x, int y)
{
    return image->data + (size_t)y * image->stride + 3 * (size_t)x;
}

static bool filled(const facet_image *image, int x, int y)
{
    return x >= 0 && y >= 0 && x < image->width && y < image->height &&
           pixel(image, x, y)[2] > 250;
}

static void test_source_and_target_the_same_is_the_identity(void **state)
{
    const double s = 0.84, middle = 0.5 * (SIDE - 1);
    const facet_camera camera = { { s, 0, 0, middle, 0, -s, 0,
        middle + s * -29 } };
    facet_image *photo = coordinates(SIDE), *crop;
    facet_point points[POINTS];
    facet_frontal_result result;
    size_t face = 0;

    (void)state;
    landmarks_under(&camera, 0, points);
    CHECK_OK(facet_frontal_warp(frontal, photo, points, &crop, &result, NULL));
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            if (filled(crop, x, y)) {
                CHECK_NEAR(pixel(crop, x, y)[0], x, 1);
                CHECK_NEAR(pixel(crop, x, y)[1], y, 1);
                face++;
            }
    assert_true(face > SIDE * SIDE / 2);
    assert_true(result.mirrored < 0.02F);
    facet_image_free(crop);
    facet_image_free(photo);
}

/* Corners go where they should, and neighbors come from neighbors, across the
 * edges of triangles as well. */
static void test_warp_meets_its_corners_and_is_continuous(void **state)
{
    facet_frontal *plain = frontal_with(FACET_RESIDUAL_EXACT, 0);
    const facet_camera camera = camera_of(15, 10, 0.9);
    facet_image *photo = coordinates(200), *crop;
    facet_point points[POINTS];
    facet__frontal_face face;

    (void)state;
    landmarks_under(&camera, 0.7, points);
    CHECK_OK(facet__frontal_look(plain, points, &face, NULL));
    CHECK_OK(facet_frontal_warp(plain, photo, points, &crop, NULL, NULL));
    for (int i = 0; i < FACET__FRONTAL_POINTS; i++) {
        const int x = (int)(face.target[i].x + 0.5F);
        const int y = (int)(face.target[i].y + 0.5F);

        if (!filled(crop, x, y)) /* rounded out of the hull */
            continue;
        CHECK_NEAR(pixel(crop, x, y)[0], face.source[i].x, 2.5);
        CHECK_NEAR(pixel(crop, x, y)[1], face.source[i].y, 2.5);
    }
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; filled(crop, x, y) && c < 2; c++) {
                if (filled(crop, x + 1, y))
                    CHECK_NEAR(
                        pixel(crop, x, y)[c], pixel(crop, x + 1, y)[c], 6);
                if (filled(crop, x, y + 1))
                    CHECK_NEAR(
                        pixel(crop, x, y)[c], pixel(crop, x, y + 1)[c], 6);
            }
    facet_image_free(crop);
    facet_image_free(photo);
    facet_frontal_free(plain);
}

/* Turned far to the right of the picture, the right cheek is hidden. */
static void test_hidden_side_is_filled_from_the_other(void **state)
{
    facet_frontal *plain = frontal_with(FACET_RESIDUAL_EXACT, 0);
    const facet_camera camera = camera_of(60, 0, 0.9);
    facet_image *photo = coordinates(220), *with, *without;
    facet_frontal_result a, b;
    facet_point points[POINTS];
    size_t alike = 0, checked = 0;

    (void)state;
    landmarks_under(&camera, 0, points);
    CHECK_OK(facet_frontal_warp(frontal, photo, points, &with, &a, NULL));
    CHECK_OK(facet_frontal_warp(plain, photo, points, &without, &b, NULL));
    assert_true(a.mirrored > 0.15F && a.mirrored < 0.55F);
    CHECK_NEAR(b.mirrored, 0, 0);
    for (int y = 60; y < 110; y++)
        for (int x = 112; x < 128; x++) {
            if (!filled(with, x, y) || !filled(without, SIDE - 1 - x, y))
                continue;
            checked++;
            alike += abs(pixel(with, x, y)[0] -
                         pixel(without, SIDE - 1 - x, y)[0]) <= 3;
        }
    assert_true(checked > 300);
    assert_true(alike > checked * 8 / 10);
    facet_image_free(with);
    facet_image_free(without);
    facet_image_free(photo);
    facet_frontal_free(plain);
}

/* ---- Rendered heads ---- */

typedef struct shot {
    facet_image *image;
    facet_synth_truth truth;
} shot;

/* `focal` as in a scene: 5 is a portrait, 20 nearly without perspective. */
static shot take(
    const facet_synth_person *person, const float turn[3], float focal)
{
    facet_synth_pose pose;
    facet_synth_scene scene;
    shot s = { 0 };

    facet_synth_pose_init(&pose, 320, 320);
    facet_synth_scene_init(&scene, 320, 320);
    pose.yaw = turn[0];
    pose.pitch = turn[1];
    pose.roll = turn[2];
    pose.scale = 1.15F;
    scene.focal = focal;
    scene.light_yaw = 0;
    CHECK_OK(facet_synth_render(
        head, person, &pose, 1, &scene, &s.image, &s.truth, NULL));
    return s;
}

/* Errors of a pose: sums and worst, of yaw, pitch, roll. */
typedef struct errors {
    double sum[3], worst[3];
} errors;

/* An affine camera sees the turn against the line of sight to the face. */
static void note_errors(errors *e, const facet_head_pose *got,
    const float turn[3], const facet_synth_truth *truth)
{
    const float *m = truth->placement, middle[3] = { 0, -30, 70 };
    const double found[3] = { (double)got->yaw, (double)got->pitch,
        (double)got->roll };
    double at[3], want[3];

    for (int k = 0; k < 3; k++)
        at[k] = (double)(m[4 * k] * middle[0] + m[4 * k + 1] * middle[1] +
                         m[4 * k + 2] * middle[2] + m[4 * k + 3]);
    want[0] = (double)turn[0] + atan2(at[0], -at[2]) * 180 / acos(-1);
    want[1] = (double)turn[1] + atan2(at[1], -at[2]) * 180 / acos(-1);
    want[2] = (double)turn[2];
    for (int k = 0; k < 3; k++) {
        const double error = fabs(found[k] - want[k]);

        e->sum[k] += error;
        e->worst[k] = fmax(e->worst[k], error);
    }
}

/* Heads turned at random; every second one has a shape of its own. */
static void turn_heads(int count, float focal, errors *mean, errors *own)
{
    facet__random r = facet__random_stream(4, 4, 4);

    for (int i = 0; i < count; i++) {
        const float turn[3] = { (float)facet__random_between(&r, -45, 45),
            (float)facet__random_between(&r, -15, 15),
            (float)facet__random_between(&r, -15, 15) };
        facet_synth_person person;
        facet__frontal_face face;
        shot s;

        facet_synth_person_init(&person);
        if (i % 2)
            facet_synth_person_random(&person, 31, (uint64_t)i);
        s = take(&person, turn, focal);
        CHECK_OK(facet__frontal_look(frontal, s.truth.points, &face, NULL));
        note_errors(i % 2 ? own : mean, &face.result.pose, turn, &s.truth);
        facet_image_free(s.image);
    }
}

static void test_pose_of_rendered_heads_is_recovered(void **state)
{
    enum { HEADS = 40 };
    static const float focals[] = { 20, 5 };

    (void)state;
    for (int f = 0; f < 2; f++) {
        errors mean = { 0 }, own = { 0 };

        turn_heads(HEADS, focals[f], &mean, &own);
        for (int kind = 0; kind < 2; kind++) {
            const errors *e = kind ? &own : &mean;

            print_message("focal %2g, %d %s heads, mean and worst error: yaw "
                          "%.2f %.2f, pitch %.2f %.2f, roll %.2f %.2f\n",
                (double)focals[f], HEADS / 2, kind ? "random" : "mean",
                e->sum[0] * 2 / HEADS, e->worst[0], e->sum[1] * 2 / HEADS,
                e->worst[1], e->sum[2] * 2 / HEADS, e->worst[2]);
            for (int k = 0; k < 3; k++)
                assert_true(e->worst[k] <= 3);
        }
    }
}

/* The mean head's five points in the crop: what 2D alignment aims at. */
static facet_align_template flat_template(void)
{
    static const int nose = 30, left = 48, right = 54;
    facet_align_template t = { "", SIDE, SIDE, { { 0, 0 } } };
    facet_point3 mean[POINTS], five[FACET_LANDMARKS];

    facet_head_mean_points(head, mean);
    five[0] = (facet_point3){ -31.5F, 0, 0 };
    five[1] = (facet_point3){ 31.5F, 0, 0 };
    five[2] = mean[nose];
    five[3] = mean[left];
    five[4] = mean[right];
    for (int i = 0; i < FACET_LANDMARKS; i++)
        t.points[i] = (facet_point){ 0.5F * (SIDE - 1) + 0.84F * five[i].x,
            0.5F * (SIDE - 1) - 0.84F * (five[i].y + 29) };
    return t;
}

/* Mean difference of two crops where `mask` is filled. */
static double difference(
    const facet_image *a, const facet_image *b, const facet_image *mask)
{
    double sum = 0;
    size_t count = 0;

    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const uint8_t *m = pixel(mask, x, y);

            if (!m[0] && !m[1] && !m[2])
                continue;
            for (int c = 0; c < 3; c++, count++)
                sum += abs(pixel(a, x, y)[c] - pixel(b, x, y)[c]);
        }
    return sum / (double)count;
}

/* Where the landmarks of a shot come from. */
typedef facet_status find_points(
    void *context, const shot *s, facet_point points[POINTS]);

static facet_status exact_points(
    void *context, const shot *s, facet_point points[POINTS])
{
    (void)context;
    memcpy(points, s->truth.points, sizeof s->truth.points);
    return FACET_OK;
}

static facet_status network_points(
    void *context, const shot *s, facet_point points[POINTS])
{
    facet_face face = { .box = s->truth.box, .score = 1 };

    memcpy(face.landmarks, s->truth.five, sizeof face.landmarks);
    return facet_landmarker_find(context, s->image, &face, points, NULL);
}

/* Turned by 30 degrees: how far the 3D and the 2D alignment are from the render
 * from the front. */
static void compare(find_points *find, void *context, double *by_3d,
    double *by_2d, size_t *better, size_t count)
{
    const facet_align_template flat = flat_template();

    *by_3d = *by_2d = 0;
    *better = 0;
    for (size_t i = 0; i < count; i++) {
        facet_synth_person person;
        facet_image *want, *got3, *got2;
        facet_point points[POINTS];
        shot front, turned;
        double d3, d2;

        facet_synth_person_random(&person, 8, i);
        person.glasses = 0;
        front = take(&person, (const float[3]){ 0, 0, 0 }, 5);
        turned = take(&person, (const float[3]){ i % 2 ? 30 : -30, 0, 0 }, 5);
        CHECK_OK(
            facet_align(front.image, front.truth.five, &flat, &want, NULL));
        CHECK_OK(
            facet_align(turned.image, turned.truth.five, &flat, &got2, NULL));
        CHECK_OK(find(context, &turned, points));
        CHECK_OK(facet_frontal_warp(
            frontal, turned.image, points, &got3, NULL, NULL));
        d3 = difference(got3, want, got3);
        d2 = difference(got2, want, got3);
        *by_3d += d3 / (double)count;
        *by_2d += d2 / (double)count;
        *better += d3 < d2;
        facet_image_free(want);
        facet_image_free(got3);
        facet_image_free(got2);
        facet_image_free(front.image);
        facet_image_free(turned.image);
    }
    print_message("faces turned by 30 degrees against the front, levels of "
                  "255: 3D %.2f, 2D %.2f; 3D nearer in %zu of %zu\n",
        *by_3d, *by_2d, *better, count);
}

static void test_frontal_warp_is_nearer_to_the_front_than_2d(void **state)
{
    enum { PEOPLE = 10 };
    double by_3d, by_2d;
    size_t better;

    (void)state;
    compare(exact_points, NULL, &by_3d, &by_2d, &better, PEOPLE);
    assert_true(by_3d < 0.8 * by_2d);
    assert_true(better >= PEOPLE - 1);
}

#define SHIPPED FACET_SOURCE_DIR "/models/landmarks.onnx"
#define MESH FACET_SHARED_DIR "/models/facemesh468.onnx"

static void check_warp_by(const char *path)
{
    enum { PEOPLE = 10 };
    facet_model *model;
    facet_landmarker *landmarker;
    double by_3d, by_2d;
    size_t better;

    CHECK_OK(facet_model_load(path, NULL, &model, NULL));
    CHECK_OK(facet_landmarker_create(model, NULL, &landmarker, NULL));
    compare(network_points, landmarker, &by_3d, &by_2d, &better, PEOPLE);
    assert_true(by_3d < 0.85 * by_2d);
    assert_true(better >= PEOPLE - 1);
    facet_landmarker_free(landmarker);
    facet_model_free(model);
}

static void test_landmarks_of_the_shipped_network_do_as_well(void **state)
{
    (void)state;
    check_warp_by(SHIPPED);
}

static void test_landmarks_of_a_face_mesh_do_as_well(void **state)
{
    (void)state;
    NEED_SHARED("models/facemesh468.onnx");
    check_warp_by(MESH);
}

/* The network's points against the truth, and that the iteration brings a
 * tilted, badly boxed face home. */
static void check_points_of(const char *path)
{
    facet_model *model;
    facet_landmarker *landmarker;
    facet_synth_person person;
    facet_point points[POINTS], again[POINTS];
    facet_face face = { .score = 1 };
    double sum = 0, moved = 0, unit;
    shot s;

    CHECK_OK(facet_model_load(path, NULL, &model, NULL));
    CHECK_OK(facet_landmarker_create(model, NULL, &landmarker, NULL));
    facet_synth_person_random(&person, 8, 3);
    person.glasses = 0;
    s = take(&person, (const float[3]){ 15, 0, 10 }, 5);
    face.box = s.truth.box;
    memcpy(face.landmarks, s.truth.five, sizeof face.landmarks);
    CHECK_OK(facet_landmarker_find(landmarker, s.image, &face, points, NULL));
    face.box.x += 0.15F * face.box.width;
    face.box.width *= 1.25F;
    face.landmarks[1].y += 0.1F * face.box.height;
    CHECK_OK(facet_landmarker_find(landmarker, s.image, &face, again, NULL));
    unit = hypot((double)(s.truth.points[45].x - s.truth.points[36].x),
        (double)(s.truth.points[45].y - s.truth.points[36].y));
    for (int i = 17; i < POINTS; i++) {
        sum += hypot((double)(points[i].x - s.truth.points[i].x),
                   (double)(points[i].y - s.truth.points[i].y)) /
               unit / (POINTS - 17);
        moved += hypot((double)(points[i].x - again[i].x),
                     (double)(points[i].y - again[i].y)) /
                 unit / (POINTS - 17);
    }
    print_message("inner points of the network, shares of the distance of the "
                  "outer eye corners: off by %.3f, by another box %.3f\n",
        sum, moved);
    assert_true(sum < 0.09);
    assert_true(moved < 0.03);
    facet_image_free(s.image);
    facet_landmarker_free(landmarker);
    facet_model_free(model);
}

static void test_points_of_the_shipped_network_are_near_the_truth(void **state)
{
    (void)state;
    check_points_of(SHIPPED);
}

static void test_points_of_a_face_mesh_are_near_the_truth(void **state)
{
    (void)state;
    NEED_SHARED("models/facemesh468.onnx");
    check_points_of(MESH);
}

static void test_networks_without_landmarks_are_refused(void **state)
{
    facet_model *model;
    facet_landmarker *landmarker;
    facet_error err;

    (void)state;
    NEED_SHARED("models/reid0095.onnx");
    CHECK_OK(facet_model_load(
        FACET_SHARED_DIR "/models/reid0095.onnx", NULL, &model, NULL));
    assert_int_equal(
        facet_landmarker_create(model, NULL, &landmarker, &err), FACET_EMODEL);
    assert_non_null(strstr(err.msg, "68"));
    assert_null(landmarker);
    facet_model_free(model);
}

static void test_wrong_arguments_are_refused(void **state)
{
    facet_frontal_opts opts;
    facet_frontal *made;
    facet_image *photo = coordinates(32), *crop;
    facet_point points[POINTS] = { { 0 } };
    static double singular[4 * POINTS * POINTS];
    facet_error err;

    (void)state;
    facet_frontal_opts_init(&opts);
    opts.width = 0;
    assert_int_equal(
        facet_frontal_create(head, &opts, &made, &err), FACET_EINVAL);
    facet_frontal_opts_init(&opts);
    opts.covariance = singular;
    assert_int_equal(
        facet_frontal_create(head, &opts, &made, &err), FACET_EINVAL);
    assert_non_null(strstr(err.msg, "positive definite"));
    assert_null(made);
    assert_int_equal(
        facet_frontal_create(NULL, NULL, &made, &err), FACET_EINVAL);
    /* All at one place. */
    assert_int_equal(
        facet_frontal_warp(frontal, photo, points, &crop, NULL, &err),
        FACET_EINVAL);
    points[5].x = INFINITY;
    assert_int_equal(
        facet_frontal_warp(frontal, photo, points, &crop, NULL, &err),
        FACET_EINVAL);
    assert_null(crop);
    facet_image_free(photo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_residual_the_target_is_the_reference),
        cmocka_unit_test(test_camera_sees_the_corrected_head_at_the_landmarks),
        cmocka_unit_test(test_residuals_can_be_left_out_or_scaled),
        cmocka_unit_test(test_points_have_their_mirror),
        cmocka_unit_test(test_source_and_target_the_same_is_the_identity),
        cmocka_unit_test(test_warp_meets_its_corners_and_is_continuous),
        cmocka_unit_test(test_hidden_side_is_filled_from_the_other),
        cmocka_unit_test(test_pose_of_rendered_heads_is_recovered),
        cmocka_unit_test(test_frontal_warp_is_nearer_to_the_front_than_2d),
        cmocka_unit_test(test_landmarks_of_the_shipped_network_do_as_well),
        cmocka_unit_test(test_landmarks_of_a_face_mesh_do_as_well),
        cmocka_unit_test(test_points_of_the_shipped_network_are_near_the_truth),
        cmocka_unit_test(test_points_of_a_face_mesh_are_near_the_truth),
        cmocka_unit_test(test_networks_without_landmarks_are_refused),
        cmocka_unit_test(test_wrong_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
