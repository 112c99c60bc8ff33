/* SPDX-License-Identifier: Apache-2.0 */
/* gallery.c - times a gallery on disk: durable enrolment of precomputed
 * embeddings in batches, opening, one identification.
 *
 * Usage: gallery FILE COUNT DIM BATCH
 * FILE is made anew, with its vector file, and stays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "facet/gallery.h"
#include "search_vectors.h"

static const uint8_t contract[FACET_CONTRACT_BYTES] = { 1 };

static void must(facet_status st, const facet_error *err)
{
    if (st == FACET_OK)
        return;
    fprintf(stderr, "gallery: %s\n", err->msg);
    exit(1);
}

static void remove_old(const char *path)
{
    static const char *const endings[] = { "", "-wal", "-shm", ".1.vectors" };
    char name[4096];

    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
}

/* Only the calls are timed, not the making of vectors. */
static double enroll(facet_gallery *g, size_t count, size_t dim, size_t batch)
{
    float *rows = malloc(batch * dim * sizeof *rows);
    facet_template *t = calloc(batch, sizeof *t);
    vectors v = vectors_of(1);
    uint64_t person;
    facet_error err;
    double spent = 0.0;

    must(facet_gallery_add_person(g, "somebody", &person, &err), &err);
    for (size_t done = 0; done < count; done += batch) {
        double begin;

        for (size_t i = 0; i < batch; i++) {
            vectors_next(&v, rows + i * dim, dim);
            t[i] = (facet_template){ .person = person,
                .embedding = rows + i * dim };
        }
        begin = facet__clock();
        must(facet_gallery_enroll(g, contract, t, batch, NULL, &err), &err);
        spent += facet__clock() - begin;
    }
    free(t);
    free(rows);
    return (double)count / spent;
}

static void identify(const facet_gallery *g, size_t dim)
{
    float *query = malloc(dim * sizeof *query);
    vectors v = vectors_of(2);
    facet_search_opts opts;
    facet_match out[10];
    facet_error err;
    size_t n;

    facet_search_opts_init(&opts);
    opts.rank = FACET_RANK_TEMPLATES;
    for (int i = 0; i < 5; i++) {
        double begin;

        vectors_next(&v, query, dim);
        begin = facet__clock();
        must(facet_gallery_search(
                 g, contract, query, 1, &opts, 10, out, &n, &err),
            &err);
        printf("search %d: %.2f ms\n", i + 1, (facet__clock() - begin) * 1e3);
    }
    free(query);
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "bench.db";
    const size_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000;
    const size_t dim = argc > 3 ? strtoull(argv[3], NULL, 10) : 512;
    const size_t batch = argc > 4 ? strtoull(argv[4], NULL, 10) : 1000;
    facet_gallery *g;
    facet_error err;
    double begin;

    remove_old(path);
    must(facet_gallery_create(path, contract, dim, NULL, &g, &err), &err);
    printf("enroll: %.0f a second\n", enroll(g, count, dim, batch));
    begin = facet__clock();
    facet_gallery_free(g);
    printf("close: %.1f ms\n", (facet__clock() - begin) * 1e3);
    begin = facet__clock();
    must(facet_gallery_open(path, NULL, &g, &err), &err);
    printf("open: %.2f ms\n", (facet__clock() - begin) * 1e3);
    identify(g, dim);
    facet_gallery_free(g);
    return 0;
}
