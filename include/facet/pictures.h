/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_PICTURES_H
#define FACET_PICTURES_H

/**
 * @file
 * The picture files of a data set by name, from folders and from tar archives
 * that need not be unpacked.
 */

#include <stddef.h>
#include <stdint.h>

#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct facet_pictures facet_pictures;

/**
 * Open the places where pictures are.
 *
 * @param paths  `count` folders and tar files (those whose name ends in .tar).
 *               Tar files are listed now, folders are looked into when asked.
 * @param out    Free it with facet_pictures_close. NULL on failure.
 *
 * Errors: FACET_EINVAL, FACET_ENOTFOUND, FACET_EIO, FACET_EDAMAGED,
 *         FACET_ETRUNCATED, FACET_ELIMIT (over 50 million members),
 *         FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_pictures_open(
    const char *const *paths, size_t count, facet_pictures **out,
    facet_error *err);

/** NULL is a no-op. */
FACET_API void facet_pictures_close(facet_pictures *pictures);

/**
 * Read one file.
 *
 * @param name   As lists name it: the path below a folder or in an archive. Of
 *               a picture in an archive the ending may be left out or be that
 *               of another format, where no file has the name itself.
 * @param bytes  Receives the content; free it with facet_pictures_free_bytes.
 *               NULL on failure.
 *
 * The first place that has the name counts, in the order of opening.
 * Errors: FACET_EINVAL, FACET_ENOTFOUND, FACET_EIO, FACET_EEMPTY,
 *         FACET_ETRUNCATED, FACET_ELIMIT (over 256 MiB), FACET_ENOMEM.
 * Thread safety: any number of threads may read from one facet_pictures.
 */
FACET_API FACET_MUST_USE facet_status facet_pictures_read(
    const facet_pictures *pictures, const char *name, uint8_t **bytes,
    size_t *size, facet_error *err);

FACET_API void facet_pictures_free_bytes(uint8_t *bytes);

/**
 * Name of the index-th picture of the archives, without its ending, as
 * facet_pictures_read takes it; the same name may come again from the next
 * archive. NULL past the last. Folders are not listed, nor files of archives
 * whose ending is no picture's. Borrowed until the close.
 */
FACET_API const char *facet_pictures_member(
    const facet_pictures *pictures, size_t index);

#ifdef __cplusplus
}
#endif

#endif
