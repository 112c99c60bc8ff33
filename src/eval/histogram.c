/* SPDX-License-Identifier: Apache-2.0 */
/* histogram.c - the curve of 10^8 comparisons and more, in bounded memory.
 *
 * Scores are computed in blocks that stay in the cache and counted into fine
 * bins at once. A thread counts into 32-bit bins of its own and empties them
 * into the shared 64-bit ones before they can overflow, so counts are exact
 * and the order of threads does not matter: sums of whole numbers. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/products.h"
#include "base/threads.h"
#include "eval/curve.h"

enum {
    ROWS = FACET__PRODUCT_ROWS,
    COLUMNS = FACET__PRODUCT_COLUMNS,
    BINS = 1 << 20,
    STRIPE = 256, /* rows of a that one task takes: 512 KiB at 512-d */
};

struct facet_histogram {
    uint64_t failed[2];
    uint64_t counts[2][BINS]; /* by mated */
};

facet_status facet_histogram_create(facet_histogram **out)
{
    if (!out)
        return FACET_EINVAL;
    *out = facet__calloc(1, sizeof **out);
    return *out ? FACET_OK : FACET_ENOMEM;
}

void facet_histogram_free(facet_histogram *histogram)
{
    facet__free(histogram);
}

/* The bin of a score. The sum is rounded to 1.2e-7, a sixteenth of a bin. */
static inline size_t bin_of(float score)
{
    const float place = (score + 1.0F) * (float)(BINS / 2);

    if (!(place > 0))
        return 0;
    return place < (float)BINS ? (size_t)place : BINS - 1;
}

static double bin_low(size_t bin)
{
    return (double)bin / (BINS / 2) - 1;
}

facet_status facet_histogram_add(
    facet_histogram *histogram, double score, bool mated)
{
    if (!histogram || isnan(score) || score == HUGE_VAL)
        return FACET_EINVAL;
    if (score == -HUGE_VAL)
        histogram->failed[mated]++;
    else
        histogram->counts[mated][bin_of((float)score)]++;
    return FACET_OK;
}

/* Rows packed for the kernels; NULL without memory. */
static float *pack(const facet_rows *rows, size_t width)
{
    const size_t panels = (rows->count + width - 1) / width;
    float *packed = facet__calloc(panels * width, rows->dim * sizeof *packed);

    if (packed)
        facet__products_pack(
            rows->values, NULL, rows->count, rows->dim, width, packed);
    return packed;
}

typedef struct work {
    facet_histogram *histogram;
    const facet_rows *a, *b;
    bool same; /* count pairs of one set, each once */
    const float *packed_a, *packed_b;
    facet__products *kernel;
    uint32_t (*counts)[2][BINS]; /* one a thread */
    size_t first_stripe;
} work;

/* Rows [row, +ROWS) of a against [column, +COLUMNS) of b. */
static void count_block(const work *w, uint32_t (*counts)[BINS],
    const float *scores, size_t row, size_t column)
{
    const size_t rows = w->a->count - row < ROWS ? w->a->count - row : ROWS;
    const size_t columns =
        w->b->count - column < COLUMNS ? w->b->count - column : COLUMNS;

    for (size_t i = 0; i < rows; i++) {
        const uint32_t subject = w->a->subject[row + i];
        size_t j = 0;

        if (w->same && column <= row + i)
            j = row + i + 1 - column;
        for (; j < columns; j++)
            counts[subject == w->b->subject[column + j]]
                  [bin_of(scores[i * COLUMNS + j])]++;
    }
}

static void empty_counts(work *w, int thread)
{
    for (int mated = 0; mated < 2; mated++) {
        uint32_t *counts = w->counts[thread][mated];

        for (size_t i = 0; i < BINS; i++)
            w->histogram->counts[mated][i] += counts[i];
        memset(counts, 0, BINS * sizeof *counts);
    }
}

static void count_stripe(void *context, size_t index, int thread)
{
    const work *w = context;
    const size_t first = (w->first_stripe + index) * STRIPE;
    const size_t last =
        first + STRIPE < w->a->count ? first + STRIPE : w->a->count;
    const size_t dim = w->a->dim;
    float scores[ROWS * COLUMNS];

    for (size_t column = 0; column < w->b->count; column += COLUMNS)
        for (size_t row = first; row < last; row += ROWS) {
            if (w->same && column + COLUMNS <= row + 1)
                continue;
            w->kernel(w->packed_a + row * dim, w->packed_b + column * dim, dim,
                scores);
            count_block(w, w->counts[thread], scores, row, column);
        }
}

/* Stripes in rounds so short that no 32-bit count can overflow. */
static void count_all(work *w, facet__pool *pool)
{
    const size_t stripes = (w->a->count + STRIPE - 1) / STRIPE;
    const size_t at_once = UINT32_MAX / (STRIPE * w->b->count);

    while (w->first_stripe < stripes) {
        const size_t left = stripes - w->first_stripe;
        const size_t n = left < at_once ? left : at_once;

        facet__pool_run(pool, n, count_stripe, w);
        for (int thread = 0; thread < facet__pool_size(pool); thread++)
            empty_counts(w, thread);
        w->first_stripe += n;
    }
}

static facet_status check_rows(const facet_rows *rows, facet_error *err)
{
    if (!rows->values || !rows->subject || rows->dim == 0)
        return facet__fail(err, FACET_EINVAL, "rows without values");
    if (rows->count > UINT32_MAX / STRIPE)
        return facet__fail(err, FACET_ELIMIT,
            "%zu rows: at most %u at a time, add them in parts", rows->count,
            UINT32_MAX / STRIPE);
    for (size_t i = 0; i < rows->count * rows->dim; i++)
        if (!isfinite(rows->values[i]))
            return facet__fail(err, FACET_EINVAL,
                "row %zu of the embeddings has a value that is not finite",
                i / rows->dim);
    return FACET_OK;
}

static facet_status check_work(facet_histogram *histogram, const facet_rows *a,
    const facet_rows *b, int threads, facet_error *err)
{
    facet_status status;

    if (!histogram || !a || threads < 1)
        return facet__fail(
            err, FACET_EINVAL, "a histogram, rows and threads are needed");
    status = check_rows(a, err);
    if (status == FACET_OK && b)
        status = check_rows(b, err);
    if (status == FACET_OK && b && b->dim != a->dim)
        return facet__fail(err, FACET_EINVAL,
            "embeddings of %zu and of %zu dims do not compare", a->dim, b->dim);
    return status;
}

facet_status facet_histogram_add_products(facet_histogram *histogram,
    const facet_rows *a, const facet_rows *b, int threads, facet_error *err)
{
    facet__pool *pool = NULL;
    float *packed_a = NULL, *packed_b = NULL;
    work w = { histogram, a, b ? b : a, !b, NULL, NULL, facet__products_pick(),
        NULL, 0 };
    facet_status status = check_work(histogram, a, b, threads, err);

    if (status != FACET_OK || a->count == 0 || w.b->count == 0)
        return status;
    packed_a = pack(a, ROWS);
    packed_b = pack(w.b, COLUMNS);
    w.packed_a = packed_a;
    w.packed_b = packed_b;
    w.counts = facet__calloc((size_t)threads, sizeof *w.counts);
    status = facet__pool_create(threads, &pool);
    if (!packed_a || !packed_b || !w.counts || status != FACET_OK)
        status = facet__fail_memory(err);
    else
        count_all(&w, pool);
    facet__pool_free(pool);
    facet__free(w.counts);
    facet__free(packed_a);
    facet__free(packed_b);
    return status;
}

facet_status facet_histogram_curve(
    const facet_histogram *histogram, facet_curve **out, facet_error *err)
{
    facet_curve *curve;
    size_t used = 0;
    facet_status status;

    if (!out)
        return facet__fail(err, FACET_EINVAL, "no place for the curve");
    *out = NULL;
    if (!histogram)
        return facet__fail(err, FACET_EINVAL, "the histogram is NULL");
    for (size_t bin = 0; bin < BINS; bin++)
        used += histogram->counts[0][bin] || histogram->counts[1][bin];
    if (facet__curve_alloc(used + 1, &curve) != FACET_OK)
        return facet__fail_memory(err);
    for (size_t bin = BINS; bin-- > 0;)
        if (histogram->counts[0][bin] || histogram->counts[1][bin])
            facet__curve_push(curve, bin_low(bin),
                (double)histogram->counts[1][bin],
                (double)histogram->counts[0][bin]);
    if (histogram->failed[0] || histogram->failed[1])
        facet__curve_push(curve, -HUGE_VAL, (double)histogram->failed[1],
            (double)histogram->failed[0]);
    status = facet__curve_check(curve, err);
    if (status == FACET_OK)
        *out = curve;
    else
        facet_curve_free(curve);
    return status;
}
