/* SPDX-License-Identifier: Apache-2.0 */
/* aligned_crops.c - ArcFace crops with a margin of 8 pixels, out of tar
 * archives, as files that a network takes with --aligned: for
 * bench/identify.sh.
 *
 * Usage: aligned_crops MODEL TAR... < LIST
 * A line of LIST is a key, a tab, and the file to write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facet/facet.h"

enum { MARGIN = 8, LINE = 1024 };

static void must(facet_status st, const facet_error *err)
{
    if (st == FACET_OK)
        return;
    fprintf(stderr, "aligned_crops: %s\n", err->msg);
    exit(1);
}

static void write_crop(const facet_pictures *pictures,
    const facet_align_template *to, const char *key, const char *file)
{
    const facet_align_template *arcface = facet_template_find("arcface-112");
    facet_point points[FACET_LANDMARKS];
    facet_image *picture, *crop;
    facet_error err;
    uint8_t *bytes;
    size_t size;

    must(facet_pictures_read(pictures, key, &bytes, &size, &err), &err);
    must(facet_image_read_memory(bytes, size, NULL, &picture, &err), &err);
    for (int i = 0; i < FACET_LANDMARKS; i++) {
        points[i].x = arcface->points[i].x + MARGIN;
        points[i].y = arcface->points[i].y + MARGIN;
    }
    must(facet_align(picture, points, to, &crop, &err), &err);
    must(facet_image_write(crop, file, 90, &err), &err);
    facet_image_free(crop);
    facet_image_free(picture);
    facet_pictures_free_bytes(bytes);
}

int main(int argc, char **argv)
{
    facet_pictures *pictures;
    facet_pipeline *pipeline;
    facet_pipeline_opts opts;
    facet_error err;
    char line[LINE];

    if (argc < 3)
        return 2;
    must(facet_pictures_open(
             (const char *const *)argv + 2, (size_t)argc - 2, &pictures, &err),
        &err);
    facet_pipeline_opts_init(&opts);
    opts.embedder = argv[1];
    opts.aligned = true;
    must(facet_pipeline_open(&opts, &pipeline, &err), &err);
    while (fgets(line, sizeof line, stdin)) {
        char *file = strchr(line, '\t');

        if (!file)
            return 2;
        *file++ = '\0';
        file[strcspn(file, "\n")] = '\0';
        write_crop(
            pictures, &facet_pipeline_settings(pipeline)->align, line, file);
    }
    return 0;
}
