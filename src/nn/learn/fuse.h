/* SPDX-License-Identifier: Apache-2.0 */
/* fuse.h - which layers work for the norms beside them, and which gradients
 * share their memory. */
#ifndef FACET__FUSE_H
#define FACET__FUSE_H

#include "nn/learn/layer.h"

typedef struct facet__fusion {
    facet__layer *layers; /* in order; their windows are known */
    int n_layers, n_values;
    const facet__pass *pass; /* its maps have shapes */
    const bool *wanted;      /* [n_values]: the gradient is */
    const bool *ends;        /* [n_values]: the network puts it out */
    bool apart;              /* nobody works for anybody */
    int *root; /* [n_values], set here: whose gradient's memory it shares */
} facet__fusion;

/* Set the layers' links to norms and what norms leave to others; first undo
 * those of an earlier batch. */
void facet__fuse(const facet__fusion *f);

#endif
