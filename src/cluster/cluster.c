/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.c - the public calls: check, group, number. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cluster/average.h"
#include "cluster/methods.h"

enum { MOST_NEIGHBORS = 4096, MOST_THREADS = 1024 };

/* Thresholds: bench/clusters.sh on training identities, docs/eval/clusters.md.
 */
static const struct {
    const char *name;
    float threshold;
    size_t neighbors;
    facet_status (*group)(facet__problem *problem);
} methods[] = {
    [FACET_CLUSTER_AVERAGE] = { "average", 0.30F, 128, NULL },
    [FACET_CLUSTER_COMPLETE] = { "complete", 0.10F, 1024,
        facet__group_complete },
    [FACET_CLUSTER_SINGLE] = { "single", 0.57F, 128, NULL },
    [FACET_CLUSTER_RANK_ORDER] = { "rank-order", 0.50F, 32,
        facet__group_rank_order },
    [FACET_CLUSTER_DBSCAN] = { "dbscan", 0.57F, 128, facet__group_dbscan },
    [FACET_CLUSTER_HDBSCAN] = { "hdbscan", -1.0F, 128, facet__group_hdbscan },
    [FACET_CLUSTER_WHISPERS] = { "whispers", 0.45F, 128,
        facet__group_whispers },
};
enum { METHODS = sizeof methods / sizeof *methods };

/* The threshold of the network that they were chosen with. */
static const float measured_at = 0.31F;

const char *facet_cluster_method_name(facet_cluster_method method)
{
    return (unsigned)method < METHODS ? methods[method].name : "unknown";
}

bool facet_cluster_method_parse(const char *name, facet_cluster_method *out)
{
    for (int i = 0; name && out && i < METHODS; i++)
        if (!strcmp(name, methods[i].name)) {
            *out = (facet_cluster_method)i;
            return true;
        }
    return false;
}

float facet_cluster_threshold(facet_cluster_method method, float match_at)
{
    const bool known = (unsigned)method < METHODS;
    const bool shifts = !isnan(match_at) && method != FACET_CLUSTER_RANK_ORDER;

    return !known   ? NAN
           : shifts ? methods[method].threshold + (match_at - measured_at)
                    : methods[method].threshold;
}

void facet_cluster_opts_init(facet_cluster_opts *opts)
{
    *opts = (facet_cluster_opts){ .size = sizeof *opts,
        .method = FACET_CLUSTER_WHISPERS,
        .threshold = NAN,
        .min_points = 3,
        .photos_apart = true,
        .threads = 1 };
}

/* *opts with the defaults filled in; refused when it makes no sense. */
static facet_status settle(
    const facet_cluster_opts *given, facet_cluster_opts *opts, facet_error *err)
{
    facet_cluster_opts_init(opts);
    if (given)
        *opts = *given;
    if ((unsigned)opts->method >= METHODS)
        return facet__fail(
            err, FACET_EINVAL, "there is no method %d", (int)opts->method);
    if (isnan(opts->threshold))
        opts->threshold = methods[opts->method].threshold;
    if (opts->neighbors == 0)
        opts->neighbors = methods[opts->method].neighbors;
    if (opts->neighbors > MOST_NEIGHBORS)
        return facet__fail(err, FACET_EINVAL, "neighbors: 1 to %d, not %zu",
            MOST_NEIGHBORS, opts->neighbors);
    if (opts->min_points < 1 || opts->min_points > opts->neighbors)
        return facet__fail(err, FACET_EINVAL,
            "min_points: 1 to neighbors (%zu), not %zu", opts->neighbors,
            opts->min_points);
    if (opts->method == FACET_CLUSTER_HDBSCAN && opts->min_points < 2)
        return facet__fail(
            err, FACET_EINVAL, "hdbscan wants min_points of 2 or more");
    if (opts->threads < 1 || opts->threads > MOST_THREADS)
        return facet__fail(err, FACET_EINVAL, "threads: 1 to %d, not %d",
            MOST_THREADS, opts->threads);
    return FACET_OK;
}

static facet_status group_by_graph(const facet__faces *faces,
    const facet_cluster_opts *opts, facet__groups *groups,
    facet_cluster_report *report, facet_error *err)
{
    const bool floorless = opts->method == FACET_CLUSTER_RANK_ORDER ||
                           opts->method == FACET_CLUSTER_HDBSCAN;
    facet__near graph;
    facet__problem p = { .graph = &graph,
        .threshold = opts->threshold,
        .min_points = opts->min_points,
        .groups = groups };
    facet_status st = facet__near_make(faces, opts->neighbors,
        floorless ? -2.0F : opts->threshold, opts->threads, &graph, err);

    if (st != FACET_OK)
        return st;
    st = facet__near_links(&graph, &p.links, &p.n_links);
    if (st == FACET_OK)
        st = methods[opts->method].group
                 ? methods[opts->method].group(&p)
                 : facet__groups_join_links(groups, p.links, p.n_links);
    for (size_t i = 0; i < graph.count && !floorless; i++)
        report->truncated += graph.truncated[i];
    facet__free(p.links);
    facet__near_free(&graph);
    facet__groups_flatten(groups);
    return st == FACET_OK ? st : facet__fail_memory(err);
}

/* Labels for the caller: known ones, then new ones from `next` on in the order
 * of the caller's faces. */
static facet_status number(const facet__faces *faces,
    const facet__groups *groups, uint32_t next, uint32_t *labels,
    facet_cluster_report *report)
{
    uint32_t *of_root = facet__calloc(faces->count, sizeof *of_root);

    if (!of_root)
        return FACET_ENOMEM;
    for (size_t i = 0; i < faces->count; i++)
        of_root[i] = groups->known[i];
    for (size_t i = 0; i < faces->count; i++) {
        const uint32_t row = faces->place[i];
        const uint32_t root = groups->parent[row];

        if (of_root[root] == FACET_CLUSTER_NEW)
            of_root[root] = next++;
        labels[i] = of_root[root];
        report->joined += faces->known[row] == FACET_CLUSTER_NEW &&
                          groups->known[root] != FACET_CLUSTER_NEW;
        report->clusters += root == row;
        report->alone += root == row && groups->sizes[row] == 1;
        report->founded +=
            root == row && groups->known[row] == FACET_CLUSTER_NEW;
    }
    facet__free(of_root);
    return FACET_OK;
}

static int by_value(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return a < b ? -1 : a > b;
}

/* Known labels that are no more: those of the faces, less those of groups. */
static facet_status count_lost(
    const facet__faces *faces, const facet__groups *g, size_t *lost)
{
    uint32_t *sorted = facet__calloc(faces->count, sizeof *sorted);

    if (!sorted)
        return FACET_ENOMEM;
    *lost = 0;
    memcpy(sorted, faces->known, faces->count * sizeof *sorted);
    if (faces->count)
        qsort(sorted, faces->count, sizeof *sorted, by_value);
    for (size_t i = 0; i < faces->count; i++)
        *lost += sorted[i] != FACET_CLUSTER_NEW &&
                 (i == 0 || sorted[i] != sorted[i - 1]);
    for (size_t i = 0; i < g->count; i++)
        *lost -= g->parent[i] == i && g->known[i] != FACET_CLUSTER_NEW;
    facet__free(sorted);
    return FACET_OK;
}

/* Everything that a call does between its checks and its labels. */
static facet_status run(const facet_cluster_faces *in,
    const facet_cluster_opts *opts, bool adding, uint32_t *labels,
    facet_cluster_report *report, facet_error *err)
{
    facet__faces faces;
    facet__groups groups = { .count = 0 };
    uint32_t next = 0;
    size_t merges;
    facet_status st =
        facet__faces_make(in, adding ? labels : NULL, &faces, err);

    if (st != FACET_OK)
        return st;
    if (adding)
        st = facet__label_next(labels, in->count, &next, err);
    if (st == FACET_OK)
        st = facet__groups_make(in, &faces, opts, &groups, err);
    if (st == FACET_OK && (adding || opts->method == FACET_CLUSTER_AVERAGE))
        st = facet__average_run(&faces, &groups, opts->threshold, opts->threads,
            NULL, &merges, err);
    else if (st == FACET_OK)
        st = group_by_graph(&faces, opts, &groups, report, err);
    if (st == FACET_OK && number(&faces, &groups, next, labels, report))
        st = facet__fail_memory(err);
    if (st == FACET_OK && count_lost(&faces, &groups, &report->given_way))
        st = facet__fail_memory(err);
    facet__groups_free(&groups);
    facet__faces_free(&faces);
    return st;
}

static facet_status call(const facet_cluster_faces *in,
    const facet_cluster_opts *given, bool adding, uint32_t *labels,
    facet_cluster_report *report, facet_error *err)
{
    facet_cluster_report ignored;
    facet_cluster_opts opts;
    facet_status st = settle(given, &opts, err);

    report = report ? report : &ignored;
    *report = (facet_cluster_report){ .clusters = 0 };
    if (st != FACET_OK)
        return st;
    if (!in || (!labels && in->count))
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    return run(in, &opts, adding, labels, report, err);
}

facet_status facet_cluster(const facet_cluster_faces *faces,
    const facet_cluster_opts *opts, uint32_t *labels,
    facet_cluster_report *report, facet_error *err)
{
    return call(faces, opts, false, labels, report, err);
}

facet_status facet_cluster_add(const facet_cluster_faces *faces,
    const facet_cluster_opts *opts, uint32_t *labels,
    facet_cluster_report *report, facet_error *err)
{
    facet_cluster_opts average;

    facet_cluster_opts_init(&average);
    if (opts)
        average = *opts;
    if (average.method != FACET_CLUSTER_AVERAGE)
        average.threshold = NAN; /* it belongs to the other method */
    average.method = FACET_CLUSTER_AVERAGE;
    return call(faces, &average, true, labels, report, err);
}
