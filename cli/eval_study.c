/* SPDX-License-Identifier: Apache-2.0 */
/* eval_study.c - one measurement several times, a line each: for values of one
 * thing, as in tables 4 and 5 of FaceNet (papers.md A.6), and for an old
 * network, a new one, and the two mixed (A.7).
 *
 * Crops are changed as the network is about to see them, so that nothing but
 * the crop changes; in a changed photo the face would be found elsewhere. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "eval.h"
#include "exits.h"

enum { LABEL = 32 };

/* Of each change: its option, and what its values may be. */
static const struct {
    const char *name;
    double low, high;
} changes[] = {
    [EVAL_AS_IS] = { "as is", 0, 0 },
    [EVAL_JPEG] = { "jpeg", 1, 100 },
    [EVAL_PIXELS] = { "pixels", 16, 1e8 },
    [EVAL_DIMS] = { "dims", 1, 65536 },
};

const char *eval_change_name(eval_change change)
{
    return changes[change].name;
}

bool eval_study_parse(eval_study *study, const char *text)
{
    do {
        char *end;
        const double value = strtod(text, &end);

        if (end == text || (*end && *end != ',') ||
            !(value >= changes[study->change].low &&
                value <= changes[study->change].high) ||
            study->count == EVAL_MANY)
            return false;
        study->values[study->count++] = value;
        text = end + 1;
        if (!*end)
            return true;
    } while (true);
}

static int check(const eval_run *run)
{
    const char *what = eval_change_name(run->study.change);

    if (run->study.change == EVAL_DIMS)
        return EXIT_YES;
    if (run->embeddings) {
        complain("--%s changes pictures: it takes no --embeddings", what);
        return EXIT_USAGE;
    }
    if (run->margin < 0 && !run->nets.opts.aligned) {
        complain("--%s is for aligned crops: give --margin or --aligned, after "
                 "facet align where there are whole photos",
            what);
        return EXIT_USAGE;
    }
    return EXIT_YES;
}

/* Embeddings of `whole_dim` numbers become their first `dim`, of length 1. */
static int cut_off(
    eval_run *run, const float *whole, size_t whole_dim, size_t dim)
{
    run->dim = dim < whole_dim ? dim : whole_dim;
    run->files = calloc(run->protocol.n_files, run->dim * sizeof *run->files);
    if (!run->files)
        return eval_fail(FACET_ENOMEM, NULL);
    for (size_t i = 0; i < run->protocol.n_files; i++) {
        const float *from = whole + i * whole_dim;
        float *to = run->files + i * run->dim;
        double square = 0;

        for (size_t k = 0; k < run->dim; k++)
            square += (double)from[k] * (double)from[k];
        for (size_t k = 0; k < run->dim; k++)
            to[k] = (float)((double)from[k] / sqrt(square));
        run->failed += isnan(to[0]) != 0; /* no face, or nothing left of it */
    }
    return EXIT_YES;
}

/* What follows the scores. */
static int print_numbers(eval_run *run, const char *label, bool first)
{
    const int status = eval_numbers(run);

    return status == EXIT_YES ? eval_print_row(run, label, first) : status;
}

/* What follows the embeddings, which are forgotten then. */
static int print_row(eval_run *run, const char *label, bool first)
{
    int status = eval_score(run);

    if (status == EXIT_YES)
        status = print_numbers(run, label, first);
    eval_forget(run);
    return status;
}

static void write_label(const eval_run *run, char label[LABEL])
{
    if (run->change == EVAL_AS_IS)
        snprintf(label, LABEL, "as is");
    else
        snprintf(label, LABEL, "%s %.10g", eval_change_name(run->change),
            run->value);
}

/* Embeddings are made once and cut off again and again. */
static int study_dims(eval_run *run)
{
    const eval_study *s = &run->study;
    int status = eval_embed(run);
    float *whole = run->files;
    const size_t whole_dim = run->dim;
    char label[LABEL];

    run->files = NULL;
    for (size_t i = 0; i <= s->count && status == EXIT_YES; i++) {
        run->change = i < s->count ? EVAL_DIMS : EVAL_AS_IS;
        run->value = s->values[i];
        run->failed = 0;
        write_label(run, label);
        status = cut_off(run, whole, whole_dim,
            i < s->count ? (size_t)run->value : whole_dim);
        if (status == EXIT_YES)
            status = print_row(run, label, i == 0);
    }
    free(whole);
    return status;
}

static int study_pictures(eval_run *run)
{
    const eval_study *s = &run->study;
    int status = EXIT_YES;
    char label[LABEL];

    for (size_t i = 0; i <= s->count && status == EXIT_YES; i++) {
        run->change = i < s->count ? s->change : EVAL_AS_IS;
        run->value = s->values[i];
        write_label(run, label);
        status = eval_embed(run);
        if (status == EXIT_YES)
            status = print_row(run, label, i == 0);
    }
    return status;
}

int eval_studied(eval_run *run, const char *kind)
{
    int status = check(run);

    if (status == EXIT_YES)
        status = eval_begin(run, kind);
    if (status != EXIT_YES)
        return status;
    return run->study.change == EVAL_DIMS ? study_dims(run)
                                          : study_pictures(run);
}

/* ---- an old network and a new one ---- */

/* Embeddings of all files by one network, as templates. */
typedef struct side {
    float *templates; /* [n_templates, dim] */
    size_t dim;
} side;

static int look_with(
    eval_run *run, const char *network, const char *label, bool first, side *s)
{
    const facet_protocol *p = &run->protocol;
    int status;

    run->nets.embedder = network;
    status = eval_embed(run);
    if (status != EXIT_YES)
        return status;
    s->dim = run->dim;
    s->templates = calloc(p->n_templates, s->dim * sizeof *s->templates);
    status = eval_fail(s->templates ? facet_protocol_fuse(p, run->files,
                                          run->dim, NULL, s->templates)
                                    : FACET_ENOMEM,
        NULL);
    return status == EXIT_YES ? print_row(run, label, first) : status;
}

/* Who was enrolled before the change, seen after it: the first of each pair by
 * the old network, the second by the new one. */
static int compare_sides(eval_run *run, const side *old, const side *new)
{
    const facet_protocol *p = &run->protocol;
    facet_error err = { FACET_OK, "" };
    facet_status st = FACET_ENOMEM;

    if (old->dim != new->dim) {
        complain("the old network gives %zu numbers, the new one %zu: they do "
                 "not compare",
            old->dim, new->dim);
        return EXIT_BAD_MODEL;
    }
    run->comparisons = calloc(p->n_pairs, sizeof *run->comparisons);
    if (run->comparisons)
        st = facet_protocol_compare_across(
            p, old->templates, new->templates, old->dim, run->comparisons);
    if (st == FACET_OK)
        st =
            facet_curve_create(run->comparisons, p->n_pairs, &run->curve, &err);
    return st == FACET_OK ? print_numbers(run, "old with new", false)
                          : eval_fail(st, &err);
}

int eval_mixed(eval_run *run)
{
    side old = { NULL, 0 }, new = { NULL, 0 };
    int status;

    if (run->words.count != 3) {
        complain("mixed wants an old network and a new one, --pairs and "
                 "--images");
        return EXIT_USAGE;
    }
    status = eval_begin(run, "pairs");
    if (status == EXIT_YES)
        status = look_with(run, run->words.items[1], "old", true, &old);
    if (status == EXIT_YES)
        status = look_with(run, run->words.items[2], "new", false, &new);
    if (status == EXIT_YES)
        status = compare_sides(run, &old, &new);
    free(old.templates);
    free(new.templates);
    return status;
}
