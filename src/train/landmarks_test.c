/* SPDX-License-Identifier: Apache-2.0 */
/* What a landmark network learns from and by: lists, squares, the loss. */
#include "folder.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "train/landmarks.h"
#include "train/loss.h"

enum {
    SIDE = 200,
    SHOWN = 96,
    PICTURES = 3,
    NUMBERS = FACET__LANDMARK_NUMBERS
};

/* Where the points of somebody's head lie in a picture. */
static void head_points(int which, facet_point points[FACET_HEAD_POINTS])
{
    facet_head *head;
    facet_synth_person person;
    facet_synth_pose pose;
    facet_synth_scene scene;
    facet_synth_limits limits;
    facet_synth_truth truth;
    facet_image *image;

    facet_synth_limits_init(&limits);
    CHECK_OK(facet_head_create(&head, NULL));
    facet_synth_person_random(&person, 1, (uint64_t)which);
    facet_synth_scene_init(&scene, SIDE, SIDE);
    facet_synth_portrait_random(
        &pose, &scene, &limits, 1, (uint64_t)which, (uint64_t)which);
    CHECK_OK(facet_synth_render(
        head, &person, &pose, 1, &scene, &image, &truth, NULL));
    memcpy(points, truth.points, sizeof truth.points);
    facet_image_free(image);
    facet_head_free(head);
}

/* Black, with a white spot of five pixels at each point. */
static facet_image *spots(const facet_point points[FACET_HEAD_POINTS])
{
    facet_image *image;

    CHECK_OK(facet_image_create(SIDE, SIDE, &image));
    memset(
        facet_image_data_mutable(image), 0, facet_image_stride(image) * SIDE);
    for (int i = 0; i < FACET_HEAD_POINTS; i++)
        for (int dy = -2; dy <= 2; dy++)
            for (int dx = -2; dx <= 2; dx++) {
                const long x = lrintf(points[i].x) + dx;
                const long y = lrintf(points[i].y) + dy;

                if (x >= 0 && x < SIDE && y >= 0 && y < SIDE)
                    memset(facet_image_data_mutable(image) +
                               (size_t)y * facet_image_stride(image) +
                               (size_t)x * 3,
                        255, 3);
            }
    return image;
}

static int make_faces(void **state)
{
    char path[128];
    FILE *list;

    (void)state;
    make_folder("landmarks");
    snprintf(path, sizeof path, "%s/pictures", folder);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/pictures/all", folder);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/list.txt", folder);
    list = fopen(path, "w");
    assert_non_null(list);
    for (int p = 0; p < PICTURES; p++) {
        facet_point points[FACET_HEAD_POINTS];
        facet_image *image;

        head_points(p, points);
        image = spots(points);
        snprintf(path, sizeof path, "%s/pictures/all/%d.png", folder, p);
        CHECK_OK(facet_image_write(image, path, 90, NULL));
        facet_image_free(image);
        fprintf(list, "all/%d.png", p);
        for (int i = 0; i < FACET_HEAD_POINTS; i++)
            fprintf(
                list, " %.3f %.3f", (double)points[i].x, (double)points[i].y);
        fputc('\n', list);
    }
    fclose(list);
    return 0;
}

static facet__dataset *open_pictures(void)
{
    facet__dataset_setup setup;
    facet__dataset *dataset;
    char path[128];

    snprintf(path, sizeof path, "%s/pictures", folder);
    facet__dataset_setup_init(&setup);
    setup.paths[0] = path;
    setup.n_paths = 1;
    CHECK_OK(facet__dataset_open(&setup, &dataset, NULL));
    return dataset;
}

/* A loader of jittered squares of pixels as they are. */
static facet__loader *open_loader(
    const facet__dataset *dataset, facet__landmarks *landmarks, int threads)
{
    facet__loader_setup setup;
    facet__loader *loader;

    facet__loader_setup_init(&setup);
    setup.dataset = dataset;
    setup.order.batch = PICTURES;
    setup.threads = threads;
    setup.augment.flip = .5;
    setup.augment.rotate = 20;
    setup.augment.shift = 6;
    setup.augment.scale = .1;
    facet__crop_init(&setup.crops[0], SHOWN, SHOWN, SHOWN);
    for (int c = 0; c < 3; c++) {
        setup.crops[0].scale[c] = 1;
        setup.crops[0].mean[c] = 0;
    }
    setup.maker = (facet__maker){
        .make = facet__landmarks_make, .self = landmarks, .wanted = NUMBERS
    };
    CHECK_OK(facet__loader_create(&setup, &loader, NULL));
    return loader;
}

static facet__landmarks *open_list(const facet__dataset *dataset)
{
    facet__landmarks *landmarks;
    char path[128];

    snprintf(path, sizeof path, "%s/list.txt", folder);
    CHECK_OK(facet__landmarks_open(path, dataset, &landmarks, NULL));
    return landmarks;
}

/* Of the points in view, how many have their spot; left stays left. */
static void check_face(
    const float *crop, const float *wanted, size_t *seen, size_t *lit)
{
    assert_true(wanted[2 * 36] < wanted[2 * 45]);
    assert_true(wanted[2 * 48] < wanted[2 * 54]);
    assert_true(wanted[2 * 27 + 1] < wanted[2 * 8 + 1]);
    for (int i = 0; i < FACET_HEAD_POINTS; i++) {
        const long x = lrintf(wanted[2 * i]), y = lrintf(wanted[2 * i + 1]);

        if (x < 1 || y < 1 || x > SHOWN - 2 || y > SHOWN - 2)
            continue;
        (*seen)++;
        *lit += crop[(y * SHOWN + x) * 3] > 128;
    }
}

static void test_points_move_with_the_picture(void **state)
{
    facet__dataset *dataset = open_pictures();
    facet__landmarks *landmarks = open_list(dataset);
    facet__loader *loader = open_loader(dataset, landmarks, 1);
    facet__load load;
    size_t seen = 0, lit = 0;

    (void)state;
    for (int b = 0; b < 10; b++) {
        CHECK_OK(facet__loader_next(loader, &load, NULL));
        for (size_t n = 0; n < load.n; n++)
            check_face(load.crops[0] + n * SHOWN * SHOWN * 3,
                load.wanted + n * NUMBERS, &seen, &lit);
    }
    assert_true(seen > 10 * PICTURES * FACET_HEAD_POINTS / 2);
    assert_true(lit > seen * 95 / 100);
    facet__loader_free(loader);
    facet__landmarks_close(landmarks);
    facet__dataset_close(dataset);
}

static void test_squares_depend_on_the_seed_alone(void **state)
{
    facet__dataset *dataset = open_pictures();
    facet__landmarks *landmarks = open_list(dataset);
    facet__loader *one = open_loader(dataset, landmarks, 1);
    facet__loader *three = open_loader(dataset, landmarks, 3);
    facet__load a, b;

    (void)state;
    for (int i = 0; i < 3; i++) {
        CHECK_OK(facet__loader_next(one, &a, NULL));
        CHECK_OK(facet__loader_next(three, &b, NULL));
        assert_memory_equal(
            a.crops[0], b.crops[0], a.n * SHOWN * SHOWN * 3 * sizeof(float));
        assert_memory_equal(a.wanted, b.wanted, a.n * NUMBERS * sizeof(float));
    }
    facet__loader_free(one);
    facet__loader_free(three);
    facet__landmarks_close(landmarks);
    facet__dataset_close(dataset);
}

/* A list of one line, which is to be refused for what is named. */
static void refuse(const facet__dataset *dataset, const char *line, int numbers,
    facet_status status, const char *words)
{
    facet__landmarks *landmarks;
    facet_error err;
    char path[128];
    FILE *list;

    snprintf(path, sizeof path, "%s/bad.txt", folder);
    list = fopen(path, "w");
    assert_non_null(list);
    fprintf(list, "\n%s", line);
    for (int i = 0; i < numbers; i++)
        fprintf(list, " %d", i);
    fclose(list);
    assert_int_equal(
        facet__landmarks_open(path, dataset, &landmarks, &err), status);
    assert_null(landmarks);
    assert_non_null(strstr(err.msg, words));
    assert_non_null(strstr(err.msg, "bad.txt"));
}

static void test_a_bad_list_is_named(void **state)
{
    facet__dataset *dataset = open_pictures();

    (void)state;
    refuse(dataset, "0.png", 135, FACET_EDAMAGED, "line 2");
    refuse(dataset, "0.png", 137, FACET_EDAMAGED, "more than 136");
    refuse(dataset, "0.png x", 136, FACET_EDAMAGED, "number 1");
    refuse(dataset, "0.png nan", 135, FACET_EDAMAGED, "number 1");
    refuse(dataset, "0.png", 136, FACET_ENOTFOUND, "'1'");
    facet__dataset_close(dataset);
}

/* Values by hand: w = 5, e = .5: wing(.5) = 5 ln 2, wing(10) = 5 + 5 ln 11. */
static void test_the_wing_loss_has_its_values_and_slopes(void **state)
{
    const facet__loss_type *type = facet__loss_find("landmarks");
    const float x[4] = { 1.5F, 0, 10, -3 }, truth[4] = { 1, 0, 0, -2.75F };
    const double wanted = (5 * log(2) + 0 + 5 + 5 * log(11) + 5 * log(1.5)) / 4;
    facet__batch batch = { .n = 2, .x = x, .teacher = truth };
    facet__loss_setup setup;
    facet__loss_result result;
    facet__loss *loss;
    float dx[4];

    (void)state;
    facet__loss_setup_init(&setup, type, 2);
    CHECK_OK(facet__loss_create(type, &setup, NULL, &loss, NULL));
    CHECK_OK(facet__loss_run(loss, &batch, dx, &result, NULL));
    CHECK_NEAR(result.value, wanted, 1e-12);
    CHECK_NEAR(dx[0], 5. / 1 / 4, 1e-6);
    CHECK_NEAR(dx[2], 1. / 4, 1e-6);
    CHECK_NEAR(dx[3], -5. / .75 / 4, 1e-6);
    batch.teacher = NULL;
    assert_int_equal(
        facet__loss_run(loss, &batch, dx, &result, NULL), FACET_EINVAL);
    facet__loss_free(loss);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_move_with_the_picture),
        cmocka_unit_test(test_squares_depend_on_the_seed_alone),
        cmocka_unit_test(test_a_bad_list_is_named),
        cmocka_unit_test(test_the_wing_loss_has_its_values_and_slopes),
    };

    return cmocka_run_group_tests(tests, make_faces, remove_folder);
}
