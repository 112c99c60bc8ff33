/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_EVAL_H
#define FACET_EVAL_H

/**
 * @file
 * How good is an embedding? Metrics as pure functions over arrays.
 *
 * Three rules hold throughout.
 *
 * *Ties.* A comparison is accepted when its score is at least the threshold,
 * s >= t. Scores are similarities: larger is more alike. A distance d enters
 * as -d, or by facet_similarity_of_distance, and "accept if d <= t" stays what
 * it was.
 *
 * *Failures.* A comparison that could not be made because a picture has no
 * usable face (failure to enrol) stays in the list with the score -INFINITY. It
 * is rejected at every finite threshold: a mated one is then a false
 * non-match, a non-mated one a true rejection. Failures are counted apart as
 * well. NaN is an error.
 *
 * *Resolution.* From n non-mated comparisons no false match rate below 1/n can
 * be told. Such a rate is NaN and marked, never a number.
 *
 * Thread safety: no function here has state; each may be called at any time on
 * data that nobody else is changing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One comparison of two templates. */
typedef struct facet_comparison {
    double score;       /**< similarity; -INFINITY for a failure to enrol */
    uint32_t subject_a; /**< whose the two are, numbers of the caller's; used */
    uint32_t subject_b; /**< for intervals only, and equal when mated */
    uint16_t fold;      /**< 0, 1, ...; used by the functions on folds only */
    bool mated;         /**< both are of one person */
} facet_comparison;

/** Cosine similarity of unit vectors at squared distance d: 1 - d / 2. */
FACET_API double facet_similarity_of_distance(double squared_distance);

/* ---------------------------------------------------------------- curves */

/**
 * The trade-off of all thresholds at once: how many comparisons of either kind
 * are accepted at each. ROC, DET, AUC, EER and the rates are read off it.
 */
typedef struct facet_curve facet_curve;

/** What a threshold does. */
typedef struct facet_curve_point {
    double threshold; /**< accept s >= threshold; +INFINITY accepts nothing,
                           -INFINITY everything, failures included */
    double tar;       /**< share of mated comparisons accepted (= VAL, TPR);
                           FNMR is 1 - tar */
    double fmr;       /**< share of non-mated accepted (= FAR, FPR) */
} facet_curve_point;

/**
 * Build the curve of a list: one point for every distinct score, exact.
 *
 * @param list   `count` comparisons in any order.
 * @param out    Receives the curve; free it with facet_curve_free. NULL on
 *               failure.
 * @param err    NULL, or receives which comparison is unusable.
 *
 * O(count log count) time, 40 bytes a comparison.
 * Errors: FACET_EINVAL (NULL; a NaN or +INFINITY score; no mated or no
 *         non-mated comparison), FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_curve_create(
    const facet_comparison *list, size_t count, facet_curve **out,
    facet_error *err);

/** NULL is a no-op. */
FACET_API void facet_curve_free(facet_curve *curve);

/** Number of points, at least 2: the first accepts nothing, the last
 * everything, and neither rate falls from one to the next. */
FACET_API size_t facet_curve_count(const facet_curve *curve);

/** The index-th point; the last one beyond the end. */
FACET_API facet_curve_point facet_curve_at(
    const facet_curve *curve, size_t index);

/** How many comparisons the curve stands on. */
typedef struct facet_curve_size {
    uint64_t mated, nonmated;               /**< failures included */
    uint64_t mated_failed, nonmated_failed; /**< those of score -INFINITY */
} facet_curve_size;

FACET_API facet_curve_size facet_curve_total(const facet_curve *curve);

/** Area under the ROC by trapezoids: P(mated > non-mated) + P(equal) / 2. */
FACET_API double facet_curve_auc(const facet_curve *curve);

/** Equal error rate, in both usual readings. */
typedef struct facet_eer {
    double eer;       /**< where the DET, its points joined by straight lines,
                           meets FMR = FNMR */
    double nearest;   /**< (FMR + FNMR) / 2 at the point of the least
                           |FMR - FNMR|; of several, the highest threshold */
    double threshold; /**< of that nearest point */
} facet_eer;

FACET_API facet_eer facet_curve_eer(const facet_curve *curve);

/** How far a rate can be trusted. */
typedef enum facet_resolution {
    FACET_RESOLVED = 0,     /**< 10 or more false matches stand behind it */
    FACET_COARSE = 1,       /**< 1 to 10: it hangs on single comparisons */
    FACET_UNRESOLVABLE = 2, /**< less than one: rates and threshold are NaN */
} facet_resolution;

/** A stable word: "resolved", "coarse", "unresolvable". */
FACET_API const char *facet_resolution_name(facet_resolution resolution);

/** Rates at a wanted false match rate. */
typedef struct facet_rate {
    double wanted; /**< the false match rate asked for */
    double fmr;    /**< the one reached, <= wanted */
    double tar;    /**< the largest TAR with FMR <= wanted; FNMR is 1 - tar */
    double threshold; /**< the highest with this TAR; +INFINITY for a TAR of 0
                       */
    facet_resolution resolution;
} facet_rate;

/**
 * TAR@FAR, that is 1 - FNMR@FMR, conservatively: the largest TAR over all
 * thresholds whose FMR is at most the wanted one, never interpolated.
 *
 * @param wanted  0 < wanted <= 1.
 * @param least   How many false matches are to be expected (wanted x number of
 *                non-mated comparisons) before a number is given; 1 is usual, 0
 *                gives one always.
 */
FACET_API facet_rate facet_curve_rate(
    const facet_curve *curve, double wanted, double least);

/** The rates at a threshold. */
FACET_API facet_curve_point facet_curve_at_threshold(
    const facet_curve *curve, double threshold);

/**
 * Distance of the two heaps of scores in their mean spread:
 * (mean_m - mean_n) / sqrt((var_m + var_n) / 2), variances with n - 1, failures
 * left out. NaN with fewer than two finite scores of a kind.
 */
FACET_API double facet_d_prime(const facet_comparison *list, size_t count);

/**
 * Count scores into equal bins over [low, high); outer scores go to the first
 * and the last bin, failures to none.
 *
 * @param mated     Receives `bins` counts; owned by the caller.
 * @param nonmated  Likewise.
 * Errors: FACET_EINVAL (NULL, bins 0, low >= high, NaN scores).
 */
FACET_API FACET_MUST_USE facet_status facet_score_bins(
    const facet_comparison *list, size_t count, double low, double high,
    size_t bins, uint64_t *mated, uint64_t *nonmated);

/* ----------------------------------------------------------------- folds */

/** Mean over folds, with every spread that papers print. */
typedef struct facet_summary {
    double mean;
    double error;      /**< standard error of the mean, deviation / sqrt(n) */
    double deviation;  /**< standard deviation with n - 1 */
    double deviation0; /**< with n, as davidsandberg/facenet prints it */
} facet_summary;

/** Errors: none; NaN spreads for fewer than 2 values, NaN mean for 0. */
FACET_API facet_summary facet_summarize(const double *values, size_t count);

enum { FACET_MAX_FOLDS = 100 };

/** Verification with one threshold per fold, chosen on the other folds. */
typedef struct facet_folds {
    size_t count;
    double value[FACET_MAX_FOLDS]; /**< accuracy, or VAL, of each fold */
    double far[FACET_MAX_FOLDS];   /**< FAR of each fold at its threshold */
    double threshold[FACET_MAX_FOLDS];
    facet_summary summary; /**< of `value` */
} facet_folds;

/**
 * LFW's accuracy (its View 2): for each fold the threshold of the highest
 * accuracy on all other folds, applied to this one.
 *
 * Candidates are the scores of the other folds and +INFINITY. Of several
 * thresholds with the same accuracy the lowest is taken, as numpy's argmax
 * over rising thresholds does.
 *
 * Errors: FACET_EINVAL (NULL; fewer than 2 folds or more than FACET_MAX_FOLDS;
 *         an empty fold; NaN), FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_fold_accuracy(
    const facet_comparison *list, size_t count, facet_folds *out,
    facet_error *err);

/**
 * FaceNet's VAL@FAR by the rule of davidsandberg's code: thresholds on
 * the squared distance 2 - 2 s run from 0 to 4 in steps of 0.001; on all other
 * folds the threshold is interpolated linearly where FAR = far, and is 0
 * when no threshold reaches it; VAL and FAR of the fold are taken at it. He
 * accepts d < t, and so does this function, and only this one; `threshold`
 * holds similarities. Scores must be cosines.
 *
 * Errors: as facet_fold_accuracy, and FACET_EINVAL for far outside (0, 1].
 */
FACET_API FACET_MUST_USE facet_status facet_fold_val(
    const facet_comparison *list, size_t count, double far, facet_folds *out,
    facet_error *err);

/* ------------------------------------------------------------- intervals */

/** An interval from a bootstrap. */
typedef struct facet_interval {
    double low, high;
} facet_interval;

typedef struct facet_bootstrap_opts {
    size_t size;     /**< set by facet_bootstrap_opts_init */
    uint64_t seed;   /**< default 1; the same seed gives the same bytes */
    unsigned rounds; /**< default 1000 */
    double level;    /**< default 0.95 */
} facet_bootstrap_opts;

FACET_API void facet_bootstrap_opts_init(facet_bootstrap_opts *opts);

/**
 * Intervals by drawing subjects, not comparisons: comparisons that share a
 * person are not independent, and drawing them one by one gives intervals that
 * are too narrow. In a round each subject has a multiplicity; a comparison
 * counts with the product of its two subjects' (mated: its one subject's).
 * Percentiles of the rounds are the ends.
 *
 * @param wanted     `n_wanted` false match rates.
 * @param tar        Receives their intervals of the TAR, or NULL.
 * @param threshold  Receives those of the threshold, or NULL.
 * @param auc  NULL, or receives the interval.
 * @param eer  NULL, or receives the interval.
 *
 * Rounds x count time.
 * Errors: FACET_EINVAL (as facet_curve_create; options out of range; a mated
 *         comparison of two subjects), FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_bootstrap(
    const facet_comparison *list, size_t count,
    const facet_bootstrap_opts *opts, const double *wanted, size_t n_wanted,
    facet_interval *tar, facet_interval *threshold, facet_interval *auc,
    facet_interval *eer, facet_error *err);

/** Two models on the same comparisons. */
typedef struct facet_difference {
    double difference; /**< of the second model less that of the first */
    facet_interval interval;
    double p; /**< two-sided, of no difference; at least 2 / (rounds + 1) */
} facet_difference;

/**
 * Is the second model better at a false match rate? Both are judged on the same
 * draws of subjects.
 *
 * @param first   Comparisons.
 * @param second  The same in the same order; only the scores differ.
 * Errors: FACET_EINVAL (also when subjects, labels or folds differ),
 *         FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_paired_bootstrap(
    const facet_comparison *first, const facet_comparison *second, size_t count,
    double wanted, const facet_bootstrap_opts *opts, facet_difference *out,
    facet_error *err);

/**
 * Does the second model decide more comparisons rightly? Each decides with a
 * threshold per fold, chosen on the other folds (facet_fold_accuracy); the
 * difference is of the shares decided rightly, and draws of subjects give its
 * interval. Mated and non-mated comparisons keep their shares in every draw.
 *
 * @param folds  NULL, or receives the accuracies of the first and the second,
 *               by fold.
 * Other arguments and errors as facet_paired_bootstrap; FACET_EINVAL also
 * without folds.
 */
FACET_API FACET_MUST_USE facet_status facet_paired_accuracy(
    const facet_comparison *first, const facet_comparison *second, size_t count,
    const facet_bootstrap_opts *opts, facet_folds folds[2],
    facet_difference *out, facet_error *err);

/**
 * McNemar's exact test: two-sided binomial probability that, of the decisions
 * on which the models differ, `only_first` or fewer (or as many more) are right
 * with the first alone, were both equally good. 1 when they never differ.
 */
FACET_API double facet_mcnemar(uint64_t only_first, uint64_t only_second);

/* -------------------------------------------------------- identification */

/** One probe against a gallery with one template per person. */
typedef struct facet_search {
    double mate;    /**< score of the true person; -INFINITY for a failure; not
                         looked at for a non-mated probe */
    double rival;   /**< best score of anybody else; -INFINITY for none */
    uint32_t above; /**< how many others score above the mate */
    uint32_t equal; /**< how many others score the same */
    uint32_t subject; /**< the probe's, for the caller */
    bool mated;       /**< the true person is in the gallery */
} facet_search;

/**
 * Sum up a row of scores.
 *
 * @param scores  One for each of `count` persons in the gallery; -INFINITY
 *                for a failed comparison, so that a probe that failed has such
 *                a row.
 * @param mate    Index of the true person, or SIZE_MAX for none.
 * Errors: FACET_EINVAL (NULL, NaN, count 0, an index out of range).
 */
FACET_API FACET_MUST_USE facet_status facet_search_row(
    const float *scores, size_t count, size_t mate, facet_search *out);

/** Where equal scores put the true person. */
typedef enum facet_ties {
    FACET_TIES_PESSIMISTIC = 0, /**< behind them */
    FACET_TIES_OPTIMISTIC = 1,  /**< before them */
} facet_ties;

/**
 * Closed-set identification: CMC(r), the share of mated probes whose true
 * person is among the first r. A failed probe is never among them.
 *
 * @param rates  Receives the rates of ranks 1 to `ranks`; the caller's.
 * Errors: FACET_EINVAL (NULL, ranks 0, no mated probe).
 */
FACET_API FACET_MUST_USE facet_status facet_cmc(const facet_search *searches,
    size_t count, facet_ties ties, size_t ranks, double *rates);

/** Open-set rates. DIR is another name of TPIR. */
typedef struct facet_open_set {
    double threshold;
    double fpir; /**< share of non-mated probes with a score >= threshold */
    double tpir; /**< share of mated probes whose true person has a rank of at
                      most the asked one (ties pessimistic) and a score >=
                      threshold; FNIR is 1 - tpir */
    facet_resolution resolution;
} facet_open_set;

/** Errors: FACET_EINVAL (NULL, rank 0, no mated or no non-mated probe). */
FACET_API FACET_MUST_USE facet_status facet_open_set_at_threshold(
    const facet_search *searches, size_t count, double threshold, size_t rank,
    facet_open_set *out);

/**
 * The same at a wanted FPIR, conservatively: the largest TPIR over all
 * thresholds whose FPIR is at most `wanted`, at the highest of those that have
 * it, where `fpir` may be less than `wanted` allows; +INFINITY when that TPIR
 * is 0. NaN when fewer than `least` false positives are to be expected, see
 * facet_curve_rate.
 * Errors: as above, FACET_EINVAL for wanted outside (0, 1], FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_open_set_at_fpir(
    const facet_search *searches, size_t count, double wanted, size_t rank,
    double least, facet_open_set *out);

/* -------------------------------------------------------------- clusters */

/** Precision, recall and F = 2 P R / (P + R). */
typedef struct facet_precision_recall {
    double precision, recall, f;
} facet_precision_recall;

/** Agreement of a clustering with the truth. */
typedef struct facet_cluster_scores {
    /** Over all pairs of items. Precision is 1 when no pair is put together,
     * recall 1 when no pair belongs together, F 0 when both are 0. */
    facet_precision_recall pairwise;
    /** Bagga and Baldwin: averages over items; F of the averages. */
    facet_precision_recall bcubed;
    double nmi; /**< mutual information over the mean of both entropies; 1 when
                     both have one cluster */
    double ari; /**< adjusted Rand index */
    size_t clusters, subjects;
} facet_cluster_scores;

/**
 * @param cluster  `count` labels, any numbers.
 * @param truth    Likewise.
 * Errors: FACET_EINVAL (NULL, count 0), FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_cluster_compare(
    const uint32_t *cluster, const uint32_t *truth, size_t count,
    facet_cluster_scores *out);

/* ------------------------------------------- many comparisons, streamed */

/**
 * Scores counted exactly into 2^20 bins over [-1, 1], in 16 MiB: the curve of
 * any number of comparisons without keeping them. Counts are exact; a
 * threshold is known to the width of a bin, 1.9e-6. A score outside the range
 * goes to the outermost bin.
 */
typedef struct facet_histogram facet_histogram;

/** Errors: FACET_EINVAL, FACET_ENOMEM. */
FACET_API FACET_MUST_USE facet_status facet_histogram_create(
    facet_histogram **out);
FACET_API void facet_histogram_free(facet_histogram *histogram);

/** Count one score; -INFINITY counts as a failure.
 * Errors: FACET_EINVAL (NULL, NaN). */
FACET_API FACET_MUST_USE facet_status facet_histogram_add(
    facet_histogram *histogram, double score, bool mated);

/** Rows of embeddings and whose they are. */
typedef struct facet_rows {
    const float *values;     /**< [count, dim], each row of unit length */
    const uint32_t *subject; /**< [count] */
    size_t count, dim;
} facet_rows;

/**
 * Count the dot products of all rows of `a` with all rows of `b`; mated where
 * the subjects agree.
 *
 * @param b        NULL: each unordered pair of different rows of `a` once.
 * @param threads  Cores to use, at least 1. The counts do not depend on it.
 *
 * count(a) x count(b) x dim multiply-adds, in blocks; memory is 8 MiB a thread
 * besides.
 * Errors: FACET_EINVAL (NULL, dims that differ, NaN rows), FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_histogram_add_products(
    facet_histogram *histogram, const facet_rows *a, const facet_rows *b,
    int threads, facet_error *err);

/** The curve of what was counted; thresholds are the lower ends of bins.
 * Errors: as facet_curve_create. */
FACET_API FACET_MUST_USE facet_status facet_histogram_curve(
    const facet_histogram *histogram, facet_curve **out, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
