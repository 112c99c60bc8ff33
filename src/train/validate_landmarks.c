/* SPDX-License-Identifier: Apache-2.0 */
#include "train/validate_landmarks.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

enum { BATCH = 32, LEFT_EYE = 36, RIGHT_EYE = 45 };

typedef struct work {
    const facet__landmark_validation_setup *setup;
    const facet__trainable *net; /* NULL: the pictures are only looked at */
    facet__hand hand;
    float *crops; /* [BATCH] crops */
    float wanted[BATCH][FACET__LANDMARK_NUMBERS];
    size_t n; /* crops in hand */
    double sum;
    size_t faces;
} work;

static double distance(const float *points, const float *others, int i, int k)
{
    return hypot((double)(points[2 * i] - others[2 * k]),
        (double)(points[2 * i + 1] - others[2 * k + 1]));
}

/* The crops in hand through the network. */
static facet_status ask(work *w, facet_error *err)
{
    const double least = w->setup->crop.width / 12.;
    const float *out;
    facet_status st = FACET_OK;

    if (w->n > 0 && w->net)
        st = w->net->embed(w->net->self, w->crops, w->n, &out, err);
    for (size_t f = 0; f < w->n && w->net && st == FACET_OK; f++) {
        const float *said = out + f * FACET__LANDMARK_NUMBERS;
        const float *wanted = w->wanted[f];
        const double eyes = distance(wanted, wanted, LEFT_EYE, RIGHT_EYE);

        for (int i = 0; i < FACET_HEAD_POINTS; i++)
            w->sum += distance(said, wanted, i, i) /
                      (eyes > least ? eyes : least) / FACET_HEAD_POINTS;
        w->faces++;
    }
    w->n = 0;
    return st;
}

static facet_status add_face(work *w, const facet_image *image,
    const facet_point *points, facet_error *err)
{
    static const facet__jitter still = { { 1, 0, 0, 0, 1, 0 } };
    const facet__crop *crop = &w->setup->crop;
    const size_t floats = 3 * (size_t)crop->width * (size_t)crop->height;
    facet_status st = facet__landmarks_cut(
        image, points, &still, crop, w->hand.rgb, w->wanted[w->n], err);

    if (st != FACET_OK)
        return st;
    facet__crop_floats(crop, w->hand.rgb, w->crops + w->n * floats);
    return ++w->n == BATCH ? ask(w, err) : FACET_OK;
}

static facet_status add_picture(work *w, uint32_t index, facet_error *err)
{
    const facet__landmark_validation_setup *s = w->setup;
    facet_image *image = NULL;
    size_t first, size;
    const size_t n = facet__landmarks_of(s->landmarks, index, &first);
    facet_status st = facet__dataset_read(
        s->dataset, index, &w->hand.bytes, &w->hand.room, &size, err);

    if (st == FACET_OK)
        st = facet_image_read_memory(w->hand.bytes, size, NULL, &image, err);
    for (size_t i = 0; i < n && st == FACET_OK; i++)
        st = add_face(
            w, image, facet__landmarks_points(s->landmarks, first + i), err);
    facet_image_free(image);
    return st;
}

/* All pictures; the one that fails is named. */
static facet_status go(work *w, facet_error *err)
{
    const facet__dataset *data = w->setup->dataset;
    facet_status st = FACET_OK;

    for (size_t i = 0; i < facet__dataset_count(data); i++) {
        st = add_picture(w, (uint32_t)i, err);
        if (st != FACET_OK)
            return facet__fail_in(
                err, st, facet__dataset_example(data, i)->key);
    }
    return ask(w, err);
}

facet_status facet__landmark_validation_look(
    const facet__landmark_validation_setup *setup, facet_error *err)
{
    double score;

    return facet__landmark_validation_run(setup, NULL, &score, err);
}

facet_status facet__landmark_validation_run(
    const facet__landmark_validation_setup *setup, const facet__trainable *net,
    double *score, facet_error *err)
{
    const size_t pixels =
        (size_t)setup->crop.width * (size_t)setup->crop.height;
    work *w = facet__calloc(1, sizeof *w);
    facet_status st = w ? FACET_OK : facet__fail_memory(err);

    if (st == FACET_OK) {
        w->setup = setup;
        w->net = net;
        w->hand.rgb = facet__alloc(3 * pixels);
        w->crops = facet__calloc(BATCH * 3 * pixels, sizeof *w->crops);
        if (!w->hand.rgb || !w->crops)
            st = facet__fail_memory(err);
    }
    if (st == FACET_OK)
        st = go(w, err);
    if (st == FACET_OK)
        *score = 1 - w->sum / (double)(w->faces ? w->faces : 1);
    if (w) {
        facet__free(w->hand.bytes);
        facet__free(w->hand.rgb);
        facet__free(w->crops);
    }
    facet__free(w);
    return st;
}
