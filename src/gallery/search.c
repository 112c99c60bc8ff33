/* SPDX-License-Identifier: Apache-2.0 */
/* search.c - exact search: a scan of small codes that only ever discards rows
 * which provably cannot win, and exact scores for the rest.
 *
 * A single query reads the 4-bit codes of every row, an eighth of the floats;
 * the scan is bound by memory. Rows whose upper bound reaches the k-th best
 * exact score so far get their other 4 bits read, which leaves a few hundred
 * of a million for the floats. Several queries share one pass: then products
 * bound the time, not memory, so full 8-bit codes are put together once per
 * 256 rows in the cache and every query is run over them.
 *
 * The order of rows never shows in the answer: whatever is discarded is
 * strictly worse than k others, and the rest is ranked by exact score and id.
 * That holds for threads, too: each takes what chunks it comes to and keeps its
 * own best, and the lists are merged. */
#include "gallery/search.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"

/* Below this many coordinates for each thread, starting it costs more. */
static const double worth_a_thread = 4e6;

typedef struct hit {
    facet_match match;
    size_t row;
} hit;

typedef struct best {
    hit *list; /* sorted, best first */
    size_t n;
} best;

/* A row that may be among a query's best. */
typedef struct candidate {
    size_t query, row;
    float bound;
} candidate;

enum {
    WAITING = 32,
    BLOCK = 8, /* chunks that a thread takes at a time */
};

/* One thread's share of the work. */
typedef struct share {
    const facet__search *search;
    facet__probe *probes;       /* [n_queries] */
    best *bests;                /* [n_queries] */
    hit *lists;                 /* [n_queries][k] */
    uint8_t *full;              /* codes of FACET__FULL_GROUPS groups */
    candidate waiting[WAITING]; /* for their exact score */
    size_t n_waiting;
} share;

static size_t chunks_of(const facet__rows *rows)
{
    return (rows->count + FACET__CHUNK_ROWS - 1) / FACET__CHUNK_ROWS;
}

bool facet__match_better(facet_match a, facet_match b)
{
    return a.score > b.score || (a.score == b.score && a.id < b.id);
}

/* Take out the person's present match. False when it is the better one. */
static bool displace(best *b, facet_match match)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->list[i].match.person != match.person)
            continue;
        if (!facet__match_better(match, b->list[i].match))
            return false;
        memmove(b->list + i, b->list + i + 1, (--b->n - i) * sizeof *b->list);
        return true;
    }
    return true;
}

static void offer(const facet__search *s, best *b, hit new)
{
    size_t at;

    if (b->n == s->k &&
        !facet__match_better(new.match, b->list[b->n - 1].match))
        return;
    if (s->by_person && !displace(b, new.match))
        return;
    if (b->n == s->k)
        b->n--;
    for (at = b->n++;
         at > 0 && facet__match_better(new.match, b->list[at - 1].match); at--)
        b->list[at] = b->list[at - 1];
    b->list[at] = new;
}

/* Score a row exactly and let it compete. */
static void consider(share *mine, size_t query, size_t row)
{
    const facet__search *s = mine->search;
    const size_t dim = s->rows->layout.dim;
    facet__probe *probe = &mine->probes[query];
    best *b = &mine->bests[query];
    facet_match match;

    if (s->allow && !(s->allow[row / 8] >> row % 8 & 1))
        return;
    match.score = s->kernels->dot(
        s->queries + query * dim, facet__rows_at(s->rows, row), dim);
    match.person = facet__rows_person(s->rows, row);
    /* Read last: it is the first thing that an erasing writer clears. */
    match.id = facet__rows_id(s->rows, row);
    if (match.id == 0 || !(match.score >= s->at_least))
        return;
    offer(s, b, (hit){ match, row });
    if (b->n == s->k)
        probe->threshold =
            fmaxf(probe->threshold, b->list[b->n - 1].match.score);
}

static void prefetch_row(const facet__rows *rows, size_t row)
{
    const char *at = (const char *)facet__rows_at(rows, row);

    for (size_t b = 0; b < rows->layout.dim * sizeof(float); b += 64)
        __builtin_prefetch(at + b);
}

/* Score all that wait; their floats have been on the way from memory. */
static void settle(share *mine)
{
    for (size_t i = 0; i < mine->n_waiting; i++) {
        const candidate c = mine->waiting[i];

        if (c.bound >= mine->probes[c.query].threshold)
            consider(mine, c.query, c.row);
    }
    mine->n_waiting = 0;
}

static void wait_for_score(share *mine, size_t query, size_t row, float bound)
{
    if (row >= mine->search->rows->count)
        return;
    prefetch_row(mine->search->rows, row);
    mine->waiting[mine->n_waiting++] = (candidate){ query, row, bound };
    if (mine->n_waiting == WAITING)
        settle(mine);
}

/* Row numbers of the bits in masks[groups]. */
static size_t list_hits(const uint16_t *masks, size_t groups, uint16_t *hits)
{
    size_t n = 0;

    for (size_t g = 0; g < groups; g++)
        for (unsigned mask = masks[g]; mask; mask &= mask - 1)
            hits[n++] =
                (uint16_t)(g * FACET__GROUP + (size_t)__builtin_ctz(mask));
    return n;
}

/* Upper bound of a row's score by its full code. */
static float bound_full(const facet__codes *codes, const facet__probe *probe,
    size_t row, int32_t dot)
{
    return (float)(2 * dot - probe->offset_full) * probe->scale_full *
               codes->step[row] +
           codes->error_full[row] * probe->slope + probe->slack;
}

/* A row whose four upper bits leave it in the race; the lower ones are on their
 * way from memory. */
typedef struct half_known {
    uint16_t row; /* of the chunk */
    int32_t dot;
} half_known;

/* Add the lower bits; should the row still be in the race, wait for its
 * score. */
static void complete(
    share *mine, const facet__codes *codes, size_t first, half_known half)
{
    const facet__probe *probe = &mine->probes[0];
    const uint8_t *low = codes->low + half.row * codes->octs * 4;
    const int32_t dot = 16 * half.dot + mine->search->kernels->low(
                                            low, probe->code, codes->octs);
    const float bound = bound_full(codes, probe, half.row, dot);

    if (bound >= probe->threshold)
        wait_for_score(mine, 0, first + half.row, bound);
}

/* One query over a chunk: four bits of all rows, the other four of those that
 * may win. The latter are asked for as soon as they are known and used LAG rows
 * later, while the scan goes on. */
static void scan_one(share *mine, size_t chunk)
{
    enum { LAG = 24 };
    const facet__codes codes = facet__rows_codes(mine->search->rows, chunk);
    const size_t stride = codes.octs * 4, first = chunk * FACET__CHUNK_ROWS;
    half_known halves[FACET__CHUNK_ROWS];
    size_t n = 0, done = 0;

    for (size_t g = 0; g < FACET__CHUNK_GROUPS; g += FACET__PIECE) {
        int32_t dots[FACET__PIECE * FACET__GROUP];
        uint16_t masks[FACET__PIECE], hits[FACET__PIECE * FACET__GROUP];
        size_t n_hits;

        mine->search->kernels->high(&codes, g, &mine->probes[0], dots, masks);
        n_hits = list_hits(masks, FACET__PIECE, hits);
        for (size_t i = 0; i < n_hits; i++) {
            const size_t row = g * FACET__GROUP + hits[i];

            halves[n++] = (half_known){ (uint16_t)row, dots[hits[i]] };
            for (size_t b = 0; b < stride; b += 64)
                __builtin_prefetch(codes.low + row * stride + b);
        }
        while (done + LAG < n)
            complete(mine, &codes, first, halves[done++]);
    }
    while (done < n)
        complete(mine, &codes, first, halves[done++]);
    settle(mine);
}

/* All queries over full codes that are in the cache; `first` is the first
 * row. */
static void scan_tiles(
    share *mine, const float *step, const float *error, size_t first)
{
    const facet__search *s = mine->search;
    uint16_t masks[FACET__TILE * FACET__FULL_GROUPS];
    uint16_t hits[FACET__GROUP * FACET__FULL_GROUPS];

    for (size_t q = 0; q < s->n_queries; q += FACET__TILE) {
        const facet__probe *tile[FACET__TILE];

        for (size_t t = 0; t < FACET__TILE; t++)
            tile[t] = &mine->probes[q + t < s->n_queries ? q + t : q];
        s->kernels->full(
            mine->full, s->rows->layout.octs, step, error, tile, masks);
        for (size_t t = 0; t < FACET__TILE && q + t < s->n_queries; t++) {
            const size_t n = list_hits(
                masks + t * FACET__FULL_GROUPS, FACET__FULL_GROUPS, hits);

            for (size_t i = 0; i < n; i++)
                wait_for_score(mine, q + t, first + hits[i], INFINITY);
        }
    }
}

static void scan_many(share *mine, size_t chunk)
{
    const facet__search *s = mine->search;
    const facet__codes codes = facet__rows_codes(s->rows, chunk);

    for (size_t g = 0; g < FACET__CHUNK_GROUPS; g += FACET__FULL_GROUPS) {
        const size_t row = g * FACET__GROUP;

        if (chunk * FACET__CHUNK_ROWS + row >= s->rows->count)
            break;
        s->kernels->unpack(&codes, g, mine->full);
        scan_tiles(mine, codes.step + row, codes.error_full + row,
            chunk * FACET__CHUNK_ROWS + row);
    }
    settle(mine);
}

/* A block of chunks, by whichever thread comes for it. */
static void scan_block(void *context, size_t index, int thread)
{
    share *mine = (share *)context + thread;
    const size_t chunks = chunks_of(mine->search->rows);
    const size_t end =
        (index + 1) * BLOCK < chunks ? (index + 1) * BLOCK : chunks;

    for (size_t c = index * BLOCK; c < end; c++) {
        if (mine->search->n_queries == 1)
            scan_one(mine, c);
        else
            scan_many(mine, c);
    }
}

static facet_status share_init(
    share *mine, const facet__search *s, const facet__probe *probes)
{
    size_t bytes;

    *mine = (share){ .search = s };
    if (!facet__mul_size(s->n_queries * sizeof(hit), s->k, &bytes))
        return FACET_ENOMEM;
    mine->probes = facet__alloc(s->n_queries * sizeof *mine->probes);
    mine->bests = facet__calloc(s->n_queries, sizeof *mine->bests);
    mine->lists = facet__alloc(bytes);
    mine->full = facet__alloc(
        FACET__FULL_GROUPS * FACET__GROUP * s->rows->layout.octs * 8);
    if (!mine->probes || !mine->bests || !mine->lists || !mine->full)
        return FACET_ENOMEM;
    memcpy(mine->probes, probes, s->n_queries * sizeof *probes);
    for (size_t q = 0; q < s->n_queries; q++)
        mine->bests[q].list = mine->lists + q * s->k;
    return FACET_OK;
}

static void share_free(share *mine)
{
    facet__free(mine->probes);
    facet__free(mine->bests);
    facet__free(mine->lists);
    facet__free(mine->full);
}

/* The best of all shares, best first. Rows that are answered with have to be
 * what was once written: that is checked here, where it costs nothing. */
static facet_status merge(const facet__search *s, share *shares,
    size_t n_shares, facet_match *out, size_t *counts)
{
    facet_status st = FACET_OK;

    for (size_t q = 0; q < s->n_queries; q++) {
        best *all = &shares[0].bests[q];

        for (size_t t = 1; t < n_shares; t++)
            for (size_t i = 0; i < shares[t].bests[q].n; i++)
                offer(s, all, shares[t].bests[q].list[i]);
        counts[q] = all->n;
        for (size_t i = 0; i < all->n; i++) {
            out[q * s->k + i] = all->list[i].match;
            if (!facet__rows_intact(s->rows, all->list[i].row))
                st = FACET_EDAMAGED;
        }
    }
    return st;
}

static size_t threads_wanted(const facet__search *s, size_t blocks)
{
    const double work = (double)s->rows->count * (double)s->rows->layout.dim *
                        (double)s->n_queries;
    size_t n = (size_t)(s->threads > 1 ? s->threads : 1);

    if (n > blocks)
        n = blocks;
    while (n > 1 && work < worth_a_thread * (double)n)
        n--;
    return n;
}

static facet_status run_shares(const facet__search *s,
    const facet__probe *probes, facet_match *out, size_t *counts)
{
    const size_t blocks = (chunks_of(s->rows) + BLOCK - 1) / BLOCK;
    const size_t n = threads_wanted(s, blocks);
    facet_status st = FACET_OK;
    facet__pool *pool = NULL;
    share *shares = facet__calloc(n, sizeof *shares);

    if (!shares)
        return FACET_ENOMEM;
    for (size_t t = 0; t < n && st == FACET_OK; t++)
        st = share_init(&shares[t], s, probes);
    if (st == FACET_OK && n > 1)
        st = facet__pool_create((int)n, &pool);
    if (st == FACET_OK) {
        facet__pool_run(pool, blocks, scan_block, shares);
        st = merge(s, shares, n, out, counts);
    }
    facet__pool_free(pool);
    for (size_t t = 0; t < n; t++)
        share_free(&shares[t]);
    facet__free(shares);
    return st;
}

facet_status facet__search_run(
    const facet__search *s, facet_match *out, size_t *counts)
{
    const size_t dim = s->rows->layout.dim, octs = s->rows->layout.octs;
    facet_status st = FACET_ENOMEM;
    facet__probe *probes = NULL;
    int8_t *codes = NULL;

    memset(counts, 0, s->n_queries * sizeof *counts);
    if (!s->rows->count || !s->n_queries || !s->k)
        return FACET_OK;
    probes = facet__alloc(s->n_queries * sizeof *probes);
    codes = facet__calloc(s->n_queries, octs * 8);
    if (!probes || !codes)
        goto done;
    for (size_t q = 0; q < s->n_queries; q++) {
        facet__code_query(s->queries + q * dim, dim, s->kernels->query_limit,
            codes + q * octs * 8, &probes[q]);
        probes[q].threshold = s->at_least;
    }
    st = run_shares(s, probes, out, counts);
done:
    facet__free(codes);
    facet__free(probes);
    return st;
}
