/* SPDX-License-Identifier: Apache-2.0 */
#include "gallery/field.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

void facet__field_free(facet__field *f)
{
    if (f->copy)
        facet__forget(f->copy, f->size);
    facet__free(f->copy);
    *f = (facet__field){ NULL, 0, NULL };
}

facet_status facet__field_seal(const uint8_t *key, facet__place place,
    const void *bytes, size_t size, facet__field *out)
{
    *out = (facet__field){ bytes, size, NULL };
    if (!key || !bytes)
        return FACET_OK;
    out->size = size + FACET__SEAL;
    out->bytes = out->copy = facet__alloc(out->size);
    if (!out->copy)
        return FACET_ENOMEM;
    facet__seal(key, place, bytes, size, out->copy);
    return FACET_OK;
}

facet_status facet__field_open(const uint8_t *key, facet__place place,
    facet__value stored, facet__field *out, facet_error *err)
{
    const size_t size = stored.size, extra = key ? FACET__SEAL : 0;

    *out = (facet__field){ NULL, 0, NULL };
    if (stored.kind == FACET__NULL)
        return FACET_OK;
    if (size < extra)
        return facet__fail(err, FACET_EDAMAGED, "a sealed field is cut");
    out->copy = facet__calloc(1, size - extra + 1);
    if (!out->copy)
        return facet__fail_memory(err);
    out->bytes = out->copy;
    out->size = size - extra;
    if (!key && size)
        memcpy(out->copy, stored.bytes, size);
    if (key &&
        facet__unseal(key, place, stored.bytes, size, out->copy) != FACET_OK) {
        facet__field_free(out);
        return facet__fail(err, FACET_EDAMAGED, "field '%c' of %llu is damaged",
            place.field, (unsigned long long)place.id);
    }
    return FACET_OK;
}
