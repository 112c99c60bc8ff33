/* SPDX-License-Identifier: Apache-2.0 */
#include "exits.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char exit_table[] =
    "Exit status:\n"
    "    0  success; yes, the same person\n"
    "    1  no: another person, nobody known, refused, or a --fail-if is "
    "true\n"
    "    2  the command was used wrongly\n"
    "    3  no face where one is required\n"
    "    4  several faces where exactly one is required\n"
    "    5  a photo that cannot be read as a picture\n"
    "    6  a network that is missing, damaged or not fit for this use\n"
    "    7  a file cannot be found, read or written\n"
    "    8  not enough memory\n"
    "    9  a self-test failed, or a defect of facet\n"
    "  130  interrupted\n"
    "When some photos of many fail, the others are done all the same, and the\n"
    "exit status is that of the first that failed.\n";

exit_number exit_for_photo(facet_status status)
{
    switch (status) {
    case FACET_OK:
        return EXIT_YES;
    case FACET_EINVAL:
        return EXIT_USAGE;
    case FACET_ENOMEM:
        return EXIT_NO_MEMORY;
    case FACET_EIO:
    case FACET_ENOTFOUND:
    case FACET_EEXISTS:
    case FACET_EBUSY:
        return EXIT_IO;
    case FACET_EEMPTY:
    case FACET_ETRUNCATED:
    case FACET_EDAMAGED:
    case FACET_ENOTIMAGE:
    case FACET_ELIMIT:
    case FACET_EUNSUPPORTED:
        return EXIT_BAD_IMAGE;
    case FACET_EMODEL:
    case FACET_ECONTRACT:
        return EXIT_BAD_MODEL;
    case FACET_ENOFACE:
        return EXIT_NO_FACE;
    case FACET_EMANYFACES:
        return EXIT_MANY_FACES;
    case FACET_ECANCELED:
        return EXIT_INTERRUPTED;
    case FACET_EINTERNAL:
        break;
    }
    return EXIT_FAULT;
}

exit_number exit_for_model(facet_status status)
{
    switch (status) {
    case FACET_OK:
        return EXIT_YES;
    case FACET_EINVAL:
        return EXIT_USAGE;
    case FACET_ENOMEM:
        return EXIT_NO_MEMORY;
    case FACET_EINTERNAL:
        return EXIT_FAULT;
    default:
        return EXIT_BAD_MODEL;
    }
}

void print_plain(FILE *to, const char *text)
{
    for (const char *at = text; *at; at++) {
        const unsigned char byte = (unsigned char)*at;

        if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f)
            fprintf(to, "\\x%02x", byte);
        else
            fputc(byte, to);
    }
}

void complain(const char *format, ...)
{
    char text[4096];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fputs("facet: ", stderr);
    print_plain(stderr, text);
    fputc('\n', stderr);
}

/* What a message of the library says behind the file's name, which may have
 * lost its beginning. */
static const char *behind_name(const char *file, const char *message)
{
    const bool cut = strncmp(message, "...", 3) == 0;
    const char *text = cut ? message + 3 : message;

    for (const char *name = file; *name && (cut || name == file); name++) {
        const size_t n = strlen(name);

        if (!strncmp(text, name, n) && !strncmp(text + n, ": ", 2))
            return text + n + 2;
    }
    return message;
}

void complain_of(const char *file, const char *message)
{
    complain("%s: %s", file, behind_name(file, message));
}

/* The folders above the last; what is wrong with them shows in that one. */
static void make_parents(const char *folder)
{
    char *path = strdup(folder);

    for (char *slash = path ? strchr(path, '/') : NULL; slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)!mkdir(path, 0777); /* "" for / */
        *slash = '/';
    }
    free(path);
}

static bool is_folder(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

int need_folder(const char *folder)
{
    int number;

    if (!folder)
        return EXIT_YES;
    make_parents(folder);
    number = mkdir(folder, 0777) == 0 ? 0 : errno;
    if (is_folder(folder))
        return EXIT_YES;
    complain("%s: %s", folder,
        number == EEXIST ? "it is a file; name a folder" : strerror(number));
    return EXIT_IO;
}

int need_writable(const char *folder)
{
    if (!is_folder(folder))
        complain("%s: there is no such folder; create it first", folder);
    else if (access(folder, W_OK | X_OK) != 0)
        complain("%s: %s; check its rights", folder, strerror(errno));
    else
        return EXIT_YES;
    return EXIT_IO;
}

/* That of a path, to be freed. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path))
                 : strdup(".");
}

/* A regular file is replaced by one that is written beside it, where a link
 * leads: what counts is the folder. */
static int need_place_beside(const char *file)
{
    char *target = realpath(file, NULL);
    char *folder = folder_of(target ? target : file);
    int status = EXIT_NO_MEMORY;

    if (folder)
        status = need_writable(folder);
    else
        complain("%s", facet_status_str(FACET_ENOMEM));
    free(folder);
    free(target);
    return status;
}

int need_place(const char *file)
{
    struct stat about;

    if (!file)
        return EXIT_YES;
    if (stat(file, &about) != 0 || S_ISREG(about.st_mode))
        return need_place_beside(file);
    if (S_ISDIR(about.st_mode))
        complain("%s: it is a folder; name a file", file);
    else if (access(file, W_OK) != 0)
        complain("%s: %s", file, strerror(errno));
    else
        return EXIT_YES;
    return EXIT_IO;
}

void note_status(exit_number *status, exit_number new)
{
    if (*status == EXIT_YES || (*status == EXIT_NO_MATCH && new != EXIT_YES))
        *status = new;
}
