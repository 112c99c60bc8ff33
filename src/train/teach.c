/* SPDX-License-Identifier: Apache-2.0 */
/* teach.c - a recipe's teacher is asked about every picture before the
 * training: as it is and mirrored, and the middle of both is its answer. A
 * network's answers to a face and to its mirror image differ (by a cosine of
 * 0.9 for reid0095), so the middle is the better lesson; and a training that
 * need not ask is faster by all of the teacher's time. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "base/npy.h"
#include "base/options.h"
#include "facet/train.h"
#include "train/comm.h"
#include "train/normalize.h"
#include "train/recipe.h"
#include "train/run_folder.h"
#include "train/teacher.h"
#include "train/unmoved.h"

enum { BATCH = 32 };

typedef struct lesson {
    const facet__recipe *recipe;
    const facet_train_opts *opts;
    facet__dataset *data;
    facet__photos *photos;
    facet__teacher teacher;
    facet__pool *pool;
    facet__unmoved from;
    size_t pictures, broken;
    float *crops;   /* [2 * BATCH]: some, then their mirror images */
    float *answers; /* [pictures][dim]; zeros of broken pictures */
    float *unit;    /* [dim] */
    double since;
    facet__run_folder folder;
} lesson;

/* Answers are found by keys alone, which stand in lines: what would not be
 * found again is told before anybody is asked. */
static facet_status check_keys(const facet__dataset *data, facet_error *err)
{
    const size_t n = facet__dataset_count(data);
    facet__name *keys = facet__calloc(n, sizeof *keys);
    const facet__name *twice = NULL;
    facet_status st = FACET_OK;

    if (!keys)
        return facet__fail_memory(err);
    for (size_t i = 0; i < n && st == FACET_OK; i++) {
        keys[i].text = facet__dataset_example(data, i)->key;
        if (!*keys[i].text || strpbrk(keys[i].text, "\t\r\n"))
            st = facet__fail(err, FACET_EDAMAGED,
                "a picture of the data has no name, or a tab or a line end in "
                "it: a teacher's answers are kept by name");
    }
    if (st == FACET_OK) {
        facet__name_sort(keys, n);
        twice = facet__name_twice(keys, n);
    }
    if (twice)
        st = facet__fail(err, FACET_EDAMAGED,
            "two pictures of the data are called '%.100s': a teacher's answers "
            "are kept by name",
            twice->text);
    facet__free(keys);
    return st;
}

static facet_status open_lesson(
    lesson *l, const facet__recipe *r, facet_error *err)
{
    const facet__crop *crop = &r->run.data.crops[1];
    const int threads = r->threads ? r->threads : facet__cpu_count();
    facet_status st = facet__dataset_open(&r->dataset, &l->data, err);

    if (st == FACET_OK)
        st = check_keys(l->data, err);
    if (st == FACET_OK)
        l->pictures = facet__dataset_count(l->data);
    if (st == FACET_OK && r->detector)
        st = facet__photos_open(
            r->detector, r->run.data.frame, l->pictures, &l->photos, err);
    if (st == FACET_OK)
        st = facet__teacher_open(r->teacher, crop->width, crop->height, false,
            threads, &l->teacher, err);
    if (st == FACET_OK && facet__pool_create(threads, &l->pool) != FACET_OK)
        st = facet__fail_memory(err);
    if (st != FACET_OK)
        return st;
    l->from = (facet__unmoved){ l->data, l->photos, *crop, r->run.data.frame,
        l->pool };
    l->crops = facet__calloc(
        2 * BATCH * facet__unmoved_floats(&l->from), sizeof *l->crops);
    l->answers =
        facet__calloc(l->pictures, l->teacher.dim * sizeof *l->answers);
    l->unit = facet__calloc(l->teacher.dim, sizeof *l->unit);
    return l->crops && l->answers && l->unit ? FACET_OK
                                             : facet__fail_memory(err);
}

static void close_lesson(lesson *l)
{
    facet__teacher_close(&l->teacher);
    facet__photos_close(l->photos);
    facet__dataset_close(l->data);
    facet__pool_free(l->pool);
    facet__free(l->crops);
    facet__free(l->answers);
    facet__free(l->unit);
}

/* Planes, left to right. */
static void mirror(const facet__crop *crop, const float *from, float *to)
{
    const size_t width = (size_t)crop->width;

    for (size_t line = 0; line < 3 * (size_t)crop->height; line++)
        for (size_t x = 0; x < width; x++)
            to[line * width + x] = from[line * width + width - 1 - x];
}

/* One picture that could not be read; an error when there are too many. */
static facet_status note_broken(
    lesson *l, uint32_t picture, const facet_error *why, facet_error *err)
{
    const char *name = facet__dataset_name(l->data, picture);

    l->broken++;
    if (l->opts->on_broken)
        l->opts->on_broken(l->opts->context, name, why->msg);
    if ((double)l->broken <=
        l->recipe->run.data.max_broken * (double)l->pictures)
        return FACET_OK;
    return facet__fail(err, FACET_EDAMAGED,
        "%zu pictures cannot be read; the last is %s: %.100s", l->broken, name,
        why->msg);
}

/* The crops of pictures [first, first + n) that can be read, and their mirror
 * images behind them; whose they are in `asked`. */
static facet_status prepare(lesson *l, size_t first, size_t n,
    uint32_t asked[BATCH], size_t *n_asked, facet_error *err)
{
    const size_t floats = facet__unmoved_floats(&l->from);
    uint32_t pictures[BATCH];
    facet_status status[BATCH], st = FACET_OK;
    facet_error errors[BATCH];
    size_t m = 0;

    for (size_t i = 0; i < n; i++)
        pictures[i] = (uint32_t)(first + i);
    facet__unmoved_crops(&l->from, pictures, n, l->crops, status, errors);
    for (size_t i = 0; i < n && st == FACET_OK; i++) {
        if (status[i] == FACET_ENOMEM)
            return facet__fail_memory(err);
        if (status[i] != FACET_OK) {
            st = note_broken(l, pictures[i], &errors[i], err);
            continue;
        }
        memmove(l->crops + m * floats, l->crops + i * floats,
            floats * sizeof *l->crops);
        asked[m++] = pictures[i];
    }
    for (size_t i = 0; i < m; i++)
        mirror(
            &l->from.crop, l->crops + i * floats, l->crops + (m + i) * floats);
    *n_asked = m;
    return st;
}

/* The middle of an answer and that to the mirror image. */
static void keep(
    lesson *l, uint32_t picture, const float *answer, const float *mirrored)
{
    const size_t dim = l->teacher.dim;
    float *to = l->answers + picture * dim, norm;

    facet__normalize_rows(answer, 1, dim, to, &norm);
    facet__normalize_rows(mirrored, 1, dim, l->unit, &norm);
    for (size_t k = 0; k < dim; k++)
        to[k] += l->unit[k];
    facet__normalize_rows(to, 1, dim, to, &norm);
}

static facet_status ask(lesson *l, size_t first, size_t n, facet_error *err)
{
    const size_t dim = l->teacher.dim;
    uint32_t asked[BATCH];
    const float *answers;
    size_t m = 0;
    facet_status st = prepare(l, first, n, asked, &m, err);

    if (st == FACET_OK && m > 0)
        st = l->teacher.answer(
            l->teacher.self, NULL, l->crops, 2 * m, &answers, err);
    for (size_t i = 0; i < m && st == FACET_OK; i++)
        keep(l, asked[i], answers + i * dim, answers + (m + i) * dim);
    return st;
}

static void tell(const lesson *l, size_t done)
{
    const double seconds = facet__clock() - l->since;
    facet_train_progress p = { .step = done,
        .steps = l->pictures,
        .score = (double)NAN,
        .broken = l->broken,
        .event = "teach" };

    if (!l->opts->on_progress)
        return;
    p.per_second = seconds > 0 ? (double)done / seconds : 0;
    p.seconds_left =
        p.per_second > 0 ? (double)(l->pictures - done) / p.per_second : 0;
    l->opts->on_progress(l->opts->context, &p);
}

static facet_status ask_all(lesson *l, facet_error *err)
{
    facet_status st = FACET_OK;

    l->since = facet__clock();
    for (size_t i = 0; i < l->pictures && st == FACET_OK; i += BATCH) {
        const size_t left = l->pictures - i, n = left < BATCH ? left : BATCH;

        if (l->opts->stop && *l->opts->stop)
            return facet__fail(err, FACET_ECANCELED,
                "stopped after %zu of %zu pictures", i, l->pictures);
        st = ask(l, i, n, err);
        tell(l, i + n);
    }
    return st;
}

/* The keys, one a line; freed by the caller. */
static char *list_names(const facet__dataset *data, size_t *size)
{
    size_t room = 1, at = 0;
    char *text;

    for (uint32_t i = 0; i < facet__dataset_count(data); i++)
        room += strlen(facet__dataset_example(data, i)->key) + 1;
    text = facet__alloc(room);
    for (uint32_t i = 0; text && i < facet__dataset_count(data); i++)
        at += (size_t)snprintf(
            text + at, room - at, "%s\n", facet__dataset_example(data, i)->key);
    *size = at;
    return text;
}

static facet_status write_all(
    const lesson *l, const char *folder, facet_error *err)
{
    const size_t room = strlen(folder) + sizeof "/answers.npy";
    char *path = facet__alloc(room);
    size_t size = 0;
    char *names = list_names(l->data, &size);
    facet_status st = FACET_ENOMEM;

    if (path && names) {
        /* older answers must not stand beside new names */
        snprintf(path, room, "%s/answers.npy", folder);
        unlink(path);
        snprintf(path, room, "%s/names.txt", folder);
        st = facet__file_write(path, names, size, err);
        snprintf(path, room, "%s/answers.npy", folder);
        if (st == FACET_OK)
            st = facet__npy_write(
                path, l->answers, l->pictures, l->teacher.dim, err);
    } else {
        facet__fail_memory(err);
    }
    facet__free(names);
    facet__free(path);
    return st;
}

static facet_status teach(lesson *l, const char *path, const char *folder,
    facet__recipe **recipe, facet_error *err)
{
    facet_status st = facet__recipe_read(path, recipe, err);

    if (st != FACET_OK)
        return st;
    l->recipe = *recipe;
    if (!facet__comm_alone(l->opts->comm))
        return facet__fail(err, FACET_EINVAL,
            "a teacher is asked by one process, not by %d",
            facet__comm_count(l->opts->comm));
    if (!l->recipe->teacher)
        return facet__fail(err, FACET_EINVAL,
            "%s: teacher.init is missing: there is nobody to ask", path);
    if (l->recipe->faces)
        return facet__fail(err, FACET_EINVAL,
            "%s: what a detector's teacher says is of scenes, which are made "
            "as they are needed: it cannot be asked before",
            path);
    st = facet__run_folder_open(folder, &l->folder, err);
    if (st == FACET_OK)
        st = open_lesson(l, *recipe, err);
    if (st == FACET_OK)
        st = ask_all(l, err);
    return st == FACET_OK ? write_all(l, folder, err) : st;
}

facet_status facet_teach(const char *recipe, const char *folder,
    const facet_train_opts *opts, facet_error *err)
{
    facet__recipe *r = NULL;
    facet_train_opts o;
    facet_error own;
    lesson l = { .opts = &o };
    facet_status st;

    if (!recipe || !folder)
        return facet__fail(err, FACET_EINVAL, "recipe or folder is NULL");
    facet_train_opts_init(&o);
    st = facet__options_take(&o, sizeof o, opts, "facet_train_opts_init", err);
    if (st == FACET_OK)
        st = teach(&l, recipe, folder, &r, err ? err : &own);
    close_lesson(&l);
    facet__run_folder_close(&l.folder);
    facet__recipe_free(r);
    return st;
}
