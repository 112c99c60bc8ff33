/* SPDX-License-Identifier: Apache-2.0 */
#include "train/validate.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
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
        v->folds > 1000 || each < 1 || each > INT_MAX / 2)
        return facet__fail(err, FACET_EDAMAGED,
            "%s: line 1 is not 'folds<TAB>pairs'", v->setup.pairs);
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

/* Embed all pictures: unit vectors [n_pictures][dim]. */
static facet_status embed_all(facet__validation *v, const facet__trainable *net,
    float *x, float *unit, float *norms, facet_error *err)
{
    facet_status status[BATCH];
    facet_error errors[BATCH];

    for (size_t first = 0; first < v->n_pictures; first += BATCH) {
        const size_t left = v->n_pictures - first;
        const size_t n = left < BATCH ? left : BATCH;
        const float *out;
        facet_status st = FACET_OK;

        facet__unmoved_crops(
            &v->setup.from, v->pictures + first, n, x, status, errors);
        for (size_t i = 0; i < n && st == FACET_OK; i++) {
            st = status[i];
            if (st != FACET_OK && err)
                *err = errors[i];
        }
        if (st == FACET_OK)
            st = net->embed(net->self, x, n, &out, err);
        if (st != FACET_OK)
            return st;
        facet__normalize_rows(out, n, net->dim, unit + first * net->dim, norms);
    }
    return FACET_OK;
}

facet_status facet__validation_run(facet__validation *v,
    const facet__trainable *net, facet__verdict *verdict, facet_error *err)
{
    const size_t floats = facet__unmoved_floats(&v->setup.from);
    const size_t d = net->dim;
    float *x = facet__calloc(BATCH, floats * sizeof *x);
    float *unit = facet__calloc(v->n_pictures, d * sizeof *unit);
    float *norms = facet__calloc(BATCH, sizeof *norms);
    float *scores = facet__calloc(v->n_pairs, sizeof *scores);
    facet_status st = FACET_ENOMEM;

    if (!x || !unit || !norms || !scores) {
        st = facet__fail_memory(err);
        goto done;
    }
    st = embed_all(v, net, x, unit, norms, err);
    if (st != FACET_OK)
        goto done;
    for (size_t i = 0; i < v->n_pairs; i++) {
        const float *a = unit + v->pairs[i].a * d,
                    *b = unit + v->pairs[i].b * d;
        double sum = 0;

        for (size_t k = 0; k < d; k++)
            sum += (double)a[k] * (double)b[k];
        scores[i] = (float)sum;
    }
    st = facet__verify_folds(
        scores, v->same, v->fold, v->n_pairs, v->folds, verdict);
    if (st != FACET_OK)
        facet__fail_memory(err);
done:
    facet__free(x);
    facet__free(unit);
    facet__free(norms);
    facet__free(scores);
    return st;
}

typedef struct ranked {
    float score;
    uint16_t fold;
    uint8_t same;
} ranked;

/* Best first. */
static int compare_ranked(const void *a, const void *b)
{
    const float x = ((const ranked *)a)->score, y = ((const ranked *)b)->score;

    return x > y ? -1 : x < y;
}

/* Does no later entry outside of `fold` have the score of entry i? Equal scores
 * are accepted together. */
static bool last_of_equals(const ranked *list, size_t n, size_t i, int fold)
{
    for (size_t k = i + 1; k < n && !(list[k].score < list[i].score); k++)
        if (list[k].fold != fold)
            return false;
    return true;
}

/* The threshold t (accept score >= t) that is right most often outside of
 * `fold`, of several the highest; put in the middle between the lowest score it
 * accepts and the next. */
static float best_threshold(const ranked *list, size_t n, int fold)
{
    long right = 0, best = 0; /* against accepting nothing */
    float threshold = 2, before = 2;
    bool open = false; /* `before` was the best; its middle is to be set */

    for (size_t i = 0; i < n; i++) {
        if (list[i].fold == fold)
            continue;
        if (list[i].score < before) {
            if (open)
                threshold = (before + list[i].score) / 2;
            open = false;
        }
        before = list[i].score;
        right += list[i].same ? 1 : -1;
        if (!last_of_equals(list, n, i, fold) || right <= best)
            continue;
        best = right;
        threshold = before;
        open = true;
    }
    return threshold;
}

/* The largest share of same pairs accepted while at most `far` of the others
 * are. */
static double tar_at(const ranked *list, size_t n, double far)
{
    size_t same = 0, other = 0, same_all = 0;
    double best = 0;

    for (size_t i = 0; i < n; i++)
        same_all += list[i].same;
    for (size_t i = 0; i < n; i++) {
        same += list[i].same;
        other += !list[i].same;
        if (i + 1 < n && !(list[i + 1].score < list[i].score))
            continue;
        if ((double)other > far * (double)(n - same_all))
            break;
        best = same_all ? (double)same / (double)same_all : 0;
    }
    return best;
}

facet_status facet__verify_folds(const float *scores, const uint8_t *same,
    const uint16_t *fold, size_t n, int folds, facet__verdict *verdict)
{
    ranked *list = facet__calloc(n, sizeof *list);

    *verdict = (facet__verdict){ .far = 1e-2 };
    if (!list)
        return FACET_ENOMEM;
    for (size_t i = 0; i < n; i++)
        list[i] = (ranked){ scores[i], fold[i], same[i] };
    qsort(list, n, sizeof *list, compare_ranked);
    for (int f = 0; f < folds; f++) {
        const float threshold = best_threshold(list, n, f);
        size_t right = 0, all = 0;

        for (size_t i = 0; i < n; i++) {
            if (list[i].fold != f)
                continue;
            right += (list[i].score >= threshold) == (list[i].same != 0);
            all++;
        }
        verdict->accuracy += all ? (double)right / (double)all / folds : 0;
    }
    verdict->tar = tar_at(list, n, verdict->far);
    facet__free(list);
    return FACET_OK;
}
