/* SPDX-License-Identifier: Apache-2.0 */
/* loader.c - see loader.h.
 *
 * The ring's slots are opened in the order of the batches, each when the reader
 * has given back the one that stood there. Threads take single pictures, always
 * of the oldest batch that has any left, so the batch the reader waits for is
 * done first. One mutex guards all that is not pixels; a picture takes about a
 * millisecond, so it is not felt. */
#include "train/loader.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

enum { ATTEMPTS = 16 };

typedef struct slot {
    uint64_t number;
    uint32_t *indices;
    int32_t *labels;
    float *crops[FACET__CROPS];
    facet__targets *targets; /* or NULL */
    float *wanted;           /* or NULL */
    size_t taken, done;      /* pictures */
} slot;

struct facet__loader {
    facet__loader_setup setup;
    facet__order *order;
    size_t batch, batches;
    size_t share;     /* places of a batch that are made here */
    slot *ring;       /* [setup.ring]; batch b stands in b % ring */
    uint64_t opened;  /* first batch that is not in the ring yet */
    uint64_t working; /* oldest batch with pictures to take */
    uint64_t reading; /* the batch the reader will get next */
    uint64_t held;    /* oldest batch whose slot is not given back */
    uint64_t epoch;   /* of `drawn` */
    const uint32_t *drawn;
    uint8_t *broken; /* [count of the data set] */
    size_t n_broken;
    facet_status status; /* what has stopped the threads */
    facet_error error;
    bool stop;
    pthread_mutex_t mutex;
    pthread_cond_t work, ready;
    pthread_t *threads;
    int started;
};

typedef struct worker {
    facet__loader *loader;
    facet__hand memory;
} worker;

static facet_status make_crops(void *self, const facet__loader_setup *setup,
    facet__hand *hand, const facet__place *place, facet_error *err);

void facet__loader_setup_init(facet__loader_setup *setup)
{
    *setup = (facet__loader_setup){
        .order = { FACET__ORDER_SHUFFLE, 64, 16, 4, 0 },
        .frame = 128,
        .n_crops = 1,
        .threads = 1,
        .ring = 4,
        .max_broken = .01,
        .maker = { .make = make_crops },
    };
    facet__augment_init(&setup->augment);
    facet__crop_init(&setup->crops[0], 112, 112, 128);
}

static size_t crop_floats(const facet__crop *crop)
{
    return (size_t)crop->width * (size_t)crop->height * 3;
}

/* Open the slot of the next batch. The mutex is held. */
static void open_slot(facet__loader *l)
{
    const uint64_t epoch = l->opened / l->batches;
    slot *s = &l->ring[l->opened % (uint64_t)l->setup.ring];

    if (!l->drawn || epoch != l->epoch) {
        l->drawn = facet__order_epoch(l->order, epoch);
        l->epoch = epoch;
    }
    memcpy(s->indices,
        l->drawn + l->opened % l->batches * l->batch + l->setup.share_first,
        l->share * sizeof *s->indices);
    s->number = l->opened++;
    s->taken = s->done = 0;
}

/* Decode one picture and put its crops into the place. */
static facet_status make_crops(void *self, const facet__loader_setup *setup,
    facet__hand *hand, const facet__place *place, facet_error *err)
{
    facet__random random =
        facet__random_stream(setup->seed, place->batch, place->number);
    const facet__jitter jitter =
        facet__jitter_draw(&setup->augment, &random, setup->frame);
    facet_image *image = NULL;
    size_t size;
    facet_status st = facet__dataset_read(
        setup->dataset, place->index, &hand->bytes, &hand->room, &size, err);

    (void)self;
    if (st == FACET_OK)
        st = facet__photos_read(
            setup->photos, place->index, hand->bytes, size, &image, err);
    for (size_t c = 0; c < setup->n_crops && st == FACET_OK; c++) {
        const facet__crop *crop = &setup->crops[c];

        st = facet__crop_cut(crop, &jitter, setup->frame, image, hand->rgb);
        if (st == FACET_OK && c == 0)
            st = facet__augment_pixels(
                &setup->augment, &random, hand->rgb, crop->width, crop->height);
        if (st == FACET_OK)
            facet__crop_floats(crop, hand->rgb, place->crops[c]);
    }
    facet_image_free(image);
    return st;
}

/* `index` becomes the picture that is to blame if this fails. */
static facet_status make_place(worker *h, slot *s, size_t number,
    uint64_t attempt, uint32_t *index, facet_error *err)
{
    const facet__loader_setup *setup = &h->loader->setup;
    facet__place place = { .batch = s->number,
        .number = setup->share_first + number,
        .attempt = attempt,
        .index = *index,
        .reading = index,
        .targets = s->targets ? &s->targets[number] : NULL,
        .wanted = s->wanted ? s->wanted + number * setup->maker.wanted : NULL };

    for (size_t c = 0; c < setup->n_crops; c++)
        place.crops[c] = s->crops[c] + number * crop_floats(&setup->crops[c]);
    return setup->maker.make(setup->maker.self, setup, &h->memory, &place, err);
}

/* Note a broken picture; false when there are too many. The mutex is held. */
static bool note_broken(
    facet__loader *l, uint32_t index, const facet_error *why)
{
    const char *name = facet__dataset_name(l->setup.dataset, index);
    const double count = (double)facet__dataset_count(l->setup.dataset);

    if (!l->broken[index]) {
        l->broken[index] = 1;
        l->n_broken++;
        if (l->setup.on_broken)
            l->setup.on_broken(l->setup.on_broken_context, name, why->msg);
    }
    if ((double)l->n_broken <= l->setup.max_broken * count)
        return true;
    l->status = facet__fail(&l->error, FACET_EDAMAGED,
        "%zu pictures cannot be read, more than %g %% of the data; the last is "
        "%s: %.100s",
        l->n_broken, 100 * l->setup.max_broken, name, why->msg);
    return false;
}

/* Make the picture of one place, or another in its stead. */
static facet_status fill_place(worker *h, slot *s, size_t place)
{
    facet__loader *l = h->loader;
    const uint32_t wanted = s->indices[place];
    uint32_t index = wanted;
    facet_status st = FACET_OK;

    for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        facet_error err = { FACET_OK, "" };
        uint32_t blamed = index;
        bool go_on;

        st = make_place(h, s, place, attempt, &blamed, &err);
        if (st == FACET_OK || st == FACET_ENOMEM)
            break;
        pthread_mutex_lock(&l->mutex);
        go_on = note_broken(l, blamed, &err);
        pthread_mutex_unlock(&l->mutex);
        if (!go_on)
            return FACET_EDAMAGED;
        index = facet__order_instead(l->order, wanted,
            s->number * l->batch + l->setup.share_first + place, attempt);
    }
    s->indices[place] = index;
    s->labels[place] = facet__dataset_example(l->setup.dataset, index)->label;
    return st;
}

/* Wait for a picture to make; false when the loader closes. The mutex is held.
 */
static bool take(facet__loader *l, slot **s, size_t *place)
{
    for (;;) {
        if (l->stop || l->status != FACET_OK)
            return false;
        if (l->working == l->opened &&
            l->opened < l->held + (uint64_t)l->setup.ring)
            open_slot(l);
        if (l->working < l->opened)
            break;
        pthread_cond_wait(&l->work, &l->mutex);
    }
    *s = &l->ring[l->working % (uint64_t)l->setup.ring];
    *place = (*s)->taken++;
    if ((*s)->taken == l->share)
        l->working++;
    return true;
}

static void *run(void *argument)
{
    worker *h = argument;
    facet__loader *l = h->loader;
    slot *s;
    size_t place;

    pthread_mutex_lock(&l->mutex);
    while (take(l, &s, &place)) {
        facet_status st;

        pthread_mutex_unlock(&l->mutex);
        st = fill_place(h, s, place);
        pthread_mutex_lock(&l->mutex);
        if (st != FACET_OK && l->status == FACET_OK)
            l->status =
                st == FACET_ENOMEM
                    ? facet__fail_memory(&l->error)
                    : facet__fail(&l->error, st,
                          "%d pictures in a row cannot be read", ATTEMPTS);
        if (++s->done == l->share || l->status != FACET_OK)
            pthread_cond_broadcast(&l->ready);
    }
    pthread_mutex_unlock(&l->mutex);
    facet__free(h->memory.bytes);
    facet__free(h->memory.rgb);
    facet__free(h);
    return NULL;
}

static facet_status make_slot(const facet__loader *l, slot *s)
{
    s->indices = facet__calloc(l->share, sizeof *s->indices);
    s->labels = facet__calloc(l->share, sizeof *s->labels);
    if (!s->indices || !s->labels)
        return FACET_ENOMEM;
    for (size_t c = 0; c < l->setup.n_crops; c++) {
        s->crops[c] = facet__calloc(
            l->share, crop_floats(&l->setup.crops[c]) * sizeof(float));
        if (!s->crops[c])
            return FACET_ENOMEM;
    }
    if (l->setup.maker.with_targets)
        s->targets = facet__calloc(l->share, sizeof *s->targets);
    if (l->setup.maker.wanted)
        s->wanted =
            facet__calloc(l->share, l->setup.maker.wanted * sizeof *s->wanted);
    return (l->setup.maker.with_targets && !s->targets) ||
                   (l->setup.maker.wanted && !s->wanted)
               ? FACET_ENOMEM
               : FACET_OK;
}

static facet_status start_thread(facet__loader *l)
{
    worker *h = facet__calloc(1, sizeof *h);
    size_t largest = 0;

    if (!h)
        return FACET_ENOMEM;
    for (size_t c = 0; c < l->setup.n_crops; c++)
        if (crop_floats(&l->setup.crops[c]) > largest)
            largest = crop_floats(&l->setup.crops[c]);
    h->loader = l;
    h->memory.rgb = facet__alloc(largest);
    if (!h->memory.rgb ||
        pthread_create(&l->threads[l->started], NULL, run, h)) {
        facet__free(h->memory.rgb);
        facet__free(h);
        return FACET_ENOMEM;
    }
    l->started++;
    return FACET_OK;
}

static facet_status check(const facet__loader_setup *setup, facet_error *err)
{
    if (setup->threads < 1 || setup->ring < 2 || setup->n_crops < 1 ||
        setup->n_crops > FACET__CROPS)
        return facet__fail(err, FACET_EINVAL,
            "a loader needs a thread, a ring of two and one or two crops");
    if (setup->share_first + setup->share_count > setup->order.batch)
        return facet__fail(err, FACET_EINVAL,
            "a share of places %zu to %zu in a batch of %u", setup->share_first,
            setup->share_first + setup->share_count, setup->order.batch);
    for (size_t c = 0; c < setup->n_crops; c++)
        if (setup->crops[c].width < 1 || setup->crops[c].height < 1 ||
            setup->crops[c].width > 4096 || setup->crops[c].height > 4096)
            return facet__fail(err, FACET_EINVAL,
                "a crop of %d x %d pixels is not within 1 to 4096",
                (int)setup->crops[c].width, (int)setup->crops[c].height);
    return FACET_OK;
}

facet_status facet__loader_create(
    const facet__loader_setup *setup, facet__loader **out, facet_error *err)
{
    facet__loader *l;
    facet_status st = check(setup, err);

    *out = NULL;
    if (st != FACET_OK)
        return st;
    l = facet__calloc(1, sizeof *l);
    if (!l)
        return facet__fail_memory(err);
    l->setup = *setup;
    l->setup.order.seed = setup->seed;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->ready, NULL);
    st = facet__order_create(&l->setup.order, setup->dataset, &l->order, err);
    if (st != FACET_OK)
        goto done;
    l->batch = setup->order.batch;
    l->share = setup->share_count ? setup->share_count : l->batch;
    l->batches = facet__order_batches(l->order);
    l->opened = l->working = l->reading = l->held = setup->first;
    l->broken = facet__calloc(facet__dataset_count(setup->dataset), 1);
    l->ring = facet__calloc((size_t)setup->ring, sizeof *l->ring);
    l->threads = facet__calloc((size_t)setup->threads, sizeof *l->threads);
    if (!l->broken || !l->ring || !l->threads)
        st = FACET_ENOMEM;
    for (int i = 0; i < setup->ring && st == FACET_OK; i++)
        st = make_slot(l, &l->ring[i]);
    for (int i = 0; i < setup->threads && st == FACET_OK; i++)
        st = start_thread(l);
    if (st != FACET_OK)
        facet__fail_memory(err);
done:
    if (st != FACET_OK)
        facet__loader_free(l);
    else
        *out = l;
    return st;
}

void facet__loader_free(facet__loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->mutex);
    l->stop = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
    for (int i = 0; i < l->started; i++)
        pthread_join(l->threads[i], NULL);
    for (int i = 0; l->ring && i < l->setup.ring; i++) {
        facet__free(l->ring[i].indices);
        facet__free(l->ring[i].labels);
        facet__free(l->ring[i].targets);
        facet__free(l->ring[i].wanted);
        for (size_t c = 0; c < FACET__CROPS; c++)
            facet__free(l->ring[i].crops[c]);
    }
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->ready);
    pthread_mutex_destroy(&l->mutex);
    facet__order_free(l->order);
    facet__free(l->ring);
    facet__free(l->broken);
    facet__free(l->threads);
    facet__free(l);
}

size_t facet__loader_batches(const facet__loader *l)
{
    return l->batches;
}

size_t facet__loader_broken(const facet__loader *l)
{
    pthread_mutex_t *mutex = (pthread_mutex_t *)(uintptr_t)&l->mutex;
    size_t n;

    pthread_mutex_lock(mutex);
    n = l->n_broken;
    pthread_mutex_unlock(mutex);
    return n;
}

facet_status facet__loader_next(
    facet__loader *l, facet__load *load, facet_error *err)
{
    slot *s;
    facet_status st;

    pthread_mutex_lock(&l->mutex);
    l->held = l->reading; /* the batch before is given back */
    s = &l->ring[l->reading % (uint64_t)l->setup.ring];
    pthread_cond_broadcast(&l->work);
    while (l->status == FACET_OK &&
           !(l->opened > l->reading && s->done == l->share))
        pthread_cond_wait(&l->ready, &l->mutex);
    st = l->status;
    if (st != FACET_OK && err)
        *err = l->error;
    if (st == FACET_OK)
        l->reading++;
    pthread_mutex_unlock(&l->mutex);
    if (st != FACET_OK)
        return st;
    *load = (facet__load){ .number = s->number,
        .epoch = s->number / l->batches,
        .n = l->share,
        .labels = s->labels,
        .indices = s->indices,
        .targets = s->targets,
        .wanted = s->wanted };
    for (size_t c = 0; c < FACET__CROPS; c++)
        load->crops[c] = s->crops[c];
    return FACET_OK;
}
