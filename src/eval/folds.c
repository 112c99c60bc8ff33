/* SPDX-License-Identifier: Apache-2.0 */
/* folds.c - rates with one threshold per fold, chosen on the other folds
 * (papers.md E.1 for LFW's accuracy, A.5 and E.4 for FaceNet's VAL@FAR).
 *
 * All comparisons are sorted once; a fold's training curve is the walk over the
 * sorted list that skips the fold. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "eval/curve.h"

enum { GRID = 4000 }; /* squared distances 0, 0.001 ... 4 */

facet_summary facet_summarize(const double *values, size_t count)
{
    facet_summary s = { (double)NAN, (double)NAN, (double)NAN, (double)NAN };
    const double n = (double)count;
    double sum = 0, square = 0;

    if (count == 0)
        return s;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    s.mean = sum / n;
    for (size_t i = 0; i < count; i++)
        square += (values[i] - s.mean) * (values[i] - s.mean);
    if (count < 2)
        return s;
    s.deviation = sqrt(square / (n - 1));
    s.deviation0 = sqrt(square / n);
    s.error = s.deviation / sqrt(n);
    return s;
}

/* Folds must be 0 to n-1, each with a comparison. */
static facet_status count_folds(const facet_comparison *list, size_t count,
    facet_folds *out, facet_error *err)
{
    size_t sizes[FACET_MAX_FOLDS] = { 0 };

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < count; i++) {
        if (list[i].fold >= FACET_MAX_FOLDS)
            return facet__fail(err, FACET_EINVAL,
                "comparison %zu is in fold %u; there are at most %d", i,
                list[i].fold, FACET_MAX_FOLDS);
        sizes[list[i].fold]++;
        if (list[i].fold >= out->count)
            out->count = list[i].fold + 1U;
    }
    if (out->count < 2)
        return facet__fail(err, FACET_EINVAL,
            "thresholds are chosen on other folds: two folds are needed");
    for (size_t fold = 0; fold < out->count; fold++)
        if (sizes[fold] == 0)
            return facet__fail(
                err, FACET_EINVAL, "fold %zu has no comparison", fold);
    return FACET_OK;
}

/* Accuracy changes only at scores, so these are the candidates. Mated ones
 * accepted less non-mated ones accepted is accuracy but for a constant. */
static double best_threshold(const facet_comparison *list, const size_t *order,
    size_t count, size_t without)
{
    double best = HUGE_VAL;
    long balance = 0, highest = 0;

    for (size_t i = 0; i < count; i++) {
        const facet_comparison *at = &list[order[i]];
        size_t next = i + 1;

        if (at->fold == without)
            continue;
        balance += at->mated ? 1 : -1;
        while (next < count && list[order[next]].fold == without)
            next++;
        if (next < count && list[order[next]].score == at->score)
            continue; /* the threshold takes all equal scores at once */
        if (balance >= highest && at->score != -HUGE_VAL) {
            highest = balance;
            best = at->score;
        }
    }
    return best;
}

static void test_fold(const facet_comparison *list, size_t count, size_t fold,
    double threshold, facet_folds *out)
{
    double right = 0, total = 0, accepted = 0, nonmated = 0;

    for (size_t i = 0; i < count; i++) {
        const bool accept = list[i].score >= threshold;

        if (list[i].fold != fold)
            continue;
        total += 1;
        right += accept == list[i].mated;
        nonmated += !list[i].mated;
        accepted += accept && !list[i].mated;
    }
    out->threshold[fold] = threshold;
    out->value[fold] = right / total;
    out->far[fold] = accepted / nonmated; /* NaN without any */
}

facet_status facet_fold_accuracy(const facet_comparison *list, size_t count,
    facet_folds *out, facet_error *err)
{
    facet_status status;
    size_t *order;

    if (!out)
        return facet__fail(err, FACET_EINVAL, "no place for the result");
    status = facet__comparisons_check(list, count, err);
    if (status == FACET_OK)
        status = count_folds(list, count, out, err);
    if (status != FACET_OK)
        return status;
    if (facet__comparisons_order(list, count, &order) != FACET_OK)
        return facet__fail_memory(err);
    for (size_t fold = 0; fold < out->count; fold++)
        test_fold(
            list, count, fold, best_threshold(list, order, count, fold), out);
    out->summary = facet_summarize(out->value, out->count);
    facet__free(order);
    return FACET_OK;
}

static double distance_of(const facet_comparison *comparison)
{
    return 2 - 2 * comparison->score;
}

/* Non-mated comparisons with d < i / 1000, for each i, without one fold. */
static void count_grid(const facet_comparison *list, size_t count,
    size_t without, double far[GRID + 1])
{
    double total = 0;

    memset(far, 0, (GRID + 1) * sizeof *far);
    for (size_t i = 0; i < count; i++) {
        const double place = distance_of(&list[i]) * (GRID / 4);

        if (list[i].fold == without || list[i].mated)
            continue;
        total += 1;
        if (place < GRID) /* accepted from the next grid point on */
            far[place < 0 ? 0 : (size_t)place + 1] += 1;
    }
    for (size_t i = 1; i <= GRID; i++)
        far[i] += far[i - 1];
    for (size_t i = 0; total > 0 && i <= GRID; i++)
        far[i] /= total;
}

static double interpolate(const double far[GRID + 1], double wanted)
{
    size_t i = 0;

    while (i <= GRID && far[i] < wanted)
        i++;
    if (i == 0 || i > GRID)
        return 0;
    return ((double)(i - 1) + (wanted - far[i - 1]) / (far[i] - far[i - 1])) *
           4 / GRID;
}

static void test_val(const facet_comparison *list, size_t count, size_t fold,
    double distance, facet_folds *out)
{
    double accepted[2] = { 0, 0 }, total[2] = { 0, 0 };

    for (size_t i = 0; i < count; i++) {
        if (list[i].fold != fold)
            continue;
        total[list[i].mated] += 1;
        accepted[list[i].mated] += distance_of(&list[i]) < distance;
    }
    out->threshold[fold] = facet_similarity_of_distance(distance);
    out->value[fold] = accepted[1] / total[1];
    out->far[fold] = accepted[0] / total[0];
}

facet_status facet_fold_val(const facet_comparison *list, size_t count,
    double far, facet_folds *out, facet_error *err)
{
    facet_status status;
    double *grid;

    if (!out || !(far > 0 && far <= 1))
        return facet__fail(
            err, FACET_EINVAL, "a false accept rate is in (0, 1]");
    status = facet__comparisons_check(list, count, err);
    if (status == FACET_OK)
        status = count_folds(list, count, out, err);
    if (status != FACET_OK)
        return status;
    grid = facet__calloc(GRID + 1, sizeof *grid);
    if (!grid)
        return facet__fail_memory(err);
    for (size_t fold = 0; fold < out->count; fold++) {
        count_grid(list, count, fold, grid);
        test_val(list, count, fold, interpolate(grid, far), out);
    }
    out->summary = facet_summarize(out->value, out->count);
    facet__free(grid);
    return FACET_OK;
}
