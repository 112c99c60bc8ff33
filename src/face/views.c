/* SPDX-License-Identifier: Apache-2.0 */
/* views.c - a face looked at thirty times (Parkhi et al. 2015; papers.md B.5):
 * at three scales the four corners and the middle, each mirrored too, and the
 * mean of what the network says. The paper averages descriptors as they are;
 * here each counts alike, at length 1. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "facet/embedder.h"

/* The smaller side of the paper's faces over that of its network's input. */
static const double scales[FACET_VIEW_SCALES] = { 256.0 / 224, 384.0 / 224,
    512.0 / 224 };

enum { PIXEL = 3 };

/* What lies at (x, y), and its mirror image. */
static facet_status cut(const facet_image *face, int32_t x, int32_t y,
    int32_t width, int32_t height, facet_image **view, facet_image **mirror)
{
    facet_status st = facet_image_create(width, height, view);

    if (st == FACET_OK)
        st = facet_image_create(width, height, mirror);
    for (int32_t row = 0; row < height && st == FACET_OK; row++) {
        const uint8_t *from = facet_image_data(face) +
                              (size_t)(y + row) * facet_image_stride(face) +
                              (size_t)x * PIXEL;
        uint8_t *to = facet_image_data_mutable(*view) +
                      (size_t)row * facet_image_stride(*view);
        uint8_t *back = facet_image_data_mutable(*mirror) +
                        (size_t)row * facet_image_stride(*mirror);

        memcpy(to, from, (size_t)width * PIXEL);
        for (int32_t k = 0; k < width; k++)
            memcpy(back + (size_t)(width - 1 - k) * PIXEL,
                from + (size_t)k * PIXEL, PIXEL);
    }
    return st;
}

facet_status facet_views_cut(const facet_image *face, int32_t width,
    int32_t height, facet_image *views[FACET_VIEWS])
{
    const int32_t right = face ? facet_image_width(face) - width : -1;
    const int32_t down = face ? facet_image_height(face) - height : -1;
    const int32_t places[FACET_VIEWS / 2][2] = { { 0, 0 }, { right, 0 },
        { 0, down }, { right, down }, { right / 2, down / 2 } };
    facet_status st = FACET_OK;

    if (!views)
        return FACET_EINVAL;
    memset(views, 0, FACET_VIEWS * sizeof *views);
    if (!face || width < 1 || height < 1 || right < 0 || down < 0)
        return FACET_EINVAL;
    for (size_t i = 0; i < FACET_VIEWS / 2 && st == FACET_OK; i++)
        st = cut(face, places[i][0], places[i][1], width, height, &views[i],
            &views[FACET_VIEWS / 2 + i]);
    if (st != FACET_OK)
        facet_views_free(views);
    return st;
}

void facet_views_free(facet_image *views[FACET_VIEWS])
{
    for (size_t i = 0; views && i < FACET_VIEWS; i++) {
        facet_image_free(views[i]);
        views[i] = NULL;
    }
}

/* Add the embeddings of a scale's views to `sum` [dim]; `rows` is scratch for
 * [FACET_VIEWS, dim]. */
static facet_status add_scale(facet_embedder *embedder, const facet_image *face,
    double scale, float *rows, double *sum, facet_error *err)
{
    const facet_settings *s = facet_embedder_settings(embedder);
    const size_t dim = facet_embedder_dim(embedder);
    facet_image *larger = NULL, *views[FACET_VIEWS] = { NULL };
    facet_status st =
        facet_image_resize(face, (int32_t)lround(scale * s->width),
            (int32_t)lround(scale * s->height), &larger);

    if (st == FACET_OK)
        st = facet_views_cut(larger, s->width, s->height, views);
    if (st != FACET_OK)
        (void)facet__fail(err, st, "views: %s", facet_status_str(st));
    if (st == FACET_OK)
        st = facet_embedder_run(embedder, (const facet_image *const *)views,
            FACET_VIEWS, rows, err);
    for (size_t i = 0; i < FACET_VIEWS && st == FACET_OK; i++)
        for (size_t k = 0; k < dim; k++)
            sum[k] += (double)rows[i * dim + k];
    facet_views_free(views);
    facet_image_free(larger);
    return st;
}

static facet_status mean(
    const double *sum, size_t dim, float *values, facet_error *err)
{
    double square = 0;

    for (size_t k = 0; k < dim; k++)
        square += sum[k] * sum[k];
    if (!(square > 1e-12))
        return facet__fail(
            err, FACET_EMODEL, "the embeddings of the views cancel out");
    for (size_t k = 0; k < dim; k++)
        values[k] = (float)(sum[k] / sqrt(square));
    return FACET_OK;
}

facet_status facet_embedder_run_views(facet_embedder *embedder,
    const facet_image *face, size_t n_scales, float *values, facet_error *err)
{
    const size_t dim = facet_embedder_dim(embedder);
    float *rows = NULL;
    double *sum = NULL;
    facet_status st = FACET_OK;

    if (!embedder || !face || !values || n_scales < 1 ||
        n_scales > FACET_VIEW_SCALES)
        return facet__fail(err, FACET_EINVAL,
            "views: an argument is NULL, or not 1 to %d scales",
            FACET_VIEW_SCALES);
    rows = facet__calloc(FACET_VIEWS, dim * sizeof *rows);
    sum = facet__calloc(dim, sizeof *sum);
    if (!rows || !sum)
        st = facet__fail_memory(err);
    for (size_t i = 0; i < n_scales && st == FACET_OK; i++)
        st = add_scale(embedder, face, scales[i], rows, sum, err);
    if (st == FACET_OK)
        st = mean(sum, dim, values, err);
    facet__free(sum);
    facet__free(rows);
    return st;
}
