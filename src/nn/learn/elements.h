/* SPDX-License-Identifier: Apache-2.0 */
/* elements.h - single numbers of a view, for the layers that are not worth a
 * kernel. */
#ifndef FACET__ELEMENTS_H
#define FACET__ELEMENTS_H

#include "nn/engine/bf16.h"
#include "nn/engine/view.h"

static inline float facet__get(const facet__view *v, size_t i)
{
    return v->type == FACET__BF16
               ? facet__bf16_widen(((const uint16_t *)v->data)[i])
               : ((const float *)v->data)[i];
}

static inline void facet__put(const facet__view *v, size_t i, float x)
{
    if (v->type == FACET__BF16)
        ((uint16_t *)v->data)[i] = facet__bf16_round(x);
    else
        ((float *)v->data)[i] = x;
}

/* Write a gradient, or add it to what is there. */
static inline void facet__give(
    const facet__view *v, size_t i, bool add, float x)
{
    facet__put(v, i, add ? facet__get(v, i) + x : x);
}

#endif
