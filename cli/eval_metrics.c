/* SPDX-License-Identifier: Apache-2.0 */
/* eval_metrics.c - scores and numbers of a run, and conditions on them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "exits.h"

static const double rates[] = { 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6 };
enum { RATES = sizeof rates / sizeof *rates, RANDOM_FRAMES = 100 };

static int score_pairs(eval_run *run, const float *templates)
{
    const facet_protocol *p = &run->protocol;
    facet_error err = { FACET_OK, "" };
    facet_status st;

    run->comparisons = calloc(p->n_pairs, sizeof *run->comparisons);
    if (!run->comparisons)
        return eval_fail(FACET_ENOMEM, NULL);
    if (strcmp(run->fusion, "random-frames") == 0)
        st = facet_protocol_compare_frames(p, run->files, run->dim,
            RANDOM_FRAMES, run->bootstrap.seed, run->comparisons);
    else
        st = facet_protocol_compare(p, templates, run->dim, run->comparisons);
    if (st == FACET_OK)
        st =
            facet_curve_create(run->comparisons, p->n_pairs, &run->curve, &err);
    return eval_fail(st, &err);
}

int eval_score(eval_run *run)
{
    const facet_protocol *p = &run->protocol;
    float *templates = calloc(p->n_templates, run->dim * sizeof *templates);
    facet_fusion_opts opts;
    int status = EXIT_YES;

    facet_fusion_opts_init(&opts);
    if (strcmp(run->fusion, "mean-similarity") == 0)
        opts.fusion = FACET_FUSION_MEAN_SIMILARITY;
    if (strcmp(run->fusion, "best") == 0) {
        opts.fusion = FACET_FUSION_BEST;
        opts.best = run->best;
        opts.quality = run->quality;
    }
    if (!templates)
        return eval_fail(FACET_ENOMEM, NULL);
    status = eval_fail(
        facet_protocol_fuse(p, run->files, run->dim, &opts, templates), NULL);
    if (status == EXIT_YES && p->n_pairs > 0)
        status = score_pairs(run, templates);
    if (status == EXIT_YES && p->n_probes > 0) {
        run->searches = calloc(p->n_probes, sizeof *run->searches);
        status = eval_fail(run->searches ? facet_protocol_search(p, templates,
                                               run->dim, run->searches, NULL)
                                         : FACET_ENOMEM,
            NULL);
    }
    free(templates);
    return status;
}

void eval_add_metric(eval_run *run, eval_metric metric)
{
    if (run->n_metrics < EVAL_METRICS)
        run->metrics[run->n_metrics++] = metric;
}

static const facet_interval no_interval = { (double)NAN, (double)NAN };

static void add_plain(eval_run *run, const char *name, double value)
{
    eval_add_metric(run, (eval_metric){ .name = name,
                             .value = value,
                             .interval = no_interval,
                             .threshold = (double)NAN });
}

/* Accuracy and VAL, where the list has folds. */
static int fold_metrics(eval_run *run)
{
    facet_error err = { FACET_OK, "" };
    facet_folds folds;
    facet_status st = facet_fold_accuracy(
        run->comparisons, run->protocol.n_pairs, &folds, &err);

    if (st != FACET_OK)
        return eval_fail(st, &err);
    add_plain(run, "accuracy", folds.summary.mean);
    add_plain(run, "accuracy_se", folds.summary.error);
    add_plain(run, "accuracy_sd", folds.summary.deviation);
    run->metrics[run->n_metrics - 3].threshold =
        facet_summarize(folds.threshold, folds.count).mean;
    for (size_t i = 1; i < 3; i++) {
        st = facet_fold_val(
            run->comparisons, run->protocol.n_pairs, rates[i], &folds, &err);
        if (st != FACET_OK)
            return eval_fail(st, &err);
        eval_add_metric(run,
            (eval_metric){ .name = "val",
                .at = rates[i],
                .value = folds.summary.mean,
                .interval = no_interval,
                .threshold = facet_summarize(folds.threshold, folds.count).mean,
                .resolution =
                    facet_curve_rate(run->curve, rates[i], 1).resolution });
        if (run->metrics[run->n_metrics - 1].resolution == FACET_UNRESOLVABLE)
            run->metrics[run->n_metrics - 1].value = (double)NAN;
    }
    return EXIT_YES;
}

bool eval_has_folds(const eval_run *run)
{
    for (size_t i = 0; i < run->protocol.n_pairs; i++)
        if (run->protocol.pairs[i].fold > 0)
            return true;
    return false;
}

int eval_verify_metrics(eval_run *run)
{
    facet_interval tar[RATES], auc, eer;
    facet_error err = { FACET_OK, "" };
    const facet_eer equal = facet_curve_eer(run->curve);
    int status = EXIT_YES;
    const facet_status st =
        facet_bootstrap(run->comparisons, run->protocol.n_pairs,
            &run->bootstrap, rates, RATES, tar, NULL, &auc, &eer, &err);

    if (st != FACET_OK)
        return eval_fail(st, &err);
    if (eval_has_folds(run))
        status = fold_metrics(run);
    eval_add_metric(run, (eval_metric){ "auc", 0, facet_curve_auc(run->curve),
                             auc, (double)NAN, FACET_RESOLVED });
    eval_add_metric(run, (eval_metric){ "eer", 0, equal.eer, eer,
                             equal.threshold, FACET_RESOLVED });
    add_plain(
        run, "d_prime", facet_d_prime(run->comparisons, run->protocol.n_pairs));
    for (size_t i = 0; i < RATES; i++) {
        const facet_rate rate = facet_curve_rate(run->curve, rates[i], 1);
        const bool known = rate.resolution != FACET_UNRESOLVABLE;

        eval_add_metric(run, (eval_metric){ "tar", rates[i], rate.tar,
                                 known ? tar[i] : no_interval, rate.threshold,
                                 rate.resolution });
    }
    return status;
}

int eval_search_metrics(eval_run *run)
{
    enum { RANKS = 10 };
    double cmc[RANKS];
    const size_t n = run->protocol.n_probes;
    facet_open_set open;
    facet_status st =
        facet_cmc(run->searches, n, FACET_TIES_PESSIMISTIC, RANKS, cmc);

    if (st != FACET_OK)
        return eval_fail(st, NULL);
    add_plain(run, "rank1", cmc[0]);
    add_plain(run, "rank5", cmc[4]);
    add_plain(run, "rank10", cmc[9]);
    for (size_t i = 0; i < 3; i++) {
        st = facet_open_set_at_fpir(run->searches, n, rates[i], 1, 1, &open);
        if (st == FACET_EINVAL) /* closed set: no other probes */
            return EXIT_YES;
        if (st != FACET_OK)
            return eval_fail(st, NULL);
        eval_add_metric(
            run, (eval_metric){ "tpir", rates[i], open.tpir, no_interval,
                     open.threshold, open.resolution });
    }
    return EXIT_YES;
}

/* ---- conditions ---- */

/* The value of "tar@1e-3", "fnmr@1e-3", "accuracy"; false for none. */
static bool find_value(
    const eval_run *run, const char *name, double at, double *value)
{
    const bool fnmr = strcmp(name, "fnmr") == 0;
    const bool fnir = strcmp(name, "fnir") == 0;

    if (fnmr || fnir)
        name = fnmr ? "tar" : "tpir";
    if (strcmp(name, "failures_to_enrol") == 0) {
        *value = (double)run->failed;
        return true;
    }
    for (size_t i = 0; i < run->n_metrics; i++)
        if (strcmp(run->metrics[i].name, name) == 0 &&
            fabs(run->metrics[i].at - at) <= 1e-9 * at) {
            *value = run->metrics[i].value;
            if (fnmr || fnir)
                *value = 1 - *value;
            return true;
        }
    return false;
}

/* "fnmr@1e-3>0.05", taken apart. */
typedef struct condition {
    char name[32], sign;
    double at, bound; /* at: 0 for a number without a rate */
} condition;

static bool read_condition(const char *text, condition *c)
{
    int read = 0;

    if (sscanf(text, "%31[a-z0-9_]@%lf%c%lf%n", c->name, &c->at, &c->sign,
            &c->bound, &read) != 4 ||
        text[read]) {
        read = 0;
        c->at = 0;
        if (sscanf(text, "%31[a-z0-9_]%c%lf%n", c->name, &c->sign, &c->bound,
                &read) != 3 ||
            text[read])
            return false;
    }
    return (c->sign == '<' || c->sign == '>') && isfinite(c->bound);
}

/* Is it one of the numbers that a run of some kind has? */
static bool is_number(const condition *c)
{
    static const struct {
        const char *name;
        int first, count; /* of `rates`; 0: has none */
    } all[] = { { "accuracy", 0, 0 }, { "accuracy_se", 0, 0 },
        { "accuracy_sd", 0, 0 }, { "auc", 0, 0 }, { "eer", 0, 0 },
        { "d_prime", 0, 0 }, { "rank1", 0, 0 }, { "rank5", 0, 0 },
        { "rank10", 0, 0 }, { "failures_to_enrol", 0, 0 }, { "ap_easy", 0, 0 },
        { "ap_medium", 0, 0 }, { "ap_hard", 0, 0 }, { "recall", 0, 0 },
        { "landmark_error", 0, 0 }, { "tar", 0, RATES }, { "fnmr", 0, RATES },
        { "val", 1, 2 }, { "tpir", 0, 3 }, { "fnir", 0, 3 } };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i].name, c->name) != 0)
            continue;
        for (int k = 0; k < all[i].count; k++)
            if (fabs(rates[all[i].first + k] - c->at) <= 1e-9 * c->at)
                return true;
        return all[i].count == 0 && c->at == 0;
    }
    return false;
}

const char *eval_condition_fault(const char *text)
{
    condition c;

    if (!read_condition(text, &c))
        return "want NAME>NUMBER or NAME@RATE>NUMBER, or < for >";
    return is_number(&c) ? NULL
                         : "no such number: docs/eval and --json name them";
}

/* A number that the data cannot resolve fails its condition: a gate that
 * passes for want of data is none. */
static int check_condition(const eval_run *run, const char *text)
{
    condition c;
    double value;

    if (!read_condition(text, &c) || !find_value(run, c.name, c.at, &value)) {
        complain("--fail-if '%s': a run of this kind has no such number", text);
        return EXIT_USAGE;
    }
    if (isnan(value) || (c.sign == '>' ? value > c.bound : value < c.bound)) {
        complain("--fail-if '%s': it is %.6g", text, value);
        return EXIT_NO_MATCH;
    }
    return EXIT_YES;
}

int eval_conditions(const eval_run *run)
{
    int status = EXIT_YES;

    for (size_t i = 0; i < run->conditions.count; i++) {
        const int found = check_condition(run, run->conditions.items[i]);

        if (found > status)
            status = found;
    }
    return status;
}
