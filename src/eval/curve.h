/* SPDX-License-Identifier: Apache-2.0 */
/* curve.h - the inside of a facet_curve.
 *
 * Counts are doubles because a bootstrap weighs comparisons; they are whole
 * numbers, exact below 2^53. Steps go from the highest threshold to the lowest;
 * step 0 accepts nothing. */
#ifndef FACET__CURVE_H
#define FACET__CURVE_H

#include "facet/eval.h"

typedef struct facet__step {
    double threshold;
    double mated, nonmated; /* accepted, cumulated */
} facet__step;

struct facet_curve {
    facet__step *steps;
    size_t count;
    double mated, nonmated, mated_failed, nonmated_failed;
};

/* An empty curve with room for `room` steps besides the first. */
facet_status facet__curve_alloc(size_t room, facet_curve **out);

/* Forget all steps but the first, and the totals. */
void facet__curve_reset(facet_curve *curve);

/* Count `mated` and `nonmated` comparisons of one score, which is not above
 * those already pushed. */
void facet__curve_push(
    facet_curve *curve, double score, double mated, double nonmated);

/* Complain unless both kinds are there. */
facet_status facet__curve_check(const facet_curve *curve, facet_error *err);

/* Check scores and labels of a list. */
facet_status facet__comparisons_check(
    const facet_comparison *list, size_t count, facet_error *err);

/* Indices of a list by falling score, equal scores by index; to be freed. */
facet_status facet__comparisons_order(
    const facet_comparison *list, size_t count, size_t **out);

#endif
