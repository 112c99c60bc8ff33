/* SPDX-License-Identifier: Apache-2.0 */
#include "thresholds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"
#include "facet/settings.h"
#include "numbers.h"

static const double usual_fpir = 0.01, usual_margin = 0.05;
/* Without a calibration, how far below the threshold a person shall look. */
static const double review_below = 0.08;

facet_status network_calibration(
    const facet_pipeline *pipeline, facet_calibration *out, facet_error *err)
{
    const facet_contract contract = facet_pipeline_contract(pipeline);
    const facet_model *model = facet_pipeline_embedder_model(pipeline);
    const ptrdiff_t length =
        facet_model_metadata(model, FACET_CALIBRATION_KEY, NULL, 0);
    char hex[FACET_CONTRACT_TEXT];
    facet_status st;
    char *text;

    snprintf(err->msg, sizeof err->msg,
        "the network has no calibration: make one with facet calibrate");
    if (length < 0)
        return FACET_ENOTFOUND;
    text = malloc((size_t)length + 1);
    if (!text)
        return FACET_ENOMEM;
    facet_model_metadata(
        model, FACET_CALIBRATION_KEY, text, (size_t)length + 1);
    st = facet_calibration_parse(text, out, err);
    free(text);
    if (st == FACET_OK &&
        strcmp(out->contract, facet_contract_text(&contract, hex)) != 0) {
        snprintf(err->msg, sizeof err->msg,
            "the calibration was made with another detector or network");
        st = FACET_ECONTRACT;
    }
    return st;
}

enum {
    KEY_FPIR = 0x500,
    KEY_THRESHOLD,
    KEY_REVIEW,
    KEY_MARGIN,
    KEY_QUALITY,
};

static const struct argp_option options[] = {
    { NULL, 0, NULL, 0, "Decisions:", 4 },
    { "fpir", KEY_FPIR, "RATE", 0,
        "how often a stranger may be taken for somebody, by the network's "
        "calibration and the number of templates; default 0.01",
        4 },
    { "threshold", KEY_THRESHOLD, "T", 0,
        "similarity from which on it is a match, instead", 4 },
    { 0 },
};

static const struct argp_option quality_options[] = {
    { "min-quality", KEY_QUALITY, "Q", 0,
        "below it a face is not relied on, 0 to 1; default 0", 4 },
    { 0 },
};

static const struct argp_option review_options[] = {
    { "review", KEY_REVIEW, "T", 0,
        "similarity from which on a person should look", 4 },
    { "margin", KEY_MARGIN, "M", 0,
        "by which the best must lead the second person; default 0.05", 4 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    thresholds *t = state->input;

    switch (key) {
    case KEY_FPIR:
        t->fpir = number_option(state, "--fpir", text, 1e-9, 0.5);
        break;
    case KEY_THRESHOLD:
        t->threshold = number_option(state, "--threshold", text, -1, 1);
        break;
    case KEY_REVIEW:
        t->review = number_option(state, "--review", text, -1, 1);
        break;
    case KEY_MARGIN:
        t->margin = number_option(state, "--margin", text, 0, 2);
        break;
    case KEY_QUALITY:
        t->min_quality = number_option(state, "--min-quality", text, 0, 1);
        break;
    case ARGP_KEY_END:
        if (!isnan(t->fpir) && !isnan(t->threshold))
            argp_error(state, "--fpir and --threshold exclude each other");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

const struct argp thresholds_argp = { .options = options, .parser = parse };
const struct argp quality_argp = { .options = quality_options,
    .parser = parse };
const struct argp review_argp = { .options = review_options, .parser = parse };

void thresholds_init(thresholds *t)
{
    const double unset = (double)NAN;

    *t = (thresholds){ unset, unset, unset, usual_margin, 0 };
}

/* Thresholds at an FPIR; `err` says why there are none. Then t->threshold is
 * the strictest there is, if any. */
static facet_status by_calibration(thresholds *t,
    const facet_pipeline *pipeline, double fpir, double templates,
    facet_error *err)
{
    facet_calibration *c = malloc(sizeof *c);
    facet_calibration_rate rate;
    facet_status st = c ? network_calibration(pipeline, c, err) : FACET_ENOMEM;

    if (st == FACET_OK) {
        st = facet_calibration_threshold(
            c, facet_gallery_fmr(fpir, templates), &rate, err);
        if (st != FACET_OK && c->n_rates > 0)
            t->threshold = c->rates[c->n_rates - 1].threshold;
    }
    if (st == FACET_OK) {
        t->threshold = rate.threshold;
        t->fpir = fpir;
    }
    if (st == FACET_OK && isnan(t->review)) {
        const double wide = fpir < 0.05 ? 10 * fpir : 0.5;

        t->review =
            facet_calibration_threshold(
                c, facet_gallery_fmr(wide, templates), &rate, NULL) == FACET_OK
                ? rate.threshold
                : t->threshold - review_below;
    }
    free(c);
    return st;
}

int thresholds_settle(
    thresholds *t, const facet_pipeline *pipeline, uint64_t templates)
{
    const double asked = t->fpir;
    facet_error err = { FACET_OK, "" };
    facet_status st = FACET_OK;

    if (isnan(t->threshold))
        st = by_calibration(t, pipeline, isnan(asked) ? usual_fpir : asked,
            (double)templates, &err);
    if (st != FACET_OK && !isnan(asked)) {
        complain("%s", *err.msg ? err.msg : facet_status_str(st));
        return (int)exit_for_model(st);
    }
    if (st != FACET_OK) /* more templates shall not lower it; NaN is none */
        t->threshold = fmax(
            t->threshold, (double)facet_pipeline_settings(pipeline)->threshold);
    if (isnan(t->threshold)) {
        complain("the network has neither a calibration nor a threshold: give "
                 "--threshold");
        return EXIT_USAGE;
    }
    if (isnan(t->review))
        t->review = t->threshold - review_below;
    if (t->review > t->threshold)
        t->review = t->threshold;
    return EXIT_YES;
}
