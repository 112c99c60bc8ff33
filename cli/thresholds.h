/* SPDX-License-Identifier: Apache-2.0 */
/* thresholds.h - from which similarity on it is a match, by what the network
 * says of itself or by the user's word. */
#ifndef FACET_CLI_THRESHOLDS_H
#define FACET_CLI_THRESHOLDS_H

#include <argp.h>
#include <stdint.h>

#include "facet/calibration.h"
#include "facet/pipeline.h"

/* The calibration in the network's metadata. FACET_ENOTFOUND without one,
 * FACET_ECONTRACT when it was made with another detector or network. */
facet_status network_calibration(
    const facet_pipeline *pipeline, facet_calibration *out, facet_error *err);

/* What the options say; NaN: not given. */
typedef struct thresholds {
    double fpir, threshold, review, margin, min_quality;
} thresholds;

/* Options --fpir and --threshold; --min-quality; --review and --margin. Their
 * input is a thresholds. */
extern const struct argp thresholds_argp, quality_argp, review_argp;

void thresholds_init(thresholds *t);

/* Fill in what was not given, for a search among `templates`, each of which is
 * compared with, however many are of one person: thresholds from the
 * calibration at t->fpir (default 0.01; `review` at ten times that rate), or,
 * where no FPIR was asked for and there is no calibration that goes so far, the
 * higher one of its last threshold and the network's own; then t->fpir stays
 * NaN. Complains when there is nothing to go by; the exit status. */
int thresholds_settle(
    thresholds *t, const facet_pipeline *pipeline, uint64_t templates);

#endif
