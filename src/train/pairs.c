/* SPDX-License-Identifier: Apache-2.0 */
/* pairs.c - see pairs.h. With c the coefficients and C = c + c^T:
 *
 *   products:  dL/dx_i = sum_j C_ij x_j
 *   distances: dL/dx_i = 2 (x_i sum_j C_ij - sum_j C_ij x_j)
 *
 * so that n^2 d work is done by the matrix product however many triplets there
 * are. */
#include "train/pairs.h"

#include <math.h>
#include <string.h>

#include "train/matmul.h"

double facet__pairs_distance(const facet__pairs *p, size_t i, size_t j)
{
    const double square = (double)p->products[i * p->n + i] +
                          (double)p->products[j * p->n + j] -
                          2 * (double)p->products[i * p->n + j];

    return square > 0 ? square : 0;
}

size_t facet__pairs_negative(const facet__pairs *p, facet__pairs_kind kind,
    size_t anchor, size_t positive, double low, double high, bool pick_random)
{
    facet__random random = facet__random_stream(
        p->loss->seed, p->step, (uint64_t)anchor * p->n + positive);
    size_t best = p->n, seen = 0;
    double best_value = HUGE_VAL;

    for (size_t j = 0; j < p->n; j++) {
        double value;

        if (p->labels[j] == p->labels[anchor])
            continue;
        value = kind == FACET__PAIRS_DISTANCE
                    ? facet__pairs_distance(p, anchor, j)
                    : -(double)p->products[anchor * p->n + j];
        if (!(value > low && value < high))
            continue;
        seen++;
        if (pick_random ? facet__random_below(&random, seen) == 0
                        : value < best_value) {
            best = j;
            best_value = value;
        }
    }
    return best;
}

/* C in place of c, and with distances the factor 2 and the sign. */
static void symmetrize(float *c, size_t n, float factor)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            const float sum = factor * (c[i * n + j] + c[j * n + i]);

            c[i * n + j] = c[j * n + i] = sum;
        }
}

/* dL/dx from the coefficients. */
static facet_status backward(
    const facet__pairs *p, facet__pairs_kind kind, float *dx)
{
    const size_t n = p->n, d = p->d;
    const bool distances = kind == FACET__PAIRS_DISTANCE;

    symmetrize(p->coefficients, n, distances ? -2 : 1);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;

        for (size_t j = 0; j < n && distances; j++)
            sum -= (double)p->coefficients[i * n + j];
        for (size_t k = 0; k < d; k++)
            dx[i * d + k] = (float)(sum * (double)p->x[i * d + k]);
    }
    return facet__matmul(p->loss->pool, n, d, n,
        facet__plain(p->coefficients, n), facet__plain(p->x, d), true, dx);
}

/* Run on x [n][d], whatever it is. */
static facet_status run_on(facet__loss *loss, const facet__batch *batch,
    const float *x, size_t d, facet__pairs_kind kind, facet__pairs_fill *fill,
    float *dx, facet__loss_result *result)
{
    const size_t n = batch->n;
    facet__pairs p = { loss, batch->labels, n, d, batch->step, x, NULL, NULL,
        0 };
    facet_status st;

    p.products = facet__loss_scratch(loss, 0, n * n, sizeof(float));
    p.coefficients = facet__loss_scratch(loss, 1, n * n, sizeof(float));
    if (!p.products || !p.coefficients)
        return FACET_ENOMEM;
    memset(p.coefficients, 0, n * n * sizeof(float));
    st = facet__matmul(loss->pool, n, n, d, facet__plain(x, d),
        facet__transposed(x, d), false, p.products);
    if (st != FACET_OK)
        return st;
    fill(&p, result);
    return dx ? backward(&p, kind, dx) : FACET_OK;
}

facet_status facet__pairs_run(facet__loss *loss, const facet__batch *batch,
    facet__pairs_kind kind, facet__pairs_fill *fill, float *dx,
    facet__loss_result *result)
{
    return run_on(loss, batch, batch->x, loss->dim, kind, fill, dx, result);
}

facet_status facet__projection_create(facet__loss *loss, size_t dim_out)
{
    if (dim_out == 0)
        return FACET_OK;
    return facet__loss_param(loss, "projection", dim_out * loss->dim,
        1 / sqrt((double)loss->dim), true);
}

facet_status facet__projection_run(facet__loss *loss, const facet__batch *batch,
    size_t dim_out, facet__pairs_kind kind, facet__pairs_fill *fill, float *dx,
    facet__loss_result *result)
{
    const size_t n = batch->n, d = loss->dim;
    const facet__param *w = &loss->params[0];
    float *y, *dy;
    facet_status st;

    if (dim_out == 0)
        return facet__pairs_run(loss, batch, kind, fill, dx, result);
    y = facet__loss_scratch(loss, 2, n * dim_out, sizeof *y);
    dy = facet__loss_scratch(loss, 3, n * dim_out, sizeof *dy);
    if (!y || !dy)
        return FACET_ENOMEM;
    st = facet__matmul(loss->pool, n, dim_out, d, facet__plain(batch->x, d),
        facet__transposed(w->value, d), false, y);
    if (st == FACET_OK)
        st =
            run_on(loss, batch, y, dim_out, kind, fill, dx ? dy : NULL, result);
    if (st != FACET_OK || !dx)
        return st;
    st =
        facet__matmul(loss->pool, dim_out, d, n, facet__transposed(dy, dim_out),
            facet__plain(batch->x, d), false, w->grad);
    if (st == FACET_OK)
        st = facet__matmul(loss->pool, n, d, dim_out, facet__plain(dy, dim_out),
            facet__plain(w->value, d), false, dx);
    return st;
}
