/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c - segments of rows with their codes, ids and check values.
 *
 * A file grows by whole segments, sparse: before rows are written into a new
 * chunk, its pages are reserved on the disk, so that a full disk is an error
 * and not a signal. Memory comes as anonymous mappings rather than from
 * facet__alloc for the same reason: a segment of 40 MB costs only the pages
 * that rows have reached. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "gallery/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

facet__layout facet__layout_of(size_t dim)
{
    const size_t rows = FACET__SEGMENT_ROWS, octs = (dim + 7) / 8;
    facet__layout l = { .dim = dim, .octs = octs };

    l.low = rows * octs * 4;
    l.step = l.low + rows * octs * 4;
    l.error_high = l.step + rows * sizeof(float);
    l.error_full = l.error_high + rows * sizeof(float);
    l.id = l.error_full + rows * sizeof(float);
    l.person = l.id + rows * sizeof(uint64_t);
    l.check = l.person + rows * sizeof(uint64_t);
    l.row = l.check + rows * sizeof(uint32_t);
    l.bytes = l.row + rows * dim * sizeof(float);
    return l;
}

void facet__rows_init(facet__rows *rows, size_t dim)
{
    *rows = (facet__rows){
        .layout = facet__layout_of(dim), .file = -1, .writable = true
    };
}

static facet_status make_room(facet__rows *rows)
{
    const size_t room = rows->room ? 2 * rows->room : 16;
    unsigned char **bigger;

    if (rows->n_segments < rows->room)
        return FACET_OK;
    bigger = facet__grow(
        rows->segments, rows->room * sizeof *bigger, room * sizeof *bigger);
    if (!bigger)
        return FACET_ENOMEM;
    rows->segments = bigger;
    rows->room = room;
    return FACET_OK;
}

static off_t offset_of(const facet__rows *rows, size_t segment)
{
    return (off_t)(FACET__ROWS_HEADER + segment * rows->layout.bytes);
}

static facet_status add_segment(facet__rows *rows, facet_error *err)
{
    const int access = rows->writable ? PROT_READ | PROT_WRITE : PROT_READ;
    const int kind = rows->file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void *at;

    if (make_room(rows) != FACET_OK)
        return facet__fail_memory(err);
    at = mmap(NULL, rows->layout.bytes, access, kind, rows->file,
        rows->file < 0 ? 0 : offset_of(rows, rows->n_segments));
    if (at == MAP_FAILED)
        return rows->file < 0 ? facet__fail_memory(err)
                              : facet__fail(err, FACET_EIO,
                                    "the vector file cannot be mapped: %s",
                                    strerror(errno));
    rows->segments[rows->n_segments++] = at;
    return FACET_OK;
}

facet_status facet__rows_extend(
    facet__rows *rows, size_t count, facet_error *err)
{
    facet_status st = FACET_OK;

    while (st == FACET_OK && rows->n_segments * FACET__SEGMENT_ROWS < count)
        st = add_segment(rows, err);
    if (st == FACET_OK)
        rows->count = count;
    return st;
}

facet_status facet__rows_map(facet__rows *rows, size_t dim, int file,
    bool writable, size_t count, facet_error *err)
{
    facet_status st;

    facet__rows_init(rows, dim);
    rows->file = file;
    rows->writable = writable;
    st = facet__rows_extend(rows, count, err);
    if (st != FACET_OK)
        facet__rows_free(rows);
    return st;
}

void facet__rows_free(facet__rows *rows)
{
    for (size_t s = 0; s < rows->n_segments; s++)
        munmap(rows->segments[s], rows->layout.bytes);
    facet__free(rows->segments);
    *rows = (facet__rows){ .file = -1 };
}

static facet_status reserve_bytes(
    facet__rows *rows, size_t segment, size_t at, size_t size, facet_error *err)
{
    const int failed = posix_fallocate(
        rows->file, offset_of(rows, segment) + (off_t)at, (off_t)size);

    return failed ? facet__fail(err, FACET_EIO,
                        "the vector file cannot grow: %s", strerror(failed))
                  : FACET_OK;
}

/* Disk space for one chunk in each of the first segment's arrays. */
static facet_status reserve_chunk(facet__rows *rows, facet_error *err)
{
    const facet__layout *l = &rows->layout;
    const size_t starts[] = { 0, l->low, l->step, l->error_high, l->error_full,
        l->id, l->person, l->check, l->row, l->bytes };
    const size_t chunk = rows->count / FACET__CHUNK_ROWS;
    facet_status st = FACET_OK;

    if (ftruncate(rows->file, offset_of(rows, 1)))
        return facet__fail(
            err, FACET_EIO, "the vector file cannot grow: %s", strerror(errno));
    for (size_t i = 0; i + 1 < sizeof starts / sizeof *starts; i++) {
        const size_t share =
            (starts[i + 1] - starts[i]) / FACET__SEGMENT_CHUNKS;

        if (st == FACET_OK)
            st = reserve_bytes(rows, 0, starts[i] + chunk * share, share, err);
    }
    return st;
}

/* A further segment, whole. Its h nibbles are touched in order at once, for
 * pages that lie side by side in memory are scanned a third faster than pages
 * that came one by one as rows were written. */
static facet_status reserve_segment(facet__rows *rows, facet_error *err)
{
    facet_status st = FACET_OK;

    if (rows->file >= 0)
        st = reserve_bytes(rows, rows->n_segments, 0, rows->layout.bytes, err);
    if (st == FACET_OK)
        st = add_segment(rows, err);
    if (st == FACET_OK)
        memset(rows->segments[rows->n_segments - 1], 0, rows->layout.low);
    return st;
}

/* Room for one more row. The first segment takes space chunk by chunk, so that
 * a small gallery is a small file. */
static facet_status reserve(facet__rows *rows, facet_error *err)
{
    facet_status st = FACET_OK;

    if (rows->count >= FACET__SEGMENT_ROWS)
        return rows->count == rows->n_segments * FACET__SEGMENT_ROWS
                   ? reserve_segment(rows, err)
                   : FACET_OK;
    if (rows->file >= 0 && rows->count % FACET__CHUNK_ROWS == 0)
        st = reserve_chunk(rows, err);
    if (st == FACET_OK && rows->n_segments == 0)
        st = add_segment(rows, err);
    return st;
}

/* The address of element `index` of the array that begins at `offset` in each
 * segment. */
static void *element(
    const facet__rows *rows, size_t index, size_t offset, size_t size)
{
    return rows->segments[index / FACET__SEGMENT_ROWS] + offset +
           index % FACET__SEGMENT_ROWS * size;
}

static facet__row_code code_at(const facet__rows *rows, size_t index)
{
    const facet__layout *l = &rows->layout;
    const size_t row = index % FACET__SEGMENT_ROWS;
    unsigned char *segment = rows->segments[index / FACET__SEGMENT_ROWS];

    return (facet__row_code){
        .high = segment + row / FACET__GROUP * l->octs * 64 +
                row % FACET__GROUP * 4,
        .low = element(rows, index, l->low, l->octs * 4),
        .step = element(rows, index, l->step, sizeof(float)),
        .error_high = element(rows, index, l->error_high, sizeof(float)),
        .error_full = element(rows, index, l->error_full, sizeof(float)),
    };
}

uint64_t facet__rows_id(const facet__rows *rows, size_t index)
{
    return atomic_load_explicit((_Atomic uint64_t *)element(rows, index,
                                    rows->layout.id, sizeof(uint64_t)),
        memory_order_acquire);
}

uint64_t facet__rows_person(const facet__rows *rows, size_t index)
{
    return *(const uint64_t *)element(
        rows, index, rows->layout.person, sizeof(uint64_t));
}

const float *facet__rows_at(const facet__rows *rows, size_t index)
{
    return element(
        rows, index, rows->layout.row, rows->layout.dim * sizeof(float));
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < size; i += 4) {
        uint32_t word;

        memcpy(&word, at + i, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 29;
    }
    return hash;
}

/* Of everything that the row consists of. */
static uint32_t check_of(const facet__rows *rows, size_t index)
{
    const facet__layout *l = &rows->layout;
    const facet__row_code code = code_at(rows, index);
    uint64_t hash = facet__rows_id(rows, index);

    hash = (hash + 1) * 0x9e3779b97f4a7c15U + facet__rows_person(rows, index);
    hash = mix(hash, facet__rows_at(rows, index), l->dim * sizeof(float));
    hash = mix(hash, code.low, l->octs * 4);
    for (size_t o = 0; o < l->octs; o++)
        hash = mix(hash, code.high + o * 64, 4);
    hash = mix(hash, code.step, sizeof(float));
    hash = mix(hash, code.error_high, sizeof(float));
    hash = mix(hash, code.error_full, sizeof(float));
    return (uint32_t)(hash >> 32);
}

bool facet__rows_intact(const facet__rows *rows, size_t index)
{
    const uint32_t *check =
        element(rows, index, rows->layout.check, sizeof *check);

    return *check == check_of(rows, index) || facet__rows_id(rows, index) == 0;
}

static void set_id(facet__rows *rows, size_t index, uint64_t id)
{
    atomic_store_explicit((_Atomic uint64_t *)element(
                              rows, index, rows->layout.id, sizeof(uint64_t)),
        id, memory_order_release);
}

facet_status facet__rows_append(facet__rows *rows, uint64_t id, uint64_t person,
    const float *row, facet_error *err)
{
    const facet__layout *l = &rows->layout;
    const size_t index = rows->count;
    facet__row_code code;
    facet_status st = reserve(rows, err);

    if (st != FACET_OK)
        return st;
    code = code_at(rows, index);
    facet__code_row(row, l->dim, &code);
    memcpy(element(rows, index, l->row, l->dim * sizeof(float)), row,
        l->dim * sizeof(float));
    *(uint64_t *)element(rows, index, l->person, sizeof(uint64_t)) = person;
    set_id(rows, index, id);
    *(uint32_t *)element(rows, index, l->check, sizeof(uint32_t)) =
        check_of(rows, index);
    rows->count++;
    return FACET_OK;
}

void facet__rows_erase(facet__rows *rows, size_t index)
{
    const facet__layout *l = &rows->layout;
    const facet__row_code code = code_at(rows, index);

    set_id(rows, index, 0);
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t o = 0; o < l->octs; o++)
        memset(code.high + o * 64, 0, 4);
    memset(code.low, 0, l->octs * 4);
    *code.step = *code.error_high = *code.error_full = 0.0F;
    memset(element(rows, index, l->row, l->dim * sizeof(float)), 0,
        l->dim * sizeof(float));
    memset(
        element(rows, index, l->person, sizeof(uint64_t)), 0, sizeof(uint64_t));
    memset(
        element(rows, index, l->check, sizeof(uint32_t)), 0, sizeof(uint32_t));
}

static bool all_zero(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;

    return at[0] == 0 && memcmp(at, at + 1, size - 1) == 0;
}

bool facet__rows_blank(const facet__rows *rows, size_t index)
{
    const facet__layout *l = &rows->layout;
    const facet__row_code code = code_at(rows, index);
    bool blank =
        facet__rows_id(rows, index) == 0 &&
        facet__rows_person(rows, index) == 0 &&
        all_zero(facet__rows_at(rows, index), l->dim * sizeof(float)) &&
        all_zero(code.low, l->octs * 4) && all_zero(code.step, sizeof(float)) &&
        all_zero(code.error_high, sizeof(float)) &&
        all_zero(code.error_full, sizeof(float)) &&
        all_zero(
            element(rows, index, l->check, sizeof(uint32_t)), sizeof(uint32_t));

    for (size_t o = 0; blank && o < l->octs; o++)
        blank = all_zero(code.high + o * 64, 4);
    return blank;
}

/* How many rows the file has room for, in whole segments. */
static facet_status room_of_file(
    const facet__rows *rows, size_t *room, facet_error *err)
{
    struct stat s;

    *room = 0;
    if (fstat(rows->file, &s))
        return facet__fail(
            err, FACET_EIO, "the vector file: %s", strerror(errno));
    if (s.st_size > FACET__ROWS_HEADER)
        *room = (size_t)(s.st_size - FACET__ROWS_HEADER) / rows->layout.bytes *
                FACET__SEGMENT_ROWS;
    return FACET_OK;
}

facet_status facet__rows_erase_behind(
    facet__rows *rows, size_t *erased, facet_error *err)
{
    const size_t count = rows->count, mapped = rows->n_segments;
    size_t room, blank = 0;
    facet_status st = room_of_file(rows, &room, err);

    *erased = 0;
    if (st == FACET_OK && room > count)
        st = facet__rows_extend(rows, room, err);
    for (size_t i = count;
         st == FACET_OK && i < room && blank < FACET__CHUNK_ROWS; i++) {
        blank++;
        if (facet__rows_blank(rows, i))
            continue;
        facet__rows_erase(rows, i);
        ++*erased;
        blank = 0;
    }
    rows->count = count;
    while (rows->n_segments > mapped) /* by which rows are reserved */
        munmap(rows->segments[--rows->n_segments], rows->layout.bytes);
    return st;
}

facet__codes facet__rows_codes(const facet__rows *rows, size_t chunk)
{
    const facet__layout *l = &rows->layout;
    const size_t row = chunk * FACET__CHUNK_ROWS;

    return (facet__codes){
        .octs = l->octs,
        .high = element(rows, row, 0, l->octs * 4),
        .low = element(rows, row, l->low, l->octs * 4),
        .step = element(rows, row, l->step, sizeof(float)),
        .error_high = element(rows, row, l->error_high, sizeof(float)),
        .error_full = element(rows, row, l->error_full, sizeof(float)),
    };
}
