/* SPDX-License-Identifier: Apache-2.0 */
/* field.h - one stored field on its way in or out. In an encrypted gallery
 * every field that tells something about a person is sealed with that person's
 * key and bound to its place: 'N' a person's name; 'S' source, 'M' metadata and
 * 'C' crop of a template; 'E' an embedding of a template in a set. */
#ifndef FACET__GALLERY_FIELD_H
#define FACET__GALLERY_FIELD_H

#include "gallery/store.h"

/* Bytes as they are, or a sealed or unsealed copy. */
typedef struct facet__field {
    const void *bytes;
    size_t size;
    void *copy;
} facet__field;

void facet__field_free(facet__field *field);

/* key NULL: not encrypted. NULL bytes stay NULL. FACET_ENOMEM. */
facet_status facet__field_seal(const uint8_t *key, facet__place place,
    const void *bytes, size_t size, facet__field *out);

/* A column, unsealed, with a zero after its end. */
facet_status facet__field_open(const uint8_t *key, facet__place place,
    facet__value stored, facet__field *out, facet_error *err);

#endif
