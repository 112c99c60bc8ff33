/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h - embeddings in the shape that search reads, in memory or in a file.
 *
 * Rows live in segments of FACET__SEGMENT_ROWS, the same in memory and in the
 * file (docs/formats/gallery.md has the byte table). Within a segment each kind
 * of data lies together, so that a scan of codes runs over long stretches:
 * with stretches of 64 KiB it was a third slower than with 1 MiB. Rows are only
 * ever appended, or erased in place: an erased row is all zero, and id 0 is
 * nobody's. So a reader that holds an older count stays right while another
 * process appends, and sees at once that a row is gone.
 *
 * One thread may append or erase; others may read rows below a count that they
 * learned before. */
#ifndef FACET__GALLERY_ROWS_H
#define FACET__GALLERY_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facet/status.h"
#include "gallery/scan.h"

enum {
    FACET__SEGMENT_CHUNKS = 16,
    FACET__SEGMENT_ROWS = FACET__SEGMENT_CHUNKS * FACET__CHUNK_ROWS,
    FACET__ROWS_HEADER = 4096, /* bytes of a file before its first segment */
};

/* Byte offsets within a segment, each a multiple of 4096; the h nibbles come
 * first. */
typedef struct facet__layout {
    size_t dim, octs;
    size_t low, step, error_high, error_full, id, person, check, row;
    size_t bytes; /* of a segment */
} facet__layout;

/* dim 1 to FACET__MAX_DIM. */
facet__layout facet__layout_of(size_t dim);

typedef struct facet__rows {
    facet__layout layout;
    size_t count;             /* rows, erased ones included */
    unsigned char **segments; /* [n_segments], each one mapping */
    size_t n_segments, room;  /* pointers in use, pointers there is room for */
    int file;                 /* -1: rows live in memory only */
    bool writable;
} facet__rows;

/* Empty rows in memory. */
void facet__rows_init(facet__rows *rows, size_t dim);

/* Rows over a file that holds `count` rows after its header page; the file
 * descriptor stays the caller's. */
facet_status facet__rows_map(facet__rows *rows, size_t dim, int file,
    bool writable, size_t count, facet_error *err);

/* Map what another process has appended, up to `count` rows. */
facet_status facet__rows_extend(
    facet__rows *rows, size_t count, facet_error *err);

void facet__rows_free(facet__rows *rows);

/* Append a row of at most unit length. Of a file, the count in its header is
 * the caller's to publish. */
facet_status facet__rows_append(facet__rows *rows, uint64_t id, uint64_t person,
    const float *row, facet_error *err);

/* Zero a row: first its id, so that a reader that meets zeros knows why. */
void facet__rows_erase(facet__rows *rows, size_t index);

/* Is the row all zero? One whose erasure was cut short has no id, but may have
 * the rest. */
bool facet__rows_blank(const facet__rows *rows, size_t index);

/* Zero the rows of a file that stand behind the count: a writer left them that
 * ended before it could publish them. They were written in order, so the search
 * ends where as many as a chunk has are blank; after a power cut there may be
 * more behind a gap. */
facet_status facet__rows_erase_behind(
    facet__rows *rows, size_t *erased, facet_error *err);

uint64_t facet__rows_id(const facet__rows *rows, size_t index);
uint64_t facet__rows_person(const facet__rows *rows, size_t index);
const float *facet__rows_at(const facet__rows *rows, size_t index);

/* Do the row's bytes match the check value stored beside them? */
bool facet__rows_intact(const facet__rows *rows, size_t index);

/* The codes of FACET__CHUNK_ROWS rows, for the scan kernels. */
facet__codes facet__rows_codes(const facet__rows *rows, size_t chunk);

#endif
