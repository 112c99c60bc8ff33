/* SPDX-License-Identifier: Apache-2.0 */
/* compact.c - four ways to say a number of an embedding in a byte.
 *
 *   bench_compact DIM               random unit vectors
 *   bench_compact EMBEDDINGS.jsonl  as `facet embed` writes them
 *
 * For 100,000 pairs, root mean square and largest change of the cosine by
 *   whole    256 equal steps over [-1, 1]
 *   clipped  equal steps over 4 deviations of a random vector's numbers
 *   unequal  the best steps for normal numbers (density to the power of 1/3)
 *   own      equal steps up to the embedding's own largest number:
 * facet_compact
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "facet/compact.h"
#include "facet/protocol.h"

enum { VECTORS = 2000, PAIRS = 100000 };

static double whole(double x, double root)
{
    (void)root;
    return fmin(fmax(nearbyint(x * 127.0), -127.0), 127.0) / 127.0;
}

static double clipped(double x, double root)
{
    const double step = 4.0 / 127.0 / root;

    return fmin(fmax(nearbyint(x / step), -127.0), 127.0) * step;
}

/* The standard normal's quantile, by bisection. */
static double quantile(double p)
{
    double low = -9.0, high = 9.0;

    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2.0;

        if (0.5 * erfc(-middle / sqrt(2.0)) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2.0;
}

static double unequal(double x, double root)
{
    const double wide = sqrt(3.0); /* the cube root of a normal density */
    const double p = 0.5 * erfc(-x * root / wide / sqrt(2.0));
    const double code = fmin(floor(p * 256.0), 255.0);

    return quantile((code + 0.5) / 256.0) * wide / root;
}

static double cosine(const float *a, const float *b, size_t dim)
{
    double ab = 0.0, aa = 0.0, bb = 0.0;

    for (size_t i = 0; i < dim; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static void own(const float *x, size_t dim, float *coded)
{
    int8_t *codes = malloc(dim);

    if (facet_compact(x, dim, codes) == FACET_OK)
        facet_expand(codes, dim, coded);
    free(codes);
}

static void measure(const char *name, double (*code)(double, double),
    const float *x, size_t n, size_t dim)
{
    float *coded = malloc(n * dim * sizeof *coded);
    facet__random random = facet__random_stream(2, 0, 0);
    double squares = 0.0, worst = 0.0;

    for (size_t i = 0; i < n; i++) {
        double length = 0.0;

        if (!code) {
            own(x + i * dim, dim, coded + i * dim);
            continue;
        }
        for (size_t k = 0; k < dim; k++)
            length += (double)x[i * dim + k] * (double)x[i * dim + k];
        for (size_t k = 0; k < dim; k++)
            coded[i * dim + k] = (float)code(
                (double)x[i * dim + k] / sqrt(length), sqrt((double)dim));
    }
    for (int p = 0; p < PAIRS; p++) {
        const size_t i = facet__random_below(&random, n);
        const size_t j = facet__random_below(&random, n);
        const double change = cosine(coded + i * dim, coded + j * dim, dim) -
                              cosine(x + i * dim, x + j * dim, dim);

        squares += change * change;
        worst = fabs(change) > worst ? fabs(change) : worst;
    }
    printf("%-8s root mean square %.6f, largest %.6f\n", name,
        sqrt(squares / PAIRS), worst);
    free(coded);
}

/* Random vectors, or those of the file that are there. */
static float *vectors(const char *what, size_t *n, size_t *dim)
{
    char *end;
    facet_vectors v;
    facet_error err = { 0 };
    float *x;

    *n = VECTORS;
    *dim = strtoul(what, &end, 10);
    if (*end == '\0') {
        facet__random random = facet__random_stream(1, 0, 0);

        x = malloc(*n * *dim * sizeof *x);
        for (size_t i = 0; i < *n * *dim; i++)
            x[i] = (float)facet__random_normal(&random);
        return x;
    }
    if (facet_vectors_read_jsonl(what, &v, &err) != FACET_OK) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
    *n = 0;
    *dim = v.dim;
    x = malloc(v.count * v.dim * sizeof *x);
    for (size_t i = 0; i < v.count; i++) {
        if (isnan(v.values[i * v.dim]))
            continue;
        for (size_t k = 0; k < v.dim; k++)
            x[*n * v.dim + k] = v.values[i * v.dim + k];
        ++*n;
    }
    facet_vectors_free(&v);
    return x;
}

int main(int argc, char **argv)
{
    size_t n, dim;
    float *x;

    if (argc != 2)
        return 2;
    x = vectors(argv[1], &n, &dim);
    printf("%zu embeddings of %zu numbers\n", n, dim);
    measure("whole", whole, x, n, dim);
    measure("clipped", clipped, x, n, dim);
    measure("unequal", unequal, x, n, dim);
    measure("own", NULL, x, n, dim);
    free(x);
    return 0;
}
