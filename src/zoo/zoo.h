/* SPDX-License-Identifier: Apache-2.0 */
/* zoo.h - the published networks and small ones of our own, each a short
 * function over nn/build.h that reads like the paper's table. To add one: its
 * file, its row in zoo.c, its published counts in zoo_test.c. */
#ifndef FACET__ZOO_H
#define FACET__ZOO_H

#include "nn/build.h"

/* Builds from the input to the outputs; failures stay in the builder. */
typedef void facet__network(facet__builder *b);

typedef struct facet__zoo_row {
    const char *name; /* as in recipes and on the command line */
    const char *what; /* one line for people */
    facet__network *build;
} facet__zoo_row;

/* All of them, in the order of their names. */
const facet__zoo_row *facet__zoo_rows(size_t *count);

typedef struct facet__zoo_opts {
    uint64_t seed;
    int64_t dim;     /* numbers of embedding; 0: as published */
    bool batch_norm; /* behind the convolutions of a network without it */
    bool blank;      /* leave filters undefined: for counting alone */
} facet__zoo_opts;

/* The network of that name with fresh weights. FACET_ENOTFOUND. */
facet_status facet__zoo_build_as(const char *name, const facet__zoo_opts *opts,
    facet__graph **out, facet_error *err);
/* The same with nothing but a seed and a size. */
facet_status facet__zoo_build(const char *name, uint64_t seed, int64_t dim,
    facet__graph **out, facet_error *err);

facet__network facet__deepface, facet__facenet_nn1, facet__facenet_nn2,
    facet__facenet_nn3, facet__facenet_nn4, facet__facenet_nns1,
    facet__facenet_nns2, facet__iresnet18, facet__iresnet34, facet__iresnet50,
    facet__landmarks68, facet__mobilefacenet, facet__mobilefacenet_tiny,
    facet__tpe_base, facet__vgg_face_a, facet__vgg_face_b, facet__vgg_face_d,
    facet__yunet;

#endif
