/* SPDX-License-Identifier: Apache-2.0 */
/* projection.c - see projection.h.
 *
 * The principal space comes from subspace iteration on the covariance matrix:
 * multiply, make orthonormal, again. Only the space is wanted, so it need not
 * separate one component from the next, and 30 rounds do. */
#include "train/projection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "train/matmul.h"
#include "train/normalize.h"

enum { ROUNDS = 30 };

/* Gram and Schmidt, twice over each row for the sake of accuracy. A row that
 * vanishes (fewer dimensions in the data than asked for) stays zero. */
static void make_orthonormal(float *w, size_t k, size_t d)
{
    for (size_t i = 0; i < 2 * k; i++) {
        float *row = w + i / 2 * d, norm;

        for (size_t j = 0; j < i / 2; j++) {
            const float *other = w + j * d;
            double along = 0;

            for (size_t c = 0; c < d; c++)
                along += (double)row[c] * (double)other[c];
            for (size_t c = 0; c < d; c++)
                row[c] -= (float)(along * (double)other[c]);
        }
        facet__normalize_rows(row, 1, d, row, &norm);
        if ((double)norm < 1e-9)
            memset(row, 0, d * sizeof *row);
    }
}

/* covariance [d][d] of x, which is centered on the way into `centered`. */
static facet_status covariance(const float *x, size_t n, size_t d,
    facet__pool *pool, float *centered, float *out)
{
    for (size_t c = 0; c < d; c++) {
        double mean = 0;

        for (size_t i = 0; i < n; i++)
            mean += (double)x[i * d + c] / (double)n;
        for (size_t i = 0; i < n; i++)
            centered[i * d + c] = (float)((double)x[i * d + c] - mean);
    }
    return facet__matmul(pool, d, d, n, facet__transposed(centered, d),
        facet__plain(centered, d), false, out);
}

facet_status facet__principal_space(const float *x, size_t n, size_t d,
    size_t k, uint64_t seed, facet__pool *pool, float *w)
{
    facet__random random = facet__random_stream(seed, 0x9ca, 0);
    float *centered = facet__calloc(n, d * sizeof *centered);
    float *matrix = facet__calloc(d, d * sizeof *matrix);
    float *next = facet__calloc(k, d * sizeof *next);
    facet_status st = centered && matrix && next ? FACET_OK : FACET_ENOMEM;

    for (size_t i = 0; i < k * d; i++)
        w[i] = (float)facet__random_normal(&random);
    if (st == FACET_OK)
        st = covariance(x, n, d, pool, centered, matrix);
    make_orthonormal(w, k, d);
    for (int round = 0; round < ROUNDS && st == FACET_OK; round++) {
        st = facet__matmul(pool, k, d, d, facet__plain(w, d),
            facet__plain(matrix, d), false, next);
        memcpy(w, next, k * d * sizeof *w);
        make_orthonormal(w, k, d);
    }
    facet__free(centered);
    facet__free(matrix);
    facet__free(next);
    return st;
}

void facet__projection_setup_init(facet__projection_setup *setup)
{
    facet__loss_setup loss;

    *setup = (facet__projection_setup){
        .type = facet__loss_find("tpe"),
        .principal = true,
        .people = 32,
        .images = 4,
        .steps = 1000,
        .rate = .1,
        .momentum = .9,
    };
    facet__loss_setup_init(&loss, setup->type, 1);
    memcpy(setup->options, loss.options, sizeof setup->options);
}

/* Usable rows, person by person. */
typedef struct people {
    uint64_t *rows;  /* [n_rows] label << 32 | row, sorted */
    uint32_t *first; /* [count + 1] where each person begins */
    uint32_t *order; /* [count] for drawing */
    size_t count;
} people;

static int compare_rows(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static facet_status group(const int32_t *labels, size_t n, people *p)
{
    size_t n_rows = 0, kept = 0;

    p->rows = facet__calloc(n, sizeof *p->rows);
    p->first = facet__calloc(n + 1, sizeof *p->first);
    p->order = facet__calloc(n, sizeof *p->order);
    if (!p->rows || !p->first || !p->order)
        return FACET_ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (labels[i] >= 0)
            p->rows[n_rows++] = (uint64_t)labels[i] << 32 | i;
    qsort(p->rows, n_rows, sizeof *p->rows, compare_rows);
    for (size_t i = 0, end; i < n_rows; i = end) {
        for (end = i + 1;
             end < n_rows && p->rows[end] >> 32 == p->rows[i] >> 32; end++)
            ;
        if (end - i < 2)
            continue;
        memmove(p->rows + kept, p->rows + i, (end - i) * sizeof *p->rows);
        p->order[p->count] = (uint32_t)p->count;
        kept += end - i;
        p->first[++p->count] = (uint32_t)kept;
    }
    return FACET_OK;
}

static void ungroup(people *p)
{
    facet__free(p->rows);
    facet__free(p->first);
    facet__free(p->order);
}

/* A fit in hand. */
typedef struct fit {
    const facet__projection_setup *setup;
    const float *x;
    size_t d, people, n; /* people and pictures of a batch */
    struct people all;
    facet__loss *loss;
    facet__optimizer *optimizer;
    float *batch, *dx; /* [n][d] */
    int32_t *labels;   /* [n] */
} fit;

/* Different people, and of each different pictures as far as there are. */
static void draw_batch(fit *f, uint64_t step)
{
    facet__random random = facet__random_stream(f->setup->seed, 0x7e5, step);
    size_t to = 0;

    for (size_t i = 0; i < f->people; i++) {
        uint32_t *order = f->all.order;
        const size_t j =
            i + (size_t)facet__random_below(&random, f->all.count - i);
        const uint32_t person = order[j];
        const uint32_t first = f->all.first[person];
        const uint32_t n = f->all.first[person + 1] - first;
        const uint32_t start = (uint32_t)facet__random_below(&random, n);

        order[j] = order[i];
        order[i] = person;
        for (uint32_t k = 0; k < f->setup->images; k++, to++) {
            const uint64_t row = f->all.rows[first + (start + k) % n];

            memcpy(f->batch + to * f->d,
                f->x + (size_t)(row & UINT32_MAX) * f->d, f->d * sizeof(float));
            f->labels[to] = (int32_t)person;
        }
    }
}

static facet_status open_fit(fit *f, facet__pool *pool, facet_error *err)
{
    facet__loss_setup loss;
    facet__optimizer_setup optimizer;
    facet_status st;

    facet__loss_setup_init(&loss, f->setup->type, f->d);
    memcpy(loss.options, f->setup->options, sizeof loss.options);
    loss.seed = f->setup->seed;
    st = facet__loss_create(f->setup->type, &loss, pool, &f->loss, err);
    if (st != FACET_OK)
        return st;
    if (f->loss->n_params != 1)
        return facet__fail(err, FACET_EINVAL,
            "loss %s has no projection to fit", f->setup->type->name);
    facet__optimizer_setup_init(&optimizer);
    optimizer.momentum = f->setup->momentum;
    f->batch = facet__calloc(f->n, f->d * sizeof *f->batch);
    f->dx = facet__calloc(f->n, f->d * sizeof *f->dx);
    f->labels = facet__calloc(f->n, sizeof *f->labels);
    st = facet__optimizer_create(
        &optimizer, f->loss->params, 1, pool, &f->optimizer);
    if (st != FACET_OK || !f->batch || !f->dx || !f->labels)
        return facet__fail_memory(err);
    return FACET_OK;
}

static void close_fit(fit *f)
{
    ungroup(&f->all);
    facet__optimizer_free(f->optimizer);
    facet__loss_free(f->loss);
    facet__free(f->batch);
    facet__free(f->dx);
    facet__free(f->labels);
}

static facet_status fail_diverged(const fit *f, uint64_t step, facet_error *err)
{
    return facet__fail(err, FACET_EINVAL,
        "step %llu: the projection diverges at a rate of %g; take a lower one "
        "(--rate)",
        (unsigned long long)step, f->setup->rate);
}

static bool is_finite(const facet__param *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (!isfinite(p->value[i]))
            return false;
    return true;
}

static facet_status run_fit(fit *f, double *value, facet_error *err)
{
    const facet__schedule_state state = facet__schedule_start();
    facet__schedule schedule;

    facet__schedule_init(&schedule);
    schedule.kind = FACET__COSINE;
    schedule.rate = f->setup->rate;
    schedule.total = f->setup->steps;
    for (uint64_t step = 0; step < f->setup->steps; step++) {
        const facet__batch batch = { f->n, f->batch, f->labels, NULL, step,
            NULL };
        facet__loss_result result;
        facet__step moved;
        facet_status st;

        draw_batch(f, step);
        st = facet__loss_run(f->loss, &batch, f->dx, &result, err);
        if (st != FACET_OK)
            return st;
        moved = facet__optimizer_step(
            f->optimizer, facet__schedule_rate(&schedule, &state, step));
        if (!isfinite(result.value) || !isfinite(moved.norm))
            return fail_diverged(f, step, err);
        *value = step ? .98 * *value + .02 * result.value : result.value;
    }
    return is_finite(&f->loss->params[0])
               ? FACET_OK
               : fail_diverged(f, f->setup->steps, err);
}

/* W becomes the principal space of the rows that are somebody's. */
static facet_status start_at_principal(
    const fit *f, const int32_t *labels, size_t n, size_t k, facet__pool *pool)
{
    float *known = facet__calloc(n, f->d * sizeof *known);
    size_t rows = 0;
    facet_status st = FACET_ENOMEM;

    for (size_t i = 0; known && i < n; i++)
        if (labels[i] >= 0)
            memcpy(
                known + rows++ * f->d, f->x + i * f->d, f->d * sizeof *known);
    if (known)
        st = facet__principal_space(known, rows, f->d, k, f->setup->seed, pool,
            f->loss->params[0].value);
    facet__free(known);
    return st;
}

facet_status facet__projection_fit(const facet__projection_setup *setup,
    const float *x, const int32_t *labels, size_t n, size_t d,
    facet__pool *pool, float *w, double *value, facet_error *err)
{
    fit f = { .setup = setup, .x = x, .d = d };
    facet_status st;
    size_t k = 0;

    *value = 0;
    st = group(labels, n, &f.all);
    if (st != FACET_OK)
        facet__fail_memory(err);
    else if (f.all.count < 2 || setup->images < 2 || setup->people < 2)
        st = facet__fail(err, FACET_EINVAL,
            "a projection needs two people of two pictures, and batches of "
            "as many");
    f.people = f.all.count < setup->people ? f.all.count : setup->people;
    f.n = f.people * setup->images;
    if (st == FACET_OK)
        st = open_fit(&f, pool, err);
    if (st == FACET_OK) {
        k = f.loss->params[0].count / d;
        if (k > d)
            st = facet__fail(err, FACET_EINVAL,
                "a projection from %zu to %zu dimensions", d, k);
    }
    if (st == FACET_OK && setup->principal &&
        start_at_principal(&f, labels, n, k, pool) != FACET_OK)
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        st = run_fit(&f, value, err);
    if (st == FACET_OK)
        memcpy(w, f.loss->params[0].value, k * d * sizeof *w);
    close_fit(&f);
    return st;
}
