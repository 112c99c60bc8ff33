/* SPDX-License-Identifier: Apache-2.0 */
/* floats.c - steps compute in floats whatever a view holds. */
#include "nn/engine/step.h"

const float *facet__floats(const facet__run *run, const facet__view *view,
    size_t at, size_t n, float *buffer)
{
    if (view->type == FACET__F32)
        return (const float *)view->data + at;
    run->kernels->vec->widen((const uint16_t *)view->data + at, buffer, n);
    return buffer;
}

float *facet__target(const facet__view *view, size_t at, float *buffer)
{
    return view->type == FACET__F32 ? (float *)view->data + at : buffer;
}

void facet__store(const facet__run *run, const facet__view *view, size_t at,
    size_t n, const float *values)
{
    if (view->type == FACET__BF16)
        run->kernels->vec->narrow(values, (uint16_t *)view->data + at, n);
}
