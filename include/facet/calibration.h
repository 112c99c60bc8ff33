/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_CALIBRATION_H
#define FACET_CALIBRATION_H

/**
 * @file
 * What a similarity means: thresholds for a wanted false match rate, and the
 * evidence that a score is worth. Made from labelled comparisons, kept as JSON
 * text in a network's metadata under FACET_CALIBRATION_KEY of model.h
 * (docs/formats/calibration.md).
 *
 * Thread safety: all functions may be called at any time; a calibration is
 * plain data.
 */

#include <stddef.h>
#include <stdint.h>

#include "facet/eval.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FACET_CALIBRATION_RATES = 24, /**< at most so many thresholds */
    FACET_CALIBRATION_KNOTS = 128 /**< of the isotonic curve, at most */
};

/** A threshold and where it may lie. */
typedef struct facet_calibration_rate {
    double fmr, threshold;
    facet_interval interval; /**< of the threshold */
} facet_calibration_rate;

/** A corner of the isotonic curve. */
typedef struct facet_calibration_knot {
    double score, llr;
} facet_calibration_knot;

typedef struct facet_calibration {
    char contract[72];        /**< of the embeddings, hexadecimal; may be
                                   empty */
    uint64_t mated, nonmated; /**< comparisons, failures included */
    uint64_t mated_failed, nonmated_failed;
    double level;   /**< of the intervals */
    size_t n_rates; /**< by falling FMR */
    facet_calibration_rate rates[FACET_CALIBRATION_RATES];
    double intercept, slope; /**< logistic: llr = intercept + slope s */
    size_t n_knots;          /**< isotonic: by rising score, llr too */
    facet_calibration_knot knots[FACET_CALIBRATION_KNOTS];
} facet_calibration;

/**
 * Calibrate from labelled comparisons.
 *
 * Thresholds are set for 0.1, 0.05, 0.02, 0.01 and so on down to the last rate
 * that the data resolve (one false match expected) and at which a mated
 * comparison is accepted: pairs of one person labelled as of two, which score
 * above all others, end them early. Failures count in the rates; they carry no
 * evidence and are left out of the likelihood ratios.
 *
 * Errors: FACET_EINVAL (as facet_curve_create; scores that do not rise with
 *         the label: slope <= 0), FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_calibrate(
    const facet_comparison *list, size_t count,
    const facet_bootstrap_opts *opts, facet_calibration *out, facet_error *err);

/**
 * The threshold for a false match rate: between the stored rates linear in the
 * logarithm of the rate.
 *
 * Errors: FACET_EINVAL (fmr outside (0, 1)), FACET_EUNSUPPORTED (outside the
 *         stored rates: the message says which are there).
 */
FACET_API FACET_MUST_USE facet_status facet_calibration_threshold(
    const facet_calibration *calibration, double fmr,
    facet_calibration_rate *out, facet_error *err);

/** The false match rate of a score taken as the threshold; the outermost
 * stored rate beyond the ends (read it as "at least" or "at most"). */
FACET_API double facet_calibration_fmr(
    const facet_calibration *calibration, double score);

/** Natural logarithm of the likelihood ratio, same person over different
 * people, by the logistic line. */
FACET_API double facet_calibration_llr(
    const facet_calibration *calibration, double score);

/** The same by the isotonic curve (pool adjacent violators); never beyond what
 * the number of comparisons supports. */
FACET_API double facet_calibration_llr_isotonic(
    const facet_calibration *calibration, double score);

/** Chance of a false alarm for a probe against n templates at a threshold with
 * this FMR: 1 - (1 - fmr)^n. Templates, not people: a search that ranks people
 * by their best template compares with all. Comparisons are taken as
 * independent, which makes it an upper bound in practice, the more so as
 * templates of one person are alike. NaN for a rate outside 0 to 1 and for
 * n < 0. */
FACET_API double facet_gallery_fpir(double fmr, double n);

/** The FMR to ask for when the FPIR among n templates is to be this; fewer than
 * one count as one, so that the threshold still holds when the first is
 * enrolled. NaN as above. */
FACET_API double facet_gallery_fmr(double fpir, double n);

/** As JSON text. Returns its length without the end; writes at most `cap`
 * bytes, terminated whenever cap > 0. 0, and nothing written, without memory
 * or when a number is not finite. */
FACET_API size_t facet_calibration_text(
    const facet_calibration *calibration, char *buf, size_t cap);

/** From JSON text. Errors: FACET_EINVAL, FACET_EDAMAGED (names the field). */
FACET_API FACET_MUST_USE facet_status facet_calibration_parse(
    const char *text, facet_calibration *out, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
