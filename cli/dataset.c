/* SPDX-License-Identifier: Apache-2.0 */
/* dataset.c - pictures that were found for names, to a data set that a person
 * has only to look over. Lists and embeddings are read as in facet eval. */
#include "dataset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"
#include "numbers.h"
#include "output.h"
#include "page.h"
#include "verbs.h"

enum { KEY_FIRST = 0x600, KEY_KEEP, KEY_DUPLICATE, KEY_BLOCK };

static const struct argp_option options[] = {
    { NULL, 0, NULL, 0, "The data set:", 5 },
    { "out", 'o', "DIR", 0, "where candidates.tsv and index.html go (required)",
        5 },
    { "first", KEY_FIRST, "N", 0,
        "so many of a name's candidates, from the first on, are taken for the "
        "person to begin with; default 50",
        5 },
    { "keep", KEY_KEEP, "SHARE", 0,
        "of a name's candidates that stays after ranking; default 0.5", 5 },
    { "duplicate", KEY_DUPLICATE, "D", 0,
        "pictures whose cosine is at least 1 - D are one; 0: exact copies "
        "only; -1: none. Default 0.03",
        5 },
    { "block", KEY_BLOCK, "N", 0, "pictures shown together; default 200", 5 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    dataset *d = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &d->run;
        break;
    case 'o':
        d->folder = text;
        break;
    case KEY_FIRST:
        d->opts.first = (size_t)whole_option(state, "--first", text, 1, 1e6);
        break;
    case KEY_KEEP:
        d->opts.keep = number_option(state, "--keep", text, 1e-6, 1);
        break;
    case KEY_DUPLICATE:
        d->opts.duplicate = number_option(state, "--duplicate", text, -1, 1);
        break;
    case KEY_BLOCK:
        d->opts.block = (size_t)whole_option(state, "--block", text, 1, 1e6);
        break;
    case ARGP_KEY_ARG:
        if (d->run.words.count == 1)
            argp_error(state, "one list or folder, not more");
        d->run.words.items[d->run.words.count++] = text;
        break;
    case ARGP_KEY_END:
        if (d->run.words.count == 0)
            argp_error(state, "which candidates? Give a list or a folder");
        if (!d->folder)
            argp_error(state, "say with --out where the answer goes");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* ---- Names ---- */

/* What lists cannot hold, or read back as something else; NULL for a good
 * name. */
static const char *fault_of(const char *name)
{
    const size_t length = strlen(name);
    json_t *text = json_string(name); /* of UTF-8 only */

    json_decref(text);
    if (strpbrk(name, "\t\n\r"))
        return "a tab or a line end in its name";
    if (length == 0 || name[0] == ' ' || name[length - 1] == ' ')
        return "a blank at an end of its name";
    return text ? NULL : "a name that is not UTF-8";
}

/* Is there a fault, and told? */
static bool tell_fault(const char *name, const char *fault)
{
    char *plain = fault ? strdup(name) : NULL;
    json_t *text;

    if (!fault)
        return false;
    for (char *at = plain; at && *at; at++)
        if ((unsigned char)*at < ' ')
            *at = '?';
    text = plain ? json_path(plain) : NULL;
    complain("'%s' has %s, which candidates.tsv and the list that the page "
             "saves cannot hold: rename it",
        text ? json_string_value(text) : "", fault);
    json_decref(text);
    free(plain);
    return true;
}

/* Names of people first: they are those of folders, and would be told again
 * with each file. A # makes a comment of a line, which begins with a file. */
static int check_names(const facet_protocol *p)
{
    size_t people = 0, files = 0;

    for (size_t i = 0; i < p->n_subjects; i++)
        people += tell_fault(p->subjects[i], fault_of(p->subjects[i]));
    for (size_t i = 0; people == 0 && i < p->n_files; i++)
        files += tell_fault(p->files[i],
            *p->files[i] == '#' ? "a # at the beginning of its name"
                                : fault_of(p->files[i]));
    return people + files == 0 ? EXIT_YES : EXIT_IO;
}

/* ---- Candidates ---- */

static int allocate(dataset *d)
{
    const size_t count = d->run.protocol.n_files;

    d->names = calloc(count, sizeof *d->names);
    d->became = calloc(count, sizeof *d->became);
    d->order = calloc(count, sizeof *d->order);
    return eval_fail(
        d->names && d->became && d->order ? FACET_OK : FACET_ENOMEM, NULL);
}

/* Candidates name by name, each in order of rank: a place for every rank, since
 * those of a name are 0, 1, 2 ... */
static int put_in_order(dataset *d)
{
    const facet_protocol *p = &d->run.protocol;
    size_t *first = calloc(p->n_subjects + 1, sizeof *first);

    if (!first)
        return eval_fail(FACET_ENOMEM, NULL);
    for (size_t i = 0; i < p->n_files; i++)
        first[d->names[i] + 1]++;
    for (size_t n = 0; n < p->n_subjects; n++)
        first[n + 1] += first[n];
    for (size_t i = 0; i < p->n_files; i++)
        d->order[first[d->names[i]] + d->became[i].rank] = (uint32_t)i;
    free(first);
    return EXIT_YES;
}

static int collect(dataset *d)
{
    const facet_protocol *p = &d->run.protocol;
    facet_error err = { FACET_OK, "" };
    int status = allocate(d);

    if (status != EXIT_YES)
        return status;
    for (size_t i = 0; i < p->n_templates; i++)
        d->names[p->members[p->templates[i].first].file] =
            p->templates[i].subject;
    d->opts.threads = d->run.threads;
    status = eval_fail(facet_collect(&(facet_candidates){ d->run.files,
                                         d->names, p->n_files, d->run.dim },
                           &d->opts, d->became, &err),
        &err);
    return status == EXIT_YES ? put_in_order(d) : status;
}

/* ---- What comes out ---- */

static bool put_table(const void *context, FILE *to)
{
    const dataset *d = context;
    const facet_protocol *p = &d->run.protocol;

    fputs("file\tname\tstage\trank\tscore\tblock\tduplicate_of\n", to);
    for (size_t k = 0; k < p->n_files; k++) {
        const uint32_t i = d->order[k];
        const facet_collected *c = &d->became[i];
        const bool proposed = c->stage == FACET_COLLECT_PROPOSED;

        fprintf(to, "%s\t%s\t%s\t%" PRIu32 "\t%.5f\t", p->files[i],
            p->subjects[d->names[i]], facet_collect_stage_name(c->stage),
            c->rank, (double)c->score);
        if (proposed)
            fprintf(to, "%" PRIu32, c->block);
        fprintf(to, "\t%s\n",
            c->stage == FACET_COLLECT_DUPLICATE ? p->files[c->of] : "");
    }
    return !ferror(to);
}

static int print_summary(const dataset *d)
{
    const facet_protocol *p = &d->run.protocol;
    json_int_t stages[FACET_COLLECT_DUPLICATE + 1] = { 0 };

    for (size_t i = 0; i < p->n_files; i++)
        stages[d->became[i].stage]++;
    return json_line(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "names",
               (json_int_t)p->n_subjects, "candidates", (json_int_t)p->n_files,
               "no_face", stages[FACET_COLLECT_NO_FACE], "unlike",
               stages[FACET_COLLECT_UNLIKE], "duplicates",
               stages[FACET_COLLECT_DUPLICATE], "proposed",
               stages[FACET_COLLECT_PROPOSED]))
               ? EXIT_YES
               : EXIT_NO_MEMORY;
}

/* With embeddings from a file, pictures are for the page alone. */
static int open_pictures(eval_run *run)
{
    facet_error err = { FACET_OK, "" };

    if (!run->embeddings || run->images.count == 0)
        return EXIT_YES;
    return eval_fail(facet_pictures_open(run->images.items, run->images.count,
                         &run->pictures, &err),
        &err);
}

/* All that can be known to be in the way before hours of embedding. */
static int prepare(dataset *d)
{
    int status = eval_read_people(&d->run);

    if (status == EXIT_YES)
        status = check_names(&d->run.protocol);
    if (status == EXIT_YES)
        status = need_folder(d->folder);
    if (status == EXIT_YES)
        status = need_writable(d->folder);
    return status == EXIT_YES ? open_pictures(&d->run) : status;
}

static int build(dataset *d)
{
    int status = prepare(d);

    if (status == EXIT_YES)
        status = eval_embed(&d->run);
    if (status == EXIT_YES)
        status = collect(d);
    if (status == EXIT_YES)
        status = page_file(d->folder, "candidates.tsv", put_table, d);
    if (status == EXIT_YES && d->run.pictures)
        status = dataset_page(d);
    if (status == EXIT_YES)
        status = print_summary(d);
    return status == EXIT_YES ? d->run.broken : status;
}

int verb_dataset(int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &eval_source_argp, 0, NULL, 0 },
        { NULL, 0, NULL, 0 },
    };
    static const struct argp argp = { .options = options,
        .parser = parse,
        .args_doc = "LIST|FOLDER",
        .doc =
            "Make a data set of pictures that searches for names have found: "
            "lines `file name`, or a folder with a folder for each name, the "
            "best finds first. What looks least like the others is left out, "
            "near duplicates are merged, and the rest is shown in blocks on a "
            "page, where a person accepts them and saves the list.\v"
            "candidates.tsv has what became of each. With --embeddings and "
            "without --images there is no page.",
        .children = children };
    dataset d = { .folder = NULL };
    int status;
    char name[] = "facet dataset";

    argv[0] = name;
    eval_init(&d.run);
    d.run.goes_on = true;
    facet_collect_opts_init(&d.opts);
    argp_parse(&argp, argc, argv, 0, NULL, &d);
    status = build(&d);
    eval_free(&d.run);
    free(d.names);
    free(d.became);
    free(d.order);
    return status;
}
