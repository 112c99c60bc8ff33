/* SPDX-License-Identifier: Apache-2.0 */
/* conv_params.h - a convolution made ready; private to the conv files. */
#ifndef FACET__CONV_PARAMS_H
#define FACET__CONV_PARAMS_H

#include "nn/engine/conv.h"

typedef struct conv_params {
    size_t kernel_h, kernel_w, groups;
    size_t in_group;     /* input channels of a group */
    size_t out;          /* output channels of all groups */
    bool planar;         /* a conv_rows over planes, not pixels */
    size_t segment;      /* numbers of a filter's row */
    size_t k;            /* depth of the product */
    bool bf16;           /* the products are of bf16 */
    void *packed;        /* the groups' (or the places', winograd.h) filters */
    size_t packed_group; /* bytes of one of them */
    size_t packed_count; /* how many there are */
    facet__tail tail;
} conv_params;

void facet__conv_free(void *params);

#endif
