/* SPDX-License-Identifier: Apache-2.0 */
#include "frontal.h"

#include <stdlib.h>
#include <string.h>

#include "exits.h"
#include "networks.h"

static facet_status open_all(
    frontals *f, const char *path, facet_precision precision, facet_error *err)
{
    facet_model_opts opts;
    facet_status st;

    facet_model_opts_init(&opts);
    /* Rounded to bf16, points would tremble by a pixel. */
    opts.precision =
        precision == FACET_PRECISION_AUTO ? FACET_PRECISION_FP32 : precision;
    st = facet_model_load(path, &opts, &f->model, err);
    for (int t = 0; t < f->threads && st == FACET_OK; t++)
        st = facet_landmarker_create(f->model, NULL, &f->landmarkers[t], err);
    if (st == FACET_OK)
        st = facet_head_create(&f->head, err);
    if (st == FACET_OK)
        st = facet_frontal_create(f->head, NULL, &f->frontal, err);
    return st;
}

int frontals_open(
    frontals *f, const char *landmarks, facet_precision precision, int threads)
{
    char *path = network_find(NETWORK_LANDMARKS, landmarks);
    facet_error err = { FACET_OK, "" };
    facet_status st;

    memset(f, 0, sizeof *f);
    if (!path)
        return EXIT_BAD_MODEL;
    f->threads = threads;
    f->landmarkers = calloc((size_t)threads, sizeof(facet_landmarker *));
    st = f->landmarkers ? open_all(f, path, precision, &err) : FACET_ENOMEM;
    if (st != FACET_OK)
        complain_of(path, *err.msg ? err.msg : facet_status_str(st));
    free(path);
    return (int)exit_for_model(st);
}

void frontals_close(frontals *f)
{
    for (int t = 0; f->landmarkers && t < f->threads; t++)
        facet_landmarker_free(f->landmarkers[t]);
    free(f->landmarkers);
    facet_frontal_free(f->frontal);
    facet_head_free(f->head);
    facet_model_free(f->model);
}

facet_status frontals_crop(const frontals *f, int thread,
    const facet_image *image, const facet_face *face, facet_image **crop,
    frontal_told *told, facet_error *err)
{
    facet_status st = facet_landmarker_find(
        f->landmarkers[thread], image, face, told->points, err);

    if (st == FACET_OK)
        st = facet_frontal_warp(
            f->frontal, image, told->points, crop, &told->result, err);
    return st;
}
