/* SPDX-License-Identifier: Apache-2.0 */
#include "eval_plots.h"

#include <stdlib.h>
#include <string.h>

#include "exits.h"

static void fill_curve(const eval_run *run, bool det, eval_plot *out)
{
    const facet_curve_size n = facet_curve_total(run->curve);

    out->series[0] = (facet_plot_series){ "all comparisons", out->x, out->y[0],
        facet_plot_points(run->curve, det, out->x, out->y[0], EVAL_POINTS) };
    out->plot.title = det ? "DET" : "ROC";
    out->plot.n_series = 1;
    out->plot.floor = 1 / (double)n.nonmated;
}

/* Shares, so that heaps of different size compare. */
static bool fill_histogram(const eval_run *run, eval_plot *out)
{
    uint64_t counts[2][EVAL_BINS];
    const facet_curve_size n = facet_curve_total(run->curve);
    const double low = -.4, high = 1;

    if (facet_score_bins(run->comparisons, run->protocol.n_pairs, low, high,
            EVAL_BINS, counts[1], counts[0]) != FACET_OK)
        return false;
    for (int i = 0; i < EVAL_BINS; i++) {
        out->x[i] = low + (high - low) * i / EVAL_BINS;
        out->y[0][i] = (double)counts[1][i] / (double)n.mated;
        out->y[1][i] = (double)counts[0][i] / (double)n.nonmated;
    }
    out->series[0] =
        (facet_plot_series){ "mated", out->x, out->y[0], EVAL_BINS };
    out->series[1] =
        (facet_plot_series){ "non-mated", out->x, out->y[1], EVAL_BINS };
    out->plot.title = "Scores";
    out->plot.n_series = 2;
    return true;
}

static bool fill_cmc(const eval_run *run, eval_plot *out)
{
    const size_t gallery = run->protocol.n_gallery;
    const size_t ranks = gallery < EVAL_RANKS ? gallery : EVAL_RANKS;

    if (facet_cmc(run->searches, run->protocol.n_probes, FACET_TIES_PESSIMISTIC,
            ranks, out->y[0]) != FACET_OK)
        return false;
    for (size_t i = 0; i < ranks; i++)
        out->x[i] = (double)i + 1;
    out->series[0] =
        (facet_plot_series){ "mated probes", out->x, out->y[0], ranks };
    out->plot.title = "CMC";
    out->plot.n_series = 1;
    return true;
}

bool eval_plot_fill(const eval_run *run, facet_plot_kind kind, eval_plot *out)
{
    memset(&out->plot, 0, sizeof out->plot);
    out->plot.kind = kind;
    out->plot.series = out->series;
    if (kind == FACET_PLOT_CMC)
        return run->searches && fill_cmc(run, out);
    if (!run->curve)
        return false;
    if (kind == FACET_PLOT_HISTOGRAM)
        return fill_histogram(run, out);
    fill_curve(run, kind == FACET_PLOT_DET, out);
    return true;
}

/* What the name of a file asks for. */
static facet_plot_kind kind_of(const eval_run *run, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    if (strstr(name, "det"))
        return FACET_PLOT_DET;
    if (strstr(name, "hist"))
        return FACET_PLOT_HISTOGRAM;
    if (strstr(name, "cmc") || !run->curve)
        return FACET_PLOT_CMC;
    return FACET_PLOT_ROC;
}

bool eval_plot_named(const char *path)
{
    const char *ending = strrchr(path, '.');

    return ending && (!strcmp(ending, ".svg") || !strcmp(ending, ".png") ||
                         !strcmp(ending, ".pdf"));
}

static int write_plot(const eval_run *run, const char *path, eval_plot *plot)
{
    facet_error err = { FACET_OK, "" };

    if (eval_plot_fill(run, kind_of(run, path), plot))
        return eval_fail(facet_plot_write(&plot->plot, path, &err), &err);
    complain("%s: this run has nothing for such a plot", path);
    return EXIT_USAGE;
}

int eval_plots(const eval_run *run)
{
    eval_plot *plot = malloc(sizeof *plot);
    exit_number first = EXIT_YES;

    if (!plot)
        return eval_fail(FACET_ENOMEM, NULL);
    for (size_t i = 0; i < run->plots.count; i++)
        note_status(
            &first, (exit_number)write_plot(run, run->plots.items[i], plot));
    free(plot);
    return (int)first;
}
