/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of Delaunay's triangulation: circles are empty, triangles cover
 * the hull once. */
#include "check.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/random.h"
#include "face/delaunay.h"

static double area(facet_point a, facet_point b, facet_point c)
{
    return ((double)b.x - (double)a.x) * ((double)c.y - (double)a.y) -
           ((double)b.y - (double)a.y) * ((double)c.x - (double)a.x);
}

static int by_place(const void *a, const void *b)
{
    const facet_point *p = a, *q = b;

    return p->x != q->x ? (p->x > q->x) - (p->x < q->x)
                        : (p->y > q->y) - (p->y < q->y);
}

/* Twice the area of the convex hull (Andrew's chain); sorts the points. */
static double hull_area(facet_point *points, size_t n)
{
    facet_point *hull = calloc(2 * n + 2, sizeof *hull);
    double sum = 0;
    size_t k = 0;

    assert_non_null(hull);
    qsort(points, n, sizeof *points, by_place);
    for (size_t i = 0; i < n; hull[k++] = points[i++])
        while (k >= 2 && area(hull[k - 2], hull[k - 1], points[i]) <= 0)
            k--;
    for (size_t i = n - 1, low = k + 1; i-- > 0; hull[k++] = points[i])
        while (k >= low && area(hull[k - 2], hull[k - 1], points[i]) <= 0)
            k--;
    for (size_t i = 1; i + 1 < k; i++)
        sum += area(hull[0], hull[i], hull[i + 1]);
    free(hull);
    return sum;
}

/* Is p well inside the circle around a, b, c? */
static bool in_circle(
    facet_point a, facet_point b, facet_point c, facet_point p)
{
    const double ax = (double)a.x - (double)p.x, ay = (double)a.y - (double)p.y;
    const double bx = (double)b.x - (double)p.x, by = (double)b.y - (double)p.y;
    const double cx = (double)c.x - (double)p.x, cy = (double)c.y - (double)p.y;
    const double a2 = ax * ax + ay * ay, b2 = bx * bx + by * by,
                 c2 = cx * cx + cy * cy;

    return ax * (by * c2 - b2 * cy) - ay * (bx * c2 - b2 * cx) +
               a2 * (bx * cy - by * cx) >
           1e-6 * (a2 + b2 + c2);
}

static void check_triangulation(facet_point *points, size_t n)
{
    facet__triangle *t;
    size_t count;
    double sum = 0;

    CHECK_OK(facet__delaunay(points, n, &t, &count));
    for (size_t i = 0; i < count; i++) {
        const facet_point a = points[t[i].corners[0]];
        const facet_point b = points[t[i].corners[1]];
        const facet_point c = points[t[i].corners[2]];

        assert_true(area(a, b, c) > 0);
        sum += area(a, b, c);
        for (size_t k = 0; k < n; k++)
            assert_false(in_circle(a, b, c, points[k]));
    }
    facet__free(t);
    CHECK_NEAR(sum / hull_area(points, n), 1, 1e-5);
}

static void test_random_points_are_triangulated(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        facet__random r = facet__random_stream(seed, 0, 0);
        const size_t n = 3 + (size_t)facet__random_below(&r, 90);
        facet_point points[96];

        for (size_t i = 0; i < n; i++)
            points[i] =
                (facet_point){ (float)facet__random_between(&r, -80, 80),
                    (float)facet__random_between(&r, -80, 80) };
        check_triangulation(points, n);
    }
}

static void test_a_grid_with_its_many_circles_is_triangulated(void **state)
{
    facet_point points[64];

    (void)state;
    for (int i = 0; i < 64; i++)
        points[i] = (facet_point){ (float)(i % 8) * 10, (float)(i / 8) * 10 };
    check_triangulation(points, 64);
}

static void test_points_without_a_triangle_are_refused(void **state)
{
    const facet_point line[4] = { { 0, 0 }, { 1, 1 }, { 2, 2 }, { 3, 3 } };
    const facet_point twice[4] = { { 0, 0 }, { 1, 0 }, { 0, 1 }, { 1, 0 } };
    const facet_point nowhere[3] = { { 0, 0 }, { 1, 0 }, { NAN, 1 } };
    facet__triangle *t;
    size_t count;

    (void)state;
    assert_int_equal(facet__delaunay(line, 4, &t, &count), FACET_EINVAL);
    assert_int_equal(facet__delaunay(twice, 4, &t, &count), FACET_EINVAL);
    assert_int_equal(facet__delaunay(nowhere, 3, &t, &count), FACET_EINVAL);
    assert_int_equal(facet__delaunay(twice, 2, &t, &count), FACET_EINVAL);
    assert_null(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_points_are_triangulated),
        cmocka_unit_test(test_a_grid_with_its_many_circles_is_triangulated),
        cmocka_unit_test(test_points_without_a_triangle_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
