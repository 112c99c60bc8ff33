/* SPDX-License-Identifier: Apache-2.0 */
#include "train/photos.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "facet/align.h"
#include "facet/detector.h"
#include "facet/model.h"

enum { ARCFACE = 112, WITH_MARGIN = 128, MOST_FACES = 64 };

/* What is remembered of a photo. */
typedef struct found {
    bool known;
    facet_point landmarks[FACET_LANDMARKS];
} found;

/* A detector nobody uses just now. */
typedef struct idle {
    facet_detector *detector;
    struct idle *next;
} idle;

struct facet__photos {
    facet_model *model;
    facet_align_template frame;
    pthread_mutex_t lock; /* of the two below */
    found *found;         /* [count] */
    idle *idle;
};

/* The ArcFace template in the middle of a frame of that side. */
static facet_align_template frame_template(double side)
{
    const facet_align_template *arcface = facet_template_find("arcface-112");
    const float margin = (WITH_MARGIN - ARCFACE) / 2.0F;
    const float scale = (float)(side / WITH_MARGIN);
    facet_align_template t = *arcface;

    t.width = t.height = (int)side;
    for (int i = 0; i < FACET_LANDMARKS; i++) {
        /* Pixel centers are whole numbers: scaling keeps the corner at -1/2. */
        t.points[i].x = (arcface->points[i].x + margin + .5F) * scale - .5F;
        t.points[i].y = (arcface->points[i].y + margin + .5F) * scale - .5F;
    }
    return t;
}

facet_status facet__photos_open(const char *detector, double frame,
    size_t count, facet__photos **out, facet_error *err)
{
    facet__photos *p = facet__calloc(1, sizeof *p);
    facet_status st;

    *out = NULL;
    if (!p)
        return facet__fail_memory(err);
    pthread_mutex_init(&p->lock, NULL);
    p->frame = frame_template(frame);
    p->found = facet__calloc(count, sizeof *p->found);
    st = p->found ? facet_model_load(detector, NULL, &p->model, err)
                  : facet__fail_memory(err);
    if (st != FACET_OK) {
        facet__photos_close(p);
        return st;
    }
    *out = p;
    return FACET_OK;
}

void facet__photos_close(facet__photos *p)
{
    if (!p)
        return;
    while (p->idle) {
        idle *first = p->idle;

        p->idle = first->next;
        facet_detector_free(first->detector);
        facet__free(first);
    }
    facet_model_free(p->model);
    facet__free(p->found);
    pthread_mutex_destroy(&p->lock);
    facet__free(p);
}

/* A detector for this thread: an idle one, or a new one. */
static facet_status take(facet__photos *p, idle **out, facet_error *err)
{
    facet_status st;

    pthread_mutex_lock(&p->lock);
    *out = p->idle;
    if (*out)
        p->idle = (*out)->next;
    pthread_mutex_unlock(&p->lock);
    if (*out)
        return FACET_OK;
    *out = facet__calloc(1, sizeof **out);
    if (!*out)
        return facet__fail_memory(err);
    st = facet_detector_create(p->model, NULL, &(*out)->detector, err);
    if (st != FACET_OK)
        facet__free(*out);
    return st;
}

static void give_back(facet__photos *p, idle *one)
{
    pthread_mutex_lock(&p->lock);
    one->next = p->idle;
    p->idle = one;
    pthread_mutex_unlock(&p->lock);
}

static const facet_face *largest(const facet_face *faces, size_t count)
{
    const facet_face *best = faces;

    for (size_t i = 1; i < count; i++)
        if (faces[i].box.width * faces[i].box.height >
            best->box.width * best->box.height)
            best = &faces[i];
    return best;
}

static facet_status find(facet__photos *p, const facet_image *photo,
    facet_point landmarks[FACET_LANDMARKS], facet_error *err)
{
    facet_face faces[MOST_FACES];
    size_t count;
    idle *one;
    facet_status st = take(p, &one, err);

    if (st != FACET_OK)
        return st;
    st = facet_detector_find(
        one->detector, photo, faces, MOST_FACES, &count, err);
    give_back(p, one);
    if (st == FACET_OK && count == 0)
        st = facet__fail(err, FACET_ENOFACE, "no face is found in the photo");
    if (st == FACET_OK)
        memcpy(landmarks,
            largest(faces, count < MOST_FACES ? count : MOST_FACES)->landmarks,
            FACET_LANDMARKS * sizeof *landmarks);
    return st;
}

/* The landmarks of a photo, found or remembered. Two threads that meet the same
 * new photo both look, and find the same. */
static facet_status landmarks_of(facet__photos *p, uint32_t index,
    const facet_image *photo, facet_point landmarks[FACET_LANDMARKS],
    facet_error *err)
{
    found *f = &p->found[index];
    facet_status st = FACET_OK;
    bool known;

    pthread_mutex_lock(&p->lock);
    known = f->known;
    if (known)
        memcpy(landmarks, f->landmarks, sizeof f->landmarks);
    pthread_mutex_unlock(&p->lock);
    if (known)
        return FACET_OK;
    st = find(p, photo, landmarks, err);
    if (st != FACET_OK)
        return st;
    pthread_mutex_lock(&p->lock);
    memcpy(f->landmarks, landmarks, sizeof f->landmarks);
    f->known = true;
    pthread_mutex_unlock(&p->lock);
    return FACET_OK;
}

facet_status facet__photos_read(facet__photos *p, uint32_t index,
    const uint8_t *bytes, size_t size, facet_image **out, facet_error *err)
{
    facet_point landmarks[FACET_LANDMARKS];
    facet_image *photo = NULL;
    facet_status st = facet_image_read_memory(bytes, size, NULL, out, err);

    if (st != FACET_OK || !p)
        return st;
    photo = *out;
    *out = NULL;
    st = landmarks_of(p, index, photo, landmarks, err);
    if (st == FACET_OK)
        st = facet_align(photo, landmarks, &p->frame, out, err);
    facet_image_free(photo);
    return st;
}
