/* SPDX-License-Identifier: Apache-2.0 */
/* clusters.c - agreement of a clustering with the truth (papers.md E.4).
 *
 * Everything follows from the contingency table: how many items have cluster c
 * and subject t. It is sparse, so it is kept as the sorted list of the items'
 * (c, t), whose runs are its cells; the runs of c alone, and of t alone after
 * sorting by t, are its margins. Pairs are counted in doubles, exact up to
 * 10^8 items. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/curve.h"

typedef struct item {
    uint32_t cluster, truth;
} item;

static int by_number(uint32_t a, uint32_t b)
{
    return a < b ? -1 : a > b;
}

static int by_cluster(const void *left, const void *right)
{
    const item *a = left, *b = right;
    const int first = by_number(a->cluster, b->cluster);

    return first ? first : by_number(a->truth, b->truth);
}

static int by_truth(const void *left, const void *right)
{
    return by_number(((const item *)left)->truth, ((const item *)right)->truth);
}

static double pairs_of(double n)
{
    return n * (n - 1) / 2;
}

/* Sums over the runs of a margin. */
typedef struct margin {
    double pairs, entropy; /* entropy in nats */
    size_t runs;
} margin;

static margin margin_of(const item *items, size_t n, bool clusters)
{
    margin m = { 0, 0, 0 };

    for (size_t from = 0, to; from < n; from = to) {
        double size, share;

        for (to = from + 1; to < n; to++)
            if (clusters ? items[to].cluster != items[from].cluster
                         : items[to].truth != items[from].truth)
                break;
        size = (double)(to - from);
        share = size / (double)n;
        m.pairs += pairs_of(size);
        m.entropy -= share * log(share);
        m.runs++;
    }
    return m;
}

/* sizes[i]: how many items share item i's subject. `items` is by truth. */
static void truth_sizes(const item *items, size_t n, uint32_t *labels,
    double *sizes, size_t *n_labels)
{
    *n_labels = 0;
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && items[to].truth == items[from].truth;)
            to++;
        labels[*n_labels] = items[from].truth;
        sizes[(*n_labels)++] = (double)(to - from);
    }
}

static int by_label(const void *key, const void *element)
{
    return by_number(*(const uint32_t *)key, *(const uint32_t *)element);
}

/* Sums over the cells of the table. */
typedef struct cells {
    double pairs, information, precision, recall;
} cells;

/* One run of one cluster: items [from, to) of it have one subject. */
static void add_cell(
    cells *sum, double cell, double cluster, double truth, double n)
{
    sum->pairs += pairs_of(cell);
    sum->information += cell / n * log(cell * n / (cluster * truth));
    sum->precision += cell * cell / cluster;
    sum->recall += cell * cell / truth;
}

/* `items` is by cluster. */
static cells cells_of(const item *items, size_t n, const uint32_t *labels,
    const double *sizes, size_t n_labels)
{
    cells sum = { 0, 0, 0, 0 };

    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && items[to].cluster == items[from].cluster;)
            to++;
        for (size_t at = from, end; at < to; at = end) {
            const uint32_t *label;

            for (end = at + 1; end < to && items[end].truth == items[at].truth;)
                end++;
            label = bsearch(
                &items[at].truth, labels, n_labels, sizeof *labels, by_label);
            add_cell(&sum, (double)(end - at), (double)(to - from),
                sizes[label - labels], (double)n);
        }
    }
    return sum;
}

static facet_precision_recall with_f(double precision, double recall)
{
    const double sum = precision + recall;

    return (facet_precision_recall){ precision, recall,
        sum > 0 ? 2 * precision * recall / sum : 0 };
}

/* Adjusted Rand index from the pair counts. */
static double adjusted_rand(
    double both, double predicted, double actual, double all)
{
    const double false_joined = predicted - both, missed = actual - both;
    const double apart = all - predicted - actual + both;

    if (false_joined == 0 && missed == 0)
        return 1;
    return 2 * (both * apart - missed * false_joined) /
           ((both + missed) * (missed + apart) +
               (both + false_joined) * (false_joined + apart));
}

facet_status facet_cluster_compare(const uint32_t *cluster,
    const uint32_t *truth, size_t count, facet_cluster_scores *out)
{
    const double n = (double)count;
    facet_status status = FACET_ENOMEM;
    item *items = NULL;
    uint32_t *labels = NULL;
    double *sizes = NULL;
    size_t n_labels;
    margin by_c, by_t;
    cells sum;

    if (!cluster || !truth || !out || count == 0)
        return FACET_EINVAL;
    items = facet__calloc(count, sizeof *items);
    labels = facet__calloc(count, sizeof *labels);
    sizes = facet__calloc(count, sizeof *sizes);
    if (!items || !labels || !sizes)
        goto done;
    for (size_t i = 0; i < count; i++)
        items[i] = (item){ cluster[i], truth[i] };
    qsort(items, count, sizeof *items, by_truth);
    truth_sizes(items, count, labels, sizes, &n_labels);
    by_t = margin_of(items, count, false);
    qsort(items, count, sizeof *items, by_cluster);
    by_c = margin_of(items, count, true);
    sum = cells_of(items, count, labels, sizes, n_labels);

    out->pairwise = with_f(by_c.pairs > 0 ? sum.pairs / by_c.pairs : 1,
        by_t.pairs > 0 ? sum.pairs / by_t.pairs : 1);
    out->bcubed = with_f(sum.precision / n, sum.recall / n);
    out->nmi =
        by_c.runs == 1 && by_t.runs == 1
            ? 1
            : 2 * fmax(0, sum.information) / (by_c.entropy + by_t.entropy);
    out->ari = adjusted_rand(sum.pairs, by_c.pairs, by_t.pairs, pairs_of(n));
    out->clusters = by_c.runs;
    out->subjects = by_t.runs;
    status = FACET_OK;
done:
    facet__free(items);
    facet__free(labels);
    facet__free(sizes);
    return status;
}
