/* SPDX-License-Identifier: Apache-2.0 */
/* eval_options.c - which options are for which kinds of measurement. */
#include <string.h>

#include "eval.h"
#include "exits.h"

#define LISTS "pairs, lfw, ytf, ijb, cfp, identify, folder"

/* Options that are not listed are for all kinds. */
static const struct {
    const char *option, *kinds;
} rules[] = {
    { "pairs", "pairs, lfw, ytf, cfp, identify, folder, compare, mixed, "
               "calibrate" },
    { "flat", "lfw" },
    { "profile", "cfp" },
    { "frames", "ytf" },
    { "max-frames", "ytf" },
    { "table", "ijb" },
    { "matches", "ijb" },
    { "gallery", "ijb" },
    { "probes", "ijb" },
    { "boxes", "detect" },
    { "duplicates", "pairs, lfw, ytf, ijb, cfp, compare, mixed, calibrate" },
    { "fusion", LISTS ", compare, mixed, calibrate" },
    { "best", LISTS ", compare, mixed, calibrate" },
    { "images", LISTS ", compare, mixed, detect, calibrate" },
    { "margin", LISTS ", compare, mixed, calibrate" },
    { "views", LISTS ", compare, mixed, calibrate" },
    { "unaligned", LISTS ", compare, mixed, calibrate" },
    { "embeddings", LISTS ", calibrate" },
    { "names", LISTS ", calibrate" },
    { "cache", LISTS ", compare, mixed, calibrate" },
    { "compact", LISTS ", compare, mixed, calibrate" },
    { "threads", LISTS ", compare, mixed, detect, calibrate" },
    { "jpeg", LISTS },
    { "pixels", LISTS },
    { "dims", LISTS },
    { "report", LISTS },
    { "plot", LISTS },
    { "cohort", LISTS },
    { "fail-if", LISTS ", detect" },
    { "rounds", LISTS ", compare, mixed, calibrate" },
    { "seed", LISTS ", compare, mixed, calibrate" },
    { "out", "calibrate" },
};

static bool is_given(const eval_run *run, const char *option)
{
    for (size_t i = 0; i < run->n_given; i++)
        if (strcmp(run->given[i], option) == 0)
            return true;
    return false;
}

void eval_note_option(eval_run *run, const struct argp_option *options, int key)
{
    const struct argp_option *option = options;

    while ((option->name || option->doc) && option->key != key)
        option++;
    if (option->name && !is_given(run, option->name) &&
        run->n_given < EVAL_OPTIONS)
        run->given[run->n_given++] = option->name;
}

/* Is the word one of the list's? */
static bool is_among(const char *list, const char *word)
{
    const size_t n = strlen(word);
    const char *at = list;

    while ((at = strstr(at, word)) != NULL) {
        if ((at == list || at[-1] == ' ') && (at[n] == ',' || !at[n]))
            return true;
        at += n;
    }
    return false;
}

int eval_check_options(const eval_run *run, const char *kind)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (is_given(run, rules[i].option) && !is_among(rules[i].kinds, kind)) {
            complain("--%s is for %s; %s has no use for it", rules[i].option,
                rules[i].kinds, kind);
            return EXIT_USAGE;
        }
    if (is_given(run, "best") &&
        (!run->fusion || strcmp(run->fusion, "best") != 0)) {
        complain("--best is for --fusion best");
        return EXIT_USAGE;
    }
    return EXIT_YES;
}
