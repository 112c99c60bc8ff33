/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.c - see docs/formats/checkpoint.md.
 *
 * The checksum is verified before anything else is believed, so the checks
 * after it guard against foreign files and not against damage; they are there
 * all the same. */
#include "train/checkpoint.h"

#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

enum {
    HEAD = 32, /* magic 8, version 4, zero 4, size of the JSON 8, of all 8 */
    SUM = 32,
    ALIGN = 64,
    VERSION = 1,
};

static const char magic[8] = { 'f', 'a', 'c', 'e', 't', 'c', 'k', 'p' };
static const uint8_t zeros[ALIGN];

static void put_u64(uint8_t *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_u64(const uint8_t *from, int bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

static size_t padding(size_t size)
{
    return (ALIGN - size % ALIGN) % ALIGN;
}

/* {"arrays": [["name", count], ...], "numbers": {...}} as text, freed with
 * free(); NULL without memory. */
static char *describe(
    const json_t *numbers, const facet__array *arrays, size_t n_arrays)
{
    json_t *list = json_array(), *all;
    char *text;

    for (size_t i = 0; i < n_arrays; i++)
        if (json_array_append_new(list, json_pack("[sI]", arrays[i].name,
                                            (json_int_t)arrays[i].count))) {
            json_decref(list);
            return NULL;
        }
    all = json_pack("{sosO}", "arrays", list, "numbers",
        numbers); /* takes `list`, keeps a reference to `numbers` */
    text = all ? json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(all);
    return text;
}

static void sum_up(
    const facet__piece *pieces, size_t n_pieces, uint8_t sum[SUM])
{
    crypto_generichash_state hash;

    crypto_generichash_init(&hash, NULL, 0, SUM);
    for (size_t i = 0; i < n_pieces; i++)
        crypto_generichash_update(&hash, pieces[i].bytes, pieces[i].size);
    crypto_generichash_final(&hash, sum, SUM);
}

facet_status facet__checkpoint_write(const char *path, const json_t *numbers,
    const facet__array *arrays, size_t n_arrays, facet_error *err)
{
    char *text = describe(numbers, arrays, n_arrays);
    const size_t text_size = text ? strlen(text) : 0;
    facet__piece *pieces = facet__calloc(2 * n_arrays + 4, sizeof *pieces);
    uint8_t head[HEAD] = { 0 }, sum[SUM];
    size_t n = 0, size = SUM;
    facet_status st = FACET_ENOMEM;

    if (!text || !pieces) {
        st = facet__fail_memory(err);
        goto done;
    }
    pieces[n++] = (facet__piece){ head, HEAD };
    pieces[n++] = (facet__piece){ text, text_size };
    pieces[n++] = (facet__piece){ zeros, padding(HEAD + text_size) };
    for (size_t i = 0; i < n_arrays; i++) {
        const size_t bytes = arrays[i].count * sizeof(float);

        pieces[n++] = (facet__piece){ arrays[i].value, bytes };
        pieces[n++] = (facet__piece){ zeros, padding(bytes) };
    }
    for (size_t i = 0; i < n; i++)
        size += pieces[i].size;
    memcpy(head, magic, sizeof magic);
    put_u64(head + 8, VERSION, 4);
    put_u64(head + 16, text_size, 8);
    put_u64(head + 24, size, 8);
    sum_up(pieces, n, sum);
    pieces[n++] = (facet__piece){ sum, SUM };
    st = facet__file_write_pieces(path, pieces, n, err);
done:
    free(text); /* jansson's */
    facet__free(pieces);
    return st;
}

static facet_status check_frame(
    const char *path, const uint8_t *bytes, size_t size, facet_error *err)
{
    uint8_t sum[SUM];
    facet__piece all = { bytes, size - SUM };

    if (size < HEAD + SUM || memcmp(bytes, magic, sizeof magic) != 0)
        return facet__fail(
            err, FACET_EDAMAGED, "%s: not a checkpoint of facet", path);
    if (get_u64(bytes + 8, 4) != VERSION)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "%s: checkpoint version %u, this facet reads %d", path,
            (unsigned)get_u64(bytes + 8, 4), VERSION);
    if (get_u64(bytes + 24, 8) > size)
        return facet__fail(err, FACET_ETRUNCATED,
            "%s: %zu bytes of %llu are there", path, size,
            (unsigned long long)get_u64(bytes + 24, 8));
    sum_up(&all, 1, sum);
    if (get_u64(bytes + 24, 8) != size ||
        memcmp(sum, bytes + size - SUM, SUM) != 0)
        return facet__fail(err, FACET_EDAMAGED,
            "%s: the checksum does not hold; the file was damaged", path);
    if (get_u64(bytes + 16, 8) > size - HEAD - SUM)
        return facet__fail(
            err, FACET_EDAMAGED, "%s: a header larger than the file", path);
    return FACET_OK;
}

/* Does entry i of the file's list name this array? */
static facet_status check_array(const char *path, const json_t *list, size_t i,
    const facet__array *array, facet_error *err)
{
    const json_t *entry = json_array_get(list, i);
    const char *name = json_string_value(json_array_get(entry, 0));
    const json_int_t count = json_integer_value(json_array_get(entry, 1));

    if (!name || strcmp(name, array->name) != 0 ||
        count != (json_int_t)array->count)
        return facet__fail(err, FACET_EMODEL,
            "%s: holds %s [%lld] where this run has %s [%zu]; the recipe has "
            "changed since",
            path, name ? name : "nothing", (long long)count, array->name,
            array->count);
    return FACET_OK;
}

/* All arrays fit the file, then all are copied. */
static facet_status copy_arrays(const char *path, const uint8_t *bytes,
    size_t size, const json_t *list, const facet__array *arrays,
    size_t n_arrays, facet_error *err)
{
    size_t at = HEAD + (size_t)get_u64(bytes + 16, 8), end;

    if (json_array_size(list) != n_arrays)
        return facet__fail(err, FACET_EMODEL,
            "%s: holds %zu arrays where this run has %zu; the recipe has "
            "changed since",
            path, json_array_size(list), n_arrays);
    at += padding(at);
    end = at;
    for (size_t i = 0; i < n_arrays; i++) {
        const size_t here = arrays[i].count * sizeof(float);
        facet_status st = check_array(path, list, i, &arrays[i], err);

        if (st != FACET_OK)
            return st;
        end += here + padding(here);
        if (end > size - SUM)
            return facet__fail(err, FACET_EDAMAGED,
                "%s: the arrays do not fit the file", path);
    }
    for (size_t i = 0; i < n_arrays; i++) {
        const size_t here = arrays[i].count * sizeof(float);

        memcpy(arrays[i].value, bytes + at, here);
        at += here + padding(here);
    }
    return FACET_OK;
}

facet_status facet__checkpoint_read(const char *path, json_t **numbers,
    const facet__array *arrays, size_t n_arrays, facet_error *err)
{
    void *bytes;
    size_t size;
    json_t *all = NULL;
    facet_status st = facet__file_read(path, SIZE_MAX / 2, &bytes, &size, err);

    *numbers = NULL;
    if (st == FACET_OK)
        st = check_frame(path, bytes, size, err);
    if (st == FACET_OK) {
        all = json_loadb((const char *)bytes + HEAD,
            (size_t)get_u64((const uint8_t *)bytes + 16, 8), 0, NULL);
        if (!json_is_object(json_object_get(all, "numbers")))
            st = facet__fail(
                err, FACET_EDAMAGED, "%s: the header is not JSON", path);
    }
    if (st == FACET_OK)
        st = copy_arrays(path, bytes, size, json_object_get(all, "arrays"),
            arrays, n_arrays, err);
    if (st == FACET_OK)
        *numbers = json_incref(json_object_get(all, "numbers"));
    json_decref(all);
    facet__free(bytes);
    return st;
}
