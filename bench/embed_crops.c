/* SPDX-License-Identifier: Apache-2.0 */
/* embed_crops.c - embeddings of ArcFace crops with a margin of 8 pixels, out of
 * tar archives: what bench/clusters.sh groups.
 *
 * Usage: embed_crops MODEL OUT.f32 TAR... < KEYS
 * KEYS are lines; OUT receives a row of floats for each, in their order. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facet/facet.h"

enum { MARGIN = 8, THREADS = 2, LINE = 512 };

static struct {
    facet_pictures *pictures;
    char (*keys)[LINE];
    size_t count, dim;
    float *rows;
    atomic_size_t next;
} all;

static void must(facet_status st, const facet_error *err)
{
    if (st == FACET_OK)
        return;
    fprintf(stderr, "embed_crops: %s\n", err->msg);
    exit(1);
}

static void embed(facet_pipeline *pipeline, size_t index)
{
    const facet_align_template *arcface = facet_template_find("arcface-112");
    facet_point points[FACET_LANDMARKS];
    facet_image *picture, *crop;
    facet_faces *faces;
    facet_error err;
    uint8_t *bytes;
    size_t size;

    must(
        facet_pictures_read(all.pictures, all.keys[index], &bytes, &size, &err),
        &err);
    must(facet_image_read_memory(bytes, size, NULL, &picture, &err), &err);
    for (int i = 0; i < FACET_LANDMARKS; i++) {
        points[i].x = arcface->points[i].x + MARGIN;
        points[i].y = arcface->points[i].y + MARGIN;
    }
    must(facet_align(picture, points, &facet_pipeline_settings(pipeline)->align,
             &crop, &err),
        &err);
    must(facet_pipeline_faces(pipeline, crop, &faces, &err), &err);
    memcpy(all.rows + index * all.dim, facet_faces_embedding(faces, 0)->values,
        all.dim * sizeof(float));
    facet_faces_free(faces);
    facet_image_free(crop);
    facet_image_free(picture);
    facet_pictures_free_bytes(bytes);
}

static void *work(void *pipeline)
{
    size_t index;

    while ((index = atomic_fetch_add(&all.next, 1)) < all.count)
        embed(pipeline, index);
    return NULL;
}

static void read_keys(void)
{
    char line[LINE];

    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (all.count % 1024 == 0)
            all.keys = realloc(all.keys, (all.count + 1024) * sizeof *all.keys);
        if (!all.keys)
            exit(1);
        memcpy(all.keys[all.count++], line, sizeof line);
    }
}

int main(int argc, char **argv)
{
    facet_pipeline *pipelines[THREADS];
    facet_pipeline_opts opts;
    facet_embedder *embedder;
    pthread_t threads[THREADS];
    facet_error err;
    FILE *out;

    if (argc < 4)
        return 2;
    read_keys();
    must(facet_pictures_open((const char *const *)argv + 3, (size_t)argc - 3,
             &all.pictures, &err),
        &err);
    facet_pipeline_opts_init(&opts);
    opts.embedder = argv[1];
    opts.aligned = true;
    must(facet_pipeline_open(&opts, &pipelines[0], &err), &err);
    for (int i = 1; i < THREADS; i++)
        must(facet_pipeline_clone(pipelines[0], &pipelines[i], &err), &err);
    must(facet_embedder_create(facet_pipeline_embedder_model(pipelines[0]),
             NULL, &embedder, &err),
        &err);
    all.dim = facet_embedder_dim(embedder);
    all.rows = calloc(all.count, all.dim * sizeof *all.rows);
    if (!all.rows)
        return 1;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, pipelines[i]))
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    out = fopen(argv[2], "wb");
    if (!out ||
        fwrite(all.rows, all.dim * sizeof *all.rows, all.count, out) !=
            all.count ||
        fclose(out))
        return 1;
    printf("%zu rows of %zu\n", all.count, all.dim);
    return 0;
}
