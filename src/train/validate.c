/* SPDX-License-Identifier: Apache-2.0 */
#include "train/validate.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "facet/eval.h"
#include "train/normalize.h"

enum { PAIRS_MAX = 256 << 20, BATCH = 32 };

typedef struct pair {
    uint32_t a, b; /* in `pictures` */
} pair;

struct facet__validation {
    facet__validation_setup setup;
    uint32_t *pictures; /* [n_pictures] of the data set, each once */
    size_t n_pictures;
    pair *pairs;    /* [n_pairs] */
    uint8_t *same;  /* [n_pairs] */
    uint16_t *fold; /* [n_pairs] */
    size_t n_pairs;
    int folds;
};

/* While a list is read: the data set's keys, and which place in `pictures` each
 * of its pictures has. */
typedef struct reading {
    facet__name *keys; /* [n] */
    uint32_t *place;   /* [n], UINT32_MAX: none yet */
    size_t n;
} reading;

static facet_status begin_reading(reading *r, const facet__dataset *dataset)
{
    r->n = facet__dataset_count(dataset);
    r->keys = facet__calloc(r->n, sizeof *r->keys);
    r->place = facet__calloc(r->n, sizeof *r->place);
    if (!r->keys || !r->place)
        return FACET_ENOMEM;
    for (size_t i = 0; i < r->n; i++) {
        r->keys[i] = (facet__name){ facet__dataset_example(dataset, i)->key,
            (uint32_t)i };
        r->place[i] = UINT32_MAX;
    }
    facet__name_sort(r->keys, r->n);
    return FACET_OK;
}

/* The place of a key's picture, UINT32_MAX when the data have none. */
static uint32_t place_of(facet__validation *v, reading *r, const char *key)
{
    const facet__name *found = facet__name_find(r->keys, r->n, key);

    if (!found)
        return UINT32_MAX;
    if (r->place[found->number] == UINT32_MAX) {
        r->place[found->number] = (uint32_t)v->n_pictures;
        v->pictures[v->n_pictures++] = found->number;
    }
    return r->place[found->number];
}

/* One line of the list; keys may have blanks in them. */
static facet_status read_pair(facet__validation *v, reading *r,
    const char *line, size_t number, facet_error *err)
{
    char a[256], b[256];
    int same;
    pair p;

    if (sscanf(line, "%255[^\t\n]\t%255[^\t\n]\t%d", a, b, &same) != 3 ||
        same < 0 || same > 1)
        return facet__fail(err, FACET_EDAMAGED,
            "%s: line %zu is not 'key<TAB>key<TAB>1' or 0", v->setup.pairs,
            number);
    p.a = place_of(v, r, a);
    p.b = place_of(v, r, b);
    if (p.a == UINT32_MAX || p.b == UINT32_MAX)
        return facet__fail(err, FACET_ENOTFOUND,
            "%s: line %zu: the data have no picture '%s'", v->setup.pairs,
            number, p.a == UINT32_MAX ? a : b);
    v->same[v->n_pairs] = (uint8_t)same;
    v->pairs[v->n_pairs++] = p;
    return FACET_OK;
}

static facet_status read_pairs(
    facet__validation *v, char *text, reading *r, facet_error *err)
{
    facet_status st = FACET_OK;
    size_t number = 1, lines = 1;
    int each;
    char *next;

    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    v->pairs = facet__calloc(lines, sizeof *v->pairs);
    v->same = facet__calloc(lines, 1);
    v->fold = facet__calloc(lines, sizeof *v->fold);
    if (!v->pairs || !v->same || !v->fold)
        return facet__fail_memory(err);
    if (sscanf(text, "%d %d", &v->folds, &each) != 2 || v->folds < 2 ||
        v->folds > FACET_MAX_FOLDS || each < 1 || each > INT_MAX / 2)
        return facet__fail(err, FACET_EDAMAGED,
            "%s: line 1 is not 'folds<TAB>pairs', of 2 to %d folds",
            v->setup.pairs, FACET_MAX_FOLDS);
    for (char *line = strchr(text, '\n'); line && st == FACET_OK; line = next) {
        number++;
        line++;
        next = strchr(line, '\n');
        if (next)
            *next = 0;
        if (*line)
            st = read_pair(v, r, line, number, err);
    }
    if (st == FACET_OK && v->n_pairs != (size_t)v->folds * 2 * (size_t)each)
        st = facet__fail(err, FACET_EDAMAGED,
            "%s: %zu pairs, the first line says %d folds of %d", v->setup.pairs,
            v->n_pairs, v->folds, 2 * each);
    for (size_t i = 0; i < v->n_pairs; i++)
        v->fold[i] = (uint16_t)(i / (2 * (size_t)each));
    return st;
}

static size_t batch_at(const facet__validation *v, size_t first)
{
    const size_t left = v->n_pictures - first;

    return left < BATCH ? left : BATCH;
}

/* The crops of a batch of `pictures`. That a photo shows no face is told in
 * `faceless`, and no failure. */
static facet_status cut_crops(const facet__validation *v, size_t first,
    float *x, bool faceless[BATCH], facet_error *err)
{
    facet_status status[BATCH];
    facet_error errors[BATCH];
    const uint32_t *pictures = v->pictures + first;
    const size_t n = batch_at(v, first);

    facet__unmoved_crops(&v->setup.from, pictures, n, x, status, errors);
    for (size_t i = 0; i < n; i++) {
        faceless[i] = status[i] == FACET_ENOFACE;
        if (status[i] != FACET_OK && !faceless[i])
            return facet__fail(err, status[i],
                "%.150s: its picture '%.100s': %.150s; mend it, or take its "
                "pairs out",
                v->setup.pairs,
                facet__dataset_example(v->setup.from.dataset, pictures[i])->key,
                errors[i].msg);
    }
    return FACET_OK;
}

/* What is wrong with a picture is told before the first step, not after hours.
 */
static facet_status look_at_all(const facet__validation *v, facet_error *err)
{
    float *x =
        facet__calloc(BATCH, facet__unmoved_floats(&v->setup.from) * sizeof *x);
    facet_status st = x ? FACET_OK : facet__fail_memory(err);
    size_t faces = 0;

    for (size_t first = 0; first < v->n_pictures && st == FACET_OK;
         first += BATCH) {
        bool faceless[BATCH];

        st = cut_crops(v, first, x, faceless, err);
        for (size_t i = 0; i < batch_at(v, first) && st == FACET_OK; i++)
            faces += !faceless[i];
    }
    facet__free(x);
    if (st == FACET_OK && faces == 0)
        st = facet__fail(err, FACET_ENOFACE,
            "%.150s: in none of its %zu pictures a face is found; see "
            "validation.detector",
            v->setup.pairs, v->n_pictures);
    return st;
}

facet_status facet__validation_open(const facet__validation_setup *setup,
    facet__validation **out, facet_error *err)
{
    facet__validation *v = facet__calloc(1, sizeof *v);
    char *text = NULL;
    reading r = { .n = 0 };
    facet_status st;

    *out = NULL;
    if (!v)
        return facet__fail_memory(err);
    v->setup = *setup;
    st = facet__file_read_text(setup->pairs, PAIRS_MAX, &text, NULL, err);
    if (st == FACET_OK) {
        st = begin_reading(&r, setup->from.dataset);
        v->pictures = facet__calloc(r.n, sizeof *v->pictures);
        st = st == FACET_OK && v->pictures ? read_pairs(v, text, &r, err)
                                           : facet__fail_memory(err);
    }
    facet__free(text);
    facet__free(r.keys);
    facet__free(r.place);
    if (st == FACET_OK)
        st = look_at_all(v, err);
    if (st != FACET_OK) {
        facet__validation_close(v);
        return st;
    }
    *out = v;
    return FACET_OK;
}

void facet__validation_close(facet__validation *v)
{
    if (!v)
        return;
    facet__free(v->pictures);
    facet__free(v->pairs);
    facet__free(v->same);
    facet__free(v->fold);
    facet__free(v);
}

/* Embed all pictures: unit vectors [n_pictures][dim], NaN without a face. */
static facet_status embed_all(facet__validation *v, const facet__trainable *net,
    float *x, float *unit, float *norms, facet_error *err)
{
    for (size_t first = 0; first < v->n_pictures; first += BATCH) {
        bool faceless[BATCH];
        const size_t n = batch_at(v, first);
        const float *out;
        facet_status st = cut_crops(v, first, x, faceless, err);

        if (st == FACET_OK)
            st = net->embed(net->self, x, n, &out, err);
        if (st != FACET_OK)
            return st;
        facet__normalize_rows(out, n, net->dim, unit + first * net->dim, norms);
        for (size_t i = 0; i < n; i++)
            if (faceless[i])
                unit[(first + i) * net->dim] = NAN;
    }
    return FACET_OK;
}

/* Without a face, or with a network that says nothing finite: a rejection, as
 * in eval. */
static double score_of(const float *a, const float *b, size_t d)
{
    double sum = 0;

    for (size_t k = 0; k < d; k++)
        sum += (double)a[k] * (double)b[k];
    return isfinite(sum) ? sum : -HUGE_VAL;
}

static void compare(const facet__validation *v, const float *unit, size_t d,
    facet_comparison *c)
{
    for (size_t i = 0; i < v->n_pairs; i++)
        c[i] = (facet_comparison){ .score = score_of(unit + v->pairs[i].a * d,
                                       unit + v->pairs[i].b * d, d),
            .fold = v->fold[i],
            .mated = v->same[i] != 0 };
}

facet_status facet__validation_run(facet__validation *v,
    const facet__trainable *net, double *accuracy, facet_error *err)
{
    const size_t floats = facet__unmoved_floats(&v->setup.from);
    const size_t d = net->dim;
    float *x = facet__calloc(BATCH, floats * sizeof *x);
    float *unit = facet__calloc(v->n_pictures, d * sizeof *unit);
    float *norms = facet__calloc(BATCH, sizeof *norms);
    facet_comparison *pairs = facet__calloc(v->n_pairs, sizeof *pairs);
    facet_folds folds;
    facet_status st = x && unit && norms && pairs
                          ? embed_all(v, net, x, unit, norms, err)
                          : facet__fail_memory(err);

    if (st == FACET_OK) {
        compare(v, unit, d, pairs);
        st = facet_fold_accuracy(pairs, v->n_pairs, &folds, err);
    }
    if (st == FACET_OK)
        *accuracy = folds.summary.mean;
    facet__free(x);
    facet__free(unit);
    facet__free(norms);
    facet__free(pairs);
    return st;
}
