/* SPDX-License-Identifier: Apache-2.0 */
/* loader.h - batches, ready when training asks for them.
 *
 * Threads of its own read, decode, cut and augment pictures into a ring of
 * batches while the network works on the one before. What stands in batch b is
 * a function of (seed, b) alone: not of the number of threads, nor of where the
 * run began.
 *
 * A picture that cannot be read is counted, told once and replaced by another
 * of the same person; past a set share of the data set that becomes an error.
 */
#ifndef FACET__LOADER_H
#define FACET__LOADER_H

#include "train/augment.h"
#include "train/order.h"
#include "train/photos.h"
#include "train/targets.h"

enum { FACET__CROPS = 2 };

/* A thread's own memory. */
typedef struct facet__hand {
    uint8_t *bytes; /* an encoded picture */
    size_t room;
    uint8_t *rgb; /* a crop */
} facet__hand;

/* One place of a batch, to be filled. */
typedef struct facet__place {
    uint64_t batch;
    uint64_t number;            /* of the place in it */
    uint64_t attempt;           /* how many pictures for it were broken */
    uint32_t index;             /* of the picture in the data set */
    uint32_t *reading;          /* set: which picture is to blame now */
    float *crops[FACET__CROPS]; /* each [height][width][3], or planes */
    facet__targets *targets;    /* NULL unless `with_targets` */
    float *wanted;              /* [maker's `wanted`], NULL where that is 0 */
} facet__place;

typedef struct facet__loader_setup facet__loader_setup;

/* How places are filled. A function of the seed, batch, place and attempt
 * alone. */
typedef struct facet__maker {
    facet_status (*make)(void *self, const facet__loader_setup *setup,
        facet__hand *hand, const facet__place *place, facet_error *err);
    void *self;
    bool with_targets;
    size_t wanted; /* numbers that the network should answer, where they are
                    * known as pictures are made; 0: none */
} facet__maker;

struct facet__loader_setup {
    const facet__dataset *dataset; /* borrowed until the loader is freed */
    facet__photos
        *photos; /* finds the faces; NULL: they are aligned. Borrowed */
    facet__order_setup order;
    facet__augment augment;
    double frame; /* see augment.h */
    /* The first crop gets geometry and pixels augmented, the others (for a
     * teacher) the same geometry and clean pixels. */
    facet__crop crops[FACET__CROPS];
    size_t n_crops;
    uint64_t seed;
    uint64_t first; /* batch to begin with */
    /* Only these places of each batch are made; share_count 0: all of them.
     * What stands in a place does not depend on who makes it. */
    size_t share_first, share_count;
    int threads;       /* at least 1 */
    int ring;          /* batches in hand, at least 2 */
    double max_broken; /* share of the data set's pictures, 0 to 1 */
    /* Told of each broken picture once, from any thread, one at a time. May be
     * NULL. */
    void (*on_broken)(void *context, const char *name, const char *why);
    void *on_broken_context;
    facet__maker maker; /* at first: crops of the picture itself */
};

/* Data set unset; shuffled batches of 64, frame 128, one crop of 112x112, one
 * thread, a ring of 4, 1 % broken. */
void facet__loader_setup_init(facet__loader_setup *setup);

typedef struct facet__load {
    uint64_t number; /* of the batch, from 0 over all epochs */
    uint64_t epoch;
    size_t n;
    const int32_t *labels;            /* [n] */
    const uint32_t *indices;          /* [n] in the data set */
    const float *crops[FACET__CROPS]; /* [n][height][width][3], or planes */
    const facet__targets *targets;    /* [n], or NULL */
    const float *wanted;              /* [n][maker's `wanted`], or NULL */
} facet__load;

typedef struct facet__loader facet__loader;

/* Errors: FACET_EINVAL (told), FACET_ENOMEM. */
facet_status facet__loader_create(
    const facet__loader_setup *setup, facet__loader **out, facet_error *err);
/* Stops the threads. */
void facet__loader_free(facet__loader *loader);

/* Batches in an epoch. */
size_t facet__loader_batches(const facet__loader *loader);
/* Broken pictures so far. */
size_t facet__loader_broken(const facet__loader *loader);

/* Wait for the next batch. It stays until the next call. Errors: FACET_EDAMAGED
 * (too many broken pictures; the message names the last), FACET_ENOMEM. */
facet_status facet__loader_next(
    facet__loader *loader, facet__load *load, facet_error *err);

#endif
