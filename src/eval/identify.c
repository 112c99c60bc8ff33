/* SPDX-License-Identifier: Apache-2.0 */
/* identify.c - closed-set and open-set identification (papers.md E.4).
 *
 * A probe is reduced to five numbers when its row of scores is at hand; all
 * rates follow from those. A failed probe has -INFINITY everywhere: every
 * rival is its equal, which would let the optimistic rule count it, so failures
 * are asked about first. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "eval/curve.h"

facet_status facet_search_row(
    const float *scores, size_t count, size_t mate, facet_search *out)
{
    if (!scores || !out || count == 0 || (mate >= count && mate != SIZE_MAX))
        return FACET_EINVAL;
    *out = (facet_search){ -HUGE_VAL, -HUGE_VAL, 0, 0, 0, mate != SIZE_MAX };
    if (out->mated)
        out->mate = (double)scores[mate];
    for (size_t i = 0; i < count; i++) {
        const double score = (double)scores[i];

        if (isnan(score) || score == HUGE_VAL)
            return FACET_EINVAL;
        if (i == mate)
            continue;
        if (score > out->rival)
            out->rival = score;
        if (out->mated) {
            out->above += score > out->mate;
            out->equal += score == out->mate;
        }
    }
    return FACET_OK;
}

/* Rank of the true person, 1 for the best; 0 for a failure. */
static size_t rank_of(const facet_search *search, facet_ties ties)
{
    if (search->mate == -HUGE_VAL)
        return 0;
    return (size_t)search->above + 1 +
           (ties == FACET_TIES_PESSIMISTIC ? search->equal : 0);
}

static size_t count_mated(const facet_search *searches, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += searches[i].mated;
    return n;
}

facet_status facet_cmc(const facet_search *searches, size_t count,
    facet_ties ties, size_t ranks, double *rates)
{
    const size_t mated = searches ? count_mated(searches, count) : 0;

    if (!searches || !rates || ranks == 0 || mated == 0)
        return FACET_EINVAL;
    for (size_t r = 0; r < ranks; r++)
        rates[r] = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t rank = searches[i].mated ? rank_of(&searches[i], ties) : 0;

        if (rank >= 1 && rank <= ranks)
            rates[rank - 1] += 1;
    }
    for (size_t r = 1; r < ranks; r++)
        rates[r] += rates[r - 1];
    for (size_t r = 0; r < ranks; r++)
        rates[r] /= (double)mated;
    return FACET_OK;
}

static bool open_set_valid(
    const facet_search *searches, size_t count, size_t rank)
{
    const size_t mated = searches ? count_mated(searches, count) : 0;

    return searches && rank > 0 && mated > 0 && mated < count;
}

facet_status facet_open_set_at_threshold(const facet_search *searches,
    size_t count, double threshold, size_t rank, facet_open_set *out)
{
    double found = 0, alarms = 0, mated = 0, nonmated = 0;

    if (!out || !open_set_valid(searches, count, rank) || isnan(threshold))
        return FACET_EINVAL;
    for (size_t i = 0; i < count; i++) {
        const facet_search *s = &searches[i];

        if (s->mated) {
            const size_t place = rank_of(s, FACET_TIES_PESSIMISTIC);

            mated += 1;
            found += place >= 1 && place <= rank && s->mate >= threshold;
        } else {
            nonmated += 1;
            alarms += s->rival > -HUGE_VAL && s->rival >= threshold;
        }
    }
    *out = (facet_open_set){ threshold, alarms / nonmated, found / mated,
        FACET_RESOLVED };
    return FACET_OK;
}

/* The curve of mates found within the rank against false alarms. */
static facet_status alarm_curve(
    const facet_search *searches, size_t count, size_t rank, facet_curve **out)
{
    facet_comparison *list = facet__calloc(count, sizeof *list);
    facet_status status;

    if (!list)
        return FACET_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const facet_search *s = &searches[i];
        const size_t place = rank_of(s, FACET_TIES_PESSIMISTIC);

        list[i].mated = s->mated;
        list[i].score = s->rival;
        if (s->mated)
            list[i].score = place >= 1 && place <= rank ? s->mate : -HUGE_VAL;
    }
    status = facet_curve_create(list, count, out, NULL);
    facet__free(list);
    return status;
}

facet_status facet_open_set_at_fpir(const facet_search *searches, size_t count,
    double wanted, size_t rank, double least, facet_open_set *out)
{
    facet_curve *curve;
    facet_rate rate;
    facet_status status;

    if (!out || !open_set_valid(searches, count, rank) ||
        !(wanted > 0 && wanted <= 1))
        return FACET_EINVAL;
    status = alarm_curve(searches, count, rank, &curve);
    if (status != FACET_OK)
        return status;
    rate = facet_curve_rate(curve, wanted, least);
    *out =
        (facet_open_set){ rate.threshold, rate.fmr, rate.tar, rate.resolution };
    facet_curve_free(curve);
    return FACET_OK;
}
