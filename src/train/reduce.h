/* SPDX-License-Identifier: Apache-2.0 */
/* reduce.h - gradients summed over the processes of a training while the
 * backward pass is still at work on the layers below.
 *
 * Gradients are taken in as they are complete, the last layer's first, and
 * gathered in buckets; a bucket that is full goes on its way at once. */
#ifndef FACET__REDUCE_H
#define FACET__REDUCE_H

#include "train/comm.h"
#include "train/param.h"

/* Bytes of a bucket: large enough that a sum's latency does not count, small
 * enough that few are left when the backward pass ends. */
enum { FACET__BUCKET = 1 << 20 };

typedef struct facet__reduce facet__reduce;

/* For the gradients of `params` [n_params], borrowed until it is freed; those
 * that are `state` have none. Errors: FACET_ENOMEM. */
facet_status facet__reduce_create(const facet_comm *comm,
    const facet__param *params, size_t n_params, size_t bucket_bytes,
    facet__reduce **out);
void facet__reduce_free(facet__reduce *reduce);

/* The gradient of a param is complete. In the same order in all processes; once
 * for each param between two calls of finish. */
void facet__reduce_add(facet__reduce *reduce, size_t param);

/* Take in what has not been added, wait for all sums and write them to the
 * gradients. The status is that of the first call of comm that failed. */
facet_status facet__reduce_finish(facet__reduce *reduce);

/* Make the statistics, `state` params without a gradient, the mean over
 * processes. */
facet_status facet__reduce_states(facet__reduce *reduce);

#endif
