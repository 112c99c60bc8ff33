/* SPDX-License-Identifier: Apache-2.0 */
#include "train/landmarks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "face/landmarks.h"
#include "facet/frontal.h"
#include "image/warp.h"

enum { LIST_MAX = 1 << 30, KEY_ROOM = 256 };

typedef struct line {
    char *key;     /* in `text` */
    size_t number; /* in the file */
    facet_point points[FACET_HEAD_POINTS];
} line;

struct facet__landmarks {
    const facet__dataset *dataset;
    char *text;
    line *lines; /* [n_lines] by key, then by number */
    size_t n_lines;
    size_t *first; /* [count of the data set + 1]: see `count` */
    uint32_t *count;
};

/* The list */

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const line *)a)->key, ((const line *)b)->key);
}

static int compare_lines(const void *a, const void *b)
{
    const int by_key = compare_keys(a, b);
    const size_t x = ((const line *)a)->number, y = ((const line *)b)->number;

    return by_key ? by_key : (x > y) - (x < y);
}

/* A file's name without folder and ending, in place. */
static char *key_of(char *name)
{
    char *slash = strrchr(name, '/');
    char *base = slash ? slash + 1 : name;
    char *dot = strrchr(base, '.');

    if (dot && dot != base)
        *dot = '\0';
    return base;
}

static facet_status read_line(char *text, size_t number_of_line,
    const char *path, line *out, facet_error *err)
{
    const char *at = text + strcspn(text, " \t");

    for (int i = 0; i < FACET__LANDMARK_NUMBERS; i++) {
        facet_point *to = &out->points[i / 2];
        float *number = i % 2 ? &to->y : &to->x;

        if (!facet__number_parse(at, &at, number) || !(fabsf(*number) < 1e6F))
            return facet__fail(err, FACET_EDAMAGED,
                "%s: line %zu is not a file and %d numbers x y; number %d "
                "cannot be read",
                path, number_of_line, FACET__LANDMARK_NUMBERS, i + 1);
    }
    if (at[strspn(at, " \t\r")] != '\0')
        return facet__fail(err, FACET_EDAMAGED,
            "%s: line %zu has more than %d numbers", path, number_of_line,
            FACET__LANDMARK_NUMBERS);
    text[strcspn(text, " \t")] = '\0';
    out->key = key_of(text);
    out->number = number_of_line;
    return FACET_OK;
}

static facet_status read_list(
    facet__landmarks *l, const char *path, facet_error *err)
{
    size_t lines = 1, number = 1;
    char *next;

    for (const char *c = l->text; *c; c++)
        lines += *c == '\n';
    l->lines = facet__calloc(lines, sizeof *l->lines);
    if (!l->lines)
        return facet__fail_memory(err);
    for (char *at = l->text; at; at = next, number++) {
        facet_status st;

        next = strchr(at, '\n');
        if (next)
            *next++ = '\0';
        if (at[strspn(at, " \t\r")] == '\0')
            continue;
        st = read_line(at, number, path, &l->lines[l->n_lines], err);
        if (st != FACET_OK)
            return st;
        l->n_lines++;
    }
    qsort(l->lines, l->n_lines, sizeof *l->lines, compare_lines);
    return FACET_OK;
}

/* Which lines are of which picture. */
static facet_status find_pictures(
    facet__landmarks *l, const char *path, facet_error *err)
{
    const size_t n = facet__dataset_count(l->dataset);

    l->first = facet__calloc(n, sizeof *l->first);
    l->count = facet__calloc(n, sizeof *l->count);
    if (!l->first || !l->count)
        return facet__fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const char *key = facet__dataset_example(l->dataset, i)->key;
        char copy[KEY_ROOM];
        line wanted = { .key = copy };
        const line *found;
        size_t at;

        snprintf(copy, sizeof copy, "%s", key);
        found = bsearch(
            &wanted, l->lines, l->n_lines, sizeof *l->lines, compare_keys);
        if (!found)
            return facet__fail(err, FACET_ENOTFOUND,
                "%s has no line of the picture '%.80s'", path, key);
        for (at = (size_t)(found - l->lines);
             at > 0 && strcmp(l->lines[at - 1].key, key) == 0;)
            at--;
        l->first[i] = at;
        while (at < l->n_lines && strcmp(l->lines[at].key, key) == 0) {
            l->count[i]++;
            at++;
        }
    }
    return FACET_OK;
}

facet_status facet__landmarks_open(const char *path,
    const facet__dataset *dataset, facet__landmarks **out, facet_error *err)
{
    facet__landmarks *l = facet__calloc(1, sizeof *l);
    facet_status st =
        l ? facet__file_read_text(path, LIST_MAX, &l->text, NULL, err)
          : facet__fail_memory(err);

    *out = NULL;
    if (st == FACET_OK) {
        l->dataset = dataset;
        st = read_list(l, path, err);
    }
    if (st == FACET_OK)
        st = find_pictures(l, path, err);
    if (st == FACET_OK)
        *out = l;
    else
        facet__landmarks_close(l);
    return st;
}

void facet__landmarks_close(facet__landmarks *l)
{
    if (!l)
        return;
    facet__free(l->text);
    facet__free(l->lines);
    facet__free(l->first);
    facet__free(l->count);
    facet__free(l);
}

size_t facet__landmarks_of(
    const facet__landmarks *l, uint32_t index, size_t *first)
{
    *first = l->first[index];
    return l->count[index];
}

const facet_point *facet__landmarks_points(
    const facet__landmarks *l, size_t number)
{
    return l->lines[number].points;
}

/* A face in its square */

/* Where the points lie under the inverse of `map`, crop -> picture; mirrored,
 * the points of the other side are asked for. */
static void move_points(const facet_point points[FACET_HEAD_POINTS],
    const double map[6], float wanted[FACET__LANDMARK_NUMBERS])
{
    const double det = map[0] * map[4] - map[1] * map[3];

    for (int i = 0; i < FACET_HEAD_POINTS; i++) {
        const facet_point *p =
            &points[det < 0 ? facet__landmark_mirrored(i) : i];
        const double x = (double)p->x - map[2], y = (double)p->y - map[5];

        wanted[2 * i] = (float)((map[4] * x - map[1] * y) / det);
        wanted[2 * i + 1] = (float)((map[0] * y - map[3] * x) / det);
    }
}

facet_status facet__landmarks_cut(const facet_image *image,
    const facet_point points[FACET_HEAD_POINTS], const facet__jitter *jitter,
    const facet__crop *crop, uint8_t *rgb,
    float wanted[FACET__LANDMARK_NUMBERS], facet_error *err)
{
    const double *j = jitter->map;
    facet_landmarker_opts seen; /* as the network will be shown faces */
    facet_similarity s;
    double map[6];
    float inverse[6];

    facet_landmarker_opts_init(&seen);
    if (facet__landmark_square(points, (double)seen.margin, crop->width, &s) !=
        FACET_OK)
        return facet__fail(err, FACET_EINVAL, "no head has such points");
    for (int c = 0; c < 3; c++) {
        map[c] = s.a * j[c] - s.b * j[3 + c] + (c == 2 ? s.tx : 0);
        map[3 + c] = s.b * j[c] + s.a * j[3 + c] + (c == 2 ? s.ty : 0);
    }
    for (int i = 0; i < 6; i++)
        inverse[i] = (float)map[i];
    move_points(points, map, wanted);
    return facet__warp_similarity(facet__image_view(image), inverse, rgb,
               crop->width, crop->height, (size_t)crop->width * 3) == FACET_OK
               ? FACET_OK
               : facet__fail_memory(err);
}

facet_status facet__landmarks_make(void *self, const facet__loader_setup *setup,
    facet__hand *hand, const facet__place *place, facet_error *err)
{
    const facet__landmarks *l = self;
    const facet__crop *crop = &setup->crops[0];
    facet__random random =
        facet__random_stream(setup->seed, place->batch, place->number);
    const facet__jitter jitter =
        facet__jitter_draw(&setup->augment, &random, crop->width);
    size_t first, size;
    const size_t n = facet__landmarks_of(l, place->index, &first);
    const size_t chosen = first + (size_t)facet__random_below(&random, n);
    facet_image *image = NULL;
    facet_status st = facet__dataset_read(
        setup->dataset, place->index, &hand->bytes, &hand->room, &size, err);

    if (st == FACET_OK)
        st = facet_image_read_memory(hand->bytes, size, NULL, &image, err);
    if (st == FACET_OK)
        st = facet__landmarks_cut(image, facet__landmarks_points(l, chosen),
            &jitter, crop, hand->rgb, place->wanted, err);
    if (st == FACET_OK && facet__augment_pixels(&setup->augment, &random,
                              hand->rgb, crop->width, crop->height) != FACET_OK)
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        facet__crop_floats(crop, hand->rgb, place->crops[0]);
    facet_image_free(image);
    return st;
}
