/* SPDX-License-Identifier: Apache-2.0 */
/* curve.c - ROC, DET and what is read off them (papers.md E.4).
 *
 * Scores are sorted once, falling; every distinct score is a threshold and adds
 * the comparisons that have it. Failures carry -INFINITY and therefore come
 * last by themselves, in the step that accepts everything: no rule about them
 * stands anywhere else. */
#include "eval/curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

static const double coarse_below = 10; /* false matches behind a rate */

double facet_similarity_of_distance(double squared_distance)
{
    return 1 - squared_distance / 2;
}

facet_status facet__curve_alloc(size_t room, facet_curve **out)
{
    facet_curve *curve = facet__calloc(1, sizeof *curve);

    *out = NULL;
    if (!curve)
        return FACET_ENOMEM;
    curve->steps = facet__calloc(room + 1, sizeof *curve->steps);
    if (!curve->steps) {
        facet__free(curve);
        return FACET_ENOMEM;
    }
    facet__curve_reset(curve);
    *out = curve;
    return FACET_OK;
}

void facet_curve_free(facet_curve *curve)
{
    if (!curve)
        return;
    facet__free(curve->steps);
    facet__free(curve);
}

void facet__curve_reset(facet_curve *curve)
{
    facet__step *steps = curve->steps;

    memset(curve, 0, sizeof *curve);
    curve->steps = steps;
    steps[0] = (facet__step){ HUGE_VAL, 0, 0 };
    curve->count = 1;
}

void facet__curve_push(
    facet_curve *curve, double score, double mated, double nonmated)
{
    facet__step *last = &curve->steps[curve->count - 1];

    curve->mated += mated;
    curve->nonmated += nonmated;
    if (score == -HUGE_VAL) {
        curve->mated_failed += mated;
        curve->nonmated_failed += nonmated;
    }
    if (curve->count == 1 || score < last->threshold) {
        last++;
        curve->count++;
        last->threshold = score;
    }
    last->mated = curve->mated;
    last->nonmated = curve->nonmated;
}

facet_status facet__curve_check(const facet_curve *curve, facet_error *err)
{
    if (curve->mated > 0 && curve->nonmated > 0)
        return FACET_OK;
    return facet__fail(err, FACET_EINVAL,
        "there is no %s comparison: rates need both kinds",
        curve->mated > 0 ? "non-mated" : "mated");
}

facet_status facet__comparisons_check(
    const facet_comparison *list, size_t count, facet_error *err)
{
    if (!list && count > 0)
        return facet__fail(err, FACET_EINVAL, "the list is NULL");
    for (size_t i = 0; i < count; i++)
        if (isnan(list[i].score) || list[i].score == HUGE_VAL)
            return facet__fail(err, FACET_EINVAL,
                "comparison %zu has the score %f: pass -infinity for a "
                "failure, else a number",
                i, list[i].score);
    return FACET_OK;
}

typedef struct ranked {
    double score;
    size_t index;
} ranked;

static int by_falling_score(const void *left, const void *right)
{
    const ranked *a = left, *b = right;

    if (a->score != b->score)
        return a->score < b->score ? 1 : -1;
    return a->index < b->index ? -1 : 1;
}

facet_status facet__comparisons_order(
    const facet_comparison *list, size_t count, size_t **out)
{
    ranked *rank = facet__calloc(count, sizeof *rank);
    size_t *order = facet__calloc(count, sizeof *order);

    *out = NULL;
    if (!rank || !order) {
        facet__free(rank);
        facet__free(order);
        return FACET_ENOMEM;
    }
    for (size_t i = 0; i < count; i++)
        rank[i] = (ranked){ list[i].score, i };
    qsort(rank, count, sizeof *rank, by_falling_score);
    for (size_t i = 0; i < count; i++)
        order[i] = rank[i].index;
    facet__free(rank);
    *out = order;
    return FACET_OK;
}

facet_status facet_curve_create(const facet_comparison *list, size_t count,
    facet_curve **out, facet_error *err)
{
    facet_curve *curve = NULL;
    size_t *order = NULL;
    facet_status status;

    if (!out)
        return facet__fail(err, FACET_EINVAL, "no place for the curve");
    *out = NULL;
    status = facet__comparisons_check(list, count, err);
    if (status != FACET_OK)
        return status;
    if (facet__comparisons_order(list, count, &order) != FACET_OK ||
        facet__curve_alloc(count + 1, &curve) != FACET_OK) {
        status = facet__fail_memory(err);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        const facet_comparison *at = &list[order[i]];

        facet__curve_push(curve, at->score, at->mated, !at->mated);
    }
    status = facet__curve_check(curve, err);
    if (status == FACET_OK) {
        *out = curve;
        curve = NULL;
    }
done:
    facet__free(order);
    facet_curve_free(curve);
    return status;
}

size_t facet_curve_count(const facet_curve *curve)
{
    return curve->count;
}

static facet_curve_point point_of(
    const facet_curve *curve, const facet__step *step)
{
    return (facet_curve_point){ step->threshold, step->mated / curve->mated,
        step->nonmated / curve->nonmated };
}

facet_curve_point facet_curve_at(const facet_curve *curve, size_t index)
{
    if (index >= curve->count)
        index = curve->count - 1;
    return point_of(curve, &curve->steps[index]);
}

facet_curve_size facet_curve_total(const facet_curve *curve)
{
    return (facet_curve_size){ (uint64_t)curve->mated,
        (uint64_t)curve->nonmated, (uint64_t)curve->mated_failed,
        (uint64_t)curve->nonmated_failed };
}

double facet_curve_auc(const facet_curve *curve)
{
    double area = 0;

    for (size_t i = 1; i < curve->count; i++) {
        const facet__step *a = &curve->steps[i - 1], *b = a + 1;

        area += (b->nonmated - a->nonmated) * (a->mated + b->mated) / 2;
    }
    return area / curve->mated / curve->nonmated;
}

/* FNMR and FMR move towards each other; between the last point with FMR < FNMR
 * and the first without, the difference is linear. */
static double crossing(facet_curve_point before, facet_curve_point after)
{
    const double gap = 1 - before.tar - before.fmr; /* > 0 */
    const double next = 1 - after.tar - after.fmr;  /* <= 0 */
    const double share = gap / (gap - next);

    return before.fmr + share * (after.fmr - before.fmr);
}

facet_eer facet_curve_eer(const facet_curve *curve)
{
    facet_eer result = { 0, 0, 0 };
    double least = HUGE_VAL;
    bool crossed = false;

    for (size_t i = 0; i < curve->count; i++) {
        const facet_curve_point at = facet_curve_at(curve, i);
        const double gap = 1 - at.tar - at.fmr;

        if (fabs(gap) < least) {
            least = fabs(gap);
            result.nearest = (at.fmr + 1 - at.tar) / 2;
            result.threshold = at.threshold;
        }
        if (!crossed && gap <= 0) {
            crossed = true;
            result.eer = crossing(facet_curve_at(curve, i - 1), at);
        }
    }
    return result;
}

const char *facet_resolution_name(facet_resolution resolution)
{
    switch (resolution) {
    case FACET_RESOLVED:
        return "resolved";
    case FACET_COARSE:
        return "coarse";
    case FACET_UNRESOLVABLE:
        return "unresolvable";
    }
    return "unknown";
}

/* Index of the last step with at most `nonmated` false matches. */
static size_t last_within(const facet_curve *curve, double nonmated)
{
    size_t low = 0, high = curve->count;

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;

        if (curve->steps[middle].nonmated <= nonmated)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Thresholds that accept nothing more are no use: step back to the highest with
 * the same TAR, which has the fewest false matches. */
static size_t first_with_same_tar(const facet_curve *curve, size_t index)
{
    while (
        index > 0 && curve->steps[index - 1].mated == curve->steps[index].mated)
        index--;
    return index;
}

facet_rate facet_curve_rate(
    const facet_curve *curve, double wanted, double least)
{
    const double expected = wanted * curve->nonmated * (1 + 1e-12);
    facet_rate rate = { wanted, (double)NAN, (double)NAN, (double)NAN,
        FACET_UNRESOLVABLE };
    facet_curve_point at;

    if (!(wanted > 0 && wanted <= 1) || expected < least)
        return rate;
    at = facet_curve_at(
        curve, first_with_same_tar(curve, last_within(curve, expected)));
    rate.fmr = at.fmr;
    rate.tar = at.tar;
    rate.threshold = at.threshold;
    rate.resolution = expected < coarse_below ? FACET_COARSE : FACET_RESOLVED;
    return rate;
}

facet_curve_point facet_curve_at_threshold(
    const facet_curve *curve, double threshold)
{
    size_t low = 0, high = curve->count;
    facet_curve_point at;

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;

        if (curve->steps[middle].threshold >= threshold)
            low = middle;
        else
            high = middle;
    }
    at = point_of(curve, &curve->steps[low]);
    at.threshold = threshold;
    return at;
}

double facet_d_prime(const facet_comparison *list, size_t count)
{
    double n[2] = { 0, 0 }, mean[2] = { 0, 0 }, square[2] = { 0, 0 };

    for (size_t i = 0; i < count; i++) {
        const int kind = list[i].mated;
        const double delta = list[i].score - mean[kind];

        if (list[i].score == -HUGE_VAL)
            continue;
        n[kind] += 1;
        mean[kind] += delta / n[kind];
        square[kind] += delta * (list[i].score - mean[kind]);
    }
    if (n[0] < 2 || n[1] < 2)
        return (double)NAN;
    return (mean[1] - mean[0]) /
           sqrt((square[0] / (n[0] - 1) + square[1] / (n[1] - 1)) / 2);
}

facet_status facet_score_bins(const facet_comparison *list, size_t count,
    double low, double high, size_t bins, uint64_t *mated, uint64_t *nonmated)
{
    if (!list || !mated || !nonmated || bins == 0 || !(low < high))
        return FACET_EINVAL;
    memset(mated, 0, bins * sizeof *mated);
    memset(nonmated, 0, bins * sizeof *nonmated);
    for (size_t i = 0; i < count; i++) {
        const double place =
            (list[i].score - low) / (high - low) * (double)bins;
        size_t bin = 0;

        if (isnan(list[i].score))
            return FACET_EINVAL;
        if (list[i].score == -HUGE_VAL)
            continue;
        if (place >= 0)
            bin = place < (double)bins ? (size_t)place : bins - 1;
        (list[i].mated ? mated : nonmated)[bin]++;
    }
    return FACET_OK;
}
