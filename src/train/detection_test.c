/* SPDX-License-Identifier: Apache-2.0 */
/* What a detector learns from and by: scenes, cells, the loss. */
#include "folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "train/assign.h"
#include "train/loss.h"
#include "train/scene.h"
#include "train/validate_faces.h"

enum { SIDE = 96, CELLS = 144 + 36 + 9, DIM = CELLS * FACET__CELL_NUMBERS };

/* Answers of cells that know nothing: middling scores, boxes of two strides. */
static void random_answers(float *x, uint64_t seed)
{
    facet__random r = facet__random_stream(seed, 1, 2);

    for (int i = 0; i < 2 * CELLS; i++)
        x[i] = (float)facet__random_between(&r, .1, .9);
    for (int i = 2 * CELLS; i < 6 * CELLS; i++)
        x[i] = (float)facet__random_between(&r, .2, .8);
    for (int i = 6 * CELLS; i < DIM; i++)
        x[i] = (float)facet__random_between(&r, -1, 2);
}

static facet__targets *some_targets(void)
{
    static facet__targets t[2];

    t[0].count = 3;
    t[0].items[0] = (facet__target){ 10.3, 12.1, 19, 23, false, true,
        { 15, 20, 24, 20.5, 19, 26, 16, 30, 23, 31 } };
    t[0].items[1] =
        (facet__target){ .x = 50, .y = 30, .width = 40, .height = 50 };
    t[0].items[2] = (facet__target){
        .x = 60, .y = 4, .width = 20, .height = 16, .ignored = true
    };
    t[1].count = 1;
    t[1].items[0] = (facet__target){ 5, 9, 80, 84, false, true,
        { 30, 40, 60, 41, 45, 55, 33, 70, 58, 71 } };
    return t;
}

static facet__loss *make_loss(const char *name, const double options[4])
{
    const facet__loss_type *type = facet__loss_find(name);
    facet__loss_setup setup;
    facet__loss *loss;

    facet__loss_setup_init(&setup, type, DIM);
    setup.width = setup.height = SIDE;
    if (options)
        memcpy(setup.options, options, 4 * sizeof *options);
    CHECK_OK(facet__loss_create(type, &setup, NULL, &loss, NULL));
    return loss;
}

/* The loss with one number moved. The float is what it is after moving. */
static double moved(
    facet__loss *loss, facet__batch *batch, float *x, size_t at, float to)
{
    const float old = x[at];
    facet__loss_result result;

    x[at] = to;
    CHECK_OK(facet__loss_run(loss, batch, NULL, &result, NULL));
    x[at] = old;
    return result.value;
}

/* Compare the gradient of numbers [from, to) of each picture with slopes. */
static size_t check_slopes(
    facet__loss *loss, facet__batch *batch, float *x, int from, int to)
{
    static float dx[2 * DIM];
    facet__loss_result result;
    size_t alive = 0;

    CHECK_OK(facet__loss_run(loss, batch, dx, &result, NULL));
    for (size_t n = 0; n < 2; n++)
        for (int k = from; k < to; k++) {
            const size_t i = n * DIM + (size_t)k;
            const float up = x[i] + 5e-4F, down = x[i] - 5e-4F;
            const double slope = (moved(loss, batch, x, i, up) -
                                     moved(loss, batch, x, i, down)) /
                                 ((double)up - (double)down);

            if (fabs(slope - (double)dx[i]) > 2e-3 * (1 + fabs(slope)))
                fail_msg("number %d of picture %zu: slope %.6g, gradient %.6g",
                    k, n, slope, (double)dx[i]);
            alive += dx[i] < 0 || dx[i] > 0;
        }
    return alive;
}

/* cls learns the overlap of its box, which is taken as a constant: boxes are
 * checked without cls, the rest with it. */
static void test_the_gradient_agrees_with_finite_differences(void **state)
{
    static float x[2 * DIM];
    static const double no_cls[4] = { 0, 1, 5, 5 };
    facet__batch batch = { .n = 2, .x = x, .targets = some_targets() };
    facet__loss *all = make_loss("detection", NULL),
                *without = make_loss("detection", no_cls);

    (void)state;
    random_answers(x, 1);
    random_answers(x + DIM, 2);
    assert_true(check_slopes(all, &batch, x, 0, CELLS) > 3);
    assert_true(check_slopes(all, &batch, x, CELLS, 2 * CELLS) > CELLS);
    assert_true(check_slopes(without, &batch, x, 2 * CELLS, 6 * CELLS) > 12);
    assert_true(check_slopes(all, &batch, x, 6 * CELLS, DIM) > 20);
    facet__loss_free(all);
    facet__loss_free(without);
}

/* A teacher that is sure of some cells and of the rest knows little. */
static void random_teacher(float *x, uint64_t seed)
{
    random_answers(x, seed);
    for (int c = 0; c < CELLS; c++)
        if (c % 7)
            x[c] *= .04F;
}

static void test_a_teacher_of_cells_has_the_gradient_it_says(void **state)
{
    static float x[2 * DIM], taught[2 * DIM];
    const facet__targets none[2] = { { .count = 0 } };
    facet__batch batch = { .n = 2, .x = x, .teacher = taught, .targets = none };
    facet__loss *loss = make_loss("distill-detection", NULL);

    (void)state;
    random_answers(x, 1);
    random_answers(x + DIM, 2);
    random_teacher(taught, 3);
    random_teacher(taught + DIM, 4);
    assert_true(check_slopes(loss, &batch, x, 0, CELLS) > 40);
    assert_true(check_slopes(loss, &batch, x, CELLS, 2 * CELLS) > CELLS);
    assert_true(check_slopes(loss, &batch, x, 2 * CELLS, 6 * CELLS) > 160);
    assert_true(check_slopes(loss, &batch, x, 6 * CELLS, DIM) > 400);
    facet__loss_free(loss);
}

/* Whoever answers as the teacher does has nothing to learn, and cells of which
 * it is not sure are heard in obj alone. */
static void test_who_answers_as_the_teacher_does_learns_nothing(void **state)
{
    static float x[DIM], taught[DIM], dx[DIM];
    const facet__targets none = { .count = 0 };
    const facet__batch batch = {
        .n = 1, .x = x, .teacher = taught, .targets = &none
    };
    facet__loss *loss = make_loss("distill-detection", NULL);
    facet__loss_result result;
    const int sure = 7, unsure = 8;

    (void)state;
    random_teacher(taught, 5);
    memcpy(x, taught, sizeof x);
    CHECK_OK(facet__loss_run(loss, &batch, dx, &result, NULL));
    for (int i = 0; i < 2 * CELLS; i++)
        CHECK_NEAR(dx[i], 0, 1e-6);
    for (int i = 6 * CELLS; i < DIM; i++)
        CHECK_NEAR(dx[i], 0, 1e-6);
    for (int k = 0; k < 4; k++) {
        x[2 * CELLS + 4 * sure + k] += .1F;
        x[2 * CELLS + 4 * unsure + k] += .1F;
    }
    x[CELLS + unsure] += .05F;
    CHECK_OK(facet__loss_run(loss, &batch, dx, &result, NULL));
    assert_true(fabs((double)dx[2 * CELLS + 4 * sure]) > 1e-3);
    assert_true(fabs((double)dx[2 * CELLS + 4 * unsure]) < 1e-9);
    assert_true((double)dx[CELLS + unsure] > 1e-3);
    facet__loss_free(loss);
}

/* Write what a cell must say to give this target. */
static void answer(
    const facet__grid *grid, float *x, size_t cell, const facet__target *t)
{
    int32_t place[2];
    double stride;
    int level;

    facet__grid_place(grid, cell, &level, &place[0], &place[1]);
    stride = facet__grid_stride(level);
    x[cell] = x[CELLS + cell] = .999F;
    x[2 * CELLS + 4 * cell] =
        (float)((t->x + t->width / 2) / stride - place[0]);
    x[2 * CELLS + 4 * cell + 1] =
        (float)((t->y + t->height / 2) / stride - place[1]);
    x[2 * CELLS + 4 * cell + 2] = (float)log(t->width / stride);
    x[2 * CELLS + 4 * cell + 3] = (float)log(t->height / stride);
    for (size_t k = 0; k < 10; k++)
        x[6 * CELLS + 10 * cell + k] =
            (float)(t->points[k] / stride - place[k % 2]);
}

/* Cells that say what is there cost next to nothing; one that says it of an
 * empty place costs much. */
static void test_right_answers_cost_nothing(void **state)
{
    static float x[DIM];
    const facet__grid grid = facet__grid_of(SIDE, SIDE);
    facet__targets *t = some_targets() + 1;
    facet__batch batch = { .n = 1, .x = x, .targets = t };
    facet__loss *loss = make_loss("detection", NULL);
    facet__loss_result right, wrong;

    (void)state;
    assert_int_equal(grid.cells, CELLS);
    for (int i = 0; i < 2 * CELLS; i++)
        x[i] = 1e-6F;
    for (int i = 2 * CELLS; i < DIM; i++)
        x[i] = 0;
    answer(&grid, x, 144 + 36 + 4, &t->items[0]);
    CHECK_OK(facet__loss_run(loss, &batch, NULL, &right, NULL));
    assert_int_equal(right.terms, 1);
    assert_int_equal(right.active, 1);
    assert_true(right.value < .01);
    x[CELLS + 3] = .999F;
    CHECK_OK(facet__loss_run(loss, &batch, NULL, &wrong, NULL));
    assert_true(wrong.value > right.value + 5);
    facet__loss_free(loss);
}

static void test_cells_of_ignored_faces_learn_nothing(void **state)
{
    static float x[2 * DIM], dx[2 * DIM];
    const facet__grid grid = facet__grid_of(SIDE, SIDE);
    facet__batch batch = { .n = 2, .x = x, .targets = some_targets() };
    facet__loss *loss = make_loss("detection", NULL);
    facet__loss_result result;
    size_t ignored = 0;

    (void)state;
    random_answers(x, 3);
    random_answers(x + DIM, 4);
    CHECK_OK(facet__loss_run(loss, &batch, dx, &result, NULL));
    for (size_t c = 0; c < 144; c++) { /* stride 8, the first picture */
        int32_t column, row;
        int level;

        facet__grid_place(&grid, c, &level, &column, &row);
        if (column == 8 && row == 1) { /* its middle, 68 12, lies in it */
            CHECK_NEAR(dx[CELLS + c], 0, 0);
            ignored++;
        }
        if (column == 11 && row == 1) /* 92 12 lies beside it */
            assert_true(dx[CELLS + c] > 0);
    }
    assert_int_equal(ignored, 1);
    facet__loss_free(loss);
}

/* Two faces at one place: no cell serves both, both get one. */
static void test_each_face_gets_cells_of_its_own(void **state)
{
    static float x[DIM], cost[CELLS];
    static facet__asking asking[CELLS];
    static facet__targets t;
    const facet__grid grid = facet__grid_of(SIDE, SIDE);
    const facet__answers answers = facet__answers_of(&grid, x);
    int32_t face[CELLS];
    size_t of[2] = { 0, 0 }, taken;

    (void)state;
    random_answers(x, 5);
    t.count = 2;
    t.items[0] = (facet__target){ .x = 20, .y = 20, .width = 16, .height = 20 };
    t.items[1] = (facet__target){ .x = 26, .y = 20, .width = 16, .height = 20 };
    taken = facet__assign(&grid, &answers, &t, face, cost, asking);
    for (int c = 0; c < CELLS; c++) {
        assert_in_range(face[c] + 2, 0, 3);
        if (face[c] >= 0)
            of[face[c]]++;
    }
    assert_true(of[0] > 0 && of[1] > 0);
    assert_int_equal(of[0] + of[1], taken);
}

static void test_a_loss_of_another_grid_is_refused(void **state)
{
    static float x[DIM];
    facet__batch batch = { .n = 1, .x = x, .targets = some_targets() };
    facet__loss_setup setup;
    facet__loss_result result;
    facet__loss *loss;

    (void)state;
    facet__loss_setup_init(&setup, facet__loss_find("detection"), DIM);
    setup.width = setup.height = 64;
    CHECK_OK(facet__loss_create(
        facet__loss_find("detection"), &setup, NULL, &loss, NULL));
    assert_int_equal(
        facet__loss_run(loss, &batch, NULL, &result, NULL), FACET_EMODEL);
    batch.targets = NULL;
    assert_int_equal(
        facet__loss_run(loss, &batch, NULL, &result, NULL), FACET_EINVAL);
    facet__loss_free(loss);
}

/* A quarter turn and a mirror image, by hand. */
static void test_targets_move_with_the_picture(void **state)
{
    facet_label label = { .box = { 10, 20, 8, 16 }, .has_landmarks = 1 };
    const double turn[6] = { 0, -2, 100, 2, 0, 5 }; /* twice as large */
    const double mirror[6] = { -1, 0, 99, 0, 1, 0 };
    facet__target t;

    (void)state;
    for (int i = 0; i < FACET_LANDMARKS; i++)
        label.landmarks[i] = (facet_point){ 10 + (float)i, 20 };
    t = facet__target_move(&label, turn);
    CHECK_NEAR(t.width, 32, 1e-9);
    CHECK_NEAR(t.height, 16, 1e-9);
    /* the middle, 13.5 27.5 as a pixel, goes to 45 32 */
    CHECK_NEAR(t.x + t.width / 2 - .5, 45, 1e-9);
    CHECK_NEAR(t.y + t.height / 2 - .5, 32, 1e-9);
    CHECK_NEAR(t.points[0], 60, 1e-9);
    CHECK_NEAR(t.points[1], 25, 1e-9);
    t = facet__target_move(&label, mirror);
    CHECK_NEAR(t.x, 100 - 18, 1e-9);
    CHECK_NEAR(t.width, 8, 1e-9);
    CHECK_NEAR(t.points[0], 99 - 11, 1e-9); /* the other eye */
    CHECK_NEAR(t.points[4], 99 - 12, 1e-9); /* the nose */
    CHECK_NEAR(t.points[6], 99 - 14, 1e-9); /* the other corner */
}

static void test_targets_are_cut_at_the_edge(void **state)
{
    const double place[4] = { 0, 0, 50, 50 };
    facet__target whole = { .x = 10, .y = 10, .width = 20, .height = 20 };
    facet__target most = { .x = -5, .y = 10, .width = 20, .height = 20 };
    facet__target little = { .x = -15, .y = 10, .width = 20, .height = 20 };
    facet__target none = { .x = -30, .y = 10, .width = 20, .height = 20 };
    facet__target tiny = { .x = 10, .y = 10, .width = 4, .height = 5 };

    (void)state;
    assert_true(facet__target_clip(&whole, place, .4, 6));
    assert_false(whole.ignored);
    assert_true(facet__target_clip(&most, place, .4, 6));
    assert_false(most.ignored);
    CHECK_NEAR(most.x, 0, 0);
    CHECK_NEAR(most.width, 15, 1e-9);
    assert_true(facet__target_clip(&little, place, .4, 6));
    assert_true(little.ignored);
    assert_false(facet__target_clip(&none, place, .4, 6));
    assert_true(facet__target_clip(&tiny, place, .4, 6));
    assert_true(tiny.ignored);
}

/* Pictures of noise with a white face each, in a folder of their own. */

enum { PICTURES = 6, SHOWN = 64 };

static void write_picture(int i)
{
    facet__random r = facet__random_stream(9, (uint64_t)i, 0);
    facet_image *image;
    char path[128];

    CHECK_OK(facet_image_create(80, 60, &image));
    for (int y = 0; y < 60; y++)
        for (int x = 0; x < 80; x++)
            for (int c = 0; c < 3; c++)
                facet_image_data_mutable(
                    image)[(size_t)y * facet_image_stride(image) +
                           (size_t)(3 * x + c)] =
                    x >= 30 && x < 50 && y >= 20 && y < 44
                        ? 255
                        : (uint8_t)facet__random_below(&r, 60);
    snprintf(path, sizeof path, "%s/none/%d.png", folder, i);
    CHECK_OK(facet_image_write(image, path, 90, NULL));
    facet_image_free(image);
}

static int make_faces(void **state)
{
    char path[128];
    FILE *list;

    (void)state;
    make_folder("scene");
    snprintf(path, sizeof path, "%s/none", folder);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/faces.txt", folder);
    list = fopen(path, "w");
    for (int i = 0; i < PICTURES; i++) {
        write_picture(i);
        fprintf(list,
            "%d.png\n1\n30 20 20 24 0 0 0 0 0 0 "
            "35 28 44 28 40 32 36 38 43 38\n",
            i);
    }
    fclose(list);
    return 0;
}

typedef struct scenes_of_test {
    facet__dataset *dataset;
    facet_labels *labels;
    facet__scenes *scenes;
    facet__loader *loader;
} scenes_of_test;

/* A picture that cannot be read is to blame, and none that stands beside it. */
static void blame(void *context, const char *name, const char *why)
{
    int *blamed = context;

    assert_non_null(strstr(name, "/none/2.png"));
    assert_true(*why);
    ++*blamed;
}

static int blamed;

static void open_scenes(scenes_of_test *s, int threads, size_t cache)
{
    facet__dataset_setup data;
    facet__scene_setup setup;
    facet__loader_setup loader;
    char path[128], list[128];

    snprintf(path, sizeof path, "%s", folder);
    snprintf(list, sizeof list, "%s/faces.txt", folder);
    facet__dataset_setup_init(&data);
    data.paths[0] = path;
    data.n_paths = 1;
    CHECK_OK(facet__dataset_open(&data, &s->dataset, NULL));
    CHECK_OK(facet_labels_read(list, &s->labels, NULL));
    facet__scene_setup_init(&setup);
    setup.dataset = s->dataset;
    setup.labels = s->labels;
    setup.cache = cache;
    CHECK_OK(facet__scenes_create(&setup, &s->scenes, NULL));
    facet__loader_setup_init(&loader);
    loader.dataset = s->dataset;
    loader.order.batch = 4;
    loader.threads = threads;
    loader.max_broken = .5;
    loader.on_broken = blame;
    loader.on_broken_context = &blamed;
    loader.augment.flip = .5;
    loader.augment.rotate = 30;
    facet__crop_init(&loader.crops[0], SHOWN, SHOWN, SHOWN);
    loader.crops[0].scale[0] = loader.crops[0].scale[1] =
        loader.crops[0].scale[2] = 1;
    loader.crops[0].mean[0] = loader.crops[0].mean[1] =
        loader.crops[0].mean[2] = 0;
    loader.maker = (facet__maker){
        .make = facet__scene_make, .self = s->scenes, .with_targets = true
    };
    CHECK_OK(facet__loader_create(&loader, &s->loader, NULL));
}

static void close_scenes(scenes_of_test *s)
{
    facet__loader_free(s->loader);
    facet__scenes_free(s->scenes);
    facet_labels_free(s->labels);
    facet__dataset_close(s->dataset);
}

/* Is the middle of every wanted box white, and are there such boxes? */
static void test_boxes_lie_on_the_faces(void **state)
{
    scenes_of_test s;
    facet__load load;
    size_t wanted = 0;

    (void)state;
    open_scenes(&s, 1, 0);
    for (int b = 0; b < 12; b++) {
        CHECK_OK(facet__loader_next(s.loader, &load, NULL));
        for (size_t n = 0; n < load.n; n++)
            for (uint32_t k = 0; k < load.targets[n].count; k++) {
                const facet__target *t = &load.targets[n].items[k];
                const int x = (int)(t->x + t->width / 2);
                const int y = (int)(t->y + t->height / 2);

                assert_true(t->x >= -.5 && t->x + t->width <= SHOWN);
                assert_true(t->y >= -.5 && t->y + t->height <= SHOWN);
                if (t->ignored)
                    continue;
                wanted++;
                assert_true(load.crops[0][((n * SHOWN + (size_t)y) * SHOWN +
                                              (size_t)x) *
                                          3] > 200);
            }
    }
    assert_true(wanted > 30);
    close_scenes(&s);
}

static void test_scenes_depend_on_the_seed_alone(void **state)
{
    scenes_of_test a, b;
    facet__load x, y;

    (void)state;
    open_scenes(&a, 1, 0);
    open_scenes(&b, 3, 1 << 20);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(facet__loader_next(a.loader, &x, NULL));
        CHECK_OK(facet__loader_next(b.loader, &y, NULL));
        assert_memory_equal(
            x.crops[0], y.crops[0], x.n * SHOWN * SHOWN * 3 * sizeof(float));
        for (size_t n = 0; n < x.n; n++) {
            assert_int_equal(x.targets[n].count, y.targets[n].count);
            for (uint32_t k = 0; k < x.targets[n].count; k++)
                CHECK_NEAR(x.targets[n].items[k].x, y.targets[n].items[k].x, 0);
        }
    }
    close_scenes(&a);
    close_scenes(&b);
}

static void test_scenes_go_on_without_a_broken_picture(void **state)
{
    scenes_of_test s;
    facet__load load;
    char path[128];
    FILE *file;

    (void)state;
    snprintf(path, sizeof path, "%s/none/2.png", folder);
    file = fopen(path, "w");
    fputs("no picture", file);
    fclose(file);
    blamed = 0;
    open_scenes(&s, 1, 0);
    for (int b = 0; b < 40; b++)
        CHECK_OK(facet__loader_next(s.loader, &load, NULL));
    assert_int_equal(blamed, 1);
    assert_int_equal(facet__loader_broken(s.loader), 1);
    close_scenes(&s);
    write_picture(2);
}

/* What is wrong with the pictures to judge by is told before the first step. */
static void check_judged_by(const char *text, facet_status want)
{
    const char *const paths[1] = { folder };
    facet__face_validation_setup setup = {
        .paths = paths, .n_paths = 1, .folder = folder
    };
    facet__face_validation *v = NULL;
    char list[128];
    facet_error err = { FACET_OK, "" };

    snprintf(list, sizeof list, "%s/judged.txt", folder);
    CHECK_OK(facet__file_write(list, text, strlen(text), NULL));
    setup.faces = list;
    assert_int_equal(facet__face_validation_open(&setup, &v, &err), want);
    assert_int_equal(v != NULL, want == FACET_OK);
    assert_int_equal(err.code, want);
    facet__face_validation_close(v);
}

static void test_lists_to_judge_by_are_checked_at_once(void **state)
{
    (void)state;
    check_judged_by("none/0.png\n1\n30 20 20 24 0 0 0 0 0 0\n", FACET_OK);
    check_judged_by(
        "none/no.png\n1\n30 20 20 24 0 0 0 0 0 0\n", FACET_ENOTFOUND);
    check_judged_by("none/0.png\n1\n30 20 5 6 0 0 0 0 0 0\n", FACET_EEMPTY);
    check_judged_by(
        "judged.txt\n1\n30 20 20 24 0 0 0 0 0 0\n", FACET_ENOTIMAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_gradient_agrees_with_finite_differences),
        cmocka_unit_test(test_a_teacher_of_cells_has_the_gradient_it_says),
        cmocka_unit_test(test_who_answers_as_the_teacher_does_learns_nothing),
        cmocka_unit_test(test_right_answers_cost_nothing),
        cmocka_unit_test(test_cells_of_ignored_faces_learn_nothing),
        cmocka_unit_test(test_each_face_gets_cells_of_its_own),
        cmocka_unit_test(test_a_loss_of_another_grid_is_refused),
        cmocka_unit_test(test_targets_move_with_the_picture),
        cmocka_unit_test(test_targets_are_cut_at_the_edge),
        cmocka_unit_test(test_boxes_lie_on_the_faces),
        cmocka_unit_test(test_scenes_depend_on_the_seed_alone),
        cmocka_unit_test(test_scenes_go_on_without_a_broken_picture),
        cmocka_unit_test(test_lists_to_judge_by_are_checked_at_once),
    };

    return cmocka_run_group_tests(tests, make_faces, remove_folder);
}
