/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline.c - photo -> faces -> crops -> embeddings, under one contract.
 *
 * The networks are shared by a family of clones and counted; each pipeline has
 * a detector and an embedder of its own. */
#include "facet/pipeline.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "face/contract.h"
#include "facet/golden.h"
#include "image/image.h"

/* What the clones share. */
typedef struct family {
    atomic_int members;
    facet_model *detector, *embedder; /* or NULL */
} family;

struct facet_pipeline {
    family *family;
    facet_pipeline_opts opts; /* its strings are not kept */
    facet_settings settings;
    bool has_settings;
    facet_detector *detector;
    facet_embedder *embedder;
    facet_face *found; /* [room] */
    size_t room;
};

struct facet_faces {
    size_t count;
    facet_face *faces;
    facet_embedding *embeddings; /* or NULL */
    float *values;               /* [count][dim] */
    facet_image **crops;         /* or NULL */
};

void facet_pipeline_opts_init(facet_pipeline_opts *opts)
{
    facet_detector_opts d;

    if (!opts)
        return;
    facet_detector_opts_init(&d);
    *opts = (facet_pipeline_opts){ .size = sizeof *opts,
        .precision = FACET_PRECISION_AUTO,
        .policy = FACET_POLICY_ALL,
        .score_threshold = d.score_threshold,
        .nms_iou = d.nms_iou,
        .min_face = d.min_face,
        .max_faces = d.max_faces,
        .threads = d.threads };
}

/* opening */

static facet_status load(const char *path, facet_precision precision,
    facet_model **out, facet_error *err)
{
    facet_model_opts opts;
    facet_status st;

    *out = NULL;
    if (!path)
        return FACET_OK;
    facet_model_opts_init(&opts);
    opts.precision = precision;
    st = facet_model_load(path, &opts, out, err);
    if (st == FACET_OK &&
        facet_model_metadata(*out, FACET_GOLDEN_KEY, NULL, 0) >= 0) {
        st = facet_golden_check(*out, 0, NULL, err);
        if (st != FACET_OK)
            return facet__fail_in(err, st, path);
    }
    return st;
}

/* int8 is asked for the embedder's sake: a detector that is not quantized is no
 * reason to refuse. */
static facet_precision of_detector(facet_precision precision)
{
    return precision == FACET_PRECISION_INT8 ? FACET_PRECISION_AUTO : precision;
}

static void leave(family *f)
{
    if (f && atomic_fetch_sub(&f->members, 1) == 1) {
        facet_model_free(f->detector);
        facet_model_free(f->embedder);
        facet__free(f);
    }
}

/* The parts of one member. Errors name the networks as told. */
static facet_status equip(facet_pipeline *p, const char *detector,
    const char *embedder, facet_error *err)
{
    const facet_pipeline_opts *o = &p->opts;
    facet_status st = FACET_OK;

    if (p->family->detector && !o->aligned) {
        facet_detector_opts d;

        facet_detector_opts_init(&d);
        d.score_threshold = o->score_threshold;
        d.nms_iou = o->nms_iou;
        d.min_face = o->min_face;
        d.max_faces = o->max_faces;
        d.threads = o->threads;
        st = facet_detector_create(p->family->detector, &d, &p->detector, err);
        if (st != FACET_OK)
            return facet__fail_in(err, st, detector);
    }
    if (p->family->embedder) {
        facet_embedder_opts e;

        facet_embedder_opts_init(&e);
        e.settings = p->has_settings ? &p->settings : NULL;
        e.detector = p->family->detector;
        e.threads = o->threads;
        st = facet_embedder_create(p->family->embedder, &e, &p->embedder, err);
        if (st != FACET_OK)
            return facet__fail_in(err, st, embedder);
    }
    return st;
}

static facet_status check(const facet_pipeline_opts *o, facet_error *err)
{
    if (o->policy < FACET_POLICY_ALL || o->policy > FACET_POLICY_SINGLE)
        return facet__fail(err, FACET_EINVAL, "pipeline: no such policy");
    if (!o->detector && !(o->aligned && o->embedder))
        return facet__fail(err, FACET_EINVAL,
            "pipeline: a detector is needed, or an embedder and aligned "
            "crops");
    return FACET_OK;
}

static facet_status take_opts(
    facet_pipeline *p, const facet_pipeline_opts *o, facet_error *err)
{
    p->opts = *o;
    p->opts.detector = p->opts.embedder = NULL;
    p->opts.settings = NULL;
    p->has_settings = o->settings != NULL;
    facet_settings_init(&p->settings);
    return facet__options_take(&p->settings, sizeof p->settings, o->settings,
        "facet_settings_init", err);
}

facet_status facet_pipeline_open(
    const facet_pipeline_opts *opts, facet_pipeline **out, facet_error *err)
{
    facet_pipeline_opts o;
    facet_pipeline *p;
    facet_status st;

    if (!opts || !out)
        return facet__fail(err, FACET_EINVAL, "pipeline: an argument is NULL");
    *out = NULL;
    facet_pipeline_opts_init(&o);
    st = facet__options_take(
        &o, sizeof o, opts, "facet_pipeline_opts_init", err);
    if (st == FACET_OK)
        st = check(&o, err);
    if (st != FACET_OK)
        return st;
    p = facet__calloc(1, sizeof *p);
    if (p)
        p->family = facet__calloc(1, sizeof *p->family);
    if (!p || !p->family) {
        facet__free(p);
        return facet__fail_memory(err);
    }
    atomic_init(&p->family->members, 1);
    st = take_opts(p, &o, err);
    if (st == FACET_OK)
        st = load(
            o.detector, of_detector(o.precision), &p->family->detector, err);
    if (st == FACET_OK)
        st = load(o.embedder, o.precision, &p->family->embedder, err);
    if (st == FACET_OK)
        st = equip(p, o.detector, o.embedder, err);
    if (st != FACET_OK) {
        facet_pipeline_close(p);
        return st;
    }
    *out = p;
    return FACET_OK;
}

facet_status facet_pipeline_clone(
    const facet_pipeline *pipeline, facet_pipeline **out, facet_error *err)
{
    facet_pipeline *p;
    facet_status st;

    if (!pipeline || !out)
        return facet__fail(err, FACET_EINVAL, "pipeline: an argument is NULL");
    *out = NULL;
    p = facet__calloc(1, sizeof *p);
    if (!p)
        return facet__fail_memory(err);
    p->family = pipeline->family;
    atomic_fetch_add(&p->family->members, 1);
    p->opts = pipeline->opts;
    p->settings = pipeline->settings;
    p->has_settings = pipeline->has_settings;
    st = equip(p, "detector", "embedder", err);
    if (st != FACET_OK) {
        facet_pipeline_close(p);
        return st;
    }
    *out = p;
    return FACET_OK;
}

void facet_pipeline_close(facet_pipeline *p)
{
    if (!p)
        return;
    facet_detector_free(p->detector);
    facet_embedder_free(p->embedder);
    facet__free(p->found);
    leave(p->family);
    facet__free(p);
}

/* finding */

static facet_status make_room(facet_pipeline *p, size_t need)
{
    if (need <= p->room)
        return FACET_OK;
    facet__free(p->found);
    p->found = facet__calloc(need, sizeof *p->found);
    p->room = p->found ? need : 0;
    return p->found ? FACET_OK : FACET_ENOMEM;
}

/* All faces of the photo into p->found. */
static facet_status find(facet_pipeline *p, const facet_image *image,
    size_t *count, facet_error *err)
{
    facet_status st = make_room(p, 64);

    if (st != FACET_OK)
        return facet__fail_memory(err);
    st = facet_detector_find(p->detector, image, p->found, p->room, count, err);
    if (st != FACET_OK || *count <= p->room)
        return st;
    if (make_room(p, 2 * *count) != FACET_OK)
        return facet__fail_memory(err);
    return facet_detector_find(
        p->detector, image, p->found, p->room, count, err);
}

/* An aligned crop is one face: the whole of it. */
static facet_status take_whole(facet_pipeline *p, const facet_image *image,
    size_t *count, facet_error *err)
{
    const facet_settings *s = facet_embedder_settings(p->embedder);

    if (make_room(p, 1) != FACET_OK)
        return facet__fail_memory(err);
    p->found[0] = (facet_face){ .box = { 0.0F, 0.0F, (float)image->width,
                                    (float)image->height },
        .score = 1.0F };
    if (s)
        memcpy(p->found[0].landmarks, s->align.points,
            sizeof p->found[0].landmarks);
    *count = 1;
    return FACET_OK;
}

/* How much a face is wanted: its area, or how near it is to the middle. */
static double worth(
    const facet_pipeline *p, const facet_image *image, const facet_face *f)
{
    const double x =
        (double)f->box.x + (double)f->box.width / 2 - (double)image->width / 2;
    const double y = (double)f->box.y + (double)f->box.height / 2 -
                     (double)image->height / 2;

    return p->opts.policy == FACET_POLICY_LARGEST
               ? (double)f->box.width * (double)f->box.height
               : -(x * x + y * y);
}

static facet_status apply_policy(facet_pipeline *p, const facet_image *image,
    size_t *count, facet_error *err)
{
    size_t best = 0;

    if (p->opts.policy == FACET_POLICY_ALL)
        return FACET_OK;
    if (*count == 0)
        return facet__fail(err, FACET_ENOFACE,
            "no face was found: try a larger picture, or a lower minimum size "
            "or score");
    if (p->opts.policy == FACET_POLICY_SINGLE)
        return *count == 1 ? FACET_OK
                           : facet__fail(err, FACET_EMANYFACES,
                                 "%zu faces where exactly one is required: "
                                 "crop the picture, or ask for the largest",
                                 *count);
    for (size_t i = 1; i < *count; i++)
        if (worth(p, image, &p->found[i]) > worth(p, image, &p->found[best]))
            best = i;
    p->found[0] = p->found[best];
    *count = 1;
    return FACET_OK;
}

/* the result */

static facet_status make_crops(facet_pipeline *p, const facet_image *image,
    facet_faces *f, facet_error *err)
{
    const facet_settings *s = facet_embedder_settings(p->embedder);
    const facet_align_template *to =
        s ? &s->align : facet_template_find("arcface-112");

    f->crops = facet__calloc(f->count ? f->count : 1, sizeof *f->crops);
    if (!f->crops)
        return facet__fail_memory(err);
    for (size_t i = 0; i < f->count; i++) {
        const facet_status st =
            facet_align(image, f->faces[i].landmarks, to, &f->crops[i], err);

        if (st != FACET_OK)
            return st;
    }
    return FACET_OK;
}

static facet_status embed(facet_pipeline *p, const facet_image *const *crops,
    facet_faces *f, facet_error *err)
{
    const size_t dim = facet_embedder_dim(p->embedder);
    const facet_contract contract = facet_embedder_contract(p->embedder);
    const size_t room = f->count ? f->count : 1;
    facet_status st;

    f->values = facet__calloc(room, dim * sizeof *f->values);
    f->embeddings = facet__calloc(room, sizeof *f->embeddings);
    if (!f->values || !f->embeddings)
        return facet__fail_memory(err);
    st = facet_embedder_run(p->embedder, crops, f->count, f->values, err);
    for (size_t i = 0; i < f->count && st == FACET_OK; i++)
        f->embeddings[i] =
            (facet_embedding){ contract, dim, f->values + i * dim };
    return st;
}

static facet_status fill(facet_pipeline *p, const facet_image *image,
    facet_faces *f, facet_error *err)
{
    const bool embeds = p->embedder != NULL;
    facet_status st = FACET_OK;

    if (p->opts.aligned)
        return embed(p, &image, f, err);
    if (embeds || p->opts.crops)
        st = make_crops(p, image, f, err);
    if (st == FACET_OK && embeds)
        st = embed(p, (const facet_image *const *)f->crops, f, err);
    if (!p->opts.crops && f->crops) {
        for (size_t i = 0; i < f->count; i++)
            facet_image_free(f->crops[i]);
        facet__free(f->crops);
        f->crops = NULL;
    }
    return st;
}

facet_status facet_pipeline_faces(facet_pipeline *p, const facet_image *image,
    facet_faces **out, facet_error *err)
{
    facet_faces *f = NULL;
    size_t count = 0;
    facet_status st;

    if (!p || !image || !out)
        return facet__fail(err, FACET_EINVAL, "pipeline: an argument is NULL");
    *out = NULL;
    st = p->opts.aligned ? take_whole(p, image, &count, err)
                         : find(p, image, &count, err);
    if (st == FACET_OK)
        st = apply_policy(p, image, &count, err);
    if (st != FACET_OK)
        return st;
    f = facet__calloc(1, sizeof *f);
    if (f)
        f->faces = facet__calloc(count ? count : 1, sizeof *f->faces);
    if (!f || !f->faces) {
        facet_faces_free(f);
        return facet__fail_memory(err);
    }
    f->count = count;
    memcpy(f->faces, p->found, count * sizeof *f->faces);
    st = fill(p, image, f, err);
    if (st != FACET_OK) {
        facet_faces_free(f);
        return st;
    }
    *out = f;
    return FACET_OK;
}

void facet_faces_free(facet_faces *f)
{
    if (!f)
        return;
    for (size_t i = 0; f->crops && i < f->count; i++)
        facet_image_free(f->crops[i]);
    facet__free(f->crops);
    facet__free(f->embeddings);
    facet__free(f->values);
    facet__free(f->faces);
    facet__free(f);
}

size_t facet_faces_count(const facet_faces *f)
{
    return f ? f->count : 0;
}

const facet_face *facet_faces_face(const facet_faces *f, size_t index)
{
    return f && index < f->count ? &f->faces[index] : NULL;
}

const facet_embedding *facet_faces_embedding(const facet_faces *f, size_t index)
{
    return f && f->embeddings && index < f->count ? &f->embeddings[index]
                                                  : NULL;
}

const facet_image *facet_faces_crop(const facet_faces *f, size_t index)
{
    return f && f->crops && index < f->count ? f->crops[index] : NULL;
}

const facet_model *facet_pipeline_detector_model(const facet_pipeline *p)
{
    return p ? p->family->detector : NULL;
}

const facet_model *facet_pipeline_embedder_model(const facet_pipeline *p)
{
    return p ? p->family->embedder : NULL;
}

const facet_settings *facet_pipeline_settings(const facet_pipeline *p)
{
    return p ? facet_embedder_settings(p->embedder) : NULL;
}

facet_contract facet_pipeline_contract(const facet_pipeline *p)
{
    return p ? facet_embedder_contract(p->embedder) : (facet_contract){ { 0 } };
}

size_t facet_pipeline_memory(const facet_pipeline *p)
{
    return p ? facet_detector_memory(p->detector) +
                   facet_embedder_memory(p->embedder) +
                   p->room * sizeof *p->found
             : 0;
}
