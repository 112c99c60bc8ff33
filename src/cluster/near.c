/* SPDX-License-Identifier: Apache-2.0 */
/* near.c - stripes of rows against everybody. A list belongs to the thread
 * that has its stripe, so there is nothing to merge and nothing to lock; that
 * each product is computed twice is the price. */
#include "cluster/near.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/products.h"
#include "base/threads.h"

enum {
    ROWS = FACET__PRODUCT_ROWS,
    COLUMNS = FACET__PRODUCT_COLUMNS,
    STRIPE = 128,
};

typedef struct search {
    const facet__faces *faces;
    facet__near *graph;
    float floor;
    facet__products *kernel;
    const float *rows, *columns; /* packed */
} search;

static bool closer(facet__neighbor a, facet__neighbor b)
{
    return a.similarity != b.similarity ? a.similarity > b.similarity
                                        : a.row < b.row;
}

static void insert(facet__near *g, size_t row, facet__neighbor new)
{
    facet__neighbor *list = g->list + row * g->room;
    uint32_t at = g->counts[row];

    if (at == g->room) {
        g->truncated[row] = true;
        if (!closer(new, list[--at]))
            return;
    } else {
        g->counts[row]++;
    }
    for (; at > 0 && closer(new, list[at - 1]); at--)
        list[at] = list[at - 1];
    list[at] = new;
}

static void insert_block(
    const search *s, const float *products, size_t first_row, size_t column)
{
    const size_t count = s->faces->count;
    const size_t columns = count - column < COLUMNS ? count - column : COLUMNS;

    for (size_t row = first_row; row < first_row + ROWS && row < count; row++) {
        const float *scores = products + (row - first_row) * COLUMNS;

        for (size_t j = 0; j < columns; j++)
            if (scores[j] >= s->floor && column + j != row)
                insert(s->graph, row,
                    (facet__neighbor){ (uint32_t)(column + j), scores[j] });
    }
}

static void search_stripe(void *context, size_t index, int thread)
{
    const search *s = context;
    const size_t dim = s->faces->dim, first = index * STRIPE;
    const size_t last =
        first + STRIPE < s->faces->count ? first + STRIPE : s->faces->count;
    float products[ROWS * COLUMNS];

    (void)thread;
    for (size_t column = 0; column < s->faces->count; column += COLUMNS)
        for (size_t row = first; row < last; row += ROWS) {
            s->kernel(
                s->rows + row * dim, s->columns + column * dim, dim, products);
            insert_block(s, products, row, column);
        }
}

static facet_status search_all(
    const facet__faces *f, float floor, int threads, facet__near *g)
{
    float *rows = facet__calloc(f->count + ROWS, f->dim * sizeof *rows);
    float *columns =
        facet__calloc(f->count + COLUMNS, f->dim * sizeof *columns);
    search s = { f, g, floor, facet__products_pick(), rows, columns };
    facet__pool *pool = NULL;
    facet_status st =
        rows && columns ? facet__pool_create(threads, &pool) : FACET_ENOMEM;

    if (st == FACET_OK) {
        facet__products_pack(f->rows, NULL, f->count, f->dim, ROWS, rows);
        facet__products_pack(f->rows, NULL, f->count, f->dim, COLUMNS, columns);
        facet__pool_run(
            pool, (f->count + STRIPE - 1) / STRIPE, search_stripe, &s);
    }
    facet__pool_free(pool);
    facet__free(rows);
    facet__free(columns);
    return st;
}

facet_status facet__near_make(const facet__faces *faces, size_t room,
    float floor, int threads, facet__near *out, facet_error *err)
{
    facet_status st = FACET_ENOMEM;

    if (room > faces->count) /* (a list of everybody is never cut) */
        room = faces->count ? faces->count : 1;
    *out = (facet__near){ .count = faces->count, .room = room };
    out->counts = facet__calloc(out->count, sizeof *out->counts);
    out->list = facet__calloc(out->count, room * sizeof *out->list);
    out->truncated = facet__calloc(out->count, sizeof *out->truncated);
    if (out->counts && out->list && out->truncated)
        st = search_all(faces, floor, threads, out);
    if (st == FACET_OK)
        return st;
    facet__near_free(out);
    return facet__fail_memory(err);
}

void facet__near_free(facet__near *graph)
{
    facet__free(graph->counts);
    facet__free(graph->list);
    facet__free(graph->truncated);
    *graph = (facet__near){ .count = 0 };
}

/* Does `a`, as it stands in b's list with this similarity, list b as well? Its
 * list is sorted, so the last entry tells. */
static bool lists(const facet__near *g, uint32_t a, facet__neighbor b)
{
    const uint32_t n = g->counts[a];

    return n > 0 && !closer(g->list[a * g->room + n - 1], b);
}

facet_status facet__near_links(
    const facet__near *g, facet__link **links, size_t *count)
{
    size_t total = 0, n = 0;

    for (size_t i = 0; i < g->count; i++)
        total += g->counts[i];
    *count = 0;
    *links = facet__calloc(total, sizeof **links);
    if (!*links)
        return FACET_ENOMEM;
    for (uint32_t i = 0; i < g->count; i++)
        for (uint32_t k = 0; k < g->counts[i]; k++) {
            const facet__neighbor other = g->list[i * g->room + k];
            const facet__neighbor me = { i, other.similarity };
            const uint32_t low = i < other.row ? i : other.row;

            if (i > other.row && lists(g, other.row, me))
                continue;
            (*links)[n++] =
                (facet__link){ low, i + other.row - low, other.similarity };
        }
    facet__links_sort(*links, n);
    *count = n;
    return FACET_OK;
}
