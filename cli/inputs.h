/* SPDX-License-Identifier: Apache-2.0 */
/* inputs.h - which photos: arguments, folders, and lists on stdin or in a file.
 *
 * Folders are walked in sorted order, without hidden files and without
 * following links to folders; of their files those count whose name ends like a
 * picture's; a folder without any has failed. A name given by itself always
 * counts. Lists are read as they are needed, so that they may be endless,
 * unless names are passed over: those are remembered. */
#ifndef FACET_CLI_INPUTS_H
#define FACET_CLI_INPUTS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct inputs inputs;

/* Names from the command line ("-" is a list on stdin), then those of the file
 * `list` (NULL for none; "-" is stdin), whose names end with `separator`.
 * NULL, having complained, when a list cannot be opened or memory is short. */
inputs *inputs_open(
    char *const *names, int count, const char *list, char separator);
void inputs_close(inputs *in);

/* Pass over photos that are known, and any that was handed out before, by the
 * files that their names mean: to be called before the first photo. */
void inputs_pass_over(inputs *in, char *const *known, size_t count);
/* How many have been passed over. */
size_t inputs_passed_over(const inputs *in);

/* The next photo, to be freed; NULL after the last. */
char *inputs_next(inputs *in);

/* The photos that are known before any is handed out: not those of a list. */
char *const *inputs_names(const inputs *in, size_t *count);

/* How many there are in all; 0 while a list is not read to its end. */
size_t inputs_total(const inputs *in);

/* A folder or a list could not be read to its end, or a folder has no picture
 * (and that was told). */
bool inputs_failed(const inputs *in);

#endif
