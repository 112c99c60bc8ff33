/* SPDX-License-Identifier: Apache-2.0 */
#include "train/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"

const char *const facet__order_names[] = { "shuffle", "balanced",
    "people-by-images", NULL };

struct facet__order {
    facet__order_setup setup;
    const facet__dataset *dataset;
    size_t count, classes, batches;
    uint32_t *members; /* labelled pictures, person by person */
    size_t labelled;
    uint32_t *first;  /* [classes + 1] where each person begins in members */
    uint32_t *cursor; /* [classes] pictures of each person drawn so far */
    uint32_t *people; /* [classes] in the order they are drawn */
    uint32_t *deck;   /* [labelled] members, shuffled person by person */
    uint32_t *epoch;  /* [batches * batch] */
};

static facet_status check(
    const facet__order_setup *s, size_t count, size_t classes, facet_error *err)
{
    const bool needs_people = s->kind != FACET__ORDER_SHUFFLE;

    if (s->batch < 1)
        return facet__fail(err, FACET_EINVAL, "a batch of no picture");
    if (!needs_people && s->batch > count)
        return facet__fail(err, FACET_EINVAL,
            "a batch of %u pictures out of %zu: lower batch", s->batch, count);
    if (needs_people && classes < 1)
        return facet__fail(
            err, FACET_EINVAL, "the sampler needs labels, the data have none");
    if (s->kind != FACET__ORDER_PK)
        return FACET_OK;
    if (s->people < 1 || s->images < 1 ||
        (uint64_t)s->people * s->images > s->batch)
        return facet__fail(err, FACET_EINVAL,
            "%u people by %u images do not fit a batch of %u", s->people,
            s->images, s->batch);
    if (s->people > classes)
        return facet__fail(err, FACET_EINVAL,
            "%u people a batch out of %zu: lower people", s->people, classes);
    return FACET_OK;
}

/* Gather the labelled pictures person by person (a counting sort). */
static void group(facet__order *o)
{
    memset(o->first, 0, (o->classes + 1) * sizeof *o->first);
    for (uint32_t i = 0; i < o->count; i++) {
        const int32_t label = facet__dataset_example(o->dataset, i)->label;

        if (label >= 0)
            o->first[label + 1]++;
    }
    for (size_t c = 0; c < o->classes; c++)
        o->first[c + 1] += o->first[c];
    memset(o->cursor, 0, o->classes * sizeof *o->cursor);
    for (uint32_t i = 0; i < o->count; i++) {
        const int32_t label = facet__dataset_example(o->dataset, i)->label;

        if (label >= 0)
            o->members[o->first[label] + o->cursor[label]++] = i;
    }
    o->labelled = o->first[o->classes];
}

facet_status facet__order_create(const facet__order_setup *setup,
    const facet__dataset *dataset, facet__order **out, facet_error *err)
{
    const size_t count = facet__dataset_count(dataset);
    const size_t classes = facet__dataset_classes(dataset);
    facet__order *o = NULL;
    facet_status st = check(setup, count, classes, err);

    *out = NULL;
    if (st != FACET_OK)
        return st;
    o = facet__calloc(1, sizeof *o);
    if (!o)
        return facet__fail_memory(err);
    o->setup = *setup;
    o->dataset = dataset;
    o->count = count;
    o->classes = classes;
    o->batches = count / setup->batch ? count / setup->batch : 1;
    o->members = facet__calloc(count, sizeof *o->members);
    o->deck = facet__calloc(count, sizeof *o->deck);
    o->first = facet__calloc(classes + 1, sizeof *o->first);
    o->cursor = facet__calloc(classes, sizeof *o->cursor);
    o->people = facet__calloc(classes, sizeof *o->people);
    o->epoch = facet__calloc(o->batches * setup->batch, sizeof *o->epoch);
    if (!o->members || !o->deck || !o->first || !o->cursor || !o->people ||
        !o->epoch) {
        facet__order_free(o);
        return facet__fail_memory(err);
    }
    group(o);
    *out = o;
    return FACET_OK;
}

void facet__order_free(facet__order *o)
{
    if (!o)
        return;
    facet__free(o->members);
    facet__free(o->deck);
    facet__free(o->first);
    facet__free(o->cursor);
    facet__free(o->people);
    facet__free(o->epoch);
    facet__free(o);
}

size_t facet__order_batches(const facet__order *o)
{
    return o->batches;
}

static void shuffle_all(facet__order *o, facet__random *random)
{
    /* An inside-out shuffle of which only the first places are kept would waste
     * nothing, but this is a matter of microseconds. */
    uint32_t *all = o->deck;

    for (uint32_t i = 0; i < o->count; i++)
        all[i] = i;
    facet__random_shuffle(random, all, o->count);
    memcpy(o->epoch, all, o->batches * o->setup.batch * sizeof *all);
}

/* The people who come next, without one twice until all have been. */
typedef struct dealer {
    facet__order *order;
    facet__random *random;
    size_t next; /* in order->people */
} dealer;

/* Shuffle each person's pictures and start anew. */
static dealer deal(facet__order *o, facet__random *random)
{
    memcpy(o->deck, o->members, o->labelled * sizeof *o->deck);
    for (size_t c = 0; c < o->classes; c++) {
        facet__random_shuffle(
            random, o->deck + o->first[c], o->first[c + 1] - o->first[c]);
        o->people[c] = (uint32_t)c;
    }
    memset(o->cursor, 0, o->classes * sizeof *o->cursor);
    return (dealer){ o, random, o->classes };
}

static uint32_t next_picture(facet__order *o, uint32_t person)
{
    const uint32_t n = o->first[person + 1] - o->first[person];

    return o->deck[o->first[person] + o->cursor[person]++ % n];
}

/* A new round begins when fewer than `wanted` people are left, so that the
 * people of one batch are different ones. */
static uint32_t next_person(dealer *d, size_t wanted)
{
    if (d->next + wanted > d->order->classes) {
        facet__random_shuffle(d->random, d->order->people, d->order->classes);
        d->next = 0;
    }
    return d->order->people[d->next++];
}

static void draw_balanced(facet__order *o, facet__random *random)
{
    dealer d = deal(o, random);

    for (size_t i = 0; i < o->batches * o->setup.batch; i++)
        o->epoch[i] = next_picture(o, next_person(&d, 1));
}

static void draw_people(facet__order *o, facet__random *random)
{
    const uint32_t people = o->setup.people, images = o->setup.images;
    dealer d = deal(o, random);
    uint32_t *to = o->epoch;

    for (size_t b = 0; b < o->batches; b++) {
        for (uint32_t p = 0; p < people; p++) {
            const uint32_t person = next_person(&d, people - p);

            for (uint32_t k = 0; k < images; k++)
                *to++ = next_picture(o, person);
        }
        for (uint32_t i = people * images; i < o->setup.batch; i++)
            *to++ = o->members[facet__random_below(random, o->labelled)];
    }
}

const uint32_t *facet__order_epoch(facet__order *o, uint64_t epoch)
{
    facet__random random = facet__random_stream(o->setup.seed, 0x04de4, epoch);

    if (o->setup.kind == FACET__ORDER_SHUFFLE)
        shuffle_all(o, &random);
    else if (o->setup.kind == FACET__ORDER_BALANCED)
        draw_balanced(o, &random);
    else
        draw_people(o, &random);
    return o->epoch;
}

uint32_t facet__order_instead(
    const facet__order *o, uint32_t index, uint64_t place, uint32_t attempt)
{
    facet__random random =
        facet__random_stream(o->setup.seed ^ 0x6272206b656eULL, place, attempt);
    const int32_t label = facet__dataset_example(o->dataset, index)->label;
    uint32_t first, n;

    if (label < 0 || o->first[label + 1] - o->first[label] < 2)
        return (uint32_t)facet__random_below(&random, o->count);
    first = o->first[label];
    n = o->first[label + 1] - first;
    return o->members[first + facet__random_below(&random, n)];
}
