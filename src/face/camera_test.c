/* SPDX-License-Identifier: Apache-2.0 */
/* The affine camera: worked values of papers.md C.7 (6), generalized least
 * squares against the formula written out, poses there and back. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "face/cholesky.h"

enum { COUNT = 12, ROWS = 2 * COUNT };

static const facet_camera known = { { 1, .1, -.2, 5, .05, .9, .3, -2 } };

static void random_points(facet__random *r, facet_point3 space[COUNT],
    facet_point picture[COUNT], const facet_camera *camera, double noise)
{
    for (int i = 0; i < COUNT; i++) {
        space[i] = (facet_point3){ (float)facet__random_between(r, -70, 70),
            (float)facet__random_between(r, -110, 40),
            (float)facet__random_between(r, 0, 120) };
        picture[i] = facet_camera_project(camera, space[i]);
        picture[i].x += (float)(noise * facet__random_normal(r));
        picture[i].y += (float)(noise * facet__random_normal(r));
    }
}

/* B B' + I: symmetric, positive definite, nothing else. */
static void random_covariance(facet__random *r, double s[ROWS * ROWS])
{
    static double b[ROWS * ROWS];

    for (int i = 0; i < ROWS * ROWS; i++)
        b[i] = facet__random_normal(r);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++) {
            s[i * ROWS + j] = i == j;
            for (int k = 0; k < ROWS; k++)
                s[i * ROWS + j] += b[i * ROWS + k] * b[j * ROWS + k];
        }
}

static void test_camera_projects_as_worked_out(void **state)
{
    const facet_point p =
        facet_camera_project(&known, (facet_point3){ 1, 2, 3 });

    (void)state;
    CHECK_NEAR(p.x, 5.6, 1e-6);
    CHECK_NEAR(p.y, 0.75, 1e-6);
}

static void test_noiseless_points_give_the_camera_for_any_covariance(
    void **state)
{
    static double s[ROWS * ROWS];

    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        facet__random r = facet__random_stream(seed, 0, 0);
        facet_point3 space[COUNT];
        facet_point picture[COUNT];
        facet_camera fit;

        random_points(&r, space, picture, &known, 0);
        random_covariance(&r, s);
        CHECK_OK(facet_camera_fit(
            space, picture, COUNT, seed ? s : NULL, &fit, NULL));
        for (int k = 0; k < 8; k++) /* points are rounded to floats */
            CHECK_NEAR(fit.p[k], known.p[k], k % 4 == 3 ? 1e-3 : 1e-5);
    }
}

/* Solve m x = v by elimination; m and v are used up. */
static void solve(double *m, double *v, int n)
{
    for (int j = 0; j < n; j++) {
        int best = j;

        for (int i = j; i < n; i++)
            if (fabs(m[i * n + j]) > fabs(m[best * n + j]))
                best = i;
        for (int c = 0; c < n; c++) {
            const double swap = m[j * n + c];

            m[j * n + c] = m[best * n + c];
            m[best * n + c] = swap;
        }
        const double swap = v[j];
        v[j] = v[best];
        v[best] = swap;
        for (int i = 0; i < n; i++) {
            const double f = i == j ? 0 : m[i * n + j] / m[j * n + j];

            for (int c = 0; c < n; c++)
                m[i * n + c] -= f * m[j * n + c];
            v[i] -= f * v[j];
        }
    }
    for (int i = 0; i < n; i++)
        v[i] /= m[i * n + i];
}

/* (A' S^-1 A) p = A' S^-1 x, column by column of A. */
static void normal_equations(const facet_point3 *space,
    const facet_point *picture, const double *s, double p[8])
{
    static double a[ROWS * 9], whole[ROWS * ROWS], column[ROWS];
    double m[64];

    memset(a, 0, sizeof a);
    for (int i = 0; i < COUNT; i++)
        for (int half = 0; half < 2; half++) {
            double *row = a + (2 * i + half) * 9;

            row[4 * half] = (double)space[i].x;
            row[4 * half + 1] = (double)space[i].y;
            row[4 * half + 2] = (double)space[i].z;
            row[4 * half + 3] = 1;
            row[8] = (double)(half ? picture[i].y : picture[i].x);
        }
    for (int c = 0; c < 9; c++) {
        memcpy(whole, s, sizeof whole);
        for (int i = 0; i < ROWS; i++)
            column[i] = a[i * 9 + c];
        solve(whole, column, ROWS); /* S^-1 a_c */
        for (int k = 0; k < 8; k++) {
            double dot = 0;

            for (int i = 0; i < ROWS; i++)
                dot += a[i * 9 + k] * column[i];
            if (c < 8)
                m[k * 8 + c] = dot;
            else
                p[k] = dot;
        }
    }
    solve(m, p, 8);
}

static void test_noisy_points_give_the_least_weighted_error(void **state)
{
    static double s[ROWS * ROWS];

    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        facet__random r = facet__random_stream(seed, 1, 0);
        facet_point3 space[COUNT];
        facet_point picture[COUNT];
        facet_camera fit;
        double want[8];

        random_points(&r, space, picture, &known, 3);
        random_covariance(&r, s);
        normal_equations(space, picture, s, want);
        CHECK_OK(facet_camera_fit(space, picture, COUNT, s, &fit, NULL));
        for (int k = 0; k < 8; k++)
            CHECK_NEAR(fit.p[k], want[k], 1e-6 * (1 + fabs(want[k])));
    }
}

/* An error that the covariance expects hardly moves the camera. */
static void test_a_point_with_a_large_variance_counts_little(void **state)
{
    static double s[ROWS * ROWS];
    facet__random r = facet__random_stream(5, 2, 0);
    facet_point3 space[COUNT];
    facet_point picture[COUNT];
    facet_camera plain, weighted;

    (void)state;
    random_points(&r, space, picture, &known, 0);
    picture[3].x += 30;
    for (int i = 0; i < ROWS; i++)
        s[i * ROWS + i] = i / 2 == 3 ? 1e6 : 1;
    CHECK_OK(facet_camera_fit(space, picture, COUNT, NULL, &plain, NULL));
    CHECK_OK(facet_camera_fit(space, picture, COUNT, s, &weighted, NULL));
    CHECK_NEAR(weighted.p[0], known.p[0], 1e-3);
    assert_true(fabs(plain.p[3] - known.p[3]) > 0.5);
}

static void test_cholesky_factor_is_the_root(void **state)
{
    double a[9] = { 4, 99, 99, 2, 5, 99, -2, 1, 6 };
    double column[3] = { 2, 5, 3 };

    (void)state;
    assert_true(facet__cholesky(a, 3));
    CHECK_NEAR(a[0], 2, 1e-12);
    CHECK_NEAR(a[3], 1, 1e-12);
    CHECK_NEAR(a[4], 2, 1e-12);
    CHECK_NEAR(a[6], -1, 1e-12);
    CHECK_NEAR(a[7], 1, 1e-12);
    CHECK_NEAR(a[8], 2, 1e-12);
    facet__whiten(a, 3, column, 1); /* L (1, 2, 1) = (2, 5, 3) */
    CHECK_NEAR(column[0], 1, 1e-12);
    CHECK_NEAR(column[1], 2, 1e-12);
    CHECK_NEAR(column[2], 1, 1e-12);
    assert_false(
        facet__cholesky((double[4]){ 1, 2, 2, 1 }, 2)); /* one is negative */
}

static void test_useless_points_are_refused(void **state)
{
    facet__random r = facet__random_stream(6, 0, 0);
    facet_point3 space[COUNT];
    facet_point picture[COUNT];
    facet_camera fit = { { 7 } };
    double bad[64] = { 0 };
    facet_error err;

    (void)state;
    random_points(&r, space, picture, &known, 0);
    assert_int_equal(
        facet_camera_fit(space, picture, 3, NULL, &fit, &err), FACET_EINVAL);
    assert_int_equal(
        facet_camera_fit(space, picture, 4, bad, &fit, &err), FACET_EINVAL);
    assert_non_null(strstr(err.msg, "positive definite"));
    for (int i = 0; i < COUNT; i++)
        space[i].z = 2 * space[i].x - space[i].y + 7;
    assert_int_equal(facet_camera_fit(space, picture, COUNT, NULL, &fit, &err),
        FACET_EINVAL);
    assert_non_null(strstr(err.msg, "plane"));
    picture[1].x = NAN;
    assert_int_equal(facet_camera_fit(space, picture, COUNT, NULL, &fit, &err),
        FACET_EINVAL);
    CHECK_NEAR(fit.p[0], 7, 0);
}

/* As in figure.c: yaw, then pitch, then roll; y of the picture downwards. */
static facet_camera camera_of(double yaw, double pitch, double roll, double s)
{
    const double rad = acos(-1) / 180;
    const double a = yaw * rad, b = pitch * rad, c = roll * rad;
    const double x[3] = { cos(a), 0, sin(a) };
    const double y[3] = { -sin(a) * sin(b), cos(b), cos(a) * sin(b) };
    facet_camera camera = { { 0, 0, 0, 11, 0, 0, 0, 22 } };

    for (int k = 0; k < 3; k++) {
        camera.p[k] = s * (cos(c) * x[k] + sin(c) * y[k]);
        camera.p[4 + k] = -s * (cos(c) * y[k] - sin(c) * x[k]);
    }
    return camera;
}

static void test_pose_of_a_camera_is_how_the_head_was_turned(void **state)
{
    facet_head_pose pose;

    (void)state;
    for (int yaw = -80; yaw <= 80; yaw += 40)
        for (int pitch = -60; pitch <= 60; pitch += 30)
            for (int roll = -150; roll <= 150; roll += 50) {
                const facet_camera c = camera_of(yaw, pitch, roll, 0.7);

                CHECK_OK(facet_camera_pose(&c, &pose));
                CHECK_NEAR(pose.yaw, yaw, 1e-4);
                CHECK_NEAR(pose.pitch, pitch, 1e-4);
                CHECK_NEAR(pose.roll, roll, 1e-4);
                CHECK_NEAR(pose.scale, 0.7, 1e-6);
            }
    assert_int_equal(
        facet_camera_pose(&(facet_camera){ { 1, 2, 3, 0, 2, 4, 6, 0 } }, &pose),
        FACET_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_camera_projects_as_worked_out),
        cmocka_unit_test(
            test_noiseless_points_give_the_camera_for_any_covariance),
        cmocka_unit_test(test_noisy_points_give_the_least_weighted_error),
        cmocka_unit_test(test_a_point_with_a_large_variance_counts_little),
        cmocka_unit_test(test_cholesky_factor_is_the_root),
        cmocka_unit_test(test_useless_points_are_refused),
        cmocka_unit_test(test_pose_of_a_camera_is_how_the_head_was_turned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
