/* SPDX-License-Identifier: Apache-2.0 */
/* rank_order.c - approximate rank-order clustering: C. Otto, D. Wang, A. Jain,
 * "Clustering millions of faces by identity", TPAMI 2017.
 *
 * With O_a(x) the rank of x among a's neighbors and I_b(x) 0 if b lists x,
 * else 1,
 *
 *     d(a, b) = sum of I_b(x) over the neighbors x of a up to the rank of b
 *     D(a, b) = (d(a, b) + d(b, a)) / min(O_a(b), O_b(a))
 *
 * for pairs of which one lists the other, and pairs with D up to the threshold
 * are joined, nearest first. As there, only the presence of a neighbor counts,
 * not its rank, and there is one round of joining. A row lists itself at rank
 * 0; the first neighbor has rank 1. */
#include "base/alloc.h"
#include "cluster/methods.h"

/* Of a link: both sums, and both ranks (0: not listed). */
typedef struct ranks {
    uint32_t sum, first, second;
} ranks;

/* The rank of `row` in a list by its similarity; 0 when it is not there. */
static uint32_t rank_of(const facet__near *g, uint32_t of, facet__neighbor row)
{
    const facet__neighbor *list = g->list + of * g->room;
    uint32_t low = 0, high = g->counts[of];

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const facet__neighbor at = list[middle];

        if (at.similarity > row.similarity ||
            (at.similarity == row.similarity && at.row < row.row))
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->counts[of] && list[low].row == row.row ? low + 1 : 0;
}

/* How many of a's neighbors before rank `end` (all with 0) are not marked as
 * neighbors of `other`. */
static uint32_t absent(const facet__near *g, uint32_t a, uint32_t end,
    const uint32_t *marks, uint32_t other)
{
    const facet__neighbor *list = g->list + a * g->room;
    const uint32_t last = end ? end : g->counts[a];
    uint32_t n = 0;

    for (uint32_t i = 0; i < last; i++)
        n += marks[list[i].row] != other + 1;
    return n;
}

/* Links by row: where the links of each row stand in `out`. */
static void list_by_row(
    const facet__problem *p, uint32_t *starts, uint32_t *out)
{
    for (size_t i = 0; i < p->n_links; i++) {
        starts[p->links[i].a + 1]++;
        starts[p->links[i].b + 1]++;
    }
    for (size_t i = 0; i < p->graph->count; i++)
        starts[i + 1] += starts[i];
    for (size_t i = p->n_links; i-- > 0;) {
        out[--starts[p->links[i].a + 1]] = (uint32_t)i;
        out[--starts[p->links[i].b + 1]] = (uint32_t)i;
    }
}

/* What `row` knows of its links: with its neighbors marked, how many of the
 * other end's it lacks. */
static void look_from(const facet__problem *p, uint32_t row,
    const uint32_t *links, size_t n, uint32_t *marks, ranks *all)
{
    const facet__near *g = p->graph;

    marks[row] = row + 1;
    for (uint32_t i = 0; i < g->counts[row]; i++)
        marks[g->list[row * g->room + i].row] = row + 1;
    for (size_t i = 0; i < n; i++) {
        const facet__link l = p->links[links[i]];
        const uint32_t other = l.a == row ? l.b : l.a;
        const uint32_t rank =
            rank_of(g, other, (facet__neighbor){ row, l.weight });
        ranks *r = &all[links[i]];

        r->sum += absent(g, other, rank, marks, row);
        if (l.a == row)
            r->second = rank;
        else
            r->first = rank;
    }
}

static float distance_of(const facet__near *g, ranks r)
{
    const uint32_t beyond = (uint32_t)g->room + 1;
    const uint32_t first = r.first ? r.first : beyond;
    const uint32_t second = r.second ? r.second : beyond;

    return (float)r.sum / (float)(first < second ? first : second);
}

facet_status facet__group_rank_order(facet__problem *p)
{
    const size_t count = p->graph->count;
    uint32_t *starts = facet__calloc(count + 2, sizeof *starts);
    uint32_t *by_row = facet__calloc(2 * p->n_links, sizeof *by_row);
    uint32_t *marks = facet__calloc(count, sizeof *marks);
    ranks *all = facet__calloc(p->n_links, sizeof *all);
    facet_status st = FACET_ENOMEM;
    size_t n = 0;

    if (starts && by_row && marks && all) {
        list_by_row(p, starts, by_row);
        for (uint32_t i = 0; i < count; i++) {
            const size_t end = i + 1 < count ? starts[i + 2] : 2 * p->n_links;

            look_from(
                p, i, by_row + starts[i + 1], end - starts[i + 1], marks, all);
        }
        for (size_t i = 0; i < p->n_links; i++) {
            const float distance = distance_of(p->graph, all[i]);

            if (distance <= p->threshold)
                p->links[n++] =
                    (facet__link){ p->links[i].a, p->links[i].b, -distance };
        }
        facet__links_sort(p->links, n);
        st = facet__groups_join_links(p->groups, p->links, n);
    }
    facet__free(all);
    facet__free(marks);
    facet__free(by_row);
    facet__free(starts);
    return st;
}
