/* SPDX-License-Identifier: Apache-2.0 */
/* gallery_exchange.c - a gallery as JSON Lines, out and in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gallery.h"
#include "output.h"

static facet_status print_line(void *context, const char *line, size_t length)
{
    (void)context;
    return fwrite(line, 1, length, stdout) == length && putchar('\n') != EOF
               ? FACET_OK
               : FACET_EIO;
}

int gallery_export(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "person", GALLERY_PERSON, "NAME", 0, "of this person (or #ID) alone",
            0 },
        { 0 },
    };
    static const gallery_usage usage = { .name = "facet gallery export",
        .args_doc = "FILE",
        .doc = "All that a gallery holds, or all it holds of a person, as JSON "
               "Lines: embeddings and crops included, in the clear.",
        .options = options };
    gallery_run run;
    facet_gallery *g = NULL;
    facet_error err = { FACET_OK, "" };
    facet_status st = FACET_OK;
    uint64_t person = 0;
    int status;

    gallery_parse(&run, &usage, argc, argv);
    status = store_open(&run.store, true, &g);
    if (status == EXIT_YES && run.person) {
        st = store_person(g, run.person, &person, &err);
        if (st == FACET_ENOTFOUND)
            snprintf(err.msg, sizeof err.msg, "there is no person \"%.100s\"",
                run.person);
    }
    if (status == EXIT_YES && st == FACET_OK)
        st = facet_gallery_export(g, person, print_line, NULL, &err);
    if (status == EXIT_YES && ferror(stdout)) /* main tells of stdout */
        status = EXIT_IO;
    else if (status == EXIT_YES)
        status = store_fail(&run.store, st, &err);
    facet_gallery_free(g);
    gallery_free(&run);
    return status;
}

/* All of a file; NULL, having complained. To be freed. */
static char *read_all(const char *name, size_t *size)
{
    FILE *from = strcmp(name, "-") ? fopen(name, "rb") : stdin;
    char *text = NULL, *grown;
    size_t room = 1 << 16, n = 1;

    *size = 0;
    while (from && n > 0) {
        grown = realloc(text, room);
        if (!grown)
            break;
        text = grown;
        n = fread(text + *size, 1, room - *size, from);
        *size += n;
        if (*size == room)
            room *= 2;
    }
    if (from && n == 0 && !ferror(from)) {
        if (from != stdin)
            fclose(from);
        return text;
    }
    complain("%s: %s", name, strerror(errno ? errno : ENOMEM));
    if (from && from != stdin)
        fclose(from);
    free(text);
    return NULL;
}

/* What is wrong with a line is the fault of the lines, not of the gallery. */
static int import_from(
    store *s, facet_gallery *g, const char *name, facet_import_report *report)
{
    size_t size = 0;
    char *text = read_all(name, &size);
    facet_error err = { FACET_OK, "" };
    facet_status st;

    if (!text)
        return EXIT_IO;
    st = facet_gallery_import(g, text, size, report, &err);
    free(text);
    if (st == FACET_OK || strncmp(err.msg, "line ", 5) != 0)
        return store_fail(s, st, &err);
    complain("%s: %s", strcmp(name, "-") ? name : "standard input", err.msg);
    return (int)exit_for_gallery(st);
}

int gallery_import(int argc, char **argv)
{
    static const gallery_usage usage = { .name = "facet gallery import",
        .args_doc = "FILE LINES|-",
        .doc = "Add what facet gallery export has written: all or nothing. "
               "People are joined by name.",
        .least = 1,
        .most = 1 };
    gallery_run run;
    facet_gallery *g = NULL;
    facet_import_report report;
    int status;

    gallery_parse(&run, &usage, argc, argv);
    status = store_open(&run.store, false, &g);
    if (status == EXIT_YES)
        status = import_from(&run.store, g, run.words[0], &report);
    if (status == EXIT_YES &&
        !json_line(json_pack("{s:I, s:I, s:I}", "people_added",
            (json_int_t)report.people_added, "people_found",
            (json_int_t)report.people_found, "templates",
            (json_int_t)report.templates)))
        status = EXIT_NO_MEMORY;
    facet_gallery_free(g);
    gallery_free(&run);
    return status;
}
