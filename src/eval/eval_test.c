/* SPDX-License-Identifier: Apache-2.0 */
/* eval_test.c - the worked values of papers.md E.1 to E.4 and A.8, and the
 * rules on ties, failures and resolution. */
#include "facet/eval.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "check.h"

enum { WORKED = 9, RANDOM = 2000 };

/* papers.md E.4: subjects 0 to 3 mated, others not. */
static void worked_list(facet_comparison list[WORKED])
{
    static const double mated[] = { .9, .8, .7, .4 };
    static const double nonmated[] = { .6, .5, .3, .2, .1 };

    memset(list, 0, WORKED * sizeof *list);
    for (unsigned i = 0; i < 4; i++)
        list[i] = (facet_comparison){ mated[i], i, i, 0, true };
    for (unsigned i = 0; i < 5; i++)
        list[4 + i] =
            (facet_comparison){ nonmated[i], i % 4, (i + 1) % 4, 0, false };
}

/* `count` comparisons of 40 subjects in ten folds, mated every second, their
 * scores on a coarse grid so that ties occur. */
static void random_list(facet_comparison *list, size_t count, uint64_t seed)
{
    facet__random random = facet__random_stream(seed, 0, 0);

    for (size_t i = 0; i < count; i++) {
        const bool mated = i % 2;
        const double score =
            facet__random_normal(&random) / 8 + (mated ? .5 : .1);
        const uint32_t a = (uint32_t)facet__random_below(&random, 40);

        list[i].score = floor(fmax(-1, fmin(1, score)) * 256) / 256;
        list[i].subject_a = a;
        list[i].subject_b = mated ? a : (a + 1) % 40;
        list[i].fold = (uint16_t)(i / 2 % 10);
        list[i].mated = mated;
    }
}

static facet_curve *curve_of(const facet_comparison *list, size_t count)
{
    facet_curve *curve;

    CHECK_OK(facet_curve_create(list, count, &curve, NULL));
    return curve;
}

static void test_curve_gives_the_worked_values(void **state)
{
    facet_comparison list[WORKED];
    facet_curve *curve;
    facet_curve_point at;

    (void)state;
    worked_list(list);
    curve = curve_of(list, WORKED);
    CHECK_NEAR(facet_curve_auc(curve), .9, 1e-15);
    at = facet_curve_at_threshold(curve, .5);
    CHECK_NEAR(at.tar, .75, 0);
    CHECK_NEAR(at.fmr, .4, 0);
    at = facet_curve_at_threshold(curve, .6);
    CHECK_NEAR(at.tar, .75, 0);
    CHECK_NEAR(at.fmr, .2, 0);
    at = facet_curve_at_threshold(curve, .65);
    CHECK_NEAR(at.tar, .75, 0);
    CHECK_NEAR(at.fmr, 0, 0);
    facet_curve_free(curve);
}

/* A.8 item 8: distances, accepted when d <= t. */
static void test_val_and_far_on_distances(void **state)
{
    static const double same[] = { .2, .4, .9, 1.3 };
    static const double different[] = { .8, 1.1, 1.5, 2, 3 };
    static const double want[][3] = { { .5, .5, 0 }, { .8, .5, .2 },
        { 1.0, .75, .2 }, { 1.2, .75, .4 } };
    facet_comparison list[WORKED] = { { 0, 0, 0, 0, false } };
    facet_curve *curve;

    (void)state;
    for (int i = 0; i < 4; i++) {
        list[i].score = -same[i];
        list[i].mated = true;
    }
    for (int i = 0; i < 5; i++)
        list[4 + i].score = -different[i];
    curve = curve_of(list, WORKED);
    for (int i = 0; i < 4; i++) {
        const facet_curve_point at =
            facet_curve_at_threshold(curve, -want[i][0]);

        CHECK_NEAR(at.tar, want[i][1], 0);
        CHECK_NEAR(at.fmr, want[i][2], 0);
    }
    facet_curve_free(curve);
}

/* A.8 item 9. */
static void test_similarity_of_distance(void **state)
{
    (void)state;
    CHECK_NEAR(facet_similarity_of_distance(1.1), .45, 1e-15);
    CHECK_NEAR(facet_similarity_of_distance(1.242), .379, 1e-15);
    CHECK_NEAR(facet_similarity_of_distance(1.256), .372, 1e-15);
}

/* Between (FMR 1/5, FNMR 1/4) and (2/5, 1/4) lies FMR = FNMR = 1/4. */
static void test_eer_in_both_readings(void **state)
{
    facet_comparison list[WORKED];
    facet_curve *curve;
    facet_eer eer;

    (void)state;
    worked_list(list);
    curve = curve_of(list, WORKED);
    eer = facet_curve_eer(curve);
    CHECK_NEAR(eer.eer, .25, 1e-15);
    CHECK_NEAR(eer.nearest, .225, 1e-15);
    CHECK_NEAR(eer.threshold, .6, 0);
    facet_curve_free(curve);
}

static void test_rate_is_conservative_and_flags_what_it_cannot_know(
    void **state)
{
    facet_comparison list[WORKED];
    facet_curve *curve;
    facet_rate rate;

    (void)state;
    worked_list(list);
    curve = curve_of(list, WORKED);
    rate = facet_curve_rate(curve, .39, 1);
    CHECK_NEAR(rate.tar, .75, 0);
    CHECK_NEAR(rate.fmr, 0, 0); /* .7 accepts as many mated as .6 */
    CHECK_NEAR(rate.threshold, .7, 0);
    assert_int_equal(rate.resolution, FACET_COARSE);
    rate = facet_curve_rate(curve, .4, 1);
    CHECK_NEAR(rate.tar, 1, 0);
    CHECK_NEAR(rate.fmr, .4, 0);
    rate = facet_curve_rate(curve, .1, 1);
    assert_int_equal(rate.resolution, FACET_UNRESOLVABLE);
    assert_true(isnan(rate.tar) && isnan(rate.threshold) && isnan(rate.fmr));
    rate = facet_curve_rate(curve, .1, 0);
    CHECK_NEAR(rate.tar, .75, 0);
    facet_curve_free(curve);
}

/* One mated comparison more that failed: 3/5 instead of 3/4, at any finite
 * threshold; one non-mated more: rejected. */
static void test_failures_are_counted(void **state)
{
    facet_comparison list[WORKED + 2];
    facet_curve *curve;
    facet_curve_size total;
    facet_curve_point at;

    (void)state;
    worked_list(list);
    list[WORKED] = (facet_comparison){ -HUGE_VAL, 1, 1, 0, true };
    list[WORKED + 1] = (facet_comparison){ -HUGE_VAL, 1, 2, 0, false };
    curve = curve_of(list, WORKED + 2);
    total = facet_curve_total(curve);
    assert_int_equal(total.mated, 5);
    assert_int_equal(total.nonmated, 6);
    assert_int_equal(total.mated_failed, 1);
    assert_int_equal(total.nonmated_failed, 1);
    at = facet_curve_at_threshold(curve, .65);
    CHECK_NEAR(at.tar, .6, 1e-15);
    at = facet_curve_at_threshold(curve, -1);
    CHECK_NEAR(at.tar, .8, 1e-15);
    CHECK_NEAR(at.fmr, 5. / 6, 1e-15);
    facet_curve_free(curve);
}

static void test_curve_rejects_what_has_no_rates(void **state)
{
    facet_comparison list[WORKED];
    facet_curve *curve = NULL;
    facet_error err;

    (void)state;
    worked_list(list);
    assert_int_equal(facet_curve_create(list, 4, &curve, &err), FACET_EINVAL);
    assert_null(curve);
    assert_non_null(strstr(err.msg, "non-mated"));
    list[3].score = (double)NAN;
    assert_int_equal(
        facet_curve_create(list, WORKED, &curve, &err), FACET_EINVAL);
    assert_non_null(strstr(err.msg, "comparison 3"));
    list[3].score = HUGE_VAL;
    assert_int_equal(
        facet_curve_create(list, WORKED, &curve, NULL), FACET_EINVAL);
}

/* Property: AUC is the share of pairs in the right order, ties half. */
static void test_auc_is_the_share_of_ordered_pairs(void **state)
{
    facet_comparison list[RANDOM];
    facet_curve *curve;
    double right = 0, pairs = 0;

    (void)state;
    random_list(list, RANDOM, 7);
    for (int i = 0; i < RANDOM; i++)
        for (int j = 0; j < RANDOM; j++) {
            if (!list[i].mated || list[j].mated)
                continue;
            pairs += 1;
            right += list[i].score > list[j].score    ? 1
                     : list[i].score == list[j].score ? .5
                                                      : 0;
        }
    curve = curve_of(list, RANDOM);
    CHECK_NEAR(facet_curve_auc(curve), right / pairs, 1e-13);
    facet_curve_free(curve);
}

/* E.1. */
static void test_summary_gives_every_spread(void **state)
{
    static const double folds[] = { .985, .99, .9883, .9917, .9867, .99, .985,
        .9933, .9883, .9917 };
    const facet_summary s = facet_summarize(folds, 10);

    (void)state;
    CHECK_NEAR(s.mean, .989, 1e-12);
    CHECK_NEAR(s.deviation, .00285463, 5e-9);
    CHECK_NEAR(s.error, .00090271, 5e-9);
    CHECK_NEAR(s.deviation0, .00270814, 5e-9);
    assert_true(isnan(facet_summarize(folds, 0).mean));
    assert_true(isnan(facet_summarize(folds, 1).error));
}

/* Fold 1 wants .5 or .6; the lowest is taken. Fold 0's best is .8. */
static void test_fold_accuracy_takes_the_lowest_best_threshold(void **state)
{
    const facet_comparison list[] = {
        { .9, 0, 0, 0, true },
        { .6, 0, 0, 0, true },
        { .55, 0, 1, 0, false },
        { .5, 0, 0, 0, true },
        { .2, 0, 1, 0, false },
        { .8, 0, 0, 1, true },
        { .7, 0, 1, 1, false },
    };
    facet_folds folds;

    (void)state;
    CHECK_OK(facet_fold_accuracy(list, 7, &folds, NULL));
    assert_int_equal(folds.count, 2);
    CHECK_NEAR(folds.threshold[1], .5, 0);
    CHECK_NEAR(folds.value[1], .5, 0);
    CHECK_NEAR(folds.far[1], 1, 0);
    CHECK_NEAR(folds.threshold[0], .8, 0);
    CHECK_NEAR(folds.value[0], .6, 1e-15);
    CHECK_NEAR(folds.summary.mean, .55, 1e-15);
}

/* Property: trying every score as the threshold finds nothing better. */
static void test_fold_accuracy_is_optimal_on_the_other_folds(void **state)
{
    facet_comparison list[RANDOM];
    facet_folds folds;

    (void)state;
    random_list(list, RANDOM, 11);
    CHECK_OK(facet_fold_accuracy(list, RANDOM, &folds, NULL));
    for (size_t fold = 0; fold < folds.count; fold++) {
        int best = 0, own = 0;

        for (int step = -256; step <= 256; step++) {
            int right = 0;

            for (int i = 0; i < RANDOM; i++)
                right += list[i].fold != fold &&
                         (list[i].score >= step / 256.) == list[i].mated;
            if (right > best)
                best = right;
            if (step / 256. == folds.threshold[fold])
                own = right;
        }
        assert_int_equal(own, best);
    }
}

static void test_folds_reject_gaps(void **state)
{
    facet_comparison list[WORKED];
    facet_folds folds;
    facet_error err;

    (void)state;
    worked_list(list);
    assert_int_equal(
        facet_fold_accuracy(list, WORKED, &folds, &err), FACET_EINVAL);
    list[0].fold = 2;
    assert_int_equal(
        facet_fold_accuracy(list, WORKED, &folds, &err), FACET_EINVAL);
    assert_non_null(strstr(err.msg, "fold 1"));
    list[0].fold = FACET_MAX_FOLDS;
    assert_int_equal(
        facet_fold_val(list, WORKED, .1, &folds, &err), FACET_EINVAL);
}

/* Distances of the training fold 1.0 and 2.0: FAR is 0 at 1.000 and 1/2 at
 * 1.001, so that FAR = 1/4 is at 1.0005. */
static void test_fold_val_interpolates_the_threshold(void **state)
{
    const facet_comparison list[] = {
        { .9, 0, 0, 0, true },
        { .3, 0, 0, 0, true },
        { .4, 0, 1, 0, false },
        { .6, 0, 1, 0, false },
        { .5, 0, 1, 1, false },
        { .0, 0, 1, 1, false },
        { .2, 0, 0, 1, true },
    };
    facet_folds folds;

    (void)state;
    CHECK_OK(facet_fold_val(list, 7, .25, &folds, NULL));
    CHECK_NEAR(folds.threshold[0], 1 - 1.0005 / 2, 1e-12);
    CHECK_NEAR(folds.value[0], .5, 0);
    CHECK_NEAR(folds.far[0], .5, 0);
    assert_int_equal(facet_fold_val(list, 7, 0, &folds, NULL), FACET_EINVAL);
}

static void test_d_prime_of_known_heaps(void **state)
{
    const facet_comparison list[] = {
        { .8, 0, 0, 0, true },
        { .6, 0, 0, 0, true },
        { -HUGE_VAL, 0, 0, 0, true },
        { .3, 0, 1, 0, false },
        { .1, 0, 1, 0, false },
    };

    (void)state;
    CHECK_NEAR(facet_d_prime(list, 5), .5 / sqrt(.02), 1e-12);
    assert_true(isnan(facet_d_prime(list, 3)));
}

static void test_score_bins_hold_every_score(void **state)
{
    facet_comparison list[WORKED + 1];
    uint64_t mated[2], nonmated[2];

    (void)state;
    worked_list(list);
    list[WORKED] = (facet_comparison){ -HUGE_VAL, 0, 0, 0, true };
    CHECK_OK(facet_score_bins(list, WORKED + 1, .25, .75, 2, mated, nonmated));
    assert_int_equal(mated[0], 1);
    assert_int_equal(mated[1], 3);
    assert_int_equal(nonmated[0], 3);
    assert_int_equal(nonmated[1], 2);
}

/* E.4, open set. */
static void worked_searches(facet_search searches[8])
{
    static const float mated[4][3] = { { .9F, .3F, .2F }, { .6F, .5F, .1F },
        { .2F, .1F, .7F }, { .4F, .35F, .1F } };
    static const size_t mate[] = { 0, 1, 2, 0 };
    static const float nonmated[] = { .65F, .45F, .3F, .2F };

    for (size_t i = 0; i < 4; i++)
        CHECK_OK(facet_search_row(mated[i], 3, mate[i], &searches[i]));
    for (size_t i = 0; i < 4; i++)
        CHECK_OK(facet_search_row(&nonmated[i], 1, SIZE_MAX, &searches[4 + i]));
}

static void test_identification_gives_the_worked_values(void **state)
{
    facet_search searches[8];
    facet_open_set rates;
    double cmc[3];

    (void)state;
    worked_searches(searches);
    CHECK_OK(facet_cmc(searches, 8, FACET_TIES_PESSIMISTIC, 3, cmc));
    CHECK_NEAR(cmc[0], .75, 0);
    CHECK_NEAR(cmc[1], 1, 0);
    CHECK_OK(facet_open_set_at_threshold(searches, 8, .5, 1, &rates));
    CHECK_NEAR(rates.fpir, .25, 0);
    CHECK_NEAR(rates.tpir, .5, 0);
    CHECK_OK(facet_open_set_at_threshold(searches, 8, (double).3F, 1, &rates));
    CHECK_NEAR(rates.fpir, .75, 0);
    CHECK_NEAR(rates.tpir, .75, 0);
    CHECK_OK(facet_open_set_at_fpir(searches, 8, .25, 1, 1, &rates));
    CHECK_NEAR(rates.tpir, .5, 0);
    CHECK_NEAR(rates.fpir, 0, 0); /* .7 finds as many as .5 */
    CHECK_NEAR(rates.threshold, (double).7F, 0);
    CHECK_OK(facet_open_set_at_fpir(searches, 8, .01, 1, 1, &rates));
    assert_int_equal(rates.resolution, FACET_UNRESOLVABLE);
    assert_true(isnan(rates.tpir));
}

static void test_ties_rank_as_asked_and_failures_never(void **state)
{
    const float tied[] = { .5F, .5F, .1F };
    const float failed[] = { -HUGE_VALF, -HUGE_VALF, -HUGE_VALF };
    facet_search searches[2];
    double cmc[3];

    (void)state;
    CHECK_OK(facet_search_row(tied, 3, 0, &searches[0]));
    CHECK_OK(facet_search_row(failed, 3, 0, &searches[1]));
    CHECK_OK(facet_cmc(searches, 2, FACET_TIES_PESSIMISTIC, 3, cmc));
    CHECK_NEAR(cmc[0], 0, 0);
    CHECK_NEAR(cmc[1], .5, 0);
    CHECK_OK(facet_cmc(searches, 2, FACET_TIES_OPTIMISTIC, 3, cmc));
    CHECK_NEAR(cmc[0], .5, 0);
    CHECK_NEAR(cmc[2], .5, 0);
    assert_int_equal(
        facet_search_row(&(float){ NAN }, 1, 0, searches), FACET_EINVAL);
}

static void test_clusters_give_the_worked_values(void **state)
{
    static const uint32_t cluster[] = { 0, 0, 1, 1, 1, 2 };
    static const uint32_t truth[] = { 0, 0, 0, 1, 1, 2 };
    facet_cluster_scores s;

    (void)state;
    CHECK_OK(facet_cluster_compare(cluster, truth, 6, &s));
    CHECK_NEAR(s.pairwise.precision, .5, 0);
    CHECK_NEAR(s.pairwise.recall, .5, 0);
    CHECK_NEAR(s.pairwise.f, .5, 0);
    CHECK_NEAR(s.bcubed.precision, 7. / 9, 1e-15);
    CHECK_NEAR(s.bcubed.recall, 7. / 9, 1e-15);
    CHECK_NEAR(s.bcubed.f, 7. / 9, 1e-15);
    assert_int_equal(s.clusters, 3);
}

static void test_clusters_at_their_extremes(void **state)
{
    static const uint32_t apart[] = { 5, 9, 2, 7 }, one[] = { 3, 3, 3, 3 };
    facet_cluster_scores s;

    (void)state;
    CHECK_OK(facet_cluster_compare(apart, one, 4, &s));
    CHECK_NEAR(s.pairwise.precision, 1, 0);
    CHECK_NEAR(s.pairwise.recall, 0, 0);
    CHECK_NEAR(s.pairwise.f, 0, 0);
    CHECK_NEAR(s.nmi, 0, 1e-15);
    CHECK_OK(facet_cluster_compare(one, one, 4, &s));
    CHECK_NEAR(s.ari, 1, 0);
    CHECK_NEAR(s.nmi, 1, 0);
    assert_int_equal(facet_cluster_compare(one, one, 0, &s), FACET_EINVAL);
}

/* Intervals hold the estimate, are the same from the same seed, and drawing
 * 40 subjects is wider than drawing 2000 comparisons. */
static void test_bootstrap_draws_subjects(void **state)
{
    static facet_comparison list[RANDOM];
    const double wanted = .05;
    facet_interval tar[3], auc[3], threshold;
    facet_bootstrap_opts opts;
    facet_curve *curve;

    (void)state;
    random_list(list, RANDOM, 3);
    for (int i = 0; i < RANDOM; i++) /* people differ in how well they do */
        if (list[i].mated)
            list[i].score -= list[i].subject_a % 4 * .1;
    facet_bootstrap_opts_init(&opts);
    opts.rounds = 200;
    for (int i = 0; i < 2; i++)
        CHECK_OK(facet_bootstrap(list, RANDOM, &opts, &wanted, 1, &tar[i],
            &threshold, &auc[i], NULL, NULL));
    curve = curve_of(list, RANDOM);
    assert_memory_equal(&tar[0], &tar[1], sizeof tar[0]);
    assert_true(tar[0].low < facet_curve_rate(curve, wanted, 1).tar);
    assert_true(tar[0].high > facet_curve_rate(curve, wanted, 1).tar);
    assert_true(auc[0].low < facet_curve_auc(curve));
    assert_true(auc[0].high > facet_curve_auc(curve));
    facet_curve_free(curve);
    for (uint32_t i = 0; i < RANDOM; i++) /* everybody his own subject */
        list[i].subject_a = list[i].subject_b = i;
    CHECK_OK(facet_bootstrap(
        list, RANDOM, &opts, &wanted, 1, &tar[2], NULL, &auc[2], NULL, NULL));
    assert_true(auc[2].high - auc[2].low < auc[0].high - auc[0].low);
}

static void test_paired_bootstrap_tells_better_from_same(void **state)
{
    static facet_comparison first[RANDOM], second[RANDOM];
    facet_bootstrap_opts opts;
    facet_difference d;

    (void)state;
    random_list(first, RANDOM, 5);
    memcpy(second, first, sizeof first);
    facet_bootstrap_opts_init(&opts);
    opts.rounds = 200;
    CHECK_OK(
        facet_paired_bootstrap(first, second, RANDOM, .01, &opts, &d, NULL));
    CHECK_NEAR(d.difference, 0, 0);
    CHECK_NEAR(d.p, 1, 0);
    for (int i = 0; i < RANDOM; i++)
        second[i].score += second[i].mated ? .1 : 0;
    CHECK_OK(
        facet_paired_bootstrap(first, second, RANDOM, .01, &opts, &d, NULL));
    assert_true(d.interval.low > 0 && d.p < .02);
    second[9].mated = !second[9].mated;
    second[9].subject_b = second[9].subject_a;
    assert_int_equal(
        facet_paired_bootstrap(first, second, RANDOM, .01, &opts, &d, NULL),
        FACET_EINVAL);
}

static void test_paired_accuracy_tells_better_from_same(void **state)
{
    static facet_comparison first[RANDOM], second[RANDOM];
    facet_bootstrap_opts opts;
    facet_folds a, b;
    facet_folds folds[2];
    facet_difference d;

    (void)state;
    random_list(first, RANDOM, 5);
    for (int i = 0; i < RANDOM; i++)
        first[i].fold = (uint16_t)(i % 4);
    memcpy(second, first, sizeof first);
    facet_bootstrap_opts_init(&opts);
    opts.rounds = 200;
    CHECK_OK(
        facet_paired_accuracy(first, second, RANDOM, &opts, folds, &d, NULL));
    CHECK_NEAR(d.difference, 0, 0);
    CHECK_NEAR(d.interval.low, 0, 0);
    CHECK_NEAR(d.p, 1, 0);
    for (int i = 0; i < RANDOM; i++)
        second[i].score += second[i].mated ? .1 : 0;
    CHECK_OK(
        facet_paired_accuracy(first, second, RANDOM, &opts, folds, &d, NULL));
    CHECK_OK(facet_fold_accuracy(first, RANDOM, &a, NULL));
    CHECK_OK(facet_fold_accuracy(second, RANDOM, &b, NULL));
    CHECK_NEAR(d.difference, b.summary.mean - a.summary.mean, 1e-12);
    CHECK_NEAR(folds[0].summary.mean, a.summary.mean, 0);
    CHECK_NEAR(folds[1].summary.mean, b.summary.mean, 0);
    assert_true(d.interval.low > 0 && d.interval.low < d.difference);
    assert_true(d.interval.high > d.difference && d.p < .02);
    second[9].fold = (uint16_t)(3 - second[9].fold);
    assert_int_equal(
        facet_paired_accuracy(first, second, RANDOM, &opts, folds, &d, NULL),
        FACET_EINVAL);
    for (int i = 0; i < RANDOM; i++)
        first[i].fold = second[i].fold = 0;
    assert_int_equal(
        facet_paired_accuracy(first, second, RANDOM, &opts, folds, &d, NULL),
        FACET_EINVAL);
}

static void test_mcnemar_is_exact(void **state)
{
    (void)state;
    CHECK_NEAR(facet_mcnemar(0, 0), 1, 1e-15);
    CHECK_NEAR(facet_mcnemar(5, 5), 1, 1e-15);
    CHECK_NEAR(facet_mcnemar(0, 5), 2. / 32, 1e-14);
    CHECK_NEAR(facet_mcnemar(8, 1), 2. * 10 / 512, 1e-14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curve_gives_the_worked_values),
        cmocka_unit_test(test_val_and_far_on_distances),
        cmocka_unit_test(test_similarity_of_distance),
        cmocka_unit_test(test_eer_in_both_readings),
        cmocka_unit_test(
            test_rate_is_conservative_and_flags_what_it_cannot_know),
        cmocka_unit_test(test_failures_are_counted),
        cmocka_unit_test(test_curve_rejects_what_has_no_rates),
        cmocka_unit_test(test_auc_is_the_share_of_ordered_pairs),
        cmocka_unit_test(test_summary_gives_every_spread),
        cmocka_unit_test(test_fold_accuracy_takes_the_lowest_best_threshold),
        cmocka_unit_test(test_fold_accuracy_is_optimal_on_the_other_folds),
        cmocka_unit_test(test_folds_reject_gaps),
        cmocka_unit_test(test_fold_val_interpolates_the_threshold),
        cmocka_unit_test(test_d_prime_of_known_heaps),
        cmocka_unit_test(test_score_bins_hold_every_score),
        cmocka_unit_test(test_identification_gives_the_worked_values),
        cmocka_unit_test(test_ties_rank_as_asked_and_failures_never),
        cmocka_unit_test(test_clusters_give_the_worked_values),
        cmocka_unit_test(test_clusters_at_their_extremes),
        cmocka_unit_test(test_bootstrap_draws_subjects),
        cmocka_unit_test(test_paired_bootstrap_tells_better_from_same),
        cmocka_unit_test(test_paired_accuracy_tells_better_from_same),
        cmocka_unit_test(test_mcnemar_is_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
