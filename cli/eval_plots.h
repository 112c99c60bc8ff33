/* SPDX-License-Identifier: Apache-2.0 */
/* eval_plots.h - the plots of a run. */
#ifndef FACET_CLI_EVAL_PLOTS_H
#define FACET_CLI_EVAL_PLOTS_H

#include "eval.h"
#include "facet/report.h"

enum { EVAL_POINTS = 4000, EVAL_BINS = 80, EVAL_RANKS = 20 };

/* A plot with the points that it borrows. */
typedef struct eval_plot {
    facet_plot plot;
    facet_plot_series series[2];
    double x[EVAL_POINTS], y[2][EVAL_POINTS];
} eval_plot;

/* Fill in one; false when the run has nothing of the kind. */
bool eval_plot_fill(const eval_run *run, facet_plot_kind kind, eval_plot *out);

#endif
