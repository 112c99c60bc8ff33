/* SPDX-License-Identifier: Apache-2.0 */
#include "train/judge.h"

#include "base/alloc.h"
#include "base/error.h"
#include "train/validate.h"
#include "train/validate_faces.h"
#include "train/validate_landmarks.h"

/* What all kinds are opened with. */
typedef struct place {
    const facet__recipe *recipe;
    const char *folder;
    facet__pool *pool;
} place;

/* Pairs of an embedder's crops or photos. */
typedef struct pairs {
    facet__dataset *data;
    facet__photos *photos;
    facet__validation *validation;
} pairs;

static facet_status score_pairs(
    void *self, const facet__trainable *net, double *score, facet_error *err)
{
    const pairs *p = self;

    return facet__validation_run(p->validation, net, score, err);
}

static const facet__dataset *data_of_pairs(const void *self)
{
    return ((const pairs *)self)->data;
}

static void close_pairs(void *self)
{
    pairs *p = self;

    facet__validation_close(p->validation);
    facet__photos_close(p->photos);
    facet__dataset_close(p->data);
    facet__free(p);
}

static facet_status open_pairs(const place *at, void **self, facet_error *err)
{
    const facet__recipe *r = at->recipe;
    facet__validation_setup setup = { .pairs = r->pairs,
        .from = { .crop = r->run.data.crops[0],
            .frame = r->run.data.frame,
            .pool = at->pool } };
    pairs *p = facet__calloc(1, sizeof *p);
    facet_status st;

    *self = p;
    if (!p)
        return facet__fail_memory(err);
    st = facet__dataset_open(&r->validation, &p->data, err);
    if (st == FACET_OK && r->validation_detector)
        st = facet__photos_open(r->validation_detector, setup.from.frame,
            facet__dataset_count(p->data), &p->photos, err);
    setup.from.dataset = p->data;
    setup.from.photos = p->photos;
    return st == FACET_OK ? facet__validation_open(&setup, &p->validation, err)
                          : st;
}

/* Marked faces in pictures. */

static facet_status score_faces(
    void *self, const facet__trainable *net, double *score, facet_error *err)
{
    return facet__face_validation_run(self, net, score, err);
}

static void close_faces(void *self)
{
    facet__face_validation_close(self);
}

static facet_status open_faces(const place *at, void **self, facet_error *err)
{
    const facet__face_validation_setup setup = {
        .faces = at->recipe->validation_faces,
        .paths = at->recipe->validation.paths,
        .n_paths = at->recipe->validation.n_paths,
        .folder = at->folder,
    };
    facet__face_validation *validation;
    const facet_status st =
        facet__face_validation_open(&setup, &validation, err);

    *self = validation;
    return st;
}

/* 68 marked points. */
typedef struct points {
    facet__dataset *data;
    facet__landmarks *landmarks;
    facet__crop crop;
} points;

static facet__landmark_validation_setup setup_of(const points *p)
{
    return (facet__landmark_validation_setup){
        .dataset = p->data, .landmarks = p->landmarks, .crop = p->crop
    };
}

static facet_status score_points(
    void *self, const facet__trainable *net, double *score, facet_error *err)
{
    const facet__landmark_validation_setup setup = setup_of(self);

    return facet__landmark_validation_run(&setup, net, score, err);
}

static const facet__dataset *data_of_points(const void *self)
{
    return ((const points *)self)->data;
}

static void close_points(void *self)
{
    points *p = self;

    facet__landmarks_close(p->landmarks);
    facet__dataset_close(p->data);
    facet__free(p);
}

static facet_status open_points(const place *at, void **self, facet_error *err)
{
    const facet__recipe *r = at->recipe;
    points *p = facet__calloc(1, sizeof *p);
    facet__landmark_validation_setup setup;
    facet_status st;

    *self = p;
    if (!p)
        return facet__fail_memory(err);
    p->crop = r->run.data.crops[0];
    st = facet__dataset_open(&r->validation, &p->data, err);
    if (st == FACET_OK)
        st = facet__landmarks_open(
            r->validation_landmarks, p->data, &p->landmarks, err);
    if (st != FACET_OK)
        return st;
    setup = setup_of(p);
    return facet__landmark_validation_look(&setup, err);
}

typedef struct kind {
    facet_status (*open)(const place *at, void **self, facet_error *err);
    facet__judge judge;
} kind;

/* What the recipe has a list of; NULL: nothing. */
static const kind *kind_of(const facet__recipe *recipe)
{
    static const kind for_points = { open_points,
        { score_points, close_points, data_of_points, NULL } };
    static const kind for_faces = { open_faces,
        { score_faces, close_faces, NULL, NULL } };
    static const kind for_pairs = { open_pairs,
        { score_pairs, close_pairs, data_of_pairs, NULL } };

    if (recipe->validation_landmarks)
        return &for_points;
    if (recipe->validation_faces)
        return &for_faces;
    return recipe->pairs ? &for_pairs : NULL;
}

facet_status facet__judge_open(const facet__recipe *recipe, bool here,
    const char *folder, facet__pool *pool, facet__judge *out, facet_error *err)
{
    const kind *k = kind_of(recipe);
    const place at = { recipe, folder, pool };
    facet_status st;

    *out = k ? k->judge : (facet__judge){ .self = NULL };
    if (!k || !here)
        return FACET_OK;
    st = k->open(&at, &out->self, err);
    if (st != FACET_OK)
        facet__judge_close(out);
    return st;
}

void facet__judge_close(facet__judge *judge)
{
    if (judge->self)
        judge->close(judge->self);
    *judge = (facet__judge){ .self = NULL };
}
