/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

enum { KEY_STORE = 0x400, KEY_NAME, KEY_KEY, KEY_PASSPHRASE, NAME_ROOM = 4096 };

static const struct argp_option options[] = {
    { NULL, 0, NULL, 0, "Gallery:", 3 },
    { "store", KEY_STORE, "WHERE", 0,
        "the gallery, in place of FILE: a file, or a server's "
        "postgresql://USER@HOST/DATABASE",
        3 },
    { "gallery-name", KEY_NAME, "NAME", 0,
        "which gallery of the file; default \"default\"", 3 },
    { "key-file", KEY_KEY, "FILE", 0,
        "the gallery is encrypted with the bytes of FILE", 3 },
    { "passphrase-file", KEY_PASSPHRASE, "FILE", 0,
        "... with the first line of FILE", 3 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    store *s = state->input;

    switch (key) {
    case KEY_STORE:
        s->path = text;
        break;
    case KEY_NAME:
        s->opts.name = text;
        break;
    case KEY_KEY:
        s->opts.key_file = text;
        break;
    case KEY_PASSPHRASE:
        s->passphrase_file = text;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

const struct argp store_argp = { .options = options, .parser = parse };

void store_init(store *s)
{
    *s = (store){ .path = NULL };
    facet_gallery_opts_init(&s->opts);
}

void store_free(store *s)
{
    /* volatile: a compiler may leave out what nobody reads again */
    for (volatile char *at = s->passphrase; at && *at; at++)
        *at = '\0';
    free(s->passphrase);
    s->passphrase = NULL;
}

/* What stands in the file's first line; NULL when that is nothing. */
static char *first_line(FILE *file)
{
    size_t room = 0;
    char *line = NULL;

    if (getline(&line, &room, file) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (*line)
            return line;
    }
    free(line);
    return NULL;
}

/* The passphrase out of its file. */
static int learn_passphrase(store *s)
{
    FILE *file;

    if (!s->passphrase_file || s->passphrase)
        return EXIT_YES;
    file = fopen(s->passphrase_file, "r");
    s->passphrase = file ? first_line(file) : NULL;
    if (!s->passphrase)
        complain("%s: %s", s->passphrase_file,
            file ? "there is no passphrase" : strerror(errno));
    if (file)
        fclose(file);
    if (!s->passphrase)
        return EXIT_IO;
    s->opts.passphrase = s->passphrase;
    return EXIT_YES;
}

exit_number exit_for_gallery(facet_status status)
{
    switch (status) {
    case FACET_OK:
        return EXIT_YES;
    case FACET_EINVAL:
        return EXIT_USAGE;
    case FACET_ENOMEM:
        return EXIT_NO_MEMORY;
    case FACET_ECONTRACT:
    case FACET_EMODEL:
        return EXIT_BAD_MODEL;
    case FACET_ECANCELED:
        return EXIT_INTERRUPTED;
    case FACET_EINTERNAL:
        return EXIT_FAULT;
    default:
        return EXIT_IO;
    }
}

json_t *json_where(const store *s)
{
    char where[NAME_ROOM];

    facet_gallery_where(s->path, where, sizeof where);
    return json_path(where);
}

int store_fail(const store *s, facet_status status, const facet_error *err)
{
    const char *message =
        err && *err->msg ? err->msg : facet_status_str(status);
    char where[NAME_ROOM];

    facet_gallery_where(s->path, where, sizeof where);
    if (status != FACET_OK && strstr(message, where)) /* it says where */
        complain("%s", message);
    else if (status != FACET_OK)
        complain("%s: %s", where, message);
    return (int)exit_for_gallery(status);
}

int store_open(store *s, bool read_only, facet_gallery **out)
{
    facet_error err = { FACET_OK, "" };
    int status = learn_passphrase(s);

    *out = NULL;
    s->opts.read_only = read_only;
    return status == EXIT_YES
               ? store_fail(
                     s, facet_gallery_open(s->path, &s->opts, out, &err), &err)
               : status;
}

int store_create(
    store *s, const facet_contract *contract, size_t dim, facet_gallery **out)
{
    facet_error err = { FACET_OK, "" };
    int status = learn_passphrase(s);

    *out = NULL;
    return status == EXIT_YES ? store_fail(s,
                                    facet_gallery_create(s->path, contract->id,
                                        dim, &s->opts, out, &err),
                                    &err)
                              : status;
}

facet_status store_person(
    const facet_gallery *g, const char *word, uint64_t *id, facet_error *err)
{
    char name[NAME_ROOM], *end;
    facet_status st = facet_gallery_find_person(g, word, id, err);

    if (st != FACET_ENOTFOUND || *word != '#')
        return st;
    *id = strtoull(word + 1, &end, 10);
    return *end || end == word + 1
               ? st
               : facet_gallery_person_name(g, *id, name, sizeof name, err);
}

json_t *json_person(const facet_gallery *g, uint64_t id)
{
    char name[NAME_ROOM];
    json_t *object = json_object();

    json_object_set_new(object, "id", json_integer((json_int_t)id));
    if (facet_gallery_person_name(g, id, name, sizeof name, NULL) == FACET_OK)
        json_object_set_new(object, "name", json_path(name));
    return object;
}
