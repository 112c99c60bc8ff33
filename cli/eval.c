/* SPDX-License-Identifier: Apache-2.0 */
/* eval.c - how good is an embedding? Options, lists, and the way of a run. */
#include "eval.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exits.h"
#include "numbers.h"
#include "verbs.h"

enum {
    KEY_PAIRS = 0x200,
    KEY_IMAGES,
    KEY_EMBEDDINGS,
    KEY_NAMES,
    KEY_CACHE,
    KEY_COMPACT,
    KEY_MARGIN,
    KEY_REPORT,
    KEY_PLOT,
    KEY_COHORT,
    KEY_FAIL_IF,
    KEY_ROUNDS,
    KEY_SEED,
    KEY_FLAT,
    KEY_PROFILE,
    KEY_FRAMES,
    KEY_MAX_FRAMES,
    KEY_FUSION,
    KEY_TABLE,
    KEY_MATCHES,
    KEY_GALLERY,
    KEY_PROBES,
    KEY_DUPLICATES,
    KEY_THREADS,
    KEY_BOXES,
    KEY_JPEG,
    KEY_PIXELS,
    KEY_DIMS,
    KEY_VIEWS,
    KEY_UNALIGNED,
    KEY_BEST,
};

static const struct argp_option source_options[] = {
    { NULL, 0, NULL, 0, "Where embeddings come from:", 4 },
    { "images", KEY_IMAGES, "DIR|TAR", 0, "pictures; may be repeated", 4 },
    { "margin", KEY_MARGIN, "PIXELS", 0,
        "the pictures are ArcFace crops with this margin: nothing is detected",
        4 },
    { "views", KEY_VIEWS, "N", 0,
        "the mean of N looks at each face: 1 (the default), 10, 20 or 30", 4 },
    { "unaligned", KEY_UNALIGNED, NULL, 0,
        "faces are cut out by their boxes, not turned upright", 4 },
    { "embeddings", KEY_EMBEDDINGS, "FILE", 0,
        "made before: JSON Lines of `facet embed`, or .npy", 4 },
    { "names", KEY_NAMES, "FILE", 0, "the names of the rows of a .npy", 4 },
    { "cache", KEY_CACHE, "DIR", 0, "keep embeddings there for the next time",
        4 },
    { "compact", KEY_COMPACT, NULL, 0,
        "as if each number had been stored in a byte", 4 },
    { "threads", KEY_THREADS, "N", 0, "pictures at a time; default 1", 4 },
    { 0 },
};

static const struct argp_option options[] = {
    { NULL, 0, NULL, 0, "What is compared:", 3 },
    { "pairs", KEY_PAIRS, "FILE", 0, "the list; also as an argument", 3 },
    { "flat", KEY_FLAT, NULL, 0, "lfw: no folder for each person", 3 },
    { "profile", KEY_PROFILE, NULL, 0, "cfp: frontal against profile", 3 },
    { "frames", KEY_FRAMES, "DIR", 0, "ytf: where the videos' folders are", 3 },
    { "max-frames", KEY_MAX_FRAMES, "N", 0,
        "ytf: the first N frames of a video; default 100", 3 },
    { "fusion", KEY_FUSION, "RULE", 0,
        "templates of several pictures: media (the default), mean-similarity "
        "(the default of ytf), random-frames, best",
        3 },
    { "best", KEY_BEST, "K", 0,
        "fusion best: the mean of the K faces of best quality; default 100",
        3 },
    { "table", KEY_TABLE, "FILE", 0, "ijb: metadata of 1:1 templates", 3 },
    { "matches", KEY_MATCHES, "FILE", 0, "ijb: pairs of templates", 3 },
    { "gallery", KEY_GALLERY, "FILE", 0, "ijb: metadata of the gallery", 3 },
    { "probes", KEY_PROBES, "FILE", 0, "ijb: metadata of the probes", 3 },
    { "boxes", KEY_BOXES, "FILE", 0,
        "detect: marked faces, a list as WIDER FACE has it", 3 },
    { "duplicates", KEY_DUPLICATES, NULL, 0, "pairs may occur twice", 3 },
    { NULL, 0, NULL, 0, "Studies, a line for each value (Q,Q,...):", 5 },
    { "jpeg", KEY_JPEG, "QUALITIES", 0,
        "crops compressed in these qualities, 1 to 100", 5 },
    { "pixels", KEY_PIXELS, "NUMBERS", 0, "crops shrunk to so many pixels", 5 },
    { "dims", KEY_DIMS, "NUMBERS", 0,
        "embeddings cut off after so many numbers", 5 },
    { NULL, 0, NULL, 0, "What comes out:", 6 },
    { "json", 'j', NULL, 0, "answer in JSON", 6 },
    { "report", KEY_REPORT, "FILE", 0, "a page of HTML with all of it", 6 },
    { "plot", KEY_PLOT, "FILE", 0,
        "a plot as .svg, .png or .pdf; a name with `det`, `cmc` or `hist` in "
        "it gets that one, others the ROC; may be repeated",
        6 },
    { "cohort", KEY_COHORT, "FILE", 0,
        "rates by group: lines of a person or file, and a group", 6 },
    { "fail-if", KEY_FAIL_IF, "WHAT", 0,
        "status 1 when true, such as 'fnmr@1e-3>0.05'; may be repeated", 6 },
    { "rounds", KEY_ROUNDS, "N", 0, "of the bootstrap; default 1000", 6 },
    { "seed", KEY_SEED, "N", 0, "of the bootstrap; default 1", 6 },
    { "out", 'o', "FILE", 0, "calibrate: a copy of the network with it", 6 },
    { 0 },
};

static void add_word(
    const struct argp_state *state, eval_words *words, const char *text)
{
    if (words->count == EVAL_MANY)
        argp_error(state, "more than %d of them", EVAL_MANY);
    words->items[words->count++] = text;
}

static bool known_fusion(const char *text)
{
    return !strcmp(text, "media") || !strcmp(text, "mean-similarity") ||
           !strcmp(text, "random-frames") || !strcmp(text, "best");
}

/* Options that only keep their text; NULL for others. */
static const char **text_option(eval_run *run, int key)
{
    switch (key) {
    case KEY_PAIRS:
        return &run->list;
    case KEY_BOXES:
        return &run->boxes;
    case KEY_REPORT:
        return &run->report;
    case KEY_COHORT:
        return &run->cohort;
    case KEY_FRAMES:
        return &run->frames;
    case KEY_MATCHES:
        return &run->matches;
    case KEY_GALLERY:
        return &run->gallery;
    case KEY_PROBES:
        return &run->probes;
    case KEY_FUSION:
        return &run->fusion;
    case 'o':
        return &run->out;
    default:
        return NULL;
    }
}

/* Options that may be repeated; NULL for others. */
static eval_words *words_option(eval_run *run, int key)
{
    switch (key) {
    case KEY_PLOT:
        return &run->plots;
    case KEY_FAIL_IF:
        return &run->conditions;
    case KEY_TABLE:
        return &run->tables;
    case ARGP_KEY_ARG:
        return &run->words;
    default:
        return NULL;
    }
}

static error_t parse_source(int key, char *text, struct argp_state *state)
{
    eval_run *run = state->input;

    eval_note_option(run, source_options, key);
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->nets;
        break;
    case KEY_IMAGES:
        add_word(state, &run->images, text);
        break;
    case KEY_MARGIN:
        run->margin = number_option(state, "--margin", text, 0, 1000);
        break;
    case KEY_EMBEDDINGS:
        run->embeddings = text;
        break;
    case KEY_NAMES:
        run->names = text;
        break;
    case KEY_CACHE:
        run->cache = text;
        break;
    case KEY_COMPACT:
        run->compact = true;
        break;
    case KEY_VIEWS:
        run->scales = (size_t)whole_option(state, "--views", text, 1, 30);
        if (run->scales != 1 && run->scales % 10 != 0)
            argp_error(state, "--views is 1, 10, 20 or 30, not %s", text);
        run->scales /= 10;
        break;
    case KEY_UNALIGNED:
        run->unaligned = true;
        break;
    case KEY_THREADS:
        run->threads = (int)whole_option(state, "--threads", text, 1, 256);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static void study_option(
    const struct argp_state *state, eval_change change, const char *text)
{
    eval_run *run = state->input;

    if (run->study.change != EVAL_AS_IS)
        argp_error(state, "one study at a time");
    run->study.change = change;
    if (!eval_study_parse(&run->study, text))
        argp_error(state, "--%s wants numbers, not '%s'",
            eval_change_name(change), text);
}

/* What would be found wrong only after all the work. */
static void check_word(
    const struct argp_state *state, int key, const char *text)
{
    const char *fault = key == KEY_FAIL_IF ? eval_condition_fault(text) : NULL;

    if (fault)
        argp_error(state, "--fail-if '%s': %s", text, fault);
    if (key == KEY_PLOT && !eval_plot_named(text))
        argp_error(state, "--plot %s: plots end in .svg, .png or .pdf", text);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    eval_run *run = state->input;

    eval_note_option(run, options, key);
    if (text_option(run, key)) {
        *text_option(run, key) = text;
        if (key == KEY_FUSION && !known_fusion(text))
            argp_error(state, "no fusion '%s'", text);
        return 0;
    }
    if (words_option(run, key)) {
        check_word(state, key, text);
        add_word(state, words_option(run, key), text);
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = run;
        break;
    case 'j':
        run->json = true;
        break;
    case KEY_FLAT:
        run->flat = true;
        break;
    case KEY_PROFILE:
        run->profile = true;
        break;
    case KEY_DUPLICATES:
        run->protocol_opts.duplicates = true;
        break;
    case KEY_MAX_FRAMES:
        run->max_frames =
            (size_t)whole_option(state, "--max-frames", text, 0, 1e6);
        break;
    case KEY_BEST:
        run->best = (size_t)whole_option(state, "--best", text, 1, 1e6);
        break;
    case KEY_JPEG:
        study_option(state, EVAL_JPEG, text);
        break;
    case KEY_PIXELS:
        study_option(state, EVAL_PIXELS, text);
        break;
    case KEY_DIMS:
        study_option(state, EVAL_DIMS, text);
        break;
    case KEY_ROUNDS:
        run->bootstrap.rounds =
            (unsigned)whole_option(state, "--rounds", text, 1, 1e6);
        break;
    case KEY_SEED:
        run->bootstrap.seed =
            (uint64_t)whole_option(state, "--seed", text, 0, 1e15);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static const struct argp_child networks_child[] = { { &faces_argp, 0, NULL, 0 },
    { NULL, 0, NULL, 0 } };
const struct argp eval_source_argp = {
    .options = source_options,
    .parser = parse_source,
    .children = networks_child,
};

static const struct argp_child children[] = { { &eval_source_argp, 0, NULL, 0 },
    { NULL, 0, NULL, 0 } };
const struct argp eval_argp = {
    .options = options,
    .parser = parse,
    .children = children,
};

void eval_init(eval_run *run)
{
    memset(run, 0, sizeof *run);
    networks_init(&run->nets);
    run->nets.opts.policy = FACET_POLICY_CENTRAL;
    facet_protocol_opts_init(&run->protocol_opts);
    facet_bootstrap_opts_init(&run->bootstrap);
    run->margin = -1;
    run->max_frames = 100;
    run->best = 100;
    run->threads = 1;
}

void eval_forget(eval_run *run)
{
    facet_curve_free(run->curve);
    free(run->files);
    free(run->quality);
    free(run->comparisons);
    free(run->searches);
    run->curve = NULL;
    run->files = NULL;
    run->quality = NULL;
    run->comparisons = NULL;
    run->searches = NULL;
    run->n_metrics = 0;
    run->failed = 0;
}

void eval_free(eval_run *run)
{
    eval_forget(run);
    facet_protocol_free(&run->protocol);
    facet_pictures_close(run->pictures);
}

int eval_fail(facet_status status, const facet_error *err)
{
    if (status == FACET_OK)
        return EXIT_YES;
    complain("%s", err && *err->msg ? err->msg : facet_status_str(status));
    return status == FACET_ENOTFOUND || status == FACET_EIO ||
                   status == FACET_EDAMAGED || status == FACET_EEMPTY ||
                   status == FACET_ETRUNCATED || status == FACET_ELIMIT
               ? (int)EXIT_IO
               : (int)exit_for_photo(status);
}

static int usage(const char *text)
{
    complain("%s", text);
    return EXIT_USAGE;
}

static int read_folder(eval_run *run, const char *folder)
{
    facet_error err = { FACET_OK, "" };
    const facet_status st = facet_protocol_read_folder(
        folder, &run->protocol_opts, &run->protocol, &err);

    if (st != FACET_EEMPTY)
        return eval_fail(st, &err);
    complain("%s has no folders with pictures: put those of each person into "
             "one of their own, %s/PERSON/PICTURE",
        folder, folder);
    return EXIT_IO;
}

int eval_read_people(eval_run *run)
{
    struct stat about;
    facet_error err = { FACET_OK, "" };

    if (run->words.count != 1)
        return usage("want one list of `file person`, or one folder");
    run->list = run->words.items[0];
    if (stat(run->list, &about) != 0 || !S_ISDIR(about.st_mode))
        return eval_fail(facet_protocol_read_people(run->list,
                             &run->protocol_opts, &run->protocol, &err),
            &err);
    if (run->images.count == 0 && !run->embeddings)
        run->images.items[run->images.count++] = run->list;
    return read_folder(run, run->list);
}

int eval_read_list(eval_run *run, const char *kind)
{
    facet_error err = { FACET_OK, "" };
    facet_protocol *p = &run->protocol;
    const facet_protocol_opts *opts = &run->protocol_opts;
    const char *list = run->list;
    facet_status st;

    if (strcmp(kind, "ijb") == 0)
        return eval_fail(
            facet_protocol_read_ijb(run->tables.items, run->tables.count,
                run->matches, run->gallery, run->probes, opts, p, &err),
            &err);
    if (!list)
        return usage("which list? Give it after the kind, or with --pairs");
    if (strcmp(kind, "pairs") == 0)
        st = facet_protocol_read_pairs(list, opts, p, &err);
    else if (strcmp(kind, "lfw") == 0)
        st = facet_protocol_read_lfw(list, run->flat, opts, p, &err);
    else if (strcmp(kind, "identify") == 0)
        st = facet_protocol_read_identify(list, opts, p, &err);
    else if (strcmp(kind, "cfp") == 0)
        st = facet_protocol_read_cfp(list, run->profile, opts, p, &err);
    else if (strcmp(kind, "ytf") == 0)
        st = facet_protocol_read_ytf(
            list, run->frames, run->max_frames, opts, p, &err);
    else {
        const int status = read_folder(run, list);

        if (status != EXIT_YES)
            return status;
        st = facet_protocol_all_pairs(p, opts, &err);
    }
    return eval_fail(st, &err);
}

/* Pictures that lie where the list says when --images does not. */
static void default_places(eval_run *run, const char *kind)
{
    if (run->images.count > 0 || run->embeddings)
        return;
    if (strcmp(kind, "ytf") == 0 && run->frames)
        run->images.items[run->images.count++] = run->frames;
    else if (run->list &&
             (strcmp(kind, "folder") == 0 || strcmp(kind, "cfp") == 0))
        run->images.items[run->images.count++] = run->list;
}

/* Ranks are of people who are in the gallery. */
static int check_mates(const eval_run *run)
{
    const facet_protocol *p = &run->protocol;
    bool *enrolled = calloc(p->n_subjects + 1, sizeof *enrolled);
    size_t mated = 0;

    if (!enrolled)
        return eval_fail(FACET_ENOMEM, NULL);
    for (size_t i = 0; i < p->n_gallery; i++)
        enrolled[p->templates[p->gallery[i].template_index].subject] = true;
    for (size_t i = 0; i < p->n_probes; i++)
        mated += enrolled[p->templates[p->probes[i].template_index].subject];
    free(enrolled);
    if (p->n_probes == 0 || mated > 0)
        return EXIT_YES;
    complain(
        "%s: no probe shows a person of the gallery, and ranks are of such "
        "ones: add probes of people who are in it",
        run->list ? run->list : run->probes);
    return EXIT_IO;
}

int eval_begin(eval_run *run, const char *kind)
{
    int status;

    default_places(run, kind);
    if (!run->fusion)
        run->fusion = strcmp(kind, "ytf") == 0 ? "mean-similarity" : "media";
    status = eval_read_list(run, kind);
    return status == EXIT_YES ? check_mates(run) : status;
}

int eval_scores_of(eval_run *run, const char *kind)
{
    int status = eval_begin(run, kind);

    if (status == EXIT_YES)
        status = eval_embed(run);
    return status == EXIT_YES ? eval_score(run) : status;
}

int eval_numbers(eval_run *run)
{
    int status = EXIT_YES;

    if (run->protocol.n_pairs > 0)
        status = eval_verify_metrics(run);
    if (status == EXIT_YES && run->protocol.n_probes > 0)
        status = eval_search_metrics(run);
    return status;
}

/* Where plots and the page go, and is the list of groups there? Before the
 * work. */
static int check_places(const eval_run *run)
{
    int status = need_place(run->report);

    if (run->cohort && access(run->cohort, R_OK) != 0) {
        complain("%s: %s", run->cohort, strerror(errno));
        return EXIT_IO;
    }
    for (size_t i = 0; i < run->plots.count && status == EXIT_YES; i++)
        status = need_place(run->plots.items[i]);
    return status;
}

/* One part that cannot be had does not cost the others; the status is of the
 * first. */
static int put_out(const eval_run *run)
{
    exit_number status = (exit_number)eval_print(run);

    if (run->cohort)
        note_status(&status, (exit_number)eval_print_cohorts(run));
    note_status(&status, (exit_number)eval_plots(run));
    if (run->report)
        note_status(&status, (exit_number)eval_page(run));
    return (int)status;
}

static int measure(eval_run *run, const char *kind)
{
    int status = check_places(run);

    if (status == EXIT_YES)
        status = eval_scores_of(run, kind);
    if (status == EXIT_YES)
        status = eval_numbers(run);
    if (status == EXIT_YES)
        status = put_out(run);
    return status == EXIT_YES ? eval_conditions(run) : status;
}

typedef struct kind {
    const char *name;
    int (*run)(eval_run *run); /* NULL: a list that is compared */
    size_t most;               /* words, with the kind */
} kind;

static const kind kinds[] = {
    { "pairs", NULL, 2 },
    { "lfw", NULL, 2 },
    { "ytf", NULL, 2 },
    { "ijb", NULL, 1 },
    { "cfp", NULL, 2 },
    { "identify", NULL, 2 },
    { "folder", NULL, 2 },
    { "cluster", eval_cluster, 3 },
    { "compare", eval_compare, 3 },
    { "mixed", eval_mixed, 3 },
    { "detect", eval_detect, 1 },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const kind *find_kind(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(name, kinds[i].name) == 0)
            return &kinds[i];
    return NULL;
}

static int refuse_kind(const char *name)
{
    char all[KINDS * 12];
    size_t used = 0;

    for (size_t i = 0; i < KINDS; i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s",
            i ? ", " : "", kinds[i].name);
    if (*name)
        complain("'%s' is no kind of measurement: give one of %s", name, all);
    else
        complain("what is measured? Give a kind first: one of %s", all);
    return EXIT_USAGE;
}

/* Options and words that a kind would pass over; a condition that nobody looks
 * at would always hold. */
static int check_kind(const eval_run *run, const kind *k)
{
    const int status = eval_check_options(run, k->name);

    if (status != EXIT_YES)
        return status;
    if (run->words.count > k->most) {
        complain("%s is one argument too many for %s",
            run->words.items[k->most], k->name);
        return EXIT_USAGE;
    }
    if (!k->run && run->list && run->words.count > 1)
        return usage("the list is given twice: as an argument and by --pairs");
    if (run->study.change != EVAL_AS_IS &&
        (run->conditions.count > 0 || run->report || run->plots.count > 0 ||
            run->cohort))
        return usage("--fail-if, --report, --plot and --cohort are for one "
                     "measurement, not for studies");
    return EXIT_YES;
}

static int run_kind(eval_run *run, const kind *k)
{
    const int status = check_kind(run, k);

    if (status != EXIT_YES)
        return status;
    if (k->run)
        return k->run(run);
    if (run->words.count > 1)
        run->list = run->words.items[1];
    return run->study.change == EVAL_AS_IS ? measure(run, k->name)
                                           : eval_studied(run, k->name);
}

int verb_eval(int argc, char **argv)
{
    struct argp argp = eval_argp;
    const kind *found;
    const char *word;
    eval_run run;
    int status;
    char name[] = "facet eval";

    argp.args_doc = "KIND [LIST]";
    argp.doc =
        "Measure how well embeddings tell people apart, or how well faces are "
        "found.\v"
        "KIND is pairs, lfw, ytf, ijb, cfp, identify, folder (LIST is the "
        "folder), cluster (LIST CLUSTERS: two files, a line an "
        "item, a tab and a label), "
        "compare (two networks on the same --pairs), mixed (OLD NEW: networks "
        "that compare with each other, on --pairs) or detect (--images and "
        "--boxes: average precision over faces of at least 50, 30 and 10 "
        "pixels). A comparison is accepted "
        "when its score is at least the threshold; a picture without a face "
        "counts as a rejection; a rate that the data cannot resolve is not "
        "printed. docs/eval/ tells what each number means.";
    argv[0] = name;
    eval_init(&run);
    argp_parse(&argp, argc, argv, 0, NULL, &run);
    word = run.words.count > 0 ? run.words.items[0] : "";
    found = find_kind(word);
    status = found ? run_kind(&run, found) : refuse_kind(word);
    eval_free(&run);
    return status;
}
