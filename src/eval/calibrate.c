/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate.c - what a similarity means.
 *
 * Both likelihood curves weigh mated and non-mated comparisons alike as groups,
 * so that the fitted log-odds are the log-likelihood ratio without a prior. */
#include "facet/calibration.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "eval/curve.h"

/* ---- thresholds ---- */

/* 0.1, 0.05, 0.02, 0.01 ... */
static double rate_of(size_t index)
{
    static const double digits[] = { 10, 5, 2 };

    return digits[index % 3] * pow(10, -2.0 - (double)(index / 3));
}

static facet_status set_thresholds(const facet_comparison *list, size_t count,
    const facet_bootstrap_opts *opts, facet_calibration *out, facet_error *err)
{
    facet_interval intervals[FACET_CALIBRATION_RATES];
    double wanted[FACET_CALIBRATION_RATES];
    facet_curve *curve;
    facet_curve_size total;
    facet_status status = facet_curve_create(list, count, &curve, err);

    if (status != FACET_OK)
        return status;
    total = facet_curve_total(curve);
    out->mated = total.mated;
    out->nonmated = total.nonmated;
    out->mated_failed = total.mated_failed;
    out->nonmated_failed = total.nonmated_failed;
    for (size_t i = 0; i < FACET_CALIBRATION_RATES; i++) {
        const facet_rate rate = facet_curve_rate(curve, rate_of(i), 1);

        /* +INFINITY: so few false matches leave no mated comparison */
        if (!isfinite(rate.threshold))
            break;
        wanted[i] = rate.wanted;
        out->rates[i].fmr = rate.wanted;
        out->rates[i].threshold = rate.threshold;
        out->n_rates++;
    }
    facet_curve_free(curve);
    status = facet_bootstrap(list, count, opts, wanted, out->n_rates, NULL,
        intervals, NULL, NULL, err);
    for (size_t i = 0; status == FACET_OK && i < out->n_rates; i++)
        out->rates[i].interval = (facet_interval){
            fmin(1, fmax(-1, intervals[i].low)), /* where no pair is, */
            fmax(-1, fmin(1, intervals[i].high)) /* anything */
        };
    return status;
}

/* ---- logistic ---- */

/* One step of Newton's method on the weighted log-likelihood. */
static bool newton_step(const facet_comparison *list, size_t count,
    const double weight[2], double *a, double *b)
{
    double ga = 0, gb = 0, haa = 1e-9, hab = 0, hbb = 1e-9;
    double determinant, da, db;

    for (size_t i = 0; i < count; i++) {
        const double s = list[i].score, w = weight[list[i].mated];
        const double p = 1 / (1 + exp(-*a - *b * s));
        const double rest = w * ((list[i].mated ? 1 : 0) - p);

        if (s == -HUGE_VAL)
            continue;
        ga += rest;
        gb += rest * s;
        haa += w * p * (1 - p);
        hab += w * p * (1 - p) * s;
        hbb += w * p * (1 - p) * s * s;
    }
    gb -= 1e-6 * *b; /* a ridge, for heaps that do not overlap */
    hbb += 1e-6;
    determinant = haa * hbb - hab * hab;
    da = (ga * hbb - gb * hab) / determinant;
    db = (gb * haa - ga * hab) / determinant;
    if (!isfinite(da) || !isfinite(db))
        return false;
    *a += fmax(-20, fmin(20, da)); /* a long step overshoots */
    *b += fmax(-40, fmin(40, db));
    return fabs(da) + fabs(db) > 1e-10;
}

static void fit_logistic(const facet_comparison *list, size_t count,
    const double weight[2], facet_calibration *out)
{
    out->intercept = out->slope = 0;
    for (int i = 0; i < 100; i++)
        if (!newton_step(list, count, weight, &out->intercept, &out->slope))
            return;
}

/* ---- isotonic ---- */

/* Neighbors in score that share a share of mated ones. */
typedef struct block {
    double low, high; /* scores */
    double mated, weight;
} block;

static double block_share(const block *b)
{
    return b->mated / b->weight;
}

/* All comparisons of the score of the last of `order`, taken off its end. They
 * are one block before anything is pooled: which of them comes first says
 * nothing. */
static block take_score(const facet_comparison *list, const size_t *order,
    size_t *count, const double weight[2])
{
    const double score = list[order[*count - 1]].score;
    double n[2] = { 0, 0 };

    for (; *count > 0 && list[order[*count - 1]].score == score; --*count)
        n[list[order[*count - 1]].mated] += 1;
    return (block){ score, score, n[1] * weight[1],
        n[0] * weight[0] + n[1] * weight[1] };
}

/* Pool adjacent violators over comparisons by rising score. */
static size_t pool_blocks(const facet_comparison *list, const size_t *order,
    size_t count, const double weight[2], block *blocks)
{
    size_t n = 0;

    while (count > 0) {
        blocks[n] = take_score(list, order, &count, weight);
        if (blocks[n].low == -HUGE_VAL)
            continue;
        n++;
        while (n > 1 &&
               block_share(&blocks[n - 2]) >= block_share(&blocks[n - 1])) {
            blocks[n - 2].high = blocks[n - 1].high;
            blocks[n - 2].mated += blocks[n - 1].mated;
            blocks[n - 2].weight += blocks[n - 1].weight;
            n--;
        }
    }
    return n;
}

static void add_knot(facet_calibration *out, double score, double llr)
{
    /* as they are printed, two must not be one */
    if (out->n_knots > 0 && score - out->knots[out->n_knots - 1].score < 1e-7)
        return;
    out->knots[out->n_knots++] = (facet_calibration_knot){ score, llr };
}

/* Each block is flat between its ends; with too many, some are passed over. */
static void keep_knots(const block *blocks, size_t n, double lowest,
    double highest, facet_calibration *out)
{
    const size_t most = FACET_CALIBRATION_KNOTS / 2;
    const size_t kept = n < most ? n : most;

    out->n_knots = 0;
    for (size_t i = 0; i < kept; i++) {
        const block *b = &blocks[kept > 1 ? i * (n - 1) / (kept - 1) : 0];
        const double share = block_share(b);
        const double llr =
            fmax(lowest, fmin(highest, log(share / (1 - share))));

        add_knot(out, b->low, llr);
        add_knot(out, b->high, llr);
    }
}

static facet_status fit_isotonic(const facet_comparison *list, size_t count,
    const double weight[2], facet_calibration *out, facet_error *err)
{
    block *blocks = facet__calloc(count, sizeof *blocks);
    size_t *order = NULL;
    size_t n;

    if (!blocks || facet__comparisons_order(list, count, &order) != FACET_OK) {
        facet__free(blocks);
        return facet__fail_memory(err);
    }
    n = pool_blocks(list, order, count, weight, blocks);
    keep_knots(blocks, n, log(weight[1] / 2), -log(weight[0] / 2), out);
    facet__free(blocks);
    facet__free(order);
    return FACET_OK;
}

/* ---- all of it ---- */

facet_status facet_calibrate(const facet_comparison *list, size_t count,
    const facet_bootstrap_opts *opts, facet_calibration *out, facet_error *err)
{
    double weight[2];
    facet_status status;

    if (!out)
        return facet__fail(err, FACET_EINVAL, "no place for the calibration");
    memset(out, 0, sizeof *out);
    out->level = opts ? opts->level : 0.95;
    status = set_thresholds(list, count, opts, out, err);
    if (status != FACET_OK)
        return status;
    if (out->mated == out->mated_failed ||
        out->nonmated == out->nonmated_failed)
        return facet__fail(
            err, FACET_EINVAL, "all comparisons of a kind have failed");
    weight[1] = 1 / (double)(out->mated - out->mated_failed);
    weight[0] = 1 / (double)(out->nonmated - out->nonmated_failed);
    fit_logistic(list, count, weight, out);
    if (!(out->slope > 0))
        return facet__fail(err, FACET_EINVAL,
            "mated comparisons do not score higher than others: are the "
            "labels right?");
    return fit_isotonic(list, count, weight, out, err);
}

facet_status facet_calibration_threshold(const facet_calibration *calibration,
    double fmr, facet_calibration_rate *out, facet_error *err)
{
    const facet_calibration_rate *rates = calibration->rates;
    const size_t n = calibration->n_rates;
    const double slack = 1 + 1e-9;

    if (!(fmr > 0 && fmr < 1))
        return facet__fail(
            err, FACET_EINVAL, "a false match rate is between 0 and 1");
    for (size_t i = 0; i < n; i++) {
        const facet_calibration_rate *at = &rates[i], *before = at - 1;
        double share;

        if (fmr * slack < at->fmr)
            continue;
        if (fmr <= at->fmr * slack) {
            *out = *at;
            return FACET_OK;
        }
        if (i == 0)
            break;
        share = log(before->fmr / fmr) / log(before->fmr / at->fmr);
        out->fmr = fmr;
        out->threshold =
            before->threshold + share * (at->threshold - before->threshold);
        out->interval.low = before->interval.low +
                            share * (at->interval.low - before->interval.low);
        out->interval.high =
            before->interval.high +
            share * (at->interval.high - before->interval.high);
        return FACET_OK;
    }
    return facet__fail(err, FACET_EUNSUPPORTED,
        "FMR %g: the calibration covers %g to %g; calibrate with more "
        "comparisons",
        fmr, n ? rates[n - 1].fmr : 0, n ? rates[0].fmr : 0);
}

double facet_calibration_fmr(const facet_calibration *calibration, double score)
{
    const facet_calibration_rate *rates = calibration->rates;
    const size_t n = calibration->n_rates;

    if (n == 0)
        return (double)NAN;
    if (score <= rates[0].threshold)
        return rates[0].fmr;
    for (size_t i = 1; i < n; i++)
        if (score <= rates[i].threshold) {
            const double share = (score - rates[i - 1].threshold) /
                                 (rates[i].threshold - rates[i - 1].threshold);

            return rates[i - 1].fmr *
                   pow(rates[i].fmr / rates[i - 1].fmr, share);
        }
    return rates[n - 1].fmr;
}

double facet_calibration_llr(const facet_calibration *calibration, double score)
{
    return calibration->intercept + calibration->slope * score;
}

double facet_calibration_llr_isotonic(
    const facet_calibration *calibration, double score)
{
    const facet_calibration_knot *knots = calibration->knots;
    const size_t n = calibration->n_knots;

    if (n == 0)
        return (double)NAN;
    if (score <= knots[0].score)
        return knots[0].llr;
    for (size_t i = 1; i < n; i++)
        if (score <= knots[i].score)
            return knots[i - 1].llr + (knots[i].llr - knots[i - 1].llr) *
                                          (score - knots[i - 1].score) /
                                          (knots[i].score - knots[i - 1].score);
    return knots[n - 1].llr;
}

double facet_gallery_fpir(double fmr, double n)
{
    if (!(fmr >= 0 && fmr <= 1 && n >= 0))
        return (double)NAN;
    return n > 0 ? -expm1(n * log1p(-fmr)) : 0;
}

double facet_gallery_fmr(double fpir, double n)
{
    if (!(fpir >= 0 && fpir <= 1 && n >= 0))
        return (double)NAN;
    return -expm1(log1p(-fpir) / fmax(n, 1));
}

/* ---- JSON ---- */

/* `list` with `item`, or NULL when either is: JSON has no infinities, and a
 * list that lacks one says something else. */
static json_t *with(json_t *list, json_t *item)
{
    if (json_array_append_new(list, item) == 0)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *rates_json(const facet_calibration *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n_rates; i++)
        list = with(
            list, json_pack("{s:f, s:f, s:[f, f]}", "fmr", c->rates[i].fmr,
                      "threshold", c->rates[i].threshold, "interval",
                      c->rates[i].interval.low, c->rates[i].interval.high));
    return list;
}

static json_t *knots_json(const facet_calibration *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n_knots; i++)
        list =
            with(list, json_pack("[f, f]", c->knots[i].score, c->knots[i].llr));
    return list;
}

size_t facet_calibration_text(
    const facet_calibration *calibration, char *buf, size_t cap)
{
    const facet_calibration *c = calibration;
    json_t *object =
        json_pack("{s:i, s:s, s:I, s:I, s:I, s:I, s:f, s:o, s:{s:f, s:f}, s:o}",
            "version", 1, "contract", c->contract, "mated",
            (json_int_t)c->mated, "nonmated", (json_int_t)c->nonmated,
            "mated_failed", (json_int_t)c->mated_failed, "nonmated_failed",
            (json_int_t)c->nonmated_failed, "level", c->level, "thresholds",
            rates_json(c), "logistic", "intercept", c->intercept, "slope",
            c->slope, "isotonic", knots_json(c));
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(9);
    char *text = object ? json_dumps(object, flags) : NULL;
    const size_t length = text ? strlen(text) : 0;

    json_decref(object);
    if (text && cap > 0) {
        const size_t kept = length < cap ? length : cap - 1;

        memcpy(buf, text, kept);
        buf[kept] = '\0';
    }
    free(text); /* jansson's own allocation */
    return length;
}

static facet_status parse_rates(
    json_t *list, facet_calibration *out, facet_error *err)
{
    const size_t n = json_array_size(list);

    if (n > FACET_CALIBRATION_RATES)
        return facet__fail(err, FACET_EDAMAGED, "thresholds: over %d of them",
            FACET_CALIBRATION_RATES);
    for (size_t i = 0; i < n; i++) {
        facet_calibration_rate *rate = &out->rates[i];

        if (json_unpack(json_array_get(list, i), "{s:F, s:F, s:[F, F]}", "fmr",
                &rate->fmr, "threshold", &rate->threshold, "interval",
                &rate->interval.low, &rate->interval.high) != 0 ||
            !(rate->fmr > 0 && rate->fmr < 1) ||
            (i > 0 && (rate->fmr >= rate[-1].fmr ||
                          rate->threshold < rate[-1].threshold)))
            return facet__fail(err, FACET_EDAMAGED,
                "thresholds[%zu]: want fmr (falling), threshold (rising), "
                "interval",
                i);
    }
    out->n_rates = n;
    return FACET_OK;
}

static facet_status parse_knots(
    json_t *list, facet_calibration *out, facet_error *err)
{
    const size_t n = json_array_size(list);

    if (n > FACET_CALIBRATION_KNOTS)
        return facet__fail(err, FACET_EDAMAGED, "isotonic: over %d knots",
            FACET_CALIBRATION_KNOTS);
    for (size_t i = 0; i < n; i++) {
        facet_calibration_knot *knot = &out->knots[i];

        if (json_unpack(json_array_get(list, i), "[F, F]", &knot->score,
                &knot->llr) != 0 ||
            (i > 0 &&
                (knot->score <= knot[-1].score || knot->llr < knot[-1].llr)))
            return facet__fail(err, FACET_EDAMAGED,
                "isotonic[%zu]: want [score, llr], both rising", i);
    }
    out->n_knots = n;
    return FACET_OK;
}

facet_status facet_calibration_parse(
    const char *text, facet_calibration *out, facet_error *err)
{
    json_error_t wrong;
    json_int_t counts[4];
    json_t *object, *rates, *knots;
    const char *contract;
    int version;
    facet_status status;

    if (!text || !out)
        return facet__fail(err, FACET_EINVAL, "no text, or no place");
    memset(out, 0, sizeof *out);
    object = json_loads(text, 0, &wrong);
    if (!object)
        return facet__fail(
            err, FACET_EDAMAGED, "calibration: %.150s", wrong.text);
    if (json_unpack_ex(object, &wrong, 0,
            "{s:i, s:s, s:I, s:I, s:I, s:I, s:F, s:o, s:{s:F, s:F}, s:o}",
            "version", &version, "contract", &contract, "mated", &counts[0],
            "nonmated", &counts[1], "mated_failed", &counts[2],
            "nonmated_failed", &counts[3], "level", &out->level, "thresholds",
            &rates, "logistic", "intercept", &out->intercept, "slope",
            &out->slope, "isotonic", &knots) != 0)
        status =
            facet__fail(err, FACET_EDAMAGED, "calibration: %.150s", wrong.text);
    else if (version != 1)
        status = facet__fail(err, FACET_EUNSUPPORTED,
            "calibration: version %d; this facet reads 1", version);
    else if (strlen(contract) >= sizeof out->contract || counts[0] < 0 ||
             counts[1] < 0 || counts[2] < 0 || counts[3] < 0)
        status =
            facet__fail(err, FACET_EDAMAGED, "calibration: contract or counts");
    else {
        snprintf(out->contract, sizeof out->contract, "%s", contract);
        out->mated = (uint64_t)counts[0];
        out->nonmated = (uint64_t)counts[1];
        out->mated_failed = (uint64_t)counts[2];
        out->nonmated_failed = (uint64_t)counts[3];
        status = parse_rates(rates, out, err);
        if (status == FACET_OK)
            status = parse_knots(knots, out, err);
    }
    json_decref(object);
    return status;
}
