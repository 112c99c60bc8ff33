/* SPDX-License-Identifier: Apache-2.0 */
/* gallery_fixture.h - for tests: a folder with a gallery, and embeddings that
 * are known by two numbers, a person's and a photo's. Photos of one person are
 * alike, people are not. */
#ifndef FACET__GALLERY_FIXTURE_H
#define FACET__GALLERY_FIXTURE_H

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "facet/gallery.h"
#include "gallery/rows.h"

enum { DIM = 32, PATH_SIZE = 256 };

static const uint8_t fixture_contract[FACET_CONTRACT_BYTES] = { 1, 2, 3 };

typedef struct fixture {
    char folder[PATH_SIZE - 32], path[PATH_SIZE];
} fixture;

/* In memory where there is such a folder: the tests sync a great deal. */
static inline int fixture_init(fixture *f)
{
    const char *base = getenv("TMPDIR");

    if (!base)
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : P_tmpdir;
    snprintf(f->folder, sizeof f->folder, "%s/facet-gallery-XXXXXX", base);
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/g.db", f->folder);
    return 0;
}

static inline void fixture_remove(const fixture *f)
{
    DIR *folder = opendir(f->folder);
    struct dirent *entry;
    char path[PATH_SIZE + 256];

    while (folder && (entry = readdir(folder)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", f->folder, entry->d_name);
        unlink(path);
    }
    if (folder)
        closedir(folder);
    rmdir(f->folder);
}

static inline facet_gallery_opts fixture_opts(void)
{
    facet_gallery_opts opts;

    facet_gallery_opts_init(&opts);
    return opts;
}

static inline facet_gallery *fixture_create(
    const fixture *f, const facet_gallery_opts *opts)
{
    facet_gallery *g = NULL;
    facet_error err = { FACET_OK, "" };

    if (facet_gallery_create(f->path, fixture_contract, DIM, opts, &g, &err) !=
        FACET_OK)
        fail_msg("%s", err.msg);
    return g;
}

static inline facet_gallery *fixture_open(
    const fixture *f, const facet_gallery_opts *opts)
{
    facet_gallery *g = NULL;
    facet_error err = { FACET_OK, "" };

    if (facet_gallery_open(f->path, opts, &g, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return g;
}

static inline float fixture_noise(uint64_t seed)
{
    seed = (seed + 1) * 0x9e3779b97f4a7c15U;
    seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9U;
    seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebU;
    return (float)(seed >> 40) / 16777216.0F - 0.5F;
}

/* The embedding of a person's photo, as a gallery stores it. */
static inline void fixture_row(int person, int photo, float row[DIM])
{
    double square = 0.0;

    for (int i = 0; i < DIM; i++) {
        row[i] = fixture_noise((uint64_t)(person * 1000 + i)) +
                 0.3F * fixture_noise(
                            (uint64_t)((person * 1000 + photo) * 1000 + i));
        square += (double)row[i] * (double)row[i];
    }
    for (int i = 0; i < DIM; i++)
        row[i] = (float)((double)row[i] / sqrt(square));
}

/* Enroll photos 0 .. n-1 of a person; name NULL: it must be refused. */
static inline void fixture_enroll(
    facet_gallery *g, const char *name, int person, int n)
{
    facet_template *t = calloc((size_t)n, sizeof *t);
    float *rows = calloc((size_t)n * DIM, sizeof *rows);
    uint64_t id;

    if (!name) {
        assert_int_equal(
            facet_gallery_add_person(g, "?", &id, NULL), FACET_EUNSUPPORTED);
        n = 0;
    } else {
        CHECK_OK(facet_gallery_add_person(g, name, &id, NULL));
    }
    for (int i = 0; i < n; i++) {
        fixture_row(person, i, rows + i * DIM);
        t[i] = (facet_template){
            .person = id, .embedding = rows + i * DIM, .quality = 0.9F
        };
    }
    CHECK_OK(
        facet_gallery_enroll(g, fixture_contract, t, (size_t)n, NULL, NULL));
    free(rows);
    free(t);
}

/* The same, each with a source, metadata and a crop to look for. */
static inline void fixture_enroll_full(
    facet_gallery *g, const char *name, int person, int n)
{
    uint64_t id;

    CHECK_OK(facet_gallery_add_person(g, name, &id, NULL));
    for (int i = 0; i < n; i++) {
        float row[DIM];
        const facet_template t = { .person = id,
            .embedding = row,
            .source = "secret-source.jpg",
            .metadata = "{\"note\": \"secret note\"}",
            .crop = "secret crop bytes",
            .crop_size = 17 };

        fixture_row(person, i, row);
        CHECK_OK(facet_gallery_enroll(g, fixture_contract, &t, 1, NULL, NULL));
    }
}

static inline facet_match fixture_best(
    const facet_gallery *g, int person, int photo)
{
    float row[DIM];
    facet_match out = { .score = -1.0F };
    size_t n;

    fixture_row(person, photo, row);
    CHECK_OK(facet_gallery_search(
        g, fixture_contract, row, 1, NULL, 1, &out, &n, NULL));
    return out;
}

/* A person's score by the definition of the rank. */
static inline double fixture_rank_score(
    int person, int photos, const float *query, facet_rank rank)
{
    double best = -1.0, mean = 0.0, sum[DIM] = { 0 }, square = 0.0;

    for (int p = 0; p < photos; p++) {
        float row[DIM];
        double score = 0.0;

        fixture_row(person, p, row);
        for (int i = 0; i < DIM; i++) {
            score += (double)row[i] * (double)query[i];
            sum[i] += (double)row[i];
        }
        best = fmax(best, score);
        mean += score / photos;
    }
    for (int i = 0; i < DIM; i++)
        square += sum[i] * sum[i];
    return rank == FACET_RANK_BEST   ? best
           : rank == FACET_RANK_MEAN ? mean
                                     : mean * photos / sqrt(square);
}

/* Path of the vector file of the first gallery; free it. */
static inline char *fixture_vectors(const fixture *f)
{
    char *path = malloc(PATH_SIZE + 16);

    snprintf(path, PATH_SIZE + 16, "%s.1.vectors", f->path);
    return path;
}

static inline void fixture_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Change a byte of a file. */
static inline void fixture_flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    int byte;

    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    byte = fgetc(file);
    fseek(file, at, SEEK_SET);
    fputc(byte ^ 0x40, file);
    fclose(file);
}

/* All bytes of a file; NULL when there is none. Free them. */
static inline unsigned char *fixture_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes;
    struct stat s;

    *size = 0;
    if (!file)
        return NULL;
    assert_int_equal(fstat(fileno(file), &s), 0);
    bytes = malloc((size_t)s.st_size + 1);
    assert_non_null(bytes);
    *size = fread(bytes, 1, (size_t)s.st_size, file);
    if (S_ISREG(s.st_mode))
        assert_int_equal(*size, s.st_size);
    fclose(file);
    return bytes;
}

static inline bool fixture_search_file(
    const char *path, const void *bytes, size_t size)
{
    const unsigned char *want = bytes;
    size_t length;
    unsigned char *all = fixture_read(path, &length);
    bool found = false;

    for (size_t i = 0; !found && i + size <= length; i++)
        found = all[i] == want[0] && memcmp(all + i, want, size) == 0;
    free(all);
    return found;
}

/* Do the bytes stand in any file of the folder (the key file aside)? */
static inline bool fixture_search_files(
    const fixture *f, const void *bytes, size_t size)
{
    DIR *folder = opendir(f->folder);
    struct dirent *entry;
    char path[PATH_SIZE + 256];
    bool found = false;

    while (folder && !found && (entry = readdir(folder)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", f->folder, entry->d_name);
        found = fixture_search_file(path, bytes, size);
    }
    if (folder)
        closedir(folder);
    return found;
}

static inline int fixture_setup(void **state)
{
    *state = malloc(sizeof(fixture));
    return *state ? fixture_init(*state) : -1;
}

static inline int fixture_teardown(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

/* A test that gets a folder of its own as its state. */
#define FIXTURE_TEST(name)                                                     \
    cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
