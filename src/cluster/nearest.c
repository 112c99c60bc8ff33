/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/nearest.h"

#include <string.h>

static const float nobody = -9;
/* By how much rounding may raise a similarity when clusters join. */
static const float rounding = 1e-6F;

void facet__nearest_clear(facet__nearest *nearest)
{
    nearest->n = 0;
    nearest->bound = nobody;
}

bool facet__pair_better(uint32_t self, facet__candidate x, facet__candidate y)
{
    const uint32_t x_low = x.other < self ? x.other : self;
    const uint32_t y_low = y.other < self ? y.other : self;

    if (x.similarity != y.similarity)
        return x.similarity > y.similarity;
    return x_low != y_low ? x_low < y_low : x.other < y.other;
}

bool facet__nearest_wants(
    const facet__nearest *nearest, uint32_t self, facet__candidate candidate)
{
    return nearest->n < FACET__NEAREST ||
           candidate.similarity > nearest->bound ||
           facet__pair_better(self, candidate, nearest->list[nearest->n - 1]);
}

void facet__nearest_add(
    facet__nearest *nearest, uint32_t self, facet__candidate candidate)
{
    facet__candidate *list = nearest->list;
    uint32_t at = 0;

    while (at < nearest->n && list[at].other != candidate.other)
        at++;
    if (at < nearest->n)
        memmove(list + at, list + at + 1, (--nearest->n - at) * sizeof *list);
    for (at = nearest->n++;
         at > 0 && facet__pair_better(self, candidate, list[at - 1]); at--)
        list[at] = list[at - 1];
    list[at] = candidate;
    while (nearest->n > FACET__NEAREST) {
        nearest->n--;
        if (list[nearest->n].similarity > nearest->bound)
            nearest->bound = list[nearest->n].similarity;
    }
}

void facet__nearest_merge(
    facet__nearest *nearest, uint32_t self, const facet__nearest *more)
{
    if (more->bound > nearest->bound)
        nearest->bound = more->bound;
    for (uint32_t i = 0; i < more->n; i++)
        facet__nearest_add(nearest, self, more->list[i]);
}

bool facet__nearest_certain(const facet__nearest *nearest)
{
    return nearest->bound == nobody ||
           (nearest->n &&
               nearest->list[0].similarity > nearest->bound + rounding);
}
