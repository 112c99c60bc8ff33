/* SPDX-License-Identifier: Apache-2.0 */
/* pairs.h - the frame of the losses that look at pairs within a batch.
 *
 * All of them are functions of the table of products S[i][j] = x_i . x_j. A
 * loss says by how much it changes with each squared distance or similarity, in
 * a table of coefficients, and the frame turns that into gradients with two
 * matrix products. An optional projection x = W v stands before it. */
#ifndef FACET__PAIRS_H
#define FACET__PAIRS_H

#include "train/loss.h"

typedef struct facet__pairs {
    facet__loss *loss;
    const int32_t *labels;
    size_t n, d;
    uint64_t step;
    const float *x;      /* [n][d], after the projection if there is one */
    float *products;     /* [n][n] */
    float *coefficients; /* [n][n], zero at the start: dL/d(table) */
    size_t fixed; /* so many rows, from the first on, do not learn: three of
                   * them are no triplet */
} facet__pairs;

/* Fill in the coefficients and the result. */
typedef void facet__pairs_fill(facet__pairs *pairs, facet__loss_result *result);

/* What the coefficients refer to. */
typedef enum facet__pairs_kind {
    FACET__PAIRS_DISTANCE, /* |x_i - x_j|^2 */
    FACET__PAIRS_PRODUCT,  /* x_i . x_j */
} facet__pairs_kind;

/* Run on the embeddings as they are. Uses scratch slots 0 and 1. */
facet_status facet__pairs_run(facet__loss *loss, const facet__batch *batch,
    facet__pairs_kind kind, facet__pairs_fill *fill, float *dx,
    facet__loss_result *result);

/* Parameter 0: projection [dim_out][dim]. With dim_out 0 there is none, and
 * the run below is the one above. */
facet_status facet__projection_create(facet__loss *loss, size_t dim_out);
facet_status facet__projection_run(facet__loss *loss, const facet__batch *batch,
    size_t dim_out, facet__pairs_kind kind, facet__pairs_fill *fill, float *dx,
    facet__loss_result *result);

/* Squared distance from the table of products, at least 0. */
double facet__pairs_distance(const facet__pairs *pairs, size_t i, size_t j);

/* The negative of pair (anchor, positive): of all samples of another class
 * with low < t(j) < high the one of smallest t (`pick_random`: any, drawn from
 * (seed, step, pair)); n when there is none. t(j) is the squared distance from
 * the anchor, or minus the product with it. */
size_t facet__pairs_negative(const facet__pairs *pairs, facet__pairs_kind kind,
    size_t anchor, size_t positive, double low, double high, bool pick_random);

#endif
