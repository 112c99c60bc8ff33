/* SPDX-License-Identifier: Apache-2.0 */
/* gallery.c - facet gallery VERB: which one, and its arguments. */
#include "gallery.h"

#include <math.h>
#include <string.h>

#include "facet/settings.h"
#include "numbers.h"
#include "verbs.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *does;
} verbs[] = {
    { "create", gallery_create, "begin a gallery" },
    { "enroll", gallery_enroll, "add the people of folders, or photos of one" },
    { "list", gallery_list, "the people, or one person's templates" },
    { "rename", gallery_rename, "give a person another name" },
    { "remove", gallery_remove, "erase people or templates, with a receipt" },
    { "export", gallery_export, "all of it, or a person, as JSON Lines" },
    { "import", gallery_import, "what an export has written" },
    { "stats", gallery_stats, "how many, of which contract" },
    { "check", gallery_check, "whether the vectors are whole; mends them" },
    { "audit", gallery_audit, "look for mixed, double and spoilt people" },
    { "migrate", gallery_migrate, "change to another network" },
};
enum { VERB_COUNT = sizeof verbs / sizeof *verbs, MAX_THREADS = 1024 };

static void help(FILE *to)
{
    fputs("Usage: facet gallery VERB FILE [OPTION...] [ARGUMENT...]\n"
          "People on disk: whom you know.\n\n",
        to);
    for (int i = 0; i < VERB_COUNT; i++)
        fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].does);
    fputs("\n`facet gallery VERB --help` tells more of each.\n", to);
}

int verb_gallery(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";

    for (int i = 0; i < VERB_COUNT; i++)
        if (!strcmp(verb, verbs[i].name))
            return verbs[i].run(argc - 1, argv + 1);
    if (!strcmp(verb, "--help") || !strcmp(verb, "-h")) {
        help(stdout);
        return EXIT_YES;
    }
    if (*verb)
        complain("there is no verb 'gallery %s'", verb);
    help(stderr);
    return EXIT_USAGE;
}

/* ---- Arguments ---- */

/* What the parser is given. */
typedef struct parsing {
    gallery_run *run;
    const gallery_usage *usage;
} parsing;

static void take_words(parsing *p, struct argp_state *state)
{
    const gallery_usage *u = p->usage;
    char **words = state->argv + state->next;
    int count = state->argc - state->next;

    if (!p->run->store.path) { /* no --store */
        p->run->store.path = *words++;
        count--;
    }
    if (u->most >= 0 && count > u->most)
        argp_error(state, "too many arguments");
    p->run->words = words;
    p->run->count = count;
    state->next = state->argc;
}

static void check(const parsing *p, const struct argp_state *state)
{
    const gallery_run *run = p->run;

    if (!run->store.path)
        argp_error(state, "which gallery? Name its file, or --store");
    if (run->count < p->usage->least && !run->finder.list)
        argp_error(state, "an argument is missing: %s", p->usage->args_doc);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    parsing *p = state->input;
    gallery_run *run = p->run;
    int child = 0;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[child++] = &run->store;
        if (p->usage->looks)
            state->child_inputs[child++] = &run->finder;
        if (p->usage->embeds)
            state->child_inputs[child++] = &run->finder.nets;
        if (p->usage->decides)
            state->child_inputs[child++] = &run->limits;
        if (p->usage->judges)
            state->child_inputs[child++] = &run->limits;
        if (p->usage->reviews)
            state->child_inputs[child++] = &run->limits;
        break;
    case GALLERY_PERSON:
        run->person = text;
        break;
    case GALLERY_FORCE:
        run->force = true;
        break;
    case GALLERY_DRY_RUN:
        run->dry_run = true;
        break;
    case GALLERY_ROLLBACK:
        run->rollback = true;
        break;
    case GALLERY_DROP_MISSING:
        run->drop_missing = true;
        break;
    case GALLERY_ABANDON:
        run->abandon = true;
        break;
    case GALLERY_TEMPLATES:
        run->template_ids = true;
        break;
    case GALLERY_APPROXIMATE:
        run->store.opts.approximate = true;
        break;
    case GALLERY_PARTITIONS:
        run->store.opts.partitions =
            (int)whole_option(state, "--partitions", text, 1, 256);
        break;
    case GALLERY_THREADS:
        run->finder.threads =
            (int)whole_option(state, "--threads", text, 1, MAX_THREADS);
        break;
    case GALLERY_QUIET:
        run->finder.quiet = true;
        break;
    case ARGP_KEY_ARGS:
        take_words(p, state);
        break;
    case ARGP_KEY_END:
        check(p, state);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

void gallery_parse(
    gallery_run *run, const gallery_usage *usage, int argc, char **argv)
{
    parsing p = { run, usage };
    struct argp_child children[7] = { { &store_argp, 0, NULL, 0 } };
    int n = 1;
    char name[64];
    const struct argp argp = { .options = usage->options,
        .parser = parse,
        .args_doc = usage->args_doc,
        .doc = usage->doc,
        .children = children };

    if (usage->looks)
        children[n++].argp = &finder_argp;
    if (usage->embeds)
        children[n++].argp = &networks_argp;
    if (usage->decides)
        children[n++].argp = &thresholds_argp;
    if (usage->judges)
        children[n++].argp = &quality_argp;
    if (usage->reviews)
        children[n++].argp = &review_argp;
    *run = (gallery_run){ .person = NULL };
    finder_init(&run->finder);
    store_init(&run->store);
    thresholds_init(&run->limits);
    /* No photo is looked at: that does without a detector, and counts one. */
    run->finder.nets.opts.aligned = usage->embeds;
    snprintf(name, sizeof name, "%s", usage->name);
    argv[0] = name;
    argp_parse(&argp, argc, argv, 0, NULL, &p);
}

void gallery_free(gallery_run *run)
{
    finder_close(&run->finder);
    store_free(&run->store);
}

int gallery_open_for(gallery_run *run, bool read_only, facet_gallery **out)
{
    facet_gallery_info info;
    facet_error err = { FACET_OK, "" };
    int status = store_open(&run->store, read_only, out);

    if (status != EXIT_YES)
        return status;
    status =
        store_fail(&run->store, facet_gallery_stats(*out, &info, &err), &err);
    if (status == EXIT_YES && memcmp(info.contract, run->finder.contract.id,
                                  sizeof info.contract) != 0)
        status = store_fail(&run->store, FACET_ECONTRACT,
            &(facet_error){ FACET_ECONTRACT,
                "made with other networks than those in use: name them with "
                "--detector and --model, or change the gallery with facet "
                "gallery migrate" });
    return status;
}

/* A threshold by FPIR is low among few templates, for one of which a stranger
 * is seldom taken: too low to say that two people are the same. */
facet_enroll_rule gallery_enroll_rule(const gallery_run *run)
{
    const bool by_rate = !isnan(run->limits.fpir);
    facet_enroll_rule rule;

    facet_enroll_rule_init(&rule, (float)run->limits.threshold);
    rule.min_quality = (float)run->limits.min_quality;
    if (by_rate) /* then networks are open */
        rule.duplicate_at = fmaxf(rule.duplicate_at,
            facet_pipeline_settings(run->finder.pipelines[0])->threshold);
    return rule;
}
