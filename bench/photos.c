/* SPDX-License-Identifier: Apache-2.0 */
/* photos.c - what a photo costs beyond its decoder and the two networks; the
 * measurements that bench/photos.sh is made of.
 *
 *   bench_photos make PHOTO WIDTH HEIGHT OUT.jpg   a large photo from a small
 *   bench_photos way DETECTOR MODEL PHOTO ROUNDS   decode, networks, all of it
 *   bench_photos child COMMAND...                  a process from its start
 *
 * `way` prints medians in milliseconds on one thread: TurboJPEG's full decode
 * from memory into warm memory, the detector's network on every tile, the
 * embedder's network, and file to embedding through facet. `child` prints
 * milliseconds to the first line that the command writes and to its end, and
 * its peak memory in KiB. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <turbojpeg.h>
#include <unistd.h>

#include "base/random.h"
#include "face/pyramid.h"
#include "facet/facet.h"
#include "timing.h"

enum { MAX_ROUNDS = 1000, PARTS = 4, NOISE = 14, QUALITY = 89 };

static int fail(const facet_error *err)
{
    fprintf(stderr, "bench_photos: %s\n", err->msg);
    return 1;
}

/* ---- make ---- */

/* A camera's noise: without it an enlarged photo is smooth, and its file four
 * times smaller than that of a real photo. */
static void add_noise(facet_image *image)
{
    const size_t row = (size_t)facet_image_width(image) * 3;
    facet__random random = facet__random_stream(1, 0, 0);

    for (int32_t y = 0; y < facet_image_height(image); y++) {
        uint8_t *at = facet_image_data_mutable(image) +
                      (size_t)y * facet_image_stride(image);

        for (size_t i = 0; i < row; i++) {
            const int v = at[i] +
                          (int)facet__random_below(&random, 2 * NOISE + 1) -
                          NOISE;

            at[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
    }
}

static int make(char **arguments)
{
    facet_image *photo = NULL, *large = NULL;
    facet_error err = { FACET_OK, "" };
    facet_status st = facet_image_read(arguments[0], NULL, &photo, &err);

    if (st == FACET_OK)
        st = facet_image_resize(photo, (int32_t)strtol(arguments[1], NULL, 10),
            (int32_t)strtol(arguments[2], NULL, 10), &large);
    if (st == FACET_OK) {
        add_noise(large);
        st = facet_image_write(large, arguments[3], QUALITY, &err);
    }
    facet_image_free(large);
    facet_image_free(photo);
    return st == FACET_OK ? 0 : fail(&err);
}

/* ---- way ---- */

/* TurboJPEG by itself, as a program that reuses its memory would call it. */
typedef struct plain {
    tjhandle handle;
    uint8_t *file, *pixels;
    size_t size;
} plain;

static bool plain_open(plain *p, const char *path)
{
    FILE *from = fopen(path, "rb");
    int width = 0, height = 0, sampling, space;
    bool good = from != NULL && fseek(from, 0, SEEK_END) == 0;

    p->handle = tjInitDecompress();
    p->size = good ? (size_t)ftell(from) : 0;
    p->file = malloc(p->size + 1);
    if (from)
        rewind(from);
    good = good && p->file && fread(p->file, 1, p->size, from) == p->size &&
           tjDecompressHeader3(p->handle, p->file, p->size, &width, &height,
               &sampling, &space) == 0;
    if (from)
        fclose(from);
    p->pixels = good ? malloc((size_t)width * (size_t)height * 3) : NULL;
    return p->pixels != NULL;
}

static bool plain_decode(plain *p)
{
    return tjDecompress2(p->handle, p->file, p->size, p->pixels, 0, 0, 0,
               TJPF_RGB, 0) == 0;
}

/* A session for an input of these sizes, filled with noise. */
static facet_session *session_of(
    const facet_model *model, int64_t height, int64_t width, facet_error *err)
{
    facet_session *session = NULL;
    const int64_t dims[4] = { 1, 3, height, width };
    float *input;

    if (facet_session_create(model, NULL, &session, err) != FACET_OK ||
        facet_session_reshape(session, dims, err) != FACET_OK) {
        facet_session_free(session);
        return NULL;
    }
    input = facet_session_input(session, 0);
    for (int64_t i = 0; i < 3 * height * width; i++)
        input[i] = (float)(i * 7919 % 256);
    return session;
}

/* The runs of the detector's network that a photo takes: one session a level
 * of the pyramid. */
typedef struct runs {
    facet_session *sessions[FACET__MAX_LEVELS];
    int counts[FACET__MAX_LEVELS];
    int levels;
} runs;

static bool runs_open(runs *r, const facet_model *model,
    const facet_image *photo, facet_error *err)
{
    const facet__pyramid pyramid = facet__pyramid_plan(facet_image_width(photo),
        facet_image_height(photo), 0.0F, (facet__input_size){ 0, 0 });

    *r = (runs){ .levels = pyramid.count };
    for (int i = 0; i < r->levels; i++) {
        const facet__level *level = &pyramid.levels[i];

        r->counts[i] = level->rows * level->columns;
        r->sessions[i] =
            session_of(model, level->tile_height, level->tile_width, err);
        if (!r->sessions[i])
            return false;
    }
    return true;
}

static facet_status runs_run(const runs *r, facet_error *err)
{
    facet_status st = FACET_OK;

    for (int i = 0; i < r->levels; i++)
        for (int k = 0; k < r->counts[i] && st == FACET_OK; k++)
            st = facet_session_run(r->sessions[i], err);
    return st;
}

static void runs_close(runs *r)
{
    for (int i = 0; i < r->levels; i++)
        facet_session_free(r->sessions[i]);
}

/* All that `way` measures. */
typedef struct way {
    const char *photo;
    facet_pipeline *pipeline;
    plain plain;
    runs detector;
    facet_session *embedder;
    size_t faces; /* of the last photo */
} way;

static facet_status whole(way *w, facet_error *err)
{
    facet_image *photo = NULL;
    facet_faces *faces = NULL;
    facet_status st = facet_image_read(w->photo, NULL, &photo, err);

    if (st == FACET_OK)
        st = facet_pipeline_faces(w->pipeline, photo, &faces, err);
    w->faces = facet_faces_count(faces);
    facet_faces_free(faces);
    facet_image_free(photo);
    return st;
}

static bool way_open(way *w, char **arguments, facet_error *err)
{
    facet_pipeline_opts opts;
    facet_image *photo = NULL;
    bool good;

    facet_pipeline_opts_init(&opts);
    opts.detector = arguments[0];
    opts.embedder = arguments[1];
    w->photo = arguments[2];
    if (facet_pipeline_open(&opts, &w->pipeline, err) != FACET_OK ||
        facet_image_read(w->photo, NULL, &photo, err) != FACET_OK)
        return false;
    good = runs_open(
        &w->detector, facet_pipeline_detector_model(w->pipeline), photo, err);
    w->embedder = session_of(facet_pipeline_embedder_model(w->pipeline),
        facet_pipeline_settings(w->pipeline)->height,
        facet_pipeline_settings(w->pipeline)->width, err);
    facet_image_free(photo);
    return good && w->embedder && plain_open(&w->plain, w->photo);
}

static facet_status way_part(way *w, int part, facet_error *err)
{
    switch (part) {
    case 0:
        return plain_decode(&w->plain) ? FACET_OK : FACET_EDAMAGED;
    case 1:
        return runs_run(&w->detector, err);
    case 2:
        return facet_session_run(w->embedder, err);
    default:
        return whole(w, err);
    }
}

static void way_close(way *w)
{
    tjDestroy(w->plain.handle);
    free(w->plain.pixels);
    free(w->plain.file);
    facet_session_free(w->embedder);
    runs_close(&w->detector);
    facet_pipeline_close(w->pipeline);
}

static int measure_way(char **arguments)
{
    static double times[PARTS][MAX_ROUNDS];
    const int rounds = (int)strtol(arguments[3], NULL, 10);
    facet_error err = { FACET_OK, "the photo cannot be decoded" };
    way w = { 0 };
    bool good =
        rounds >= 1 && rounds <= MAX_ROUNDS && way_open(&w, arguments, &err);

    for (int i = -2; i < rounds && good; i++) /* two rounds to warm up */
        for (int part = 0; part < PARTS && good; part++) {
            const double begin = facet__clock();

            good = way_part(&w, part, &err) == FACET_OK;
            if (i >= 0)
                times[part][i] = 1e3 * (facet__clock() - begin);
        }
    for (int part = 0; part < PARTS && good; part++)
        printf("%.3f ", timing_median(times[part], rounds));
    if (good)
        printf("%zu\n", w.faces);
    way_close(&w);
    return good ? 0 : fail(&err);
}

/* ---- child ---- */

/* Read until the first line has come, and then to the end. */
static double drain(int from, double begin)
{
    char bytes[4096];
    double first = 0.0;
    ssize_t got;

    while ((got = read(from, bytes, sizeof bytes)) > 0)
        if (first == 0.0 && memchr(bytes, '\n', (size_t)got))
            first = 1e3 * (facet__clock() - begin);
    return first;
}

static int measure_child(char **command)
{
    struct rusage usage;
    int ends[2], status = 0;
    double begin, first;
    pid_t child;

    if (pipe(ends) != 0)
        return 1;
    begin = facet__clock();
    child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(command[0], command);
        _exit(127);
    }
    close(ends[1]);
    first = drain(ends[0], begin);
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child ||
        getrusage(RUSAGE_CHILDREN, &usage) != 0 || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        fprintf(stderr, "bench_photos: %s failed\n", command[0]);
        return 1;
    }
    printf("%.3f %.3f %ld\n", first, 1e3 * (facet__clock() - begin),
        usage.ru_maxrss);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && !strcmp(argv[1], "make"))
        return make(argv + 2);
    if (argc == 6 && !strcmp(argv[1], "way"))
        return measure_way(argv + 2);
    if (argc >= 3 && !strcmp(argv[1], "child"))
        return measure_child(argv + 2);
    fprintf(stderr, "usage: see the first lines of bench/photos.c\n");
    return 2;
}
