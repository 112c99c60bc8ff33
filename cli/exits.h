/* SPDX-License-Identifier: Apache-2.0 */
/* exits.h - the numbers that the command ends with. exits.c holds the one table
 * that --help, the man page and the code agree on. */
#ifndef FACET_CLI_EXITS_H
#define FACET_CLI_EXITS_H

#include <stdio.h>

#include "facet/status.h"

typedef enum exit_number {
    EXIT_YES = 0, /* success; faces match */
    EXIT_NO_MATCH = 1,
    EXIT_USAGE = 2,
    EXIT_NO_FACE = 3,
    EXIT_MANY_FACES = 4,
    EXIT_BAD_IMAGE = 5,
    EXIT_BAD_MODEL = 6,
    EXIT_IO = 7,
    EXIT_NO_MEMORY = 8,
    EXIT_FAULT = 9, /* a defect of facet, or of this machine */
    EXIT_INTERRUPTED = 130,
} exit_number;

/* The number for a failure with a photo. */
exit_number exit_for_photo(facet_status status);
/* The number for a failure with a network. */
exit_number exit_for_model(facet_status status);

/* One more thing that can be remembered: the first failure decides. */
void note_status(exit_number *status, exit_number new);

/* The table, as it stands at the end of --help. */
extern const char exit_table[];

/* Text that may come out of a file: what would steer a terminal is told as
 * \xNN.
 */
void print_plain(FILE *to, const char *text);

/* "facet: ..." on stderr, with a line end; likewise. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* complain("%s: %s") about a file, also where the message begins with its name.
 */
void complain_of(const char *file, const char *message);

/* Make a folder, with those above it, unless it is there or NULL. Complains on
 * failure; the exit status. */
int need_folder(const char *folder);

/* Before long work: can files be put into a folder, or can this one (NULL is
 * fine) be written? Complains if not; the exit status. */
int need_writable(const char *folder);
int need_place(const char *file);

#endif
