/* SPDX-License-Identifier: Apache-2.0 */
/* eval_embed.c - embeddings for the files of a list: read, remembered or made.
 *
 * The cache is one file a contract and way, JSON Lines as `facet embed` writes
 * them, whose names are the size and a hash of a picture's bytes: it does not
 * matter where a picture lies or what it is called. */
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eval_look.h"
#include "exits.h"
#include "facet/compact.h"

enum { KEY_ROOM = 40 };

static int no_memory(void)
{
    complain("not enough memory");
    return EXIT_NO_MEMORY;
}

/* ---- made before ---- */

static bool is_npy(const char *path)
{
    const char *ending = strrchr(path, '.');

    return ending && strcmp(ending, ".npy") == 0;
}

static int read_vectors(eval_run *run)
{
    const bool npy = is_npy(run->embeddings);
    facet_error err = { FACET_OK, "" };
    facet_vectors v;
    facet_status st;

    if (npy && !run->names) {
        complain("a .npy needs --names");
        return EXIT_USAGE;
    }
    st = npy ? facet_vectors_read_npy(run->embeddings, run->names, &v, &err)
             : facet_vectors_read_jsonl(run->embeddings, &v, &err);
    if (st != FACET_OK)
        return eval_fail(st, &err);
    run->dim = v.dim;
    snprintf(run->contract, sizeof run->contract, "%s", v.contract);
    run->files = calloc(run->protocol.n_files, v.dim * sizeof *run->files);
    st = run->files
             ? facet_protocol_look_up(&run->protocol, &v, run->files, &err)
             : FACET_ENOMEM;
    facet_vectors_free(&v);
    return eval_fail(st, &err);
}

/* ---- making them ---- */

/* What all workers share. */
typedef struct job {
    eval_run *run;
    looker *lookers; /* one a worker */
    facet_vectors cache;
    char (*keys)[KEY_ROOM]; /* [n_files] */
    bool *made;             /* [n_files] not from the cache, and not failed */
    atomic_size_t next;
    atomic_bool stop;
    pthread_mutex_t lock; /* of the two below, and of complaints */
    facet_status status;  /* of the first of the list that failed */
    size_t failed;        /* that one */
} job;

/* Files of a folder have no line; tables of IJB are several lists. */
static void tell_failure(
    const eval_run *run, size_t file, facet_status st, const char *message)
{
    const facet_protocol *p = &run->protocol;
    const char *text = *message ? message : facet_status_str(st);
    const uint32_t line = p->file_lines[file];

    if (!line)
        complain("%s: %s", p->files[file], text);
    else
        complain("%s, line %" PRIu32 ", %s: %s",
            run->list ? run->list : "the list", line, p->files[file], text);
}

/* Is it the picture that is wrong, and not the network or the machine? */
static bool is_of_one_picture(facet_status st)
{
    const exit_number number = exit_for_photo(st);

    return number == EXIT_BAD_IMAGE || number == EXIT_IO;
}

/* Of a picture that failed. Where the run goes on each is told, elsewhere the
 * one that ends it. */
static void fail_file(job *j, size_t file, facet_status st, const char *message)
{
    const bool goes_on = j->run->goes_on && is_of_one_picture(st);

    pthread_mutex_lock(&j->lock);
    if (goes_on || !atomic_load(&j->stop))
        tell_failure(j->run, file, st, message);
    if (!atomic_load(&j->stop) &&
        (!goes_on || j->status == FACET_OK || file < j->failed)) {
        j->status = st;
        j->failed = file;
    }
    if (!goes_on)
        atomic_store(&j->stop, true);
    pthread_mutex_unlock(&j->lock);
}

/* FNV-1a over the bytes. */
static void content_key(const uint8_t *bytes, size_t size, char key[KEY_ROOM])
{
    uint64_t hash = 14695981039346656037U;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 1099511628211U;
    snprintf(key, KEY_ROOM, "%zu-%016" PRIx64, size, hash);
}

typedef struct cached {
    const char *name;
    const float *row;
} cached;

static int by_name(const void *left, const void *right)
{
    return strcmp(((const cached *)left)->name, ((const cached *)right)->name);
}

typedef struct worker {
    job *j;
    int number;
    const cached *known;
    size_t n_known;
} worker;

static void embed_file(const worker *w, size_t file)
{
    job *j = w->j;
    float *row = j->run->files + file * j->run->dim;
    facet_error err = { FACET_OK, "" };
    uint8_t *bytes;
    const cached *found;
    size_t size;
    cached wanted;
    facet_status st = facet_pictures_read(
        j->run->pictures, j->run->protocol.files[file], &bytes, &size, &err);

    for (size_t k = 0; k < j->run->dim; k++)
        row[k] = NAN;
    if (st != FACET_OK) {
        fail_file(j, file, st, err.msg);
        return;
    }
    content_key(bytes, size, j->keys[file]);
    wanted.name = j->keys[file];
    found = w->n_known
                ? bsearch(&wanted, w->known, w->n_known, sizeof wanted, by_name)
                : NULL;
    if (found)
        memcpy(row, found->row, j->run->dim * sizeof *row);
    else {
        st = look(j->run, &j->lookers[w->number], bytes, size, row,
            j->run->quality ? &j->run->quality[file] : NULL, &err);
        j->made[file] = st == FACET_OK;
        if (st != FACET_OK)
            fail_file(j, file, st, err.msg);
    }
    facet_pictures_free_bytes(bytes);
}

static void *work(void *argument)
{
    const worker *w = argument;
    const size_t count = w->j->run->protocol.n_files;

    while (!atomic_load(&w->j->stop)) {
        const size_t file = atomic_fetch_add(&w->j->next, 1);

        if (file >= count)
            break;
        embed_file(w, file);
    }
    return NULL;
}

/* ---- the cache ---- */

/* All that an embedding of a picture hangs on, and whether there is one. */
static char *cache_path(const eval_run *run)
{
    const facet_pipeline_opts *o = &run->nets.opts;
    const size_t size = strlen(run->cache) + strlen(run->contract) + 160;
    char *path = malloc(size), way[64], change[32] = "", looks[32] = "";

    if (run->margin >= 0)
        snprintf(way, sizeof way, "margin%g", run->margin);
    else if (o->aligned)
        snprintf(way, sizeof way, "aligned");
    else
        snprintf(way, sizeof way, "policy%d-score%g-face%g-%zu", (int)o->policy,
            (double)o->score_threshold, (double)o->min_face, o->max_faces);
    if (run->unaligned || run->scales)
        snprintf(looks, sizeof looks, "%s-views%zu",
            run->unaligned ? "-unaligned" : "", 10 * run->scales);
    if (run->change == EVAL_JPEG || run->change == EVAL_PIXELS)
        snprintf(change, sizeof change, "-%s%g", eval_change_name(run->change),
            run->value);
    if (path)
        snprintf(path, size, "%s/%s-%s-%s%s%s.jsonl", run->cache, run->contract,
            precision_name(run->precision), way, looks, change);
    return path;
}

/* Where the last whole line ends; -1 when that cannot be read. */
static off_t end_of_lines(int file, off_t size)
{
    char block[4096];

    while (size > 0) {
        const size_t n =
            size < (off_t)sizeof block ? (size_t)size : sizeof block;

        if (pread(file, block, n, size - (off_t)n) != (ssize_t)n)
            return -1;
        for (size_t k = n; k > 0; k--)
            if (block[k - 1] == '\n')
                return size - (off_t)(n - k);
        size -= (off_t)n;
    }
    return 0;
}

/* The cache for this process alone, until it is closed; -1 where that cannot be
 * had. What a run that was killed left of a line is cut off. */
static int open_cache(const char *path, int flags)
{
    const int file = open(path, O_RDWR | O_CLOEXEC | flags, 0666);
    struct stat about;
    off_t whole;

    if (file < 0)
        return -1;
    if (flock(file, LOCK_EX) == 0 && fstat(file, &about) == 0 &&
        (whole = end_of_lines(file, about.st_size)) >= 0 &&
        (whole == about.st_size || ftruncate(file, whole) == 0))
        return file;
    close(file);
    return -1;
}

/* Nothing there is no error; something unreadable is: it is for a person to
 * look at, and to delete. */
static int read_locked(
    const eval_run *run, const char *path, facet_vectors *cache)
{
    facet_error err = { FACET_OK, "" };
    struct stat about;
    facet_status st = FACET_OK;

    if (stat(path, &about) == 0 && about.st_size > 0)
        st = facet_vectors_read_jsonl(path, cache, &err);
    if (st == FACET_OK && cache->count > 0 && cache->dim != run->dim)
        facet_vectors_free(cache);
    return eval_fail(st, &err);
}

/* A cache that may only be read is read without a lock. */
static int read_cache(const eval_run *run, facet_vectors *cache)
{
    char *path = cache_path(run);
    int file, status;

    if (!path)
        return no_memory();
    file = open_cache(path, 0);
    status = read_locked(run, path, cache);
    if (file >= 0)
        close(file);
    free(path);
    return status;
}

static void write_line(
    FILE *file, const char *key, const float *row, size_t dim)
{
    if (isnan(row[0])) {
        fprintf(file, "{\"image\":\"%s\",\"faces\":[]}\n", key);
        return;
    }
    fprintf(file, "{\"image\":\"%s\",\"faces\":[{\"embedding\":[", key);
    for (size_t k = 0; k < dim; k++)
        fprintf(file, "%s%.9g", k ? "," : "", (double)row[k]);
    fputs("]}]}\n", file);
}

static int by_key(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Keys, sorted: of what this run made, and of what the cache has, which another
 * run may have added to meanwhile. */
typedef struct key_lists {
    char **made, **there;
    size_t n_made, n_there;
} key_lists;

/* The first of equal pictures that were made, and not there. */
static bool is_new(const job *j, size_t i, const key_lists *k)
{
    char *key = j->keys[i];
    char **at = j->made[i]
                    ? bsearch(&key, k->made, k->n_made, sizeof *k->made, by_key)
                    : NULL;

    if (!at || (k->n_there && bsearch(&key, k->there, k->n_there,
                                  sizeof *k->there, by_key)))
        return false;
    while (at > k->made && strcmp(at[-1], key) == 0)
        at--;
    return *at == key;
}

static void put_new(const job *j, const key_lists *k, bool failures, FILE *to)
{
    const size_t dim = j->run->dim;

    for (size_t i = 0; i < j->run->protocol.n_files; i++)
        if (is_new(j, i, k) && (isnan(j->run->files[i * dim]) != 0) == failures)
            write_line(to, j->keys[i], j->run->files + i * dim, dim);
}

/* Keys of what was made, sorted; whether any of it has an embedding. */
static bool gather_made(const job *j, char **made, size_t *n)
{
    bool any = false;

    *n = 0;
    for (size_t i = 0; i < j->run->protocol.n_files; i++)
        if (j->made[i]) {
            made[(*n)++] = j->keys[i];
            any = any || !isnan(j->run->files[i * j->run->dim]);
        }
    qsort(made, *n, sizeof *made, by_key);
    return any;
}

/* What the locked file lacks. A file without any embedding could not be read
 * again, so failures alone are not kept, and come last. */
static bool put_lacking(const job *j, const char *path, FILE *to)
{
    char **made = calloc(j->run->protocol.n_files + 1, sizeof *made);
    facet_vectors there = { .count = 0 };
    size_t n = 0;
    const bool good = made && read_locked(j->run, path, &there) == EXIT_YES;

    if (good && (gather_made(j, made, &n) || there.count)) {
        const key_lists k = { made, there.names, n, there.count };

        if (there.count)
            qsort(there.names, there.count, sizeof *there.names, by_key);
        put_new(j, &k, false, to);
        put_new(j, &k, true, to);
    }
    facet_vectors_free(&there);
    free(made);
    return good;
}

/* All of it or nothing: half a line would spoil the cache for every later
 * run. */
static bool append_locked(const job *j, const char *path, int file)
{
    struct stat before;
    const int copy = fstat(file, &before) == 0 ? dup(file) : -1;
    FILE *to = copy >= 0 ? fdopen(copy, "a") : NULL;
    bool good;

    if (!to) {
        if (copy >= 0)
            close(copy);
        return false;
    }
    good = put_lacking(j, path, to) && !ferror(to);
    good = fclose(to) == 0 && good;
    if (!good)
        (void)!ftruncate(file, before.st_size);
    return good;
}

/* A cache that cannot be written costs time, later, and not this run's
 * answer. */
static void append_cache(const job *j)
{
    char *path = cache_path(j->run);
    const int file = path ? open_cache(path, O_CREAT | O_APPEND) : -1;

    if (file < 0 || !append_locked(j, path, file))
        complain("%s: the cache cannot be written, what was made is not kept",
            path ? path : j->run->cache);
    if (file >= 0)
        close(file);
    free(path);
}

/* ---- the whole ---- */

static int run_workers(job *j, const cached *known, size_t n_known)
{
    const int n = j->run->threads;
    worker *workers = calloc((size_t)n, sizeof *workers);
    pthread_t *threads = calloc((size_t)n, sizeof *threads);
    int started = 1;

    if (!workers || !threads) {
        free(workers);
        free(threads);
        return no_memory();
    }
    for (int i = 0; i < n; i++)
        workers[i] = (worker){ j, i, known, n_known };
    while (started < n && pthread_create(&threads[started], NULL, work,
                              &workers[started]) == 0)
        started++;
    work(&workers[0]);
    while (--started > 0)
        pthread_join(threads[started], NULL);
    free(workers);
    free(threads);
    return EXIT_YES;
}

static int embed_all(job *j)
{
    const size_t count = j->run->protocol.n_files;
    cached *known = calloc(j->cache.count + 1, sizeof *known);
    int status;

    j->keys = calloc(count, sizeof *j->keys);
    j->made = calloc(count, sizeof *j->made);
    j->run->files = calloc(count, j->run->dim * sizeof *j->run->files);
    if (wants_quality(j->run))
        j->run->quality = calloc(count, sizeof *j->run->quality);
    if (!known || !j->keys || !j->made || !j->run->files ||
        (wants_quality(j->run) && !j->run->quality)) {
        free(known);
        return no_memory();
    }
    for (size_t i = 0; i < j->cache.count; i++)
        known[i] =
            (cached){ j->cache.names[i], j->cache.values + i * j->cache.dim };
    qsort(known, j->cache.count, sizeof *known, by_name);
    status = run_workers(j, known, j->cache.count);
    free(known);
    if (status != EXIT_YES)
        return status;
    if (j->run->cache)
        append_cache(j);
    j->run->broken = exit_for_photo(j->status);
    return atomic_load(&j->stop) ? j->run->broken : EXIT_YES;
}

static int open_lookers(job *j)
{
    eval_run *run = j->run;

    j->lookers = calloc((size_t)run->threads, sizeof *j->lookers);
    return j->lookers ? lookers_open(run, j->lookers, run->threads)
                      : no_memory();
}

static int usage(const char *text)
{
    complain("%s", text);
    return EXIT_USAGE;
}

/* What cannot be had together. */
static int check(const eval_run *run)
{
    if (run->names && !(run->embeddings && is_npy(run->embeddings)))
        return usage("--names is for the rows of --embeddings FILE.npy");
    if (wants_quality(run) && (run->embeddings || run->cache))
        return usage("fusion best wants the quality of faces, which is not "
                     "kept with embeddings: no --embeddings, no --cache");
    if (run->unaligned && (run->margin >= 0 || run->nets.opts.aligned))
        return usage("--unaligned is for whole photos");
    if (run->embeddings && (run->unaligned || run->scales))
        return usage("--views and --unaligned take no --embeddings");
    return EXIT_YES;
}

static int make_vectors(eval_run *run)
{
    job j = { .run = run, .lock = PTHREAD_MUTEX_INITIALIZER };
    facet_error err = { FACET_OK, "" };
    int status;

    if (run->images.count == 0) {
        complain("where are the pictures? Give --images or --embeddings");
        return EXIT_USAGE;
    }
    status = need_folder(run->cache);
    if (status == EXIT_YES && !run->pictures)
        status = eval_fail(facet_pictures_open(run->images.items,
                               run->images.count, &run->pictures, &err),
            &err);
    if (status == EXIT_YES)
        status = open_lookers(&j);
    if (status == EXIT_YES && run->cache)
        status = read_cache(j.run, &j.cache);
    if (status == EXIT_YES)
        status = embed_all(&j);
    if (j.lookers)
        lookers_close(j.lookers, run->threads);
    free(j.lookers);
    free(j.keys);
    free(j.made);
    facet_vectors_free(&j.cache);
    return status;
}

/* Every embedding through a byte a number and back. */
static facet_status make_compact(eval_run *run)
{
    int8_t *codes = malloc(run->dim);

    if (!codes)
        return FACET_ENOMEM;
    for (size_t i = 0; i < run->protocol.n_files; i++) {
        float *x = run->files + i * run->dim;

        if (facet_compact(x, run->dim, codes) == FACET_OK)
            facet_expand(codes, run->dim, x);
    }
    free(codes);
    return FACET_OK;
}

int eval_embed(eval_run *run)
{
    int status = check(run);

    if (status == EXIT_YES)
        status = run->embeddings ? read_vectors(run) : make_vectors(run);
    if (status == EXIT_YES && run->compact && make_compact(run) != FACET_OK)
        return no_memory();
    for (size_t i = 0; status == EXIT_YES && i < run->protocol.n_files; i++)
        run->failed += isnan(run->files[i * run->dim]) != 0;
    return status;
}
