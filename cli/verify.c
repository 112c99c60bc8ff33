/* SPDX-License-Identifier: Apache-2.0 */
/* verify.c - two photos: one person or two? */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"
#include "facet/calibration.h"
#include "facet/facet.h"
#include "facet/settings.h"
#include "limits.h"
#include "networks.h"
#include "numbers.h"
#include "output.h"
#include "thresholds.h"
#include "verbs.h"

typedef struct verify {
    networks nets;
    facet_image_opts limits;
    double threshold; /* NaN: the network's own */
    double fmr;       /* NaN: no rate asked for */
    facet_calibration calibration;
    facet_calibration_rate rate; /* with fmr */
    bool json;
    const char *photos[2];
    int count;
    facet_faces *faces[2];
} verify;

static const struct argp_option options[] = {
    { "threshold", 't', "T", 0,
        "similarity from which on it is a match, -1 to 1; default: as the "
        "network says",
        0 },
    { "fmr", 'f', "RATE", 0,
        "take the threshold for this false match rate from the network's "
        "calibration, see facet calibrate",
        0 },
    { "json", 'j', NULL, 0, "answer in JSON", 0 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    verify *v = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &v->nets;
        state->child_inputs[1] = &v->limits;
        break;
    case 't':
        v->threshold = number_option(state, "--threshold", text, -1, 1);
        break;
    case 'f':
        v->fmr = number_option(state, "--fmr", text, 1e-12, 0.5);
        break;
    case 'j':
        v->json = true;
        break;
    case ARGP_KEY_ARG:
        if (v->count == 2)
            argp_error(state, "more than two photos");
        v->photos[v->count++] = text;
        break;
    case ARGP_KEY_END:
        if (v->count < 2)
            argp_error(state, "two photos are needed");
        if (!isnan(v->fmr) && !isnan(v->threshold))
            argp_error(state, "--fmr and --threshold exclude each other");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* Say what is wrong with a photo; the exit status. */
static int tell_failure(
    const verify *v, const char *photo, facet_status st, const facet_error *err)
{
    const char *message = *err->msg ? err->msg : facet_status_str(st);
    json_t *object;

    if (!v->json) {
        complain_of(photo, message);
        return (int)exit_for_photo(st);
    }
    object = json_object();
    json_object_set_new(object, "image", json_path(photo));
    json_object_set_new(object, "error", json_failure(st, message));
    return json_line(object) ? (int)exit_for_photo(st) : EXIT_NO_MEMORY;
}

static int look_at(verify *v, facet_pipeline *pipeline, int which)
{
    facet_image *image = NULL;
    facet_error err = { FACET_OK, "" };
    facet_status st = limits_read(v->photos[which], &v->limits, &image, &err);

    if (st == FACET_OK)
        st = facet_pipeline_faces(pipeline, image, &v->faces[which], &err);
    if (st == FACET_OK && facet_faces_count(v->faces[which]) == 0)
        st = FACET_ENOFACE;
    facet_image_free(image);
    return st == FACET_OK ? EXIT_YES
                          : tell_failure(v, v->photos[which], st, &err);
}

/* The most alike of all pairs of faces; with the default policy there is one
 * pair only. */
static facet_status best_pair(const verify *v, float *best, facet_error *err)
{
    facet_status st = FACET_OK;

    *best = -2;
    for (size_t a = 0; a < facet_faces_count(v->faces[0]); a++)
        for (size_t b = 0; b < facet_faces_count(v->faces[1]); b++) {
            float similarity = -2;

            if (st == FACET_OK)
                st = facet_embedding_compare(
                    facet_faces_embedding(v->faces[0], a),
                    facet_faces_embedding(v->faces[1], b), &similarity, err);
            if (similarity > *best)
                *best = similarity;
        }
    return st;
}

/* What the calibration says of the score. */
static void add_calibrated(const verify *v, json_t *object, double similarity)
{
    json_object_set_new(object, "fmr", json_real(v->fmr));
    json_object_set_new(object, "interval",
        json_pack("[o, o]", json_rounded(v->rate.interval.low, 6),
            json_rounded(v->rate.interval.high, 6)));
    json_object_set_new(object, "log_likelihood_ratio",
        json_rounded(facet_calibration_llr(&v->calibration, similarity), 4));
}

static int answer(const verify *v, double similarity, double threshold,
    const facet_contract *contract)
{
    const bool match = similarity >= threshold;
    char text[FACET_CONTRACT_TEXT];
    json_t *object;

    if (!v->json) {
        printf("%s: similarity %.3f, threshold %.3f",
            match ? "match" : "no match", similarity, threshold);
        if (!isnan(v->fmr))
            printf(" at FMR %g (%g %% interval %.3f to %.3f)", v->fmr,
                100 * v->calibration.level, v->rate.interval.low,
                v->rate.interval.high);
        putchar('\n');
        return match ? EXIT_YES : EXIT_NO_MATCH;
    }
    object = json_object();
    json_object_set_new(object, "match", json_boolean(match));
    json_object_set_new(object, "similarity", json_rounded(similarity, 6));
    json_object_set_new(object, "threshold", json_rounded(threshold, 6));
    if (!isnan(v->fmr))
        add_calibrated(v, object, similarity);
    json_object_set_new(
        object, "contract", json_string(facet_contract_text(contract, text)));
    if (!json_line(object))
        return EXIT_NO_MEMORY;
    return match ? EXIT_YES : EXIT_NO_MATCH;
}

/* The threshold for the rate, from the network's metadata. Without one that
 * fits, the similarity is told and nothing decided. */
static facet_status calibrated_threshold(
    verify *v, const facet_pipeline *pipeline, facet_error *err)
{
    facet_status st = network_calibration(pipeline, &v->calibration, err);

    if (st == FACET_OK)
        st =
            facet_calibration_threshold(&v->calibration, v->fmr, &v->rate, err);
    v->threshold = v->rate.threshold;
    return st;
}

/* A similarity that nothing can be said of. */
static int answer_alone(const verify *v, double similarity, facet_status status,
    const facet_error *why)
{
    json_t *object;

    if (!v->json) {
        printf("similarity %.3f\n", similarity);
        complain("%s", why->msg);
        return (int)exit_for_model(status);
    }
    object = json_object();
    json_object_set_new(object, "match", json_null());
    json_object_set_new(object, "similarity", json_rounded(similarity, 6));
    json_object_set_new(object, "error", json_failure(status, why->msg));
    return json_line(object) ? (int)exit_for_model(status) : EXIT_NO_MEMORY;
}

static int compare(verify *v, facet_pipeline *pipeline)
{
    const facet_contract contract = facet_pipeline_contract(pipeline);
    facet_error err = { FACET_OK, "" };
    facet_status st;
    float similarity;
    facet_error why = { FACET_OK, "" };
    facet_status calibrated = FACET_OK;

    if (!isnan(v->fmr))
        calibrated = calibrated_threshold(v, pipeline, &why);
    else if (isnan(v->threshold))
        v->threshold = (double)facet_pipeline_settings(pipeline)->threshold;
    if (calibrated == FACET_OK && isnan(v->threshold)) {
        complain("the network does not say from which similarity on it is a "
                 "match: give --threshold");
        return EXIT_USAGE;
    }
    for (int i = 0; i < 2; i++) {
        const int status = look_at(v, pipeline, i);

        if (status != EXIT_YES)
            return status;
    }
    st = best_pair(v, &similarity, &err);
    if (st != FACET_OK)
        return tell_failure(v, v->photos[1], st, &err);
    if (calibrated != FACET_OK)
        return answer_alone(v, (double)similarity, calibrated, &why);
    return answer(v, (double)similarity, v->threshold, &contract);
}

int verb_verify(int argc, char **argv)
{
    const struct argp_child children[] = { { &faces_argp, 0, NULL, 0 },
        { &limits_argp, 0, NULL, 0 }, { NULL, 0, NULL, 0 } };
    const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "PHOTO PHOTO",
        .doc = "Say whether two photos show one person. Each must show exactly "
               "one face, unless --policy says otherwise; with --policy all "
               "the best pair counts.\v"
               "The exit status is 0 for a match and 1 for none; see facet(1) "
               "for the others.",
        .children = children,
    };
    verify v = { .threshold = (double)NAN, .fmr = (double)NAN };
    facet_pipeline *pipeline = NULL;
    int status;
    char name[] = "facet verify";

    argv[0] = name;
    networks_init(&v.nets);
    facet_image_opts_init(&v.limits);
    v.nets.opts.policy = FACET_POLICY_SINGLE;
    argp_parse(&argp, argc, argv, 0, NULL, &v);
    status = networks_open(&v.nets, 1, &pipeline);
    if (status == EXIT_YES)
        status = compare(&v, pipeline);
    facet_faces_free(v.faces[0]);
    facet_faces_free(v.faces[1]);
    facet_pipeline_close(pipeline);
    return status;
}
