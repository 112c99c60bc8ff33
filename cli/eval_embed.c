/* SPDX-License-Identifier: Apache-2.0 */
/* eval_embed.c - embeddings for the files of a list: read, remembered or made.
 *
 * The cache is one file a contract and way, JSON Lines as `facet embed` writes
 * them, whose names are the size and a hash of a picture's bytes: it does not
 * matter where a picture lies or what it is called. */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "eval.h"
#include "exits.h"
#include "facet/align.h"
#include "facet/compact.h"
#include "facet/image.h"

enum { KEY_ROOM = 40 };

static int no_memory(void)
{
    complain("not enough memory");
    return EXIT_NO_MEMORY;
}

/* ---- made before ---- */

static int read_vectors(eval_run *run)
{
    const char *ending = strrchr(run->embeddings, '.');
    const bool npy = ending && strcmp(ending, ".npy") == 0;
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
    facet_pipeline **pipelines; /* one a worker */
    facet_vectors cache;
    char (*keys)[KEY_ROOM]; /* [n_files] */
    bool *made;             /* [n_files] not from the cache */
    atomic_size_t next;
    atomic_bool stop;
    pthread_mutex_t lock; /* of the two below */
    facet_status status;
    facet_error err;
} job;

static void give_up(job *j, size_t file, facet_status st, const char *message)
{
    pthread_mutex_lock(&j->lock);
    if (j->status == FACET_OK) {
        j->status = st;
        snprintf(j->err.msg, sizeof j->err.msg,
            "line %" PRIu32 " of the list, %.90s: %.120s",
            j->run->protocol.file_lines[file], j->run->protocol.files[file],
            *message ? message : facet_status_str(st));
    }
    pthread_mutex_unlock(&j->lock);
    atomic_store(&j->stop, true);
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

/* An ArcFace crop with a margin, as the embedder wants it. */
static facet_status cut_crop(const job *j, int worker, const facet_image *image,
    facet_image **crop, facet_error *err)
{
    const facet_align_template *arcface = facet_template_find("arcface-112");
    facet_point points[FACET_LANDMARKS];

    for (int i = 0; i < FACET_LANDMARKS; i++) {
        points[i].x = arcface->points[i].x + (float)j->run->margin;
        points[i].y = arcface->points[i].y + (float)j->run->margin;
    }
    return facet_align(image, points,
        &facet_pipeline_settings(j->pipelines[worker])->align, crop, err);
}

/* Through JPEG and back. */
static facet_status compress(
    const facet_image *image, int quality, facet_image **out, facet_error *err)
{
    uint8_t *bytes = NULL;
    size_t size;
    facet_status st = facet_image_encode(
        image, FACET_IMAGE_JPEG, quality, &bytes, &size, err);

    if (st == FACET_OK)
        st = facet_image_read_memory(bytes, size, NULL, out, err);
    facet_image_bytes_free(bytes);
    return st;
}

/* Down to so many pixels, sides in proportion, and back. */
static facet_status shrink(
    const facet_image *image, double pixels, facet_image **out)
{
    const int32_t width = facet_image_width(image);
    const int32_t height = facet_image_height(image);
    const double by = sqrt(pixels / ((double)width * (double)height));
    facet_image *small = NULL;
    facet_status st = facet_image_resize(image, (int32_t)lround(width * by),
        (int32_t)lround(height * by), &small);

    if (st == FACET_OK)
        st = facet_image_resize(small, width, height, out);
    facet_image_free(small);
    return st;
}

/* *crop, or the image when there is none, becomes what the study makes of it.
 */
static facet_status change_crop(const eval_run *run, const facet_image *image,
    facet_image **crop, facet_error *err)
{
    facet_image *changed = NULL;
    facet_status st = FACET_OK;

    if (*crop)
        image = *crop;
    if (run->change == EVAL_JPEG)
        st = compress(image, (int)run->value, &changed, err);
    else if (run->change == EVAL_PIXELS)
        st = shrink(image, run->value, &changed);
    if (changed) {
        facet_image_free(*crop);
        *crop = changed;
    }
    return st;
}

/* The face of a picture; no face leaves NaN. */
static facet_status embed_picture(job *j, int worker, const uint8_t *bytes,
    size_t size, float *row, facet_error *err)
{
    facet_image *image = NULL, *crop = NULL;
    facet_faces *faces = NULL;
    facet_status st = facet_image_read_memory(bytes, size, NULL, &image, err);

    if (st == FACET_OK && j->run->margin >= 0)
        st = cut_crop(j, worker, image, &crop, err);
    if (st == FACET_OK)
        st = change_crop(j->run, image, &crop, err);
    if (st == FACET_OK)
        st = facet_pipeline_faces(
            j->pipelines[worker], crop ? crop : image, &faces, err);
    if (st == FACET_ENOFACE)
        st = FACET_OK;
    if (st == FACET_OK && facet_faces_count(faces) > 0)
        memcpy(row, facet_faces_embedding(faces, 0)->values,
            j->run->dim * sizeof *row);
    facet_faces_free(faces);
    facet_image_free(crop);
    facet_image_free(image);
    return st;
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

    if (st != FACET_OK) {
        give_up(j, file, st, err.msg);
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
        for (size_t k = 0; k < j->run->dim; k++)
            row[k] = NAN;
        j->made[file] = true;
        st = embed_picture(j, w->number, bytes, size, row, &err);
        if (st != FACET_OK)
            give_up(j, file, st, err.msg);
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
    const size_t size = strlen(run->cache) + strlen(run->contract) + 128;
    char *path = malloc(size), way[64], change[32] = "";

    if (run->margin >= 0)
        snprintf(way, sizeof way, "margin%g", run->margin);
    else if (o->aligned)
        snprintf(way, sizeof way, "aligned");
    else
        snprintf(way, sizeof way, "policy%d-score%g-face%g-%zu", (int)o->policy,
            (double)o->score_threshold, (double)o->min_face, o->max_faces);
    if (run->change == EVAL_JPEG || run->change == EVAL_PIXELS)
        snprintf(change, sizeof change, "-%s%g", eval_change_name(run->change),
            run->value);
    if (path)
        snprintf(path, size, "%s/%s-%s-%s%s.jsonl", run->cache, run->contract,
            precision_name(run->precision), way, change);
    return path;
}

/* Nothing there is no error; something unreadable is, for it would be
 * overwritten. */
static int read_cache(job *j)
{
    char *path = cache_path(j->run);
    facet_error err = { FACET_OK, "" };
    struct stat about;
    facet_status st = FACET_OK;

    if (!path)
        return no_memory();
    if (stat(path, &about) == 0)
        st = facet_vectors_read_jsonl(path, &j->cache, &err);
    free(path);
    if (st == FACET_OK && j->cache.count > 0 && j->cache.dim != j->run->dim)
        facet_vectors_free(&j->cache);
    return eval_fail(st, &err);
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

/* Append what was made, equal pictures once. */
static int append_cache(const job *j)
{
    const size_t count = j->run->protocol.n_files;
    char *path = cache_path(j->run);
    char **written = calloc(count + 1, sizeof *written);
    FILE *file = path ? fopen(path, "a") : NULL;
    bool good = file && written;
    size_t n = 0;

    for (size_t i = 0; good && i < count; i++)
        if (j->made[i])
            written[n++] = j->keys[i];
    if (good)
        qsort(written, n, sizeof *written, by_key);
    for (size_t i = 0; good && i < count; i++) {
        char *key = j->keys[i];
        char **at = j->made[i]
                        ? bsearch(&key, written, n, sizeof *written, by_key)
                        : NULL;

        if (!at)
            continue;
        while (at > written && strcmp(at[-1], key) == 0)
            at--;
        if (*at == key) /* the first of equal ones writes */
            write_line(file, key, j->run->files + i * j->run->dim, j->run->dim);
    }
    if (file)
        good = fclose(file) == 0 && good;
    if (!good)
        complain(
            "%s: the cache cannot be written", path ? path : j->run->cache);
    free(written);
    free(path);
    return good ? EXIT_YES : EXIT_IO;
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
    return eval_fail(j->status, &j->err);
}

static int embed_all(job *j)
{
    const size_t count = j->run->protocol.n_files;
    cached *known = calloc(j->cache.count + 1, sizeof *known);
    int status;

    j->keys = calloc(count, sizeof *j->keys);
    j->made = calloc(count, sizeof *j->made);
    j->run->files = calloc(count, j->run->dim * sizeof *j->run->files);
    if (!known || !j->keys || !j->made || !j->run->files) {
        free(known);
        return no_memory();
    }
    for (size_t i = 0; i < j->cache.count; i++)
        known[i] =
            (cached){ j->cache.names[i], j->cache.values + i * j->cache.dim };
    qsort(known, j->cache.count, sizeof *known, by_name);
    status = run_workers(j, known, j->cache.count);
    free(known);
    if (status == EXIT_YES && j->run->cache)
        status = append_cache(j);
    return status;
}

/* Pipelines for all workers, and how long an embedding is. */
static int open_pipelines(job *j)
{
    eval_run *run = j->run;
    facet_contract contract;
    facet_embedder *embedder = NULL;
    facet_error err = { FACET_OK, "" };
    facet_status st;
    int status;

    j->pipelines = calloc((size_t)run->threads, sizeof *j->pipelines);
    if (!j->pipelines)
        return no_memory();
    if (run->margin >= 0)
        run->nets.opts.aligned = true;
    status = networks_open(&run->nets, 1, &j->pipelines[0]);
    for (int i = 1; status == EXIT_YES && i < run->threads; i++)
        status = eval_fail(
            facet_pipeline_clone(j->pipelines[0], &j->pipelines[i], &err),
            &err);
    if (status != EXIT_YES)
        return status;
    contract = facet_pipeline_contract(j->pipelines[0]);
    facet_contract_text(&contract, run->contract);
    run->precision =
        facet_model_precision(facet_pipeline_embedder_model(j->pipelines[0]));
    st = facet_embedder_create(
        facet_pipeline_embedder_model(j->pipelines[0]), NULL, &embedder, &err);
    if (st == FACET_OK)
        run->dim = facet_embedder_dim(embedder);
    facet_embedder_free(embedder);
    return eval_fail(st, &err);
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
        status = open_pipelines(&j);
    if (status == EXIT_YES && run->cache)
        status = read_cache(&j);
    if (status == EXIT_YES)
        status = embed_all(&j);
    for (int i = 0; j.pipelines && i < run->threads; i++)
        facet_pipeline_close(j.pipelines[i]);
    free(j.pipelines);
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
    const int status = run->embeddings ? read_vectors(run) : make_vectors(run);

    if (status == EXIT_YES && run->compact && make_compact(run) != FACET_OK)
        return no_memory();
    for (size_t i = 0; status == EXIT_YES && i < run->protocol.n_files; i++)
        run->failed += isnan(run->files[i * run->dim]) != 0;
    return status;
}
