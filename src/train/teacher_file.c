/* SPDX-License-Identifier: Apache-2.0 */
/* teacher_file.c - a teacher that was asked before: its embeddings of the data
 * set's pictures are in a NumPy file, one row for each name of a list. It
 * does not know about flips and jitter; a distillation from it is cheaper and a
 * little blunter than one from the network itself. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/names.h"
#include "base/npy.h"
#include "train/normalize.h"
#include "train/table.h"
#include "train/teacher.h"

typedef struct remembered {
    float *values; /* [rows][dim] */
    size_t rows;
    uint32_t *row_of; /* [pictures of the data set] */
    size_t dim;
    float *out; /* [room][dim] */
    size_t room;
} remembered;

static facet_status recall(void *self, const uint32_t *indices,
    const float *crops, size_t n, const float **out, facet_error *err)
{
    remembered *t = self;

    (void)crops;
    if (n > t->room) {
        facet__free(t->out);
        t->out = facet__calloc(n, t->dim * sizeof *t->out);
        t->room = t->out ? n : 0;
        if (!t->out)
            return facet__fail_memory(err);
    }
    for (size_t i = 0; i < n; i++)
        memcpy(t->out + i * t->dim,
            t->values + (size_t)t->row_of[indices[i]] * t->dim,
            t->dim * sizeof *t->out);
    *out = t->out;
    return FACET_OK;
}

static void forget(void *self)
{
    remembered *t = self;

    facet__free(t->values);
    facet__free(t->row_of);
    facet__free(t->out);
    facet__free(t);
}

/* The rows by name, sorted. */
static facet_status sort_names(const facet__table *names, const char *path,
    size_t rows, facet__name **out, facet_error *err)
{
    const size_t n = facet__table_rows(names);
    const facet__name *twice;
    facet__name *list = facet__calloc(n, sizeof *list);

    *out = list;
    if (!list)
        return facet__fail_memory(err);
    if (n != rows)
        return facet__fail(err, FACET_EDAMAGED,
            "%.150s: %zu names for %zu rows of embeddings", path, n, rows);
    for (size_t i = 0; i < n; i++)
        list[i] = (facet__name){ facet__table_field(names, i, 0), (uint32_t)i };
    facet__name_sort(list, n);
    twice = facet__name_twice(list, n);
    return twice ? facet__fail(err, FACET_EDAMAGED,
                       "%.150s: '%.60s' in lines %u and %u", path, twice->text,
                       twice[0].number + 1, twice[1].number + 1)
                 : FACET_OK;
}

/* Which row is whose. Every picture needs one. */
static facet_status find_rows(remembered *t, const facet__name *list,
    const char *path, const facet__dataset *data, facet_error *err)
{
    const size_t n = facet__dataset_count(data);

    t->row_of = facet__calloc(n, sizeof *t->row_of);
    if (!t->row_of)
        return facet__fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const char *key = facet__dataset_example(data, i)->key;
        const facet__name *found = facet__name_find(list, t->rows, key);

        if (!found)
            return facet__fail(err, FACET_ENOTFOUND,
                "%.150s: the teacher has no embedding of '%.60s'", path, key);
        t->row_of[i] = found->number;
    }
    return FACET_OK;
}

/* a = (1 - share) a + share b, at length 1. */
static void move_towards(float *a, const float *b, double share, size_t dim)
{
    float norm;

    for (size_t k = 0; k < dim; k++)
        a[k] += (float)share * (b[k] - a[k]);
    facet__normalize_rows(a, 1, dim, a, &norm);
}

/* A row that stands for two pictures would be moved twice. */
static facet_status check_rows(
    const remembered *t, const facet__dataset *data, facet_error *err)
{
    const size_t n = facet__dataset_count(data);
    uint8_t *taken = facet__calloc(t->rows ? t->rows : 1, 1);
    facet_status st = taken ? FACET_OK : facet__fail_memory(err);

    for (size_t i = 0; i < n && st == FACET_OK; i++)
        if (taken[t->row_of[i]]++)
            st = facet__fail(err, FACET_EDAMAGED,
                "two pictures of the data are called '%.100s': teacher.person "
                "needs names of their own",
                facet__dataset_example(data, i)->key);
    facet__free(taken);
    return st;
}

/* Move each answer about somebody who has a name towards the middle of all
 * answers about that person: it knows what no single picture shows. */
static facet_status gather_people(
    remembered *t, double share, const facet__dataset *data, facet_error *err)
{
    const size_t n = facet__dataset_count(data), dim = t->dim;
    const size_t people = facet__dataset_classes(data);
    float *middle = facet__calloc(people ? people : 1, dim * sizeof *middle);
    float norm;
    facet_status st = check_rows(t, data, err);

    if (st == FACET_OK && !middle)
        st = facet__fail_memory(err);
    if (st != FACET_OK) {
        facet__free(middle);
        return st;
    }
    for (size_t i = 0; i < n; i++) {
        const int32_t person = facet__dataset_example(data, i)->label;
        float *row = t->values + (size_t)t->row_of[i] * dim;

        facet__normalize_rows(row, 1, dim, row, &norm);
        for (size_t k = 0; person >= 0 && k < dim; k++)
            middle[(size_t)person * dim + k] += row[k];
    }
    for (size_t p = 0; p < people; p++)
        facet__normalize_rows(
            middle + p * dim, 1, dim, middle + p * dim, &norm);
    for (size_t i = 0; i < n; i++) {
        const int32_t person = facet__dataset_example(data, i)->label;

        if (person >= 0)
            move_towards(t->values + (size_t)t->row_of[i] * dim,
                middle + (size_t)person * dim, share, dim);
    }
    facet__free(middle);
    return FACET_OK;
}

facet_status facet__teacher_remember(const char *embeddings, const char *names,
    double person, const facet__dataset *data, facet__teacher *teacher,
    facet_error *err)
{
    remembered *t = facet__calloc(1, sizeof *t);
    facet__table *table = NULL;
    facet__name *list = NULL;
    facet_status st;

    *teacher = (facet__teacher){ .self = t, .answer = recall, .close = forget };
    if (!t)
        return facet__fail_memory(err);
    st = facet__npy_read(embeddings, &t->values, &t->rows, &t->dim, err);
    if (st == FACET_OK)
        st = facet__table_read(names, &table, err);
    if (st == FACET_OK)
        st = sort_names(table, names, t->rows, &list, err);
    if (st == FACET_OK)
        st = find_rows(t, list, names, data, err);
    if (st == FACET_OK && person > 0)
        st = gather_people(t, person, data, err);
    facet__free(list);
    facet__table_free(table);
    teacher->dim = t->dim;
    if (st != FACET_OK)
        facet__teacher_close(teacher);
    return st;
}
