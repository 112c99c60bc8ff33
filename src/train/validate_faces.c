/* SPDX-License-Identifier: Apache-2.0 */
#include "train/validate_faces.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "facet/detection.h"
#include "facet/pictures.h"

enum { FACES = 2048 };

struct facet__face_validation {
    facet_labels *labels;
    facet_pictures *pictures;
    char *path;        /* of the network's file */
    facet_face *faces; /* [FACES] found in one picture */
};

/* The picture of the list; errors name it. */
static facet_status read_picture(const facet__face_validation *v, size_t index,
    facet_image **image, facet_error *err)
{
    const char *name = facet_labels_name(v->labels, index);
    uint8_t *bytes = NULL;
    size_t size;
    facet_status st =
        facet_pictures_read(v->pictures, name, &bytes, &size, err);

    *image = NULL;
    if (st == FACET_OK)
        st = facet_image_read_memory(bytes, size, NULL, image, err);
    facet_pictures_free_bytes(bytes);
    return st == FACET_OK ? st : facet__fail_in(err, st, name);
}

/* Every picture of the list can be read, and some face counts: told before the
 * first step, not after hours. */
static facet_status check_list(
    const facet__face_validation *v, const char *list, facet_error *err)
{
    facet_detection_opts opts;
    facet_status st = FACET_OK;
    size_t counting = 0;

    facet_detection_opts_init(&opts);
    for (size_t i = 0; i < facet_labels_count(v->labels) && st == FACET_OK;
         i++) {
        size_t n;
        facet_image *image;
        const facet_label *faces = facet_labels_faces(v->labels, i, &n);

        st = read_picture(v, i, &image, err);
        facet_image_free(image);
        for (size_t k = 0; k < n; k++)
            counting += !faces[k].invalid && faces[k].box.height >= opts.hard;
    }
    if (st == FACET_OK && counting == 0)
        st = facet__fail(err, FACET_EEMPTY,
            "%s: no face of %g pixels or more to judge by", list,
            (double)opts.hard);
    return st;
}

facet_status facet__face_validation_open(
    const facet__face_validation_setup *setup, facet__face_validation **out,
    facet_error *err)
{
    facet__face_validation *v = facet__calloc(1, sizeof *v);
    const size_t room = strlen(setup->folder) + sizeof "/candidate.onnx";
    facet_status st = v ? FACET_OK : facet__fail_memory(err);

    *out = NULL;
    if (st == FACET_OK) {
        v->path = facet__alloc(room);
        v->faces = facet__calloc(FACES, sizeof *v->faces);
        if (!v->path || !v->faces)
            st = facet__fail_memory(err);
        else
            snprintf(v->path, room, "%s/candidate.onnx", setup->folder);
    }
    if (st == FACET_OK)
        st = facet_labels_read(setup->faces, &v->labels, err);
    if (st == FACET_OK)
        st = facet_pictures_open(
            setup->paths, setup->n_paths, &v->pictures, err);
    if (st == FACET_OK)
        st = check_list(v, setup->faces, err);
    if (st == FACET_OK)
        *out = v;
    else
        facet__face_validation_close(v);
    return st;
}

void facet__face_validation_close(facet__face_validation *v)
{
    if (!v)
        return;
    facet_labels_free(v->labels);
    facet_pictures_close(v->pictures);
    facet__free(v->path);
    facet__free(v->faces);
    facet__free(v);
}

static facet_status judge_picture(facet__face_validation *v, size_t index,
    facet_detector *detector, facet_detection *detection, facet_error *err)
{
    const facet_label *labels;
    facet_image *image;
    size_t found, n;
    facet_status st = read_picture(v, index, &image, err);

    if (st == FACET_OK)
        st = facet_detector_find(detector, image, v->faces, FACES, &found, err);
    if (st == FACET_OK) {
        labels = facet_labels_faces(v->labels, index, &n);
        if (facet_detection_add(detection, labels, n, v->faces,
                found < FACES ? found : FACES) != FACET_OK)
            st = facet__fail_memory(err);
    }
    facet_image_free(image);
    return st;
}

static facet_status judge_all(facet__face_validation *v,
    const facet_model *model, double *score, facet_error *err)
{
    facet_detector_opts opts;
    facet_detector *detector = NULL;
    facet_detection *detection = NULL;
    facet_detection_result result;
    facet_status st;

    facet_detector_opts_init(&opts);
    opts.score_threshold = 0.02F;
    st = facet_detector_create(model, &opts, &detector, err);
    if (st == FACET_OK)
        st = facet_detection_create(NULL, &detection, err);
    for (size_t i = 0; i < facet_labels_count(v->labels) && st == FACET_OK; i++)
        st = judge_picture(v, i, detector, detection, err);
    if (st == FACET_OK)
        st = facet_detection_finish(detection, &result);
    if (st == FACET_OK)
        *score = result.ap_hard;
    facet_detection_free(detection);
    facet_detector_free(detector);
    return st;
}

facet_status facet__face_validation_run(facet__face_validation *v,
    const facet__trainable *net, double *score, facet_error *err)
{
    facet_model *model = NULL;
    facet_status st = net->save(net->self, v->path, err);

    if (st == FACET_OK)
        st = facet_model_load(v->path, NULL, &model, err);
    if (st == FACET_OK)
        st = judge_all(v, model, score, err);
    facet_model_free(model);
    unlink(v->path);
    return st;
}
