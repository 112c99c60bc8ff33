/* SPDX-License-Identifier: Apache-2.0 */
/* margin.c - see margin.h.
 *
 * A margin's derivative sin(theta + m) / sin(theta) has a pole at c = 1;
 * cosines are held away from it by 1e-7, a step of float below 1. At an
 * embedding exactly on its class's weight the gradient is then finite (it is
 * along the weight, and the normalisation removes that part). */
#include "train/margin.h"

#include <math.h>

#include "train/matmul.h"
#include "train/normalize.h"
#include "train/softmax.h"

enum { SLOT_COSINES, SLOT_VALUES, SLOT_WEIGHT, SLOT_UNIT = 4, SLOT_SLOPES };

static const double edge = 1e-7;

double facet__cos_plus(double c, double m, bool easy, double *derivative)
{
    const double pi = 3.14159265358979323846;
    const double sine = sqrt(1 - c * c);

    if (easy ? c <= 0 : c <= cos(pi - m)) {
        *derivative = 1;
        return easy ? c : c - m * sin(pi - m);
    }
    *derivative = (sine * cos(m) + c * sin(m)) / sine;
    return c * cos(m) - sine * sin(m);
}

facet_status facet__margin_create(facet__loss *loss)
{
    return facet__loss_param(loss, "class.weight", loss->classes * loss->dim,
        1 / sqrt((double)loss->dim), true);
}

/* The pieces of one run; all arrays are scratch. */
typedef struct frame {
    facet__loss *loss;
    const facet__batch *batch;
    double scale;
    float *unit, *norms;          /* [n][d], [n] */
    float *weight, *weight_norms; /* [classes][d], [classes] */
    float *logits;                /* [n][classes] */
    double *values, *slopes;      /* [n]: loss, derivative of f */
} frame;

static facet_status prepare(frame *f)
{
    const size_t n = f->batch->n, d = f->loss->dim, c = f->loss->classes;

    f->unit =
        facet__loss_scratch(f->loss, SLOT_UNIT, n * (d + 1), sizeof *f->unit);
    f->weight = facet__loss_scratch(
        f->loss, SLOT_WEIGHT, c * (d + 1), sizeof *f->weight);
    f->logits =
        facet__loss_scratch(f->loss, SLOT_COSINES, n * c, sizeof *f->logits);
    f->values = facet__loss_scratch(f->loss, SLOT_VALUES, n, sizeof *f->values);
    f->slopes = facet__loss_scratch(f->loss, SLOT_SLOPES, n, sizeof *f->slopes);
    if (!f->unit || !f->weight || !f->logits || !f->values || !f->slopes)
        return FACET_ENOMEM;
    f->norms = f->unit + n * d;
    f->weight_norms = f->weight + c * d;
    facet__normalize_rows(f->batch->x, n, d, f->unit, f->norms);
    facet__normalize_rows(
        f->loss->params[0].value, c, d, f->weight, f->weight_norms);
    return facet__matmul(f->loss->pool, n, c, d, facet__plain(f->unit, d),
        facet__transposed(f->weight, d), false, f->logits);
}

static double scale_of(const frame *f, size_t i)
{
    return f->scale > 0 ? f->scale : (double)f->norms[i];
}

/* From cosines to logits: the margin on the label, then the scale. */
static void apply_target(frame *f, facet__margin_target *target)
{
    const size_t classes = f->loss->classes;

    for (size_t i = 0; i < f->batch->n; i++) {
        float *row = f->logits + i * classes;
        float *own = row + f->batch->labels[i];
        const double c = fmin(fmax((double)*own, edge - 1), 1 - edge);
        const float scale = (float)scale_of(f, i);

        *own = (float)target(f->loss, c, f->batch->step, &f->slopes[i]);
        for (size_t k = 0; k < classes; k++)
            row[k] *= scale;
    }
}

/* When the scale is |x| the loss has a part along x too. */
static void length_gradient(const frame *f, const double *lengths, float *dx)
{
    const size_t d = f->loss->dim;

    for (size_t i = 0; i < f->batch->n && f->scale <= 0; i++)
        for (size_t k = 0; k < d; k++)
            dx[i * d + k] += (float)(lengths[i] * (double)f->unit[i * d + k]);
}

/* In place from dL/dlogits to dL/dcosines. */
static void target_back(frame *f)
{
    const size_t classes = f->loss->classes;

    for (size_t i = 0; i < f->batch->n; i++) {
        float *row = f->logits + i * classes;
        const float scale = (float)scale_of(f, i);

        for (size_t k = 0; k < classes; k++)
            row[k] *= scale;
        row[f->batch->labels[i]] *= (float)f->slopes[i];
    }
}

static facet_status backward(frame *f, const double *lengths, float *dx)
{
    facet__loss *loss = f->loss;
    const size_t n = f->batch->n, d = loss->dim, c = loss->classes;
    float *dweight = loss->params[0].grad;
    facet_status st;

    target_back(f);
    st = facet__matmul(loss->pool, n, d, c, facet__plain(f->logits, c),
        facet__plain(f->weight, d), false, dx);
    if (st == FACET_OK)
        st = facet__matmul(loss->pool, c, d, n, facet__transposed(f->logits, c),
            facet__plain(f->unit, d), false, dweight);
    if (st != FACET_OK)
        return st;
    facet__normalize_rows_back(f->unit, f->norms, n, d, dx);
    facet__normalize_rows_back(f->weight, f->weight_norms, c, d, dweight);
    length_gradient(f, lengths, dx);
    return FACET_OK;
}

/* lengths[i] = dL/d|x_i| = (sum_j softmax_j logit_j - logit_y) / (n |x_i|),
 * when the scale is |x|. */
static void lengths_of(const frame *f, double *lengths)
{
    const size_t classes = f->loss->classes;

    for (size_t i = 0; i < f->batch->n; i++) {
        const float *row = f->logits + i * classes;
        const double own = (double)row[f->batch->labels[i]];
        double top = own, sum = 0, mean = 0;

        for (size_t k = 0; k < classes; k++)
            top = fmax(top, (double)row[k]);
        for (size_t k = 0; k < classes; k++) {
            const double e = exp((double)row[k] - top);

            sum += e;
            mean += e * (double)row[k];
        }
        lengths[i] =
            (mean / sum - own) / ((double)f->batch->n * (double)f->norms[i]);
    }
}

facet_status facet__margin_run(facet__loss *loss, const facet__batch *batch,
    double scale, facet__margin_target *target, float *dx,
    facet__loss_result *result)
{
    frame f = { .loss = loss, .batch = batch, .scale = scale };
    const size_t n = batch->n;
    double *lengths = facet__loss_scratch(loss, 3, n, sizeof *lengths);
    facet_status st = lengths ? prepare(&f) : FACET_ENOMEM;

    if (st != FACET_OK)
        return st;
    apply_target(&f, target);
    if (scale <= 0 && dx)
        lengths_of(&f, lengths);
    facet__cross_entropy(
        loss->pool, f.logits, n, loss->classes, batch->labels, 0, f.values);
    for (size_t i = 0; i < n; i++)
        result->value += f.values[i] / (double)n;
    result->terms = result->active = n;
    return dx ? backward(&f, lengths, dx) : FACET_OK;
}
