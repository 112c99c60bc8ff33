/* SPDX-License-Identifier: Apache-2.0 */
#include "eval_look.h"

#include <math.h>
#include <string.h>

#include "exits.h"
#include "facet/align.h"
#include "facet/image.h"
#include "facet/quality.h"

/* Where YuNet's box lies in the ArcFace template, measured on 44 faces: its
 * middle, and the root of its area. Without alignment the box is brought
 * there. */
static const struct {
    float x, y, side;
} usual_box = { 56.0F, 65.3F, 94.0F };

/* An ArcFace crop with a margin, as the embedder wants it. */
static facet_status cut_crop(const eval_run *run, const looker *l,
    const facet_image *image, facet_image **crop, facet_error *err)
{
    const facet_align_template *arcface = facet_template_find("arcface-112");
    facet_point points[FACET_LANDMARKS];

    for (int i = 0; i < FACET_LANDMARKS; i++) {
        points[i].x = arcface->points[i].x + (float)run->margin;
        points[i].y = arcface->points[i].y + (float)run->margin;
    }
    return facet_align(
        image, points, &facet_pipeline_settings(l->pipeline)->align, crop, err);
}

/* Through JPEG and back. */
static facet_status compress(
    const facet_image *image, int quality, facet_image **out, facet_error *err)
{
    uint8_t *bytes = NULL;
    size_t size;
    facet_status st = facet_image_encode(
        image, FACET_IMAGE_JPEG, quality, &bytes, &size, err);

    if (st == FACET_OK)
        st = facet_image_read_memory(bytes, size, NULL, out, err);
    facet_image_bytes_free(bytes);
    return st;
}

/* Down to so many pixels, sides in proportion, and back. */
static facet_status shrink(
    const facet_image *image, double pixels, facet_image **out)
{
    const int32_t width = facet_image_width(image);
    const int32_t height = facet_image_height(image);
    const double by = sqrt(pixels / ((double)width * (double)height));
    facet_image *small = NULL;
    facet_status st = facet_image_resize(image, (int32_t)lround(width * by),
        (int32_t)lround(height * by), &small);

    if (st == FACET_OK)
        st = facet_image_resize(small, width, height, out);
    facet_image_free(small);
    return st;
}

/* *crop, or the image when there is none, becomes what the study makes of it.
 */
static facet_status change_crop(const eval_run *run, const facet_image *image,
    facet_image **crop, facet_error *err)
{
    facet_image *changed = NULL;
    facet_status st = FACET_OK;

    if (*crop)
        image = *crop;
    if (run->change == EVAL_JPEG)
        st = compress(image, (int)run->value, &changed, err);
    else if (run->change == EVAL_PIXELS)
        st = shrink(image, run->value, &changed);
    if (changed) {
        facet_image_free(*crop);
        *crop = changed;
    }
    return st;
}

/* The part of a photo that an upright face with this box would fill. */
static facet_status cut_box(const looker *l, const facet_image *photo,
    const facet_box *box, facet_image **crop, facet_error *err)
{
    const facet_align_template *arcface = facet_template_find("arcface-112");
    const float scale = sqrtf(box->width * box->height) / usual_box.side;
    facet_point points[FACET_LANDMARKS];

    for (int i = 0; i < FACET_LANDMARKS; i++) {
        points[i].x = box->x + box->width / 2 +
                      scale * (arcface->points[i].x - usual_box.x);
        points[i].y = box->y + box->height / 2 +
                      scale * (arcface->points[i].y - usual_box.y);
    }
    return facet_align(
        photo, points, &facet_pipeline_settings(l->pipeline)->align, crop, err);
}

static facet_status embed_crop(const eval_run *run, const looker *l,
    const facet_image *crop, float *row, facet_error *err)
{
    return run->scales ? facet_embedder_run_views(
                             l->embedder, crop, run->scales, row, err)
                       : facet_embedder_run(l->embedder, &crop, 1, row, err);
}

/* The face that the pipeline has found. */
static facet_status take_face(const eval_run *run, const looker *l,
    const facet_image *image, const facet_faces *faces, float *row,
    float *quality, facet_error *err)
{
    const facet_face *face = facet_faces_face(faces, 0);
    const facet_image *crop = facet_faces_crop(faces, 0);
    facet_image *box = NULL;
    facet_quality found;
    facet_status st = FACET_OK;

    if (!crop)
        crop = image; /* it is an aligned crop already */
    if (quality) {
        st = facet_face_quality(face, crop, &found, err);
        *quality = found.value;
    }
    if (st == FACET_OK && run->unaligned)
        st = cut_box(l, image, &face->box, &box, err);
    if (st == FACET_OK && l->embedder)
        st = embed_crop(run, l, box ? box : crop, row, err);
    else if (st == FACET_OK)
        memcpy(row, facet_faces_embedding(faces, 0)->values,
            run->dim * sizeof *row);
    facet_image_free(box);
    return st;
}

facet_status look(const eval_run *run, const looker *l, const uint8_t *bytes,
    size_t size, float *row, float *quality, facet_error *err)
{
    facet_image *image = NULL, *crop = NULL;
    facet_faces *faces = NULL;
    facet_status st = facet_image_read_memory(bytes, size, NULL, &image, err);

    if (st == FACET_OK && run->margin >= 0)
        st = cut_crop(run, l, image, &crop, err);
    if (st == FACET_OK)
        st = change_crop(run, image, &crop, err);
    if (st == FACET_OK)
        st =
            facet_pipeline_faces(l->pipeline, crop ? crop : image, &faces, err);
    if (st == FACET_OK && facet_faces_count(faces) > 0)
        st = take_face(run, l, crop ? crop : image, faces, row, quality, err);
    if (st == FACET_ENOFACE)
        st = FACET_OK;
    facet_faces_free(faces);
    facet_image_free(crop);
    facet_image_free(image);
    return st;
}

/* ---- opening ---- */

bool wants_quality(const eval_run *run)
{
    return run->fusion && strcmp(run->fusion, "best") == 0;
}

/* What the networks are like. */
static facet_status learn_of(eval_run *run, const looker *l, facet_error *err)
{
    const facet_model *model = facet_pipeline_embedder_model(l->pipeline);
    const facet_contract contract = facet_pipeline_contract(l->pipeline);
    facet_embedder *embedder = NULL;
    const facet_status st = facet_embedder_create(model, NULL, &embedder, err);

    facet_contract_text(&contract, run->contract);
    run->precision = facet_model_precision(model);
    if (st == FACET_OK)
        run->dim = facet_embedder_dim(embedder);
    facet_embedder_free(embedder);
    return st;
}

int lookers_open(eval_run *run, looker *lookers, int count)
{
    const bool embeds = run->scales || run->unaligned;
    facet_error err = { FACET_OK, "" };
    facet_status st = FACET_OK;
    int status;

    if (run->margin >= 0)
        run->nets.opts.aligned = true;
    run->nets.opts.crops = wants_quality(run) || embeds;
    status = networks_open(&run->nets, 1, &lookers[0].pipeline);
    if (status != EXIT_YES)
        return status;
    for (int i = 1; i < count && st == FACET_OK; i++)
        st = facet_pipeline_clone(
            lookers[0].pipeline, &lookers[i].pipeline, &err);
    for (int i = 0; i < count && embeds && st == FACET_OK; i++)
        st = facet_embedder_create(
            facet_pipeline_embedder_model(lookers[0].pipeline), NULL,
            &lookers[i].embedder, &err);
    if (st == FACET_OK)
        st = learn_of(run, &lookers[0], &err);
    return eval_fail(st, &err);
}

void lookers_close(looker *lookers, int count)
{
    for (int i = 0; i < count; i++)
        facet_embedder_free(lookers[i].embedder);
    for (int i = count; i-- > 0;)
        facet_pipeline_close(lookers[i].pipeline);
}
