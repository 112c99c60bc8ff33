/* SPDX-License-Identifier: Apache-2.0 */
/* Learning from embeddings that a teacher once gave. */
#include "base/file.h"
#include "base/npy.h"
#include "folder.h"
#include "train/loss.h"
#include "train/teacher.h"
#include "train/toy.h"

static toy net;

static const char *in_folder(const char *name)
{
    static char path[2][256];
    static int next;
    char *p = path[next++ % 2];

    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static int setup_folder(void **state)
{
    (void)state;
    make_folder("teacher");
    toy_pictures(folder);
    return 0;
}

/* Rows of TOY_DIM floats: number k of row r is 10 r + k. */
static void write_rows(int rows)
{
    float values[16 * TOY_DIM];

    for (int i = 0; i < rows * TOY_DIM; i++)
        values[i] = (float)(10 * (i / TOY_DIM) + i % TOY_DIM);
    CHECK_OK(facet__npy_write(
        in_folder("rows.npy"), values, (size_t)rows, TOY_DIM, NULL));
}

static double person; /* how far answers move to their person's middle */

static facet_status open_teacher(const char *names, const facet__dataset *data,
    facet__teacher *teacher, facet_error *err)
{
    CHECK_OK(facet__file_write(in_folder("names"), names, strlen(names), NULL));
    return facet__teacher_remember(
        in_folder("rows.npy"), in_folder("names"), person, data, teacher, err);
}

/* One name more than pictures, and not in their order. */
static const char shuffled[] = "7\n6\nstranger\n5\n4\n3\n2\n1\n0\n";

static void test_each_picture_gets_the_row_of_its_name(void **state)
{
    facet__dataset *data = toy_dataset(folder);
    facet__teacher teacher;
    const uint32_t indices[] = { 3, 0, 3 };
    const float *out;
    facet_error err;

    (void)state;
    write_rows(9);
    CHECK_OK(open_teacher(shuffled, data, &teacher, &err));
    assert_int_equal(teacher.dim, TOY_DIM);
    assert_false(teacher.sees);
    CHECK_OK(teacher.answer(teacher.self, indices, NULL, 3, &out, &err));
    for (int i = 0; i < 3; i++) {
        const char *key = facet__dataset_example(data, indices[i])->key;
        const char *at = strstr(shuffled, key);
        int row = 0;

        for (const char *c = shuffled; c < at; c++)
            row += *c == '\n';
        assert_true(fabsf(out[i * TOY_DIM + 1] - (float)(10 * row + 1)) < .5f);
    }
    facet__teacher_close(&teacher);
    assert_null(teacher.self);
    facet__dataset_close(data);
}

static double cosine(const float *a, const float *b)
{
    double ab = 0, aa = 0, bb = 0;

    for (int k = 0; k < TOY_DIM; k++) {
        ab += (double)a[k] * (double)b[k];
        aa += (double)a[k] * (double)a[k];
        bb += (double)b[k] * (double)b[k];
    }
    return ab / sqrt(aa * bb);
}

/* The toy's pictures 0 and 1 are of one person, 2 and 3 of another. */
static void test_answers_move_to_the_middle_of_their_person(void **state)
{
    facet__dataset *data = toy_dataset(folder);
    facet__teacher teacher;
    const uint32_t indices[] = { 0, 1, 2 };
    const float *out;
    facet_error err;

    (void)state;
    write_rows(9);
    person = 0;
    CHECK_OK(open_teacher(shuffled, data, &teacher, &err));
    CHECK_OK(teacher.answer(teacher.self, indices, NULL, 3, &out, &err));
    assert_true(cosine(out, out + TOY_DIM) < 1 - 2e-6);
    facet__teacher_close(&teacher);
    person = 1;
    CHECK_OK(open_teacher(shuffled, data, &teacher, &err));
    CHECK_OK(teacher.answer(teacher.self, indices, NULL, 3, &out, &err));
    assert_true(cosine(out, out + TOY_DIM) > 1 - 5e-7);
    assert_true(cosine(out, out + (size_t)2 * TOY_DIM) < 1 - 2e-6);
    facet__teacher_close(&teacher);
    facet__dataset_close(data);
}

/* Rows 8 and 7 are of one person: half of the way from 8 to their middle. */
static void test_answers_move_as_far_as_they_are_told(void **state)
{
    facet__dataset *data = toy_dataset(folder);
    facet__teacher teacher;
    const uint32_t index = 0;
    const float *out;
    double a[TOY_DIM], b[TOY_DIM], aa = 0, bb = 0, mm = 0, ww = 0;
    facet_error err;

    (void)state;
    write_rows(9);
    person = .5;
    CHECK_OK(open_teacher(shuffled, data, &teacher, &err));
    CHECK_OK(teacher.answer(teacher.self, &index, NULL, 1, &out, &err));
    assert_string_equal(facet__dataset_example(data, 0)->key, "0");
    for (int k = 0; k < TOY_DIM; k++) {
        aa += (80. + k) * (80 + k);
        bb += (70. + k) * (70 + k);
    }
    for (int k = 0; k < TOY_DIM; k++) {
        a[k] = (80 + k) / sqrt(aa);
        b[k] = (70 + k) / sqrt(bb);
        mm += (a[k] + b[k]) * (a[k] + b[k]);
    }
    for (int k = 0; k < TOY_DIM; k++) {
        b[k] = (a[k] + (a[k] + b[k]) / sqrt(mm)) / 2;
        ww += b[k] * b[k];
    }
    for (int k = 0; k < TOY_DIM; k++)
        CHECK_NEAR(out[k], b[k] / sqrt(ww), 2e-7);
    facet__teacher_close(&teacher);
    person = 0;
    facet__dataset_close(data);
}

static void test_lists_that_do_not_fit_are_told(void **state)
{
    facet__dataset *data = toy_dataset(folder);
    facet__teacher teacher;
    facet_error err;

    (void)state;
    write_rows(9);
    assert_int_equal(
        open_teacher("7\n6\nx\n5\n4\n3\n2\n1\ny\n", data, &teacher, &err),
        FACET_ENOTFOUND);
    assert_non_null(strstr(err.msg, "no embedding of '0'"));
    assert_int_equal(
        open_teacher("7\n6\n5\n", data, &teacher, &err), FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "3 names for 9 rows"));
    assert_int_equal(
        open_teacher("7\n6\nx\n5\n4\n6\n2\n1\n0\n", data, &teacher, &err),
        FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "'6' in lines"));
    assert_null(teacher.self);
    facet__dataset_close(data);
}

static double last_loss;

static void watch(void *context, const facet__progress *p)
{
    (void)context;
    last_loss = p->loss;
}

static void test_a_network_learns_remembered_embeddings(void **state)
{
    facet__dataset *data = toy_dataset(folder);
    facet__teacher teacher;
    facet__loss_setup loss;
    facet__run_setup s;
    facet_error err;

    (void)state;
    write_rows(9);
    CHECK_OK(open_teacher(shuffled, data, &teacher, &err));
    toy_setup(&s, in_folder("run"), &net, data);
    facet__loss_setup_init(&loss, facet__loss_find("distill-cosine"), TOY_DIM);
    CHECK_OK(facet__loss_create(
        facet__loss_find("distill-cosine"), &loss, NULL, &s.losses[0], &err));
    s.teacher = &teacher; /* and no crop for it */
    s.optimizer.rule = FACET__ADAM;
    s.schedule.kind = FACET__COSINE;
    s.schedule.rate = .05;
    s.schedule.total = 1500;
    s.checkpoint_every = s.log_every = 1500;
    s.on_progress = watch;
    if (facet__run(&s, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    assert_true(last_loss < 1e-3);
    facet__loss_free(s.losses[0]);
    facet__teacher_close(&teacher);
    facet__dataset_close(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_picture_gets_the_row_of_its_name),
        cmocka_unit_test(test_answers_move_to_the_middle_of_their_person),
        cmocka_unit_test(test_answers_move_as_far_as_they_are_told),
        cmocka_unit_test(test_lists_that_do_not_fit_are_told),
        cmocka_unit_test(test_a_network_learns_remembered_embeddings),
    };

    return cmocka_run_group_tests(tests, setup_folder, remove_folder);
}
