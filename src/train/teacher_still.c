/* SPDX-License-Identifier: Apache-2.0 */
/* teacher_still.c - a teacher that is asked about each picture once: as it is
 * and mirrored, and the middle of both answers is remembered. A network's
 * answers to a face and its mirror image differ (by a cosine of 0.9 for
 * reid0095), so the middle is the better lesson, and from the second epoch on
 * it costs nothing. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "train/normalize.h"
#include "train/teacher.h"

typedef struct still {
    facet__teacher asked;
    size_t width, height;
    float *known;  /* [pictures][dim], length 1; of zeros: not asked yet */
    uint8_t *have; /* [pictures] */
    size_t pictures;
    float *crops;     /* [2][room][3 * height * width]: as they are, mirrored */
    float *out;       /* [room][dim] */
    uint32_t *asking; /* [room]: pictures asked about now */
    size_t room;
} still;

/* Memory of pictures up to `index`. */
static facet_status know(still *t, uint32_t index)
{
    const size_t dim = t->asked.dim, before = t->pictures;
    size_t n = before ? before : 1024;
    float *known;
    uint8_t *have;

    while (n <= index)
        n *= 2;
    if (n == before)
        return FACET_OK;
    known = facet__grow(
        t->known, before * dim * sizeof *known, n * dim * sizeof *known);
    if (!known)
        return FACET_ENOMEM;
    t->known = known;
    have = facet__grow(t->have, before, n);
    if (!have)
        return FACET_ENOMEM;
    t->have = have;
    memset(have + before, 0, n - before);
    t->pictures = n;
    return FACET_OK;
}

static size_t crop_floats(const still *t)
{
    return 3 * t->width * t->height;
}

static facet_status make_room(still *t, size_t n)
{
    if (n <= t->room)
        return FACET_OK;
    t->room = 0;
    facet__free(t->crops);
    facet__free(t->out);
    facet__free(t->asking);
    t->crops = facet__calloc(2 * n, crop_floats(t) * sizeof *t->crops);
    t->out = facet__calloc(n, t->asked.dim * sizeof *t->out);
    t->asking = facet__calloc(n, sizeof *t->asking);
    if (!t->crops || !t->out || !t->asking)
        return FACET_ENOMEM;
    t->room = n;
    return FACET_OK;
}

/* A crop's planes, left to right. */
static void mirror(const still *t, const float *from, float *to)
{
    for (size_t line = 0; line < 3 * t->height; line++)
        for (size_t x = 0; x < t->width; x++)
            to[line * t->width + x] = from[line * t->width + t->width - 1 - x];
}

/* The middle of the answers a and b [dim] to a picture and its mirror image. */
static void remember(still *t, uint32_t index, const float *a, const float *b)
{
    const size_t dim = t->asked.dim;
    float *unit = t->known + index * dim, *other = t->out, norm;

    facet__normalize_rows(a, 1, dim, unit, &norm);
    facet__normalize_rows(b, 1, dim, other, &norm);
    for (size_t k = 0; k < dim; k++)
        unit[k] += other[k];
    facet__normalize_rows(unit, 1, dim, unit, &norm);
}

/* Ask about those of n pictures that are not known yet. */
static facet_status ask(still *t, const uint32_t *indices, const float *crops,
    size_t n, facet_error *err)
{
    const size_t floats = crop_floats(t), dim = t->asked.dim;
    const float *answers;
    size_t m = 0;
    facet_status st;

    for (size_t i = 0; i < n; i++) {
        float *to = t->crops + 2 * m * floats;

        if (t->have[indices[i]])
            continue;
        t->have[indices[i]] = 1;
        t->asking[m++] = indices[i];
        memcpy(to, crops + i * floats, floats * sizeof *to);
        mirror(t, crops + i * floats, to + floats);
    }
    if (m == 0)
        return FACET_OK;
    st = t->asked.answer(t->asked.self, NULL, t->crops, 2 * m, &answers, err);
    for (size_t i = 0; i < m; i++)
        if (st == FACET_OK)
            remember(t, t->asking[i], answers + 2 * i * dim,
                answers + (2 * i + 1) * dim);
        else
            t->have[t->asking[i]] = 0;
    return st;
}

static facet_status answer(void *self, const uint32_t *indices,
    const float *crops, size_t n, const float **out, facet_error *err)
{
    still *t = self;
    const size_t dim = t->asked.dim;
    facet_status st = make_room(t, n);

    for (size_t i = 0; i < n && st == FACET_OK; i++)
        st = know(t, indices[i]);
    if (st != FACET_OK)
        return facet__fail_memory(err);
    st = ask(t, indices, crops, n, err);
    for (size_t i = 0; i < n && st == FACET_OK; i++)
        memcpy(t->out + i * dim, t->known + indices[i] * dim,
            dim * sizeof *t->out);
    *out = t->out;
    return st;
}

static void forget(void *self)
{
    still *t = self;

    facet__teacher_close(&t->asked);
    facet__free(t->known);
    facet__free(t->have);
    facet__free(t->crops);
    facet__free(t->out);
    facet__free(t->asking);
    facet__free(t);
}

facet_status facet__teacher_still(
    facet__teacher *teacher, int width, int height, facet_error *err)
{
    still *t = facet__calloc(1, sizeof *t);

    if (!t)
        return facet__fail_memory(err);
    t->asked = *teacher;
    t->width = (size_t)width;
    t->height = (size_t)height;
    *teacher = (facet__teacher){ .self = t,
        .dim = t->asked.dim,
        .sees = true,
        .answer = answer,
        .close = forget };
    return FACET_OK;
}
