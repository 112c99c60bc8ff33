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
    facet__dtype type;   /* of the products: F32, BF16 or I8 */
    uint8_t padding;     /* of I8: the byte of a pixel outside the map */
    void *packed;        /* the groups' (or the places', winograd.h) filters */
    size_t packed_group; /* bytes of one of them */
    size_t packed_count; /* how many there are */
    facet__tail tail;
} conv_params;

/* What the products read: bytes are unsigned where filters are signed. */
static inline facet__dtype facet__conv_reads(const conv_params *p)
{
    return p->type == FACET__I8 ? FACET__U8 : p->type;
}

/* The epilogue of the columns from `column` on, without a residual's place. */
facet__epilogue facet__conv_epilogue(const conv_params *p, size_t column);
/* `count` numbers of the type products read; those that NULL stands for are
 * outside the map. */
void facet__conv_copy(const conv_params *p, const facet__kernels *kernels,
    const facet__view *in, const void *from, void *to, size_t count);

void facet__conv_free(void *params);

#endif
