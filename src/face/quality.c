/* SPDX-License-Identifier: Apache-2.0 */
/* quality.c - six measurements, of which the worst counts: a face is as good as
 * what it lacks most. Limits were read off crops of ../shared/data. */
#include <math.h>

#include "base/error.h"
#include "facet/quality.h"

/* 0 at `bad` and beyond, 1 at `good` and beyond; either may be the larger. */
static float grade(double value, double bad, double good)
{
    const double place = (value - bad) / (good - bad);

    return (float)fmin(1, fmax(0, place));
}

static float pose_of(const facet_face *face)
{
    const facet_point *left = &face->landmarks[0], *right = left + 1;
    const facet_point *nose = left + 2;
    const double dx = (double)right->x - (double)left->x;
    const double dy = (double)right->y - (double)left->y;
    const double mx = ((double)right->x + (double)left->x) / 2;
    const double my = ((double)right->y + (double)left->y) / 2;
    const double along =
        (((double)nose->x - mx) * dx + ((double)nose->y - my) * dy) /
        (dx * dx + dy * dy);

    return grade(fabs(along), 0.6, 0.2);
}

/* Brightness of a pixel, 0 to 255: the eye's weights, in 256ths. */
static int luma(const facet_image *image, int x, int y)
{
    const uint8_t *p = facet_image_data(image) +
                       (size_t)y * facet_image_stride(image) + (size_t)x * 3;

    return (77 * p[0] + 150 * p[1] + 29 * p[2]) >> 8;
}

/* Sums over the middle half of a crop, where the face is. */
typedef struct sums {
    double n, light, square, bend;
} sums;

static sums look(const facet_image *crop)
{
    const int width = facet_image_width(crop);
    const int height = facet_image_height(crop);
    sums s = { 0, 0, 0, 0 };

    for (int y = height / 4; y < height - height / 4; y++)
        for (int x = width / 4; x < width - width / 4; x++) {
            const int here = luma(crop, x, y);
            const int bend = 4 * here - luma(crop, x - 1, y) -
                             luma(crop, x + 1, y) - luma(crop, x, y - 1) -
                             luma(crop, x, y + 1);

            s.n++;
            s.light += here;
            s.square += (double)here * here;
            s.bend += bend < 0 ? -bend : bend;
        }
    return s;
}

static void find_least(facet_quality *q)
{
    const struct {
        const char *name;
        float value;
    } parts[] = {
        { "size", q->size },
        { "score", q->score },
        { "pose", q->pose },
        { "brightness", q->brightness },
        { "contrast", q->contrast },
        { "sharpness", q->sharpness },
    };

    q->value = 2;
    for (int i = 0; i < 6; i++)
        if (parts[i].value < q->value) {
            q->value = parts[i].value;
            q->part = parts[i].name;
        }
}

facet_status facet_face_quality(const facet_face *face, const facet_image *crop,
    facet_quality *out, facet_error *err)
{
    enum { LEAST = 16 };
    double mean, deviation;
    sums s;

    if (!face || !crop || !out)
        return facet__fail(err, FACET_EINVAL, "quality: an argument is NULL");
    if (facet_image_width(crop) < LEAST || facet_image_height(crop) < LEAST)
        return facet__fail(err, FACET_EINVAL, "quality: the crop is too small");
    if (face->landmarks[0].x == face->landmarks[1].x &&
        face->landmarks[0].y == face->landmarks[1].y)
        return facet__fail(
            err, FACET_EINVAL, "quality: both eyes are in one place");
    s = look(crop);
    mean = s.light / s.n;
    deviation = sqrt(fmax(0, s.square / s.n - mean * mean));
    out->size =
        grade(sqrt(fmax(0, (double)face->box.width * (double)face->box.height)),
            16, 64);
    out->score = grade((double)face->score, 0.5, 0.8);
    out->pose = pose_of(face);
    out->brightness = mean < 128 ? grade(mean, 10, 50) : grade(mean, 245, 200);
    out->contrast = grade(deviation, 8, 32);
    out->sharpness = grade(s.bend / s.n / (deviation + 1), 0.02, 0.12);
    find_least(out);
    return FACET_OK;
}
