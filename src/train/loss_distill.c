/* SPDX-License-Identifier: Apache-2.0 */
/* loss_distill.c - learning the embeddings t of a teacher, without labels.
 *
 *   distill-cosine: L = mean over samples of 1 - x . t / (|x| |t|)
 *   distill-mse:    L = mean over samples of |x - t|^2, both unit vectors
 *
 * On the sphere the second is twice the first; they differ in the gradient's
 * size only, and in what papers report. With `sphere: false` the second
 * compares the vectors as they are. */
#include <math.h>

#include "train/loss.h"
#include "train/normalize.h"

enum { SPHERE };

static const char *const no_yes[] = { "false", "true", NULL };

static const facet__loss_option mse_options[] = {
    [SPHERE] = { "sphere", 1, 0, 1, no_yes, false },
    { .name = NULL },
};

/* The teacher's rows at length 1; NULL without memory. */
static const float *unit_teacher(facet__loss *loss, const facet__batch *batch)
{
    const size_t n = batch->n, d = loss->dim;
    float *unit = facet__loss_scratch(loss, 0, n * (d + 1), sizeof *unit);

    if (unit)
        facet__normalize_rows(batch->teacher, n, d, unit, unit + n * d);
    return unit;
}

static facet_status run_cosine(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result)
{
    const size_t n = batch->n, d = loss->dim;
    const float *t = unit_teacher(loss, batch);

    if (!t)
        return FACET_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        double product = 0;

        for (size_t k = 0; k < d; k++) {
            product += (double)batch->x[i * d + k] * (double)t[i * d + k];
            if (dx)
                dx[i * d + k] = -t[i * d + k] / (float)n;
        }
        result->value += (1 - product) / (double)n;
    }
    result->terms = result->active = n;
    return FACET_OK;
}

static void mean_square(const float *x, const float *t, size_t n, size_t d,
    float *dx, facet__loss_result *result)
{
    for (size_t i = 0; i < n * d; i++) {
        const double off = (double)x[i] - (double)t[i];

        result->value += off * off / (double)n;
        if (dx)
            dx[i] = (float)(2 * off / (double)n);
    }
    result->terms = result->active = n;
}

static facet_status run_mse(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result)
{
    const size_t n = batch->n, d = loss->dim;
    float *unit = facet__loss_scratch(loss, 1, n * (d + 1), sizeof *unit);
    const float *t = unit_teacher(loss, batch);

    if (!unit || !t)
        return FACET_ENOMEM;
    if (loss->options[SPHERE] < 1) {
        mean_square(batch->x, batch->teacher, n, d, dx, result);
        return FACET_OK;
    }
    facet__normalize_rows(batch->x, n, d, unit, unit + n * d);
    mean_square(unit, t, n, d, dx, result);
    if (dx)
        facet__normalize_rows_back(unit, unit + n * d, n, d, dx);
    return FACET_OK;
}

const facet__loss_type facet__loss_distill_cosine = {
    .name = "distill-cosine",
    .what = "the angle to a teacher's embedding",
    .on_unit_sphere = true,
    .needs_teacher = true,
    .run = run_cosine,
};

const facet__loss_type facet__loss_distill_mse = {
    .name = "distill-mse",
    .what = "the squared distance to a teacher's embedding",
    .needs_teacher = true,
    .options = mse_options,
    .run = run_mse,
};
