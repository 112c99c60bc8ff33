/* SPDX-License-Identifier: Apache-2.0 */
/* heic_items.h - what the pictures inside a HEIC file are made of. */
#ifndef FACET__HEIC_ITEMS_H
#define FACET__HEIC_ITEMS_H

#include "image/image.h"

/* Pictures made of others (grids, overlays) may be nested a few deep and have
 * some thousands of parts; one that is made of itself, in however many turns,
 * and one past those limits are FACET_EDAMAGED. libheif 1.15 follows such a
 * circle with a thread for every turn, until memory or threads are at an end.
 */
facet_status facet__heic_check_items(
    const uint8_t *bytes, size_t size, facet_error *err);

#endif
