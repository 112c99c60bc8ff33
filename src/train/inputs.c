/* SPDX-License-Identifier: Apache-2.0 */
#include "train/inputs.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/sha256.h"

static void add_examples(facet__sha256 *hash, const facet__dataset *data)
{
    for (size_t i = 0; i < facet__dataset_count(data); i++) {
        const facet__example *e = facet__dataset_example(data, i);

        facet__sha256_add(hash, e->key, strlen(e->key) + 1);
        facet__sha256_add(hash, &e->label, sizeof e->label);
    }
}

static facet_status add_file(
    facet__sha256 *hash, const char *path, facet_error *err)
{
    void *bytes = NULL;
    size_t size = 0;
    facet_status st =
        path ? facet__file_read(path, SIZE_MAX, &bytes, &size, err) : FACET_OK;

    if (st == FACET_OK) {
        facet__sha256_add(hash, &size, sizeof size);
        facet__sha256_add(hash, bytes, size);
    }
    facet__free(bytes);
    return st;
}

static facet_status add_files(facet__sha256 *hash, const char *const *files,
    size_t count, facet_error *err)
{
    facet_status st = FACET_OK;

    for (size_t i = 0; i < count && st == FACET_OK; i++)
        st = add_file(hash, files[i], err);
    return st;
}

static void print(facet__sha256 *sum, char hash[65])
{
    uint8_t digest[FACET__SHA256_BYTES];

    facet__sha256_end(sum, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
}

facet_status facet__inputs_hash(const facet__recipe *recipe,
    const facet__dataset *data, char hash[65], facet_error *err)
{
    const char *const files[] = { recipe->detector, recipe->faces,
        recipe->landmarks, recipe->teacher, recipe->teacher_embeddings,
        recipe->teacher_names };
    facet__sha256 sum;
    facet_status st;

    facet__sha256_begin(&sum);
    add_examples(&sum, data);
    st = add_files(&sum, files, sizeof files / sizeof *files, err);
    print(&sum, hash);
    return st;
}

facet_status facet__inputs_hash_judge(const facet__recipe *recipe,
    const facet__dataset *data, char hash[65], facet_error *err)
{
    const char *const files[] = { recipe->pairs, recipe->validation_faces,
        recipe->validation_landmarks, recipe->validation_detector };
    facet__sha256 sum;
    facet_status st;

    facet__sha256_begin(&sum);
    facet__sha256_add(&sum, hash, 64);
    if (data)
        add_examples(&sum, data);
    st = add_files(&sum, files, sizeof files / sizeof *files, err);
    print(&sum, hash);
    return st;
}
