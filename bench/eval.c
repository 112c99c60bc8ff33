/* SPDX-License-Identifier: Apache-2.0 */
/* eval.c - 10^8 comparisons to a full ROC: 20,000 x 5,000 rows of 512 floats.
 * Usage: bench_eval [threads]. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/threads.h"
#include "facet/eval.h"

enum { DIM = 512, GALLERY = 20000, PROBES = 5000, PEOPLE = 2500 };

/* Rows around the center of their person, so that mated scores are near 0.5. */
static facet_rows make_rows(size_t count, uint64_t seed)
{
    float *values = facet__calloc(count, DIM * sizeof *values);
    uint32_t *subject = facet__calloc(count, sizeof *subject);

    for (size_t row = 0; values && subject && row < count; row++) {
        facet__random own = facet__random_stream(seed, row, 0);
        facet__random center = facet__random_stream(1, row % PEOPLE, 0);
        float *at = values + row * DIM;
        double square = 0;

        subject[row] = (uint32_t)(row % PEOPLE);
        for (int k = 0; k < DIM; k++) {
            at[k] = (float)(facet__random_between(&center, -1, 1) +
                            facet__random_between(&own, -1, 1));
            square += (double)at[k] * (double)at[k];
        }
        for (int k = 0; k < DIM; k++)
            at[k] /= (float)sqrt(square);
    }
    return (facet_rows){ values, subject, count, DIM };
}

int main(int argc, char **argv)
{
    const int threads = argc > 1 ? atoi(argv[1]) : facet__cpu_count();
    const facet_rows a = make_rows(GALLERY, 2), b = make_rows(PROBES, 3);
    facet_histogram *histogram = NULL;
    facet_curve *curve = NULL;
    struct rusage usage;
    double start, counted;
    facet_error err;

    if (!a.values || !b.values || threads < 1 ||
        facet_histogram_create(&histogram) != FACET_OK)
        return 1;
    start = facet__clock();
    if (facet_histogram_add_products(histogram, &a, &b, threads, &err) !=
        FACET_OK)
        return 1;
    counted = facet__clock();
    if (facet_histogram_curve(histogram, &curve, &err) != FACET_OK)
        return 1;
    getrusage(RUSAGE_SELF, &usage);
    printf("%d x %d x %d, %d threads: scores and counts %.2f s, curve %.3f s,"
           " peak memory %ld MiB\n",
        GALLERY, PROBES, DIM, threads, counted - start,
        facet__clock() - counted, usage.ru_maxrss / 1024);
    printf("AUC %.9f, EER %.6f, TAR %.6f at FMR 1e-6, points %zu\n",
        facet_curve_auc(curve), facet_curve_eer(curve).eer,
        facet_curve_rate(curve, 1e-6, 1).tar, facet_curve_count(curve));
    facet_curve_free(curve);
    facet_histogram_free(histogram);
    return 0;
}
