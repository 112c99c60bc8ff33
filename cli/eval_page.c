/* SPDX-License-Identifier: Apache-2.0 */
/* eval_page.c - the page of a run: numbers, plots, the worst errors, and every
 * choice that led to them. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "eval_plots.h"
#include "exits.h"
#include "facet/version.h"

enum { WORST = 12, CELL = 200, MAX_ROWS = EVAL_METRICS + 1 };

/* A table whose cells are kept as text. */
typedef struct table {
    char text[MAX_ROWS][5][CELL];
    const char *cells[MAX_ROWS * 5];
    size_t columns, rows;
} table;

static void add_cell(table *t, size_t column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_cell(table *t, size_t column, const char *format, ...)
{
    va_list arguments;

    if (t->rows >= MAX_ROWS)
        return;
    va_start(arguments, format);
    vsnprintf(t->text[t->rows][column], CELL, format, arguments);
    va_end(arguments);
    t->cells[t->rows * t->columns + column] = t->text[t->rows][column];
    if (column + 1 == t->columns)
        t->rows++;
}

static void put_metrics(const eval_run *run, facet_report *report, table *t)
{
    memset(t, 0, sizeof *t);
    t->columns = 5;
    add_cell(t, 0, "number");
    add_cell(t, 1, "value");
    add_cell(t, 2, "%g %% interval", 100 * run->bootstrap.level);
    add_cell(t, 3, "threshold");
    add_cell(t, 4, "data");
    for (size_t i = 0; i < run->n_metrics; i++) {
        const eval_metric *m = &run->metrics[i];

        add_cell(t, 0, m->at > 0 ? "%s @ %g" : "%s", m->name, m->at);
        add_cell(t, 1, isnan(m->value) ? "-" : "%.5f", m->value);
        add_cell(t, 2, isnan(m->interval.low) ? "-" : "%.5f to %.5f",
            m->interval.low, m->interval.high);
        add_cell(t, 3, isnan(m->threshold) ? "-" : "%.4f", m->threshold);
        add_cell(t, 4, "%s",
            m->resolution == FACET_RESOLVED
                ? ""
                : facet_resolution_name(m->resolution));
    }
    facet_report_heading(report, "Numbers");
    facet_report_table(report, t->cells, t->columns, t->rows);
}

static void put_choice(table *t, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put_choice(table *t, const char *what, const char *format, ...)
{
    char text[CELL];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add_cell(t, 0, "%s", what);
    add_cell(t, 1, "%s", text);
}

static void put_network(const eval_run *run, table *t)
{
    char *model = network_find(NETWORK_EMBEDDER, run->nets.embedder);
    char *detector = network_find(NETWORK_DETECTOR, run->nets.detector);

    put_choice(t, "network", "%s", model ? model : "");
    put_choice(t, "contract", "%s", run->contract);
    put_choice(t, "precision", "%s", precision_name(run->precision));
    if (run->margin >= 0)
        put_choice(t, "pictures",
            "aligned ArcFace crops with a margin of %g pixels; no detector",
            run->margin);
    else
        put_choice(t, "detector", "%s", detector ? detector : "");
    free(model);
    free(detector);
}

static void put_choices(const eval_run *run, facet_report *report, table *t)
{
    memset(t, 0, sizeof *t);
    t->columns = 2;
    put_choice(t, "choice", "taken");
    put_choice(t, "list", "%s", run->list ? run->list : "IJB tables");
    if (run->embeddings)
        put_choice(t, "embeddings", "%s", run->embeddings);
    else
        put_network(run, t);
    if (run->scales)
        put_choice(t, "looks at each face", "%zu, half of them mirrored",
            10 * run->scales);
    if (run->unaligned)
        put_choice(t, "alignment", "none: by the boxes");
    if (run->compact)
        put_choice(t, "numbers", "a byte each");
    put_choice(t, "fusion of templates", "%s", run->fusion);
    put_choice(t, "failures to enrol",
        "%zu of %zu pictures; their comparisons count as rejected", run->failed,
        run->protocol.n_files);
    put_choice(t, "tie rule", "accepted when score >= threshold");
    put_choice(t, "intervals", "bootstrap over subjects, %u rounds, seed %llu",
        run->bootstrap.rounds, (unsigned long long)run->bootstrap.seed);
    put_choice(t, "facet", "%s", facet_version());
    facet_report_heading(report, "Choices");
    facet_report_table(report, t->cells, t->columns, t->rows);
}

/* ---- the worst errors ---- */

typedef struct ranked {
    double score;
    size_t pair;
} ranked;

static int by_score(const void *left, const void *right)
{
    const ranked *a = left, *b = right;

    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return a->pair < b->pair ? -1 : a->pair > b->pair;
}

static facet_report_picture load_picture(
    const eval_run *run, uint32_t template_index, uint8_t **bytes)
{
    const facet_protocol *p = &run->protocol;
    const facet_protocol_template *t = &p->templates[template_index];
    const char *name = p->files[p->members[t->first].file];
    size_t size = 0;

    *bytes = NULL;
    if (run->pictures && facet_pictures_read(run->pictures, name, bytes, &size,
                             NULL) != FACET_OK)
        *bytes = NULL;
    return (facet_report_picture){ *bytes, size, name };
}

static void put_pair(const eval_run *run, facet_report *report, size_t pair)
{
    const facet_pair *at = &run->protocol.pairs[pair];
    const double score = run->comparisons[pair].score;
    uint8_t *left, *right;
    const facet_report_picture a = load_picture(run, at->a, &left);
    const facet_report_picture b = load_picture(run, at->b, &right);
    char line[24] = "", text[64];

    if (at->line) /* pairs of a folder have none */
        snprintf(line, sizeof line, "line %u: ", at->line);
    if (score == -HUGE_VAL)
        snprintf(text, sizeof text, "%sfailed to enrol", line);
    else
        snprintf(text, sizeof text, "%s%.4f", line, score);
    facet_report_pair(report, &a, &b, text);
    facet_pictures_free_bytes(left);
    facet_pictures_free_bytes(right);
}

/* Errors are those at the threshold of EER. */
static void put_worst(const eval_run *run, facet_report *report, bool mated)
{
    const facet_protocol *p = &run->protocol;
    const double threshold = facet_curve_eer(run->curve).threshold;
    ranked *list = calloc(p->n_pairs, sizeof *list);
    size_t n = 0;

    for (size_t i = 0; list && i < p->n_pairs; i++) {
        const facet_comparison *c = &run->comparisons[i];

        if (c->mated == mated && (c->score >= threshold) != mated)
            list[n++] = (ranked){ mated ? c->score : -c->score, i };
    }
    if (n > 0)
        qsort(list, n, sizeof *list, by_score);
    facet_report_heading(report, mated ? "Worst false non-matches (one person)"
                                       : "Worst false matches (two people)");
    if (n == 0)
        facet_report_paragraph(report, "None at the threshold of the EER.");
    for (size_t i = 0; i < n && i < WORST; i++)
        put_pair(run, report, list[i].pair);
    free(list);
}

static void put_plots(const eval_run *run, facet_report *report)
{
    eval_plot *plot = malloc(sizeof *plot);

    facet_report_heading(report, "Curves");
    for (int kind = FACET_PLOT_ROC; plot && kind <= FACET_PLOT_HISTOGRAM;
         kind++)
        if (eval_plot_fill(run, (facet_plot_kind)kind, plot))
            facet_report_plot(report, &plot->plot);
    free(plot);
}

int eval_page(const eval_run *run)
{
    facet_report *report = NULL;
    facet_error err = { FACET_OK, "" };
    table *t = malloc(sizeof *t);
    char title[200];
    facet_status st;

    snprintf(title, sizeof title, "facet eval %s", run->words.items[0]);
    st = t ? facet_report_create(title, &report) : FACET_ENOMEM;
    if (st == FACET_OK) {
        put_metrics(run, report, t);
        put_plots(run, report);
        if (run->curve) {
            put_worst(run, report, false);
            put_worst(run, report, true);
        }
        put_choices(run, report, t);
        st = facet_report_write(report, run->report, &err);
    }
    facet_report_free(report);
    free(t);
    return eval_fail(st, &err);
}
