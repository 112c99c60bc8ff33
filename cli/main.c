/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - facet VERB ...: find the verb and let it do the rest. To add one,
 * write a file and add a line to verbs.h and to the table here. */
#include <argp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"
#include "facet/version.h"
#include "processor.h"
#include "verbs.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *does;
} verbs[] = {
    { "detect", verb_detect, "find the faces of photos" },
    { "align", verb_align, "cut faces out, upright and of one size" },
    { "embed", verb_embed, "turn the faces of photos into embeddings" },
    { "verify", verb_verify, "say whether two photos show one person" },
    { "identify", verb_identify, "say who the people of photos are" },
    { "enroll", verb_enroll, "add people to a gallery" },
    { "gallery", verb_gallery, "keep galleries of people" },
    { "cluster", verb_cluster, "group the faces of photos by person" },
    { "eval", verb_eval, "measure how good embeddings are" },
    { "calibrate", verb_calibrate, "give similarities a meaning" },
    { "dataset", verb_dataset,
        "make a data set of what searches for names found" },
    { "train", verb_train, "train a network after a recipe" },
    { "model", verb_model, "look at a network, or make a foreign one fit" },
    { "synth", verb_synth, "make pictures of people who do not exist" },
    { "bench", verb_bench, "time the networks on this machine" },
    { "selftest", verb_selftest, "check the engine on this machine" },
};
enum { VERB_COUNT = sizeof verbs / sizeof *verbs };

static void help(FILE *to)
{
    fputs("Usage: facet VERB [OPTION...] [PHOTO...]\n"
          "From photos of faces to embeddings, and from embeddings to "
          "answers.\n\n",
        to);
    for (int i = 0; i < VERB_COUNT; i++)
        fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].does);
    fputs("\n`facet VERB --help` tells more of each; so does `man facet`. "
          "`facet\n--version` says which facet this is.\n\n",
        to);
    fputs(exit_table, to);
}

static int run_verb(int index, int argc, char **argv)
{
    const int status = check_processor();

    return status == EXIT_YES ? verbs[index].run(argc, argv) : status;
}

/* A full disk or a closed pipe shows at the latest here. */
static int flushed(int status)
{
    const bool good = !ferror(stdout) && fflush(stdout) == 0;

    if (good || status > EXIT_NO_MATCH)
        return status;
    complain("the output could not be written");
    return EXIT_IO;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";

    argp_err_exit_status = EXIT_USAGE;
    signal(SIGPIPE, SIG_IGN); /* a failing write tells the same */
    if (!strcmp(verb, "--help") || !strcmp(verb, "help") ||
        !strcmp(verb, "-h")) {
        help(stdout);
        return flushed(EXIT_YES);
    }
    if (!strcmp(verb, "--version")) {
        printf("facet %s\n", facet_version());
        return flushed(EXIT_YES);
    }
    for (int i = 0; i < VERB_COUNT; i++)
        if (!strcmp(verb, verbs[i].name))
            return flushed(run_verb(i, argc - 1, argv + 1));
    if (*verb)
        complain("there is no verb '%s'", verb);
    help(stderr);
    return EXIT_USAGE;
}
