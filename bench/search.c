/* SPDX-License-Identifier: Apache-2.0 */
/* search.c - times exact search over random unit vectors, the worst case there
 * is: nothing stands out. Prints the ids found, so that search.sh can compare
 * them with those of another program over the same numbers.
 *
 * Usage: search COUNT DIM THREADS REPEATS */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "gallery/search.h"
#include "search_vectors.h"
#include "timing.h"

enum { K = 10, BATCH = 64 };

static double time_batches(facet__search *s, const float *queries, size_t batch,
    int repeats, facet_match *out)
{
    double *times = calloc((size_t)repeats, sizeof *times), median;
    size_t counts[BATCH];

    s->n_queries = batch;
    for (int r = -1; r < repeats; r++) {
        const size_t shift = batch == 1 ? (size_t)(r + 1) % BATCH : 0;
        double begin;

        s->queries = queries + shift * s->rows->layout.dim;
        begin = facet__clock();
        if (facet__search_run(s, out + shift * K, counts) != FACET_OK)
            exit(1);
        if (r >= 0)
            times[r] = 1e3 * (facet__clock() - begin) / (double)batch;
    }
    median = timing_median(times, repeats);
    free(times);
    return median;
}

int main(int argc, char **argv)
{
    const size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    const size_t dim = argc > 2 ? strtoull(argv[2], NULL, 10) : 128;
    const int threads = argc > 3 ? atoi(argv[3]) : 1;
    const int repeats = argc > 4 ? atoi(argv[4]) : 15;
    float *row = malloc(dim * sizeof *row);
    float *queries = malloc(BATCH * dim * sizeof *queries);
    static facet_match out[BATCH * K];
    FILE *file = fopen("search.vectors", "w+b");
    facet__rows rows;
    vectors v = vectors_of(1);
    facet__search s = { .rows = &rows,
        .kernels = facet__scan_kernels_get(),
        .k = K,
        .at_least = -INFINITY,
        .threads = threads };

    for (size_t q = 0; q < BATCH; q++)
        vectors_next(&v, queries + q * dim, dim);
    if (!file || facet__rows_map(&rows, dim, fileno(file), true, 0, NULL))
        return 1;
    for (size_t i = 0; i < count; i++) {
        vectors_next(&v, row, dim);
        if (facet__rows_append(&rows, i + 1, i + 1, row, NULL) != FACET_OK)
            return 1;
    }
    printf(
        "facet single %.4f ms\n", time_batches(&s, queries, 1, repeats, out));
    printf("facet batch %.4f ms\n",
        time_batches(&s, queries, BATCH, repeats, out));
    for (size_t q = 0; q < BATCH; q++) {
        printf("ids");
        for (size_t i = 0; i < K; i++)
            printf(" %llu", (unsigned long long)out[q * K + i].id);
        printf("\n");
    }
    facet__rows_free(&rows);
    fclose(file);
    remove("search.vectors");
    free(queries);
    free(row);
    return 0;
}
