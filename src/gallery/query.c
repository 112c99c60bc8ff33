/* SPDX-License-Identifier: Apache-2.0 */
/* query.c - the public search: checks, filters, and the four ways to rank.
 *
 * The mean of a person's scores is the score of the person's mean vector, and
 * the fused template is that mean at unit length. So MEAN and FUSED are the
 * same search over one row a person, made once a generation. Means are at most
 * of unit length, which is all that search asks of a row. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "gallery/by_person.h"
#include "gallery/nearest.h"
#include "gallery/search.h"
#include "gallery/store.h"

void facet_search_opts_init(facet_search_opts *opts)
{
    *opts = (facet_search_opts){
        .size = sizeof *opts, .rank = FACET_RANK_BEST, .at_least = -2.0F
    };
}

/* One row for the person of list[0..n): the mean of their rows, as it is or
 * fused. Its id is the person's. */
static facet_status append_mean(const facet__rows *rows,
    const facet__person_row *list, size_t n, bool fused, double *sum,
    float *mean, facet__rows *out)
{
    const size_t dim = rows->layout.dim;
    double square = 0.0, divisor = (double)n;

    memset(sum, 0, dim * sizeof *sum);
    for (size_t i = 0; i < n; i++) {
        const float *row = facet__rows_at(rows, list[i].row);

        for (size_t d = 0; d < dim; d++)
            sum[d] += (double)row[d];
    }
    for (size_t d = 0; d < dim; d++)
        square += sum[d] * sum[d];
    /* Photos that cancel each other out have no fused direction. */
    if (fused && square > 1e-24)
        divisor = sqrt(square);
    for (size_t d = 0; d < dim; d++)
        mean[d] = (float)(sum[d] / divisor);
    return facet__rows_append(out, list->person, list->person, mean, NULL);
}

static facet_status append_means(const facet__rows *rows, bool fused,
    double *sum, float *mean, facet__means *out)
{
    facet_status st = FACET_OK;

    for (size_t i = 0, end; st == FACET_OK && i < out->n; i = end) {
        end = i;
        while (end < out->n && out->list[end].person == out->list[i].person)
            end++;
        st = append_mean(
            rows, out->list + i, end - i, fused, sum, mean, &out->rows);
    }
    return st;
}

static facet_status make_means(
    const facet__rows *rows, bool fused, facet__means *out)
{
    const size_t dim = rows->layout.dim;
    double *sum = facet__alloc(dim * sizeof *sum);
    float *mean = facet__alloc(dim * sizeof *mean);
    facet_status st = FACET_ENOMEM;

    out->list = facet__rows_by_person(rows, &out->n);
    facet__rows_init(&out->rows, dim);
    if (sum && mean && out->list)
        st = append_means(rows, fused, sum, mean, out);
    if (st != FACET_OK) {
        facet__rows_free(&out->rows);
        facet__free(out->list);
        out->list = NULL;
    }
    facet__free(mean);
    facet__free(sum);
    return st;
}

/* The means of a gallery; made under the mutex by whoever comes first. */
static facet_status means_of(
    const facet_gallery *g, bool fused, const facet__means **out)
{
    facet_gallery *owner = (facet_gallery *)(uintptr_t)g;
    facet__means *means = fused ? &owner->fused : &owner->mean;
    facet_status st = FACET_OK;

    facet__store_lock(g);
    if (!means->made)
        st = make_means(&g->index.rows, fused, means);
    means->made = st == FACET_OK;
    facet__store_unlock(g);
    *out = means;
    return st;
}

/* A bit for each row whose template id is in the sorted list. */
static uint8_t *allowed(
    const facet__rows *rows, const uint64_t *ids, size_t n_ids)
{
    uint8_t *bits = facet__calloc(rows->count / 8 + 1, 1);
    size_t at = 0;

    for (size_t i = 0; bits && i < rows->count; i++) {
        const uint64_t id = facet__rows_id(rows, i);

        while (at < n_ids && ids[at] < id)
            at++;
        if (id != 0 && at < n_ids && ids[at] == id)
            bits[i / 8] = (uint8_t)(bits[i / 8] | 1 << i % 8);
    }
    return bits;
}

/* For people ranked by a mean: the template of theirs that is most alike. Who
 * has none any more was removed by another process, and is left out. */
static void best_templates(const facet_gallery *g, const facet__search *s,
    const facet__means *means, facet_match *out, size_t *counts)
{
    const facet__rows *rows = &g->index.rows;

    for (size_t q = 0; q < s->n_queries; q++) {
        const float *query = s->queries + q * rows->layout.dim;
        facet_match *list = out + q * s->k;
        size_t kept = 0;

        for (size_t i = 0; i < counts[q]; i++) {
            list[i].id = facet__nearest_of_person(rows, s->kernels, query,
                means->list, means->n, list[i].person, SIZE_MAX)
                             .id;
            if (list[i].id)
                list[kept++] = list[i];
        }
        counts[q] = kept;
    }
}

static facet_status check_query(const facet_gallery *g, const uint8_t *contract,
    const float *queries, size_t count, const facet_search_opts *opts,
    facet_error *err)
{
    if (!g || !contract || (!queries && count))
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    if ((unsigned)opts->rank > FACET_RANK_FUSED ||
        (opts->ids && opts->rank >= FACET_RANK_MEAN) || isnan(opts->at_least))
        return facet__fail(err, FACET_EINVAL,
            "this rank is not known, or cannot be restricted to ids");
    if (facet__index_usable(g, err) != FACET_OK)
        return g->stale;
    return facet__store_same_contract(&g->state.active, contract, err);
}

static facet_status run(const facet_gallery *g, facet__search *s,
    const facet_search_opts *opts, facet_match *out, size_t *counts,
    facet_error *err)
{
    const facet__means *means = NULL;
    facet_status st = FACET_OK;
    uint8_t *bits = NULL;

    if (g->db->driver->nearest && opts->rank <= FACET_RANK_BEST)
        return facet__nearest(g, s,
            &(facet__among){ .ids = opts->ids, .n_ids = opts->n_ids }, out,
            counts, err);
    st = facet__index_need(g, err);
    if (st != FACET_OK)
        return st;
    if (opts->rank >= FACET_RANK_MEAN) {
        st = means_of(g, opts->rank == FACET_RANK_FUSED, &means);
        s->rows = &means->rows;
    }
    if (st == FACET_OK && opts->ids) {
        bits = allowed(s->rows, opts->ids, opts->n_ids);
        st = bits ? FACET_OK : FACET_ENOMEM;
    }
    s->allow = bits;
    if (st == FACET_OK)
        st = facet__search_run(s, out, counts);
    if (st == FACET_OK && means)
        best_templates(g, s, means, out, counts);
    facet__free(bits);
    if (st == FACET_EDAMAGED)
        return facet__fail(err, st,
            "the vector file is damaged: facet_gallery_check, or facet "
            "gallery check, rebuilds it");
    return st == FACET_OK ? st : facet__fail_memory(err);
}

facet_status facet_gallery_search(const facet_gallery *g,
    const uint8_t *contract, const float *queries, size_t count,
    const facet_search_opts *opts, size_t k, facet_match *out, size_t *counts,
    facet_error *err)
{
    facet_search_opts defaults;
    float *units = NULL;
    facet_status st;
    size_t dim, bytes;

    facet_search_opts_init(&defaults);
    opts = opts ? opts : &defaults;
    if (!counts || (!out && k))
        return facet__fail(err, FACET_EINVAL, "out or counts is NULL");
    memset(counts, 0, count * sizeof *counts);
    st = check_query(g, contract, queries, count, opts, err);
    if (st != FACET_OK)
        return st;
    dim = g->state.active.dim;
    if (facet__mul_size(count, dim * sizeof *units, &bytes))
        units = facet__alloc(bytes);
    if (!units)
        return facet__fail_memory(err);
    for (size_t q = 0; st == FACET_OK && q < count; q++)
        st = facet__unit(queries + q * dim, dim, units + q * dim, err);
    if (st == FACET_OK)
        st = run(g,
            &(facet__search){ .rows = &g->index.rows,
                .kernels = g->kernels,
                .queries = units,
                .n_queries = count,
                .k = k,
                .by_person = opts->rank == FACET_RANK_BEST,
                .at_least = opts->at_least,
                .threads = g->threads },
            opts, out, counts, err);
    if (st != FACET_OK)
        memset(counts, 0, count * sizeof *counts);
    facet__free(units);
    return st;
}
