/* SPDX-License-Identifier: Apache-2.0 */
/* split.c - taking a cluster apart, and saying why it is one. Both look at the
 * faces of one label only. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cluster/average.h"

/* The faces of one label, as faces of their own. */
typedef struct part {
    facet_cluster_faces faces;
    uint32_t *index; /* [faces.count]: numbers in the whole */
    float *embeddings;
    uint64_t *photos;
    facet_cluster_pair *pairs; /* must, then cannot */
} part;

static void part_free(part *p)
{
    facet__free(p->index);
    facet__free(p->embeddings);
    facet__free(p->photos);
    facet__free(p->pairs);
}

/* Pairs within the part, in its numbers. `number` [whole count]. */
static size_t take_pairs(const facet_cluster_pair *from, size_t n,
    const uint32_t *number, facet_cluster_pair *to)
{
    size_t taken = 0;

    for (size_t i = 0; i < n; i++)
        if (number[from[i].a] != FACET_CLUSTER_NEW &&
            number[from[i].b] != FACET_CLUSTER_NEW)
            to[taken++] =
                (facet_cluster_pair){ number[from[i].a], number[from[i].b] };
    return taken;
}

static facet_status part_allocate(
    const facet_cluster_faces *whole, size_t n, part *out)
{
    out->index = facet__calloc(n, sizeof *out->index);
    out->embeddings = facet__calloc(n, whole->dim * sizeof(float));
    out->photos = facet__calloc(n, sizeof *out->photos);
    out->pairs =
        facet__calloc(whole->n_must + whole->n_cannot, sizeof *out->pairs);
    return out->index && out->embeddings && out->photos && out->pairs
               ? FACET_OK
               : FACET_ENOMEM;
}

static facet_status check(
    const facet_cluster_faces *whole, const uint32_t *labels, facet_error *err)
{
    const facet_cluster_pair *pair;

    if (!whole || !whole->embeddings || !labels || whole->dim == 0 ||
        whole->count > (size_t)1 << 31)
        return facet__fail(err, FACET_EINVAL, "faces and labels are needed");
    if ((!whole->must && whole->n_must) || (!whole->cannot && whole->n_cannot))
        return facet__fail(err, FACET_EINVAL, "the pairs are NULL");
    for (size_t i = 0; i < whole->n_must + whole->n_cannot; i++) {
        pair = i < whole->n_must ? &whole->must[i]
                                 : &whole->cannot[i - whole->n_must];
        if (pair->a >= whole->count || pair->b >= whole->count)
            return facet__fail(err, FACET_EINVAL, "a pair names face %u of %zu",
                pair->a >= whole->count ? pair->a : pair->b, whole->count);
    }
    return FACET_OK;
}

/* On failure nothing is to be freed. */
static facet_status part_take(const facet_cluster_faces *whole,
    const uint32_t *labels, uint32_t label, part *out, facet_error *err)
{
    facet_status st = check(whole, labels, err);
    uint32_t *number = NULL;
    size_t n = 0, dim = whole ? whole->dim : 0;

    *out = (part){ .index = NULL };
    for (size_t i = 0; st == FACET_OK && i < whole->count; i++)
        n += labels[i] == label;
    if (st == FACET_OK && n == 0)
        st = facet__fail(
            err, FACET_ENOTFOUND, "no face has the label %u", label);
    if (st != FACET_OK)
        return st;
    number = facet__calloc(whole->count, sizeof *number);
    if (!number || part_allocate(whole, n, out) != FACET_OK) {
        facet__free(number);
        part_free(out);
        return facet__fail_memory(err);
    }
    n = 0;
    for (size_t i = 0; i < whole->count; i++) {
        number[i] = labels[i] == label ? (uint32_t)n : FACET_CLUSTER_NEW;
        if (labels[i] != label)
            continue;
        memcpy(out->embeddings + n * dim, whole->embeddings + i * dim,
            dim * sizeof(float));
        out->photos[n] = whole->photos ? whole->photos[i] : 0;
        out->index[n++] = (uint32_t)i;
    }
    out->faces = (facet_cluster_faces){ .embeddings = out->embeddings,
        .count = n,
        .dim = dim,
        .photos = out->photos,
        .must = out->pairs };
    out->faces.n_must =
        take_pairs(whole->must, whole->n_must, number, out->pairs);
    out->faces.cannot = out->pairs + out->faces.n_must;
    out->faces.n_cannot = take_pairs(
        whole->cannot, whole->n_cannot, number, out->pairs + out->faces.n_must);
    facet__free(number);
    return FACET_OK;
}

/* ---- Split ---- */

static int by_similarity(const void *left, const void *right)
{
    const facet__merge *a = left, *b = right;

    if (a->similarity != b->similarity)
        return a->similarity > b->similarity ? -1 : 1;
    return a->from < b->from ? -1 : a->from > b->from;
}

/* Join everybody, noting how; then only as far as leaves `parts`. The rows'
 * groups are left in *groups. */
static facet_status join_to(const facet_cluster_faces *in,
    const facet_cluster_opts *opts, size_t parts, facet__faces *faces,
    facet__groups *groups, facet_error *err)
{
    facet__merge *merges = facet__calloc(in->count, sizeof *merges);
    size_t n = 0, roots = 0;
    facet_status st = merges ? facet__groups_make(in, faces, opts, groups, err)
                             : facet__fail_memory(err);

    for (size_t i = 0; st == FACET_OK && i < in->count; i++)
        roots += groups->parent[i] == i;
    if (st == FACET_OK && roots < parts)
        st = facet__fail(err, FACET_EINVAL,
            "%zu faces or groups that must stay together cannot make %zu parts",
            roots, parts);
    if (st == FACET_OK)
        st = facet__average_run(
            faces, groups, -2.0F, opts->threads, merges, &n, err);
    facet__groups_free(groups);
    if (st == FACET_OK && roots - n > parts)
        st = facet__fail(err, FACET_EINVAL,
            "faces that must stay apart make %zu parts of these: %zu cannot "
            "be had",
            roots - n, parts);
    if (st == FACET_OK)
        st = facet__groups_make(in, faces, opts, groups, err);
    if (st == FACET_OK && n)
        qsort(merges, n, sizeof *merges, by_similarity);
    for (size_t i = 0; st == FACET_OK && i < n && i < roots - parts; i++)
        if (facet__groups_join(groups,
                facet__groups_root(groups, merges[i].into),
                facet__groups_root(groups, merges[i].from)) != FACET_OK)
            st = facet__fail_memory(err);
    facet__free(merges);
    if (st == FACET_OK)
        facet__groups_flatten(groups);
    return st;
}

/* The largest part keeps the label; of equal ones that of the first face. */
static facet_status relabel(const part *p, const facet__faces *faces,
    const facet__groups *groups, uint32_t next, uint32_t *labels)
{
    const uint32_t label = labels[p->index[0]];
    uint32_t *given = facet__calloc(faces->count, sizeof *given);
    uint32_t largest = 0;

    if (!given)
        return FACET_ENOMEM;
    for (size_t i = 0; i < faces->count; i++) {
        const uint32_t root = groups->parent[faces->place[i]];

        given[i] = FACET_CLUSTER_NEW;
        if (i == 0 || groups->sizes[root] > groups->sizes[largest])
            largest = root;
    }
    given[largest] = label;
    for (size_t i = 0; i < faces->count; i++) {
        const uint32_t root = groups->parent[faces->place[i]];

        if (given[root] == FACET_CLUSTER_NEW)
            given[root] = next++;
        labels[p->index[i]] = given[root];
    }
    facet__free(given);
    return FACET_OK;
}

facet_status facet_cluster_split(const facet_cluster_faces *faces,
    const facet_cluster_opts *given, uint32_t label, size_t parts,
    uint32_t *labels, facet_error *err)
{
    facet_cluster_opts opts;
    facet__groups groups = { .count = 0 };
    facet__faces rows = { .rows = NULL };
    uint32_t next = 0;
    part p;
    facet_status st;

    facet_cluster_opts_init(&opts);
    if (given)
        opts = *given;
    if (parts < 2 || opts.threads < 1)
        return facet__fail(
            err, FACET_EINVAL, "two parts and one thread are the least");
    st = part_take(faces, labels, label, &p, err);
    if (st != FACET_OK)
        return st;
    st = facet__label_next(labels, faces->count, &next, err);
    if (st == FACET_OK)
        st = facet__faces_make(&p.faces, NULL, &rows, err);
    if (st == FACET_OK)
        st = join_to(&p.faces, &opts, parts, &rows, &groups, err);
    if (st == FACET_OK && relabel(&p, &rows, &groups, next, labels))
        st = facet__fail_memory(err);
    facet__groups_free(&groups);
    facet__faces_free(&rows);
    part_free(&p);
    return st;
}

/* ---- Explain ---- */

static float similarity(const facet__faces *f, size_t a, size_t b)
{
    const float *x = f->rows + a * f->dim, *y = f->rows + b * f->dim;
    double sum = 0;

    for (size_t k = 0; k < f->dim; k++)
        sum += (double)x[k] * (double)y[k];
    return (float)sum;
}

static double mean_similarity(const facet__faces *f)
{
    const double n = (double)f->count;
    double square = 0;

    for (size_t k = 0; k < f->dim; k++) {
        double sum = 0;

        for (size_t i = 0; i < f->count; i++)
            sum += (double)f->rows[i * f->dim + k];
        square += sum * sum;
    }
    return f->count > 1 ? (square - n) / (n * (n - 1)) : 1;
}

/* How a row was reached. */
typedef struct reach {
    float similarity; /* of the strongest link to a row that is reached */
    uint32_t from;
    bool done;
} reach;

/* Prim's algorithm from b until a is reached: in a tree of strongest links the
 * way between two rows has the strongest weakest link there is. */
static void grow_tree(const facet__faces *f, uint32_t a, uint32_t b, reach *all)
{
    uint32_t at = b;

    for (size_t i = 0; i < f->count; i++)
        all[i] = (reach){ -2, b, false };
    while (at != a) {
        uint32_t next = at;

        all[at].done = true;
        for (uint32_t i = 0; i < f->count; i++) {
            const float s = all[i].done ? -2 : similarity(f, at, i);

            if (!all[i].done && s > all[i].similarity)
                all[i] = (reach){ s, at, false };
            if (!all[i].done &&
                (all[next].done || all[i].similarity > all[next].similarity))
                next = i;
        }
        at = next;
    }
}

facet_status facet_cluster_explain(const facet_cluster_faces *faces,
    const uint32_t *labels, uint32_t a, uint32_t b, facet_cluster_step *steps,
    size_t cap, size_t *n, double *mean, facet_error *err)
{
    facet__faces rows = { .count = 0 };
    reach *all = NULL;
    part p;
    facet_status st;

    if (!n || !faces || !labels || (!steps && cap) || a >= faces->count ||
        b >= faces->count)
        return facet__fail(
            err, FACET_EINVAL, "two faces of the list are needed");
    *n = 0;
    if (labels[a] != labels[b])
        return facet__fail(err, FACET_ENOTFOUND,
            "faces %u and %u are in different clusters", a, b);
    st = part_take(faces, labels, labels[a], &p, err);
    if (st != FACET_OK)
        return st;
    st = facet__faces_make(&p.faces, NULL, &rows, err);
    if (st == FACET_OK && !(all = facet__calloc(rows.count, sizeof *all)))
        st = facet__fail_memory(err);
    if (st == FACET_OK) {
        uint32_t at = 0, end = 0;

        for (uint32_t i = 0; i < rows.count; i++) {
            at = p.index[i] == a ? rows.place[i] : at;
            end = p.index[i] == b ? rows.place[i] : end;
        }
        grow_tree(&rows, at, end, all);
        for (; at != end; at = all[at].from) {
            if (*n < cap)
                steps[*n] = (facet_cluster_step){ p.index[rows.index[at]],
                    p.index[rows.index[all[at].from]], all[at].similarity };
            ++*n;
        }
        if (mean)
            *mean = mean_similarity(&rows);
    }
    facet__free(all);
    facet__faces_free(&rows);
    part_free(&p);
    return st;
}
