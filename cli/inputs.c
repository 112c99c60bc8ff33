/* SPDX-License-Identifier: Apache-2.0 */
#include "inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "claims.h"
#include "exits.h"

struct inputs {
    char **names; /* in the order they are handed out */
    size_t count, room, next;
    FILE *list; /* what comes after the names */
    char separator;
    bool failed;
    bool once;   /* no file twice */
    claims seen; /* the files that are known or came before */
    size_t passed_over;
};

static char *joined(const char *folder, const char *name)
{
    const size_t length = strlen(folder);
    const char *slash = length && folder[length - 1] == '/' ? "" : "/";
    const size_t size = length + strlen(name) + 2;
    char *path = malloc(size);

    if (path)
        snprintf(path, size, "%s%s%s", folder, slash, name);
    return path;
}

static void fail_memory(inputs *in)
{
    if (!in->failed)
        complain("not enough memory for the names of the photos");
    in->failed = true;
}

/* Takes over `name`. */
static void append(inputs *in, char *name)
{
    if (name && in->count == in->room) {
        const size_t room = in->room ? 2 * in->room : 64;
        char **names = realloc(in->names, room * sizeof *names);

        if (names) {
            in->names = names;
            in->room = room;
        }
    }
    if (!name || in->count == in->room) {
        fail_memory(in);
        free(name);
        return;
    }
    in->names[in->count++] = name;
}

static bool named_like_a_picture(const char *name)
{
    static const char *const endings[] = { ".jpg", ".jpeg", ".png", ".webp",
        ".heic", ".heif" };
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i]))
            return true;
    return false;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* strcmp, not the locale: the same order everywhere. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void add_folder(inputs *in, const char *folder)
{
    struct dirent **entries = NULL;
    const int count = scandir(folder, &entries, visible, by_bytes);

    if (count < 0) {
        complain("%s: %s", folder, strerror(errno));
        in->failed = true;
        return;
    }
    for (int i = 0; i < count; i++) {
        char *path = joined(folder, entries[i]->d_name);
        struct stat st;

        if (path && lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            add_folder(in, path);
            free(path);
        } else if (named_like_a_picture(entries[i]->d_name)) {
            append(in, path);
        } else {
            free(path);
        }
        free(entries[i]);
    }
    free(entries);
}

/* A folder that somebody named: to find nothing in it is a failure. */
static void add_named_folder(inputs *in, const char *folder)
{
    const size_t before = in->count;
    const bool failed = in->failed;

    in->failed = false;
    add_folder(in, folder);
    if (in->count == before && !in->failed) {
        complain("%s: no picture in it", folder);
        in->failed = true;
    }
    in->failed |= failed;
}

static bool set_list(inputs *in, const char *list)
{
    if (in->list) {
        complain("only one list of photos can be read");
        return false;
    }
    in->list = strcmp(list, "-") ? fopen(list, "rb") : stdin;
    if (!in->list)
        complain("%s: %s", list, strerror(errno));
    return in->list != NULL;
}

static bool add_name(inputs *in, const char *name)
{
    struct stat st;

    if (!strcmp(name, "-"))
        return set_list(in, name);
    if (stat(name, &st) == 0 && S_ISDIR(st.st_mode))
        add_named_folder(in, name);
    else
        append(in, strdup(name));
    return true;
}

inputs *inputs_open(
    char *const *names, int count, const char *list, char separator)
{
    inputs *in = calloc(1, sizeof *in);
    bool good = in != NULL;

    if (in)
        in->separator = separator;
    for (int i = 0; i < count && good; i++)
        good = add_name(in, names[i]);
    if (good && list)
        good = set_list(in, list);
    if (good)
        return in;
    inputs_close(in);
    return NULL;
}

void inputs_close(inputs *in)
{
    if (!in)
        return;
    for (size_t i = in->next; i < in->count; i++)
        free(in->names[i]);
    free(in->names);
    claims_free(&in->seen);
    if (in->list && in->list != stdin)
        fclose(in->list);
    free(in);
}

/* Lists from elsewhere end their lines with CR and LF: a CR at the end belongs
 * to the name only where there is such a file. The length that is left. */
static ssize_t cut_carriage_return(char *line, ssize_t length)
{
    if (length > 0 && line[length - 1] == '\r' && access(line, F_OK) != 0)
        line[--length] = '\0';
    return length;
}

/* The next line that is not empty; NULL at the end. */
static char *next_of_list(inputs *in)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;

    while ((length = getdelim(&line, &room, in->separator, in->list)) > 0) {
        if (line[length - 1] == in->separator)
            line[--length] = '\0';
        if (in->separator == '\n')
            length = cut_carriage_return(line, length);
        if (length > 0)
            return line;
    }
    if (ferror(in->list)) {
        complain("reading the list of photos: %s", strerror(errno));
        in->failed = true;
    }
    free(line);
    return NULL;
}

/* Remember the file that a name means, since folders are spelled in many ways;
 * of one that is gone, the name. Whether it had been remembered before. */
static bool is_seen(inputs *in, const char *name)
{
    char *real = realpath(name, NULL);
    const char *file = real ? real : name;
    const bool seen = claims_find(&in->seen, file) != NULL;

    if (!seen && !claims_make(&in->seen, file, name))
        fail_memory(in);
    free(real);
    return seen;
}

/* Free a name whose file is known, and count it. */
static bool pass_over(inputs *in, char *name)
{
    if (!in->once || !is_seen(in, name))
        return false;
    free(name);
    in->passed_over++;
    return true;
}

void inputs_pass_over(inputs *in, char *const *known, size_t count)
{
    size_t kept = 0;

    in->once = true;
    for (size_t i = 0; i < count; i++)
        (void)is_seen(in, known[i]);
    for (size_t i = 0; i < in->count; i++)
        if (!pass_over(in, in->names[i]))
            in->names[kept++] = in->names[i];
    in->count = kept;
}

size_t inputs_passed_over(const inputs *in)
{
    return in->passed_over;
}

char *inputs_next(inputs *in)
{
    char *name;

    if (in->next < in->count)
        return in->names[in->next++];
    do
        name = in->list ? next_of_list(in) : NULL;
    while (name && pass_over(in, name));
    return name;
}

char *const *inputs_names(const inputs *in, size_t *count)
{
    *count = in->count;
    return in->names;
}

size_t inputs_total(const inputs *in)
{
    return in->list ? 0 : in->count;
}

bool inputs_failed(const inputs *in)
{
    return in->failed;
}
