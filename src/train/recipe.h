/* SPDX-License-Identifier: Apache-2.0 */
/* recipe.h - one small YAML (or JSON) file that says what a paper's section on
 * training says: network, data, sampler, augmentation, loss, optimizer,
 * schedule, validation. docs/recipes.md lists the keys.
 *
 * Everything is checked before anything runs: an unknown key, a number out of
 * range, a word that is not among the choices is an error that names file, line
 * and key, and says what is allowed. */
#ifndef FACET__RECIPE_H
#define FACET__RECIPE_H

#include "train/run.h"
#include "train/scene.h"

enum { FACET__RECIPE_STRINGS = 128 };

typedef struct facet__recipe_loss {
    const facet__loss_type *type;
    double weight;
    double options[FACET__LOSS_OPTIONS];
} facet__recipe_loss;

typedef struct facet__recipe {
    const char *name;
    /* Network. */
    const char *network; /* one of the zoo's */
    const char *init;    /* file of a network to start from; or NULL */
    int dim, width, height;
    bool bf16;
    bool batch_norm; /* of a network published without it */
    int chunk;       /* pictures at a time (chunked.h); 0: a batch */
    bool recompute;  /* activations anew in the backward pass */
    int train_last;  /* so many weights, from the last on, learn; 0: all */
    double mean[3], scale[3]; /* of R, G, B: value = (pixel - mean) * scale */
    bool bgr;
    const char *detector; /* file: the pictures are whole photos; or NULL */
    /* What a run needs; `dataset`, `net` and losses are the caller's to fill.
     */
    facet__dataset_setup dataset;
    /* A detector is trained where there is a list of marked faces; else NULL.
     * The data set and the list of `scene` are the caller's to fill. */
    const char *faces;
    facet__scene_setup scene;
    /* A landmark network is trained where there is a list of 68 points; else
     * NULL. */
    const char *landmarks;
    double cache; /* MiB of decoded pictures */
    facet__run_setup run;
    facet__recipe_loss losses[FACET__RUN_LOSSES];
    size_t n_losses;
    const char *teacher; /* file of a network; or NULL */
    const char *teacher_embeddings, *teacher_names; /* files; or NULL */
    int teacher_template; /* 0: as the network's own crop; 1: reid0095's */
    double teacher_mean[3], teacher_scale[3];
    bool teacher_bgr;
    double teacher_person; /* how far answers move to their person's middle */
    /* Validation. */
    facet__dataset_setup validation;
    const char *pairs;                /* file of pairs; or NULL */
    const char *validation_detector;  /* as `detector` */
    const char *validation_faces;     /* list of marked faces; or NULL */
    const char *validation_landmarks; /* list of 68 points; or NULL */
    int threads;                      /* of the network; 0: one a processor */
    char hash[65];                    /* SHA-256 of the file, hexadecimal */
    char *strings[FACET__RECIPE_STRINGS]; /* all text above */
    size_t n_strings;
} facet__recipe;

/* Paths in a recipe are relative to its folder, and made so that they hold from
 * the present one. Errors: those of facet__file_read; FACET_EDAMAGED (not
 * YAML), FACET_EINVAL (a key or value; told), FACET_ENOMEM. */
facet_status facet__recipe_read(
    const char *path, facet__recipe **out, facet_error *err);
void facet__recipe_free(facet__recipe *recipe);

/* The same from text, for tests and fuzzing; `path` is for messages and for
 * relative paths. */
facet_status facet__recipe_parse(const char *path, const char *text,
    size_t size, facet__recipe **out, facet_error *err);

#endif
