/* SPDX-License-Identifier: Apache-2.0 */
/* found.h - photos to faces with embedding, quality and crop, for the verbs
 * that know or group people. Photos run in parallel, results come in their
 * order, to the caller's thread. */
#ifndef FACET_CLI_FOUND_H
#define FACET_CLI_FOUND_H

#include <argp.h>
#include <stdbool.h>

#include "exits.h"
#include "facet/pipeline.h"
#include "facet/quality.h"
#include "inputs.h"
#include "networks.h"
#include "progress.h"

/* The template of crops that are kept: the whole head, so that a network of
 * another template can be fed from them later, and people recognize them. */
#define CROP_TEMPLATE "loose-160"

typedef struct found_face {
    facet_face face;
    facet_quality quality;
    const float *embedding; /* [dim] */
    const void *crop;       /* JPEG, upright, of CROP_TEMPLATE */
    size_t crop_size;
} found_face;

/* All is borrowed for the time of the call. */
typedef struct found_photo {
    const char *path;
    facet_status status; /* then `message`, else the rest */
    const char *message;
    int width, height;
    size_t count;
    const found_face *faces; /* [count], best score first */
} found_photo;

/* False stops the work. */
typedef bool found_take(void *context, const found_photo *photo);

/* Begin with finder_init; the options fill in the first part. */
typedef struct finder {
    networks nets;
    const char *list; /* of photos; NULL for none */
    char separator;
    int threads;
    bool quiet;
    facet_image_opts limits;

    facet_pipeline **pipelines; /* [threads], once open */
    facet_contract contract;
    size_t dim;
} finder;

/* Options --files-from --null --threads --quiet and those of faces_argp and
 * limits_argp; its input is a finder. */
extern const struct argp finder_argp;

void finder_init(finder *f);
/* Load the networks; complains on failure. The exit status. */
int finder_open(finder *f);
void finder_close(finder *f);

/* Look at all photos of `in`. EXIT_INTERRUPTED, EXIT_NO_MEMORY or EXIT_YES;
 * what became of single photos is the taker's to note. */
exit_number finder_run(finder *f, inputs *in, found_take *take, void *context);

/* The photos of words and of the finder's list; NULL, having complained. */
inputs *finder_inputs(const finder *f, char *const *words, int count);

#endif
