/* SPDX-License-Identifier: Apache-2.0 */
/* detection.c - average precision of finds, as WIDER FACE counts it.
 *
 * For each of the three sizes a find is right, wrong or passed over; with all
 * pictures gathered, finds are sorted by score, and the area under the largest
 * precision at each recall is summed (as PASCAL VOC does since 2010). */
#include "facet/detection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"

enum { EASY, MEDIUM, HARD, SIZES };

/* A find and what it is for each of the sizes. */
typedef struct find {
    float score;
    uint8_t verdict[SIZES];
} find;

enum { WRONG, RIGHT, PASSED };

struct facet_detection {
    float height[SIZES], iou;
    find *finds;
    size_t n_finds, room;
    size_t pictures, faces[SIZES], found;
    double error; /* sum over faces with landmarks */
    size_t with_landmarks;
};

void facet_detection_opts_init(facet_detection_opts *opts)
{
    *opts = (facet_detection_opts){
        .size = sizeof *opts, .easy = 50, .medium = 30, .hard = 10, .iou = 0.5F
    };
}

facet_status facet_detection_create(
    const facet_detection_opts *opts, facet_detection **out, facet_error *err)
{
    facet_detection_opts o;
    facet_detection *d;
    facet_status st;

    if (!out)
        return facet__fail(err, FACET_EINVAL, "result is NULL");
    *out = NULL;
    facet_detection_opts_init(&o);
    st = facet__options_take(
        &o, sizeof o, opts, "facet_detection_opts_init", err);
    if (st != FACET_OK)
        return st;
    if (!(o.iou > 0 && o.iou <= 1) ||
        !(o.easy >= o.medium && o.medium >= o.hard && o.hard >= 0))
        return facet__fail(err, FACET_EINVAL,
            "heights fall from easy to hard, iou is over 0 to 1");
    d = facet__calloc(1, sizeof *d);
    if (!d)
        return facet__fail_memory(err);
    d->height[EASY] = o.easy;
    d->height[MEDIUM] = o.medium;
    d->height[HARD] = o.hard;
    d->iou = o.iou;
    *out = d;
    return FACET_OK;
}

void facet_detection_free(facet_detection *d)
{
    if (d)
        facet__free(d->finds);
    facet__free(d);
}

/* Length that two stretches share. */
static double shared(double a, double a_length, double b, double b_length)
{
    return fmax(0, fmin(a + a_length, b + b_length) - fmax(a, b));
}

static double area(const facet_box *box)
{
    return (double)box->width * (double)box->height;
}

static double overlap(const facet_box *a, const facet_box *b)
{
    const double both =
        shared((double)a->x, (double)a->width, (double)b->x, (double)b->width) *
        shared(
            (double)a->y, (double)a->height, (double)b->y, (double)b->height);
    const double all = area(a) + area(b) - both;

    return all > 0 ? both / all : 0;
}

/* The face that a find overlaps most, n for none that overlaps enough. */
static size_t owner_of(const facet_detection *d, const facet_label *labels,
    size_t n, const facet_face *face)
{
    size_t best = n;
    double most = 0;

    for (size_t i = 0; i < n; i++) {
        const double o = overlap(&labels[i].box, &face->box);

        if (o > most) {
            most = o;
            best = i;
        }
    }
    return most >= (double)d->iou ? best : n;
}

static bool counts(const facet_detection *d, const facet_label *l, int size)
{
    return !l->invalid && l->box.height >= d->height[size];
}

static void note_landmarks(
    facet_detection *d, const facet_label *label, const facet_face *face)
{
    const double side = sqrt(area(&label->box));
    double sum = 0;

    for (int i = 0; i < FACET_LANDMARKS; i++)
        sum += hypot((double)(face->landmarks[i].x - label->landmarks[i].x),
            (double)(face->landmarks[i].y - label->landmarks[i].y));
    d->error += sum / FACET_LANDMARKS / side;
    d->with_landmarks++;
}

/* Judge one find; `taken` remembers faces that were found before. */
static void judge(facet_detection *d, const facet_label *labels, size_t n,
    const facet_face *face, uint8_t *taken)
{
    const size_t owner = owner_of(d, labels, n, face);
    const bool first = owner < n && !taken[owner];
    find *f = &d->finds[d->n_finds++];

    f->score = face->score;
    for (int s = 0; s < SIZES; s++)
        f->verdict[s] = owner == n                      ? WRONG
                        : !counts(d, &labels[owner], s) ? PASSED
                        : first                         ? RIGHT
                                                        : WRONG;
    if (!first)
        return;
    taken[owner] = 1;
    d->found += counts(d, &labels[owner], HARD);
    if (labels[owner].has_landmarks && counts(d, &labels[owner], HARD))
        note_landmarks(d, &labels[owner], face);
}

static facet_status make_room(facet_detection *d, size_t more)
{
    size_t room = d->room ? d->room : 256, bytes;
    find *larger;

    while (room < d->n_finds + more)
        room *= 2;
    if (room == d->room)
        return FACET_OK;
    if (!facet__mul_size(room, sizeof *larger, &bytes))
        return FACET_ENOMEM;
    larger = facet__grow(d->finds, d->room * sizeof *larger, bytes);
    if (!larger)
        return FACET_ENOMEM;
    d->finds = larger;
    d->room = room;
    return FACET_OK;
}

/* Best score first; equal ones as they came. */
static int by_score(const void *a, const void *b)
{
    const facet_face *const *x = a, *const *y = b;

    if ((*x)->score > (*y)->score || (*x)->score < (*y)->score)
        return (*x)->score > (*y)->score ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

facet_status facet_detection_add(facet_detection *d, const facet_label *labels,
    size_t n_labels, const facet_face *faces, size_t n_faces)
{
    const facet_face **order;
    uint8_t *taken;
    facet_status st;

    if (!d || (!labels && n_labels) || (!faces && n_faces))
        return FACET_EINVAL;
    order = facet__calloc(n_faces + 1, sizeof *order);
    taken = facet__calloc(n_labels + 1, sizeof *taken);
    st = order && taken ? make_room(d, n_faces) : FACET_ENOMEM;
    if (st == FACET_OK) {
        for (size_t i = 0; i < n_faces; i++)
            order[i] = &faces[i];
        qsort(order, n_faces, sizeof *order, by_score);
        for (size_t i = 0; i < n_faces; i++)
            judge(d, labels, n_labels, order[i], taken);
        for (size_t i = 0; i < n_labels; i++)
            for (int s = 0; s < SIZES; s++)
                d->faces[s] += counts(d, &labels[i], s);
        d->pictures++;
    }
    facet__free(order);
    facet__free(taken);
    return st;
}

static int by_find_score(const void *a, const void *b)
{
    const find *x = a, *y = b;

    return (x->score < y->score) - (x->score > y->score);
}

/* Area under the envelope. Finds of equal score are one step: their order
 * among each other means nothing. */
static double precision_of(const facet_detection *d, int size)
{
    size_t right = 0, all = 0;
    double sum = 0, best = 0;

    if (d->faces[size] == 0)
        return (double)NAN;
    for (size_t i = 0; i < d->n_finds; i++) {
        right += d->finds[i].verdict[size] == RIGHT;
        all += d->finds[i].verdict[size] != PASSED;
    }
    /* From the lowest score up, so that the envelope is known. */
    for (size_t i = d->n_finds; i > 0;) {
        const float score = d->finds[i - 1].score;
        const double precision = all ? (double)right / (double)all : 0;
        size_t gained = 0;

        best = fmax(best, precision);
        for (; i > 0 && !(d->finds[i - 1].score > score); i--) {
            gained += d->finds[i - 1].verdict[size] == RIGHT;
            all -= d->finds[i - 1].verdict[size] != PASSED;
        }
        right -= gained;
        sum += best * (double)gained;
    }
    return sum / (double)d->faces[size];
}

facet_status facet_detection_finish(
    facet_detection *d, facet_detection_result *out)
{
    if (!d || !out)
        return FACET_EINVAL;
    if (d->n_finds)
        qsort(d->finds, d->n_finds, sizeof *d->finds, by_find_score);
    *out = (facet_detection_result){ .pictures = d->pictures,
        .finds = d->n_finds,
        .easy = d->faces[EASY],
        .medium = d->faces[MEDIUM],
        .hard = d->faces[HARD],
        .ap_easy = precision_of(d, EASY),
        .ap_medium = precision_of(d, MEDIUM),
        .ap_hard = precision_of(d, HARD),
        .recall = d->faces[HARD] ? (double)d->found / (double)d->faces[HARD]
                                 : (double)NAN,
        .landmark_error = d->with_landmarks
                              ? d->error / (double)d->with_landmarks
                              : (double)NAN,
        .landmark_faces = d->with_landmarks };
    return FACET_OK;
}
