/* SPDX-License-Identifier: Apache-2.0 */
/* align.c - five points onto a template's, and the crop.
 *
 * The fit is the least-squares similarity in closed form (Umeyama 1991; in two
 * dimensions and without mirroring no SVD is needed): with centered points
 * (x, y) -> (u, v),
 *   a = sum(xu + yv) / sum(x^2 + y^2), b = sum(xv - yu) / sum(x^2 + y^2). */
#include "facet/align.h"

#include <math.h>
#include <stdbool.h>

#include "base/error.h"
#include "image/warp.h"

static bool all_finite(const facet_point *points, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(points[i].x) || !isfinite(points[i].y))
            return false;
    return true;
}

/* Sums over centered pairs of points. */
typedef struct moments {
    double from_x, from_y, to_x, to_y; /* means */
    double from2, to2;                 /* sums of squared distances */
    double along, across;              /* sum(xu + yv), sum(xv - yu) */
} moments;

static moments moments_of(
    const facet_point *from, const facet_point *to, size_t count)
{
    moments m = { 0 };

    for (size_t i = 0; i < count; i++) {
        m.from_x += (double)from[i].x / (double)count;
        m.from_y += (double)from[i].y / (double)count;
        m.to_x += (double)to[i].x / (double)count;
        m.to_y += (double)to[i].y / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        const double x = (double)from[i].x - m.from_x;
        const double y = (double)from[i].y - m.from_y;
        const double u = (double)to[i].x - m.to_x;
        const double v = (double)to[i].y - m.to_y;

        m.from2 += x * x + y * y;
        m.to2 += u * u + v * v;
        m.along += x * u + y * v;
        m.across += x * v - y * u;
    }
    return m;
}

/* Do points with this spread around a mean of this size fall together, as far
 * as floats can tell? */
static bool together(double spread2, double mean_x, double mean_y)
{
    const double unit = 1e-6 * (1.0 + fabs(mean_x) + fabs(mean_y));

    return !(spread2 > unit * unit);
}

facet_status facet_similarity_fit(const facet_point *from,
    const facet_point *to, size_t count, facet_similarity *out,
    facet_error *err)
{
    facet_similarity fit;
    moments m;

    if (!from || !to || !out || count < 2)
        return facet__fail(err, FACET_EINVAL,
            "similarity: needs two lists of at least 2 points");
    if (!all_finite(from, count) || !all_finite(to, count))
        return facet__fail(err, FACET_EINVAL,
            "similarity: a coordinate is not a finite number");
    m = moments_of(from, to, count);
    if (together(m.from2, m.from_x, m.from_y) ||
        together(m.to2, m.to_x, m.to_y))
        return facet__fail(err, FACET_EINVAL,
            "similarity: all points fall together, no scale fits them");
    fit.a = m.along / m.from2;
    fit.b = m.across / m.from2;
    if (!(fit.a * fit.a + fit.b * fit.b > 1e-12 * m.to2 / m.from2))
        return facet__fail(err, FACET_EINVAL,
            "similarity: the points are mirrored or unrelated, none fits");
    fit.tx = m.to_x - fit.a * m.from_x + fit.b * m.from_y;
    fit.ty = m.to_y - fit.b * m.from_x - fit.a * m.from_y;
    *out = fit;
    return FACET_OK;
}

/* The way back, from crop to photo, as facet__warp_similarity wants it. */
static void invert(const facet_similarity *s, float map[6])
{
    const double square = s->a * s->a + s->b * s->b;

    map[0] = (float)(s->a / square);
    map[1] = (float)(s->b / square);
    map[2] = (float)(-(s->a * s->tx + s->b * s->ty) / square);
    map[3] = (float)(-s->b / square);
    map[4] = (float)(s->a / square);
    map[5] = (float)((s->b * s->tx - s->a * s->ty) / square);
}

facet_status facet_align(const facet_image *image,
    const facet_point landmarks[FACET_LANDMARKS],
    const facet_align_template *to, facet_image **crop, facet_error *err)
{
    facet_similarity fit;
    float map[6];
    facet_status st;

    if (!image || !landmarks || !to || !crop)
        return facet__fail(err, FACET_EINVAL, "align: an argument is NULL");
    *crop = NULL;
    st =
        facet_similarity_fit(landmarks, to->points, FACET_LANDMARKS, &fit, err);
    if (st != FACET_OK)
        return st;
    if (facet_image_create(to->width, to->height, crop) != FACET_OK)
        return facet__fail_memory(err);
    invert(&fit, map);
    st = facet__warp_similarity(facet__image_view(image), map,
        facet_image_data_mutable(*crop), to->width, to->height,
        facet_image_stride(*crop));
    if (st == FACET_OK)
        return st;
    facet_image_free(*crop);
    *crop = NULL;
    return st == FACET_ENOMEM ? facet__fail_memory(err)
                              : facet__fail(err, st,
                                    "align: the points lie too far outside "
                                    "the picture");
}
