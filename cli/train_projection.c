/* SPDX-License-Identifier: Apache-2.0 */
/* train_projection.c - facet train tpe: a better map for embeddings that are
 * there already, in seconds. Lists and embeddings are read as in facet eval. */
#include "train_projection.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "exits.h"
#include "facet/projection.h"
#include "numbers.h"
#include "progress.h"

enum { KEY_DIM = 0x400, KEY_STEPS, KEY_RATE, KEY_ALPHA, KEY_RANDOM, KEY_SEED };

static const char *const losses[] = { "tpe", "tse", "tde", "vgg-triplet" };

typedef struct fitting {
    eval_run run; /* what faces, whose, and the network */
    facet_projection_opts opts;
} fitting;

static const struct argp_option options[] = {
    { NULL, 0, NULL, 0, "The projection:", 5 },
    { "out", 'o', "FILE", 0, "a copy of the network that ends in it (required)",
        5 },
    { "dim", KEY_DIM, "N", 0, "of the new embeddings; default 128", 5 },
    { "steps", KEY_STEPS, "N", 0, "default 1000", 5 },
    { "rate", KEY_RATE, "R", 0, "of learning; default 0.1", 5 },
    { "alpha", KEY_ALPHA, "A", 0, "margin of tse, tde, vgg-triplet", 5 },
    { "random-start", KEY_RANDOM, NULL, 0,
        "begin with random numbers, not with principal components", 5 },
    { "seed", KEY_SEED, "N", 0, "of what is drawn; default 1", 5 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    fitting *f = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &f->run;
        return 0;
    case 'o':
        f->run.out = text;
        return 0;
    case KEY_DIM:
        f->opts.dim = (size_t)whole_option(state, "--dim", text, 1, 8192);
        return 0;
    case KEY_STEPS:
        f->opts.steps = (uint64_t)whole_option(state, "--steps", text, 1, 1e9);
        return 0;
    case KEY_RATE:
        f->opts.rate = number_option(state, "--rate", text, 1e-9, 1e3);
        return 0;
    case KEY_ALPHA:
        f->opts.margin = number_option(state, "--alpha", text, 0, 4);
        return 0;
    case KEY_RANDOM:
        f->opts.principal = 0;
        return 0;
    case KEY_SEED:
        f->opts.seed = (uint64_t)whole_option(state, "--seed", text, 0, 1e15);
        return 0;
    case ARGP_KEY_ARG:
        if (f->run.words.count == 1)
            argp_error(state, "one list or folder, not more");
        f->run.words.items[f->run.words.count++] = text;
        return 0;
    case ARGP_KEY_END:
        if (f->run.words.count == 0)
            argp_error(state, "whose faces? Give a list or a folder");
        if (!f->run.out)
            argp_error(state, "where to? Give --out NETWORK.onnx");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

bool is_projection_loss(const char *word)
{
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        if (!strcmp(word, losses[i]))
            return true;
    return false;
}

/* Who each file shows; -1 where no face was found. */
static int32_t *label_files(const eval_run *run)
{
    int32_t *labels = malloc((run->protocol.n_files + 1) * sizeof *labels);

    for (size_t i = 0; labels && i < run->protocol.n_templates; i++) {
        const facet_protocol_template *t = &run->protocol.templates[i];
        const uint32_t file = run->protocol.members[t->first].file;
        const bool failed = isnan(run->files[file * run->dim]) != 0;

        labels[file] = failed ? -1 : (int32_t)t->subject;
    }
    return labels;
}

/* Failures take no part, having no label; the library wants numbers all the
 * same. */
static void blank_failures(eval_run *run, const int32_t *labels)
{
    for (size_t i = 0; i < run->protocol.n_files; i++)
        if (labels[i] < 0)
            for (size_t k = 0; k < run->dim; k++)
                run->files[i * run->dim + k] = k == 0;
}

static int fit(fitting *f, const char *model, float *w)
{
    eval_run *run = &f->run;
    int32_t *labels = label_files(run);
    facet_error err = { FACET_OK, "" };
    double loss, seconds;
    int status;

    if (!labels) {
        complain("not enough memory");
        return EXIT_NO_MEMORY;
    }
    blank_failures(run, labels);
    seconds = seconds_now();
    status = eval_fail(facet_projection_fit(&f->opts, run->files, labels,
                           run->protocol.n_files, run->dim, w, &loss, &err),
        &err);
    seconds = seconds_now() - seconds;
    free(labels);
    if (status == EXIT_YES)
        status = eval_fail(facet_projection_append(
                               model, w, f->opts.dim, run->dim, run->out, &err),
            &err);
    if (status == EXIT_YES)
        printf("{\"loss\":%.6g,\"people\":%zu,\"pictures\":%zu,\"failures\":"
               "%zu,\"from\":%zu,\"to\":%zu,\"seconds\":%.2f}\n",
            loss, run->protocol.n_subjects, run->protocol.n_files, run->failed,
            run->dim, f->opts.dim, seconds);
    return status;
}

/* Does the network make embeddings of this contract, of faces that its detector
 * finds or of crops that came without one? */
static facet_status has_contract(const facet_pipeline *pipeline,
    const char *wanted, char found[FACET_CONTRACT_TEXT], bool *has)
{
    facet_contract contract;
    facet_embedder *alone = NULL;
    const facet_status st = facet_embedder_create(
        facet_pipeline_embedder_model(pipeline), NULL, &alone, NULL);

    if (st != FACET_OK)
        return st;
    contract = facet_embedder_contract(alone);
    *has = strcmp(facet_contract_text(&contract, found), wanted) == 0;
    facet_embedder_free(alone);
    contract = facet_pipeline_contract(pipeline);
    *has = strcmp(facet_contract_text(&contract, found), wanted) == 0 || *has;
    return FACET_OK;
}

/* A map that was learnt on one network's embeddings means nothing behind
 * another. Embeddings that do not say whose they are, are believed. */
static int check_contract(const eval_run *run, const char *model)
{
    networks nets = run->nets;
    char found[FACET_CONTRACT_TEXT];
    facet_pipeline *pipeline = NULL;
    bool has = false;
    int status;

    if (!run->embeddings || !*run->contract)
        return EXIT_YES;
    nets.embedder = model;
    nets.opts.aligned = true; /* goes without a detector, counts one */
    status = networks_open(&nets, 1, &pipeline);
    if (status == EXIT_YES)
        status =
            eval_fail(has_contract(pipeline, run->contract, found, &has), NULL);
    facet_pipeline_close(pipeline);
    if (status != EXIT_YES || has)
        return status;
    complain("%s has embeddings of contract %s, and %s makes those of %s: give "
             "with --model and --detector what they were made by",
        run->embeddings, run->contract, model, found);
    return EXIT_BAD_MODEL;
}

static int train(fitting *f)
{
    eval_run *run = &f->run;
    char *model = NULL;
    float *w = NULL;
    int status = eval_read_people(run);

    if (status == EXIT_YES)
        status = need_place(run->out);
    if (status == EXIT_YES)
        status = eval_embed(run);
    if (status != EXIT_YES)
        return status;
    f->opts.threads = run->threads;
    model = network_find(NETWORK_EMBEDDER, run->nets.embedder);
    if (!model)
        return EXIT_BAD_MODEL; /* network_find has complained */
    status = check_contract(run, model);
    w = malloc(f->opts.dim * run->dim * sizeof *w);
    if (status == EXIT_YES && w)
        status = fit(f, model, w);
    else if (status == EXIT_YES) {
        complain("not enough memory");
        status = EXIT_NO_MEMORY;
    }
    free(w);
    free(model);
    return status;
}

int train_projection(int argc, char **argv)
{
    const struct argp_child children[] = { { &eval_source_argp, 0, NULL, 0 },
        { NULL, 0, NULL, 0 } };
    const struct argp argp = { options, parse, "LIST|FOLDER",
        "Learn a projection of a network's embeddings of people one knows "
        "(lines `file person`, or a folder with a folder for each person), and "
        "write a copy of the network that ends in it. tpe is Triplet "
        "Probabilistic Embedding; tse, tde and vgg-triplet are its relatives.",
        children, NULL, NULL };
    fitting f;
    int status;
    char name[40];

    snprintf(name, sizeof name, "facet train %.20s", argv[0]);
    facet_projection_opts_init(&f.opts);
    f.opts.seed = 1;
    f.opts.loss = argv[0];
    eval_init(&f.run);
    argv[0] = name;
    argp_parse(&argp, argc, argv, 0, NULL, &f);
    status = train(&f);
    eval_free(&f.run);
    return status;
}
