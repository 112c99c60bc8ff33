/* SPDX-License-Identifier: Apache-2.0 */
/* model_set.c - entries of a network's metadata, and golden answers. */
#include "model_set.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exits.h"
#include "facet/golden.h"
#include "facet/settings.h"
#include "numbers.h"

enum { ENTRIES = 64, KEY_GOLDEN = 0x300 };

typedef struct setting {
    const char *paths[2];
    int n_paths;
    char *entries[ENTRIES]; /* KEY=TEXT */
    int n_entries;
    size_t golden; /* answers to write; 0: leave what is there */
} setting;

static void take_argument(
    setting *s, char *text, const struct argp_state *state)
{
    if (s->n_paths < 2) {
        s->paths[s->n_paths++] = text;
        return;
    }
    if (text[0] == '=' || !strchr(text, '='))
        argp_error(state, "'%s' is not KEY=TEXT", text);
    if (s->n_entries == ENTRIES)
        argp_error(state, "more than %d entries", ENTRIES);
    s->entries[s->n_entries++] = text;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    setting *s = state->input;

    switch (key) {
    case KEY_GOLDEN:
        s->golden = (size_t)whole_option(
            state, "--golden", text, 1, FACET_GOLDEN_CASES);
        break;
    case ARGP_KEY_ARG:
        take_argument(s, text, state);
        break;
    case ARGP_KEY_END:
        if (s->n_paths < 2)
            argp_error(state, "two file names are needed: from and to");
        if (!s->n_entries && !s->golden)
            argp_error(state, "no KEY=TEXT and no --golden: nothing to do");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* Write one entry; without a text it is removed. */
static facet_status set_entry(
    const char *from, char *entry, const char *to, facet_error *err)
{
    char *text = strchr(entry, '=');

    *text++ = '\0';
    return facet_model_set_metadata(from, entry, *text ? text : NULL, to, err);
}

/* Is it still a network whose settings can be read? One that has none may stay
 * so. */
static facet_status check(const char *path, facet_error *err)
{
    facet_model_opts opts;
    facet_model *model;
    facet_settings settings;
    facet_status st;

    facet_model_opts_init(&opts);
    opts.precision = FACET_PRECISION_FP32;
    st = facet_model_load(path, &opts, &model, err);
    if (st == FACET_OK &&
        facet_model_metadata(model, "facet.task", NULL, 0) >= 0)
        st = facet_settings_read(model, &settings, err);
    facet_model_free(model);
    return st;
}

/* All of it; `to` is written step by step. */
static facet_status set_all(setting *s, const char *to, facet_error *err)
{
    const char *from = s->paths[0];
    facet_status st = FACET_OK;

    for (int i = 0; i < s->n_entries && st == FACET_OK; i++) {
        st = set_entry(from, s->entries[i], to, err);
        from = to;
    }
    if (st == FACET_OK)
        st = check(from, err);
    if (st == FACET_OK && s->golden)
        st = facet_golden_write(from, s->golden, to, err);
    return st;
}

/* By way of `part`, with the rights `mode` unless it is 0. */
static int write_by_part(
    setting *s, const char *part, const char *to, mode_t mode)
{
    facet_error err = { FACET_OK, "" };
    const facet_status st = set_all(s, part, &err);

    if (st != FACET_OK)
        complain_of(s->paths[0], *err.msg ? err.msg : facet_status_str(st));
    else if ((mode && chmod(part, mode) != 0) || rename(part, to) != 0)
        complain("%s: %s", to, strerror(errno));
    else
        return EXIT_YES;
    (void)unlink(part);
    return st == FACET_OK ? EXIT_IO : (int)exit_for_model(st);
}

/* To where `to` leads, if it is a link. */
static int write_copy(setting *s, const char *to)
{
    char *target = realpath(to, NULL);
    const char *path = target ? target : to;
    const size_t size = strlen(path) + sizeof ".18446744073709551615.part";
    char *part = malloc(size);
    struct stat old;
    int status = EXIT_NO_MEMORY;

    if (!part)
        complain("%s", facet_status_str(FACET_ENOMEM));
    else {
        snprintf(part, size, "%s.%ld.part", path, (long)getpid());
        status = write_by_part(s, part, path,
            target && stat(target, &old) == 0 ? old.st_mode & 0777 : 0);
    }
    free(part);
    free(target);
    return status;
}

/* A pipe or a device is not to be replaced by a file. */
static int need_file(const char *path)
{
    struct stat about;

    if (stat(path, &about) != 0 || S_ISREG(about.st_mode))
        return need_place(path);
    complain("%s: it is no regular file; name one", path);
    return EXIT_IO;
}

int model_set(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "golden", KEY_GOLDEN, "N", 0,
            "write N answers to pictures made by a formula, which facet "
            "selftest, and one of them every load, compares with",
            0 },
        { 0 },
    };
    const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "FROM.onnx TO.onnx [KEY=TEXT...]",
        .doc = "Write a copy of an ONNX network with entries of its metadata "
               "changed, such as facet.license, facet.source, facet.data, "
               "facet.threshold. KEY= removes one.",
    };
    setting s = { .n_paths = 0 };
    int status;

    argp_parse(&argp, argc, argv, 0, NULL, &s);
    status = need_file(s.paths[1]);
    return status == EXIT_YES ? write_copy(&s, s.paths[1]) : status;
}
