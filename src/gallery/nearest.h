/* SPDX-License-Identifier: Apache-2.0 */
/* nearest.h - search where the store is, and of one person's templates. */
#ifndef FACET__GALLERY_NEAREST_H
#define FACET__GALLERY_NEAREST_H

#include "gallery/search.h"
#include "gallery/store.h"

/* What facet__search_run answers, by a store that searches by itself; `rows`
 * and `allow` of the search are not looked at. */
facet_status facet__nearest(const facet_gallery *g, const facet__search *s,
    const facet__among *among, facet_match *out, size_t *counts,
    facet_error *err);

/* The nearest of a person's own templates; id 0 and score -2 without any. */
facet_status facet__nearest_own(const facet_gallery *g, const float *unit,
    uint64_t person, facet_match *best, facet_error *err);

#endif
