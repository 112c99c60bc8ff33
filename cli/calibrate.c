/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate.c - labelled pairs to what a similarity means. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "exits.h"
#include "facet/calibration.h"
#include "verbs.h"

static int print_text(const facet_calibration *c)
{
    const size_t size = facet_calibration_text(c, NULL, 0) + 1;
    char *text = malloc(size);
    const bool good = text && size > 1;

    if (good) {
        facet_calibration_text(c, text, size);
        puts(text);
    }
    free(text);
    return good ? EXIT_YES : EXIT_NO_MEMORY;
}

static int print_table(const facet_calibration *c)
{
    printf("%-8s %-10s %-20s %s\n", "FMR", "threshold", "interval",
        "FPIR among 1000 templates");
    for (size_t i = 0; i < c->n_rates; i++) {
        const facet_calibration_rate *r = &c->rates[i];

        printf("%-8g %-10.4f %.4f to %-10.4f %.4g\n", r->fmr, r->threshold,
            r->interval.low, r->interval.high,
            facet_gallery_fpir(r->fmr, 1000));
    }
    printf("log-likelihood ratio = %.4f + %.4f x similarity\n", c->intercept,
        c->slope);
    return EXIT_YES;
}

/* A copy of the network that carries the calibration. */
static int store(const eval_run *run, const facet_calibration *c)
{
    char *model = network_find(NETWORK_EMBEDDER, run->nets.embedder);
    const size_t size = facet_calibration_text(c, NULL, 0) + 1;
    char *text = malloc(size);
    facet_error err = { FACET_OK, "" };
    facet_status st = FACET_ENOMEM;

    if (model && text && size > 1) {
        facet_calibration_text(c, text, size);
        st = facet_model_set_metadata(
            model, FACET_CALIBRATION_KEY, text, run->out, &err);
    }
    free(model);
    free(text);
    return eval_fail(st, &err);
}

/* What the network carries must be of its own, plain embeddings. */
static bool can_store(const eval_run *run)
{
    if (!*run->contract)
        complain("--out: nothing in %s says by which network the embeddings "
                 "are made; give --images",
            run->embeddings);
    else if (run->scales || run->unaligned || run->compact)
        complain(
            "--out: a network's thresholds are of one aligned look at a "
            "face in full numbers, not of --views, --unaligned, --compact");
    else
        return true;
    return false;
}

static int calibrate(eval_run *run)
{
    facet_calibration *c;
    facet_error err = { FACET_OK, "" };
    int status;

    status = need_place(run->out);
    if (status == EXIT_YES)
        status = eval_scores_of(run, "pairs");
    if (status != EXIT_YES)
        return status;
    if (run->out && !can_store(run))
        return EXIT_USAGE;
    c = malloc(sizeof *c);
    if (!c)
        return eval_fail(FACET_ENOMEM, NULL);
    status = eval_fail(facet_calibrate(run->comparisons, run->protocol.n_pairs,
                           &run->bootstrap, c, &err),
        &err);
    if (status == EXIT_YES && c->n_rates == 0) {
        complain("no threshold can be had: there are fewer than ten non-mated "
                 "pairs, or too many of them score above all mated ones (look "
                 "at the labels)");
        status = EXIT_IO;
    }
    if (status == EXIT_YES) {
        snprintf(c->contract, sizeof c->contract, "%s", run->contract);
        status = run->json ? print_text(c) : print_table(c);
    }
    if (status == EXIT_YES && run->out)
        status = store(run, c);
    free(c);
    return status;
}

/* One list, said once. */
static int check_words(eval_run *run)
{
    if (run->words.count + (run->list != NULL) > 1) {
        complain("calibrate wants one list, as an argument or by --pairs");
        return EXIT_USAGE;
    }
    if (run->words.count > 0)
        run->list = run->words.items[0];
    return EXIT_YES;
}

int verb_calibrate(int argc, char **argv)
{
    struct argp argp = eval_argp;
    eval_run run;
    int status;
    char name[] = "facet calibrate";

    argp.args_doc = "LIST";
    argp.doc =
        "From labelled pairs (lines `a b 1|0`) to thresholds for false match "
        "rates and to likelihood ratios. With --out a copy of the network "
        "carries them, and `facet verify --fmr` uses them.";
    argv[0] = name;
    eval_init(&run);
    argp_parse(&argp, argc, argv, 0, NULL, &run);
    status = check_words(&run);
    if (status == EXIT_YES)
        status = eval_check_options(&run, "calibrate");
    if (status == EXIT_YES)
        status = calibrate(&run);
    eval_free(&run);
    return status;
}
