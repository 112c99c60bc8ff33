/* SPDX-License-Identifier: Apache-2.0 */
/* gallery_remove.c - out, with a receipt: one JSON object for each person, or
 * one for all templates named. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "album.h"
#include "gallery.h"

static int remove_people(gallery_run *run, facet_gallery *g)
{
    facet_error err = { FACET_OK, "" };
    facet_status st = FACET_OK;

    for (int i = 0; i < run->count && st == FACET_OK; i++) {
        facet_removal receipt;
        uint64_t person;

        st = store_person(g, run->words[i], &person, &err);
        if (st == FACET_ENOTFOUND)
            snprintf(err.msg, sizeof err.msg, "there is no person \"%.100s\"",
                run->words[i]);
        if (st == FACET_OK)
            st = facet_gallery_remove_person(g, person, &receipt, &err);
        if (st == FACET_OK)
            puts(receipt.json);
    }
    return store_fail(&run->store, st, &err);
}

static int remove_templates(gallery_run *run, facet_gallery *g)
{
    uint64_t *ids = calloc((size_t)run->count, sizeof *ids);
    facet_removal receipt;
    facet_error err = { FACET_OK, "" };
    facet_status st = ids ? FACET_OK : FACET_ENOMEM;

    for (int i = 0; i < run->count && st == FACET_OK; i++) {
        char *end;

        ids[i] = strtoull(run->words[i], &end, 10);
        if (*end || end == run->words[i]) {
            snprintf(err.msg, sizeof err.msg,
                "\"%.100s\" is not the number of a template", run->words[i]);
            st = FACET_EINVAL;
        }
    }
    if (st == FACET_OK)
        st = facet_gallery_remove_templates(
            g, ids, (size_t)run->count, &receipt, &err);
    if (st == FACET_OK)
        puts(receipt.json);
    free(ids);
    return store_fail(&run->store, st, &err);
}

/* The pages of an album show its people, their names and faces: they go, too.
 * Whatever changes the album writes them anew. */
static int remove_pages(const char *file)
{
    static const char *const pages[] = { "index.html", "clusters.json" };
    const char *slash = strrchr(file, '/');
    const int folder = slash ? (int)(slash - file) + 1 : 0;
    const size_t room = strlen(file) + 32;
    char *path = malloc(room);
    int status = EXIT_YES;

    if (!path)
        return EXIT_NO_MEMORY;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        snprintf(path, room, "%.*s%s", folder, file, pages[i]);
        if (unlink(path) == 0)
            complain("%s: showed who is gone, and is gone until facet cluster "
                     "writes it anew",
                path);
        else if (errno != ENOENT) {
            complain("%s: %s", path, strerror(errno));
            status = EXIT_IO;
        }
    }
    free(path);
    return status;
}

static bool is_album(const char *file)
{
    const char *slash = strrchr(file, '/');

    return strcmp(slash ? slash + 1 : file, ALBUM_STORE) == 0;
}

int gallery_remove(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "templates", GALLERY_TEMPLATES, NULL, 0,
            "the arguments are numbers of templates", 0 },
        { 0 },
    };
    static const gallery_usage usage = { .name = "facet gallery remove",
        .args_doc = "FILE NAME|#ID...",
        .doc = "Erase people with all that is known of them; prints a receipt.",
        .options = options,
        .least = 1,
        .most = -1 };
    gallery_run run;
    facet_gallery *g = NULL;
    int status;

    gallery_parse(&run, &usage, argc, argv);
    status = store_open(&run.store, false, &g);
    if (status == EXIT_YES)
        status = run.template_ids ? remove_templates(&run, g)
                                  : remove_people(&run, g);
    facet_gallery_free(g);
    if (status == EXIT_YES && is_album(run.store.path))
        status = remove_pages(run.store.path);
    gallery_free(&run);
    return status;
}
