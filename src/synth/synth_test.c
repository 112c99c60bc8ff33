/* SPDX-License-Identifier: Apache-2.0 */
/* The head has the measures it claims, pictures say the truth about
 * themselves, and networks trained on people take them for people. */
#include "check.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "facet/pipeline.h"
#include "facet/synth.h"
#include "synth/head_private.h"

static facet_head *head;

static int open_head(void **state)
{
    (void)state;
    return facet_head_create(&head, NULL) == FACET_OK ? 0 : -1;
}

static int close_head(void **state)
{
    (void)state;
    facet_head_free(head);
    return 0;
}

static double distance3(facet_point3 a, facet_point3 b)
{
    return sqrt(pow((double)(a.x - b.x), 2) + pow((double)(a.y - b.y), 2) +
                pow((double)(a.z - b.z), 2));
}

static double distance(facet_point a, facet_point b)
{
    return hypot((double)(a.x - b.x), (double)(a.y - b.y));
}

/* ---- The head ---- */

static void test_mean_head_has_the_measures_it_claims(void **state)
{
    facet_point3 p[FACET_HEAD_POINTS];
    const facet_head_mesh mesh = facet_head_mean_mesh(head);
    float width = 0, front = 0, back = 0;

    (void)state;
    facet_head_mean_points(head, p);
    CHECK_NEAR(distance3(p[48], p[54]), 50, 1); /* mouth */
    CHECK_NEAR(p[45].x - p[42].x, 30, 1);       /* eye fissure */
    CHECK_NEAR(p[42].x - p[39].x, 33, 1.5);     /* between them */
    CHECK_NEAR(p[27].y - p[8].y, 118, 5);       /* sellion, menton */
    CHECK_NEAR(p[33].y - FACET__SEAM_Y, 20, 3); /* to stomion */
    for (size_t v = 0; v < mesh.n_vertices; v++) {
        const facet_point3 q = mesh.vertices[v];

        if (q.y > 30) {
            width = fmaxf(width, 2 * q.x);
            front = fmaxf(front, q.z);
            back = fminf(back, q.z);
        }
    }
    CHECK_NEAR(width, 152, 3);
    CHECK_NEAR(front - back, 191, 6);
}

static void test_mean_landmarks_are_symmetric_and_named(void **state)
{
    facet_point3 p[FACET_HEAD_POINTS];

    (void)state;
    facet_head_mean_points(head, p);
    for (int i = 0; i < 17; i++) {
        CHECK_NEAR(p[i].x, -p[16 - i].x, 1e-3);
        CHECK_NEAR(p[i].z, p[16 - i].z, 1e-2);
    }
    CHECK_NEAR(p[36].x, -p[45].x, 1e-3);
    CHECK_NEAR(p[48].z, p[54].z, 0.1);
    for (size_t i = 0; i < FACET_HEAD_POINTS; i++) {
        assert_non_null(facet_head_point_name(i));
        assert_true(p[30].z >= p[i].z); /* the tip of the nose leads */
    }
    assert_string_equal(facet_head_point_name(30), "nose tip");
    assert_null(facet_head_point_name(FACET_HEAD_POINTS));
    assert_non_null(facet_head_shape_name(FACET_HEAD_SHAPES - 1));
    assert_null(facet_head_shape_name(FACET_HEAD_SHAPES));
}

static void test_landmarks_lie_on_the_mesh(void **state)
{
    facet_point3 p[FACET_HEAD_POINTS];
    const facet_head_mesh mesh = facet_head_mean_mesh(head);

    (void)state;
    facet_head_mean_points(head, p);
    for (int i = 0; i < FACET_HEAD_POINTS; i++) {
        double nearest = 1e9;

        for (size_t v = 0; v < mesh.n_vertices; v++)
            nearest = fmin(nearest, distance3(p[i], mesh.vertices[v]));
        if (nearest > 4) /* rows lie up to 6 mm apart along the jaw */
            fail_msg("point %d is %.1f mm off the mesh", i, nearest);
    }
}

/* Each edge inside belongs to two triangles, which run along it in opposite
 * directions: the surface has an inside and an outside. */
static void test_mesh_is_a_surface_turned_outwards(void **state)
{
    const facet_head_mesh mesh = facet_head_mean_mesh(head);
    const size_t n = mesh.n_vertices;
    unsigned char *seen = calloc(n, n / 8 + 1);
    size_t outwards = 0, front = 0;

    (void)state;
    assert_non_null(seen);
    for (size_t t = 0; t < mesh.n_triangles; t++)
        for (int k = 0; k < 3; k++) {
            const size_t a = mesh.triangles[t][k];
            const size_t b = mesh.triangles[t][(k + 1) % 3];
            unsigned char *byte = seen + a * (n / 8 + 1) + b / 8;
            const unsigned char bit = (unsigned char)(1 << b % 8);

            assert_true(a < n && b < n && a != b);
            assert_false(*byte & bit); /* the same direction never twice */
            *byte |= bit;
        }
    free(seen);
    for (size_t v = 0; v < head->n_rows * head->n_columns; v++)
        if (head->mean[v].z > 60 && head->mean[v].y > -100 &&
            head->mean[v].y < 60) {
            front++;
            outwards += head->normals[v].z > 0;
        }
    assert_true(front > 500);
    assert_true(outwards > front * 97 / 100); /* but for nostrils */
}

static void test_sockets_and_throat_see_less_sky_than_the_forehead(void **state)
{
    float forehead = 0, socket = 1, throat = 1;

    (void)state;
    for (size_t v = 0; v < head->n_vertices; v++) {
        const facet__vec3 p = head->mean[v];

        assert_true(head->open[v] >= 0 && head->open[v] <= 1);
        if (fabsf(p.x) < 10 && fabsf(p.y - 50) < 5 && p.z > 60)
            forehead = fmaxf(forehead, head->open[v]);
        if (fabsf(p.x - 16) < 3 && fabsf(p.y - 2) < 3 && p.z > 60)
            socket = fminf(socket, head->open[v]);
        if (fabsf(p.x) < 10 && fabsf(p.y + 116) < 4 && p.z > 30)
            throat = fminf(throat, head->open[v]);
    }
    assert_true(forehead > 0.9F);
    assert_true(socket < 0.85F);
    assert_true(throat < 0.6F);
}

/* ---- Pictures ---- */

static facet_status take(const facet_synth_person *person,
    const facet_synth_pose *pose, const facet_synth_scene *scene,
    facet_image **image, facet_synth_truth *truth)
{
    return facet_synth_render(head, person, pose, 1, scene, image, truth, NULL);
}

static void studio(facet_synth_person *person, facet_synth_pose *pose,
    facet_synth_scene *scene, int32_t side)
{
    facet_synth_person_init(person);
    facet_synth_pose_init(pose, side, side);
    facet_synth_scene_init(scene, side, side);
}

static float brightness(const facet_image *image, facet_point p)
{
    const int32_t x = (int32_t)(p.x + 0.5F), y = (int32_t)(p.y + 0.5F);
    const uint8_t *rgb = facet_image_data(image) +
                         (size_t)y * facet_image_stride(image) + 3 * (size_t)x;

    return ((float)rgb[0] + (float)rgb[1] + (float)rgb[2]) / 3;
}

static void test_truth_of_the_mean_person_is_the_mean_head_placed(void **state)
{
    facet_point3 mean[FACET_HEAD_POINTS];
    facet_synth_person person;
    facet_synth_pose pose;
    facet_synth_scene scene;
    facet_synth_truth t;
    facet_image *image;

    (void)state;
    facet_head_mean_points(head, mean);
    studio(&person, &pose, &scene, 128);
    pose.yaw = 25;
    pose.pitch = -8;
    pose.roll = 12;
    CHECK_OK(take(&person, &pose, &scene, &image, &t));
    for (int i = 0; i < FACET_HEAD_POINTS; i++) {
        const float *m = t.placement;
        const facet_point3 p = mean[i];
        const float z = m[8] * p.x + m[9] * p.y + m[10] * p.z + m[11];

        CHECK_NEAR(
            m[0] * p.x + m[1] * p.y + m[2] * p.z + m[3], t.space[i].x, 0.02);
        CHECK_NEAR(z, t.space[i].z, 0.02);
        CHECK_NEAR(t.points[i].x,
            63.5F - scene.focal * 128 * t.space[i].x / t.space[i].z, 1e-3);
        CHECK_NEAR(t.points[i].y,
            63.5F + scene.focal * 128 * t.space[i].y / t.space[i].z, 1e-3);
    }
    facet_image_free(image);
}

static facet_synth_truth truth_at(float yaw, float pitch, float roll)
{
    facet_synth_person person;
    facet_synth_pose pose;
    facet_synth_scene scene;
    facet_synth_truth t;
    facet_image *image;

    studio(&person, &pose, &scene, 64);
    pose.yaw = yaw;
    pose.pitch = pitch;
    pose.roll = roll;
    scene.supersampling = 1;
    CHECK_OK(take(&person, &pose, &scene, &image, &t));
    facet_image_free(image);
    return t;
}

static void test_head_turns_the_way_the_header_says(void **state)
{
    const facet_synth_truth front = truth_at(0, 0, 0);
    const facet_synth_truth right = truth_at(30, 0, 0);
    const facet_synth_truth up = truth_at(0, 20, 0);
    const facet_synth_truth clockwise = truth_at(0, 0, 20);

    (void)state;
    assert_true(right.five[2].x > front.five[2].x + 4);
    assert_true(up.five[2].y < front.five[2].y - 2);
    assert_true(clockwise.five[1].y > clockwise.five[0].y + 2);
    CHECK_NEAR(front.five[0].y, front.five[1].y, 0.01);
    /* The near half of the face is the wider one. */
    assert_true(distance(right.five[0], right.five[2]) >
                distance(right.five[1], right.five[2]));
}

static void test_the_truth_of_a_head_turned_away_is_finite(void **state)
{
    const facet_synth_truth t = truth_at(180, 0, 0);

    (void)state;
    assert_true(t.box.x == t.points[30].x && t.box.y == t.points[30].y);
    assert_true(t.box.width == 0 && t.box.height == 0);
    assert_true(t.visible == 0);
    assert_true(truth_at(120, 0, 0).box.width > 0);
}

/* The truth is the picture's: pupils are dark between bright whites, wherever
 * the head is turned. */
static void test_pupils_are_where_the_truth_says(void **state)
{
    (void)state;
    for (int yaw = -25; yaw <= 25; yaw += 25) {
        facet_synth_person person;
        facet_synth_pose pose;
        facet_synth_scene scene;
        facet_synth_truth t;
        facet_image *image;

        studio(&person, &pose, &scene, 512);
        pose.yaw = (float)yaw;
        scene.light_yaw = 60; /* no highlight in the pupils */
        CHECK_OK(take(&person, &pose, &scene, &image, &t));
        for (int eye = 0; eye < 2; eye++) {
            const facet_point in = t.points[eye ? 42 : 39];
            const facet_point out = t.points[eye ? 45 : 36];
            const facet_point pupil = t.five[eye];
            const facet_point white = { pupil.x + 0.58F * (out.x - pupil.x),
                pupil.y };

            assert_true(
                brightness(image, pupil) < brightness(image, white) - 30);
            assert_true(distance(in, pupil) > 5 && distance(out, pupil) > 5);
        }
        facet_image_free(image);
    }
}

static void test_expressions_move_the_landmarks(void **state)
{
    facet_synth_person person;
    facet_synth_pose pose;
    facet_synth_scene scene;
    facet_synth_truth calm, t;
    facet_image *image;

    (void)state;
    studio(&person, &pose, &scene, 128);
    scene.supersampling = 1;
    CHECK_OK(take(&person, &pose, &scene, &image, &calm));
    facet_image_free(image);

    pose.mouth_open = 1;
    pose.eyes_closed = 1;
    pose.brows_raised = 1;
    CHECK_OK(take(&person, &pose, &scene, &image, &t));
    facet_image_free(image);
    /* Millimeters: scale is 128 / 340 pixels a millimeter. */
    assert_true(distance3(calm.space[62], calm.space[66]) < 3);
    assert_true(distance3(t.space[62], t.space[66]) > 15);
    assert_true(distance3(t.space[37], t.space[41]) < 0.5);
    assert_true(distance3(calm.space[37], calm.space[41]) > 6);
    assert_true(t.space[19].y > calm.space[19].y + 4);
    CHECK_NEAR(t.space[33].y, calm.space[33].y, 0.5);

    pose = (facet_synth_pose){ 0 };
    facet_synth_pose_init(&pose, 128, 128);
    pose.smile = 1;
    CHECK_OK(take(&person, &pose, &scene, &image, &t));
    facet_image_free(image);
    assert_true(distance3(t.space[48], t.space[54]) >
                distance3(calm.space[48], calm.space[54]) + 6);
}

static bool same_pixels(const facet_image *a, const facet_image *b)
{
    return memcmp(facet_image_data(a), facet_image_data(b),
               facet_image_stride(a) * (size_t)facet_image_height(a)) == 0;
}

static facet_image *portrait(uint64_t seed, uint64_t person, uint64_t number)
{
    facet_synth_person somebody;
    facet_synth_pose pose;
    facet_synth_scene scene;
    facet_synth_limits limits;
    facet_image *image = NULL;

    facet_synth_limits_init(&limits);
    facet_synth_person_random(&somebody, seed, person);
    facet_synth_scene_init(&scene, 96, 96);
    facet_synth_portrait_random(&pose, &scene, &limits, seed, person, number);
    if (take(&somebody, &pose, &scene, &image, NULL) != FACET_OK)
        return NULL;
    return image;
}

static void *portrait_in_a_thread(void *unused)
{
    (void)unused;
    return portrait(3, 4, 5);
}

static void test_same_numbers_give_the_same_bytes_in_any_thread(void **state)
{
    pthread_t threads[3];
    facet_image *first = portrait(3, 4, 5);
    facet_image *others[3] = { portrait(4, 4, 5), portrait(3, 5, 5),
        portrait(3, 4, 6) };

    (void)state;
    assert_non_null(first);
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, portrait_in_a_thread, NULL), 0);
    for (int i = 0; i < 3; i++) {
        void *again;

        pthread_join(threads[i], &again);
        assert_non_null(again);
        assert_true(same_pixels(first, again));
        facet_image_free(again);
        assert_non_null(others[i]);
        assert_false(same_pixels(first, others[i]));
        facet_image_free(others[i]);
    }
    facet_image_free(first);
}

static void test_random_people_are_fit_for_pictures(void **state)
{
    facet_synth_limits limits;
    facet_synth_scene scene;
    facet_synth_pose pose;

    (void)state;
    facet_synth_limits_init(&limits);
    for (uint64_t i = 0; i < 300; i++) {
        facet_synth_person person;
        facet_image *image;

        facet_synth_person_random(&person, 11, i);
        facet_synth_scene_init(&scene, 16, 16);
        facet_synth_portrait_random(&pose, &scene, &limits, 11, i, 0);
        scene.supersampling = 1;
        scene.shadows = 0;
        CHECK_OK(take(&person, &pose, &scene, &image, NULL));
        facet_image_free(image);
    }
}

static void test_groups_show_everybody(void **state)
{
    enum { MOST = 16 };
    static const size_t counts[] = { 1, 3, 6, MOST };
    facet_synth_person people[MOST];
    facet_synth_pose poses[MOST];
    facet_synth_truth truths[MOST];
    facet_synth_limits limits;
    facet_synth_scene scene;
    facet_image *image;

    (void)state;
    facet_synth_limits_init(&limits);
    for (uint64_t i = 0; i < MOST; i++)
        facet_synth_person_random(&people[i], 2, i);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t hidden = 0;

        facet_synth_scene_init(&scene, 480, 360);
        facet_synth_group_random(poses, counts[c], &scene, &limits, 9, c);
        scene.supersampling = 1;
        CHECK_OK(facet_synth_render(
            head, people, poses, counts[c], &scene, &image, truths, NULL));
        facet_image_free(image);
        for (size_t i = 0; i < counts[c]; i++) {
            const facet_point eye = truths[i].five[0];

            assert_true(eye.x > 0 && eye.x < 480 && eye.y > 0 && eye.y < 360);
            hidden += truths[i].visible < 0.75F;
        }
        assert_true(hidden <= counts[c] / 8);
    }
}

static void test_wrong_arguments_are_refused(void **state)
{
    facet_synth_person person;
    facet_synth_pose pose;
    facet_synth_scene scene;
    facet_image *image = NULL;
    facet_error err = { 0 };

    (void)state;
    studio(&person, &pose, &scene, 32);
    assert_int_equal(facet_head_create(NULL, &err), FACET_EINVAL);
    assert_int_equal(take(NULL, &pose, &scene, &image, NULL), FACET_EINVAL);
    assert_int_equal(take(&person, &pose, NULL, &image, NULL), FACET_EINVAL);
    person.shape[7] = NAN;
    assert_int_equal(
        facet_synth_render(head, &person, &pose, 1, &scene, &image, NULL, &err),
        FACET_EINVAL);
    assert_non_null(strstr(err.msg, "person 0"));
    studio(&person, &pose, &scene, 32);
    pose.scale = 1e6F; /* the camera would be inside the head */
    assert_int_equal(take(&person, &pose, &scene, &image, NULL), FACET_EINVAL);
    studio(&person, &pose, &scene, 32);
    scene.supersampling = 9;
    assert_int_equal(take(&person, &pose, &scene, &image, NULL), FACET_EINVAL);
    scene = (facet_synth_scene){ 0 };
    assert_int_equal(take(&person, &pose, &scene, &image, NULL), FACET_EINVAL);
    assert_null(image);
}

/* ---- Networks ---- */

enum { PEOPLE = 12, PICTURES = 3, FACES = PEOPLE * PICTURES };

static double cosine(const facet_embedding *a, const facet_embedding *b)
{
    double sum = 0;

    for (size_t i = 0; i < a->dim; i++)
        sum += (double)a->values[i] * (double)b->values[i];
    return sum;
}

static double overlap(facet_box a, facet_box b)
{
    const float w = fminf(a.x + a.width, b.x + b.width) - fmaxf(a.x, b.x);
    const float h = fminf(a.y + a.height, b.y + b.height) - fmaxf(a.y, b.y);
    const double both = (double)fmaxf(w, 0) * (double)fmaxf(h, 0);

    return both / ((double)(a.width * a.height + b.width * b.height) - both);
}

static void check_against_truth(
    const facet_faces *faces, const facet_synth_truth *truth)
{
    const facet_face *face = facet_faces_face(faces, 0);

    assert_true(facet_faces_count(faces) >= 1);
    assert_true(face->score > 0.75F);
    assert_true(overlap(face->box, truth->box) > 0.55);
    for (int i = 0; i < FACET_LANDMARKS; i++)
        assert_true(distance(face->landmarks[i], truth->five[i]) <
                    0.15 * (double)truth->box.height);
}

/* The share of (same, different) pairs of comparisons that come out in the
 * right order. */
static double ordered(facet_faces *const *faces)
{
    size_t right = 0, all = 0;
    double same[FACES * PICTURES];
    size_t n_same = 0;

    for (size_t i = 0; i < FACES; i++)
        for (size_t j = 0; j < i; j++)
            if (i / PICTURES == j / PICTURES)
                same[n_same++] = cosine(facet_faces_embedding(faces[i], 0),
                    facet_faces_embedding(faces[j], 0));
    for (size_t i = 0; i < FACES; i++)
        for (size_t j = 0; j < i; j++)
            if (i / PICTURES != j / PICTURES) {
                const double c = cosine(facet_faces_embedding(faces[i], 0),
                    facet_faces_embedding(faces[j], 0));

                for (size_t k = 0; k < n_same; k++, all++)
                    right += same[k] > c;
            }
    return (double)right / (double)all;
}

static void test_networks_see_people_in_them(void **state)
{
    facet_pipeline_opts opts;
    facet_pipeline *pipeline;
    facet_synth_limits limits;
    facet_faces *faces[FACES];
    double share;

    (void)state;
    NEED_SHARED("models/yunet_2026may.onnx");
    NEED_SHARED("models/reid0095.onnx");
    facet_pipeline_opts_init(&opts);
    opts.detector = FACET_SHARED_DIR "/models/yunet_2026may.onnx";
    opts.embedder = FACET_SHARED_DIR "/models/reid0095.onnx";
    CHECK_OK(facet_pipeline_open(&opts, &pipeline, NULL));
    facet_synth_limits_init(&limits);
    for (uint64_t i = 0; i < FACES; i++) {
        facet_synth_person person;
        facet_synth_pose pose;
        facet_synth_scene scene;
        facet_synth_truth truth;
        facet_image *image;

        facet_synth_person_random(&person, 21, i / PICTURES);
        facet_synth_scene_init(&scene, 224, 224);
        facet_synth_portrait_random(
            &pose, &scene, &limits, 21, i / PICTURES, i % PICTURES);
        CHECK_OK(take(&person, &pose, &scene, &image, &truth));
        CHECK_OK(facet_pipeline_faces(pipeline, image, &faces[i], NULL));
        check_against_truth(faces[i], &truth);
        facet_image_free(image);
    }
    share = ordered(faces);
    print_message("%d people, %d pictures each, up to 45 degrees: same over "
                  "different in %.4f\n",
        PEOPLE, PICTURES, share);
    assert_true(share > 0.98);
    for (size_t i = 0; i < FACES; i++)
        facet_faces_free(faces[i]);
    facet_pipeline_close(pipeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mean_head_has_the_measures_it_claims),
        cmocka_unit_test(test_mean_landmarks_are_symmetric_and_named),
        cmocka_unit_test(test_landmarks_lie_on_the_mesh),
        cmocka_unit_test(test_mesh_is_a_surface_turned_outwards),
        cmocka_unit_test(
            test_sockets_and_throat_see_less_sky_than_the_forehead),
        cmocka_unit_test(test_truth_of_the_mean_person_is_the_mean_head_placed),
        cmocka_unit_test(test_head_turns_the_way_the_header_says),
        cmocka_unit_test(test_the_truth_of_a_head_turned_away_is_finite),
        cmocka_unit_test(test_pupils_are_where_the_truth_says),
        cmocka_unit_test(test_expressions_move_the_landmarks),
        cmocka_unit_test(test_same_numbers_give_the_same_bytes_in_any_thread),
        cmocka_unit_test(test_random_people_are_fit_for_pictures),
        cmocka_unit_test(test_groups_show_everybody),
        cmocka_unit_test(test_wrong_arguments_are_refused),
        cmocka_unit_test(test_networks_see_people_in_them),
    };

    return cmocka_run_group_tests(tests, open_head, close_head);
}
