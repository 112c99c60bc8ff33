/* SPDX-License-Identifier: Apache-2.0 */
/* tar.h - the members of a tar file, without unpacking it.
 *
 * Listing reads the headers alone. A member is then read by its offset with
 * facet__tar_read, which any number of threads may do at once; the file is not
 * mapped, so one cut short meanwhile gives an error and not a signal. */
#ifndef FACET__TAR_H
#define FACET__TAR_H

#include <stdint.h>

#include "facet/status.h"

typedef struct facet__tar facet__tar;

enum { FACET__TAR_NAME = 512 };

/* A regular file in the archive. */
typedef struct facet__tar_member {
    char name[FACET__TAR_NAME];
    uint64_t offset, size; /* of its content, bytes */
} facet__tar_member;

/* Understands ustar, the path and size records of pax, and GNU long names.
 * Errors: FACET_ENOTFOUND, FACET_EIO, FACET_EEMPTY, FACET_ENOMEM. */
facet_status facet__tar_open(
    const char *path, facet__tar **out, facet_error *err);
void facet__tar_close(facet__tar *tar);

/* The next regular file; folders, links and devices are passed over.
 * *more is 0 after the last. Errors: FACET_ETRUNCATED, FACET_EDAMAGED (a wrong
 * checksum, size or name), FACET_EIO. */
facet_status facet__tar_next(
    facet__tar *tar, facet__tar_member *member, int *more, facet_error *err);

/* `size` bytes at `offset` of the archive. Errors: FACET_ETRUNCATED,
 * FACET_EIO. */
facet_status facet__tar_read(const facet__tar *tar, uint64_t offset,
    void *bytes, size_t size, facet_error *err);

#endif
