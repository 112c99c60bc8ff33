/* SPDX-License-Identifier: Apache-2.0 */
/* power_vfs.h - for tests: an SQLite VFS in which the power fails.
 *
 * Writes go through to the file, and both what they replace and what they bring
 * is kept until the file is synced. At the chosen write or sync, each file is
 * put back to its last sync, a random part of the writes since is applied again
 * (a disk may write in any order), and the process ends. Real syncs are left
 * out, as nothing but the process dies.
 *
 * Not simulated: a write torn inside, and directory entries that are lost. */
#ifndef FACET__POWER_VFS_H
#define FACET__POWER_VFS_H

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POWER_FILES = 16 };

/* One write (or, with size before > after, a cut) since the last sync. */
typedef struct power_write {
    sqlite3_int64 at;
    sqlite3_int64 size_before, size_after; /* of the file */
    int old_size, new_size;
    unsigned char *old, *new;
} power_write;

typedef struct power_file {
    sqlite3_file base;
    sqlite3_file *real;
    power_write *writes;
    int n_writes, room;
} power_file;

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    sqlite3_io_methods methods;
    power_file *open[POWER_FILES];
    long countdown; /* writes and syncs left until the cut; < 0: never */
    long operations;
    unsigned seed;
} power;

static int power_random(void)
{
    power.seed = power.seed * 1664525U + 1013904223U;
    return (int)(power.seed >> 16);
}

static void power_put(
    power_file *f, sqlite3_int64 at, const unsigned char *bytes, int size)
{
    if (size > 0)
        f->real->pMethods->xWrite(f->real, bytes, size, at);
}

/* Back to the last sync, then forward again with some of the writes. */
static void power_lose(power_file *f)
{
    for (int i = f->n_writes - 1; i >= 0; i--) {
        const power_write *w = &f->writes[i];

        power_put(f, w->at, w->old, w->old_size);
        f->real->pMethods->xTruncate(f->real, w->size_before);
    }
    for (int i = 0; i < f->n_writes; i++) {
        const power_write *w = &f->writes[i];

        if (power_random() & 1)
            continue;
        power_put(f, w->at, w->new, w->new_size);
        if (w->size_after < w->size_before)
            f->real->pMethods->xTruncate(f->real, w->size_after);
    }
}

static void power_operation(void)
{
    power.operations++;
    if (power.countdown < 0 || power.countdown-- > 0)
        return;
    for (int i = 0; i < POWER_FILES; i++)
        if (power.open[i])
            power_lose(power.open[i]);
    _exit(9);
}

static void power_note(power_file *f, sqlite3_int64 at, int old_size,
    const void *bytes, int new_size, sqlite3_int64 size_after)
{
    power_write *w;

    if (f->n_writes == f->room) {
        f->room = f->room ? 2 * f->room : 64;
        f->writes = realloc(f->writes, (size_t)f->room * sizeof *f->writes);
    }
    w = &f->writes[f->n_writes++];
    *w = (power_write){ .at = at,
        .size_after = size_after,
        .old_size = old_size,
        .new_size = new_size };
    f->real->pMethods->xFileSize(f->real, &w->size_before);
    w->old = malloc((size_t)old_size + 1);
    w->new = malloc((size_t)new_size + 1);
    if (at + old_size > w->size_before)
        w->old_size = at < w->size_before ? (int)(w->size_before - at) : 0;
    if (w->old_size > 0)
        f->real->pMethods->xRead(f->real, w->old, w->old_size, at);
    if (new_size > 0)
        memcpy(w->new, bytes, (size_t)new_size);
}

static void power_forget(power_file *f)
{
    for (int i = 0; i < f->n_writes; i++) {
        free(f->writes[i].old);
        free(f->writes[i].new);
    }
    f->n_writes = 0;
}

static int power_write_at(
    sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    power_file *f = (power_file *)(void *)file;

    power_operation();
    power_note(f, at, size, bytes, size, INT64_MAX);
    return f->real->pMethods->xWrite(f->real, bytes, size, at);
}

static int power_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    power_file *f = (power_file *)(void *)file;
    sqlite3_int64 before = 0;

    power_operation();
    f->real->pMethods->xFileSize(f->real, &before);
    power_note(
        f, size, before > size ? (int)(before - size) : 0, NULL, 0, size);
    return f->real->pMethods->xTruncate(f->real, size);
}

static int power_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    power_operation();
    power_forget((power_file *)(void *)file);
    return SQLITE_OK;
}

static int power_close(sqlite3_file *file)
{
    power_file *f = (power_file *)(void *)file;

    for (int i = 0; i < POWER_FILES; i++)
        if (power.open[i] == f)
            power.open[i] = NULL;
    power_forget(f);
    free(f->writes);
    return f->real->pMethods->xClose(f->real);
}

#define POWER_REAL(f) (((power_file *)(void *)(f))->real)
#define POWER_PASS(name, parameters, arguments)                                \
    static int power_##name parameters                                         \
    {                                                                          \
        return POWER_REAL(f)->pMethods->name arguments;                        \
    }

POWER_PASS(xRead, (sqlite3_file * f, void *to, int n, sqlite3_int64 at),
    (POWER_REAL(f), to, n, at))
POWER_PASS(
    xFileSize, (sqlite3_file * f, sqlite3_int64 *size), (POWER_REAL(f), size))
POWER_PASS(xLock, (sqlite3_file * f, int level), (POWER_REAL(f), level))
POWER_PASS(xUnlock, (sqlite3_file * f, int level), (POWER_REAL(f), level))
POWER_PASS(
    xCheckReservedLock, (sqlite3_file * f, int *out), (POWER_REAL(f), out))
POWER_PASS(xFileControl, (sqlite3_file * f, int op, void *argument),
    (POWER_REAL(f), op, argument))
POWER_PASS(xShmMap,
    (sqlite3_file * f, int page, int size, int extend, void volatile **out),
    (POWER_REAL(f), page, size, extend, out))
POWER_PASS(xShmLock, (sqlite3_file * f, int at, int n, int flags),
    (POWER_REAL(f), at, n, flags))
POWER_PASS(xShmUnmap, (sqlite3_file * f, int remove), (POWER_REAL(f), remove))

static void power_xShmBarrier(sqlite3_file *f)
{
    POWER_REAL(f)->pMethods->xShmBarrier(POWER_REAL(f));
}

static int power_xSectorSize(sqlite3_file *f)
{
    (void)f;
    return 4096;
}

/* Nothing is promised: no atomic writes, no safe append, no order. */
static int power_xDeviceCharacteristics(sqlite3_file *f)
{
    (void)f;
    return 0;
}

static int power_open_file(sqlite3_vfs *vfs, const char *name,
    sqlite3_file *file, int flags, int *out_flags)
{
    power_file *f = (power_file *)(void *)file;
    int code;

    (void)vfs;
    memset(f, 0, sizeof *f);
    f->real = (sqlite3_file *)(void *)(f + 1);
    code = power.real->xOpen(power.real, name, f->real, flags, out_flags);
    if (code != SQLITE_OK)
        return code;
    f->base.pMethods = &power.methods;
    for (int i = 0; i < POWER_FILES; i++)
        if (!power.open[i]) {
            power.open[i] = f;
            break;
        }
    return SQLITE_OK;
}

/* From now on every connection of this process is over the VFS; the power fails
 * at operation `countdown`. */
static inline void power_install(long countdown, unsigned seed)
{
    power.real = sqlite3_vfs_find(NULL);
    power.vfs = *power.real;
    power.vfs.zName = "power";
    power.vfs.pNext = NULL;
    power.vfs.szOsFile = (int)sizeof(power_file) + power.real->szOsFile;
    power.vfs.xOpen = power_open_file;
    power.methods = (sqlite3_io_methods){ .iVersion = 2,
        .xClose = power_close,
        .xRead = power_xRead,
        .xWrite = power_write_at,
        .xTruncate = power_truncate,
        .xSync = power_sync,
        .xFileSize = power_xFileSize,
        .xLock = power_xLock,
        .xUnlock = power_xUnlock,
        .xCheckReservedLock = power_xCheckReservedLock,
        .xFileControl = power_xFileControl,
        .xSectorSize = power_xSectorSize,
        .xDeviceCharacteristics = power_xDeviceCharacteristics,
        .xShmMap = power_xShmMap,
        .xShmLock = power_xShmLock,
        .xShmBarrier = power_xShmBarrier,
        .xShmUnmap = power_xShmUnmap };
    power.countdown = countdown;
    power.seed = seed;
    sqlite3_vfs_register(&power.vfs, 1);
}

#endif
