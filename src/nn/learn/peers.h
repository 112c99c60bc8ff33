/* SPDX-License-Identifier: Apache-2.0 */
/* peers.h - a batch that is spread over several networks with the same weights:
 * what one of them has to know of the others so that together they compute
 * what a single network would from the whole batch. Weight gradients are not
 * its matter: whoever made the networks sums them. */
#ifndef FACET__PEERS_H
#define FACET__PEERS_H

#include <stddef.h>

#include "facet/status.h"

typedef struct facet__peers {
    /* Sum each of n numbers over all networks, in place. All of them call it
     * in the same order with the same n. NULL: batch normalisation looks at
     * this network's own pictures alone. */
    facet_status (*sum)(void *context, double *numbers, size_t n);
    void *context;
    size_t first; /* place of the first own picture in the whole batch */
} facet__peers;

#endif
