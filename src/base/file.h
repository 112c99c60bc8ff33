/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - whole files in and out. */
#ifndef FACET__FILE_H
#define FACET__FILE_H

#include <stddef.h>

#include "facet/status.h"

/* What is wrong with a path, and the remedy, in the words of all messages. */
#define FACET__NO_FILE "there is no such file; check the path"
#define FACET__NO_FOLDER "there is no such folder; create it first"

/* All bytes of a regular file, to be freed with facet__free.
 * Errors name the file: FACET_ENOTFOUND, FACET_EIO (a folder, no permission),
 * FACET_EEMPTY, FACET_ELIMIT (more than max_bytes), FACET_ENOMEM. */
facet_status facet__file_read(const char *path, size_t max_bytes, void **bytes,
    size_t *size, facet_error *err);

/* The same for text: a zero byte follows the last; *size may be NULL. */
facet_status facet__file_read_text(const char *path, size_t max_bytes,
    char **text, size_t *size, facet_error *err);

/* What stands between the name of a file and six letters while it is written;
 * a process that is killed leaves such a file behind. */
#define FACET__TEMPORARY ".facet-"

/* Write a file so that `path` holds the old content or the new, never a part:
 * a temporary file beside it is written, synced and renamed, and the folder is
 * synced. Links to files are followed; into what is no regular file (a pipe, a
 * device) the bytes are written as they are. Errors name the file:
 * FACET_ENOTFOUND (no such folder), FACET_EIO, FACET_ENOMEM. */
facet_status facet__file_write(
    const char *path, const void *bytes, size_t size, facet_error *err);

/* The same for content that stands in several places. */
typedef struct facet__piece {
    const void *bytes;
    size_t size;
} facet__piece;

facet_status facet__file_write_pieces(const char *path,
    const facet__piece *pieces, size_t n_pieces, facet_error *err);

/* FACET_EINVAL when both paths lead to one file, however they are spelled: a
 * copy must not take the place of its source. */
facet_status facet__file_check_copy(
    const char *source, const char *copy, facet_error *err);

/* The folder of a path ("." when it names none), to be freed; NULL without
 * memory. */
char *facet__file_folder(const char *path);

#endif
