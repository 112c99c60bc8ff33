/* SPDX-License-Identifier: Apache-2.0 */
/* camera.c - the affine camera of DeepFace (papers.md C.1, step 4).
 *
 * Each landmark gives two rows, [X Y Z 1 0 0 0 0] and [0 0 0 0 X Y Z 1], of a
 * matrix A with A p = x. With the covariance S = L L' of the landmarks' errors,
 * L^-1 A and L^-1 x have independent errors of one size; ordinary least squares
 * on them is what the paper asks for. Solved by Householder's reflections, as
 * the normal equations would square the condition. Space is centered and scaled
 * first: millimeters and ones in one row are badly mixed. */
#include "facet/frontal.h"

#include <math.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/error.h"
#include "face/cholesky.h"

enum { UNKNOWNS = 8 };

facet_point facet_camera_project(const facet_camera *camera, facet_point3 p)
{
    const double *m = camera->p;
    const double x = (double)p.x, y = (double)p.y, z = (double)p.z;

    return (facet_point){ (float)(m[0] * x + m[1] * y + m[2] * z + m[3]),
        (float)(m[4] * x + m[5] * y + m[6] * z + m[7]) };
}

bool facet__cholesky(double *a, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        double d = a[j * n + j];

        for (size_t k = 0; k < j; k++)
            d -= a[j * n + k] * a[j * n + k];
        if (!(d > 0) || !isfinite(d))
            return false;
        d = sqrt(d);
        a[j * n + j] = d;
        for (size_t i = j + 1; i < n; i++) {
            double sum = a[i * n + j];

            for (size_t k = 0; k < j; k++)
                sum -= a[i * n + k] * a[j * n + k];
            a[i * n + j] = sum / d;
        }
    }
    return true;
}

void facet__whiten(
    const double *factor, size_t n, double *columns, size_t n_columns)
{
    for (size_t i = 0; i < n; i++) {
        double *row = columns + i * n_columns;

        for (size_t k = 0; k < i; k++)
            for (size_t c = 0; c < n_columns; c++)
                row[c] -= factor[i * n + k] * columns[k * n_columns + c];
        for (size_t c = 0; c < n_columns; c++)
            row[c] /= factor[i * n + i];
    }
}

/* min |A p - x| for [A | x] of `rows` rows; false when A has not full rank. */
static bool least_squares(double *a, size_t rows, double p[UNKNOWNS])
{
    enum { COLUMNS = UNKNOWNS + 1 };
    double largest = 0;

    for (size_t j = 0; j < UNKNOWNS; j++) {
        double square = 0, alpha, norm;

        for (size_t i = j; i < rows; i++)
            square += a[i * COLUMNS + j] * a[i * COLUMNS + j];
        norm = sqrt(square);
        largest = fmax(largest, norm);
        if (!(norm > 1e-5 * largest)) /* coordinates are floats */
            return false;
        alpha = a[j * COLUMNS + j] > 0 ? -norm : norm;
        /* v = a_j - alpha e_j stands in the column; 2 / v'v. */
        a[j * COLUMNS + j] -= alpha;
        square = -alpha * a[j * COLUMNS + j];
        for (size_t c = j + 1; c < COLUMNS; c++) {
            double dot = 0;

            for (size_t i = j; i < rows; i++)
                dot += a[i * COLUMNS + j] * a[i * COLUMNS + c];
            dot /= square;
            for (size_t i = j; i < rows; i++)
                a[i * COLUMNS + c] -= dot * a[i * COLUMNS + j];
        }
        a[j * COLUMNS + j] = alpha;
    }
    for (size_t j = UNKNOWNS; j-- > 0;) {
        double sum = a[j * COLUMNS + UNKNOWNS];

        for (size_t c = j + 1; c < UNKNOWNS; c++)
            sum -= a[j * COLUMNS + c] * p[c];
        p[j] = sum / a[j * COLUMNS + j];
    }
    return true;
}

/* Space centered and of unit size. */
typedef struct frame {
    double x, y, z, scale;
} frame;

static frame frame_of(const facet_point3 *space, size_t count)
{
    frame f = { 0, 0, 0, 0 };
    double square = 0;

    for (size_t i = 0; i < count; i++) {
        f.x += (double)space[i].x / (double)count;
        f.y += (double)space[i].y / (double)count;
        f.z += (double)space[i].z / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        const double dx = (double)space[i].x - f.x;
        const double dy = (double)space[i].y - f.y;
        const double dz = (double)space[i].z - f.z;

        square += dx * dx + dy * dy + dz * dz;
    }
    f.scale = sqrt(square / (double)count);
    return f;
}

/* [A | x], row-major. */
static void fill_rows(const facet_point3 *space, const facet_point *picture,
    size_t count, frame f, double *rows)
{
    for (size_t i = 0; i < count; i++, rows += 2 * (UNKNOWNS + 1)) {
        const double at[4] = { ((double)space[i].x - f.x) / f.scale,
            ((double)space[i].y - f.y) / f.scale,
            ((double)space[i].z - f.z) / f.scale, 1 };

        for (int k = 0; k < 4; k++) {
            rows[k] = at[k];
            rows[4 + k] = 0;
            rows[UNKNOWNS + 1 + k] = 0;
            rows[UNKNOWNS + 1 + 4 + k] = at[k];
        }
        rows[UNKNOWNS] = (double)picture[i].x;
        rows[UNKNOWNS + 1 + UNKNOWNS] = (double)picture[i].y;
    }
}

static void out_of_frame(frame f, double p[UNKNOWNS])
{
    for (int r = 0; r < 2; r++) {
        double *m = p + 4 * r;

        for (int k = 0; k < 3; k++)
            m[k] /= f.scale;
        m[3] -= m[0] * f.x + m[1] * f.y + m[2] * f.z;
    }
}

static bool all_finite(
    const facet_point3 *space, const facet_point *picture, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(space[i].x) || !isfinite(space[i].y) ||
            !isfinite(space[i].z) || !isfinite(picture[i].x) ||
            !isfinite(picture[i].y))
            return false;
    return true;
}

facet_status facet__camera_fit(const facet_point3 *space,
    const facet_point *picture, size_t count, const double *factor,
    facet_camera *out, facet_error *err)
{
    const frame f = frame_of(space, count);
    double p[UNKNOWNS] = { 0 };
    double *rows = facet__calloc(2 * count, (UNKNOWNS + 1) * sizeof *rows);
    bool good;

    if (!rows)
        return facet__fail_memory(err);
    if (f.scale > 0)
        fill_rows(space, picture, count, f, rows);
    if (factor)
        facet__whiten(factor, 2 * count, rows, UNKNOWNS + 1);
    good = least_squares(rows, 2 * count, p);
    facet__free(rows);
    if (!good)
        return facet__fail(err, FACET_EINVAL,
            "camera: the points lie in one plane of space, many cameras fit");
    out_of_frame(f, p);
    for (int i = 0; i < UNKNOWNS; i++)
        out->p[i] = p[i];
    return FACET_OK;
}

facet_status facet_camera_fit(const facet_point3 *space,
    const facet_point *picture, size_t count, const double *covariance,
    facet_camera *out, facet_error *err)
{
    const size_t n = 2 * count;
    double *factor = NULL;
    facet_status st;

    if (!space || !picture || !out || count < 4 || count > 10000)
        return facet__fail(
            err, FACET_EINVAL, "camera: needs two lists of 4 to 10000 points");
    if (!all_finite(space, picture, count))
        return facet__fail(
            err, FACET_EINVAL, "camera: a coordinate is not a finite number");
    if (covariance) {
        factor = facet__calloc(n, n * sizeof *factor);
        if (!factor)
            return facet__fail_memory(err);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++)
                factor[i * n + j] = covariance[i * n + j];
        if (!facet__cholesky(factor, n)) {
            facet__free(factor);
            return facet__fail(err, FACET_EINVAL,
                "camera: the covariance is not positive definite");
        }
    }
    st = facet__camera_fit(space, picture, count, factor, out, err);
    facet__free(factor);
    return st;
}

/* The two rows of a scaled rotation nearest to M (2 x 3): s (M M')^-1/2 M with
 * s the mean of its singular values, in closed form for 2 x 2. */
static bool nearest_rows(const double m[2][3], double r[2][3], double *scale)
{
    double a = 0, b = 0, d = 0, root, trace;

    for (int k = 0; k < 3; k++) {
        a += m[0][k] * m[0][k];
        b += m[0][k] * m[1][k];
        d += m[1][k] * m[1][k];
    }
    root = sqrt(fmax(a * d - b * b, 0)); /* product of singular values */
    trace = sqrt(a + d + 2 * root);      /* their sum */
    if (!(root > 1e-9 * (a + d)) || !isfinite(trace))
        return false;
    /* (MM')^1/2 = (MM' + root I) / trace; its inverse by adjugate. */
    for (int k = 0; k < 3; k++) {
        r[0][k] = ((d + root) * m[0][k] - b * m[1][k]) / (trace * root);
        r[1][k] = ((a + root) * m[1][k] - b * m[0][k]) / (trace * root);
    }
    *scale = trace / 2;
    return true;
}

facet_status facet_camera_pose(const facet_camera *camera, facet_head_pose *out)
{
    const double degrees = 57.29577951308232;
    const double *p = camera ? camera->p : NULL;
    double r[2][3], scale, z[3];

    if (!camera || !out)
        return FACET_EINVAL;
    /* y of pictures grows downwards. */
    if (!nearest_rows((const double[2][3]){ { p[0], p[1], p[2] },
                          { -p[4], -p[5], -p[6] } },
            r, &scale))
        return FACET_EINVAL;
    z[0] = r[0][1] * r[1][2] - r[0][2] * r[1][1];
    z[1] = r[0][2] * r[1][0] - r[0][0] * r[1][2];
    z[2] = r[0][0] * r[1][1] - r[0][1] * r[1][0];
    *out = (facet_head_pose){ (float)(atan2(-z[0], z[2]) * degrees),
        (float)(asin(fmax(-1, fmin(1, -z[1]))) * degrees),
        (float)(atan2(r[0][1], r[1][1]) * degrees), (float)scale };
    return FACET_OK;
}
