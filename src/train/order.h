/* SPDX-License-Identifier: Apache-2.0 */
/* order.h - which pictures stand in which batch.
 *
 * The order of an epoch is a function of the seed and the epoch's number alone,
 * so a run can be resumed anywhere. */
#ifndef FACET__ORDER_H
#define FACET__ORDER_H

#include "train/dataset.h"

typedef enum facet__order_kind {
    FACET__ORDER_SHUFFLE,  /* every picture once an epoch */
    FACET__ORDER_BALANCED, /* every person equally often */
    FACET__ORDER_PK,       /* batches of P people with K pictures each; places
                            * that are left get any other labelled pictures */
} facet__order_kind;

extern const char *const facet__order_names[]; /* ended by NULL */

typedef struct facet__order_setup {
    facet__order_kind kind;
    uint32_t batch;          /* pictures a batch */
    uint32_t people, images; /* P and K; P * K <= batch */
    uint64_t seed;
} facet__order_setup;

typedef struct facet__order facet__order;

/* The data set is borrowed until the order is freed. Errors: FACET_EINVAL (a
 * batch larger than the data set, fewer people than P; the message says which
 * number to change), FACET_ENOMEM. */
facet_status facet__order_create(const facet__order_setup *setup,
    const facet__dataset *dataset, facet__order **out, facet_error *err);
void facet__order_free(facet__order *order);

/* Whole batches in an epoch, at least 1; a rest smaller than a batch is left
 * out. */
size_t facet__order_batches(const facet__order *order);

/* The pictures of all batches of an epoch: batches * batch indices, valid until
 * the next call. */
const uint32_t *facet__order_epoch(facet__order *order, uint64_t epoch);

/* Another picture in the place of a broken one: the `attempt`-th choice among
 * those of the same person, or among all when there is no other. A function of
 * its arguments; may be called by any thread. */
uint32_t facet__order_instead(const facet__order *order, uint32_t index,
    uint64_t place, uint32_t attempt);

#endif
