/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "gallery/search.h"

enum { QUERIES = 9 };

static uint64_t seed;

static double uniform(void)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (double)(seed >> 11) / 9007199254740992.0 - 0.5;
}

static void normalize(float *row, size_t dim)
{
    double square = 0.0;

    for (size_t i = 0; i < dim; i++)
        square += (double)row[i] * (double)row[i];
    for (size_t i = 0; i < dim; i++)
        row[i] = (float)((double)row[i] / sqrt(square));
}

/* Unit vectors of several kinds: one in eight has a few large coordinates, so
 * that codes are cut off, and one in eight is near a shared direction, so that
 * scores crowd together. */
static void random_row(float *row, size_t dim)
{
    const int kind = (int)((uniform() + 0.5) * 8.0);

    for (size_t i = 0; i < dim; i++)
        row[i] = (float)(uniform() + uniform() + uniform());
    if (kind == 0)
        row[dim / 2] += 9.0F;
    if (kind == 1)
        for (size_t i = 0; i < dim; i++)
            row[i] = 1.0F + 0.01F * row[i];
    normalize(row, dim);
}

/* Rows come in equal pairs, so that ties occur and their order is checked too;
 * three rows in a row are one person's. */
static void fill(facet__rows *rows, size_t dim, size_t count)
{
    float row[FACET__MAX_DIM / 8];

    facet__rows_init(rows, dim);
    for (size_t i = 0; i < count; i++) {
        if (i % 2 == 0)
            random_row(row, dim);
        CHECK_OK(facet__rows_append(rows, i + 1, i / 3 + 1, row, NULL));
    }
}

static int by_rank(const void *a, const void *b)
{
    const facet_match *x = a, *y = b;

    return facet__match_better(*x, *y) ? -1 : facet__match_better(*y, *x);
}

/* The plain scan of floats. */
static size_t rank_all(const facet__rows *rows, const float *query,
    const uint8_t *allow, facet_match *out)
{
    size_t n = 0;

    for (size_t i = 0; i < rows->count; i++) {
        if (facet__rows_id(rows, i) == 0 ||
            (allow && !(allow[i / 8] >> i % 8 & 1)))
            continue;
        out[n++] = (facet_match){ .id = facet__rows_id(rows, i),
            .person = facet__rows_person(rows, i),
            .score = facet__scan_baseline.dot(
                query, facet__rows_at(rows, i), rows->layout.dim) };
    }
    qsort(out, n, sizeof *out, by_rank);
    return n;
}

/* Only the first match of each person. */
static size_t one_a_person(facet_match *list, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        size_t j = 0;

        while (j < kept && list[j].person != list[i].person)
            j++;
        if (j == kept)
            list[kept++] = list[i];
    }
    return kept;
}

static size_t kernels_here(const facet__scan_kernels **list)
{
    size_t n = 0;

    list[n++] = &facet__scan_baseline;
#if defined(__x86_64__)
    if (facet__cpu_level_get() >= FACET__CPU_AVX2)
        list[n++] = &facet__scan_avx2;
    if (facet__cpu_level_get() >= FACET__CPU_AVX512)
        list[n++] = &facet__scan_avx512;
#endif
    return n;
}

/* Run the search and compare it with the plain scan, bit by bit. */
static void check_search(const facet__search *s)
{
    const size_t dim = s->rows->layout.dim;
    facet_match *all = malloc(s->rows->count * sizeof *all);
    facet_match *out = malloc(s->n_queries * s->k * sizeof *out);
    size_t counts[QUERIES];

    CHECK_OK(facet__search_run(s, out, counts));
    for (size_t q = 0; q < s->n_queries; q++) {
        size_t n = rank_all(s->rows, s->queries + q * dim, s->allow, all);

        if (s->by_person)
            n = one_a_person(all, n);
        while (n > 0 && !(all[n - 1].score >= s->at_least))
            n--;
        assert_int_equal(counts[q], n < s->k ? n : s->k);
        for (size_t i = 0; i < counts[q]; i++) {
            assert_int_equal(out[q * s->k + i].id, all[i].id);
            assert_int_equal(out[q * s->k + i].person, all[i].person);
            assert_true(out[q * s->k + i].score == all[i].score);
        }
    }
    free(out);
    free(all);
}

/* Every kernel, k, number of queries and of threads, ranked both ways. */
static void check_all_ways(const facet__rows *rows, const float *queries,
    const uint8_t *allow, float at_least)
{
    static const size_t ks[] = { 1, 2, 10, 64 };
    const facet__scan_kernels *kernels[3];
    const size_t n_kernels = kernels_here(kernels);

    for (size_t way = 0; way < n_kernels * 4 * 8; way++)
        check_search(&(facet__search){ .rows = rows,
            .kernels = kernels[way / 32],
            .queries = queries,
            .k = ks[way / 8 % 4],
            .n_queries = way & 1 ? QUERIES : 1,
            .by_person = way & 2,
            .threads = way & 4 ? 3 : 1,
            .allow = allow,
            .at_least = at_least });
}

static void test_search_equals_a_scan_of_all_floats(void **state)
{
    static const size_t dims[] = { 1, 7, 8, 37, 128, 200 };
    float queries[QUERIES * 200];

    (void)state;
    seed = 7;
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
        facet__rows rows;

        fill(&rows, dims[d], 1500);
        for (size_t q = 0; q < QUERIES; q++)
            random_row(queries + q * dims[d], dims[d]);
        /* One query is a stored row. */
        memcpy(queries, facet__rows_at(&rows, 700), dims[d] * sizeof *queries);
        check_all_ways(&rows, queries, NULL, -INFINITY);
        facet__rows_free(&rows);
    }
}

/* Enough coordinates that more than one thread is worth its while. */
static void test_threads_do_not_change_the_answer(void **state)
{
    enum { DIM = 512, ROWS = 30000 };
    static float queries[QUERIES * DIM];
    const facet__scan_kernels *kernels[3];
    facet__rows rows;

    (void)state;
    seed = 11;
    fill(&rows, DIM, ROWS);
    for (size_t q = 0; q < QUERIES; q++)
        random_row(queries + q * DIM, DIM);
    for (int way = 0; way < 4; way++)
        check_search(&(facet__search){ .rows = &rows,
            .kernels = kernels[kernels_here(kernels) - 1],
            .queries = queries,
            .k = 10,
            .n_queries = way & 1 ? QUERIES : 1,
            .by_person = way & 2,
            .threads = 3,
            .at_least = -INFINITY });
    facet__rows_free(&rows);
}

static void test_search_obeys_filter_and_least_score(void **state)
{
    enum { DIM = 64, ROWS = 1300 };
    float queries[QUERIES * DIM];
    uint8_t allow[(ROWS + 7) / 8];
    facet__rows rows;

    (void)state;
    seed = 3;
    fill(&rows, DIM, ROWS);
    for (size_t q = 0; q < QUERIES; q++)
        random_row(queries + q * DIM, DIM);
    for (size_t i = 0; i < sizeof allow; i++)
        allow[i] = (uint8_t)((uniform() + 0.5) * 256.0);
    check_all_ways(&rows, queries, allow, -INFINITY);
    check_all_ways(&rows, queries, allow, 0.2F);
    memset(allow, 0, sizeof allow);
    allow[3] = 16;
    check_all_ways(&rows, queries, allow, -INFINITY);
    facet__rows_free(&rows);
}

static void test_erased_rows_are_gone_and_zero(void **state)
{
    enum { DIM = 24, ROWS = 40 };
    float queries[QUERIES * DIM];
    facet__rows rows;

    (void)state;
    seed = 5;
    fill(&rows, DIM, ROWS);
    for (size_t q = 0; q < QUERIES; q++)
        random_row(queries + q * DIM, DIM);
    for (size_t i = 0; i < ROWS; i += 3)
        facet__rows_erase(&rows, i);
    check_all_ways(&rows, queries, NULL, -INFINITY);
    for (size_t i = 0; i < DIM; i++)
        assert_true(facet__rows_at(&rows, 3)[i] == 0.0F);
    assert_true(facet__rows_intact(&rows, 3));
    facet__rows_free(&rows);
}

/* The promise that exactness rests on, for both codes and every kernel. */
static void test_bounds_are_never_below_the_exact_score(void **state)
{
    enum { DIM = 52, ROWS = FACET__CHUNK_ROWS };
    const facet__scan_kernels *kernels[3];
    const size_t n_kernels = kernels_here(kernels);
    facet__rows rows;

    (void)state;
    seed = 13;
    fill(&rows, DIM, ROWS);
    for (size_t turn = 0; turn < n_kernels * 40; turn++) {
        const facet__scan_kernels *k = kernels[turn % n_kernels];
        const facet__codes codes = facet__rows_codes(&rows, 0);
        int32_t dots[ROWS];
        uint16_t masks[FACET__CHUNK_GROUPS];
        int8_t code[DIM + 8];
        float query[DIM];
        facet__probe p;

        random_row(query, DIM);
        facet__code_query(query, DIM, k->query_limit, code, &p);
        for (size_t g = 0; g < FACET__CHUNK_GROUPS; g += FACET__PIECE)
            k->high(&codes, g, &p, dots + g * FACET__GROUP, masks + g);
        for (size_t r = 0; r < ROWS; r++) {
            const float score = k->dot(query, facet__rows_at(&rows, r), DIM);
            const int32_t low =
                k->low(codes.low + r * codes.octs * 4, code, codes.octs);
            const float high = (float)(2 * dots[r] - p.offset_high) *
                                   p.scale_high * codes.step[r] +
                               codes.error_high[r] * p.slope + p.slack;
            const float full =
                (float)(2 * (16 * dots[r] + low) - p.offset_full) *
                    p.scale_full * codes.step[r] +
                codes.error_full[r] * p.slope + p.slack;

            assert_true(high >= score && full >= score);
            /* And not uselessly far: both codes say something. */
            assert_true(full - score < 0.5F);
        }
    }
    facet__rows_free(&rows);
}

static void test_a_changed_bit_is_noticed(void **state)
{
    enum { DIM = 16 };
    facet__rows rows;

    (void)state;
    seed = 17;
    fill(&rows, DIM, 100);
    assert_true(facet__rows_intact(&rows, 50));
    rows.segments[0][rows.layout.row + 50 * DIM * sizeof(float)] ^= 1;
    assert_false(facet__rows_intact(&rows, 50));
    assert_true(facet__rows_intact(&rows, 51));
    rows.segments[0][rows.layout.low + 51 * 8 + 3] ^= 16;
    assert_false(facet__rows_intact(&rows, 51));
    facet__rows_free(&rows);
}

static void test_an_empty_set_has_no_answer(void **state)
{
    const float query[4] = { 1.0F };
    facet_match out[3];
    size_t count = 9;
    facet__rows rows;

    (void)state;
    facet__rows_init(&rows, 4);
    CHECK_OK(facet__search_run(&(facet__search){ .rows = &rows,
                                   .kernels = &facet__scan_baseline,
                                   .queries = query,
                                   .n_queries = 1,
                                   .k = 3,
                                   .at_least = -INFINITY },
        out, &count));
    assert_int_equal(count, 0);
    facet__rows_free(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_equals_a_scan_of_all_floats),
        cmocka_unit_test(test_threads_do_not_change_the_answer),
        cmocka_unit_test(test_search_obeys_filter_and_least_score),
        cmocka_unit_test(test_erased_rows_are_gone_and_zero),
        cmocka_unit_test(test_bounds_are_never_below_the_exact_score),
        cmocka_unit_test(test_a_changed_bit_is_noticed),
        cmocka_unit_test(test_an_empty_set_has_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
