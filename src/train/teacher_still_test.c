/* SPDX-License-Identifier: Apache-2.0 */
/* A teacher that is asked about each picture once. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "train/teacher.h"

enum { SIDE = 4, FLOATS = 3 * SIDE * SIDE, DIM = 2 };

/* Says (first number of the first line, last number of it), at any length. */
typedef struct talker {
    float said[2 * 8 * DIM];
    size_t asked;
    bool silent;
} talker;

static facet_status talk(void *self, const uint32_t *indices,
    const float *crops, size_t n, const float **out, facet_error *err)
{
    talker *t = self;

    (void)indices;
    (void)err;
    if (t->silent)
        return FACET_EMODEL;
    t->asked += n;
    for (size_t i = 0; i < n; i++) {
        t->said[i * DIM] = 7 * crops[i * FLOATS];
        t->said[i * DIM + 1] = 7 * crops[i * FLOATS + SIDE - 1];
    }
    *out = t->said;
    return FACET_OK;
}

static facet__teacher make_still(talker *t)
{
    facet__teacher teacher = {
        .self = t, .dim = DIM, .sees = true, .answer = talk
    };

    *t = (talker){ .asked = 0 };
    CHECK_OK(facet__teacher_still(&teacher, SIDE, SIDE, NULL));
    assert_true(teacher.sees);
    assert_int_equal(teacher.dim, DIM);
    return teacher;
}

/* Crops whose first line begins with x and ends with y. */
static void paint(float *crop, float x, float y)
{
    memset(crop, 0, FLOATS * sizeof *crop);
    crop[0] = x;
    crop[SIDE - 1] = y;
}

static void expect(const float *out, double x, double y)
{
    assert_true(fabs((double)out[0] - x) < 1e-6);
    assert_true(fabs((double)out[1] - y) < 1e-6);
}

/* (1, 0) and its mirror image (0, 1) have their middle at 45 degrees. */
static void test_the_answer_is_the_middle_of_both_sides(void **state)
{
    const double half = sqrt(.5);
    const uint32_t indices[] = { 5, 3000, 5 };
    float crops[3 * FLOATS];
    const float *out;
    talker t;
    facet__teacher teacher = make_still(&t);

    (void)state;
    paint(crops, 1, 0);
    paint(crops + FLOATS, -2, -2);
    paint(crops + 2 * FLOATS, 1, 0);
    CHECK_OK(teacher.answer(teacher.self, indices, crops, 3, &out, NULL));
    expect(out, half, half);
    expect(out + DIM, -half, -half);
    expect(out + 2 * DIM, half, half);
    assert_int_equal(t.asked, 4); /* twice in a batch, asked once */
    facet__teacher_close(&teacher);
}

static void test_known_pictures_are_not_looked_at_again(void **state)
{
    const double half = sqrt(.5);
    uint32_t indices[] = { 1, 2 };
    float crops[2 * FLOATS];
    const float *out;
    talker t;
    facet__teacher teacher = make_still(&t);

    (void)state;
    paint(crops, 1, 1);
    paint(crops + FLOATS, -1, -1);
    CHECK_OK(teacher.answer(teacher.self, indices, crops, 2, &out, NULL));
    indices[0] = 2;
    indices[1] = 7;
    paint(crops + FLOATS, 1, 0);
    CHECK_OK(teacher.answer(teacher.self, indices, crops, 2, &out, NULL));
    expect(out, -half, -half);
    expect(out + DIM, half, half);
    assert_int_equal(t.asked, 6);
    CHECK_OK(teacher.answer(teacher.self, indices, crops, 2, &out, NULL));
    assert_int_equal(t.asked, 6);
    facet__teacher_close(&teacher);
}

static void test_what_could_not_be_answered_is_asked_again(void **state)
{
    const double half = sqrt(.5);
    const uint32_t index = 0;
    float crop[FLOATS];
    const float *out;
    talker t;
    facet__teacher teacher = make_still(&t);

    (void)state;
    paint(crop, 1, 0);
    t.silent = true;
    assert_int_equal(teacher.answer(teacher.self, &index, crop, 1, &out, NULL),
        FACET_EMODEL);
    t.silent = false;
    CHECK_OK(teacher.answer(teacher.self, &index, crop, 1, &out, NULL));
    expect(out, half, half);
    facet__teacher_close(&teacher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_answer_is_the_middle_of_both_sides),
        cmocka_unit_test(test_known_pictures_are_not_looked_at_again),
        cmocka_unit_test(test_what_could_not_be_answered_is_asked_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
