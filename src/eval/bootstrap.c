/* SPDX-License-Identifier: Apache-2.0 */
/* bootstrap.c - intervals and tests by drawing subjects.
 *
 * The list is sorted once. A round draws as many subjects as there are, with
 * replacement, and walks the sorted list with weights: the product of the two
 * subjects' multiplicities, for a mated comparison the one's. Round r uses the
 * random stream (seed, r), so that rounds are the same in any order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"
#include "eval/curve.h"

enum { MAX_ROUNDS = 1000000 };

void facet_bootstrap_opts_init(facet_bootstrap_opts *opts)
{
    *opts = (facet_bootstrap_opts){ sizeof *opts, 1, 1000, 0.95 };
}

/* A list made ready: subjects are numbered from 0. */
typedef struct drawing {
    const facet_comparison *list;
    size_t count, n_subjects;
    size_t *order;     /* [count] by falling score */
    uint32_t *subject; /* [count][2] */
    uint32_t *times;   /* [n_subjects] multiplicity in this round */
    facet_curve *curve;
} drawing;

static void drawing_free(drawing *d)
{
    facet__free(d->order);
    facet__free(d->subject);
    facet__free(d->times);
    facet_curve_free(d->curve);
}

static int by_number(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return a < b ? -1 : a > b;
}

/* Replace the subjects' numbers by their ranks among `sorted`. */
static void number_subjects(drawing *d, uint32_t *sorted)
{
    const size_t n = 2 * d->count;

    memcpy(sorted, d->subject, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_number);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || sorted[i] != sorted[i - 1])
            sorted[d->n_subjects++] = sorted[i];
    for (size_t i = 0; i < n; i++) {
        const uint32_t *found = bsearch(
            &d->subject[i], sorted, d->n_subjects, sizeof *sorted, by_number);

        d->subject[i] = (uint32_t)(found - sorted);
    }
}

static facet_status drawing_fill(drawing *d, facet_error *err)
{
    uint32_t *sorted = facet__calloc(d->count, 2 * sizeof *sorted);

    d->subject = facet__calloc(d->count, 2 * sizeof *d->subject);
    if (!sorted || !d->subject ||
        facet__comparisons_order(d->list, d->count, &d->order) != FACET_OK ||
        facet__curve_alloc(d->count + 1, &d->curve) != FACET_OK) {
        facet__free(sorted);
        return facet__fail_memory(err);
    }
    for (size_t i = 0; i < d->count; i++) {
        d->subject[2 * i] = d->list[i].subject_a;
        d->subject[2 * i + 1] = d->list[i].subject_b;
    }
    number_subjects(d, sorted);
    facet__free(sorted);
    d->times = facet__calloc(d->n_subjects, sizeof *d->times);
    return d->times ? FACET_OK : facet__fail_memory(err);
}

/* Scores, labels and subjects must make sense together. */
static facet_status check_list(
    const facet_comparison *list, size_t count, facet_error *err)
{
    const facet_status status = facet__comparisons_check(list, count, err);
    bool kinds[2] = { false, false };

    if (status != FACET_OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        kinds[list[i].mated] = true;
        if (list[i].mated && list[i].subject_a != list[i].subject_b)
            return facet__fail(err, FACET_EINVAL,
                "comparison %zu is mated, but of subjects %u and %u", i,
                list[i].subject_a, list[i].subject_b);
    }
    if (!kinds[0] || !kinds[1])
        return facet__fail(
            err, FACET_EINVAL, "rates need mated and non-mated comparisons");
    return FACET_OK;
}

static void draw_subjects(drawing *d, uint64_t seed, uint64_t round)
{
    facet__random random = facet__random_stream(seed, round, 0);

    memset(d->times, 0, d->n_subjects * sizeof *d->times);
    for (size_t i = 0; i < d->n_subjects; i++)
        d->times[facet__random_below(&random, d->n_subjects)]++;
}

/* How often a draw has comparison `i`. */
static double comparison_weight(
    const drawing *d, const uint32_t *times, size_t i)
{
    const double a = times[d->subject[2 * i]];

    return d->list[i].mated ? a : a * times[d->subject[2 * i + 1]];
}

/* False when the draw has no comparison of one kind. */
static bool weigh_curve(drawing *d, const uint32_t *times)
{
    facet__curve_reset(d->curve);
    for (size_t i = 0; i < d->count; i++) {
        const facet_comparison *c = &d->list[d->order[i]];
        const double weight = comparison_weight(d, times, d->order[i]);

        if (weight > 0)
            facet__curve_push(d->curve, c->score, c->mated ? weight : 0,
                c->mated ? 0 : weight);
    }
    return d->curve->mated > 0 && d->curve->nonmated > 0;
}

static int by_value(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* Percentile ends of `n` values, which are sorted; NaN without any. */
static facet_interval interval_of(double *values, size_t n, double level)
{
    const double tail = (1 - level) / 2 * (double)n;
    size_t skip = (size_t)tail;

    if (n == 0)
        return (facet_interval){ (double)NAN, (double)NAN };
    qsort(values, n, sizeof *values, by_value);
    if (2 * skip >= n)
        skip = (n - 1) / 2;
    return (facet_interval){ values[skip], values[n - 1 - skip] };
}

static facet_status check_opts(const facet_bootstrap_opts *opts,
    facet_bootstrap_opts *own, facet_error *err)
{
    facet_bootstrap_opts_init(own);
    if (opts)
        *own = *opts;
    if (own->size != sizeof *own || own->rounds < 1 ||
        own->rounds > MAX_ROUNDS || !(own->level > 0 && own->level < 1))
        return facet__fail(err, FACET_EINVAL,
            "bootstrap options: 1 to %d rounds, a level in (0, 1)", MAX_ROUNDS);
    return FACET_OK;
}

/* What a round gives, in columns: AUC, EER, then TAR and threshold of every
 * wanted rate. */
enum { COLUMN_AUC, COLUMN_EER, COLUMN_RATES };

static void read_round(const facet_curve *curve, const double *wanted,
    size_t n_wanted, double *table, size_t rounds, size_t round)
{
    table[COLUMN_AUC * rounds + round] = facet_curve_auc(curve);
    table[COLUMN_EER * rounds + round] = facet_curve_eer(curve).eer;
    for (size_t i = 0; i < n_wanted; i++) {
        const facet_rate rate = facet_curve_rate(curve, wanted[i], 0);
        double *column = table + (COLUMN_RATES + 2 * i) * rounds;

        column[round] = rate.tar;
        column[rounds + round] = rate.threshold;
    }
}

facet_status facet_bootstrap(const facet_comparison *list, size_t count,
    const facet_bootstrap_opts *opts, const double *wanted, size_t n_wanted,
    facet_interval *tar, facet_interval *threshold, facet_interval *auc,
    facet_interval *eer, facet_error *err)
{
    drawing d = { .list = list, .count = count };
    facet_bootstrap_opts own;
    double *table = NULL;
    size_t n = 0;
    facet_status status = check_opts(opts, &own, err);

    if (status == FACET_OK && !wanted && n_wanted > 0)
        status = facet__fail(err, FACET_EINVAL, "the wanted rates are NULL");
    if (status == FACET_OK)
        status = check_list(list, count, err);
    if (status == FACET_OK)
        status = drawing_fill(&d, err);
    if (status != FACET_OK)
        goto done;
    table = facet__calloc(
        (COLUMN_RATES + 2 * n_wanted) * own.rounds, sizeof *table);
    if (!table) {
        status = facet__fail_memory(err);
        goto done;
    }
    for (unsigned round = 0; round < own.rounds; round++) {
        draw_subjects(&d, own.seed, round);
        if (weigh_curve(&d, d.times))
            read_round(d.curve, wanted, n_wanted, table, own.rounds, n++);
    }
    if (auc)
        *auc = interval_of(table + COLUMN_AUC * own.rounds, n, own.level);
    if (eer)
        *eer = interval_of(table + COLUMN_EER * own.rounds, n, own.level);
    for (size_t i = 0; i < n_wanted; i++) {
        double *column = table + (COLUMN_RATES + 2 * i) * own.rounds;

        if (tar)
            tar[i] = interval_of(column, n, own.level);
        if (threshold)
            threshold[i] = interval_of(column + own.rounds, n, own.level);
    }
done:
    facet__free(table);
    drawing_free(&d);
    return status;
}

static facet_status check_paired(const facet_comparison *first,
    const facet_comparison *second, size_t count, facet_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (first[i].mated != second[i].mated ||
            first[i].fold != second[i].fold ||
            first[i].subject_a != second[i].subject_a ||
            first[i].subject_b != second[i].subject_b)
            return facet__fail(err, FACET_EINVAL,
                "comparison %zu is not the same for both models", i);
    return FACET_OK;
}

/* Twice the smaller tail at zero, zero itself in both, never 0: the data are
 * one draw more. */
static double two_sided(const double *values, size_t n)
{
    size_t below = 0, above = 0, least;

    for (size_t i = 0; i < n; i++) {
        below += values[i] <= 0;
        above += values[i] >= 0;
    }
    least = below < above ? below : above;
    return fmin(1, 2 * (double)(least + 1) / (double)(n + 1));
}

/* Two models on the same comparisons, and what a round asks of them. */
typedef struct paired {
    drawing first, second; /* the first's subjects are drawn */
    double wanted;         /* a false match rate */
    signed char *gain;     /* [count] right with the second less right with the
                              first */
} paired;

static void paired_free(paired *p)
{
    drawing_free(&p->first);
    drawing_free(&p->second);
    facet__free(p->gain);
}

static facet_status paired_open(paired *p, const facet_comparison *first,
    const facet_comparison *second, size_t count, facet_error *err)
{
    facet_status status = check_list(first, count, err);

    *p = (paired){ .first = { .list = first, .count = count },
        .second = { .list = second, .count = count } };
    if (status == FACET_OK)
        status = check_list(second, count, err);
    if (status == FACET_OK)
        status = check_paired(first, second, count, err);
    return status == FACET_OK ? drawing_fill(&p->first, err) : status;
}

/* What a draw of subjects says, second less first; false when it has no
 * comparison of one kind. */
typedef bool round_difference(paired *p, double *difference);

static facet_status paired_rounds(paired *p, const facet_bootstrap_opts *opts,
    round_difference *ask, facet_difference *out, facet_error *err)
{
    double *values = facet__calloc(opts->rounds, sizeof *values);
    size_t n = 0;

    if (!values)
        return facet__fail_memory(err);
    for (size_t i = 0; i < p->first.n_subjects; i++)
        p->first.times[i] = 1;
    ask(p, &out->difference);
    for (unsigned round = 0; round < opts->rounds; round++) {
        draw_subjects(&p->first, opts->seed, round);
        n += ask(p, &values[n]);
    }
    out->p = two_sided(values, n);
    out->interval = interval_of(values, n, opts->level);
    facet__free(values);
    return FACET_OK;
}

static bool tar_difference(paired *p, double *difference)
{
    const uint32_t *times = p->first.times;

    if (!weigh_curve(&p->first, times) || !weigh_curve(&p->second, times))
        return false;
    *difference = facet_curve_rate(p->second.curve, p->wanted, 0).tar -
                  facet_curve_rate(p->first.curve, p->wanted, 0).tar;
    return true;
}

facet_status facet_paired_bootstrap(const facet_comparison *first,
    const facet_comparison *second, size_t count, double wanted,
    const facet_bootstrap_opts *opts, facet_difference *out, facet_error *err)
{
    paired p = { .wanted = 0 };
    facet_bootstrap_opts own;
    facet_status status = check_opts(opts, &own, err);

    if (status == FACET_OK && (!out || !(wanted > 0 && wanted <= 1)))
        status =
            facet__fail(err, FACET_EINVAL, "a false match rate is in (0, 1]");
    if (status == FACET_OK)
        status = paired_open(&p, first, second, count, err);
    p.wanted = wanted;
    if (status == FACET_OK)
        status = drawing_fill(&p.second, err);
    if (status == FACET_OK)
        status = paired_rounds(&p, &own, tar_difference, out, err);
    paired_free(&p);
    return status;
}

/* A draw changes how many of each kind there are, and they are decided with
 * different success: each kind keeps the share it has in the list. */
static bool accuracy_difference(paired *p, double *difference)
{
    const drawing *d = &p->first;
    double gain[2] = { 0, 0 }, weight[2] = { 0, 0 }, listed[2] = { 0, 0 };

    for (size_t i = 0; i < d->count; i++) {
        const bool mated = d->list[i].mated;
        const double w = comparison_weight(d, d->times, i);

        gain[mated] += w * p->gain[i];
        weight[mated] += w;
        listed[mated] += 1;
    }
    if (!(weight[0] > 0 && weight[1] > 0))
        return false;
    *difference =
        (gain[0] / weight[0] * listed[0] + gain[1] / weight[1] * listed[1]) /
        (double)d->count;
    return true;
}

static bool is_right(const facet_comparison *c, const facet_folds *folds)
{
    return (c->score >= folds->threshold[c->fold]) == c->mated;
}

facet_status facet_paired_accuracy(const facet_comparison *first,
    const facet_comparison *second, size_t count,
    const facet_bootstrap_opts *opts, facet_folds folds[2],
    facet_difference *out, facet_error *err)
{
    paired p = { .wanted = 0 };
    facet_bootstrap_opts own;
    facet_folds a, b;
    facet_status status = check_opts(opts, &own, err);

    if (status == FACET_OK && !out)
        status = facet__fail(err, FACET_EINVAL, "no place for the result");
    if (status == FACET_OK)
        status = facet_fold_accuracy(first, count, &a, err);
    if (status == FACET_OK)
        status = facet_fold_accuracy(second, count, &b, err);
    if (status == FACET_OK)
        status = paired_open(&p, first, second, count, err);
    if (status == FACET_OK) {
        p.gain = facet__alloc(count * sizeof *p.gain);
        status = p.gain ? FACET_OK : facet__fail_memory(err);
    }
    for (size_t i = 0; status == FACET_OK && i < count; i++)
        p.gain[i] =
            (signed char)(is_right(&second[i], &b) - is_right(&first[i], &a));
    if (status == FACET_OK)
        status = paired_rounds(&p, &own, accuracy_difference, out, err);
    if (status == FACET_OK && folds) {
        folds[0] = a;
        folds[1] = b;
    }
    paired_free(&p);
    return status;
}

double facet_mcnemar(uint64_t only_first, uint64_t only_second)
{
    const uint64_t n = only_first + only_second;
    const uint64_t least = only_first < only_second ? only_first : only_second;
    double sum = 0;

    for (uint64_t k = 0; k <= least; k++)
        sum += exp(lgamma((double)n + 1) - lgamma((double)k + 1) -
                   lgamma((double)(n - k) + 1) - (double)n * log(2));
    return fmin(1, 2 * sum);
}
