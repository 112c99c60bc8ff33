/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.c - photos to groups of faces that look like one person. */
#include "cluster.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "album.h"
#include "numbers.h"
#include "output.h"
#include "verbs.h"

/* How far below the threshold two clusters are shown as perhaps one. */
static const float perhaps = 0.06F;

typedef struct grouping {
    finder finder;
    const char *folder;
    facet_cluster_opts opts;
    char **words;
    int count;
    album album;
    exit_number status; /* of the first photo that failed */
    exit_number kept;   /* of the album, which others depend on */
} grouping;

enum { KEY_ALBUM = 0x700, KEY_METHOD, KEY_THRESHOLD, KEY_TOGETHER };

static const struct argp_option options[] = {
    { "album", KEY_ALBUM, "DIR", 0,
        "keep what is found there, with a page to look at: index.html", 0 },
    { "method", KEY_METHOD, "NAME", 0,
        "whispers (the default), average, complete, single, rank-order, "
        "dbscan or hdbscan",
        0 },
    { "threshold", KEY_THRESHOLD, "T", 0,
        "similarity from which on faces belong together by that method; "
        "default: as suits it and the network",
        0 },
    { "together", KEY_TOGETHER, NULL, 0, "faces of one photo may be one person",
        0 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    grouping *g = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &g->finder;
        break;
    case KEY_ALBUM:
        g->folder = text;
        break;
    case KEY_METHOD:
        if (!facet_cluster_method_parse(text, &g->opts.method))
            argp_error(state, "no method '%s'", text);
        break;
    case KEY_THRESHOLD:
        g->opts.threshold =
            (float)number_option(state, "--threshold", text, -1, 100);
        break;
    case KEY_TOGETHER:
        g->opts.photos_apart = false;
        break;
    case ARGP_KEY_ARGS:
        g->words = state->argv + state->next;
        g->count = state->argc - state->next;
        break;
    case ARGP_KEY_END:
        if (!g->count && !g->finder.list)
            argp_error(state, "no photo given");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* The album takes no more faces. */
static bool is_broken(const grouping *g)
{
    return g->kept == EXIT_IO || g->kept == EXIT_NO_MEMORY;
}

static bool take_photo(void *context, const found_photo *photo)
{
    grouping *g = context;

    if (photo->status != FACET_OK) {
        complain_of(photo->path, photo->message);
        note_status(&g->status, exit_for_photo(photo->status));
        return true;
    }
    g->kept = (exit_number)album_add(&g->album, &g->finder, photo);
    note_status(&g->status, g->kept);
    return !is_broken(g);
}

/* The photos that the album has faces of; NULL without memory. */
static char **known_photos(const album *a, size_t *count)
{
    char **known = calloc(a->count + 1, sizeof *known);

    for (size_t i = 0; known && i < a->count; i++)
        if (i == 0 || strcmp(a->faces[i].source, a->faces[i - 1].source) != 0)
            known[(*count)++] = a->faces[i].source;
    return known;
}

/* All photos that are new to the album. */
static int look(grouping *g, exit_number *looked)
{
    size_t count = 0;
    char **known = known_photos(&g->album, &count);
    inputs *in = finder_inputs(&g->finder, g->words, g->count);

    if (in && known) {
        inputs_pass_over(in, known, count);
        *looked = finder_run(&g->finder, in, take_photo, g);
    } else {
        g->kept = known ? EXIT_IO : EXIT_NO_MEMORY;
    }
    if (in)
        inputs_close(in);
    free(known);
    return is_broken(g) ? (int)g->kept : EXIT_YES;
}

static int group_photos(grouping *g)
{
    exit_number looked = EXIT_YES;
    float match_at;
    int status = look(g, &looked);

    if (status != EXIT_YES)
        return status;
    match_at = facet_pipeline_settings(g->finder.pipelines[0])->threshold;
    status = album_group(&g->album, &g->opts, match_at);
    if (status == EXIT_YES)
        status = album_list(&g->album,
            facet_cluster_threshold(FACET_CLUSTER_AVERAGE, match_at) - perhaps);
    if (status == EXIT_YES && g->folder)
        status = album_write(&g->album);
    if (status == EXIT_YES)
        status = album_print(&g->album);
    if (status == EXIT_YES)
        status = looked == EXIT_YES ? (int)g->status : (int)looked;
    return status;
}

static int run(int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &finder_argp, 0, NULL, 0 },
        { NULL, 0, NULL, 0 },
    };
    static const struct argp argp = { .options = options,
        .parser = parse,
        .args_doc = "PHOTO|FOLDER|-...",
        .doc = "Group the faces of photos by person. With --album, photos "
               "that come later join, and clusters keep their numbers.\v"
               "facet cluster name|merge|split|explain|list DIR ... work on an "
               "album.",
        .children = children };
    grouping g = { .status = EXIT_YES };
    int status;
    char name[] = "facet cluster";

    argv[0] = name;
    finder_init(&g.finder);
    facet_cluster_opts_init(&g.opts);
    argp_parse(&argp, argc, argv, 0, NULL, &g);
    g.opts.threads = g.finder.threads;
    status = finder_open(&g.finder);
    if (status == EXIT_YES)
        status = album_open(&g.album, g.folder, &g.finder, true);
    if (status == EXIT_YES && g.folder)
        status = album_load(&g.album);
    if (status == EXIT_YES)
        status = group_photos(&g);
    album_close(&g.album);
    finder_close(&g.finder);
    return status;
}

int verb_cluster(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = {
        { "name", cluster_name },
        { "merge", cluster_merge },
        { "split", cluster_split },
        { "explain", cluster_explain },
        { "list", cluster_list },
    };

    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(argv[1], verbs[i].name))
            return verbs[i].run(argc - 1, argv + 1);
    return run(argc, argv);
}
