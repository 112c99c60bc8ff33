/* SPDX-License-Identifier: Apache-2.0 */
/* faces.c - checking, normalizing, sorting. */
#include "cluster/faces.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/unit.h"

/* What rows are sorted by. */
typedef struct key {
    const float *row;
    size_t bytes;
    uint64_t photo;
    uint32_t label, index;
} key;

static int by_content(const void *left, const void *right)
{
    const key *a = left, *b = right;
    const int order = memcmp(a->row, b->row, a->bytes);

    if (order)
        return order;
    if (a->photo != b->photo)
        return a->photo < b->photo ? -1 : 1;
    if (a->label != b->label)
        return a->label < b->label ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static int by_photo(const void *left, const void *right)
{
    const key *a = left, *b = right;

    if (a->photo != b->photo)
        return a->photo < b->photo ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Number the photos that have several rows. `keys` may be reordered. */
static void number_photos(facet__faces *out, key *keys)
{
    uint32_t number = 0;

    for (size_t i = 0; i < out->count; i++)
        keys[i].index = (uint32_t)i; /* the row, from here on */
    qsort(keys, out->count, sizeof *keys, by_photo);
    for (size_t from = 0, to; from < out->count; from = to) {
        for (to = from + 1;
             to < out->count && keys[to].photo == keys[from].photo;)
            to++;
        if (keys[from].photo == 0 || to - from == 1)
            continue;
        number++;
        for (size_t i = from; i < to; i++)
            out->photos[keys[i].index] = number;
    }
}

static facet_status allocate(facet__faces *out, facet_error *err)
{
    out->rows = facet__calloc(out->count, out->dim * sizeof *out->rows);
    out->index = facet__calloc(out->count, sizeof *out->index);
    out->place = facet__calloc(out->count, sizeof *out->place);
    out->photos = facet__calloc(out->count, sizeof *out->photos);
    out->known = facet__calloc(out->count, sizeof *out->known);
    return out->rows && out->index && out->place && out->photos && out->known
               ? FACET_OK
               : facet__fail_memory(err);
}

/* Put the rows of `unsorted` in order. */
static void sort_rows(const facet_cluster_faces *in, const uint32_t *labels,
    const float *unsorted, key *keys, facet__faces *out)
{
    for (size_t i = 0; i < in->count; i++)
        keys[i] = (key){ unsorted + i * in->dim, in->dim * sizeof(float),
            in->photos ? in->photos[i] : 0,
            labels ? labels[i] : FACET_CLUSTER_NEW, (uint32_t)i };
    qsort(keys, in->count, sizeof *keys, by_content);
    for (size_t i = 0; i < in->count; i++) {
        memcpy(out->rows + i * in->dim, keys[i].row, keys[i].bytes);
        out->index[i] = keys[i].index;
        out->place[keys[i].index] = (uint32_t)i;
        out->known[i] = keys[i].label;
    }
    number_photos(out, keys);
}

static facet_status check_pairs(
    const facet_cluster_pair *pairs, size_t n, size_t count, facet_error *err)
{
    if (!pairs && n)
        return facet__fail(err, FACET_EINVAL, "the pairs are NULL");
    for (size_t i = 0; i < n; i++)
        if (pairs[i].a >= count || pairs[i].b >= count)
            return facet__fail(err, FACET_EINVAL,
                "pair %zu names face %u of %zu", i,
                pairs[i].a >= count ? pairs[i].a : pairs[i].b, count);
    return FACET_OK;
}

static facet_status check(const facet_cluster_faces *in, facet_error *err)
{
    facet_status st;

    if (!in || (!in->embeddings && in->count) || in->dim == 0)
        return facet__fail(err, FACET_EINVAL, "faces need embeddings");
    if (in->count > (size_t)1 << 31)
        return facet__fail(
            err, FACET_EINVAL, "%zu faces: at most 2^31", in->count);
    st = check_pairs(in->must, in->n_must, in->count, err);
    return st == FACET_OK
               ? check_pairs(in->cannot, in->n_cannot, in->count, err)
               : st;
}

facet_status facet__faces_make(const facet_cluster_faces *in,
    const uint32_t *labels, facet__faces *out, facet_error *err)
{
    facet_status st = check(in, err);
    float *unsorted = NULL;
    key *keys = NULL;

    *out = (facet__faces){ .count = 0 };
    if (st != FACET_OK)
        return st;
    out->count = in->count;
    out->dim = in->dim;
    st = allocate(out, err);
    unsorted = facet__calloc(in->count, in->dim * sizeof *unsorted);
    keys = facet__calloc(in->count, sizeof *keys);
    if (!unsorted || !keys)
        st = facet__fail_memory(err);
    for (size_t i = 0; i < in->count && st == FACET_OK; i++)
        if (!facet__to_unit(
                in->embeddings + i * in->dim, in->dim, unsorted + i * in->dim))
            st = facet__fail(err, FACET_EINVAL,
                "the embedding of face %zu is zero or not finite", i);
    if (st == FACET_OK)
        sort_rows(in, labels, unsorted, keys, out);
    else
        facet__faces_free(out);
    facet__free(keys);
    facet__free(unsorted);
    return st;
}

void facet__faces_free(facet__faces *faces)
{
    facet__free(faces->rows);
    facet__free(faces->index);
    facet__free(faces->place);
    facet__free(faces->photos);
    facet__free(faces->known);
    *faces = (facet__faces){ .count = 0 };
}
