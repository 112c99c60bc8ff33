/* SPDX-License-Identifier: Apache-2.0 */
/* index.c - the vector file: made, checked, caught up, replaced.
 *
 * The file's header names the store, gallery, set and generation that its rows
 * show. Whoever finds it behind the truth takes the file's lock and catches up:
 * zeroes the rows of templates that are gone, appends those with a larger id,
 * then publishes the header. So a writer that is killed between its commit and
 * the header costs the next one a moment, and nothing is lost, for the file
 * holds nothing of its own. When it cannot be caught up (another set, damage,
 * too many erased rows) a new file is written and renamed over it; readers keep
 * the old one until they refresh.
 *
 * Power cuts. Rows reach the page cache in order, the disk in any order. So the
 * header also has the machine's boot id: after another boot it is believed only
 * if it says that its generation was synced, which happens at close. */
#define _DEFAULT_SOURCE /* flock */
#include "gallery/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

enum { VERSION = 1, HEADER = 192, CHECKED = HEADER - 8, SAMPLES = 64 };

static const char magic[8] = { 'F', 'A', 'C', 'E', 'T', 'V', 'E', 'C' };

/* As it stands in the file; docs/formats/gallery.md. Little-endian machines
 * only: others never map. */
typedef struct header {
    char magic[8];
    uint32_t version, dim;
    uint8_t contract[FACET_CONTRACT_BYTES];
    uint8_t store[16];
    int64_t gallery, set, generation, removals, epoch;
    int64_t count, erased, last_id;
    int64_t synced; /* generation that is known to be on the disk */
    uint8_t boot[16];
    uint8_t spare[32];
    uint64_t check; /* of all above */
} header;

_Static_assert(sizeof(header) == HEADER, "no padding");

static bool can_map(void)
{
    const uint16_t one = 1;
    uint8_t first;

    memcpy(&first, &one, 1);
    return first == 1;
}

static uint64_t check_of(const header *h)
{
    uint64_t hash = 0xcbf29ce484222325U;
    uint8_t bytes[CHECKED];

    memcpy(bytes, h, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3U;
    return hash;
}

/* Zero when the system does not say. */
static void boot_id(uint8_t out[16])
{
    char text[40] = { 0 };
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    size_t n = 0;

    memset(out, 0, 16);
    if (!file)
        return;
    if (fgets(text, sizeof text, file))
        for (const char *at = text; *at && n < 32; at++) {
            const char *digits = "0123456789abcdef", *d = strchr(digits, *at);

            if (!d)
                continue;
            out[n / 2] = (uint8_t)(out[n / 2] << 4 | (d - digits));
            n++;
        }
    fclose(file);
}

static header header_of(const facet_gallery *g)
{
    const facet__index *x = &g->index;
    header h = { .version = VERSION,
        .dim = (uint32_t)x->state.active.dim,
        .gallery = x->state.gallery,
        .set = x->state.active.id,
        .generation = x->state.generation,
        .removals = x->state.removals,
        .epoch = x->state.epoch,
        .count = (int64_t)x->rows.count,
        .erased = x->erased,
        .last_id = x->last_id,
        .synced = -1 };

    memcpy(h.magic, magic, sizeof magic);
    memcpy(h.contract, x->state.active.contract, sizeof h.contract);
    memcpy(h.store, g->store_id, sizeof h.store);
    boot_id(h.boot);
    return h;
}

static facet_status publish(facet_gallery *g, bool synced, facet_error *err)
{
    header h = header_of(g);

    if (synced)
        h.synced = h.generation;
    h.check = check_of(&h);
    if (pwrite(g->index.file, &h, sizeof h, 0) != (ssize_t)sizeof h)
        return facet__fail(
            err, FACET_EIO, "the vector file: %s", strerror(errno));
    return FACET_OK;
}

/* Is it a whole header of this store, gallery and kind of file? */
static bool header_good(const facet_gallery *g, int file, header *h)
{
    const facet__layout layout = facet__layout_of(g->state.active.dim);
    const uint8_t unknown[16] = { 0 };
    uint8_t boot[16];
    struct stat s;
    int64_t segments;

    if (pread(file, h, sizeof *h, 0) != (ssize_t)sizeof *h ||
        memcmp(h->magic, magic, sizeof magic) != 0 || h->version != VERSION ||
        h->check != check_of(h))
        return false;
    if (memcmp(h->store, g->store_id, sizeof h->store) != 0 ||
        h->gallery != g->state.gallery || h->set != g->state.active.id ||
        h->epoch != g->state.epoch || h->dim != g->state.active.dim ||
        memcmp(h->contract, g->state.active.contract, sizeof h->contract) != 0)
        return false;
    boot_id(boot);
    if (h->synced != h->generation &&
        (memcmp(boot, h->boot, 16) != 0 || memcmp(boot, unknown, 16) == 0))
        return false;
    if (h->count < 0 || h->count > INT64_MAX / FACET__SEGMENT_ROWS ||
        fstat(file, &s) != 0)
        return false;
    segments = (h->count + FACET__SEGMENT_ROWS - 1) / FACET__SEGMENT_ROWS;
    return segments <=
               (s.st_size - FACET__ROWS_HEADER) / (int64_t)layout.bytes ||
           segments == 0;
}

static bool samples_intact(const facet__rows *rows)
{
    const size_t step = rows->count / SAMPLES + 1;

    for (size_t i = 0; i < rows->count; i += step)
        if (!facet__rows_intact(rows, i))
            return false;
    return rows->count == 0 || facet__rows_intact(rows, rows->count - 1);
}

static void close_file(facet__index *x)
{
    facet__rows_free(&x->rows);
    if (x->file >= 0)
        close(x->file);
    x->file = -1;
    x->state = (facet__state){ .gallery = 0 };
}

static void index_free(facet__index *x)
{
    close_file(x);
    facet__free(x->path);
    x->path = NULL;
}

/* Is the open file still the one at the path? */
static bool same_file(const facet__index *x)
{
    struct stat here, there;

    return x->file >= 0 && fstat(x->file, &here) == 0 &&
           stat(x->path, &there) == 0 && here.st_ino == there.st_ino &&
           here.st_dev == there.st_dev;
}

static bool open_file(facet_gallery *g, bool create)
{
    facet__index *x = &g->index;

    if (same_file(x))
        return true;
    close_file(x);
    x->file = open(x->path,
        (g->read_only ? O_RDONLY : O_RDWR | (create ? O_CREAT : 0)) |
            O_CLOEXEC | O_NOFOLLOW,
        0600);
    return x->file >= 0;
}

/* Take the lock on the file that is at the path when the lock is ours. */
/* Who died while writing a new file left all embeddings in it. */
static void remove_draft(const facet__index *x)
{
    const size_t length = strlen(x->path) + sizeof ".new";
    char *draft = facet__alloc(length);

    if (!draft)
        return;
    snprintf(draft, length, "%s.new", x->path);
    unlink(draft);
    facet__free(draft);
}

static bool lock_file(facet_gallery *g)
{
    for (;;) {
        int failed;

        if (!open_file(g, true))
            return false;
        do
            failed = flock(g->index.file, LOCK_EX);
        while (failed && errno == EINTR);
        if (failed)
            return false;
        if (same_file(&g->index)) {
            remove_draft(&g->index);
            return true;
        }
        flock(g->index.file, LOCK_UN);
    }
}

static void unlock_file(facet_gallery *g)
{
    if (g->index.file >= 0)
        flock(g->index.file, LOCK_UN);
}

/* A copy of the database that went a way of its own may agree in all that the
 * header has. So is the newest row the truth's, or of somebody who is gone? */
static bool newest_row_true(
    const facet_gallery *g, const facet__rows *rows, bool may_be_gone)
{
    const size_t want = rows->layout.dim * sizeof(float);
    facet__stmt *stmt = NULL;
    size_t n = rows->count;
    bool there = false, same = true;
    facet_status st;

    while (n > 0 && facet__rows_id(rows, n - 1) == 0)
        n--;
    if (n == 0)
        return true;
    st = facet__db_prepare(g->db, &stmt, NULL,
        "SELECT vector FROM embedding WHERE in_set = ?1 AND template = ?2",
        "ii", g->state.active.id, (int64_t)facet__rows_id(rows, n - 1));
    if (st == FACET_OK)
        st = facet__db_step(stmt, &there, NULL);
    if (st == FACET_OK && there) {
        const facet__value vector = facet__db_column(stmt, 0);

        same = vector.size == want &&
               memcmp(vector.bytes, facet__rows_at(rows, n - 1), want) == 0;
    }
    facet__db_finish(stmt);
    return st == FACET_OK && (there ? same : may_be_gone);
}

/* Make the rows those that the header tells of. False when they cannot be
 * used. */
static bool adopt(facet_gallery *g, const header *h)
{
    facet__index *x = &g->index;
    const bool fresh = x->rows.segments == NULL;
    facet_status st;

    if (fresh)
        st = facet__rows_map(
            &x->rows, h->dim, x->file, !g->read_only, (size_t)h->count, NULL);
    else
        st = facet__rows_extend(&x->rows, (size_t)h->count, NULL);
    if (st != FACET_OK ||
        (fresh && !(samples_intact(&x->rows) &&
                      newest_row_true(
                          g, &x->rows, h->removals != g->state.removals)))) {
        facet__rows_free(&x->rows);
        return false;
    }
    x->state = g->state;
    x->state.generation = h->generation;
    x->state.removals = h->removals;
    x->last_id = h->last_id;
    x->erased = h->erased;
    return true;
}

/* Use the file as it is when it shows the state. */
static bool adopt_current(facet_gallery *g)
{
    header h;

    return open_file(g, false) && header_good(g, g->index.file, &h) &&
           h.generation == g->state.generation &&
           h.removals == g->state.removals && adopt(g, &h);
}

facet_status facet__store_key(const facet_gallery *g, uint64_t person,
    facet__value wrapped, uint8_t key[FACET__KEY], facet_error *err)
{
    if (wrapped.size != FACET__WRAPPED_KEY ||
        facet__vault_key(g->vault, person, wrapped.bytes, key) != FACET_OK)
        return facet__fail(err, FACET_EDAMAGED,
            "the key of person %llu is damaged", (unsigned long long)person);
    return FACET_OK;
}

/* The embedding in a row of append_sql's, unsealed into `row`. */
static facet_status read_row(const facet_gallery *g, const facet__set *set,
    const facet__stmt *stmt, float *row, facet_error *err)
{
    const uint64_t id = (uint64_t)facet__db_column(stmt, 0).integer;
    const uint64_t person = (uint64_t)facet__db_column(stmt, 1).integer;
    const facet__value vector = facet__db_column(stmt, 2);
    const size_t want = set->dim * sizeof(float);
    uint8_t key[FACET__KEY];
    facet_status st = FACET_OK;

    if (vector.size != want + (g->vault ? FACET__SEAL : 0))
        return facet__fail(err, FACET_EDAMAGED,
            "template %llu has an embedding of wrong size",
            (unsigned long long)id);
    if (!g->vault) {
        memcpy(row, vector.bytes, want);
        return FACET_OK;
    }
    st = facet__store_key(g, person, facet__db_column(stmt, 3), key, err);
    if (st == FACET_OK &&
        facet__unseal(key, (facet__place){ 'E', id, (uint64_t)set->id },
            vector.bytes, vector.size, row) != FACET_OK)
        st = facet__fail(err, FACET_EDAMAGED,
            "the embedding of template %llu is damaged",
            (unsigned long long)id);
    facet__forget(key, sizeof key);
    return st;
}

/* Append what the set has beyond *last_id. */
static facet_status append_new(const facet_gallery *g, const facet__set *set,
    facet__rows *rows, int64_t *last_id, facet_error *err)
{
    facet__stmt *stmt = NULL;
    float *row = facet__alloc(set->dim * sizeof *row);
    bool more = true;
    facet_status st = row ? FACET_OK : facet__fail_memory(err);

    if (st == FACET_OK)
        st = facet__db_walk(g->db, &stmt, err,
            "SELECT e.template, t.person, e.vector, p.key FROM embedding e "
            "JOIN template t ON t.id = e.template AND t.gallery = ?3 "
            "JOIN person p ON p.id = t.person AND p.gallery = ?3 "
            "WHERE e.in_set = ?1 AND e.template > ?2 ORDER BY e.template",
            "iii", set->id, *last_id, g->state.gallery);
    while (st == FACET_OK) {
        st = facet__db_step(stmt, &more, err);
        if (st != FACET_OK || !more)
            break;
        st = read_row(g, set, stmt, row, err);
        if (st == FACET_OK)
            st = facet__rows_append(rows,
                (uint64_t)facet__db_column(stmt, 0).integer,
                (uint64_t)facet__db_column(stmt, 1).integer, row, err);
        if (st == FACET_OK)
            *last_id = facet__db_column(stmt, 0).integer;
    }
    facet__db_finish(stmt);
    facet__free(row);
    return st;
}

facet_status facet__index_load(const facet_gallery *g, const facet__set *set,
    facet__rows *rows, facet_error *err)
{
    int64_t last_id = 0;
    facet_status st;

    facet__rows_init(rows, set->dim);
    st = append_new(g, set, rows, &last_id, err);
    if (st != FACET_OK)
        facet__rows_free(rows);
    return st;
}

/* Zero the rows whose templates are gone: a walk along both lists of ids. A row
 * without an id may be one that a kill or a power cut left half erased. */
static facet_status erase_gone(facet_gallery *g, facet_error *err)
{
    facet__index *x = &g->index;
    facet__stmt *stmt = NULL;
    bool more = true;
    uint64_t there = 0;
    int64_t erased = 0;
    facet_status st = facet__db_walk(g->db, &stmt, err,
        "SELECT template FROM embedding WHERE in_set = ?1 ORDER BY template",
        "i", g->state.active.id);

    for (size_t i = 0; st == FACET_OK && i < x->rows.count; i++) {
        const uint64_t id = facet__rows_id(&x->rows, i);

        while (st == FACET_OK && more && there < id) {
            st = facet__db_step(stmt, &more, err);
            there =
                more ? (uint64_t)facet__db_column(stmt, 0).integer : UINT64_MAX;
        }
        if (st != FACET_OK || (id != 0 && id == there))
            continue;
        if (!facet__rows_blank(&x->rows, i))
            facet__rows_erase(&x->rows, i);
        erased++;
    }
    facet__db_finish(stmt);
    if (st == FACET_OK)
        x->erased = erased;
    return st;
}

/* After a removal. Rows behind the count may be those of somebody who is gone
 * by now; without a removal the next ones overwrite them with the same. */
static facet_status erase(facet_gallery *g, facet_error *err)
{
    facet__index *x = &g->index;
    size_t unpublished;
    facet_status st = erase_gone(g, err);

    if (st != FACET_OK || x->in_memory)
        return st;
    st = facet__rows_erase_behind(&x->rows, &unpublished, err);
    if (st == FACET_OK && fdatasync(x->file))
        st =
            facet__fail(err, FACET_EIO, "the vector file: %s", strerror(errno));
    return st;
}

static facet_status catch_up(facet_gallery *g, facet_error *err)
{
    facet__index *x = &g->index;
    facet_status st = FACET_OK;

    if (x->state.removals != g->state.removals)
        st = erase(g, err);
    if (st == FACET_OK)
        st = append_new(g, &g->state.active, &x->rows, &x->last_id, err);
    if (st == FACET_OK)
        x->state = g->state;
    return st;
}

/* Start afresh with no rows, in memory or in the open (empty) file. */
static facet_status start(facet_gallery *g, facet_error *err)
{
    facet__index *x = &g->index;

    facet__rows_free(&x->rows);
    x->state = g->state;
    x->last_id = x->erased = 0;
    return facet__rows_map(&x->rows, g->state.active.dim,
        x->in_memory ? -1 : x->file, true, 0, err);
}

/* A new file in place of the one that is locked. */
static facet_status rebuild(facet_gallery *g, facet_error *err)
{
    facet__index *x = &g->index;
    const size_t length = strlen(x->path) + 5;
    char *temporary = facet__alloc(length);
    const int old = x->file;
    facet_status st;

    if (!temporary)
        return facet__fail_memory(err);
    snprintf(temporary, length, "%s.new", x->path);
    unlink(temporary);
    facet__rows_free(&x->rows);
    x->file = open(
        temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    st = x->file < 0 ? facet__fail(err, FACET_EIO, "%.150s: %s", temporary,
                           strerror(errno))
                     : FACET_OK;
    if (st == FACET_OK && flock(x->file, LOCK_EX))
        st = facet__fail(err, FACET_EIO, "flock: %s", strerror(errno));
    if (st == FACET_OK)
        st = start(g, err);
    if (st == FACET_OK)
        st = catch_up(g, err);
    if (st == FACET_OK)
        st = publish(g, false, err);
    if (st == FACET_OK && rename(temporary, x->path))
        st =
            facet__fail(err, FACET_EIO, "%.150s: %s", x->path, strerror(errno));
    if (st != FACET_OK) {
        unlink(temporary);
        close_file(x); /* half a file is in step with nothing */
    }
    close(old);
    facet__free(temporary);
    return st;
}

static bool mostly_erased(const facet__index *x)
{
    return x->erased > FACET__SEGMENT_ROWS &&
           x->erased > (int64_t)(x->rows.count / 2);
}

/* With the file locked: make it show the state. */
static facet_status update_file(facet_gallery *g, facet_error *err)
{
    header h;
    facet_status st;

    if (adopt_current(g))
        return FACET_OK;
    if (!header_good(g, g->index.file, &h) ||
        h.generation > g->state.generation || !adopt(g, &h))
        return rebuild(g, err);
    st = catch_up(g, err);
    if (st == FACET_OK && mostly_erased(&g->index))
        return rebuild(g, err);
    return st == FACET_OK ? publish(g, false, err) : st;
}

/* Without a file: rows in memory, caught up or made. */
static facet_status update_memory(facet_gallery *g, facet_error *err)
{
    facet__index *x = &g->index;
    facet_status st = FACET_OK;

    if (!x->in_memory)
        close_file(x);
    x->in_memory = true;
    if (x->state.gallery == 0 || x->state.epoch != g->state.epoch ||
        x->state.active.id != g->state.active.id || mostly_erased(x))
        st = start(g, err);
    if (st == FACET_OK)
        st = catch_up(g, err);
    if (st != FACET_OK)
        close_file(x);
    return st;
}

/* A snapshot of the truth, newer than any that is open. */
static facet_status snapshot(facet_gallery *g, facet_error *err)
{
    facet_status st;

    g->db->driver->rollback(g->db);
    st = g->db->driver->begin_read(g->db, err);
    if (st == FACET_OK)
        st = facet__store_load(g, &g->state, err);
    return st;
}

static bool in_step(const facet_gallery *g)
{
    return g->index.state.gallery == g->state.gallery &&
           g->index.state.generation == g->state.generation &&
           g->index.state.removals == g->state.removals;
}

static void means_free(facet__means *means)
{
    if (means->made)
        facet__rows_free(&means->rows);
    facet__free(means->list);
    *means = (facet__means){ .made = false };
}

static void all_means_free(facet_gallery *g)
{
    means_free(&g->mean);
    means_free(&g->fused);
}

/* For a handle that may not write: between a writer's commit and its header the
 * file is behind for a moment, and a header read while it is written may be
 * half of two. Wait for that moment, but not for a writer that has died. */
static bool await_current(facet_gallery *g)
{
    enum { TRIES = 50, TRIES_WITHOUT_HEADER = 3 };
    const struct timespec moment = { 0, 2000000 };
    header h;

    for (int i = 0; i < TRIES; i++) {
        if (adopt_current(g))
            return true;
        if (g->index.file < 0 ||
            (i >= TRIES_WITHOUT_HEADER && !header_good(g, g->index.file, &h)))
            return false;
        nanosleep(&moment, NULL);
        if (snapshot(g, NULL) != FACET_OK)
            return false;
    }
    return false;
}

/* In a snapshot: adopt, or lock and update, or fall back on memory. */
static facet_status sync_rows(facet_gallery *g, facet_error *err)
{
    facet_status st = FACET_EIO;

    if (g->index.in_memory)
        return update_memory(g, err);
    if (g->read_only ? await_current(g) : adopt_current(g))
        return FACET_OK;
    if (!g->read_only && lock_file(g)) {
        st = snapshot(g, err);
        if (st == FACET_OK)
            st = update_file(g, err);
        unlock_file(g);
    }
    return st == FACET_OK || st == FACET_EDAMAGED ? st : update_memory(g, err);
}

facet_status facet__index_sync(facet_gallery *g, facet_error *err)
{
    const bool searches = g->db->driver->nearest != NULL;
    facet_status st;

    g->index.in_memory =
        g->index.in_memory || g->vault || searches || !can_map();
    st = snapshot(g, err);
    if (st == FACET_OK && !in_step(g)) {
        all_means_free(g);
        if (!searches)
            st = sync_rows(g, err);
    }
    g->db->driver->rollback(g->db);
    g->stale = st;
    return st;
}

facet_status facet__index_usable(const facet_gallery *g, facet_error *err)
{
    if (g->stale != FACET_OK)
        return facet__fail(err, g->stale,
            "the rows could not follow the last write: "
            "facet_gallery_refresh tries again and says why");
    return FACET_OK;
}

bool facet__index_pending(const facet_gallery *g)
{
    const facet__index *x = &g->index;

    return !g->db->driver->nearest && (x->in_memory || g->stale != FACET_OK) &&
           x->path && access(x->path, F_OK) == 0;
}

facet_status facet__index_need(const facet_gallery *g, facet_error *err)
{
    facet_gallery *owner = (facet_gallery *)(uintptr_t)g;
    facet_status st = FACET_OK;

    if (!g->db->driver->nearest)
        return FACET_OK;
    facet__store_lock(g);
    if (!in_step(g))
        st = update_memory(owner, err);
    facet__store_unlock(g);
    return st;
}

/* At close: let the file survive a power cut. */
static void settle(facet_gallery *g)
{
    facet__index *x = &g->index;
    header h;

    if (g->read_only || x->in_memory || x->file < 0 || !same_file(x) ||
        flock(x->file, LOCK_EX))
        return;
    if (header_good(g, x->file, &h) && h.generation == x->state.generation &&
        h.synced != h.generation && fdatasync(x->file) == 0 &&
        publish(g, true, NULL) == FACET_OK)
        fdatasync(x->file);
    unlock_file(g);
}

void facet__index_close(facet_gallery *g)
{
    all_means_free(g);
    settle(g);
    index_free(&g->index);
}

/* Rows that differ from the truth, one after the other. */
static facet_status count_damaged(
    facet_gallery *g, uint64_t *damaged, facet_error *err)
{
    facet__rows truth;
    facet__rows *rows = &g->index.rows;
    size_t at = 0;
    facet_status st = facet__index_load(g, &g->state.active, &truth, err);

    if (st != FACET_OK)
        return st;
    for (size_t i = 0; i < rows->count; i++) {
        const uint64_t id = facet__rows_id(rows, i);

        if (id == 0)
            continue;
        if (at == truth.count || facet__rows_id(&truth, at) != id ||
            !facet__rows_intact(rows, i) ||
            memcmp(facet__rows_at(rows, i), facet__rows_at(&truth, at),
                rows->layout.dim * sizeof(float)) != 0)
            ++*damaged;
        at += at < truth.count;
    }
    *damaged += truth.count - at;
    facet__rows_free(&truth);
    return FACET_OK;
}

/* Of rows that are no more, and of some that never were: what of them is still
 * in the file. */
static facet_status count_leftovers(
    facet_gallery *g, uint64_t *damaged, facet_error *err)
{
    facet__rows *rows = &g->index.rows;
    size_t unpublished;
    facet_status st = facet__rows_erase_behind(rows, &unpublished, err);

    for (size_t i = 0; i < rows->count; i++)
        *damaged += facet__rows_id(rows, i) == 0 && !facet__rows_blank(rows, i);
    *damaged += unpublished;
    return st;
}

/* With the file locked; of rows that are there it is known how many are
 * damaged. */
static facet_status check_file(
    facet_gallery *g, uint64_t *damaged, facet_error *err)
{
    facet_status st = snapshot(g, err);

    if (st == FACET_OK)
        st = update_file(g, err);
    if (st == FACET_OK)
        st = count_leftovers(g, damaged, err);
    return st == FACET_OK && *damaged ? rebuild(g, err) : st;
}

/* Without the file, whatever it is like. */
static facet_status go_to_memory(facet_gallery *g, facet_error *err)
{
    all_means_free(g);
    g->index.in_memory = true;
    close_file(&g->index);
    return facet__index_sync(g, err);
}

facet_status facet_gallery_check(
    facet_gallery *g, uint64_t *damaged, facet_error *err)
{
    facet_status st;

    if (!g || !damaged)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    *damaged = 0;
    st = facet__index_sync(g, err);
    if (g->db->driver->nearest) /* there are no other rows than the truth */
        return st;
    if (st == FACET_OK)
        st = count_damaged(g, damaged, err);
    if (st != FACET_OK)
        return st;
    if (g->index.in_memory || g->read_only || !lock_file(g))
        return *damaged || !in_step(g) ? go_to_memory(g, err) : FACET_OK;
    all_means_free(g);
    st = check_file(g, damaged, err);
    unlock_file(g);
    if (st != FACET_OK && st != FACET_EDAMAGED)
        st = update_memory(g, err);
    g->db->driver->rollback(g->db);
    g->stale = st;
    return st;
}
